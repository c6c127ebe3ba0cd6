//! Outlines of objects drawn over their image, for a person to judge a segmentation by.
//!
//! An outline is the pixels of an object that have a neighbour, above, below, left or right, which is not of it: it lies inside, so
//! touching objects have one each. Colours go round by label, so that neighbours mostly differ; they are bright ones of Okabe & Ito
//! (2008), told apart by most people who see fewer colours.

use crate::watershed::neighbours;
use foci_image::{LabelImage, Normalisation, Plane};

/// Red, green, blue: orange, sky blue, yellow, bluish green, reddish purple.
const COLOURS: [[u8; 3]; 5] = [[230, 159, 0], [86, 180, 233], [240, 228, 66], [0, 190, 130], [230, 130, 180]];
/// The image is lifted by this power, so that dim objects are seen beside bright ones.
const GAMMA: f32 = 0.6;

/// Red, green and blue of each pixel, row by row: the image in grey (1st percentile black, 99.8th white) and the outlines of `labels`,
/// which must be of its size.
pub fn outlined(image: &Plane, labels: &LabelImage) -> Vec<u8> {
    let scale = Normalisation::of(&image.data);
    let grey = |value: f32| (scale.apply(value).clamp(0.0, 1.0).powf(GAMMA) * 255.0).round() as u8;
    let is_outline = |at: usize, label: u32| {
        neighbours(at, labels.width, labels.height).any(|other| labels.data[other] != label)
    };
    let pixel = |(at, (&value, &label)): (usize, (&f32, &u32))| match label {
        0 => [grey(value); 3],
        label if is_outline(at, label) => COLOURS[label as usize % COLOURS.len()],
        _ => [grey(value); 3],
    };
    image.data.iter().zip(&labels.data).enumerate().flat_map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_lie_inside_and_the_image_shows_between_them() {
        let mut labels = LabelImage::zeros(5, 5);
        for at in [6, 7, 8, 11, 12, 13, 16, 17, 18] {
            labels.data[at] = 1;
        }
        let image =
            Plane { width: 5, height: 5, data: (0..25).map(|at| if at == 12 { 9.0 } else { 0.0 }).collect() };
        let found = outlined(&image, &labels);
        assert_eq!(found[..3], [0, 0, 0], "background");
        assert_eq!(found[6 * 3..7 * 3], COLOURS[1], "outline");
        assert_eq!(found[12 * 3..13 * 3], [255; 3], "the middle is the image");
    }
}
