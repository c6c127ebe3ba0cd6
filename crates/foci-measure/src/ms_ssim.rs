//! Structural similarity over several scales: the eye, and a nucleus, see coarse structure too.
//!
//! Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment", 37th Asilomar
//! Conference, equation 7: contrast and structure at every scale, luminance at the coarsest only, each raised to the
//! weight that observers gave to the scale,
//! `product over scales j < M of structure_j ^ w_j, times similarity_M ^ w_M`.
//! From scale to scale both images are averaged over 2x2 pixels; the last column or row of an odd size is left out.
//!
//! Five scales need 176 pixels on the shorter side. A smaller image uses as many scales as leave an 11x11 window, and the
//! weights of those are scaled to add up to 1, so that the result stays comparable between images of *one* size only.
//! A negative mean (opposite patterns) has no real power; it counts as 0, as in common implementations.

use crate::ssim::{WINDOW, WindowMeans, window_means};
use crate::{ImageView, MeasureError};

/// Weights of the scales, finest first (Wang 2003, section 3.2).
pub const SCALE_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Similarity at the finest scale and over all scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StructuralSimilarity {
    /// The finest scale alone: what [`crate::ssim::ssim`] gives.
    pub ssim: f64,
    /// All scales together.
    pub ms_ssim: f64,
    /// How many scales the size allowed, 1 to 5.
    pub scales: usize,
}

/// Multi-scale structural similarity; `range` is the span of intensities that counts as full scale.
pub fn ms_ssim(original: ImageView, reconstruction: ImageView, range: f64) -> Result<f64, MeasureError> {
    Ok(structural_similarity(original, reconstruction, range)?.ms_ssim)
}

/// How many scales an image of this size allows: 0 if it is smaller than the window.
pub fn scales_for(width: usize, height: usize) -> usize {
    let mut side = width.min(height);
    let mut scales = 0;
    while side >= WINDOW && scales < SCALE_WEIGHTS.len() {
        scales += 1;
        side /= 2;
    }
    scales
}

/// SSIM and MS-SSIM together; the finest scale is computed once.
pub fn structural_similarity(
    original: ImageView,
    reconstruction: ImageView,
    range: f64,
) -> Result<StructuralSimilarity, MeasureError> {
    let finest = window_means(original, reconstruction, range)?;
    let scales = scales_for(original.width(), original.height());
    let mut means = vec![finest];
    let mut pair = (halved(original), halved(reconstruction));
    let (mut width, mut height) = (original.width() / 2, original.height() / 2);
    while means.len() < scales {
        let (a, b) = (ImageView::new(width, height, &pair.0)?, ImageView::new(width, height, &pair.1)?);
        means.push(window_means(a, b, range)?);
        pair = (halved(a), halved(b));
        (width, height) = (width / 2, height / 2);
    }
    Ok(StructuralSimilarity { ssim: finest.similarity, ms_ssim: combine(&means), scales })
}

fn combine(means: &[WindowMeans]) -> f64 {
    let total: f64 = SCALE_WEIGHTS[..means.len()].iter().sum();
    let coarsest = means.len() - 1;
    let factors = means.iter().enumerate().map(|(scale, mean)| {
        let value = if scale == coarsest { mean.similarity } else { mean.structure };
        value.max(0.0).powf(SCALE_WEIGHTS[scale] / total)
    });
    factors.product()
}

/// Mean of every 2x2 block; an odd last column or row is left out.
fn halved(image: ImageView) -> Vec<f32> {
    let (width, height) = (image.width() / 2, image.height() / 2);
    let mut half = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, low) = (image.row(2 * y), image.row(2 * y + 1));
        half.extend((0..width).map(|x| 0.25 * (top[2 * x] + top[2 * x + 1] + low[2 * x] + low[2 * x + 1])));
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_the_published_ones() {
        assert!((SCALE_WEIGHTS.iter().sum::<f64>() - 1.0).abs() < 2e-4);
    }

    #[test]
    fn scales_follow_the_shorter_side() {
        let sides =
            [(10, 0), (11, 1), (21, 1), (22, 2), (43, 2), (44, 3), (88, 4), (175, 4), (176, 5), (5000, 5)];
        for (side, scales) in sides {
            assert_eq!(scales_for(side, 6000), scales, "side {side}");
        }
    }

    #[test]
    fn halving_averages_blocks_and_leaves_out_the_odd_rest() {
        let image = [1.0, 3.0, 9.0, 5.0, 7.0, 9.0, 9.0, 9.0, 9.0];
        assert_eq!(halved(ImageView::new(3, 3, &image).unwrap()), vec![4.0]);
    }
}
