//! Classes of pixels against the true ones, whatever the objects; and whole images told apart by a score.
//!
//! A [`Confusion`] counts pixels by true and predicted class, over as many images as are added to it. Of class `k`, with `T` its true and
//! `P` its predicted pixels:
//!
//! - IoU = |T ∩ P| / |T ∪ P|, Dice = 2 |T ∩ P| / (|T| + |P|), precision = |T ∩ P| / |P|, recall = |T ∩ P| / |T|; none where the
//!   denominator is 0.
//!
//! Counts are summed over images before anything is divided (as the PASCAL VOC and Cityscapes benchmarks do): a rare class is absent from many
//! images, and a mean over images would mostly say so.
//!
//! [`area_under_roc`] is the probability that a positive scores higher than a negative, a tie counting half (Hanley & McNeil 1982; the
//! Mann-Whitney statistic): 0.5 by guessing, 1 if some threshold separates all.

use crate::{LabelView, MeasureError};

/// Most classes: those that an 8-bit mask can tell apart.
pub const MOST_CLASSES: usize = 256;

/// Pixels by true and predicted class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// Row by row, a row for each true class.
    counts: Vec<u64>,
}

impl Confusion {
    /// Counts the pixels of an image. There are as many classes as the largest value of either says.
    ///
    /// # Errors
    /// [`MeasureError::SizesDiffer`], or [`MeasureError::NoClass`] for a value beyond 255.
    pub fn of(truth: LabelView, predicted: LabelView) -> Result<Confusion, MeasureError> {
        predicted.expect_size_of(truth)?;
        let mut classes = 0;
        for (what, view) in [("the true classes", truth), ("the predicted classes", predicted)] {
            let value = view.labels().iter().copied().max().unwrap_or(0);
            if value as usize >= MOST_CLASSES {
                return Err(MeasureError::NoClass { what, value, classes: MOST_CLASSES });
            }
            classes = classes.max(value as usize + 1);
        }
        let mut counts = vec![0; classes * classes];
        for (&truth, &predicted) in truth.labels().iter().zip(predicted.labels()) {
            counts[truth as usize * classes + predicted as usize] += 1;
        }
        Ok(Confusion { classes, counts })
    }

    /// From counts, row by row, a row for each true class.
    ///
    /// # Panics
    /// If there are not `classes` times `classes` of them.
    pub fn of_counts(classes: usize, counts: Vec<u64>) -> Confusion {
        assert_eq!(counts.len(), classes * classes, "a row of as many counts for each class");
        Confusion { classes, counts }
    }

    /// Adds the pixels of another image.
    pub fn add(&mut self, other: &Confusion) {
        let classes = self.classes.max(other.classes);
        let count = |own: &Confusion, truth: usize, predicted: usize| {
            if truth.max(predicted) < own.classes { own.count(truth, predicted) } else { 0 }
        };
        let sum = |at: usize| {
            let (truth, predicted) = (at / classes, at % classes);
            count(self, truth, predicted) + count(other, truth, predicted)
        };
        *self = Confusion { classes, counts: (0..classes * classes).map(sum).collect() };
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Pixels of one true and one predicted class.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// |T|, |P| and |T ∩ P| of a class.
    fn areas(&self, class: usize) -> [u64; 3] {
        let truth = (0..self.classes).map(|other| self.count(class, other)).sum();
        let predicted = (0..self.classes).map(|other| self.count(other, class)).sum();
        [truth, predicted, self.count(class, class)]
    }

    /// Share of all pixels that truly are of a class.
    pub fn share(&self, class: usize) -> Option<f64> {
        ratio(self.areas(class)[0], self.counts.iter().sum())
    }

    /// Intersection over union of a class.
    pub fn iou(&self, class: usize) -> Option<f64> {
        let [truth, predicted, both] = self.areas(class);
        ratio(both, truth + predicted - both)
    }

    /// Dice coefficient of a class.
    pub fn dice(&self, class: usize) -> Option<f64> {
        let [truth, predicted, both] = self.areas(class);
        ratio(2 * both, truth + predicted)
    }

    /// Share of the predicted pixels of a class that are right.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let [_, predicted, both] = self.areas(class);
        ratio(both, predicted)
    }

    /// Share of the true pixels of a class that are found.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let [truth, _, both] = self.areas(class);
        ratio(both, truth)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Area under the receiver operating characteristic of scores; `None` without positives or negatives, or with a score that is no number.
pub fn area_under_roc(positives: &[f64], negatives: &[f64]) -> Option<f64> {
    let all = || positives.iter().chain(negatives);
    if positives.is_empty() || negatives.is_empty() || all().any(|score| score.is_nan()) {
        return None;
    }
    let mut sorted = negatives.to_vec();
    sorted.sort_by(f64::total_cmp);
    let won = |&score: &f64| {
        let below = sorted.partition_point(|&other| other < score);
        let not_above = sorted.partition_point(|&other| other <= score);
        0.5 * (below + not_above) as f64
    };
    Some(positives.iter().map(won).sum::<f64>() / (positives.len() * negatives.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(labels: &[u32]) -> LabelView<'_> {
        LabelView::new(labels.len(), 1, labels).unwrap()
    }

    fn confusion(truth: &[u32], predicted: &[u32]) -> Confusion {
        Confusion::of(view(truth), view(predicted)).unwrap()
    }

    #[test]
    fn by_hand_over_two_images() {
        let mut found = Confusion::default();
        found.add(&confusion(&[0, 0, 0], &[0, 0, 0]));
        found.add(&confusion(&[0, 0, 0, 1, 1], &[0, 0, 1, 1, 0]));
        found.add(&confusion(&[0, 0, 1, 0], &[0, 0, 1, 3]));
        // Class 1: three true pixels, three predicted, two right.
        assert_eq!((found.count(1, 1), found.count(0, 1), found.count(1, 0)), (2, 1, 1));
        assert_eq!(found.iou(1), Some(0.5));
        assert_eq!(found.dice(1), Some(4.0 / 6.0));
        assert_eq!((found.precision(1), found.recall(1)), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
        // Class 0: nine true pixels, eight predicted, seven right, of twelve.
        assert_eq!((found.iou(0), found.share(0)), (Some(7.0 / 10.0), Some(9.0 / 12.0)));
        assert_eq!((found.iou(2), found.dice(2), found.recall(2)), (None, None, None));
        assert_eq!((found.iou(3), found.recall(3), found.classes()), (Some(0.0), None, 4));
    }

    #[test]
    fn what_is_no_class_or_no_fit_is_refused() {
        let error = Confusion::of(view(&[0, 256]), view(&[0, 1])).unwrap_err();
        assert!(matches!(error, MeasureError::NoClass { value: 256, classes: 256, .. }), "{error}");
        assert!(matches!(Confusion::of(view(&[0]), view(&[0, 1])), Err(MeasureError::SizesDiffer { .. })));
    }

    #[test]
    fn scores_are_compared_pair_by_pair() {
        // 0.9 beats all three, 0.4 beats 0.1 and ties with 0.4: 3 + 1.5 of 6.
        assert_eq!(area_under_roc(&[0.9, 0.4], &[0.1, 0.4, 0.5]), Some(4.5 / 6.0));
        assert_eq!(area_under_roc(&[1.0], &[0.0, 0.5]), Some(1.0));
        assert_eq!(area_under_roc(&[0.3, 0.3], &[0.3]), Some(0.5));
        assert_eq!(area_under_roc(&[], &[0.3]), None);
        assert_eq!(area_under_roc(&[f64::NAN], &[0.3]), None);
    }
}
