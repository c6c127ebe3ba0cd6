//! From expected light to counts: photons arrive by chance, the camera adds its own noise and an offset, rounds
//! to whole counts and saturates.

use super::options::SpecimenOptions;
use super::random::Random;

/// Exposes a field. `expected` is the light per pixel, 1 for a typical nucleus.
///
/// counts = round(gain * Poisson(photons * expected) + offset + read_noise * Normal), cut to 0..=2^bits - 1,
/// with gain = counts / photons; so the variance is gain * (mean - offset) + read_noise^2 + 1/12.
pub(crate) fn expose(expected: &[f32], options: &SpecimenOptions, random: &mut Random) -> Vec<f32> {
    let gain = options.counts / options.photons;
    let largest = ((1u32 << options.bits) - 1) as f64;
    expected
        .iter()
        .map(|light| {
            let photons = random.poisson(f64::from(*light) * options.photons);
            let counts = gain * photons + options.offset + options.read_noise * random.normal();
            counts.round().clamp(0.0, largest) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::random::Stage;
    use super::*;

    fn mean_and_variance(options: &SpecimenOptions, light: f32) -> (f64, f64) {
        let flat = vec![light; 60_000];
        let counts = expose(&flat, options, &mut Random::new(9, Stage::Camera));
        let mean = counts.iter().map(|c| f64::from(*c)).sum::<f64>() / counts.len() as f64;
        let variance =
            counts.iter().map(|c| (f64::from(*c) - mean).powi(2)).sum::<f64>() / counts.len() as f64;
        (mean, variance)
    }

    #[test]
    fn photon_noise_has_the_variance_of_its_mean() {
        // One count per photon, no noise of the camera: variance = mean, for any brightness.
        let options = SpecimenOptions {
            photons: 200.0,
            counts: 200.0,
            offset: 0.0,
            read_noise: 0.0,
            bits: 16,
            ..SpecimenOptions::default()
        };
        for light in [0.1, 1.0, 5.0] {
            let (mean, variance) = mean_and_variance(&options, light);
            assert!((mean / (200.0 * f64::from(light)) - 1.0).abs() < 0.02, "{mean}");
            assert!((variance / mean - 1.0).abs() < 0.03, "{light}: {variance} / {mean}");
        }
    }

    #[test]
    fn gain_read_noise_and_rounding_add_up() {
        // gain 0.1: variance = 0.1 * 50 + 2^2 + 1/12 = 9.083 at 50 counts above the offset of 30.
        let options = SpecimenOptions {
            photons: 500.0,
            counts: 50.0,
            offset: 30.0,
            read_noise: 2.0,
            bits: 16,
            ..SpecimenOptions::default()
        };
        let (mean, variance) = mean_and_variance(&options, 1.0);
        assert!((mean - 80.0).abs() < 0.1, "{mean}");
        assert!((variance - 9.083).abs() < 0.25, "{variance}");
    }

    #[test]
    fn eight_bits_saturate_at_255() {
        let options = SpecimenOptions { counts: 100.0, ..SpecimenOptions::default() };
        assert_eq!(mean_and_variance(&options, 10.0), (255.0, 0.0));
    }
}
