//! Modulation transfer: how much of the contrast of a grating arrives.
//!
//! A sinusoid of one frequency, direction and amplitude is drawn on a flat scene. In the central part of the scene and of
//! its image, weighted by a Hann window, c cos(2 pi f u) + s sin(2 pi f u) + mean is fitted by least squares, with u
//! the distance from the middle across the crests. With a = (c, s) of the scene and b = (c, s) of the image,
//!
//! kept = a . b / a . a
//!
//! is the amplitude of the part of the image that is in phase with the scene, as a share of the scene's: 1 where
//! nothing is lost, exp(-2 pi^2 b^2 f^2) for a Gaussian blur of standard deviation b pixels. It is negative where dark and
//! bright have changed places: -1 for an inversion, and small negative values for spurious resolution beyond a zero of the
//! transfer function. A shift by d pixels across the crests counts as cos(2 pi f d). Frequencies are in cycles per pixel.
//!
//! Transfer function: Goodman, Introduction to Fourier Optics, chapter 6; ISO 12233 measures cameras with sinusoids, too.
//! Least squares at one known frequency: Lomb 1976, Astrophys. Space Sci. 39:447. `kept` depends on the amplitude
//! unless the system is linear, so each amplitude is told by itself beside the mean.

use crate::optics::response::{check_ascending, expect};
use crate::optics::{Range, Scene, System, image};
use crate::{ImageView, MeasureError};
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// The highest frequency that pixels carry, cycles per pixel.
const NYQUIST: f64 = 0.5;

/// Which gratings are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModulationSettings {
    /// Mean of the scene, normalised intensity.
    pub level: f64,
    /// Frequencies, cycles per pixel; ascending, above 0 and below 0.5.
    pub frequencies: Vec<f64>,
    /// Directions across the crests, degrees from the x axis.
    pub angles_degrees: Vec<f64>,
    /// Amplitudes (half the difference of crest and trough), normalised intensity.
    pub amplitudes: Vec<f64>,
    /// Phases in the middle of the scene, radians.
    pub phases: Vec<f64>,
    /// Border that is left out on each side, as a share of the side; at least 0 and below 0.5.
    pub margin: f64,
}

impl Default for ModulationSettings {
    fn default() -> Self {
        let sixty_fourths = [1, 2, 4, 6, 8, 12, 16, 20, 24, 28];
        Self {
            level: 0.5,
            frequencies: sixty_fourths.map(|k| f64::from(k) / 64.0).to_vec(),
            angles_degrees: vec![0.0, 45.0, 90.0],
            amplitudes: vec![0.025, 0.1, 0.2],
            phases: vec![0.0, FRAC_PI_2],
            margin: 0.25,
        }
    }
}

/// What arrives of gratings of one frequency, direction and amplitude.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TransferPoint {
    /// Frequency, cycles per pixel.
    pub frequency: f64,
    /// Direction across the crests, degrees from the x axis.
    pub angle_degrees: f64,
    /// Amplitude, normalised intensity.
    pub amplitude: f64,
    /// Amplitude in phase with the scene as a share of the scene's, mean over phases.
    pub kept: f64,
}

/// What arrives of gratings of one frequency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Frequency, cycles per pixel.
    pub frequency: f64,
    /// Share kept, over directions and amplitudes.
    pub kept: Range,
}

/// How much of the contrast of gratings arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModulationTransfer {
    /// By frequency, then direction, then amplitude, in the order asked for.
    pub points: Vec<TransferPoint>,
    /// The same by frequency alone.
    pub curve: Vec<CurvePoint>,
    /// Where the mean of the curve first falls below 0.5, cycles per pixel; straight lines between frequencies, 1 at
    /// frequency 0, and 0.5, the Nyquist frequency, if it never does.
    pub half: f64,
    /// Where it first falls below 0.1, likewise, cycles per pixel.
    pub tenth: f64,
}

