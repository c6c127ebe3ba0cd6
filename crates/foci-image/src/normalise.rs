//! Intensities brought to a common scale by percentiles.
//!
//! A field's 1st percentile becomes 0 and its 99.8th becomes 1. Values outside are kept, not clipped, so
//! that nothing is lost and the scaling can be undone. Percentiles, because minimum and maximum belong to
//! single pixels: one saturated dead cell would press all others of a field into a few grey levels. The
//! pair 1 and 99.8 is the one that star-convex nucleus segmentation made customary (Schmidt et al. 2018,
//! "Cell Detection with Star-convex Polygons"). Scaling is per field, never per tile: neighbouring tiles
//! of one field must stay comparable.

use serde::{Deserialize, Serialize};

/// Percentile that becomes 0.
pub const LOW_PERCENTILE: f64 = 1.0;
/// Percentile that becomes 1.
pub const HIGH_PERCENTILE: f64 = 99.8;

/// The linear map that takes raw counts to normalised values: `low` to 0 and `high` to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Raw count that becomes 0.
    pub low: f32,
    /// Raw count that becomes 1; always larger than `low`.
    pub high: f32,
}

impl Normalisation {
    /// The map for one field's raw values (all finite).
    ///
    /// Where the two percentiles coincide (fewer than 0.2 % of the pixels carry any signal) minimum and
    /// maximum take their place; where those coincide too (a constant field) `high = low + 1`, so that
    /// the field becomes 0 everywhere instead of dividing by nothing.
    pub fn of(values: &[f32]) -> Self {
        Self::between(values, LOW_PERCENTILE, HIGH_PERCENTILE)
    }

    /// As [`Normalisation::of`], with other percentiles, from 0 to 100.
    pub fn between(values: &[f32], low: f64, high: f64) -> Self {
        let found = percentiles(values, &[0.0, low, high, 100.0]);
        Self::from_percentiles(found[0], found[1], found[2], found[3])
    }

    pub(crate) fn from_percentiles(minimum: f64, low: f64, high: f64, maximum: f64) -> Self {
        let pair = |low: f64, high: f64| (low as f32, high as f32);
        let (low, high) = match (pair(low, high), pair(minimum, maximum)) {
            ((low, high), _) if high > low => (low, high),
            (_, (minimum, maximum)) if maximum > minimum => (minimum, maximum),
            // Adding 1 to a large value may change nothing in f32.
            ((low, _), _) => (low, (low + 1.0).max(low.next_up())),
        };
        Self { low, high }
    }

    /// Normalised value of a raw count.
    pub fn apply(&self, value: f32) -> f32 {
        (value - self.low) / (self.high - self.low)
    }

    /// Raw count of a normalised value.
    pub fn undo(&self, value: f32) -> f32 {
        value * (self.high - self.low) + self.low
    }

    /// Normalises all values in place.
    pub fn apply_all(&self, values: &mut [f32]) {
        for value in values {
            *value = self.apply(*value);
        }
    }

    /// Takes all values back to raw counts, in place.
    pub fn undo_all(&self, values: &mut [f32]) {
        for value in values {
            *value = self.undo(*value);
        }
    }
}

/// Percentiles (each from 0 to 100) of finite values, by linear interpolation between order statistics
/// (Hyndman & Fan 1996, type 7). Zeros for no values.
pub fn percentiles(values: &[f32], wanted: &[f64]) -> Vec<f64> {
    if values.is_empty() {
        return vec![0.0; wanted.len()];
    }
    let position = |percent: f64| (percent / 100.0).clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let between = |at: &dyn Fn(usize) -> f64, position: f64| {
        let below = position.floor();
        let (lower, upper) = (at(below as usize), at((position.ceil() as usize).min(values.len() - 1)));
        lower + (upper - lower) * (position - below)
    };
    // Camera counts of up to 16 bits are counted rather than sorted: some twenty times faster.
    match counts(values) {
        Some(cumulative) => {
            let at = |rank: usize| cumulative.partition_point(|&count| count <= rank) as f64;
            wanted.iter().map(|&percent| between(&at, position(percent))).collect()
        }
        None => {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f32::total_cmp);
            let at = |rank: usize| f64::from(sorted[rank]);
            wanted.iter().map(|&percent| between(&at, position(percent))).collect()
        }
    }
}

/// Number of values at or below each whole number, if all values are whole numbers from 0 to 65535.
fn counts(values: &[f32]) -> Option<Vec<usize>> {
    let mut histogram = vec![0usize; 1 << 16];
    for &value in values {
        let bin = value as usize; // saturates: negative values and NaN become 0 and fail the comparison
        if bin >= histogram.len() || bin as f32 != value {
            return None;
        }
        histogram[bin] += 1;
    }
    let mut sum = 0;
    for count in &mut histogram {
        sum += *count;
        *count = sum;
    }
    Some(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_of_a_ramp() {
        // 0..=1000: the p-th percentile is 10 p exactly.
        let ramp: Vec<f32> = (0..=1000).rev().map(|v| v as f32).collect();
        assert_eq!(percentiles(&ramp, &[0.0, 1.0, 50.0, 99.8, 100.0]), [0.0, 10.0, 500.0, 998.0, 1000.0]);
        // Between two values: half way.
        assert_eq!(percentiles(&[1.0, 2.0], &[50.0, 25.0]), [1.5, 1.25]);
        assert_eq!(percentiles(&[-0.5, 0.25], &[0.0, 100.0]), [-0.5, 0.25]);
    }

    #[test]
    fn a_ramp_is_normalised_and_values_outside_are_kept() {
        let ramp: Vec<f32> = (0..=1000).map(|v| v as f32).collect();
        let normalisation = Normalisation::of(&ramp);
        assert_eq!(normalisation, Normalisation { low: 10.0, high: 998.0 });
        assert_eq!(normalisation.apply(10.0), 0.0);
        assert_eq!(normalisation.apply(998.0), 1.0);
        assert!(normalisation.apply(0.0) < 0.0 && normalisation.apply(1000.0) > 1.0);
    }

    #[test]
    fn tiny_ranges_never_divide_by_nothing() {
        assert_eq!(Normalisation::of(&[7.0; 100]), Normalisation { low: 7.0, high: 8.0 });
        let huge = Normalisation::of(&[1e30; 4]);
        assert!(huge.high > huge.low && huge.apply(1e30) == 0.0);
        // One bright pixel in a million: the percentiles coincide, minimum and maximum do not.
        let mut sparse = vec![3.0; 1_000_000];
        sparse[5] = 203.0;
        assert_eq!(Normalisation::of(&sparse), Normalisation { low: 3.0, high: 203.0 });
    }

    proptest! {
        #[test]
        fn counting_and_sorting_agree(values in prop::collection::vec(0u16.., 1..200), percent in 0.0..100.0f64) {
            let counts: Vec<f32> = values.iter().map(|&v| f32::from(v)).collect();
            // Half a count added to all leaves the order as it is but forces the sorting branch.
            let shifted: Vec<f32> = counts.iter().map(|v| v + 0.5).collect();
            let (a, b) = (percentiles(&counts, &[percent])[0], percentiles(&shifted, &[percent])[0]);
            prop_assert!((a + 0.5 - b).abs() < 1e-6, "{} {}", a, b);
        }

        #[test]
        fn undo_takes_back_apply(low in -1e3f32..1e3, span in 0.5f32..1e4, value in -1e4f32..1e4) {
            let normalisation = Normalisation { low, high: low + span };
            let back = normalisation.undo(normalisation.apply(value));
            prop_assert!((back - value).abs() <= 1e-2, "{} {}", back, value);
        }
    }
}
