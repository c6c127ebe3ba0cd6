//! Gaussian filters and their first and second derivatives, one direction at a time.
//!
//! A filter in two dimensions is one down the columns, then one along the rows. Kernels are sampled at whole pixels, cut off at
//! four standard deviations and, undifferentiated, add up to 1; a derivative is that kernel times -x / s^2 or x^2 / s^4 - 1 / s^2
//! (as in `scipy.ndimage`). Beyond its edges an image is its own mirror image, the edge pixel twice (`reflect` there). Weights are
//! computed in double precision, pixels summed in single, always from the middle outwards.

use crate::Plane;

/// A kernel is cut off at so many standard deviations.
const REACH: f64 = 4.0;

/// How often a Gaussian is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivative {
    /// Smoothing only.
    None,
    /// The slope, per pixel; positive where values rise to the right or downwards.
    First,
    /// The curvature, per square pixel; negative on a ridge.
    Second,
}

/// A Gaussian or one of its derivatives, in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianKernel {
    /// Weights at distances 0, 1, .. to the right or downwards.
    weights: Vec<f32>,
    /// To the left and upwards the weights are the same, or those of the other sign.
    odd: bool,
}

impl GaussianKernel {
    /// The kernel of a standard deviation of `sigma_px` pixels (0 or more, and finite). With 0 pixels stay what they are, and
    /// derivatives are 0.
    pub fn new(sigma_px: f64, derivative: Derivative) -> Self {
        let reach = (REACH * sigma_px + 0.5) as usize;
        let bell = |distance: usize| (-0.5 * (distance as f64 / sigma_px).powi(2)).exp();
        // A deviation of 0 reaches nowhere, so nothing is divided by it.
        let sides: f64 = (1..=reach).map(bell).sum();
        let whole = 1.0 + 2.0 * sides;
        let precision = if sigma_px > 0.0 { sigma_px.powi(-2) } else { 0.0 };
        let factor = |distance: usize| {
            let x = distance as f64;
            match derivative {
                Derivative::None => 1.0,
                // The kernel is laid over the image, not folded with it, which turns the sign.
                Derivative::First => x * precision,
                Derivative::Second => (x * x * precision - 1.0) * precision,
            }
        };
        let smooth = std::iter::once(1.0).chain((1..=reach).map(bell)).map(|weight| weight / whole);
        let weights = smooth.enumerate().map(|(distance, weight)| (factor(distance) * weight) as f32);
        Self { weights: weights.collect(), odd: derivative == Derivative::First }
    }

    /// Pixels to each side that it needs.
    pub fn reach(&self) -> usize {
        self.weights.len() - 1
    }

    /// Filters down the columns: `out` becomes one row, from the rows at offsets of up to [`GaussianKernel::reach`] from it
    /// (negative: above), each at least as long as `out`.
    pub fn down<'a>(&self, row: impl Fn(isize) -> &'a [f32], out: &mut [f32]) {
        out.iter_mut().zip(row(0)).for_each(|(sum, value)| *sum = self.weights[0] * value);
        for (distance, &weight) in self.weights.iter().enumerate().skip(1) {
            self.add(weight, row(-(distance as isize)), row(distance as isize), out);
        }
    }

    /// Filters along a row that [`frame`] has given a margin of at least [`GaussianKernel::reach`] pixels at both ends.
    pub fn along(&self, framed: &[f32], margin: usize, out: &mut [f32]) {
        out.iter_mut().zip(&framed[margin..]).for_each(|(sum, value)| *sum = self.weights[0] * value);
        for (distance, &weight) in self.weights.iter().enumerate().skip(1) {
            self.add(weight, &framed[margin - distance..], &framed[margin + distance..], out);
        }
    }

    /// Adds what both sides at one distance weigh: half the multiplications of one at a time.
    fn add(&self, weight: f32, before: &[f32], after: &[f32], out: &mut [f32]) {
        let pairs = out.iter_mut().zip(before.iter().zip(after));
        if self.odd {
            pairs.for_each(|(sum, (before, after))| *sum += weight * (after - before));
        } else {
            pairs.for_each(|(sum, (before, after))| *sum += weight * (before + after));
        }
    }
}

/// The index that a mirror at the borders shows (half-sample symmetric, repeated for far indices). `size` is at least 1.
pub fn mirrored(index: isize, size: usize) -> usize {
    let size = size as isize;
    let folded = index.rem_euclid(2 * size);
    (if folded < size { folded } else { 2 * size - 1 - folded }) as usize
}

/// Writes a row with a margin of mirrored pixels at both ends; `framed` is longer than `row` by twice the margin, and is empty if
/// `row` is.
pub fn frame(row: &[f32], margin: usize, framed: &mut [f32]) {
    if row.is_empty() {
        return;
    }
    for (x, value) in framed.iter_mut().enumerate() {
        *value = row[mirrored(x as isize - margin as isize, row.len())];
    }
}

