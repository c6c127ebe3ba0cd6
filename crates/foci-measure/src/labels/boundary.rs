//! How much of the outlines is in its place: the boundary F-measure.
//!
//! A boundary pixel is a pixel of an object that has a pixel of another label (background or object) to its left, right, top
//! or bottom; the edge of the image is no boundary. Precision is the share of predicted boundary pixels no farther than the tolerance
//! from a true one, recall the share of true ones no farther from a predicted one, and F = 2 PR / (P + R)
//! (Csurka et al., BMVC 2013; Martin et al., IEEE TPAMI 2004 match pixels one to one instead, which punishes double lines as well).
//! Distances are Euclidean, between centres of pixels.
//!
//! No boundary in either image: 1. In one only: 0.

use super::distance::{NOWHERE, squared_distances};
use crate::{LabelView, MeasureError};

/// Tolerance in pixels: hand-drawn outlines of two people differ by a pixel or two.
pub const BOUNDARY_TOLERANCE_PX: f64 = 2.0;

/// Boundary F-measure, 0 to 1, with a tolerance in pixels.
///
/// # Errors
/// [`MeasureError::SizesDiffer`], and [`MeasureError::BadOption`] for a tolerance that is negative or no number.
pub fn boundary_f(truth: LabelView, predicted: LabelView, tolerance_px: f64) -> Result<f64, MeasureError> {
    let (width, height) = (truth.width(), truth.height());
    predicted.expect_size_of(truth)?;
    if !(0.0..=1e6).contains(&tolerance_px) {
        let name = "the tolerance of boundaries in pixels";
        return Err(MeasureError::BadOption { name, value: tolerance_px, allowed: "0 to 1,000,000" });
    }
    let (true_boundary, boundary) = (boundary(truth), boundary(predicted));
    let near = |pixels: &[bool], of: &[bool]| {
        let squared = squared_distances(width, height, |i| of[i]);
        let is_near = |i: usize| squared[i] != NOWHERE && squared[i] as f64 <= tolerance_px * tolerance_px;
        let count = pixels.iter().filter(|&&pixel| pixel).count();
        let found = (0..pixels.len()).filter(|&i| pixels[i] && is_near(i)).count();
        (count > 0).then(|| found as f64 / count as f64)
    };
    Ok(match (near(&boundary, &true_boundary), near(&true_boundary, &boundary)) {
        (None, None) => 1.0,
        (Some(precision), Some(recall)) if precision + recall > 0.0 => {
            2.0 * precision * recall / (precision + recall)
        }
        _ => 0.0,
    })
}

/// Which pixels are boundary pixels.
fn boundary(image: LabelView) -> Vec<bool> {
    let (width, labels) = (image.width(), image.labels());
    let mut boundary = vec![false; labels.len()];
    let mut differ = |a: usize, b: usize| {
        if labels[a] != labels[b] {
            boundary[a] |= labels[a] != 0;
            boundary[b] |= labels[b] != 0;
        }
    };
    for index in 0..labels.len() {
        if (index + 1) % width != 0 {
            differ(index, index + 1);
        }
        if index + width < labels.len() {
            differ(index, index + width);
        }
    }
    boundary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(truth: &[u32], predicted: &[u32], tolerance: f64) -> f64 {
        let view = |labels| LabelView::new(8, 1, labels).unwrap();
        boundary_f(view(truth), view(predicted), tolerance).unwrap()
    }

    #[test]
    fn a_row_by_hand() {
        // Boundary pixels: truth 1, 4 and 5 (two objects that touch), predicted 2, 6; the last column is the edge of the image.
        let truth = [0, 1, 1, 1, 1, 2, 2, 2];
        let predicted = [0, 0, 1, 1, 1, 1, 1, 0];
        assert_eq!(measure(&truth, &predicted, 0.0), 0.0);
        // Within 1: both predicted pixels; of the true ones 1 and 5.
        assert_eq!(measure(&truth, &predicted, 1.0), 2.0 * (2.0 / 3.0) / (1.0 + 2.0 / 3.0));
        assert_eq!(measure(&truth, &predicted, 2.0), 1.0);
        assert_eq!(measure(&truth, &truth, 0.0), 1.0);
        // Boundary pixels 0 and 7, seven apart.
        let (left, right) = ([1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((measure(&left, &right, 6.0), measure(&left, &right, 7.0)), (0.0, 1.0));
    }

    #[test]
    fn what_is_empty() {
        let (nothing, something) = ([0; 8], [0, 0, 0, 1, 1, 0, 0, 0]);
        assert_eq!(measure(&nothing, &nothing, 2.0), 1.0);
        assert_eq!(measure(&nothing, &something, 2.0), 0.0);
        assert_eq!(measure(&something, &nothing, 2.0), 0.0);
        let view = LabelView::new(8, 1, &nothing).unwrap();
        assert!(boundary_f(view, view, f64::NAN).is_err() && boundary_f(view, view, -1.0).is_err());
    }
}
