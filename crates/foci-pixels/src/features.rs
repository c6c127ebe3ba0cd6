//! Hand-made features: for each pixel a row of numbers that say what is around it, from fine to coarse.
//!
//! These are the filters of ilastik (Berg et al., Nature Methods 2019) at its scales: seven numbers at each scale, which the
//! `scale` module explains. Two things differ. ilastik smooths with the scale first and then takes derivatives at 1 px, and smooths
//! its structure tensor with half a pixel at every scale above 1; here each derivative is that of a Gaussian of the scale itself,
//! which is the same but for sampling, and the tensor is smoothed with half the scale. And ilastik offers differences of Gaussians,
//! which here would repeat the Laplacian.
//!
//! Rows of an image are computed for themselves, from the pixels around them, and come out the same whichever rows are asked for
//! together: large images can go band by band, and bands to different threads.

use crate::PixelError;
use crate::scale::{FEATURES, NAMES, Scale};
use foci_image::Plane;
use std::ops::Range;

/// ilastik's scales: standard deviations in pixels.
pub const SCALES_PX: [f64; 6] = [0.7, 1.0, 1.6, 3.5, 5.0, 10.0];
/// The widest scale that is allowed, in pixels: beyond it the work grows and nothing is seen that a smaller image would not show.
pub const LARGEST_SCALE_PX: f64 = 100.0;
/// So many scales at most, so that a feature's number fits into a byte.
pub const MOST_SCALES: usize = 32;

/// The filters at some scales.
#[derive(Debug, Clone)]
pub struct FeatureBank {
    scales_px: Vec<f64>,
    scales: Vec<Scale>,
}

impl FeatureBank {
    /// Filters at these scales (standard deviations in pixels), in this order.
    ///
    /// # Errors
    /// [`PixelError::Scale`] for a scale that is not above 0 and at most [`LARGEST_SCALE_PX`]; [`PixelError::Scales`] for none or
    /// more than [`MOST_SCALES`].
    pub fn new(scales_px: &[f64]) -> Result<Self, PixelError> {
        if scales_px.is_empty() || scales_px.len() > MOST_SCALES {
            return Err(PixelError::Scales { found: scales_px.len() });
        }
        let allowed = |scale: f64| scale > 0.0 && scale <= LARGEST_SCALE_PX;
        if let Some(&scale_px) = scales_px.iter().find(|&&scale| !allowed(scale)) {
            return Err(PixelError::Scale { scale_px });
        }
        let scales = scales_px.iter().map(|&scale| Scale::new(scale)).collect();
        Ok(Self { scales_px: scales_px.to_vec(), scales })
    }

    /// The scales, in pixels.
    pub fn scales_px(&self) -> &[f64] {
        &self.scales_px
    }

    /// Number of features of a pixel.
    pub fn features(&self) -> usize {
        self.scales.len() * FEATURES
    }

    /// What each feature is, such as `laplacian 1.6 px`.
    pub fn names(&self) -> Vec<String> {
        let of = |scale: &f64| NAMES.map(|name| format!("{name} {scale} px"));
        self.scales_px.iter().flat_map(of).collect()
    }

    /// The features of some rows of an image, [features, rows, width]. Rows beyond the image are left out.
    pub fn of_rows(&self, plane: &Plane, rows: Range<usize>) -> Vec<f32> {
        let rows = rows.start.min(plane.height)..rows.end.min(plane.height);
        let length = FEATURES * rows.len() * plane.width;
        let mut out = vec![0.0; self.scales.len() * length];
        if length > 0 {
            for (scale, out) in self.scales.iter().zip(out.chunks_exact_mut(length)) {
                scale.of_rows(plane, rows.clone(), out);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_what_the_whole_image_gives() {
        // Small enough that the widest filters reach across it several times.
        let (width, height) = (23, 31);
        let data = (0..width * height).map(|at| ((at * 7919) % 251) as f32).collect();
        let plane = Plane { width, height, data };
        let bank = FeatureBank::new(&SCALES_PX).unwrap();
        let whole = bank.of_rows(&plane, 0..height);
        for rows in [0..1, 0..9, 9..20, 30..31, 5..31, 28..40] {
            let band = bank.of_rows(&plane, rows.clone());
            let rows = rows.start..rows.end.min(height);
            for feature in 0..bank.features() {
                let start = (feature * height + rows.start) * width;
                let length = rows.len() * width;
                let expected = &whole[start..start + length];
                assert_eq!(&band[feature * length..(feature + 1) * length], expected, "{feature} {rows:?}");
            }
        }
        assert!(bank.of_rows(&plane, 31..40).is_empty());
        assert!(bank.of_rows(&Plane::zeros(0, 5), 0..5).is_empty());
    }

    #[test]
    fn names_say_kind_and_scale() {
        let bank = FeatureBank::new(&[0.7, 10.0]).unwrap();
        assert_eq!((bank.features(), bank.names().len()), (14, 14));
        assert_eq!(
            (bank.names()[1].as_str(), bank.names()[13].as_str()),
            ("laplacian 0.7 px", "structure tensor smaller 10 px")
        );
    }

    #[test]
    fn scales_that_make_no_filter_are_refused() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 101.0] {
            assert!(matches!(FeatureBank::new(&[1.0, scale]), Err(PixelError::Scale { .. })), "{scale}");
        }
        assert!(matches!(FeatureBank::new(&[]), Err(PixelError::Scales { found: 0 })));
        assert!(matches!(FeatureBank::new(&[1.0; 33]), Err(PixelError::Scales { found: 33 })));
    }
}
