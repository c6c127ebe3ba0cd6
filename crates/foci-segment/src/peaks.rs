//! Peaks that stand out: where each object begins to be flooded.
//!
//! The **prominence** of a peak is how far one must go down from it to get to a higher one. Noise on a slope makes many peaks of little
//! prominence, a deep valley separates two of much, whatever the height of both: a net that is unsure of a pair of touching objects
//! gives shallow depths, but still a valley between them. (In mathematical morphology: the maxima of the h-maxima transform,
//! Soille 2003, section 6.3; in topology: persistence, Edelsbrunner, Letscher, Zomorodian 2002.)
//!
//! Pixels are taken from the highest to the lowest, of equals row by row. Each joins the islands beside it; where two islands meet, the one
//! with the lower peak ends, and its prominence is known. The highest peak of every connected piece never ends.

use crate::frame::Framed;
use foci_image::LabelImage;
use foci_image::components::Pieces;

/// Heights that are told apart; height 0 is outside of everything.
pub type Height = u8;

/// One pixel for each peak with at least so much prominence, numbered 1, 2, .. row by row; every piece of connected pixels (by the four
/// neighbours) above 0 has at least one.
pub fn prominent_peaks(heights: &[Height], width: usize, height: usize, prominence: Height) -> LabelImage {
    // The frame is outside of everything.
    let framed = Framed::of(heights, width, 0);
    let heights = &framed.data;
    let mut islands = Islands { pieces: Pieces::of(heights.len()), peaks: vec![NONE; heights.len()] };
    let mut is_peak = vec![false; heights.len()];
    for at in from_the_highest(heights) {
        islands.peaks[at] = at as u32;
        is_peak[at] = true;
        for other in framed.around(at) {
            if let Some(ended) = islands.meet(heights, other, at) {
                is_peak[ended] = heights[ended] - heights[at] >= prominence.max(1);
            }
        }
    }
    let mut next = 0;
    let mut number = |at: usize| {
        next += u32::from(is_peak[at]);
        if is_peak[at] { next } else { 0 }
    };
    LabelImage { width, height, data: framed.inside().map(&mut number).collect() }
}

/// A pixel that has not been taken yet.
const NONE: u32 = u32::MAX;

/// Connected pixels that have been taken, each with its highest.
struct Islands {
    pieces: Pieces,
    /// Of the first pixel of an island its peak.
    peaks: Vec<u32>,
}

impl Islands {
    /// Joins the islands of two pixels; the peak that ends, if they were two. A pixel that is not taken yet is of none.
    fn meet(&mut self, heights: &[Height], a: usize, b: usize) -> Option<usize> {
        if self.peaks[a] == NONE || self.peaks[b] == NONE {
            return None;
        }
        let (a, b) = (self.pieces.root(a), self.pieces.root(b));
        if a == b {
            return None;
        }
        let (one, other) = (self.peaks[a], self.peaks[b]);
        // Of equal peaks the one that comes first, row by row, stays.
        let rank = |peak: u32| (heights[peak as usize], std::cmp::Reverse(peak));
        let (higher, lower) = if rank(one) > rank(other) { (one, other) } else { (other, one) };
        let root = self.pieces.join(a, b);
        self.peaks[root] = higher;
        Some(lower as usize)
    }
}

/// All pixels above 0, by height from the highest, of equals row by row.
fn from_the_highest(heights: &[Height]) -> Vec<usize> {
    let mut starts = [0; Height::MAX as usize + 2];
    // The place of the pixels of a height is behind all that are higher.
    heights.iter().for_each(|&height| starts[usize::from(Height::MAX - height) + 1] += 1);
    for rank in 1..starts.len() {
        starts[rank] += starts[rank - 1];
    }
    let mut order = vec![0; starts[usize::from(Height::MAX)]];
    for (at, &height) in heights.iter().enumerate().filter(|&(_, &height)| height > 0) {
        let place = &mut starts[usize::from(Height::MAX - height)];
        order[*place] = at;
        *place += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watershed::neighbours;
    use proptest::prelude::*;

    fn peaks(heights: &[Height], width: usize, prominence: Height) -> Vec<usize> {
        let found = prominent_peaks(heights, width, heights.len() / width, prominence);
        (0..heights.len()).filter(|&at| found.data[at] != 0).collect()
    }

    #[test]
    fn prominence_is_the_way_down_to_a_higher_peak() {
        // Peaks of 9, 5 and 7: the 5 stands 5 - 2 over its valley, the 7 stands 7 - 1; a piece of its own has a peak however low.
        let row = [0, 9, 2, 5, 1, 7, 0, 1, 0];
        assert_eq!(peaks(&row, 9, 1), [1, 3, 5, 7]);
        assert_eq!(peaks(&row, 9, 3), [1, 3, 5, 7]);
        assert_eq!(peaks(&row, 9, 4), [1, 5, 7]);
        assert_eq!(peaks(&row, 9, 7), [1, 7]);
        // In two dimensions the way round counts.
        assert_eq!(peaks(&[9, 2, 5, 4, 4, 4], 3, 2), [0]);
    }

    #[test]
    fn a_plateau_is_one_peak_and_equal_peaks_are_those_that_come_first() {
        assert_eq!(peaks(&[3; 12], 4, 1), [0]);
        assert_eq!(peaks(&[5, 1, 5, 1, 5], 5, 4), [0, 2, 4]);
        assert_eq!(peaks(&[5, 1, 5, 1, 5], 5, 5), [0]);
        assert_eq!(peaks(&[0; 4], 2, 1), [] as [usize; 0]);
        assert_eq!(peaks(&[1, 1], 2, 0), [0], "a prominence of nothing is one step");
    }

    /// By definition: the highest of the lowest places on any way from a peak to a place that comes before it.
    fn prominence_by_flooding(heights: &[Height], width: usize, at: usize) -> Option<Height> {
        let rows = heights.len() / width;
        let before =
            |other: usize| (heights[other], std::cmp::Reverse(other)) > (heights[at], std::cmp::Reverse(at));
        (1..=heights[at]).rev().find_map(|level| {
            let mut reached = vec![false; heights.len()];
            let mut open = vec![at];
            reached[at] = true;
            while let Some(here) = open.pop() {
                if before(here) {
                    return Some(heights[at] - level);
                }
                for other in neighbours(here, width, rows) {
                    if heights[other] >= level && !reached[other] {
                        reached[other] = true;
                        open.push(other);
                    }
                }
            }
            None
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn islands_find_what_the_definition_says(
            (width, heights) in (1usize..9, 1usize..9)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(0u8..8, w * h))),
            prominence in 1u8..7,
        ) {
            let expected: Vec<usize> = (0..heights.len())
                .filter(|&at| heights[at] > 0)
                .filter(|&at| prominence_by_flooding(&heights, width, at).is_none_or(|found| found >= prominence))
                .collect();
            prop_assert_eq!(peaks(&heights, width, prominence), expected);
        }
    }
}
