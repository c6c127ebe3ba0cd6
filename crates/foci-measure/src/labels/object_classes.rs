//! Classes of objects against the true ones: which were found, and of which were they taken to be.
//!
//! Objects match where their IoU is at least one half ([`super::matching`]). Of objects whose class is known counted are
//!
//! - `c(t, p)`: matched pairs whose true object is of class `t` and whose predicted one is of class `p`;
//! - `m(t)`: true objects of class `t` that nothing matches; `i(p)`: predicted objects of class `p` that match nothing.
//!
//! Of class `k`, with TP = `c(k, k)`, FP = `i(k)` + the other `c(t, k)`, FN = `m(k)` + the other `c(k, p)`:
//!
//! - AP = TP / (TP + FP + FN), which counts an object of the wrong class as not found, and as invented;
//! - told apart = TP / sum of `c(k, p)`: of the objects that were found the share whose class is right; it says nothing of outlines.
//!   Where there are objects of the class and none was found, it is 0: what is not seen is not told.
//!
//! Means are over the classes that truly occur, and count a rare class as much as a common one; so whether there is a mean depends on the truth alone. (Detection and classification taken together like this:
//! Graham et al. 2019, Hover-Net, section IV-B; what they weigh is counted once here.) A matched pair of which either
//! class is not known counts nothing, nor does a predicted object without a match that lies mostly on an object of no known class: it is one of
//! those, badly outlined. Counts are summed over images before anything is divided.

use super::Overlaps;
use super::matching::pairs_where;
use super::overlap::BACKGROUND;

/// IoU from which on two objects match.
pub const MATCH_IOU: f64 = 0.5;

/// Labels of the predicted objects that match a true one and are taken for another class than its own, in ascending order of the true
/// ones; `truth` and `predicted` name the class of a label, if it is known.
pub fn mistaken(
    overlaps: &Overlaps,
    truth: impl Fn(u32) -> Option<usize>,
    predicted: impl Fn(u32) -> Option<usize>,
) -> Vec<u32> {
    let pairs = pairs_where(overlaps, |iou| iou >= MATCH_IOU).into_iter();
    let labels =
        pairs.map(|cell| (overlaps.truth[cell.truth].label, overlaps.predicted[cell.predicted].label));
    let differ = |own: u32, found: u32| Some(truth(own)? != predicted(found)?);
    labels.filter(|&(own, found)| differ(own, found) == Some(true)).map(|(_, found)| found).collect()
}

/// Objects by true and predicted class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectConfusion {
    classes: usize,
    /// Row by row, a row for each true class.
    matched: Vec<usize>,
    missed: Vec<usize>,
    invented: Vec<usize>,
}

impl ObjectConfusion {
    /// No objects of so many classes.
    pub fn new(classes: usize) -> ObjectConfusion {
        ObjectConfusion {
            classes,
            matched: vec![0; classes * classes],
            missed: vec![0; classes],
            invented: vec![0; classes],
        }
    }

    /// Counts the objects of an image of `classes` classes: `truth` and `predicted` name the class of a label, if it is known. Classes beyond those
    /// are taken for not known.
    pub fn of(
        overlaps: &Overlaps,
        classes: usize,
        truth: impl Fn(u32) -> Option<usize>,
        predicted: impl Fn(u32) -> Option<usize>,
    ) -> ObjectConfusion {
        let mut found = ObjectConfusion::new(classes);
        let known = |class: Option<usize>| class.filter(|class| *class < classes);
        // For each object whether something matches it.
        let mut partner = (vec![false; overlaps.truth.len()], vec![false; overlaps.predicted.len()]);
        for cell in pairs_where(overlaps, |iou| iou >= MATCH_IOU) {
            (partner.0[cell.truth], partner.1[cell.predicted]) = (true, true);
            let own = known(truth(overlaps.truth[cell.truth].label));
            let said = known(predicted(overlaps.predicted[cell.predicted].label));
            if let (Some(own), Some(said)) = (own, said) {
                found.matched[own * classes + said] += 1;
            }
        }
        for (object, _) in
            overlaps.truth.iter().zip(&partner.0).skip(BACKGROUND + 1).filter(|(_, matched)| !**matched)
        {
            known(truth(object.label)).into_iter().for_each(|class| found.missed[class] += 1);
        }
        let lies_on = overlaps.true_partners();
        for (number, object) in overlaps.predicted.iter().enumerate().skip(BACKGROUND + 1) {
            let below = lies_on[number];
            let is_of_none = below != BACKGROUND && known(truth(overlaps.truth[below].label)).is_none();
            if !partner.1[number] && !is_of_none {
                known(predicted(object.label)).into_iter().for_each(|class| found.invented[class] += 1);
            }
        }
        found
    }

