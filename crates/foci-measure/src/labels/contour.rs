//! How far predicted outlines are off: Hausdorff distance and normalised sum of distances, after Coelho, Shariff and Murphy
//! (ISBI 2009).
//!
//! Each predicted object S is held against the true object R with which it shares most pixels. D(i) is the distance of pixel i from the
//! outline of R: of a pixel inside R from the nearest pixel outside, of one outside from the nearest inside, so at least 1. With
//! R△S the pixels in exactly one of the two:
//!
//! - Hausdorff distance = largest D(i) over R△S, in pixels; 0 where the objects are equal;
//! - normalised sum of distances, NSD = (sum of D(i) over R△S) / (sum of D(i) over R ∪ S), 0 (equal) to 1 (disjoint).
//!
//! It is a Hausdorff distance in one direction and of areas: it asks how deep in R or how far from R a wrong pixel lies. And this
//! NSD is *not* the normalised surface distance of the medical literature, of which more is better.
//!
//! An image has the mean over its predicted objects. One that is assigned to the background has an NSD of 1 and no Hausdorff
//! distance; where no predicted object has a partner, the Hausdorff distance is [`NOTHING_FOUND_PX`], and where there is no
//! predicted object, the NSD is 1. All this is what the authors' program does. One thing is not: it takes the
//! distance transform within the smallest rectangle around both objects, where a pixel may have no outside near it; here
//! distances are those of the whole image. (`docs/results/coelho2009.md` has both.) Outside of the image counts only for
//! a true object that is all of it.

use super::Overlaps;
use super::bounds::{around, bounds, with_margin};
use super::distance::distances;
use super::overlap::BACKGROUND;
use crate::summary::mean;
use crate::touching::Bounds;
use crate::{LabelView, MeasureError};

/// Hausdorff distance of an image in which no predicted object has a partner, in pixels: a constant of the authors' program.
pub const NOTHING_FOUND_PX: f64 = 128.0;

/// Distances between outlines, means over the predicted objects of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlineDistances {
    /// Hausdorff distance in pixels.
    pub hausdorff: f64,
    /// Normalised sum of distances, 0 to 1.
    pub normalised_sum: f64,
}

/// Measures all predicted objects; `None` where there is no true object. `overlaps` are those of the two images.
///
/// # Errors
/// [`MeasureError::SizesDiffer`].
pub fn outline_distances(
    truth: LabelView,
    predicted: LabelView,
    overlaps: &Overlaps,
) -> Result<Option<OutlineDistances>, MeasureError> {
    let (width, height) = (truth.width(), truth.height());
    predicted.expect_size_of(truth)?;
    if overlaps.true_objects() == 0 {
        return Ok(None);
    }
    let (true_bounds, own_bounds) = (bounds(truth), bounds(predicted));
    let (mut farthest, mut sums) = (Vec::new(), Vec::new());
    for (object, partner) in overlaps.true_partners().into_iter().enumerate().skip(1) {
        if partner == BACKGROUND {
            sums.push(1.0);
            continue;
        }
        let labels = (overlaps.truth[partner].label, overlaps.predicted[object].label);
        let both = with_margin(around(true_bounds[&labels.0], own_bounds[&labels.1]), width, height);
        let (hausdorff, normalised_sum) = compare(truth, predicted, labels, both);
        farthest.push(hausdorff);
        sums.push(normalised_sum);
    }
    Ok(Some(OutlineDistances {
        hausdorff: mean(&farthest).unwrap_or(NOTHING_FOUND_PX),
        normalised_sum: mean(&sums).unwrap_or(1.0),
    }))
}

