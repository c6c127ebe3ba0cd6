//! Which objects were found: pairs whose intersection over union reaches a threshold, and what is made of their number.
//!
//! A true and a predicted object *match* where their IoU is at least the threshold; each object has at most one match. Counted
//! are pairs (true positives, TP), predicted objects without one (FP) and true objects without one (FN):
//!
//! - AP = TP / (TP + FP + FN), as the 2018 Data Science Bowl and StarDist call it. It is no area under a curve: it is the
//!   Jaccard index of the two sets of objects;
//! - precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN);
//! - panoptic quality = (sum of the IoU of the pairs) / (TP + FP / 2 + FN / 2) (Kirillov et al., CVPR 2019, equation 1).
//!
//! # Why no assignment has to be solved
//! Above one half matches are unique: the intersection is more than half of either object. At exactly one half they need not be.
//! Say two predicted objects match the true object T. Each shares at least |T| / 2 pixels with T and they are disjoint, so each
//! shares exactly |T| / 2, the union is T itself, and both lie within T: neither can match any other. Candidates
//! thus form pairs and stars of three with equal IoU, and taking any of a star gives the number and the sum that the optimal
//! assignment of `stardist.matching` (SciPy's `linear_sum_assignment`) gives. Thresholds below one half
//! would need that assignment and are refused.
//!
//! Where there is no object in either image, nothing is wrong and every share is 1 (StarDist gives 0); where there
//! are objects in only one of them, every share is 0.

use super::Overlaps;
use super::overlap::Shared;
use crate::MeasureError;

/// The thresholds of the Data Science Bowl and of COCO: 0.5, 0.55, .. 0.95. Twentieths, so that an IoU that is equal to one as a
/// fraction is equal to it as a number.
pub fn thresholds() -> [f64; 10] {
    std::array::from_fn(|step| (10 + step) as f64 / 20.0)
}

/// How many objects match at one threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObjectMatch {
    /// Matched pairs, TP.
    pub matched: usize,
    /// Predicted objects without a match, FP.
    pub invented: usize,
    /// True objects without a match, FN.
    pub missed: usize,
    /// Sum of the IoU of the matched pairs.
    pub iou_sum: f64,
}

/// Matches objects whose IoU is at least `threshold`.
///
/// # Errors
/// [`MeasureError::BadOption`] for a threshold outside 0.5 to 1.
pub fn match_objects(overlaps: &Overlaps, threshold: f64) -> Result<ObjectMatch, MeasureError> {
    if !(0.5..=1.0).contains(&threshold) {
        let name = "the threshold of intersection over union";
        return Err(MeasureError::BadOption { name, value: threshold, allowed: "0.5 to 1" });
    }
    Ok(matches_where(overlaps, |iou| iou >= threshold))
}

