//! What went wrong with objects: split, merged, spurious and missing, as Coelho, Shariff and Murphy (ISBI 2009) count them.
//!
//! Each predicted object is assigned to the true object, or the background, with which it shares most pixels, and each true object
//! likewise to a predicted one; of several that share as many pixels, the first by label, background before all.
//!
//! - *split*: true objects to which two or more predicted objects are assigned;
//! - *merged*: predicted objects to which two or more true objects are assigned;
//! - *spurious* ("added"): predicted objects that are assigned to the background;
//! - *missing*: true objects that are assigned to the background.
//!
//! These are the definitions of the paper's text. The program that its authors published counts split and merged otherwise: its
//! histograms take the background for a true object (one split more in every image with a spurious object), leave out the first
//! predicted object, and put the last two objects into one bin (one more of each in most images). `docs/results/coelho2009.md` has
//! figures for both.

use super::Overlaps;
use super::overlap::BACKGROUND;

/// Numbers of objects that are wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectErrors {
    /// True objects that were predicted in parts.
    pub split: usize,
    /// Predicted objects that hold several true ones.
    pub merged: usize,
    /// Predicted objects where there is none.
    pub spurious: usize,
    /// True objects that were not predicted.
    pub missing: usize,
}

impl ObjectErrors {
    /// Counts the errors.
    pub fn new(overlaps: &Overlaps) -> Self {
        let (by_predicted, by_truth) = (overlaps.true_partners(), overlaps.predicted_partners());
        Self {
            split: assigned_several(&by_predicted, overlaps.truth.len()),
            merged: assigned_several(&by_truth, overlaps.predicted.len()),
            spurious: by_predicted[1..].iter().filter(|&&partner| partner == BACKGROUND).count(),
            missing: by_truth[1..].iter().filter(|&&partner| partner == BACKGROUND).count(),
        }
    }
}

/// What is wrong with one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A true object that was predicted in parts, or one of the parts.
    Split,
    /// A predicted object that holds several true ones, or one of those.
    Merged,
    /// A predicted object where there is none.
    Spurious,
    /// A true object that was not predicted.
    Missing,
}

/// What is wrong with each object, by the definitions of [`ObjectErrors`]; of an object that is both merged and a part of a split one the first is
/// told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Of the entries of [`Overlaps::truth`].
    pub truth: Vec<Option<Fault>>,
    /// Of the entries of [`Overlaps::predicted`].
    pub predicted: Vec<Option<Fault>>,
}

impl Faults {
    /// Finds the faults.
    pub fn new(overlaps: &Overlaps) -> Self {
        let (by_predicted, by_truth) = (overlaps.true_partners(), overlaps.predicted_partners());
        let parts = assigned(&by_predicted, overlaps.truth.len());
        let held = assigned(&by_truth, overlaps.predicted.len());
        let of_predicted = |(own, &partner): (usize, &usize)| match (own, partner) {
            (BACKGROUND, _) => None,
            (_, BACKGROUND) => Some(Fault::Spurious),
            (own, _) if held[own] > 1 => Some(Fault::Merged),
            (_, partner) => (parts[partner] > 1).then_some(Fault::Split),
        };
        let of_truth = |(own, &partner): (usize, &usize)| match (own, partner) {
            (BACKGROUND, _) => None,
            (_, BACKGROUND) => Some(Fault::Missing),
            (_, partner) if held[partner] > 1 => Some(Fault::Merged),
            (own, _) => (parts[own] > 1).then_some(Fault::Split),
        };
        Self {
            truth: by_truth.iter().enumerate().map(of_truth).collect(),
            predicted: by_predicted.iter().enumerate().map(of_predicted).collect(),
        }
    }
}

/// How many objects, out of `count` with the background, two or more are assigned to.
fn assigned_several(partners: &[usize], count: usize) -> usize {
    assigned(partners, count)[1..].iter().filter(|&&number| number > 1).count()
}

/// How many objects are assigned to each of `count` entries, the background among them.
fn assigned(partners: &[usize], count: usize) -> Vec<usize> {
    let mut assigned = vec![0; count];
    for &partner in &partners[1..] {
        assigned[partner] += 1;
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelView;

    #[test]
    fn one_of_each_by_hand() {
        //               split        merged             missing  spurious
        let truth = [0, 1, 1, 1, 1, 0, 2, 2, 0, 3, 3, 0, 4, 4, 0, 0, 0, 0];
        let predicted = [0, 1, 1, 2, 2, 0, 3, 3, 3, 3, 3, 0, 0, 0, 0, 5, 5, 0];
        let view = |labels| LabelView::new(18, 1, labels).unwrap();
        let overlaps = Overlaps::new(view(&truth), view(&predicted)).unwrap();
        let expected = ObjectErrors { split: 1, merged: 1, spurious: 1, missing: 1 };
        assert_eq!(ObjectErrors::new(&overlaps), expected);
        let faults = Faults::new(&overlaps);
        let (split, merged) = (Some(Fault::Split), Some(Fault::Merged));
        assert_eq!(faults.truth, [None, split, merged, merged, Some(Fault::Missing)]);
        assert_eq!(faults.predicted, [None, split, split, merged, Some(Fault::Spurious)]);
        // The other way round each error is its counterpart.
        let back = Overlaps::new(view(&predicted), view(&truth)).unwrap();
        assert_eq!(ObjectErrors::new(&back), expected);
        let same = Overlaps::new(view(&truth), view(&truth)).unwrap();
        assert_eq!(ObjectErrors::new(&same), ObjectErrors::default());
    }

    #[test]
    fn half_in_the_background_is_background() {
        let view = |labels| LabelView::new(6, 1, labels).unwrap();
        let [truth, predicted] = [[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]];
        let overlaps = Overlaps::new(view(&truth), view(&predicted)).unwrap();
        let errors = ObjectErrors { spurious: 1, missing: 1, ..ObjectErrors::default() };
        assert_eq!(ObjectErrors::new(&overlaps), errors);
    }

    #[test]
    fn nothing_is_wrong_with_nothing() {
        let empty = [0; 4];
        let view = LabelView::new(2, 2, &empty).unwrap();
        assert_eq!(ObjectErrors::new(&Overlaps::new(view, view).unwrap()), ObjectErrors::default());
    }
}
