//! Random numbers with a fixed meaning: one ChaCha8 stream per stage of the imaging chain, so that a change of
//! the camera leaves the nuclei where they were, and the same seed gives the same bytes on every thread.
//!
//! Everything is derived from `next_u64` by formulas written down here, because distributions of general
//! libraries may change between their versions, and published seeds must not.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The stages of the simulation, and what follows it, that own a stream of random numbers each.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// Field-wide draws: brightness of the field, direction of the light.
    Field = 1,
    /// Shapes, classes and positions of nuclei.
    Layout = 2,
    /// Chromatin texture.
    Texture = 3,
    /// Nucleoli, foci and mitotic bodies.
    Foci = 4,
    /// Specks and blurred bodies outside the nuclei.
    Debris = 5,
    /// Photons and camera.
    Camera = 6,
    /// The seeds of a series of fields.
    Series = 7,
    /// Noise added to a finished image, to see how much of it a net bears.
    Degradation = 8,
}

/// A source of uniform, normal and Poisson numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    source: ChaCha8Rng,
}

impl Random {
    /// The stream of `stage` under `seed`.
    pub(crate) fn new(seed: u64, stage: Stage) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        source.set_stream(stage as u64);
        Self { source }
    }

    /// Uniform in [0, 1), 53 random bits.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal (Box and Muller 1958, the cosine branch only: a pair would carry state between calls).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// `median * exp(spread * z)` with z standard normal cut to +-2.2, so that no draw is absurd.
    pub(crate) fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        median * (spread * self.normal().clamp(-2.2, 2.2)).exp()
    }

    /// Nearly normal with mean 0 and variance 1, for noise that is blurred afterwards: the sum of the four
    /// 16-bit parts of one draw (Irwin-Hall), which the blur makes normal and which costs no logarithm.
    pub(crate) fn rough_normal(&mut self) -> f32 {
        let bits = self.source.next_u64();
        let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        // Four uniforms on 0..65535: mean 2 * 65535, standard deviation 65535 * sqrt(4 / 12).
        (sum as f32 - 131_070.0) * (1.732_050_8 / 65_535.0)
    }

    /// A Poisson number of the given mean; 0 for means that are not positive.
    ///
    /// Below a mean of 12 by multiplication of uniforms (Knuth, The Art of Computer Programming 2, 3.4.1),
    /// above by transformed rejection with squeeze (PTRS, Hörmann 1993, Insurance: Mathematics and Economics 12).
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean.is_nan() || mean <= 0.0 {
            return 0.0;
        }
        if mean < 12.0 {
            let limit = (-mean).exp();
            let mut product = self.uniform();
            let mut count = 0.0;
            while product > limit {
                product *= self.uniform();
                count += 1.0;
            }
            return count;
        }
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.024_83 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let squeeze = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let u = self.uniform() - 0.5;
            let v = 1.0 - self.uniform();
            let distance = 0.5 - u.abs();
            let count = ((2.0 * a / distance + b) * u + mean + 0.43).floor();
            if distance >= 0.07 && v <= squeeze {
                return count;
            }
            if count < 0.0 || (distance < 0.013 && v > distance) {
                continue;
            }
            let left = v.ln() + inverse_alpha.ln() - (a / (distance * distance) + b).ln();
            if left <= count * mean.ln() - mean - ln_factorial(count) {
                return count;
            }
        }
    }
}

/// Natural logarithm of k!, by Stirling's series with three terms (absolute error below 4e-6 from k = 2 on).
fn ln_factorial(k: f64) -> f64 {
    if k < 2.0 {
        return 0.0;
    }
    let squared = k * k;
    (k + 0.5) * k.ln() - k
        + 0.918_938_533_204_672_7
        + (1.0 - (1.0 - 2.0 / (7.0 * squared)) / (30.0 * squared)) / (12.0 * k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stirling_gives_the_known_factorials() {
        for (k, factorial) in [(1.0, 1.0f64), (2.0, 2.0), (5.0, 120.0), (10.0, 3_628_800.0)] {
            let error = (ln_factorial(k) - factorial.ln()).abs();
            assert!(error < 4e-6, "{k}: {error}");
        }
    }

    #[test]
    fn poisson_has_mean_and_variance_of_its_parameter() {
        // 40,000 draws: standard error of the mean sqrt(m/n), of the variance about m*sqrt(2/n); four of them.
        let n = 40_000;
        for mean in [0.3, 4.0, 11.9, 12.1, 60.0, 900.0] {
            let mut random = Random::new(7, Stage::Camera);
            let draws: Vec<f64> = (0..n).map(|_| random.poisson(mean)).collect();
            let average = draws.iter().sum::<f64>() / n as f64;
            let variance = draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / n as f64;
            assert!((average - mean).abs() < 4.0 * (mean / n as f64).sqrt(), "{mean}: mean {average}");
            let tolerance = 4.0 * ((2.0 * mean * mean + mean) / n as f64).sqrt();
            assert!((variance - mean).abs() < tolerance, "{mean}: variance {variance}");
        }
    }

    #[test]
    fn both_normals_have_variance_one() {
        let n = 40_000;
        let mut random = Random::new(3, Stage::Texture);
        let exact = (0..n).map(|_| random.normal().powi(2)).sum::<f64>() / n as f64;
        let rough = (0..n).map(|_| f64::from(random.rough_normal()).powi(2)).sum::<f64>() / n as f64;
        assert!((exact - 1.0).abs() < 0.03 && (rough - 1.0).abs() < 0.03, "{exact} {rough}");
    }

    #[test]
    fn stages_do_not_share_their_numbers() {
        assert_ne!(Random::new(1, Stage::Layout).uniform(), Random::new(1, Stage::Camera).uniform());
    }
}
