//! Random numbers from ChaCha8, the same for the same seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
pub(crate) struct Draws {
    source: ChaCha8Rng,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { source: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Evenly in [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Chi-square over its degrees of freedom: what an estimated variance is of the true one. `freedom` at least 1.
    ///
    /// A pair of squared normal numbers is twice an exponential one; an odd one is by Box and Muller (1958, Annals of
    /// Mathematical Statistics 29:610).
    pub fn variance_ratio(&mut self, freedom: usize) -> f64 {
        let mut sum: f64 = (0..freedom / 2).map(|_| -2.0 * (1.0 - self.uniform()).ln()).sum();
        if freedom % 2 == 1 {
            let radius = -2.0 * (1.0 - self.uniform()).ln();
            sum += radius * (std::f64::consts::TAU * self.uniform()).cos().powi(2);
        }
        sum / freedom as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_the_mean_and_the_variance_of_chi_square() {
        for freedom in [1, 2, 5] {
            let mut draws = Draws::new(1);
            let ratios: Vec<f64> = (0..40_000).map(|_| draws.variance_ratio(freedom)).collect();
            let mean = ratios.iter().sum::<f64>() / 4e4;
            let variance = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / 4e4;
            // Mean 1, variance 2 / freedom; four standard errors of the variance, with kurtosis 3 + 12 / freedom.
            let expected = 2.0 / freedom as f64;
            let error = expected * ((2.0 + 12.0 / freedom as f64) / 4e4).sqrt();
            assert!((mean - 1.0).abs() < 4.0 * (expected / 4e4).sqrt(), "{freedom}: mean {mean}");
            assert!((variance - expected).abs() < 4.0 * error, "{freedom}: variance {variance}");
        }
    }
}
