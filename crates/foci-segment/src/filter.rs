//! Filters before and after a segmentation: Gaussian smoothing, the morphological gradient, the majority of a neighbourhood.

use crate::SegmentError;
use foci_image::{LabelImage, Plane};

/// Widest Gaussian, in pixels: far beyond any nucleus, and a bound for the work.
pub const LARGEST_SIGMA_PX: f64 = 1000.0;

/// Smooths with a Gaussian of standard deviation `sigma_px`, as [`foci_image::gaussian::smooth`] does. A deviation of 0 changes nothing.
///
/// # Errors
/// [`SegmentError::BadSigma`].
pub fn gaussian(plane: &Plane, sigma_px: f64) -> Result<Plane, SegmentError> {
    if !(0.0..=LARGEST_SIGMA_PX).contains(&sigma_px) {
        return Err(SegmentError::BadSigma { sigma_px, most: LARGEST_SIGMA_PX });
    }
    Ok(foci_image::gaussian::smooth(plane, sigma_px))
}

/// Morphological gradient: the largest minus the smallest value of a pixel and its four neighbours that share a side.
pub fn morphological_gradient(plane: &Plane) -> Plane {
    let (width, height) = (plane.width, plane.height);
    let steepest = |at: usize| {
        let value = plane.data[at];
        let (low, high) = crate::watershed::neighbours(at, width, height)
            .map(|other| plane.data[other])
            .fold((value, value), |(low, high), other| (low.min(other), high.max(other)));
        high - low
    };
    Plane { width, height, data: (0..plane.data.len()).map(steepest).collect() }
}

/// Foreground (1) where more than half of the square of `side` x `side` pixels around a pixel is foreground (not 0), background (0)
/// elsewhere; outside of the image all is background. `side` is odd; an even one is taken as the next.
pub fn majority(mask: &LabelImage, side: usize) -> LabelImage {
    let (width, height, reach) = (mask.width, mask.height, side / 2);
    let least = ((2 * reach + 1).pow(2) / 2 + 1) as u32;
    let mut out = LabelImage::zeros(width, height);
    // Foreground pixels of each column within reach of the row.
    let mut columns = vec![0_u32; width];
    let row = |y: usize| &mask.data[y * width..(y + 1) * width];
    for entering in 0..height + reach {
        if entering < height {
            columns.iter_mut().zip(row(entering)).for_each(|(count, &label)| *count += u32::from(label != 0));
        }
        let Some(y) = entering.checked_sub(reach) else { continue };
        if let Some(leaving) = y.checked_sub(reach + 1) {
            columns.iter_mut().zip(row(leaving)).for_each(|(count, &label)| *count -= u32::from(label != 0));
        }
        let mut count: u32 = columns.iter().take(reach).sum();
        for x in 0..width {
            count += columns.get(x + reach).copied().unwrap_or(0);
            if let Some(leaving) = x.checked_sub(reach + 1) {
                count -= columns[leaving];
            }
            out.data[y * width + x] = u32::from(count >= least);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use proptest::prelude::*;

    #[test]
    fn deviations_that_no_gaussian_has_are_refused() {
        let plane = Plane { width: 2, height: 1, data: vec![1.0, 2.0] };
        assert_eq!(gaussian(&plane, 0.0).unwrap(), plane);
        for sigma in [f64::NAN, -1.0, 1001.0] {
            assert!(matches!(gaussian(&plane, sigma), Err(SegmentError::BadSigma { .. })), "{sigma}");
        }
    }

    #[test]
    fn gradients_by_hand() {
        let plane = Plane { width: 3, height: 2, data: vec![1.0, 4.0, 9.0, 1.0, 1.0, 7.0] };
        assert_eq!(morphological_gradient(&plane).data, [3.0, 8.0, 5.0, 0.0, 6.0, 8.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn running_counts_are_counts(
            (width, data) in (1usize..12, 1usize..12)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(0u32..2, w * h))),
            reach in 0usize..4,
        ) {
            let mask = LabelImage { width, height: data.len() / width, data };
            let side = 2 * reach + 1;
            prop_assert_eq!(majority(&mask, side), reference::majority(&mask, side));
        }

        #[test]
        fn smoothing_is_the_sum_over_both_directions(
            (width, data) in (1usize..20, 1usize..20)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(-9.0f32..99.0, w * h))),
            sigma in 0.0f64..4.0,
        ) {
            let plane = Plane { width, height: data.len() / width, data };
            let (found, expected) = (gaussian(&plane, sigma).unwrap(), reference::gaussian(&plane, sigma));
            for (found, expected) in found.data.iter().zip(expected) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-3, "{} {}", found, expected);
            }
        }
    }
}
