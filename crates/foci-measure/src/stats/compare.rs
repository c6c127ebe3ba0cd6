//! One comparison of two nets: difference, interval, p-values, probability of improvement.
//!
//! **Interval.** The bootstrap over fields and seeds ([`crate::stats::bootstrap`]) gives the shape of the distribution of the mean
//! difference, skew included. Its width is too small for few seeds: three seeds resampled show two thirds of
//! their variance and can never reach beyond the best and the worst of them. So the percentiles of the standardised bootstrap means
//! are laid out in units of the analysis-of-variance standard error ([`crate::stats::variance`]) and stretched by
//! the ratio of Student's to the normal quantile (the expanded percentile interval: Hesterberg 2015, American
//! Statistician 69:371, section 4.4); each side is at least as far out as Student's interval. Simulations in
//! the tests show coverage near or above the promised 95 % for 2 to 20 fields and 1 to 3 seeds, whichever of the two
//! varies more. (BCa corrects skew to second order but keeps the width of the percentile interval, and the width
//! is what is wrong with three seeds.)
//!
//! **p** is the level at which the interval just touches zero: `p < 0.05` and "the 95 % interval excludes 0" are one statement.
//! It is never below `1 / (resamples + 1)`.
//!
//! **Few fields or seeds** make the interval wide, not wrong: with 2 fields and 1 seed it is 12.7 standard errors to
//! either side. With one seed nothing is known of the spread between seeds, so the result speaks of the two trained nets,
//! not of the architectures; [`PairedComparison::seeds`] says so. If *all* differences are equal, their spread
//! gives no interval: it collapses to a point, and p is that of the sign flips.

use crate::MeasureError;
use crate::measure::Better;
use crate::stats::bootstrap::resampled_means;
use crate::stats::distribution::{normal_tail, student_tail, upper_quantile};
use crate::stats::permutation::sign_flip;
use crate::stats::scores::PairedScores;
use crate::stats::variance::{MeanUncertainty, mean_uncertainty};
use crate::summary::percentile_of_sorted;
use serde::{Deserialize, Serialize};

/// How a comparison is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ComparisonOptions {
    /// Promised coverage of the interval, above 0.5 and below 1.
    pub confidence: f64,
    /// Number of bootstrap tables, at least 100.
    pub resamples: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for ComparisonOptions {
    fn default() -> Self {
        Self { confidence: 0.95, resamples: 4000, seed: 0 }
    }
}

/// What the scores say of two nets `a` and `b`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedComparison {
    /// Mean of a - b over fields and seeds, in the unit of the measure.
    pub difference: f64,
    /// Interval of the difference.
    pub interval: [f64; 2],
    /// Two-sided p-value for "no difference between the architectures"; agrees with the interval.
    pub p: f64,
    /// Two-sided p-value for "no difference between these trained nets", by sign flips over fields only.
    pub p_trained: f64,
    /// Probability that a run of `a` is better than a run of `b` on the same field.
    pub probability_a_better: f64,
    /// Number of fields.
    pub fields: usize,
    /// Number of seeds; with 1, nothing is known of the spread between seeds.
    pub seeds: usize,
}

/// Compares two nets on one measure.
pub fn compare(
    scores: &PairedScores,
    better: Better,
    options: &ComparisonOptions,
) -> Result<PairedComparison, MeasureError> {
    let bad = |name, value, allowed| Err(MeasureError::BadOption { name, value, allowed });
    if !(options.confidence > 0.5 && options.confidence < 1.0) {
        return bad("the confidence", options.confidence, "above 0.5 and below 1");
    }
    if options.resamples < 100 {
        return bad("the number of resamples", options.resamples as f64, "at least 100");
    }
    let differences = scores.differences();
    let mean = mean_uncertainty(&differences, scores.seeds());
    let spread =
        Spread::new(mean, &resampled_means(&differences, scores.seeds(), options.resamples, options.seed));
    let p_trained = sign_flip(&scores.field_differences(), options.resamples, options.seed);
    let (interval, p) = match spread {
        Some(spread) => (spread.interval(1.0 - options.confidence), spread.p_value(options.resamples)),
        None => ([mean.mean; 2], p_trained),
    };
    Ok(PairedComparison {
        difference: mean.mean,
        interval,
        p,
        p_trained,
        probability_a_better: scores.probability_a_better(better),
        fields: scores.fields(),
        seeds: scores.seeds(),
    })
}

/// Distribution of the mean difference.
struct Spread {
    mean: MeanUncertainty,
    /// Bootstrap deviations from the mean in units of their standard deviation, ascending.
    deviations: Vec<f64>,
}

impl Spread {
    /// `None` if the differences do not vary, beyond rounding.
    fn new(mean: MeanUncertainty, resampled: &[f64]) -> Option<Self> {
        let square: f64 = resampled.iter().map(|value| (value - mean.mean).powi(2)).sum();
        let deviation = (square / resampled.len() as f64).sqrt();
        let rounding = 1e-12 * mean.mean.abs();
        let varies = deviation > rounding && mean.standard_error > rounding;
        let standardised = |value: &f64| (value - mean.mean) / deviation;
        varies.then(|| Self { mean, deviations: resampled.iter().map(standardised).collect() })
    }

    /// Distance of the lower and of the upper end from the mean, in standard errors, for an interval that misses with
    /// probability `alpha`.
    fn reach(&self, alpha: f64) -> [f64; 2] {
        let student = upper_quantile(alpha, |t| student_tail(t, self.mean.freedom));
        let normal = upper_quantile(alpha, normal_tail);
        let tail = 100.0 * alpha / 2.0;
        let lower = percentile_of_sorted(&self.deviations, tail).unwrap_or(0.0);
        let upper = percentile_of_sorted(&self.deviations, 100.0 - tail).unwrap_or(0.0);
        [-lower, upper].map(|quantile| student * (quantile / normal).max(1.0))
    }

    fn interval(&self, alpha: f64) -> [f64; 2] {
        let [lower, upper] = self.reach(alpha);
        [self.mean.mean - self.mean.standard_error * lower, self.mean.mean + self.mean.standard_error * upper]
    }

    /// Smallest `alpha` whose interval excludes zero, by bisection; the reach shrinks as `alpha` grows.
    fn p_value(&self, resamples: usize) -> f64 {
        let observed = self.mean.mean.abs() / self.mean.standard_error;
        let side = usize::from(self.mean.mean < 0.0);
        // Student's interval is the narrowest, so its p-value bounds the search from below.
        let mut low = student_tail(observed, self.mean.freedom).max(1.0 / (resamples + 1) as f64);
        let excludes = |alpha: f64| self.reach(alpha)[side] < observed;
        if low >= 1.0 - 1e-9 || excludes(low) {
            return low.min(1.0);
        }
        let mut high = 1.0;
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            if excludes(middle) { high = middle } else { low = middle }
        }
        high
    }
}