/// Measures what `system` keeps of gratings on flat scenes of `side` x `side` pixels.
///
/// # Errors
/// Those of the system; [`MeasureError`] if a setting is out of its range or the central part of the scene is shorter than
/// the longest period.
pub fn modulation_transfer<S: System>(
    system: &mut S,
    side: usize,
    settings: &ModulationSettings,
) -> Result<ModulationTransfer, S::Error> {
    check(side, settings)?;
    let (mut points, mut curve) = (Vec::new(), Vec::new());
    for &frequency in &settings.frequencies {
        let first = points.len();
        for &angle_degrees in &settings.angles_degrees {
            let angle = angle_degrees.to_radians();
            let lock_in = LockIn::new(side, settings.margin, frequency, angle);
            for &amplitude in &settings.amplitudes {
                let mut kept = 0.0;
                for &phase in &settings.phases {
                    let mut scene = Scene::flat(side, side, settings.level);
                    scene.add_grating(frequency, angle, phase, amplitude);
                    let response = image(system, scene.view()?)?;
                    let before = lock_in.fit(scene.view()?);
                    let after = lock_in.fit(ImageView::new(side, side, &response)?);
                    kept += dot(before, after) / dot(before, before);
                }
                kept /= settings.phases.len() as f64;
                points.push(TransferPoint { frequency, angle_degrees, amplitude, kept });
            }
        }
        let kept = Range::of(points[first..].iter().map(|point: &TransferPoint| point.kept));
        curve.extend(kept.map(|kept| CurvePoint { frequency, kept }));
    }
    let (half, tenth) = (falls_below(&curve, 0.5), falls_below(&curve, 0.1));
    Ok(ModulationTransfer { points, curve, half, tenth })
}

fn check(side: usize, settings: &ModulationSettings) -> Result<(), MeasureError> {
    let ModulationSettings { frequencies, angles_degrees, amplitudes, phases, margin, .. } = settings;
    check_ascending("the frequency of a grating", frequencies)?;
    let highest = frequencies[frequencies.len() - 1];
    expect(highest < NYQUIST, "the frequency of a grating", highest, "below 0.5 cycles per pixel")?;
    for (name, list) in [
        ("the number of directions", angles_degrees),
        ("the number of amplitudes", amplitudes),
        ("the number of phases", phases),
    ] {
        expect(!list.is_empty(), name, 0.0, "at least 1")?;
    }
    for &amplitude in amplitudes {
        expect(amplitude > 0.0, "the amplitude of a grating", amplitude, "above 0")?;
    }
    let allowed = "at least 0 and below 0.5 of the side";
    expect((0.0..0.5).contains(margin), "the margin around a grating", *margin, allowed)?;
    // One period is what the fit needs to tell a grating from a mean.
    let least = (1.0 / (frequencies[0] * (1.0 - 2.0 * margin))).ceil() as usize;
    if side < least {
        let measure = "the modulation transfer at its lowest frequency";
        return Err(MeasureError::TooSmall { measure, least, width: side, height: side });
    }
    Ok(())
}

/// Fits a sinusoid of one frequency and direction.
struct LockIn {
    /// First row and column of the central part.
    from: usize,
    /// Its side.
    length: usize,
    /// Windowed cosine and sine without their windowed mean, which takes the mean of the image out of the fit.
    cosine: Vec<f64>,
    sine: Vec<f64>,
    /// Inverse of the matrix of the normal equations: cosine with cosine, cosine with sine, sine with sine.
    inverse: [f64; 3],
}

impl LockIn {
    fn new(side: usize, margin: f64, frequency: f64, angle: f64) -> LockIn {
        let from = (margin * side as f64).floor() as usize;
        let length = side - 2 * from;
        let middle = (side - 1) as f64 / 2.0;
        let hann = |i: usize| (PI * (i as f64 + 0.5) / length as f64).sin().powi(2);
        let (mut weights, mut waves) = (Vec::new(), Vec::new());
        for y in 0..length {
            for x in 0..length {
                let [x_from_middle, y_from_middle] = [x, y].map(|i| (from + i) as f64 - middle);
                let along = x_from_middle * angle.cos() + y_from_middle * angle.sin();
                let (sine, cosine) = (TAU * frequency * along).sin_cos();
                weights.push(hann(x) * hann(y));
                waves.push([cosine, sine]);
            }
        }
        let total: f64 = weights.iter().sum();
        let windowed = |which: usize| -> Vec<f64> {
            let mean = weights.iter().zip(&waves).map(|(w, wave)| w * wave[which]).sum::<f64>() / total;
            weights.iter().zip(&waves).map(|(w, wave)| w * (wave[which] - mean)).collect()
        };
        let (cosine, sine) = (windowed(0), windowed(1));
        let product = |windowed: &[f64], which: usize| -> f64 {
            windowed.iter().zip(&waves).map(|(w, wave)| w * wave[which]).sum()
        };
        let (cc, cs, ss) = (product(&cosine, 0), product(&cosine, 1), product(&sine, 1));
        let determinant = cc * ss - cs * cs;
        let inverse = [ss / determinant, -cs / determinant, cc / determinant];
        LockIn { from, length, cosine, sine, inverse }
    }

