//! One comparison of two arms: difference, interval, p-value, probability of improvement.
//!
//! Interval and p-value come from what the scores say of three parts of the variance: of the fields ([`crate::stats::variance`])
//! and of the seeds of each of the two arms ([`crate::stats::seeds`]), put together in [`crate::stats::chance`]. They are one
//! statement: `p < 0.05` where the 95 % interval excludes 0 (likewise for another [`ComparisonOptions::confidence`]).
//!
//! Nothing is resampled. Three seeds drawn with replacement show two thirds of their variance and never reach beyond the best and
//! the worst of them (Hesterberg 2015, American Statistician 69:371, section 4.4): with three seeds, intervals
//! from such draws hold the truth far less often than they say.
//!
//! **Few fields or seeds** make the interval wide, not wrong. With one seed nothing is known of the spread between
//! seeds: interval and p then speak of the two trained nets, and [`PairedComparison::subject`] says so.
//!
//! **No spread at all**, neither of fields nor of seeds, gives no variance. p is then that of the sign flips (Fisher 1935): all
//! fields agree, which chance alone does in two of `2^fields` cases.

use crate::MeasureError;
use crate::measure::Better;
use crate::stats::chance::Chance;
use crate::stats::scores::Scores;
use crate::stats::seeds::seed_parts;
use crate::stats::variance::{Part, field_part, rest_of_mean};
use serde::{Deserialize, Serialize};

/// How a comparison is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ComparisonOptions {
    /// Promised coverage of the interval, above 0.5 and below 1.
    pub confidence: f64,
}

impl Default for ComparisonOptions {
    fn default() -> Self {
        Self { confidence: 0.95 }
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
    if !(options.confidence > 0.5 && options.confidence < 1.0) {
        let (name, allowed) = ("the confidence", "above 0.5 and below 1");
        return Err(MeasureError::BadOption { name, value: options.confidence, allowed });
    }
    if let Some(&arm) = pair.iter().find(|&&arm| arm >= scores.arms()) {
        return Err(MeasureError::NoSuchArm { arm, arms: scores.arms() });
    }
    let differences = scores.differences(pair);
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let fields = field_part(&differences, scores.seeds());
    let seeds: Option<Vec<Part>> = seed_parts(scores).map(|parts| pair.map(|arm| parts[arm]).to_vec());
    let subject = if seeds.is_some() { Subject::Architectures } else { Subject::TrainedNets };
    let seeds = seeds.unwrap_or_default();

    let miss = 1.0 - options.confidence;
    let largest = differences.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let spread = (fields.variance + seeds.iter().map(|part| part.variance).sum::<f64>()).sqrt();
    let rest = pair.iter().map(|&arm| rest_of_mean(scores, arm)).sum();
    let chance = if spread > ROUNDING * largest { Chance::new(fields, &seeds, rest) } else { None };
    let (interval, p) = if let Some(chance) = chance {
        let reach = chance.reach(miss);
        ([mean - reach, mean + reach], chance.p_value(mean.abs()))
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
