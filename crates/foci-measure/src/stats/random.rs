//! Random indices from ChaCha8, the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random indices.
pub(crate) struct Draws {
    source: ChaCha8Rng,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { source: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// An index in `0..count`, all equally likely (Lemire 2019, "Fast random integer generation in an interval").
    /// `count` is at least 1 and below 2^32.
    pub fn index(&mut self, count: usize) -> usize {
        let range = count as u64;
        let mut product = u64::from(self.source.next_u32()) * range;
        let threshold = (1u64 << 32) % range;
        while product & 0xffff_ffff < threshold {
            product = u64::from(self.source.next_u32()) * range;
        }
        (product >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_even() {
        let mut draws = Draws::new(1);
        let mut counts = [0usize; 7];
        (0..70_000).for_each(|_| counts[draws.index(7)] += 1);
        // Standard deviation of each count: sqrt(70000 * 1/7 * 6/7) = 93.
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 400), "{counts:?}");
    }
}