/// The row of an image at `y`, which may lie beyond its edges. The image must have rows.
pub fn mirrored_row(plane: &Plane, y: isize) -> &[f32] {
    let y = mirrored(y, plane.height);
    &plane.data[y * plane.width..(y + 1) * plane.width]
}

/// Smooths with a Gaussian of standard deviation `sigma_px` (0 or more, and finite). 0 changes nothing.
pub fn smooth(plane: &Plane, sigma_px: f64) -> Plane {
    let kernel = GaussianKernel::new(sigma_px, Derivative::None);
    let reach = kernel.reach();
    if reach == 0 || plane.data.is_empty() {
        return plane.clone();
    }
    let mut out = Plane::zeros(plane.width, plane.height);
    let mut line = vec![0.0; plane.width];
    let mut framed = vec![0.0; plane.width + 2 * reach];
    for (y, out) in out.data.chunks_exact_mut(plane.width).enumerate() {
        kernel.down(|offset| mirrored_row(plane, y as isize + offset), &mut line);
        frame(&line, reach, &mut framed);
        kernel.along(&framed, reach, out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_bell_and_nothing_is_lost() {
        let mut point = Plane::zeros(41, 37);
        point.data[18 * 41 + 20] = 1.0;
        let bright = smooth(&point, 2.0);
        let bell = |d2: f64| (-d2 / 8.0).exp() / (std::f64::consts::TAU * 4.0);
        for (x, y) in [(20, 18), (22, 18), (17, 20)] {
            let d2 = (x as f64 - 20.0).powi(2) + (y as f64 - 18.0).powi(2);
            assert!((f64::from(bright.at(x, y)) - bell(d2)).abs() < 1e-4, "{x} {y}");
        }
        assert!((bright.data.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        // Mirrors keep what would leave: also of a Gaussian far wider than the image.
        let flat = Plane { width: 3, height: 2, data: vec![5.0; 6] };
        assert!(smooth(&flat, 30.0).data.iter().all(|value| (value - 5.0).abs() < 1e-4));
        assert_eq!(smooth(&point, 0.0), point);
        let nothing = Plane::zeros(0, 4);
        assert_eq!(smooth(&nothing, 3.0), nothing);
    }

    #[test]
    fn derivatives_of_a_parabola() {
        // y = 3 + 2 x + 0.5 x^2: the slope is 2 + x and the curvature 1, and smoothing changes neither. The sampled Gaussian is not
        // exactly as wide as it should be (cut off at 4 of 1.6 px it lacks a thousandth of its variance), hence the tolerance.
        let row: Vec<f32> = (0..61).map(|x| x as f32 - 30.0).map(|x| 3.0 + 2.0 * x + 0.5 * x * x).collect();
        let mut framed = vec![0.0; row.len() + 16];
        frame(&row, 8, &mut framed);
        let filtered = |derivative| {
            let mut out = vec![0.0; row.len()];
            GaussianKernel::new(1.6, derivative).along(&framed, 8, &mut out);
            out
        };
        let (slope, curvature) = (filtered(Derivative::First), filtered(Derivative::Second));
        for x in [10, 30, 47] {
            let expected = 2.0 + (x as f32 - 30.0);
            assert!((slope[x] - expected).abs() < 2e-3 * expected.abs().max(1.0), "{x}: {}", slope[x]);
            // The kernel's sum is not quite 0 and meets values of up to some hundred.
            assert!((curvature[x] - 1.0).abs() < 0.1, "{x}: {}", curvature[x]);
        }
        assert_eq!(GaussianKernel::new(0.0, Derivative::None).weights, [1.0]);
        assert_eq!(GaussianKernel::new(0.0, Derivative::First).weights, [0.0]);
        assert_eq!(GaussianKernel::new(0.0, Derivative::Second).weights, [0.0]);
    }

    #[test]
    fn down_and_along_are_the_same_turned() {
        let along = Plane { width: 7, height: 1, data: vec![1.0, -2.0, 5.0, 3.0, 0.5, 9.0, 4.0] };
        let down = Plane { width: 1, height: 7, data: along.data.clone() };
        for derivative in [Derivative::None, Derivative::First, Derivative::Second] {
            let kernel = GaussianKernel::new(1.0, derivative);
            let (mut framed, mut expected) = (vec![0.0; 7 + 8], vec![0.0; 7]);
            frame(&along.data, 4, &mut framed);
            kernel.along(&framed, 4, &mut expected);
            for (y, &expected) in expected.iter().enumerate() {
                let mut out = [0.0];
                kernel.down(|offset| mirrored_row(&down, y as isize + offset), &mut out);
                assert_eq!(out, [expected]);
            }
        }
    }

    #[test]
    fn margins_hold_the_edge_twice() {
        let mut framed = [0.0; 11];
        frame(&[0.0, 1.0, 2.0], 4, &mut framed);
        assert_eq!(framed, [2.0, 2.0, 1.0, 0.0, 0.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0]);
    }
}
