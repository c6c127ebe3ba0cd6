//! One comparison of two arms: difference, interval, p-value, probability of improvement.
//!
//! **p** comes from Student's distribution, part by part: one part of the variance for the fields
//! ([`crate::stats::variance`]), one for the seeds of each of the two arms ([`crate::stats::seeds`]). It goes as low as
//! the scores allow; resampling has no say in how low.
//!
//! **Interval.** The same limits, with the shape of the bootstrap over fields and seeds ([`crate::stats::bootstrap`]): where a
//! percentile of the standardised bootstrap means lies further out than the normal quantile, because the differences are skewed,
//! that side is stretched by the ratio. Percentiles of the bootstrap by themselves are too narrow: three seeds
//! resampled show two thirds of their variance and never reach beyond the best and the worst of them (Hesterberg 2015,
//! American Statistician 69:371, section 4.4). No side is ever drawn in.
//!
//! The distance of the difference from zero is divided by the stretch of its side before p is taken, so `p < 0.05` and "the 95 %
//! interval excludes 0" are one statement (likewise for another [`ComparisonOptions::confidence`]).
//!
//! **Few fields or seeds** make the interval wide, not wrong. With one seed nothing is known of the spread between
//! seeds: interval and p then speak of the two trained nets, and [`PairedComparison::subject`] says so.
//!
//! **No spread at all**, neither of fields nor of seeds, gives no variance. p is then that of the sign flips (Fisher 1935): all
//! fields agree, which chance alone does in two of `2^fields` cases.

use crate::MeasureError;
use crate::measure::Better;
use crate::stats::bootstrap::resampled_means;
use crate::stats::distribution::{normal_tail, upper_quantile};
use crate::stats::scores::Scores;
use crate::stats::seeds::seed_parts;
use crate::stats::variance::{field_part, p_value, reach, standard_error};
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

/// What an interval and a p-value speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The architectures: other runs of the same nets would differ as much.
    Architectures,
    /// Only these two trained nets: there is one seed, and another one may turn the difference round.
    TrainedNets,
}

/// What the scores say of two arms `a` and `b`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedComparison {
    /// Mean of a - b over fields and seeds, in the unit of the measure.
    pub difference: f64,
    /// Interval of the difference.
    pub interval: [f64; 2],
    /// Two-sided p-value for "no difference"; agrees with the interval.
    pub p: f64,
    /// What interval and p speak of.
    pub subject: Subject,
    /// Probability that a run of `a` is better than a run of `b` on the same field.
    pub probability_a_better: f64,
    /// Number of fields.
    pub fields: usize,
    /// Number of seeds.
    pub seeds: usize,
}

/// Compares two arms of a study in one measure. `pair` holds the indices of `a` and `b` in the scores.
pub fn compare(
    scores: &Scores,
    pair: [usize; 2],
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
    if let Some(&arm) = pair.iter().find(|&&arm| arm >= scores.arms()) {
        return Err(MeasureError::NoSuchArm { arm, arms: scores.arms() });
    }
    let differences = scores.differences(pair);
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let mut parts = vec![field_part(&differences, scores.seeds())];
    let seeds = seed_parts(scores);
    let subject = if seeds.is_some() { Subject::Architectures } else { Subject::TrainedNets };
    parts.extend(seeds.iter().flat_map(|seeds| pair.map(|arm| seeds[arm])));

    let miss = 1.0 - options.confidence;
    let largest = differences.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let (interval, p) = if standard_error(&parts) > ROUNDING * largest {
        let means = resampled_means(&differences, scores.seeds(), options.resamples, options.seed);
        let stretch = stretches(mean, &means, miss, ROUNDING * largest);
        let [lower, upper] = stretch.map(|stretch| stretch * reach(&parts, miss));
        let towards_zero = stretch[usize::from(mean < 0.0)];
        ([mean - lower, mean + upper], p_value(&parts, mean.abs() / towards_zero))
    } else {
        let p = if mean == 0.0 { 1.0 } else { 0.5f64.powi(scores.fields() as i32 - 1) };
        (if p < miss { [mean; 2] } else { [mean.min(0.0), mean.max(0.0)] }, p)
    };
    Ok(PairedComparison {
        difference: mean,
        interval,
        p,
        subject,
        probability_a_better: scores.probability_a_better(pair, better),
        fields: scores.fields(),
        seeds: scores.seeds(),
    })
}

/// A spread below this fraction of the differences is rounding.
const ROUNDING: f64 = 1e-12;

/// How much further out than the normal distribution the bootstrap means lie below and above the mean, at the tails that
/// together hold `miss`; at least 1.
fn stretches(mean: f64, resampled: &[f64], miss: f64, rounding: f64) -> [f64; 2] {
    let square: f64 = resampled.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (square / resampled.len() as f64).sqrt();
    if deviation <= rounding {
        return [1.0; 2];
    }
    let normal = upper_quantile(miss, normal_tail);
    let quantile = |percent: f64| percentile_of_sorted(resampled, percent).unwrap_or(mean);
    let tail = 100.0 * miss / 2.0;
    [mean - quantile(tail), quantile(100.0 - tail) - mean]
        .map(|distance| (distance / deviation / normal).max(1.0))
}