    /// Adds the objects of another image of as many classes.
    pub fn add(&mut self, other: &ObjectConfusion) {
        let pairs = [
            (&mut self.matched, &other.matched),
            (&mut self.missed, &other.missed),
            (&mut self.invented, &other.invented),
        ];
        for (own, other) in pairs {
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Matched pairs of a true and a predicted class; 0 if there is no such class.
    pub fn matched(&self, truth: usize, predicted: usize) -> usize {
        let inside = truth < self.classes && predicted < self.classes;
        if inside { self.matched[truth * self.classes + predicted] } else { 0 }
    }

    /// True objects of a class that nothing matches.
    pub fn missed(&self, class: usize) -> usize {
        self.missed.get(class).copied().unwrap_or(0)
    }

    /// Predicted objects of a class that match nothing.
    pub fn invented(&self, class: usize) -> usize {
        self.invented.get(class).copied().unwrap_or(0)
    }

    /// True objects of a class.
    pub fn true_objects(&self, class: usize) -> usize {
        self.missed(class) + (0..self.classes).map(|other| self.matched(class, other)).sum::<usize>()
    }

    /// AP of a class, 0 to 1; `None` if no object is of it, neither true nor predicted.
    pub fn average_precision(&self, class: usize) -> Option<f64> {
        let predicted: usize = (0..self.classes).map(|other| self.matched(other, class)).sum();
        let right = self.matched(class, class);
        share(right, self.true_objects(class) + predicted + self.invented(class) - right)
    }

    /// Share of the found objects of a class whose class is right, 0 to 1; 0 if none was found; `None` if there is none.
    pub fn told_apart(&self, class: usize) -> Option<f64> {
        let (all, missed) = (self.true_objects(class), self.missed(class));
        share(self.matched(class, class), all - missed).or((all > 0).then_some(0.0))
    }

    /// Mean over the classes that truly occur; `None` if none does.
    pub fn mean(&self, of: impl Fn(&ObjectConfusion, usize) -> Option<f64>) -> Option<f64> {
        let occurring = (0..self.classes).filter(|&class| self.true_objects(class) > 0);
        let values: Vec<f64> = occurring.filter_map(|class| of(self, class)).collect();
        crate::summary::mean(&values)
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelView;

    /// Objects of ten pixels in a row of 50: true ones 1 to 4, predicted ones 1, 2 and 3 where 1, 2 and 3 are, and one more (9) in the background.
    fn overlaps() -> Overlaps {
        let truth: Vec<u32> = (0..50).map(|at| [1, 2, 3, 4, 0][at / 10]).collect();
        let predicted: Vec<u32> = (0..50).map(|at| [1, 2, 3, 0, 9][at / 10]).collect();
        let view = |labels| LabelView::new(50, 1, labels).unwrap();
        Overlaps::new(view(&truth), view(&predicted)).unwrap()
    }

    #[test]
    fn by_hand() {
        // True classes 0, 0, 1, 1; told 0, 1, 1; the invented one is of class 0.
        let truth = |label: u32| Some(usize::from(label > 2));
        let told = |label: u32| Some(usize::from(label == 2 || label == 3));
        let found = ObjectConfusion::of(&overlaps(), 2, truth, told);
        assert_eq!([(0, 0), (0, 1), (1, 0), (1, 1)].map(|(t, p)| found.matched(t, p)), [1, 1, 0, 1]);
        assert_eq!(
            ([found.missed(0), found.missed(1)], [found.invented(0), found.invented(1)]),
            ([0, 1], [1, 0])
        );
        // Class 0: one right, one invented, one taken for class 1. Class 1: one right, one wrongly of it, one missed.
        assert_eq!(found.average_precision(0), Some(1.0 / 3.0));
        assert_eq!(found.average_precision(1), Some(1.0 / 3.0));
        assert_eq!((found.told_apart(0), found.told_apart(1)), (Some(0.5), Some(1.0)));
        assert_eq!(found.mean(ObjectConfusion::told_apart), Some(0.75));
        let mut twice = found.clone();
        twice.add(&found);
        assert_eq!((twice.matched(0, 1), twice.invented(0), twice.true_objects(1)), (2, 2, 4));
        assert_eq!(twice.mean(ObjectConfusion::average_precision), Some(1.0 / 3.0));
    }

    #[test]
    fn what_nobody_knows_counts_nothing() {
        let truth = |label: u32| (label != 1).then_some(0);
        let found =
            ObjectConfusion::of(&overlaps(), 2, truth, |label| if label == 9 { None } else { Some(0) });
        assert_eq!((found.matched(0, 0), found.missed(0), found.invented(0)), (2, 1, 0));
        // A class beyond those there are is none.
        let beyond = |label: u32| Some(if label == 1 { 2 } else { 0 });
        let found = ObjectConfusion::of(&overlaps(), 2, beyond, |_| Some(0));
        assert_eq!((found.matched(0, 0), found.missed(0), found.invented(0)), (2, 1, 1));
        assert_eq!((found.told_apart(1), found.average_precision(1)), (None, None));
        // Of what was not found nothing was told; and a half of an object of no class was not invented.
        let silent = ObjectConfusion::of(&overlaps(), 1, |label| (label == 4).then_some(0), |_| Some(0));
        assert_eq!(
            (silent.told_apart(0), silent.average_precision(0), silent.invented(0)),
            (Some(0.0), Some(0.0), 1)
        );
        let (truth, half) = ([1, 1, 1, 1, 1, 1], [5, 5, 0, 0, 0, 0]);
        let view = |labels| LabelView::new(6, 1, labels).unwrap();
        let overlaps = Overlaps::new(view(&truth), view(&half)).unwrap();
        assert_eq!(ObjectConfusion::of(&overlaps, 1, |_| None, |_| Some(0)).invented(0), 0);
        assert_eq!(ObjectConfusion::of(&overlaps, 1, |_| Some(0), |_| Some(0)).invented(0), 1);
        assert_eq!(ObjectConfusion::of(&overlaps, 1, |_| Some(7), |_| Some(0)).true_objects(0), 0);
        assert_eq!(ObjectConfusion::new(0).mean(ObjectConfusion::told_apart), None);
    }
}
