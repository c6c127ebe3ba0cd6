//! The features of one scale: what the surroundings of a pixel, so many pixels wide, look like.
//!
//! With G the image smoothed with a Gaussian of the scale, and subscripts for derivatives (by Gaussian derivatives, never by
//! differences):
//!
//! 1. G itself: how bright;
//! 2. the Laplacian Gxx + Gyy: spots and rings (Marr and Hildreth 1980);
//! 3. the gradient's magnitude sqrt(Gx^2 + Gy^2): edges;
//! 4. and 5. the larger and the smaller eigenvalue of the Hessian (Gxx Gxy; Gxy Gyy): ridges and valleys apart from spots;
//! 6. and 7. the larger and the smaller eigenvalue of the structure tensor, (Gx^2 GxGy; GxGy Gy^2) smoothed with half the scale:
//!    edges that go one way, and corners and texture, which go several (Förstner and Gülch 1987; Harris and Stephens 1988).
//!
//! None of them changes when the image is turned by a right angle or mirrored. Units are those of the image's values by the pixel
//! for each derivative; the structure tensor's are squares of the gradient's. Everything is in single precision.

use foci_image::Plane;
use foci_image::gaussian::{Derivative, GaussianKernel, frame, mirrored, mirrored_row};
use std::ops::Range;

/// Features of one scale.
pub(crate) const FEATURES: usize = 7;
/// Their names.
pub(crate) const NAMES: [&str; FEATURES] = [
    "gaussian",
    "laplacian",
    "gradient",
    "hessian larger",
    "hessian smaller",
    "structure tensor larger",
    "structure tensor smaller",
];

/// The structure tensor is smoothed with so many scales.
const TENSOR_SMOOTHING: f64 = 0.5;

/// The filters of one scale.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    smooth: GaussianKernel,
    slope: GaussianKernel,
    curvature: GaussianKernel,
    tensor: GaussianKernel,
}

impl Scale {
    /// For a standard deviation in pixels, above 0.
    pub fn new(sigma_px: f64) -> Self {
        let kernel = |derivative| GaussianKernel::new(sigma_px, derivative);
        Self {
            smooth: kernel(Derivative::None),
            slope: kernel(Derivative::First),
            curvature: kernel(Derivative::Second),
            tensor: GaussianKernel::new(TENSOR_SMOOTHING * sigma_px, Derivative::None),
        }
    }

    /// Writes the features of some rows of an image into `out`, [`FEATURES`] x rows x width. The image has pixels.
    pub fn of_rows(&self, plane: &Plane, rows: Range<usize>, out: &mut [f32]) {
        let width = plane.width;
        let mut features = out.chunks_exact_mut(rows.len() * width);
        let mut planes: [&mut [f32]; FEATURES] = std::array::from_fn(|_| features.next().unwrap_or_default());
        // The tensor of these rows is smoothed from the gradients of some more.
        let reach = self.tensor.reach();
        let near = rows.start.saturating_sub(reach)..(rows.end + reach).min(plane.height);
        let mut tensor: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; near.len() * width]);
        let mut lines = Lines::new(width, self.smooth.reach());
        for (place, y) in near.clone().enumerate() {
            lines.go_down(self, plane, y);
            let [slope_x, slope_y] = lines.slopes(self);
            let here = place * width..(place + 1) * width;
            multiply(slope_x, slope_x, &mut tensor[0][here.clone()]);
            multiply(slope_x, slope_y, &mut tensor[1][here.clone()]);
            multiply(slope_y, slope_y, &mut tensor[2][here]);
            if rows.contains(&y) {
                let here = (y - rows.start) * width..(y - rows.start + 1) * width;
                let [bright, laplacian, gradient, larger, smaller, ..] = &mut planes;
                let slopes = slope_x.iter().zip(slope_y);
                for (out, (x, y)) in gradient[here.clone()].iter_mut().zip(slopes) {
                    *out = (x * x + y * y).sqrt();
                }
                self.smooth.along(&lines.framed[0], lines.margin, &mut bright[here.clone()]);
                let [xx, xy, yy] = lines.curvatures(self);
                let curvatures = xx.iter().zip(yy);
                laplacian[here.clone()].iter_mut().zip(curvatures).for_each(|(out, (xx, yy))| *out = xx + yy);
                eigenvalues([xx, xy, yy], &mut larger[here.clone()], &mut smaller[here]);
            }
        }
        let [.., larger, smaller] = &mut planes;
        let mut framed = vec![0.0; width + 2 * reach];
        let mut line = vec![0.0; width];
        let mut smooth: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; width]);
        for (place, y) in rows.clone().enumerate() {
            for (component, smooth) in tensor.iter().zip(&mut smooth) {
                let row = |offset: isize| {
                    // Mirrors of the rows near an edge of the image are near that edge.
                    let y = mirrored(y as isize + offset, plane.height) - near.start;
                    &component[y * width..(y + 1) * width]
                };
                self.tensor.down(row, &mut line);
                frame(&line, reach, &mut framed);
                self.tensor.along(&framed, reach, smooth);
            }
            let here = place * width..(place + 1) * width;
            eigenvalues(smooth.each_ref().map(Vec::as_slice), &mut larger[here.clone()], &mut smaller[here]);
        }
    }
}

