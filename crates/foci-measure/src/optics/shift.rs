//! Shift equivariance: does the image move when the specimen moves?
//!
//! An instrument may blur, but what it shows of a detail must not depend on where the detail lies on the pixel grid. A net
//! that keeps every second value of a map does depend on it (Azulay and Weiss 2019, J. Machine Learning Research
//! 20:184; Zhang 2019, Making Convolutional Networks Shift-Invariant Again, ICML).
//!
//! **Shift error.** From the middle of an image a window `W0` is cut, and others that lie `s` pixels further along x or along
//! y, so that real pixels move in at one border and out at the other. With `R` what the system makes of a window, moved
//! back to where `W0` lies,
//!
//! ```text
//! E(s) = root mean square of (R(Ws) - R(W0)) / standard deviation of R(W0)
//! ```
//!
//! the first over the pixels of `W0` that are at least `margin + s` away from its border, the second over those that are at
//! least `margin` away. Mean squares are taken over several images before they are divided, so that a dark window does not
//! blow up what is wrong in it. 0 for a system that moves with the specimen, about 1.4 for images that have nothing to do with each other. A net sees a border as
//! far away as half its receptive field, so with a smaller margin a part of the error is due to what moved in and out.
//!
//! **Period.** A net that pools `n` times by 2 moves exactly with shifts by multiples of 2^n. The period is the smallest
//! `p` of 2, 4, 8 and 16 for which the mean of `E` over the multiples of `p` is less than a quarter of its mean over the
//! other shifts.
//! There is none if no error exceeds 1e-4: convolutions by tiles of 4 x 4 pixels round differently after a shift,
//! by about 1e-5, and that has a period of its own.
//!
//! **Invariance** is asked of the deepest layer ([`invariance`]): is what it makes of the image still the same?

use crate::optics::{System, image};
use crate::{ImageView, MeasureError};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Errors up to here are rounding.
const ROUNDING: f64 = 1e-4;
/// What the mean error at multiples of a period may be of the mean error at other shifts.
const FAR_BETTER: f64 = 0.25;
/// Periods that are looked for.
const PERIODS: [usize; 4] = [2, 4, 8, 16];

/// The error of one shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftPoint {
    /// How far the specimen moved, in pixels.
    pub shift: usize,
    /// Error after a shift along x, in standard deviations of the image.
    pub x: f64,
    /// Error after a shift along y, in standard deviations of the image.
    pub y: f64,
    /// Mean of both, in standard deviations of the image.
    pub mean: f64,
}

/// How far a system is from moving with the specimen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftError {
    /// The errors, in the order of growing shifts.
    pub shifts: Vec<ShiftPoint>,
    /// Mean over all shifts and both directions, in standard deviations of the image.
    pub mean: f64,
    /// Shifts by multiples of so many pixels are far better than others; `None` if there is no such number.
    pub period: Option<usize>,
}

