//! Gridding and checkerboards: a pattern of the net's own, with a period of its own.
//!
//! Dilated convolutions that nothing mixes afterwards answer a point with copies of itself, a dilation apart (gridding: Yu,
//! Koltun, Funkhouser 2017, Dilated Residual Networks). Transposed convolutions print their phases on a flat field
//! (checkerboards: Odena, Dumoulin, Olah 2016, Deconvolution and Checkerboard Artifacts). Both repeat after `p`
//! pixels, so both put power near the spatial frequencies `(i / p, j / p)` cycles per pixel.
//!
//! **Near, but how near, and compared with what?** A pattern that covers a flat field is a line of the spectrum. The three
//! copies along each axis that a dilated convolution makes are a lobe, a third of `1 / p` wide to either side, whatever
//! the size of the map: a neighbourhood of so many bins is too small for it. And a share of all power would hide
//! gridding behind the blur that comes with it, while a ratio of neighbouring powers has no bounds and follows the
//! noise where there is hardly any power. So the plane of frequencies is cut into squares of side `1 / p` around the
//! frequencies `(i / p, j / p)`. The one around frequency 0 is left out: it holds what is coarser than the pattern, such
//! as the size of a spot. In each of the others, let `c` be the share of power in its core, the square of half its side,
//! and `w` the share that a white spectrum would have there: 1/4, or what the bins make of it. The grid energy is the
//! mean of `c - w` by that of `1 - w`, both weighted with the power `P` of the squares, and at least 0:
//!
//! ```text
//! max(0, sum of P (c - w)) / sum of P (1 - w)
//! ```
//!
//! - 1: all detail finer than the pattern is the pattern: a checkerboard on a flat field;
//! - about 0.8: three copies of a pixel along each axis, `p` pixels apart;
//! - 0: a single pixel, whose spectrum is white; below 0.03: a Gaussian spot, whose spectrum falls, and so has less in
//!   cores than around them, and white noise, by chance, in maps of 64 pixels or more.
//!
//! Lines at `(i / p, j / p)` are lines at `(2 i / 2 p, 2 j / 2 p)` too: a pattern of period 4 has an energy at 8 and 16, smaller
//! where the map holds few repeats of those. At 2 it has none if its lines are all of one height, because they lie on the borders
//! of squares as well as in cores. So the smallest period with a high energy is that of the pattern.
//!
//! Spectra are those of the map without its mean, under a Hann window. To `P` in the denominator that of white noise is
//! added whose standard deviation is 1e-5 of the map's largest value: single precision and convolutions by tiles leave
//! as much, the latter with a period of 4, and it shall not be taken for a pattern of the net. Energies have no unit.

use crate::optics::spectrum::Spectrum;
use crate::optics::{Scene, System, image};
use crate::{ImageView, MeasureError};
use serde::{Deserialize, Serialize};

/// Fewest bins in the side of a square: the core then holds a line and what the window makes of it.
const LEAST_BINS: usize = 4;

/// How much of a map's fine detail is a pattern of one period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodEnergy {
    /// After how many pixels the pattern repeats.
    pub period: usize,
    /// Grid energy: 0 for none, 1 if all detail finer than the period is the pattern; no unit.
    pub energy: f64,
}

/// What a system makes of a scene in which there is nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlatField {
    /// Standard deviation inside the margin, as a share of the intensity of the scene; no unit.
    pub deviation: f64,
    /// Patterns inside the margin, in the order of the periods that were asked for.
    pub periods: Vec<PeriodEnergy>,
}

/// The grid energy of a map at one period.
///
/// # Errors
/// [`MeasureError`] if the period is less than 2, or the map not at least four periods long on each side.
pub fn grid_energy(map: ImageView<'_>, period: usize) -> Result<f64, MeasureError> {
    check(map.width(), map.height(), period)?;
    Ok(Spectrum::of(map).energy(period))
}

/// The grid energies of the response to a point, or of any other map.
///
/// # Errors
/// As [`grid_energy`].
pub fn gridding(response: ImageView<'_>, periods: &[usize]) -> Result<Vec<PeriodEnergy>, MeasureError> {
    for &period in periods {
        check(response.width(), response.height(), period)?;
    }
    let spectrum = Spectrum::of(response);
    Ok(periods.iter().map(|&period| PeriodEnergy { period, energy: spectrum.energy(period) }).collect())
}

/// What `system` makes of `side` x `side` pixels of intensity `level`, `margin` pixels left out on each side.
///
/// # Errors
/// Those of the system; [`MeasureError`] if the level is not above 0, or if no four periods fit inside the margins.
pub fn flat_field<S: System>(
    system: &mut S,
    side: usize,
    level: f64,
    margin: usize,
    periods: &[usize],
) -> Result<FlatField, S::Error> {
    if !(level.is_finite() && level > 0.0) {
        let (name, allowed) = ("the level of a flat field", "an intensity above 0");
        return Err(MeasureError::BadOption { name, value: level, allowed }.into());
    }
    let inside = side.saturating_sub(margin.saturating_mul(2));
    for &period in periods {
        check(inside, inside, period)?;
    }
    let scene = Scene::flat(side, side, level);
    let response = image(system, scene.view()?)?;
    let rows = response.chunks_exact(side).skip(margin).take(inside);
    let values: Vec<f32> = rows.flat_map(|row| row.iter().skip(margin).take(inside)).copied().collect();
    let field = ImageView::new(inside, inside, &values)?;
    // From the first value, so that equal ones deviate by nothing at all.
    let first = f64::from(values[0]);
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value) - first).sum::<f64>() / count;
    let square = values.iter().map(|&value| (f64::from(value) - first - mean).powi(2)).sum::<f64>() / count;
    Ok(FlatField { deviation: square.sqrt() / level, periods: gridding(field, periods)? })
}

