//! Systems whose answers are known from a formula, for the tests of the measures.

use crate::optics::{Brightness, Scene, Site};
use crate::{ImageView, MeasureError};

/// Changes nothing.
pub(super) fn identity() -> impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError> {
    |scene: ImageView<'_>| Ok(scene.data().to_vec())
}

/// Shows the same grey whatever it is shown.
pub(super) fn erase() -> impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError> {
    |scene: ImageView<'_>| Ok(vec![0.25; scene.data().len()])
}

/// Moves everything to the right by one pixel; the left column is repeated.
pub(super) fn shift() -> impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError> {
    |scene: ImageView<'_>| {
        let moved = |y: usize| (0..scene.width()).map(move |x| scene.row(y)[x.saturating_sub(1)]);
        Ok((0..scene.height()).flat_map(moved).collect())
    }
}

/// Moves everything down by one pixel; the top row is repeated.
pub(super) fn lower() -> impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError> {
    |scene: ImageView<'_>| {
        let moved = |y: usize| scene.row(y.saturating_sub(1)).iter().copied();
        Ok((0..scene.height()).flat_map(moved).collect())
    }
}

/// Convolves with a Gaussian of standard deviation `sigma`, sampled out to 5 sigma and normalised; the border is repeated.
/// Samples of a Gaussian act on Gaussians of at least one pixel as the continuous one does, to within its alias.
pub(super) fn blur(sigma: f64) -> impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError> {
    let reach = (5.0 * sigma).ceil() as i64;
    let samples: Vec<f64> = (-reach..=reach).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = samples.iter().sum();
    let kernel: Vec<f64> = samples.iter().map(|sample| sample / sum).collect();
    move |scene: ImageView<'_>| {
        let (width, height) = (scene.width(), scene.height());
        let inside = |at: usize, tap: usize, length: usize| {
            (at as i64 + tap as i64 - reach).clamp(0, length as i64 - 1) as usize
        };
        let mut rows = vec![0.0; width * height];
        for y in 0..height {
            for x in 0..width {
                let taps = kernel.iter().enumerate();
                rows[y * width + x] =
                    taps.map(|(tap, weight)| weight * f64::from(scene.row(y)[inside(x, tap, width)])).sum();
            }
        }
        let mut image = vec![0.0; width * height];
        for y in 0..height {
            for x in 0..width {
                let taps = kernel.iter().enumerate();
                let value: f64 =
                    taps.map(|(tap, weight)| weight * rows[inside(y, tap, height) * width + x]).sum();
                image[y * width + x] = value as f32;
            }
        }
        Ok(image)
    }
}

/// A site of one intensity.
pub(super) fn flat_site(side: usize, level: f64, brightness: Brightness) -> Site {
    Site { scene: Scene::flat(side, side, level), brightness, level }
}