/// Measures the error of every shift of `shifts`, with windows of `side` x `side` pixels from the middles of some images.
///
/// # Errors
/// Those of the system; [`MeasureError`] if there are no images, no shifts or 0 is one of them, if an image has no room for
/// the windows or the window none inside the margins, or if the system makes nothing but constant images.
pub fn shift_error<S: System>(
    system: &mut S,
    images: &[ImageView<'_>],
    side: usize,
    margin: usize,
    shifts: RangeInclusive<usize>,
) -> Result<ShiftError, S::Error> {
    let (first, last) = (*shifts.start(), *shifts.end());
    if images.is_empty() {
        return Err(MeasureError::Empty { width: 0, height: 0 }.into());
    }
    for image_of in images {
        check(image_of.width(), image_of.height(), side, margin, first, last)?;
    }
    let mut spread = 0.0;
    // Mean squares of the errors along x and along y, by shift, over all images.
    let mut errors = vec![[0.0; 2]; last - first + 1];
    for image_of in images {
        let (left, top) = ((image_of.width() - side) / 2, (image_of.height() - side) / 2);
        let mut respond = |x: usize, y: usize| {
            let window = image_of.window(left + x, top + y, side);
            image(system, ImageView::new(side, side, &window)?)
        };
        let still = respond(0, 0)?;
        spread += variance(ImageView::new(side, side, &still)?, margin);
        for (errors, shift) in errors.iter_mut().zip(first..) {
            for (error, (x, y)) in errors.iter_mut().zip([(shift, 0), (0, shift)]) {
                *error += mean_square(&still, &respond(x, y)?, side, margin + shift, (x, y));
            }
        }
    }
    if spread == 0.0 {
        return Err(MeasureError::Flat { measure: "the shift error" }.into());
    }
    let point = |(shift, [x, y]): (usize, &[f64; 2])| {
        let (x, y) = ((x / spread).sqrt(), (y / spread).sqrt());
        ShiftPoint { shift, x, y, mean: (x + y) / 2.0 }
    };
    let points: Vec<ShiftPoint> = (first..).zip(&errors).map(point).collect();
    Ok(ShiftError { mean: mean_of(points.iter()).unwrap_or(0.0), period: period(&points), shifts: points })
}

/// Variance inside the margin; 0 where equal values differ by rounding only.
fn variance(image: ImageView<'_>, margin: usize) -> f64 {
    let side = image.width();
    let inside = image.window(margin, margin, side - 2 * margin);
    let variance = around_mean(&inside) / inside.len() as f64;
    let largest = inside.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    if variance.sqrt() <= f64::from(f32::EPSILON * largest) { 0.0 } else { variance }
}

/// Mean square of what is wrong inside a margin with an image that has moved by so many pixels.
fn mean_square(still: &[f32], moved: &[f32], side: usize, margin: usize, (dx, dy): (usize, usize)) -> f64 {
    let inside = margin..side - margin;
    let difference =
        |x: usize, y: usize| f64::from(moved[(y - dy) * side + x - dx]) - f64::from(still[y * side + x]);
    let row = |y: usize| inside.clone().map(move |x| difference(x, y).powi(2)).sum::<f64>();
    inside.clone().map(row).sum::<f64>() / (inside.len() * inside.len()) as f64
}

/// How little a layer notices a shift: 1 if its maps stay as they were, 0 if they differ as two unrelated maps do.
///
/// With `a` and `b` the values before and after the specimen moved, and the variance of each channel taken around its own mean,
///
/// ```text
/// 1 - root mean square of (b - a) / root of (variance of a + variance of b)
/// ```
///
/// which is `1 - RMS(b - a) / (sqrt(2) standard deviation)` where both vary alike; at least 0. Values are given channel by
/// channel. Channels that do not vary at all count as unrelated unless they stay the same.
///
/// # Errors
/// [`MeasureError`] if there are no values, not as many before as after, not as many in each channel, or one is not finite.
pub fn invariance(channels: usize, still: &[f32], moved: &[f32]) -> Result<f64, MeasureError> {
    let pixels = still.len().checked_div(channels).unwrap_or(0);
    // A channel for a row.
    let still = ImageView::new(pixels, channels, still)?;
    let moved = ImageView::new(pixels, channels, moved)?;
    let (mut difference, mut variance) = (0.0, 0.0);
    for channel in 0..channels {
        let (a, b) = (still.row(channel), moved.row(channel));
        difference += a.iter().zip(b).map(|(&a, &b)| (f64::from(b) - f64::from(a)).powi(2)).sum::<f64>();
        variance += around_mean(a) + around_mean(b);
    }
    if difference == 0.0 {
        return Ok(1.0);
    }
    Ok((1.0 - (difference / variance).sqrt()).clamp(0.0, 1.0))
}

/// Sum of the squares of the deviations from the mean.
fn around_mean(values: &[f32]) -> f64 {
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum()
}

fn check(
    width: usize,
    height: usize,
    side: usize,
    margin: usize,
    first: usize,
    last: usize,
) -> Result<(), MeasureError> {
    if first == 0 || first > last {
        let (name, allowed) = ("the first shift", "at least 1 and not beyond the last");
        return Err(MeasureError::BadOption { name, value: first as f64, allowed });
    }
    // Two pixels inside the margins, to have a spread.
    if side < 2 * (margin + last) + 2 {
        let (name, allowed) =
            ("the side of a window", "larger than twice the margin and the longest shift together");
        return Err(MeasureError::BadOption { name, value: side as f64, allowed });
    }
    let least = side + 2 * last;
    if width.min(height) < least {
        return Err(MeasureError::TooSmall { measure: "the shift error", least, width, height });
    }
    Ok(())
}

/// The smallest period at whose multiples errors are far smaller than elsewhere.
fn period(points: &[ShiftPoint]) -> Option<usize> {
    if points.iter().all(|point| point.mean <= ROUNDING) {
        return None;
    }
    PERIODS.into_iter().find(|period| {
        let at = mean_of(points.iter().filter(|point| point.shift % period == 0));
        let elsewhere = mean_of(points.iter().filter(|point| point.shift % period != 0));
        matches!((at, elsewhere), (Some(at), Some(elsewhere)) if at < FAR_BETTER * elsewhere)
    })
}

/// Mean error of some shifts; `None` without any.
fn mean_of<'a>(points: impl Iterator<Item = &'a ShiftPoint>) -> Option<f64> {
    let (sum, count) = points.fold((0.0, 0), |(sum, count), point| (sum + point.mean, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 64;

    /// Noise with some detail of every size.
    fn specimen() -> Vec<f32> {
        let noise = |i: usize| ((i.wrapping_mul(2_654_435_761) >> 7) % 1000) as f32 / 1000.0;
        let value = |x: usize, y: usize| {
            noise(y * 120 + x) + 0.5 * noise(9000 + y / 4 * 120 + x / 4) + (x as f32 * 0.1).sin()
        };
        (0..120 * 110).map(|i| value(i % 120, i / 120)).collect()
    }

    fn measure(respond: impl Fn(&[f32], usize, usize) -> f32) -> ShiftError {
        let pixels = specimen();
        let mut system = |scene: ImageView<'_>| {
            let values = (0..SIDE * SIDE).map(|i| respond(scene.data(), i % SIDE, i / SIDE));
            Ok::<_, MeasureError>(values.collect::<Vec<f32>>())
        };
        let view = ImageView::new(120, 110, &pixels).unwrap();
        shift_error(&mut system, &[view], SIDE, 2, 1..=16).unwrap()
    }

    #[test]
    fn what_treats_all_pixels_alike_moves_with_the_specimen() {
        let identity = measure(|scene, x, y| scene[y * SIDE + x]);
        assert_eq!((identity.mean, identity.period, identity.shifts.len()), (0.0, None, 16));
        assert_eq!(measure(|scene, x, y| scene[y * SIDE + x].max(0.5).sqrt()).mean, 0.0);
        let blur = measure(|scene, x, y| {
            let at = |x: usize, y: usize| scene[y.min(SIDE - 1) * SIDE + x.min(SIDE - 1)];
            let row = |y: usize| at(x.saturating_sub(1), y) + 2.0 * at(x, y) + at(x + 1, y);
            (row(y.saturating_sub(1)) + 2.0 * row(y) + row(y + 1)) / 16.0
        });
        assert!(blur.mean < 1e-6 && blur.period.is_none(), "{}", blur.mean);
    }

    #[test]
    fn a_coarser_grid_shows_as_its_period() {
        for coarse in [2, 4, 8] {
            let found = measure(|scene, x, y| scene[(y / coarse * coarse) * SIDE + x / coarse * coarse]);
            assert_eq!(found.period, Some(coarse));
            for point in &found.shifts {
                assert_eq!(point.shift % coarse == 0, point.mean == 0.0, "{point:?}");
                assert!(point.shift % coarse == 0 || point.x.min(point.y) > 0.2, "{point:?}");
            }
        }
    }

    #[test]
    fn errors_have_no_unit_and_end_where_images_are_unrelated() {
        let coarse = |scene: &[f32], x: usize, y: usize| scene[(y / 4 * 4) * SIDE + x / 4 * 4];
        let found = measure(coarse);
        // Powers of two cost no bits.
        let in_counts = measure(|scene, x, y| 64.0 * coarse(scene, x, y));
        assert_eq!(found.shifts, in_counts.shifts);
        // Two images that have nothing in common differ by the root of two spreads.
        assert!(
            found.shifts.iter().all(|point| point.x.max(point.y) < 1.1 * 2f64.sqrt()),
            "{:?}",
            found.shifts
        );
    }

    #[test]
    fn a_dark_image_beside_a_rich_one_does_not_blow_up_its_errors() {
        let (rich, dark) = (specimen(), vec![0.1; 120 * 110]);
        // A pixel that is wrong after a shift, in every image: half the side is a mark of the window itself.
        let mut system = |scene: ImageView<'_>| {
            let mut values = scene.data().to_vec();
            values[SIDE / 2 * SIDE + SIDE / 2] += 0.2;
            Ok::<_, MeasureError>(values)
        };
        let view = |pixels: &'static [f32]| ImageView::new(120, 110, pixels).unwrap();
        let (rich, dark) = (view(rich.leak()), view(dark.leak()));
        let mut error =
            |images: &[ImageView<'_>]| shift_error(&mut system, images, SIDE, 2, 1..=4).unwrap().mean;
        let (alone, both) = (error(&[rich]), error(&[rich, dark]));
        // Twice the wrong squares by nearly the same spread: less than the root of two times as much.
        assert!(both > alone && both < 1.5 * alone, "{alone} alone, {both} with a dark one");
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let pixels = specimen();
        let view = ImageView::new(120, 110, &pixels).unwrap();
        let mut identity = |scene: ImageView<'_>| Ok::<_, MeasureError>(scene.data().to_vec());
        let mut measure = |side, margin, shifts| shift_error(&mut identity, &[view], side, margin, shifts);
        assert!(matches!(measure(64, 2, 0..=3), Err(MeasureError::BadOption { .. })));
        assert!(matches!(measure(40, 18, 1..=2), Err(MeasureError::BadOption { .. })));
        assert!(matches!(measure(104, 2, 1..=4), Err(MeasureError::TooSmall { least: 112, .. })));
        let mut dead = |scene: ImageView<'_>| Ok::<_, MeasureError>(vec![0.3; scene.data().len()]);
        assert!(matches!(shift_error(&mut dead, &[view], 64, 2, 1..=2), Err(MeasureError::Flat { .. })));
        assert!(matches!(shift_error(&mut dead, &[], 64, 2, 1..=2), Err(MeasureError::Empty { .. })));
    }

    #[test]
    fn invariance_is_one_for_the_same_and_nothing_for_unrelated_maps() {
        let (a, b) = (&specimen()[..6000], &specimen()[6003..12003]);
        assert_eq!(invariance(3, a, a).unwrap(), 1.0);
        // Channels that differ in nothing but their means, as good as unrelated inside each.
        let noise = |from: usize| -> Vec<f32> {
            let draw = |i: usize| ((i + from).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 1000;
            (0..6000).map(|i| (i / 2000) as f32 * 10.0 + draw(i * i) as f32 / 1000.0).collect()
        };
        let unrelated = invariance(3, &noise(0), &noise(70_001)).unwrap();
        assert!(unrelated < 0.03, "{unrelated}");
        assert!(invariance(1, a, b).unwrap() < 0.6);
        // Half the distance of unrelated maps.
        let (still, other) = (noise(0), noise(70_001));
        let between: Vec<f32> = still.iter().zip(&other).map(|(a, b)| a + 0.1 * (b - a)).collect();
        let found = invariance(3, &still, &between).unwrap();
        assert!((found - (1.0 - 0.1 / (0.5f64 * (1.0 + 0.82)).sqrt())).abs() < 0.01, "{found}");
        assert_eq!(invariance(1, &[0.0; 4], &[1.0; 4]).unwrap(), 0.0);
        assert!(matches!(invariance(0, &[], &[]), Err(MeasureError::Empty { .. })));
        assert!(matches!(invariance(2, &[0.0; 4], &[0.0; 6]), Err(MeasureError::Length { .. })));
    }
}