fn check(width: usize, height: usize, period: usize) -> Result<(), MeasureError> {
    if period < 2 {
        let (name, allowed) = ("the period of a pattern", "at least 2 pixels");
        return Err(MeasureError::BadOption { name, value: period as f64, allowed });
    }
    let least = period.saturating_mul(LEAST_BINS);
    if width.min(height) < least {
        return Err(MeasureError::TooSmall { measure: "the grid energy", least, width, height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIODS: [usize; 4] = [2, 4, 8, 16];

    fn energies(side: usize, value: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let middle = (side / 2) as f64;
        let values: Vec<f32> = (0..side * side)
            .map(|i| value((i % side) as f64 - middle, (i / side) as f64 - middle) as f32)
            .collect();
        let found = gridding(ImageView::new(side, side, &values).unwrap(), &PERIODS).unwrap();
        found.into_iter().map(|at| at.energy).collect()
    }

    fn gaussian(x: f64, y: f64, spread: f64) -> f64 {
        (-0.5 * (x * x + y * y) / (spread * spread)).exp()
    }

    #[test]
    fn points_spots_and_noise_have_no_grid() {
        for side in [64, 81, 96, 128] {
            assert!(energies(side, |x, y| f64::from(x == 0.0 && y == 0.0)).iter().all(|&e| e < 0.01));
            for spread in [0.5, 0.7, 1.0, 2.0, 3.0, 5.0, 8.0] {
                assert!(energies(side, |x, y| gaussian(x, y, spread)).iter().all(|&e| e < 0.03), "{spread}");
            }
            let noise = |x: f64, y: f64| {
                let i = ((y + 200.0) * 1000.0 + x) as u64;
                let mixed = (i ^ (i >> 7)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64
                    / f64::from(1 << 24)
            };
            assert!(energies(side, noise).iter().all(|&e| e < 0.06));
            assert_eq!(energies(side, |_, _| 0.0), [0.0; 4]);
        }
    }

    #[test]
    fn copies_of_a_point_show_their_distance() {
        for side in [64, 81, 96] {
            let comb = |x: f64, y: f64| f64::from(x % 4.0 == 0.0 && y % 4.0 == 0.0);
            // Three by three copies, as one dilated convolution makes them.
            let three = energies(side, |x, y| comb(x, y) * f64::from(x.abs().max(y.abs()) <= 4.0));
            assert!(three[0] < 0.02 && (0.75..0.9).contains(&three[1]), "{three:?}");
            // Many, under an envelope.
            let many = energies(side, |x, y| comb(x, y) * gaussian(x, y, 8.0));
            assert!(many[0] < 0.02 && many[1] > 0.95 && many[2] > 0.7, "{many:?}");
            // Copies of a small spot rather than of a pixel, and a large one over it.
            let spots = energies(side, |x, y| {
                let copy = |at: f64| (at / 4.0).round().clamp(-2.0, 2.0) * 4.0;
                gaussian(x - copy(x), y - copy(y), 0.9) * gaussian(x, y, 5.0) + 2.0 * gaussian(x, y, 6.0)
            });
            assert!(spots[0] < 0.02 && spots[1] > 0.6, "{spots:?}");
        }
    }

    fn flat(level: f64, respond: impl Fn(usize, usize, f32) -> f32) -> FlatField {
        let mut system = |scene: ImageView<'_>| {
            let values = scene.data().iter().enumerate().map(|(i, &value)| respond(i % 96, i / 96, value));
            Ok::<_, MeasureError>(values.collect::<Vec<f32>>())
        };
        flat_field(&mut system, 96, level, 16, &PERIODS).unwrap()
    }

    #[test]
    fn flat_fields_show_checkerboards() {
        let identity = flat(0.3, |_, _, value| value);
        assert_eq!(identity.deviation, 0.0);
        assert!(identity.periods.iter().all(|at| at.energy == 0.0));
        // Half of the pixels a hundredth up, half down, whatever happens at the border.
        let board = flat(0.5, |x, y, value| {
            let edge = if x < 10 || y > 90 { 3.0 } else { 0.0 };
            value + edge + if (x + y) % 2 == 0 { 0.005 } else { -0.005 }
        });
        assert!((board.deviation - 0.01).abs() < 1e-6);
        assert!(board.periods.iter().all(|at| at.energy > 0.99), "{board:?}");
        // Columns of period 4 are no pattern of period 2.
        let columns = flat(0.5, |x, _, value| value + 0.001 * f32::from(u8::from(x % 4 == 0)));
        assert!(columns.periods[0].energy < 0.4 && columns.periods[1].energy > 0.99, "{columns:?}");
        // What tiles of 4 x 4 pixels leave is rounding.
        let tiles = flat(0.5, |x, y, value| value + 4e-7 * f32::from(u8::from(x % 4 == 0 && y % 4 == 1)));
        assert!(tiles.deviation > 0.0 && tiles.periods.iter().all(|at| at.energy < 0.05), "{tiles:?}");
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let values = [0.5; 31 * 40];
        let map = ImageView::new(31, 40, &values).unwrap();
        assert!(matches!(grid_energy(map, 8), Err(MeasureError::TooSmall { least: 32, .. })));
        assert!(matches!(grid_energy(map, 1), Err(MeasureError::BadOption { .. })));
        assert_eq!(grid_energy(map, 7).unwrap(), 0.0);
        let mut identity = |scene: ImageView<'_>| Ok::<_, MeasureError>(scene.data().to_vec());
        assert!(matches!(flat_field(&mut identity, 64, 0.5, 40, &[2]), Err(MeasureError::TooSmall { .. })));
        assert!(matches!(flat_field(&mut identity, 64, 0.0, 4, &[2]), Err(MeasureError::BadOption { .. })));
    }
}
