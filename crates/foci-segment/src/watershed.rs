//! Watershed by flooding from seeds: every pixel goes to the seed whose water reaches it first.
//!
//! The relief is flooded through the four neighbours that share a side. Of all pixels at the edge of the water the lowest is next, and of
//! equally low ones the one that the water reached first; seeds come before all, row by row. A pixel takes the label of the water
//! that reaches it first and keeps it, so basins meet without a line between them. (Meyer's flooding as in Beucher and Meyer
//! 1993; water that comes over a rim fills the hollow behind it before it rises on.) The result depends on nothing but the
//! images.
//!
//! Levels are few, so the edge of the water is one queue for each level, and a pixel enters one of them once in its life: a chain through
//! an array as large as the image. Two rows of bits say which queues hold anything, so that finding the lowest costs the same however
//! many there are.

use crate::frame::Framed;
use crate::levels::LEVELS;
use crate::{Levels, SegmentError};
use foci_image::LabelImage;

/// End of a chain.
const NONE: u32 = u32::MAX;

/// Label of pixels that are neither flooded nor flow themselves: what no object may spread to.
pub const WALL: u32 = u32::MAX;

/// Floods the relief from the seeds, which keep their labels, walls ([`WALL`]) included. What no water reaches stays background.
///
/// # Errors
/// [`SegmentError::SizesDiffer`].
pub fn watershed(relief: &Levels, seeds: &LabelImage) -> Result<LabelImage, SegmentError> {
    let (width, height) = (relief.width, relief.height);
    if (seeds.width, seeds.height) != (width, height) {
        let seeds = (seeds.width, seeds.height);
        return Err(SegmentError::SizesDiffer { seeds, relief: (width, height) });
    }
    let levels = Framed::of(&relief.data, width, 0);
    let mut labels = Framed::of(&seeds.data, width, WALL);
    let mut shore = Shore::new(labels.data.len());
    for at in labels.inside() {
        let label = labels.data[at];
        // A seed with nothing but seeds around it has nowhere to flow.
        if label != 0 && label != WALL && labels.around(at).iter().any(|&other| labels.data[other] == 0) {
            shore.push(at, levels.data[at]);
        }
    }
    while let Some(at) = shore.pop() {
        let label = labels.data[at];
        for other in labels.around(at) {
            if labels.data[other] == 0 {
                labels.data[other] = label;
                shore.push(other, levels.data[other]);
            }
        }
    }
    Ok(LabelImage { width, height, data: labels.image() })
}

/// The pixels above, left, right and below that are inside the image.
pub(crate) fn neighbours(at: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    // Division by 32 bits is the faster one, and images have no more than 2^28 pixels.
    let (x, y) = ((at as u32 % width as u32) as usize, (at as u32 / width as u32) as usize);
    let above = (y > 0).then(|| at - width);
    let left = (x > 0).then(|| at - 1);
    let right = (x + 1 < width).then(|| at + 1);
    let below = (y + 1 < height).then(|| at + width);
    [above, left, right, below].into_iter().flatten()
}

/// The pixels at the edge of the water: a queue for each level, and which of them hold anything.
struct Shore {
    /// First and last pixel of each queue.
    ends: Vec<(u32, u32)>,
    /// The pixel that follows each pixel in its queue.
    next: Vec<u32>,
    /// A bit for each level.
    filled: Vec<u64>,
    /// A bit for each word of `filled`.
    words: [u64; LEVELS / 64 / 64],
}

impl Shore {
    fn new(pixels: usize) -> Self {
        Self {
            ends: vec![(NONE, NONE); LEVELS],
            next: vec![NONE; pixels],
            filled: vec![0; LEVELS / 64],
            words: [0; LEVELS / 64 / 64],
        }
    }

    fn push(&mut self, at: usize, level: u16) {
        let level = usize::from(level);
        // Images are read up to 2^28 samples, so that indices fit into 32 bits.
        let pixel = at as u32;
        let (first, last) = &mut self.ends[level];
        if *first == NONE {
            *first = pixel;
            self.filled[level / 64] |= 1 << (level % 64);
            self.words[level / 4096] |= 1 << (level / 64 % 64);
        } else {
            self.next[*last as usize] = pixel;
        }
        *last = pixel;
    }

    fn pop(&mut self) -> Option<usize> {
        let group = self.words.iter().position(|&word| word != 0)?;
        let word = group * 64 + self.words[group].trailing_zeros() as usize;
        let level = word * 64 + self.filled[word].trailing_zeros() as usize;
        let (first, _) = &mut self.ends[level];
        let at = *first as usize;
        *first = self.next[at];
        if *first == NONE {
            self.filled[word] &= !(1 << (level % 64));
            if self.filled[word] == 0 {
                self.words[group] &= !(1 << (word % 64));
            }
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use proptest::prelude::*;

    fn relief(width: usize, data: Vec<u16>) -> Levels {
        Levels { width, height: data.len() / width, data, lowest: 0.0, step: 1.0 }
    }

    #[test]
    fn water_meets_at_the_rim_and_fills_hollows_at_once() {
        // Seeds at both ends. The rim of 9 is nearer to the left in height: water from the left stands at 3 when that from the
        // right has to rise over 5, and the hollow of 0 beyond the 5 goes to who comes first, from the right.
        let relief = relief(8, vec![0, 3, 9, 0, 0, 5, 1, 0]);
        let seeds = LabelImage { width: 8, height: 1, data: vec![4, 0, 0, 0, 0, 0, 0, 2] };
        assert_eq!(watershed(&relief, &seeds).unwrap().data, [4, 4, 4, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn equal_ground_is_shared_by_who_comes_first() {
        let seeds = LabelImage { width: 6, height: 1, data: vec![1, 0, 0, 0, 0, 2] };
        let flat = relief(6, vec![7; 6]);
        assert_eq!(watershed(&flat, &seeds).unwrap().data, [1, 1, 1, 2, 2, 2]);
        assert_eq!(watershed(&flat, &LabelImage::zeros(6, 1)).unwrap().data, [0; 6]);
        let walled = LabelImage { width: 6, height: 1, data: vec![1, 0, WALL, 0, 2, 0] };
        assert_eq!(watershed(&flat, &walled).unwrap().data, [1, 1, WALL, 2, 2, 2]);
        let other = LabelImage::zeros(3, 2);
        assert!(matches!(watershed(&flat, &other), Err(SegmentError::SizesDiffer { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn queues_flood_as_a_sorted_list_does(
            (width, levels, seeds) in (1usize..14, 1usize..14).prop_flat_map(|(w, h)| {
                let level = prop_oneof![0u16..4, any::<u16>(), Just(u16::MAX)];
                let seed = prop_oneof![8 => Just(0u32), 1 => 1u32..5, 1 => Just(WALL)];
                (Just(w), prop::collection::vec(level, w * h), prop::collection::vec(seed, w * h))
            })
        ) {
            let relief = relief(width, levels);
            let seeds = LabelImage { width, height: relief.height, data: seeds };
            let expected = reference::watershed(&relief, &seeds);
            prop_assert_eq!(watershed(&relief, &seeds).unwrap(), expected);
        }
    }
}
