//! Light on its way to the camera: the point spread of the focal plane, haze from everything else, and uneven
//! illumination.
//!
//! The core of a widefield point spread is Gaussian to within a few per cent; its far tails and the light of
//! planes out of focus are the haze, a wide blur of the same scene.

use crate::bilinear::enlarged;
use crate::gaussian::mirrored;

/// Standard deviation in pixels of the Gaussian that fits the in-focus widefield point spread best:
/// 0.225 * wavelength / aperture (Zhang, Zerubia, Olivo-Marin 2007, Applied Optics 46, 1819, 2D paraxial
/// case), divided by the pixel size; `wavelength` and `pixel` in the same unit.
pub fn point_spread_sigma(wavelength: f64, aperture: f64, pixel: f64) -> f64 {
    0.225 * wavelength / aperture / pixel
}

/// Gaussian blur with mirrored borders (no light is lost at the edge of the field): a sampled, normalised kernel
/// of 4 sigma on either side, rows then columns.
pub(crate) fn gaussian_blur(data: &mut [f32], width: usize, height: usize, sigma: f64) {
    let radius = (4.0 * sigma).ceil().max(1.0) as usize;
    let weights: Vec<f64> = (0..=radius).map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp()).collect();
    let total = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let kernel: Vec<f32> = weights.iter().map(|w| (w / total) as f32).collect();
    let mut padded = vec![0f32; width + 2 * radius];
    for row in data.chunks_exact_mut(width) {
        for (index, value) in padded.iter_mut().enumerate() {
            *value = row[mirrored(index as isize - radius as isize, width)];
        }
        for (x, value) in row.iter_mut().enumerate() {
            *value = kernel[0] * padded[x + radius];
        }
        for (k, weight) in kernel.iter().enumerate().skip(1) {
            let (left, right) = (&padded[radius - k..], &padded[radius + k..]);
            for ((value, l), r) in row.iter_mut().zip(left).zip(right) {
                *value += weight * (l + r);
            }
        }
    }
    let source = data.to_vec();
    let row = |y: isize| {
        let y = mirrored(y, height);
        &source[y * width..(y + 1) * width]
    };
    for (y, target) in data.chunks_exact_mut(width).enumerate() {
        for (value, s) in target.iter_mut().zip(row(y as isize)) {
            *value = kernel[0] * s;
        }
        for (k, weight) in kernel.iter().enumerate().skip(1) {
            let (above, below) = (row(y as isize - k as isize), row(y as isize + k as isize));
            for ((value, a), b) in target.iter_mut().zip(above).zip(below) {
                *value += weight * (a + b);
            }
        }
    }
}

/// A wide Gaussian blur at a cost that does not depend on its width: the field is averaged in square bins of
/// about a third of sigma, blurred there, and brought back by bilinear interpolation. Binning and interpolation
/// add some (1/12 + 1/6) bins squared of variance, which is subtracted from the blur.
pub(crate) fn wide_blur(data: &[f32], width: usize, height: usize, sigma: f64) -> Vec<f32> {
    let bin = ((sigma / 3.0).floor() as usize).clamp(1, width.min(height).div_ceil(2));
    let (w, h) = (width.div_ceil(bin), height.div_ceil(bin));
    let mut coarse = vec![0f32; w * h];
    let mut counts = vec![0f32; w * h];
    for y in 0..height {
        for x in 0..width {
            let at = (y / bin) * w + x / bin;
            coarse[at] += data[y * width + x];
            counts[at] += 1.0;
        }
    }
    for (value, count) in coarse.iter_mut().zip(&counts) {
        *value /= count;
    }
    let added = if bin > 1 { 0.25 } else { 0.0 };
    gaussian_blur(&mut coarse, w, h, ((sigma / bin as f64).powi(2) - added).sqrt());
    enlarged(&coarse, w, h, bin, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variance_along_x(data: &[f32], width: usize) -> f64 {
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for (at, value) in data.iter().enumerate() {
            let (x, value) = ((at % width) as f64, f64::from(*value));
            sum += value;
            first += value * x;
            second += value * x * x;
        }
        second / sum - (first / sum).powi(2)
    }

    #[test]
    fn blurs_have_the_wanted_variance_and_keep_the_light() {
        let (width, height) = (301, 201);
        let mut point = vec![0f32; width * height];
        point[100 * width + 150] = 1000.0;
        let mut sharp = point.clone();
        gaussian_blur(&mut sharp, width, height, 1.3);
        assert!((variance_along_x(&sharp, width) - 1.69).abs() < 0.01);
        assert!((sharp.iter().sum::<f32>() - 1000.0).abs() < 0.1);
        let wide = wide_blur(&point, width, height, 15.0);
        let sigma = variance_along_x(&wide, width).sqrt();
        assert!((sigma - 15.0).abs() < 0.5, "{sigma}");
        assert!((wide.iter().sum::<f32>() - 1000.0).abs() < 10.0);
    }

    #[test]
    fn a_flat_field_stays_flat() {
        let mut flat = vec![3.0f32; 40 * 30];
        gaussian_blur(&mut flat, 40, 30, 20.0);
        assert!(flat.iter().chain(&wide_blur(&flat, 40, 30, 25.0)).all(|v| (v - 3.0).abs() < 1e-4));
    }

    #[test]
    fn sigma_of_a_dry_objective_is_as_computed_by_hand() {
        // 0.225 * 461 nm / 0.95 = 109.2 nm; pixels of 161.25 nm (6.45 um camera, 40x).
        assert!((point_spread_sigma(461.0, 0.95, 161.25) - 0.677).abs() < 1e-3);
    }
}
