//! Filters before and after a segmentation: Gaussian smoothing, the morphological gradient, the majority of a neighbourhood.

use crate::SegmentError;
use foci_image::{LabelImage, Plane};

/// Widest Gaussian, in pixels: far beyond any nucleus, and a bound for the work.
pub const LARGEST_SIGMA_PX: f64 = 1000.0;
/// The Gaussian is cut off at so many standard deviations, as in SciPy.
const REACH: f64 = 4.0;

/// Smooths with a Gaussian of standard deviation `sigma_px`, cut off at four of them. Beyond its edges the image is its own mirror
/// image, the edge pixel twice (SciPy's `reflect`). A deviation of 0 changes nothing.
///
/// # Errors
/// [`SegmentError::BadSigma`].
pub fn gaussian(plane: &Plane, sigma_px: f64) -> Result<Plane, SegmentError> {
    if !(0.0..=LARGEST_SIGMA_PX).contains(&sigma_px) {
        return Err(SegmentError::BadSigma { sigma_px, most: LARGEST_SIGMA_PX });
    }
    let weights = weights(sigma_px);
    if weights.len() == 1 || plane.data.is_empty() {
        return Ok(plane.clone());
    }
    let (width, height) = (plane.width, plane.height);
    let reach = weights.len() - 1;
    let mut out = Plane::zeros(width, height);
    let mut line = vec![0.0; width];
    let mut framed = vec![0.0; width + 2 * reach];
    for y in 0..height {
        let row = |offset: isize| {
            let y = mirrored(y as isize + offset, height);
            &plane.data[y * width..(y + 1) * width]
        };
        // Both rows at one distance at once: half the multiplications.
        line.iter_mut().zip(row(0)).for_each(|(sum, value)| *sum = weights[0] * value);
        for (distance, &weight) in weights.iter().enumerate().skip(1) {
            let pair = row(-(distance as isize)).iter().zip(row(distance as isize));
            line.iter_mut().zip(pair).for_each(|(sum, (above, below))| *sum += weight * (above + below));
        }
        for (x, value) in framed.iter_mut().enumerate() {
            *value = line[mirrored(x as isize - reach as isize, width)];
        }
        let out = &mut out.data[y * width..(y + 1) * width];
        out.iter_mut().zip(&framed[reach..]).for_each(|(sum, value)| *sum = weights[0] * value);
        for (distance, &weight) in weights.iter().enumerate().skip(1) {
            let pair = framed[reach - distance..].iter().zip(&framed[reach + distance..]);
            out.iter_mut().zip(pair).for_each(|(sum, (left, right))| *sum += weight * (left + right));
        }
    }
    Ok(out)
}

/// Weights at distances 0, 1, .. that add up to 1 over both sides.
fn weights(sigma_px: f64) -> Vec<f32> {
    let reach = (REACH * sigma_px + 0.5) as usize;
    let bell = |distance: usize| (-0.5 * (distance as f64 / sigma_px).powi(2)).exp();
    // A deviation of 0 reaches nowhere, so nothing is divided by it.
    let sides: f64 = (1..=reach).map(bell).sum();
    let whole = 1.0 + 2.0 * sides;
    std::iter::once(1.0).chain((1..=reach).map(bell)).map(|weight| (weight / whole) as f32).collect()
}

/// Where a place is found in an image of `size` pixels and its mirror images.
fn mirrored(at: isize, size: usize) -> usize {
    let size = size as isize;
    let at = at.rem_euclid(2 * size);
    at.min(2 * size - 1 - at) as usize
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
    fn a_point_becomes_a_bell_and_nothing_is_lost() {
        let mut point = Plane::zeros(41, 37);
        point.data[18 * 41 + 20] = 1.0;
        let smooth = gaussian(&point, 2.0).unwrap();
        let bell = |d2: f64| (-d2 / 8.0).exp() / (std::f64::consts::TAU * 4.0);
        for (x, y) in [(20, 18), (22, 18), (17, 20)] {
            let d2 = (x as f64 - 20.0).powi(2) + (y as f64 - 18.0).powi(2);
            assert!((f64::from(smooth.at(x, y)) - bell(d2)).abs() < 1e-4, "{x} {y}");
        }
        assert!((smooth.data.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        // Mirrors keep what would leave: also of a Gaussian far wider than the image.
        let flat = Plane { width: 3, height: 2, data: vec![5.0; 6] };
        assert!(gaussian(&flat, 30.0).unwrap().data.iter().all(|value| (value - 5.0).abs() < 1e-4));
        assert_eq!(gaussian(&point, 0.0).unwrap(), point);
        assert!(gaussian(&point, f64::NAN).is_err() && gaussian(&point, -1.0).is_err());
    }

    #[test]
    fn mirrors_hold_the_edge_twice() {
        let seen: Vec<usize> = (-4..7).map(|at| mirrored(at, 3)).collect();
        assert_eq!(seen, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
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
