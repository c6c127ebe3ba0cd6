//! Outlines of objects, or colours of classes, drawn over their image, for a person to judge a segmentation by.
//!
//! An outline is the pixels of an object that have a neighbour, above, below, left or right, which is not of it: it lies inside, so
//! touching objects have one each. Colours go round by label, so that neighbours mostly differ; they are bright ones of Okabe & Ito
//! (2008), told apart by most people who see fewer colours.

use crate::watershed::neighbours;
use foci_image::{LabelImage, Normalisation, Plane};

/// Red, green, blue: orange, sky blue, yellow, bluish green, reddish purple.
const COLOURS: [[u8; 3]; 5] = [[230, 159, 0], [86, 180, 233], [240, 228, 66], [0, 190, 130], [230, 130, 180]];
/// Of an object whose class nobody says.
const NO_CLASS: [u8; 3] = [160; 3];
/// Of a place that is marked.
const MARK: [u8; 3] = [255, 70, 70];
/// The pixels of a ring: steps right and down from its middle.
const RING: [(i64, i64); 12] = [
    (-1, -2),
    (0, -2),
    (1, -2),
    (2, -1),
    (2, 0),
    (2, 1),
    (1, 2),
    (0, 2),
    (-1, 2),
    (-2, 1),
    (-2, 0),
    (-2, -1),
];
/// The image is lifted by this power, so that dim objects are seen beside bright ones.
const GAMMA: f32 = 0.6;
/// How much of a colour is laid over the image.
const OPACITY: f32 = 0.45;

/// Red, green and blue of each pixel, row by row: the image in grey (1st percentile black, 99.8th white) and the outlines of `labels`,
/// which must be of its size.
pub fn outlined(image: &Plane, labels: &LabelImage) -> Vec<u8> {
    let mut pixels = grey(image);
    draw(&mut pixels, labels, &|label| Some(COLOURS[label as usize % COLOURS.len()]));
    pixels
}

/// As [`outlined`], with a colour for each class of object instead (they repeat after five); objects of no class are grey.
pub fn outlined_by_class(
    image: &Plane,
    labels: &LabelImage,
    class: &dyn Fn(u32) -> Option<usize>,
) -> Vec<u8> {
    let mut pixels = grey(image);
    draw(&mut pixels, labels, &|label| Some(class(label).map_or(NO_CLASS, class_colour)));
    pixels
}

/// The colour of a class of objects.
pub fn class_colour(class: usize) -> [u8; 3] {
    COLOURS[class % COLOURS.len()]
}

/// The image in grey, as red, green and blue of each pixel.
pub fn grey(image: &Plane) -> Vec<u8> {
    let scale = Normalisation::of(&image.data);
    let grey = |&value: &f32| [(scale.apply(value).clamp(0.0, 1.0).powf(GAMMA) * 255.0).round() as u8; 3];
    image.data.iter().flat_map(grey).collect()
}

/// Draws outlines into a picture (red, green and blue of each pixel, of the size of `labels`), each in the colour that its label has, or not at all.
// The loop over pixels is compiled here, optimised, and not once more in each crate that calls it, some of which are not.
pub fn draw(pixels: &mut [u8], labels: &LabelImage, colour: &dyn Fn(u32) -> Option<[u8; 3]>) {
    let is_outline = |at: usize, label: u32| {
        neighbours(at, labels.width, labels.height).any(|other| labels.data[other] != label)
    };
    for (at, (pixel, &label)) in pixels.chunks_exact_mut(3).zip(&labels.data).enumerate() {
        if label != 0
            && is_outline(at, label)
            && let Some(colour) = colour(label)
        {
            pixel.copy_from_slice(&colour);
        }
    }
}

/// Draws a ring, two pixels from its middle, around each place (column, row) into a picture that is `width` pixels wide; what lies outside is left out.
pub fn mark(pixels: &mut [u8], width: usize, places: impl IntoIterator<Item = (usize, usize)>) {
    let (columns, rows) = (width as i64, (pixels.len() / 3).checked_div(width).unwrap_or(0) as i64);
    for (x, y) in places {
        for (right, down) in RING {
            let (x, y) = (x as i64 + right, y as i64 + down);
            if (0..columns).contains(&x) && (0..rows).contains(&y) {
                let at = 3 * (y * columns + x) as usize;
                pixels[at..at + 3].copy_from_slice(&MARK);
            }
        }
    }
}

/// Red, green and blue of each pixel, row by row: the image in grey, and where `classes`, of its size, are not 0 a colour laid over it, another for each
/// class (they repeat after five).
pub fn tinted(image: &Plane, classes: &LabelImage) -> Vec<u8> {
    let scale = Normalisation::of(&image.data);
    let pixel = |(&value, &class): (&f32, &u32)| {
        let grey = scale.apply(value).clamp(0.0, 1.0).powf(GAMMA);
        let colour = if class == 0 { [255; 3] } else { COLOURS[class as usize % COLOURS.len()] };
        let opacity = if class == 0 { 0.0 } else { OPACITY };
        colour.map(|full| ((1.0 - opacity) * 255.0 * grey + opacity * f32::from(full)).round() as u8)
    };
    image.data.iter().zip(&classes.data).flat_map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_leaves_its_middle_and_ends_at_the_border() {
        let mut pixels = vec![0; 3 * 6 * 5];
        mark(&mut pixels, 6, [(3, 2), (0, 0)]);
        let marked = |x: usize, y: usize| pixels[3 * (y * 6 + x)..][..3] == MARK;
        let picture: Vec<String> =
            (0..5).map(|y| (0..6).map(|x| if marked(x, y) { 'o' } else { '.' }).collect()).collect();
        assert_eq!(picture, ["..ooo.", ".oo..o", "oo...o", ".o...o", "..ooo."]);
        mark(&mut [], 0, [(0, 0)]);
    }

    #[test]
    fn classes_shine_through_and_the_first_leaves_the_image() {
        let image = Plane { width: 2, height: 1, data: vec![0.0, 0.0] };
        let classes = LabelImage { width: 2, height: 1, data: vec![0, 1] };
        let found = tinted(&image, &classes);
        assert_eq!(found[..3], [0, 0, 0]);
        let expected = COLOURS[1].map(|full| (OPACITY * f32::from(full)).round() as u8);
        assert_eq!(found[3..], expected);
    }

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
