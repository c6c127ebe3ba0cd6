//! Mean squared error and peak signal-to-noise ratio: how large the error is, whatever its shape.
//!
//! `MSE = mean((reconstruction - original)^2)`, in squared intensities;
//! `PSNR = 10 log10(range^2 / MSE)`, in decibels, where `range` is the span of intensities that counts as full scale.
//! Images normalised by percentiles have the range 1.0, although some values lie outside 0..1.
//! Definition as in ITU-T J.340 and `skimage.metrics.peak_signal_noise_ratio`.

use crate::{ImageView, MeasureError};

/// Decibels that stand for "no error at all" where infinity cannot be written (JSON) or averaged.
/// A change by one part in 255 at every pixel is 48 dB; 100 dB is far below what an 8-bit image can show.
pub const CAP_DECIBELS: f64 = 100.0;

/// Mean squared error, summed in `f64` in row order.
pub fn mean_squared_error(original: ImageView, reconstruction: ImageView) -> Result<f64, MeasureError> {
    original.same_size(&reconstruction, "the reconstruction")?;
    let mut sum = 0.0;
    for y in 0..original.height() {
        let pairs = original.row(y).iter().zip(reconstruction.row(y));
        sum += pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
    }
    Ok(sum / original.data().len() as f64)
}

/// Peak signal-to-noise ratio in decibels; [`f64::INFINITY`] for identical images.
pub fn psnr(original: ImageView, reconstruction: ImageView, range: f64) -> Result<f64, MeasureError> {
    check_range(range)?;
    let error = mean_squared_error(original, reconstruction)?;
    Ok(if error > 0.0 { 10.0 * (range * range / error).log10() } else { f64::INFINITY })
}

/// [`psnr`], but at most [`CAP_DECIBELS`] (and at least minus that), so that it can be written, averaged and compared.
pub fn psnr_capped(original: ImageView, reconstruction: ImageView, range: f64) -> Result<f64, MeasureError> {
    Ok(psnr(original, reconstruction, range)?.clamp(-CAP_DECIBELS, CAP_DECIBELS))
}

/// Checks that a data range is a positive number.
pub(crate) fn check_range(range: f64) -> Result<(), MeasureError> {
    if range.is_finite() && range > 0.0 {
        return Ok(());
    }
    Err(MeasureError::BadOption { name: "the data range", value: range, allowed: "a number above 0" })
}