/// Hausdorff distance and normalised sum of distances of one predicted object from one true object.
fn compare(truth: LabelView, predicted: LabelView, labels: (u32, u32), part: Bounds) -> (f64, f64) {
    let (width, height) = (part.right - part.left + 1, part.bottom - part.top + 1);
    let at = |index: usize| (part.top + index / width) * truth.width() + part.left + index % width;
    let reference: Vec<bool> = (0..width * height).map(|i| truth.labels()[at(i)] == labels.0).collect();
    let to_inside = distances(width, height, |i| reference[i]);
    let to_outside = distances(width, height, |i| !reference[i]);
    let (mut farthest, mut wrong, mut all) = (0.0_f64, 0.0, 0.0);
    for index in 0..reference.len() {
        let (is_true, is_predicted) = (reference[index], predicted.labels()[at(index)] == labels.1);
        if !is_true && !is_predicted {
            continue;
        }
        let mut distance = if is_true { to_outside[index] } else { to_inside[index] };
        if distance.is_infinite() {
            distance = to_edge(index % width, index / width, width, height);
        }
        all += distance;
        if is_true != is_predicted {
            wrong += distance;
            farthest = farthest.max(distance);
        }
    }
    (farthest, wrong / all)
}

/// Distance to the nearest place outside of an image.
fn to_edge(x: usize, y: usize, width: usize, height: usize) -> f64 {
    (x + 1).min(y + 1).min(width - x).min(height - y) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(width: usize, truth: &[u32], predicted: &[u32]) -> Option<OutlineDistances> {
        let view = |labels| LabelView::new(width, truth.len() / width, labels).unwrap();
        let overlaps = Overlaps::new(view(truth), view(predicted)).unwrap();
        outline_distances(view(truth), view(predicted), &overlaps).unwrap()
    }

    #[test]
    fn a_row_by_hand() {
        // Truth in columns 2 to 6, predicted in columns 4 to 7. D: 1 2 3 2 1 within the truth, then 1 to its right.
        let truth = [0, 0, 1, 1, 1, 1, 1, 0, 0, 0];
        let predicted = [0, 0, 0, 0, 7, 7, 7, 7, 0, 0];
        let found = measure(10, &truth, &predicted).unwrap();
        // Wrong: columns 2 and 3 (1 + 2) and 7 (1); all: 1 + 2 + 3 + 2 + 1 and 1.
        assert_eq!(found, OutlineDistances { hausdorff: 2.0, normalised_sum: 4.0 / 10.0 });
        // A spurious object adds an NSD of 1 and no Hausdorff distance.
        let spurious = [0, 0, 0, 0, 7, 7, 7, 7, 0, 8];
        let found = measure(10, &truth, &spurious).unwrap();
        assert_eq!(found, OutlineDistances { hausdorff: 2.0, normalised_sum: (0.4 + 1.0) / 2.0 });
    }

    #[test]
    fn a_square_by_hand() {
        // A true 3 x 3 square at the corner, of which only its innermost pixel was predicted. Outside lies to the right and
        // below only, so D is 3 2 1, 2 2 1, 1 1 1 and the pixel at (1, 1) has 2.
        let truth = [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0];
        let mut predicted = [0; 16];
        predicted[5] = 2;
        let found = measure(4, &truth, &predicted).unwrap();
        assert_eq!(found.hausdorff, 3.0);
        assert!((found.normalised_sum - 12.0 / 14.0).abs() < 1e-15);
    }

    #[test]
    fn what_is_empty_and_what_is_everything() {
        let (nothing, something) = ([0; 9], [0, 0, 0, 0, 3, 0, 0, 0, 0]);
        assert_eq!(measure(3, &nothing, &nothing), None);
        assert_eq!(measure(3, &nothing, &something), None);
        let lost = OutlineDistances { hausdorff: NOTHING_FOUND_PX, normalised_sum: 1.0 };
        assert_eq!(measure(3, &something, &nothing), Some(lost));
        let equal = OutlineDistances { hausdorff: 0.0, normalised_sum: 0.0 };
        assert_eq!(measure(3, &[1; 9], &[4; 9]), Some(equal));
        // All of the image is the true object: 8 pixels at 1 from the edge are missed, the middle at 2 is not.
        let found = measure(3, &[1; 9], &something).unwrap();
        assert_eq!(found, OutlineDistances { hausdorff: 1.0, normalised_sum: 8.0 / 10.0 });
    }
}