    /// Amplitudes of cosine and sine.
    fn fit(&self, image: ImageView<'_>) -> [f64; 2] {
        let (mut cosine, mut sine) = (0.0, 0.0);
        for y in 0..self.length {
            let row = &image.row(self.from + y)[self.from..self.from + self.length];
            for (x, &value) in row.iter().enumerate() {
                cosine += self.cosine[y * self.length + x] * f64::from(value);
                sine += self.sine[y * self.length + x] * f64::from(value);
            }
        }
        let [first, mixed, last] = self.inverse;
        [first * cosine + mixed * sine, mixed * cosine + last * sine]
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// Frequency at which the mean of the curve first falls below `threshold`.
fn falls_below(curve: &[CurvePoint], threshold: f64) -> f64 {
    let (mut frequency, mut kept) = (0.0, 1.0);
    for point in curve {
        if point.kept.mean < threshold {
            let share = (kept - threshold) / (kept - point.kept.mean);
            return frequency + share * (point.frequency - frequency);
        }
        (frequency, kept) = (point.frequency, point.kept.mean);
    }
    NYQUIST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::analytic::{blur, erase, identity, shift};

    fn measured(system: impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError>) -> ModulationTransfer {
        let mut system = system;
        modulation_transfer(&mut system, 128, &ModulationSettings::default()).unwrap()
    }

    #[test]
    fn what_changes_nothing_keeps_everything() {
        let found = measured(identity());
        assert_eq!((found.points.len(), found.curve.len()), (10 * 3 * 3, 10));
        assert!(found.points.iter().all(|point| point.kept == 1.0));
        assert_eq!((found.half, found.tenth), (0.5, 0.5));
    }

    #[test]
    fn a_blur_has_the_transfer_of_a_gaussian() {
        for sigma in [1.0, 2.0] {
            let found = measured(blur(sigma));
            let transfer = |frequency: f64| (-2.0 * (PI * sigma * frequency).powi(2)).exp();
            for point in found.points.iter().filter(|point| transfer(point.frequency) > 0.05) {
                assert!((point.kept / transfer(point.frequency) - 1.0).abs() < 0.02, "{sigma}: {point:?}");
            }
            // Of exp(-2 pi^2 sigma^2 f^2) = t, f = sqrt(-ln t / 2) / (pi sigma).
            let falls = |threshold: f64| (-0.5 * threshold.ln()).sqrt() / (PI * sigma);
            assert!((found.half / falls(0.5) - 1.0).abs() < 0.03, "{} {}", found.half, falls(0.5));
            assert!((found.tenth / falls(0.1) - 1.0).abs() < 0.04, "{} {}", found.tenth, falls(0.1));
        }
    }

    #[test]
    fn an_inversion_is_minus_one_a_shift_a_cosine_and_nothing_is_nothing() {
        let invert = |scene: ImageView<'_>| Ok(scene.data().iter().map(|value| 1.0 - value).collect());
        let inverted = measured(invert);
        assert!(inverted.points.iter().all(|point| (point.kept + 1.0).abs() < 1e-5));
        // From 1 at frequency 0 to -1 at 1/64.
        assert!((inverted.half - 1.0 / 256.0).abs() < 1e-6);
        for point in measured(shift()).points {
            let across = point.angle_degrees.to_radians().cos();
            let expected = (TAU * point.frequency * across).cos();
            assert!((point.kept - expected).abs() < 1e-4, "{point:?} {expected}");
        }
        assert!(measured(erase()).points.iter().all(|point| point.kept.abs() < 1e-9));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let mut system = identity();
        let found = modulation_transfer(&mut system, 127, &ModulationSettings::default());
        assert!(matches!(found, Err(MeasureError::TooSmall { least: 128, .. })), "{found:?}");
        let plain = ModulationSettings::default();
        for settings in [
            ModulationSettings { frequencies: vec![0.25, 0.5], ..plain.clone() },
            ModulationSettings { frequencies: vec![], ..plain.clone() },
            ModulationSettings { phases: vec![], ..plain.clone() },
            ModulationSettings { amplitudes: vec![0.0], ..plain.clone() },
            ModulationSettings { margin: 0.5, ..plain },
        ] {
            let found = modulation_transfer(&mut system, 128, &settings);
            assert!(matches!(found, Err(MeasureError::BadOption { .. })), "{found:?}");
        }
    }
}
