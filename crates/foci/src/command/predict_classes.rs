//! What is written of the classes of an image: the class of each pixel, a picture, a table.
//!
//! The class image (32-bit TIFF or 16-bit PNG, as label images are) comes last: where it is, the other two are whole, and `--resume` skips the image.

use crate::command::predict::{Predicted, csv_text, make_own_folder, write_beside, write_labels};
use crate::exit::Failure;
use foci_image::{Plane, encode_png_rgb8};
use foci_segment::outlines::tinted;
use foci_train::ClassMap;
use std::path::Path;

/// Folder of the pictures, in the folder of the class images.
pub const PICTURES: &str = "overlays";
/// Folder of the tables; `foci evaluate` knows predicted classes by it.
pub const TABLES: &str = "classes";
/// Column of the tables that tells images apart, by how sure the model is of a class where it is surest.
pub const SCORE: &str = "highest_probability";

/// Makes the folders for pictures and tables.
pub fn make_folders(out: &Path) -> Result<(), Failure> {
    make_own_folder(&out.join(PICTURES))?;
    make_own_folder(&out.join(TABLES))
}

/// Writes all three for one image.
pub fn write(pair: &Predicted, image: &Plane, map: &ClassMap, names: &[String]) -> Result<(), Failure> {
    let picture = encode_png_rgb8(&tinted(image, &map.classes), image.width, image.height)?;
    write_beside(&pair.output, PICTURES, "png", &picture)?;
    write_beside(&pair.output, TABLES, "csv", table(map, names)?.as_bytes())?;
    write_labels(&pair.output, &map.classes)
}

/// One line for each class: its value in the class image, its name, its area, and the probability that it has where it is likeliest.
fn table(map: &ClassMap, names: &[String]) -> Result<String, Failure> {
    let pixels = map.classes.data.len().max(1) as f64;
    let rows = (0..map.count()).map(|class| {
        let (area, highest) = map.of_class(class);
        let name = names.get(class).cloned().unwrap_or_else(|| class.to_string());
        let share = area as f64 / pixels;
        vec![class.to_string(), name, area.to_string(), format!("{share:.6}"), format!("{highest:.6}")]
    });
    let head = ["class", "name", "area", "share", SCORE].map(String::from).into();
    csv_text(std::iter::once(head).chain(rows))
}
