//! One table for all measures: how many pixels each true object shares with each predicted one.
//!
//! The contingency table of two label images is sparse, since an object meets few others. Background is the first
//! object of either image, also where it has no pixel, so that every pixel is in exactly one cell.
//! Labels need not be consecutive; an object is whatever carries one label, connected or not.

use crate::{LabelView, MeasureError};

/// Index of the background in [`Overlaps::truth`] and [`Overlaps::predicted`].
pub const BACKGROUND: usize = 0;

/// A label and how many pixels carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Its number in the label image; 0 for the background.
    pub label: u32,
    /// Its area in pixels.
    pub pixels: u64,
}

/// A true and a predicted object, either of which may be the background, that share pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Index into [`Overlaps::truth`].
    pub truth: usize,
    /// Index into [`Overlaps::predicted`].
    pub predicted: usize,
    /// Pixels in both, at least one.
    pub pixels: u64,
}

/// The contingency table of two label images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlaps {
    /// Background, then the true objects in the order of their labels.
    pub truth: Vec<Object>,
    /// Background, then the predicted objects in the order of their labels.
    pub predicted: Vec<Object>,
    /// Cells that are not empty, in the order of the true and then of the predicted object.
    pub shared: Vec<Shared>,
}

impl Overlaps {
    /// Counts the pixels of two label images of one size.
    ///
    /// # Errors
    /// [`MeasureError::SizesDiffer`].
    pub fn new(truth: LabelView, predicted: LabelView) -> Result<Self, MeasureError> {
        predicted.expect_size_of(truth)?;
        let mut runs = runs(truth.labels(), predicted.labels());
        runs.sort_unstable();
        let mut cells: Vec<(u32, u32, u64)> = Vec::new();
        for (t, p, pixels) in runs {
            match cells.last_mut() {
                Some(last) if (last.0, last.1) == (t, p) => last.2 += pixels,
                _ => cells.push((t, p, pixels)),
            }
        }
        let objects = |of: fn(&(u32, u32, u64)) -> u32| areas(cells.iter().map(|cell| (of(cell), cell.2)));
        let (truth, predicted) = (objects(|cell| cell.0), objects(|cell| cell.1));
        let index = |objects: &[Object], label: u32| objects.partition_point(|object| object.label < label);
        let shared = |&(t, p, pixels): &(u32, u32, u64)| Shared {
            truth: index(&truth, t),
            predicted: index(&predicted, p),
            pixels,
        };
        Ok(Self { shared: cells.iter().map(shared).collect(), truth, predicted })
    }

    /// Number of true objects, the background left out.
    pub fn true_objects(&self) -> usize {
        self.truth.len() - 1
    }

    /// Number of predicted objects, the background left out.
    pub fn predicted_objects(&self) -> usize {
        self.predicted.len() - 1
    }

    /// The cells of two objects: those with the background are left out.
    pub fn between_objects(&self) -> impl Iterator<Item = &Shared> {
        self.shared.iter().filter(|cell| cell.truth != BACKGROUND && cell.predicted != BACKGROUND)
    }

    /// Pixels in either object of a cell.
    pub fn union(&self, cell: &Shared) -> u64 {
        self.truth[cell.truth].pixels + self.predicted[cell.predicted].pixels - cell.pixels
    }

    /// Intersection over union of the two objects of a cell, above 0 and at most 1.
    pub fn iou(&self, cell: &Shared) -> f64 {
        cell.pixels as f64 / self.union(cell) as f64
    }

    /// For each entry of [`Overlaps::predicted`] the entry of [`Overlaps::truth`] with which it shares most pixels; of several
    /// that share as many, the first: background before objects. (A background without pixels gets the background.)
    pub fn true_partners(&self) -> Vec<usize> {
        partners(
            self.predicted.len(),
            self.shared.iter().map(|cell| (cell.predicted, cell.truth, cell.pixels)),
        )
    }

    /// For each entry of [`Overlaps::truth`] the entry of [`Overlaps::predicted`] with which it shares most pixels; ties as in
    /// [`Overlaps::true_partners`].
    pub fn predicted_partners(&self) -> Vec<usize> {
        partners(self.truth.len(), self.shared.iter().map(|cell| (cell.truth, cell.predicted, cell.pixels)))
    }
}

/// Runs of pixels with the same pair of labels: far fewer than pixels, so that sorting them is cheap.
fn runs(truth: &[u32], predicted: &[u32]) -> Vec<(u32, u32, u64)> {
    let mut runs: Vec<(u32, u32, u64)> = Vec::new();
    for (&t, &p) in truth.iter().zip(predicted) {
        match runs.last_mut() {
            Some(last) if (last.0, last.1) == (t, p) => last.2 += 1,
            _ => runs.push((t, p, 1)),
        }
    }
    runs
}

fn areas(cells: impl Iterator<Item = (u32, u64)>) -> Vec<Object> {
    let mut areas = std::collections::BTreeMap::from([(0, 0)]);
    for (label, pixels) in cells {
        *areas.entry(label).or_insert(0) += pixels;
    }
    areas.into_iter().map(|(label, pixels)| Object { label, pixels }).collect()
}

/// Cells come with `with` in ascending order, so that of several that share as much the first is kept.
fn partners(count: usize, cells: impl Iterator<Item = (usize, usize, u64)>) -> Vec<usize> {
    let mut best = vec![(0, BACKGROUND); count];
    for (of, with, pixels) in cells {
        if pixels > best[of].0 {
            best[of] = (pixels, with);
        }
    }
    best.into_iter().map(|(_, with)| with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_in_one_cell_and_ties_go_to_the_first() {
        // True 7 shares two pixels with 3 and two with 9; predicted 9 one with the background and two with 7.
        let truth = [0, 7, 7, 7, 7, 0];
        let predicted = [0, 3, 3, 9, 9, 9];
        let overlaps =
            Overlaps::new(LabelView::new(3, 2, &truth).unwrap(), LabelView::new(3, 2, &predicted).unwrap())
                .unwrap();
        assert_eq!((overlaps.true_objects(), overlaps.predicted_objects()), (1, 2));
        let cells: Vec<_> = overlaps.shared.iter().map(|c| (c.truth, c.predicted, c.pixels)).collect();
        assert_eq!(cells, [(0, 0, 1), (0, 2, 1), (1, 1, 2), (1, 2, 2)]);
        assert_eq!(overlaps.true_partners(), [0, 1, 1]);
        assert_eq!(overlaps.predicted_partners(), [0, 1]);
        assert_eq!(overlaps.iou(&overlaps.shared[3]), 2.0 / 5.0);
    }

    #[test]
    fn images_of_two_sizes_are_refused() {
        let labels = [0; 6];
        let [a, b] = [(3, 2), (2, 3)].map(|(w, h)| LabelView::new(w, h, &labels).unwrap());
        assert!(matches!(Overlaps::new(a, b), Err(MeasureError::SizesDiffer { .. })));
    }
}
