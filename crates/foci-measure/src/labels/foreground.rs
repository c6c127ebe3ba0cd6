//! Foreground against background, whatever the objects; and the aggregated Jaccard index, which asks for objects as well.
//!
//! With T the pixels of all true objects and P those of all predicted ones:
//!
//! - Dice = 2 |T ∩ P| / (|T| + |P|) (Dice, Ecology 1945), IoU = |T ∩ P| / |T ∪ P| (Jaccard 1912), both 0 to 1;
//! - the aggregated Jaccard index (Kumar et al., IEEE TMI 2017) takes for each true object the predicted one with the largest IoU and
//!   divides the sum of the intersections by the sum of the unions, to which each true object without
//!   any overlap and each predicted object that was taken by none add their area. A predicted object may be taken by several true ones,
//!   as in the authors' program; of equal IoU, the one with the lowest label is taken.
//!
//! Both images empty: 1. One empty: 0.

use super::Overlaps;
use super::overlap::{BACKGROUND, Object};

/// Areas of the foreground, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreground {
    /// |T|.
    pub truth: u64,
    /// |P|.
    pub predicted: u64,
    /// |T ∩ P|.
    pub both: u64,
}

impl Foreground {
    /// Adds up the objects.
    pub fn new(overlaps: &Overlaps) -> Self {
        let area = |objects: &[Object]| objects[1..].iter().map(|object| object.pixels).sum();
        Self {
            truth: area(&overlaps.truth),
            predicted: area(&overlaps.predicted),
            both: overlaps.between_objects().map(|cell| cell.pixels).sum(),
        }
    }

    /// Dice coefficient, 0 to 1.
    pub fn dice(&self) -> f64 {
        share(2 * self.both, self.truth + self.predicted)
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self) -> f64 {
        share(self.both, self.truth + self.predicted - self.both)
    }
}

/// Aggregated Jaccard index, 0 to 1.
pub fn aggregated_jaccard(overlaps: &Overlaps) -> f64 {
    let mut best = vec![None; overlaps.truth.len()];
    for cell in overlaps.between_objects() {
        let iou = overlaps.iou(cell);
        // Cells come in the order of labels, so an equal one later is left.
        if best[cell.truth].is_none_or(|(largest, _)| iou > largest) {
            best[cell.truth] = Some((iou, cell));
        }
    }
    let mut taken = vec![false; overlaps.predicted.len()];
    taken[BACKGROUND] = true;
    let (mut shared, mut united) = (0, 0);
    for (object, best) in overlaps.truth.iter().zip(best).skip(1) {
        match best {
            Some((_, cell)) => {
                shared += cell.pixels;
                united += overlaps.union(cell);
                taken[cell.predicted] = true;
            }
            None => united += object.pixels,
        }
    }
    let left = overlaps.predicted.iter().zip(taken).filter(|(_, taken)| !taken);
    share(shared, united + left.map(|(object, _)| object.pixels).sum::<u64>())
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelView;

    fn overlaps(truth: &[u32], predicted: &[u32]) -> Overlaps {
        let view = |labels| LabelView::new(10, 1, labels).unwrap();
        Overlaps::new(view(truth), view(predicted)).unwrap()
    }

    #[test]
    fn areas_by_hand() {
        let truth = [1, 1, 1, 0, 2, 2, 0, 0, 3, 0];
        let predicted = [1, 1, 0, 0, 1, 0, 0, 2, 0, 0];
        let overlaps = overlaps(&truth, &predicted);
        let foreground = Foreground::new(&overlaps);
        assert_eq!(foreground, Foreground { truth: 6, predicted: 4, both: 3 });
        assert_eq!((foreground.dice(), foreground.iou()), (6.0 / 10.0, 3.0 / 7.0));
        // 1 takes 1: 2 of 4. 2 takes 1 as well: 1 of 4. 3 adds its pixel, and so does predicted 2, which nobody takes.
        assert_eq!(aggregated_jaccard(&overlaps), 3.0 / 10.0);
    }

    #[test]
    fn what_is_empty() {
        let something = [0, 0, 4, 4, 0, 0, 0, 0, 0, 0];
        for (truth, predicted, value) in
            [([0; 10], [0; 10], 1.0), ([0; 10], something, 0.0), (something, [0; 10], 0.0)]
        {
            let overlaps = overlaps(&truth, &predicted);
            let foreground = Foreground::new(&overlaps);
            assert_eq!([foreground.dice(), foreground.iou(), aggregated_jaccard(&overlaps)], [value; 3]);
        }
    }
}
