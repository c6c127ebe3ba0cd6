//! Data folders for tests.

use std::path::Path;

use foci_image::{LabelImage, Plane, write_labels, write_png_grey8};

/// A field of `width` x `height` pixels with detail and noise; another `seed` gives another field.
pub fn field(width: usize, height: usize, seed: u32) -> Plane {
    let value = |at: usize| ((at as u32 + 1).wrapping_mul(2_654_435_761 ^ seed) >> 8) % 200;
    Plane { width, height, data: (0..width * height).map(|at| value(at) as f32).collect() }
}

/// Writes an 8-bit grey PNG, creating its folder.
pub fn image(root: &Path, name: &str, plane: &Plane) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_png_grey8(&path, plane).unwrap();
}

/// Writes a label image with objects 1 and 2 in its first two pixels, creating its folder.
pub fn mask(root: &Path, name: &str, width: usize, height: usize) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut labels = LabelImage::zeros(width, height);
    labels.data[0] = 1;
    labels.data[1] = 2;
    write_labels(&path, &labels).unwrap();
}

/// Writes a text file, creating its folder.
pub fn text(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
