//! Holes: background that one object encloses.

use foci_image::LabelImage;
use foci_image::components::{Connectivity, connected_components};

/// What a piece of background borders on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Border {
    Nothing,
    One(u32),
    /// Several objects, or the edge of the image, beyond which nothing is known.
    Open,
}

impl Border {
    fn with(self, label: u32) -> Border {
        match self {
            Border::Nothing => Border::One(label),
            Border::One(own) if own == label => self,
            Border::One(_) | Border::Open => Border::Open,
        }
    }
}

/// Fills the holes of every object with its label. A hole is a piece of background, connected by the four neighbours that share a side, which
/// borders on one object only and not on the edge of the image.
pub fn fill_holes(labels: &mut LabelImage) {
    let (width, height) = (labels.width, labels.height);
    let data = labels.data.iter().map(|&label| u32::from(label == 0)).collect();
    let pieces = connected_components(&LabelImage { width, height, data }, Connectivity::Four);
    let mut borders = vec![Border::Nothing; pieces.largest() as usize + 1];
    let mut see = |a: usize, b: usize| {
        for (piece, label) in [(pieces.data[a], labels.data[b]), (pieces.data[b], labels.data[a])] {
            if piece != 0 && label != 0 {
                borders[piece as usize] = borders[piece as usize].with(label);
            }
        }
    };
    for row in (0..labels.data.len()).step_by(width.max(1)) {
        (row + 1..row + width).for_each(|at| see(at - 1, at));
        (row..row + width).filter(|at| at + width < pieces.data.len()).for_each(|at| see(at, at + width));
    }
    let rows = || pieces.data.chunks_exact(width.max(1));
    let ends = rows().flat_map(|row| [row[0], row[width - 1]]);
    let first_and_last = rows().next().into_iter().chain(rows().last()).flatten().copied();
    for piece in ends.chain(first_and_last) {
        // Piece 0 is no background; what becomes of it is asked by nobody.
        borders[piece as usize] = Border::Open;
    }
    for (label, &piece) in labels.data.iter_mut().zip(&pieces.data) {
        if let (true, Border::One(owner)) = (piece != 0, borders[piece as usize]) {
            *label = owner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_one_object_encloses_is_filled() {
        let rows = [
            "1111.22", //
            "1..1.2.", //
            "1111333", //
            "...13.3", //
            "44.1333", //
            ".4.1...",
        ];
        let digit = |byte: u8| if byte == b'.' { 0 } else { u32::from(byte - b'0') };
        let data = rows.iter().flat_map(|row| row.bytes().map(digit)).collect();
        let mut labels = LabelImage { width: 7, height: 6, data };
        let before = labels.clone();
        fill_holes(&mut labels);
        let changed: Vec<(usize, u32)> = (0..42)
            .filter(|&at| labels.data[at] != before.data[at])
            .map(|at| (at, labels.data[at]))
            .collect();
        // The holes of 1 and 3; what touches the edge or two objects stays.
        assert_eq!(changed, [(8, 1), (9, 1), (26, 3)]);
        fill_holes(&mut LabelImage::zeros(0, 0));
    }
}
