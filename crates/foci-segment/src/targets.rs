//! What a net learns so that touching objects can be told apart: a class and a depth for each pixel.
//!
//! - Class: background; inside of an object; **contact**, a pixel of an object with a pixel of *another* object within
//!   [`CONTACT_REACH`] pixels along rows and columns. Contacts are where objects have to be cut, and nowhere else.
//! - Depth: distance of an object's pixel from the nearest pixel that is not of it, divided by the greatest such distance in its
//!   object: 0 in the background, 1 in the middle of every object whatever its size. Beyond the edge of the image nothing is known, so
//!   an object that the edge cuts does not become shallow there.
//!
//! Distances are Euclidean between centres of pixels, in pixels; depths have no unit. Distance maps as what a net learns:
//! Bai and Urtasun 2017 (Deep Watershed Transform); classes with contacts: Ronneberger, Fischer, Brox 2015 gave them weights. Flows in place of
//! depths were tried and left: as good, but to follow them takes two thirds of a prediction (docs/results/dsb2018.md, with rays).

use foci_image::LabelImage;
use foci_measure::LabelView;
use foci_measure::labels::bounds::{bounds, with_margin};
use foci_measure::labels::distance::{NOWHERE, squared_distances};
use foci_measure::touching::Bounds;

/// Channels that a net gives: logits of the classes, then the depth.
pub const CHANNELS: usize = CLASSES + 1;
/// Background, inside, contact.
pub const CLASSES: usize = 3;
/// A contact lies within so many pixels of another object.
pub const CONTACT_REACH: usize = 2;

/// Classes of pixels, as numbers of their channels.
pub const BACKGROUND: u8 = 0;
/// Inside of an object.
pub const INSIDE: u8 = 1;
/// Of an object, close to another.
pub const CONTACT: u8 = 2;

/// Class and depth of every pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Classes, row by row.
    pub classes: Vec<u8>,
    /// Depths, row by row, 0 to 1.
    pub depths: Vec<f32>,
}

impl Targets {
    /// What a net should give for these labels. A label is one object, connected or not.
    pub fn of(labels: &LabelImage) -> Targets {
        let (width, height) = (labels.width, labels.height);
        let class = |at: usize| match labels.data[at] {
            0 => BACKGROUND,
            own if is_beside_another(labels, at, own) => CONTACT,
            _ => INSIDE,
        };
        let classes = (0..labels.data.len()).map(class).collect();
        let mut depths = vec![0.0; labels.data.len()];
        // An image without pixels has no objects either.
        let objects = LabelView::new(width, height, &labels.data).map(bounds).unwrap_or_default();
        for (label, place) in objects {
            fill_depths(labels, label, with_margin(place, width, height), &mut depths);
        }
        Targets { width, height, classes, depths }
    }
}

fn is_beside_another(labels: &LabelImage, at: usize, own: u32) -> bool {
    let (x, y) = (at % labels.width, at / labels.width);
    let near = |middle: usize, length: usize| {
        middle.saturating_sub(CONTACT_REACH)..(middle + CONTACT_REACH + 1).min(length)
    };
    near(y, labels.height).any(|y| {
        let row = &labels.data[y * labels.width..(y + 1) * labels.width];
        row[near(x, labels.width)].iter().any(|&label| label != 0 && label != own)
    })
}

/// Depths of one object, looked for in a part of the image that holds it and what it borders on.
fn fill_depths(labels: &LabelImage, label: u32, part: Bounds, depths: &mut [f32]) {
    let (width, height) = (part.right - part.left + 1, part.bottom - part.top + 1);
    let place = |i: usize| (part.top + i / width) * labels.width + part.left + i % width;
    let is_own = |i: usize| labels.data[place(i)] == label;
    let squared = squared_distances(width, height, |i| !is_own(i));
    let deepest = (0..squared.len()).filter(|&i| is_own(i)).map(|i| squared[i]).max().unwrap_or(1);
    for i in (0..squared.len()).filter(|&i| is_own(i)) {
        // An object that fills the whole image has no outside, and no middle.
        let depth = if deepest == NOWHERE { 1.0 } else { (squared[i] as f64 / deepest as f64).sqrt() };
        depths[place(i)] = depth as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(rows: &[&str]) -> LabelImage {
        let digit = |byte: u8| if byte == b'.' { 0 } else { u32::from(byte - b'0') };
        let data = rows.iter().flat_map(|row| row.bytes().map(digit)).collect();
        LabelImage { width: rows[0].len(), height: rows.len(), data }
    }

    #[test]
    fn contacts_are_where_another_object_is_near() {
        let found = Targets::of(&labels(&["1111222....3", "1111222....3"]));
        let words: String =
            found.classes[..12].iter().map(|&class| b".ic"[usize::from(class)] as char).collect();
        assert_eq!(words, "iicccci....i");
        // A background pixel between two objects is background, and the objects are in contact across it.
        let across = Targets::of(&labels(&["11.22"]));
        assert_eq!(across.classes, [INSIDE, CONTACT, BACKGROUND, CONTACT, INSIDE]);
    }

    #[test]
    fn depths_are_distances_by_the_greatest_of_the_object() {
        let found = Targets::of(&labels(&[
            "........", //
            ".11111..", //
            ".11111..", //
            ".11111..", //
            "........",
        ]));
        assert_eq!(found.depths[8..16], [0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]);
        assert_eq!(found.depths[16..24], [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0]);
        // The neighbour is outside, too; beyond the edge is not.
        let touching = Targets::of(&labels(&["112222"]));
        assert_eq!(touching.depths, [1.0, 0.5, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(Targets::of(&labels(&["11", "11"])).depths, [1.0; 4]);
    }
}