/// What is kept of one row: filtered down the columns (smoothed, differentiated once and twice), and then along itself.
struct Lines {
    line: Vec<f32>,
    framed: [Vec<f32>; 3],
    margin: usize,
    out: [Vec<f32>; 3],
}

impl Lines {
    fn new(width: usize, margin: usize) -> Self {
        Self {
            line: vec![0.0; width],
            framed: std::array::from_fn(|_| vec![0.0; width + 2 * margin]),
            margin,
            out: std::array::from_fn(|_| vec![0.0; width]),
        }
    }

    fn go_down(&mut self, scale: &Scale, plane: &Plane, y: usize) {
        for (kernel, framed) in
            [&scale.smooth, &scale.slope, &scale.curvature].into_iter().zip(&mut self.framed)
        {
            kernel.down(|offset| mirrored_row(plane, y as isize + offset), &mut self.line);
            frame(&self.line, self.margin, framed);
        }
    }

    /// Gx and Gy.
    fn slopes(&mut self, scale: &Scale) -> [&[f32]; 2] {
        let [smooth, slope, _] = &self.framed;
        let [x, y, _] = &mut self.out;
        scale.slope.along(smooth, self.margin, x);
        scale.smooth.along(slope, self.margin, y);
        [x, y]
    }

    /// Gxx, Gxy and Gyy.
    fn curvatures(&mut self, scale: &Scale) -> [&[f32]; 3] {
        let [smooth, slope, curvature] = &self.framed;
        let [xx, xy, yy] = &mut self.out;
        scale.curvature.along(smooth, self.margin, xx);
        scale.slope.along(slope, self.margin, xy);
        scale.smooth.along(curvature, self.margin, yy);
        [xx, xy, yy]
    }
}

fn multiply(a: &[f32], b: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = a * b);
}

/// The eigenvalues of symmetric matrices (a b; b c): (a + c) / 2 +- sqrt(((a - c) / 2)^2 + b^2).
fn eigenvalues([a, b, c]: [&[f32]; 3], larger: &mut [f32], smaller: &mut [f32]) {
    let entries = a.iter().zip(b).zip(c);
    for ((larger, smaller), ((a, b), c)) in larger.iter_mut().zip(smaller.iter_mut()).zip(entries) {
        let (middle, half) = ((a + c) * 0.5, (a - c) * 0.5);
        let apart = (half * half + b * b).sqrt();
        (*larger, *smaller) = (middle + apart, middle - apart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_by_hand() {
        // (2 1; 1 2): 3 and 1. (0 2; 2 3): 4 and -1. (-5 0; 0 7): 7 and -5.
        let (mut larger, mut smaller) = ([0.0; 3], [0.0; 3]);
        eigenvalues([&[2.0, 0.0, -5.0], &[1.0, 2.0, 0.0], &[2.0, 3.0, 7.0]], &mut larger, &mut smaller);
        assert_eq!((larger, smaller), ([3.0, 4.0, 7.0], [1.0, -1.0, -5.0]));
    }

    #[test]
    fn a_ramp_is_all_edge_and_one_way() {
        // Slope 3 to the right and 4 down: gradient 5, no curvature, structure tensor of eigenvalues 25 and 0.
        let mut ramp = Plane::zeros(40, 36);
        ramp.data
            .iter_mut()
            .enumerate()
            .for_each(|(at, v)| *v = 3.0 * (at % 40) as f32 + 4.0 * (at / 40) as f32);
        let mut out = vec![0.0; FEATURES * 36 * 40];
        Scale::new(1.6).of_rows(&ramp, 0..36, &mut out);
        let middle = 18 * 40 + 20;
        let found: Vec<f32> = out.chunks_exact(36 * 40).map(|feature| feature[middle]).collect();
        // The sampled kernel is some thousandths narrower than it should be, and the curvature's sum not quite 0 at values of 132.
        let expected = [132.0, 0.0, 5.0, 0.0, 0.0, 25.0, 0.0];
        let tolerance = [1e-3, 0.2, 0.02, 0.1, 0.1, 0.2, 1e-3];
        for ((found, expected), tolerance) in found.iter().zip(expected).zip(tolerance) {
            assert!((found - expected).abs() < tolerance, "{found} {expected}");
        }
    }
}
