//! Crops shown larger or smaller than they are.

use foci_image::bilinear::{Between, between, blend};
use foci_image::crop::Crop;

/// A change of size of square images.
pub(crate) struct Scale {
    /// Side before, in pixels.
    pub from: usize,
    /// Side after, in pixels.
    pub to: usize,
}

impl Scale {
    /// Where pixel `at` of the new image lies in the old one, along one axis; the borders of both images coincide.
    fn place(&self, at: usize) -> f64 {
        (at as f64 + 0.5) * self.from as f64 / self.to as f64 - 0.5
    }

    /// A crop of an image of `width` columns, brought to the new size.
    pub fn cut(&self, crop: &Crop, image: &[f32], width: usize, out: &mut [f32]) {
        if self.from == self.to {
            crop.copy(image, width, out);
            return;
        }
        let mut taken = vec![0.0; crop.width * crop.height];
        crop.copy(image, width, &mut taken);
        self.blend(&taken, out);
    }

    /// A crop of classes as maps of the new size, one after the other: 1 where the nearest pixel is of the class, else 0.
    pub fn cut_classes(&self, crop: &Crop, classes: &[u8], width: usize, maps: &mut [f32]) {
        let mut taken = vec![0; crop.width * crop.height];
        crop.copy(classes, width, &mut taken);
        let nearest = |at: usize| self.place(at).round().clamp(0.0, (self.from - 1) as f64) as usize;
        let places: Vec<usize> = (0..self.to).map(nearest).collect();
        for (class, map) in (0..=u8::MAX).zip(maps.chunks_exact_mut(self.to * self.to)) {
            for (row, &y) in map.chunks_exact_mut(self.to).zip(&places) {
                for (value, &x) in row.iter_mut().zip(&places) {
                    *value = if taken[y * self.from + x] == class { 1.0 } else { 0.0 };
                }
            }
        }
    }

    /// Bilinear between the four nearest pixels.
    fn blend(&self, image: &[f32], out: &mut [f32]) {
        let along: Vec<Between> = (0..self.to).map(|at| between(self.place(at), self.from)).collect();
        blend(image, self.from, &along, &along, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_size_lies_between_the_pixels() {
        let scale = Scale { from: 2, to: 4 };
        let mut out = [0.0; 16];
        scale.blend(&[0.0, 4.0, 8.0, 12.0], &mut out);
        // Pixel centres at -1/4, 1/4, 3/4, 5/4 of the old ones; beyond the first and last nothing changes.
        assert_eq!(out[..4], [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(out[4..8], [2.0, 3.0, 5.0, 6.0]);
        assert_eq!(out[12..], [8.0, 9.0, 11.0, 12.0]);
    }
}
