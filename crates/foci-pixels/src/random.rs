//! Random indices, a stream for each purpose, drawn as crops are ([`foci_image::crop`]): the same on every machine and with every version of the
//! library behind it.

use foci_image::crop::{below, generator};
use rand_chacha::ChaCha8Rng;

/// The stream that pixels are drawn from; trees follow, one stream each.
pub(crate) const PIXELS: u64 = 0;
/// The stream of the first tree.
pub(crate) const FIRST_TREE: u64 = 1;

/// A stream of random indices.
pub(crate) struct Draws {
    source: ChaCha8Rng,
}

impl Draws {
    /// One of the streams of a seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { source: generator(seed, stream) }
    }

    /// An index in `0..count`, all equally likely. `count` is at least 1.
    pub fn index(&mut self, count: u64) -> u64 {
        below(&mut self.source, count as usize) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_even_and_streams_differ() {
        let mut draws = Draws::new(1, FIRST_TREE);
        let mut counts = [0usize; 7];
        (0..70_000).for_each(|_| counts[draws.index(7) as usize] += 1);
        // Standard deviation of each count: sqrt(70000 * 1/7 * 6/7) = 93.
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 400), "{counts:?}");
        let first = |seed, stream| Draws::new(seed, stream).index(u64::MAX);
        assert_ne!(first(1, PIXELS), first(1, FIRST_TREE));
        assert_ne!(first(1, PIXELS), first(2, PIXELS));
    }
}
