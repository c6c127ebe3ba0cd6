//! Structural similarity: how alike two images are in local brightness, contrast and pattern.
//!
//! Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality assessment: from error visibility to structural similarity",
//! IEEE Trans. Image Processing 13:600, equation 13. In every 11x11 window, weighted by a Gaussian of standard
//! deviation 1.5 pixels,
//!
//! ```text
//! luminance = (2 ma mb + C1) / (ma^2 + mb^2 + C1)
//! structure = (2 cab + C2) / (va + vb + C2)            contrast and structure together, "cs"
//! SSIM      = luminance * structure
//! C1 = (0.01 range)^2,  C2 = (0.03 range)^2
//! ```
//!
//! with weighted means `m`, variances `v` (divided by the sum of weights, not by one less) and covariance `c`.
//! The result is the mean over all windows that lie wholly inside the image. No unit; 1 for identical images, at least -1.
//! `skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)` is the same number.

use crate::psnr::check_range;
use crate::{ImageView, MeasureError};

/// Side of the window in pixels.
pub const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const K1: f64 = 0.01;
const K2: f64 = 0.03;

/// Mean over all windows of one scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WindowMeans {
    /// Luminance times contrast and structure.
    pub similarity: f64,
    /// Contrast and structure only.
    pub structure: f64,
}

/// Mean structural similarity; `range` is the span of intensities that counts as full scale.
pub fn ssim(original: ImageView, reconstruction: ImageView, range: f64) -> Result<f64, MeasureError> {
    Ok(window_means(original, reconstruction, range)?.similarity)
}

/// The eleven weights of the window along one axis; they add up to 1.
pub(crate) fn gaussian_window() -> [f64; WINDOW] {
    let centre = (WINDOW / 2) as f64;
    let mut weights: [f64; WINDOW] =
        std::array::from_fn(|i| (-(i as f64 - centre).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

/// The local sums that the formula needs: of a, of b, of a^2 + b^2, of a b.
const MOMENTS: usize = 4;

/// Means of similarity and structure over all windows, by separable filters.
///
/// The vertical filter runs first, over the moments of the last eleven rows, which stay in the cache; only the sum of
/// both variances enters the formula, so four filtered maps are enough instead of five.
pub(crate) fn window_means(
    original: ImageView,
    reconstruction: ImageView,
    range: f64,
) -> Result<WindowMeans, MeasureError> {
    check_range(range)?;
    original.same_size(&reconstruction, "the reconstruction")?;
    let (width, height) = (original.width(), original.height());
    if width < WINDOW || height < WINDOW {
        return Err(MeasureError::TooSmall { measure: "SSIM", least: WINDOW, width, height });
    }
    let weights = gaussian_window();
    let (c1, c2) = ((K1 * range).powi(2), (K2 * range).powi(2));
    let columns = width - WINDOW + 1;
    let mut recent = vec![vec![0.0; width * MOMENTS]; WINDOW];
    let mut vertical = vec![0.0; width * MOMENTS];
    let mut filtered = vec![0.0; columns * MOMENTS];
    let (mut similarity, mut structure) = (0.0, 0.0);
    for y in 0..height {
        fill_moments(original.row(y), reconstruction.row(y), &mut recent[y % WINDOW]);
        let Some(top) = (y + 1).checked_sub(WINDOW) else { continue };
        let row = |offset: usize| recent[(top + offset) % WINDOW].as_slice();
        filter_rows(std::array::from_fn(row), &weights, &mut vertical);
        for moment in 0..MOMENTS {
            let line = &vertical[moment * width..(moment + 1) * width];
            filter_along(line, &weights, &mut filtered[moment * columns..(moment + 1) * columns]);
        }
        let (means_a, rest) = filtered.split_at(columns);
        let (means_b, rest) = rest.split_at(columns);
        let (squares, products) = rest.split_at(columns);
        let (mut row_similarity, mut row_structure) = (0.0, 0.0);
        for x in 0..columns {
            let (a, b) = (means_a[x], means_b[x]);
            let (product, squared) = (a * b, a * a + b * b);
            let contrast = (2.0 * (products[x] - product) + c2) / (squares[x] - squared + c2);
            row_structure += contrast;
            row_similarity += contrast * (2.0 * product + c1) / (squared + c1);
        }
        similarity += row_similarity;
        structure += row_structure;
    }
    let windows = (columns * (height - WINDOW + 1)) as f64;
    Ok(WindowMeans { similarity: similarity / windows, structure: structure / windows })
}

fn fill_moments(a: &[f32], b: &[f32], moments: &mut [f64]) {
    let width = a.len();
    let (means_a, rest) = moments.split_at_mut(width);
    let (means_b, rest) = rest.split_at_mut(width);
    let (squares, products) = rest.split_at_mut(width);
    for x in 0..width {
        let (a, b) = (f64::from(a[x]), f64::from(b[x]));
        means_a[x] = a;
        means_b[x] = b;
        squares[x] = a * a + b * b;
        products[x] = a * b;
    }
}

/// Weighted sum of eleven rows; the window is symmetric, so rows at the same distance share a multiplication.
fn filter_rows(rows: [&[f64]; WINDOW], weights: &[f64; WINDOW], out: &mut [f64]) {
    let length = out.len();
    let rows = rows.map(|row| &row[..length]);
    for x in 0..length {
        let mut sum = weights[5] * rows[5][x];
        for k in 0..5 {
            sum += weights[k] * (rows[k][x] + rows[10 - k][x]);
        }
        out[x] = sum;
    }
}

/// Weighted sum of eleven neighbours along a row, at the places where all eleven exist.
fn filter_along(line: &[f64], weights: &[f64; WINDOW], out: &mut [f64]) {
    let length = out.len();
    let shifted: [&[f64]; WINDOW] = std::array::from_fn(|k| &line[k..k + length]);
    filter_rows(shifted, weights, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_is_the_published_gaussian() {
        let weights = gaussian_window();
        // fspecial('gaussian', 11, 1.5): the centre row's sum, and the ratio exp(-1 / 4.5) next to the centre.
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert!((weights[4] / weights[5] - (-1.0f64 / 4.5).exp()).abs() < 1e-15);
        assert!((weights[5] - 0.266_011_72).abs() < 1e-8);
    }

    #[test]
    fn constant_images_differ_by_luminance_only() {
        // a = 0.5, b = 0.25, no variance: (2 * 0.125 + 1e-4) / (0.25 + 0.0625 + 1e-4) = 0.2501 / 0.3126.
        let (a, b) = (vec![0.5; 20 * 15], vec![0.25; 20 * 15]);
        let value =
            ssim(ImageView::new(20, 15, &a).unwrap(), ImageView::new(20, 15, &b).unwrap(), 1.0).unwrap();
        assert!((value - 0.2501 / 0.3126).abs() < 1e-12);
    }

    #[test]
    fn brightness_counts_by_the_range() {
        let image = |period: usize, scale: f32| -> Vec<f32> {
            (0..20 * 15).map(|i| scale * (i * i % period) as f32 / 32.0).collect()
        };
        let value = |scale: f32| {
            let (a, b) = (image(31, scale), image(29, scale));
            let view = |data| ImageView::new(20, 15, data).unwrap();
            ssim(view(&a), view(&b), f64::from(scale)).unwrap()
        };
        assert!((value(1.0) - value(256.0)).abs() < 1e-12);
    }
}