/// The score of the 2018 Data Science Bowl (Caicedo et al., Nature Methods 2019) for one image: the mean of TP / (TP + FP + FN)
/// over [`thresholds`], where a pair counts if its IoU is *greater* than the threshold. It differs from the mean AP
/// only where an IoU is a multiple of 1/20.
pub fn bowl_score(overlaps: &Overlaps) -> f64 {
    let scores = thresholds().map(|t| matches_where(overlaps, |iou| iou > t).average_precision());
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// Matches objects whose IoU passes; what passes must be no less than one half.
fn matches_where(overlaps: &Overlaps, passes: impl Fn(f64) -> bool) -> ObjectMatch {
    let pairs = pairs_where(overlaps, passes);
    let matched = pairs.len();
    ObjectMatch {
        matched,
        invented: overlaps.predicted_objects() - matched,
        missed: overlaps.true_objects() - matched,
        iou_sum: pairs.into_iter().fold(0.0, |sum, pair| sum + overlaps.iou(pair)),
    }
}

/// The matched pairs of objects whose IoU passes; what passes must be no less than one half.
pub(super) fn pairs_where(overlaps: &Overlaps, passes: impl Fn(f64) -> bool) -> Vec<&Shared> {
    let mut free = (vec![true; overlaps.truth.len()], vec![true; overlaps.predicted.len()]);
    let mut pairs = Vec::new();
    for cell in overlaps.between_objects() {
        if passes(overlaps.iou(cell)) && free.0[cell.truth] && free.1[cell.predicted] {
            (free.0[cell.truth], free.1[cell.predicted]) = (false, false);
            pairs.push(cell);
        }
    }
    pairs
}

impl ObjectMatch {
    /// TP / (TP + FP + FN), 0 to 1.
    pub fn average_precision(&self) -> f64 {
        self.share(self.matched as f64, (self.matched + self.invented + self.missed) as f64)
    }

    /// TP / (TP + FP), 0 to 1; 0 if nothing was predicted although there was something.
    pub fn precision(&self) -> f64 {
        self.share(self.matched as f64, (self.matched + self.invented) as f64)
    }

    /// TP / (TP + FN), 0 to 1; 0 if something was predicted although there was nothing.
    pub fn recall(&self) -> f64 {
        self.share(self.matched as f64, (self.matched + self.missed) as f64)
    }

    /// 2 TP / (2 TP + FP + FN), 0 to 1.
    pub fn f1(&self) -> f64 {
        self.share(2.0 * self.matched as f64, (2 * self.matched + self.invented + self.missed) as f64)
    }

    /// Sum of the IoU of the pairs over TP + FP / 2 + FN / 2, 0 to 1.
    pub fn panoptic_quality(&self) -> f64 {
        let halves = 2 * self.matched + self.invented + self.missed;
        self.share(self.iou_sum, halves as f64 / 2.0)
    }

    fn share(&self, part: f64, whole: f64) -> f64 {
        if self.matched + self.invented + self.missed == 0 {
            1.0
        } else if whole == 0.0 {
            0.0
        } else {
            part / whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelView;

    fn overlaps(truth: &[u32], predicted: &[u32]) -> Overlaps {
        let view = |labels| LabelView::new(20, 1, labels).unwrap();
        Overlaps::new(view(truth), view(predicted)).unwrap()
    }

    /// One row of 20 pixels: `label` from `start` up to `end`.
    fn row(objects: &[(u32, usize, usize)]) -> [u32; 20] {
        let mut row = [0; 20];
        for &(label, start, end) in objects {
            row[start..end].fill(label);
        }
        row
    }

    #[test]
    fn pairs_by_hand() {
        // 1 and 1: 4 of 5 pixels shared, IoU 0.8. 2 and 2: 3 of 6, IoU 0.5. 3 has no partner, 4 neither.
        let truth = row(&[(1, 0, 5), (2, 6, 10), (3, 12, 14)]);
        let predicted = row(&[(1, 0, 4), (2, 7, 12), (4, 16, 19)]);
        let overlaps = overlaps(&truth, &predicted);
        let at = |threshold| match_objects(&overlaps, threshold).unwrap();
        assert_eq!(at(0.5), ObjectMatch { matched: 2, invented: 1, missed: 1, iou_sum: 0.8 + 0.5 });
        assert_eq!(at(0.55), ObjectMatch { matched: 1, invented: 2, missed: 2, iou_sum: 0.8 });
        assert_eq!(at(0.8).matched, 1);
        assert_eq!(at(0.85).matched, 0);
        assert_eq!(at(0.5).average_precision(), 2.0 / 4.0);
        assert_eq!((at(0.5).precision(), at(0.5).recall(), at(0.5).f1()), (2.0 / 3.0, 2.0 / 3.0, 4.0 / 6.0));
        assert_eq!(at(0.5).panoptic_quality(), 1.3 / 3.0);
        // Strictly above: at 0.5 only the pair of 0.8, and at 0.8 none: six thresholds of 1 / 5.
        assert!((bowl_score(&overlaps) - 6.0 * 0.2 / 10.0).abs() < 1e-15);
        assert!(match_objects(&overlaps, 0.49).is_err() && match_objects(&overlaps, f64::NAN).is_err());
    }

    #[test]
    fn an_object_cut_in_half_is_found_once() {
        let overlaps = overlaps(&row(&[(5, 2, 10)]), &row(&[(1, 2, 6), (2, 6, 10)]));
        let found = match_objects(&overlaps, 0.5).unwrap();
        assert_eq!(found, ObjectMatch { matched: 1, invented: 1, missed: 0, iou_sum: 0.5 });
    }

    #[test]
    fn what_is_empty() {
        let (nothing, something) = (row(&[]), row(&[(1, 3, 6)]));
        for (truth, predicted, share) in
            [(nothing, nothing, 1.0), (nothing, something, 0.0), (something, nothing, 0.0)]
        {
            let overlaps = overlaps(&truth, &predicted);
            let found = match_objects(&overlaps, 0.5).unwrap();
            let shares = [
                found.average_precision(),
                found.precision(),
                found.recall(),
                found.f1(),
                found.panoptic_quality(),
                bowl_score(&overlaps),
            ];
            assert_eq!(shares, [share; 6]);
        }
    }
}
