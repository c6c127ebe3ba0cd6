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
use std::cmp::Ordering;

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
    check(scores, &pair, options)?;
    let differences = scores.differences(pair);
    let found = weigh(scores, &pair, &differences, options);
    Ok(PairedComparison { probability_a_better: scores.probability_a_better(pair, better), ..found })
}

/// Compares an arm with what has no seeds: a method that gives the same answer however often it is asked, scored on the same fields, `fixed` in their order. So chance
/// has two parts, of the fields and of the seeds of the one arm.
///
/// # Errors
/// As [`compare`]; [`MeasureError::FieldsDiffer`] and [`MeasureError::BadScore`] for the scores of the method, which count as those of the arm after the last.
pub fn compare_with_fixed(
    scores: &Scores,
    arm: usize,
    fixed: &[f64],
    better: Better,
    options: &ComparisonOptions,
) -> Result<PairedComparison, MeasureError> {
    check(scores, &[arm], options)?;
    if fixed.len() != scores.fields() {
        let (found, expected) = (fixed.len(), scores.fields());
        return Err(MeasureError::FieldsDiffer { arm: scores.arms(), found, expected });
    }
    if let Some((field, &value)) = fixed.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Err(MeasureError::BadScore { arm: scores.arms(), field, seed: 0, value });
    }
    let pairs =
        || scores.rows(arm).zip(fixed).flat_map(|(row, own)| row.iter().map(move |score| (score, own)));
    let differences: Vec<f64> = pairs().map(|(score, own)| score - own).collect();
    let is_better = |(score, own): (&f64, &f64)| match score.total_cmp(own) {
        Ordering::Equal => 0.5,
        order => f64::from(u8::from((order == Ordering::Greater) == (better == Better::Higher))),
    };
    let probability_a_better = pairs().map(is_better).sum::<f64>() / differences.len() as f64;
    Ok(PairedComparison { probability_a_better, ..weigh(scores, &[arm], &differences, options) })
}

fn check(scores: &Scores, arms: &[usize], options: &ComparisonOptions) -> Result<(), MeasureError> {
    if !(options.confidence > 0.5 && options.confidence < 1.0) {
        let (name, allowed) = ("the confidence", "above 0.5 and below 1");
        return Err(MeasureError::BadOption { name, value: options.confidence, allowed });
    }
    match arms.iter().find(|&&arm| arm >= scores.arms()) {
        Some(&arm) => Err(MeasureError::NoSuchArm { arm, arms: scores.arms() }),
        None => Ok(()),
    }
}

/// What differences say, field by field with all seeds each, in which these arms have a part; the probability is for others to fill in.
fn weigh(
    scores: &Scores,
    arms: &[usize],
    differences: &[f64],
    options: &ComparisonOptions,
) -> PairedComparison {
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let fields = field_part(differences, scores.seeds());
    let seeds: Option<Vec<Part>> =
        seed_parts(scores).map(|parts| arms.iter().map(|&arm| parts[arm]).collect());
    let subject = if seeds.is_some() { Subject::Architectures } else { Subject::TrainedNets };
    let seeds = seeds.unwrap_or_default();

    let miss = 1.0 - options.confidence;
    let largest = differences.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let spread = (fields.variance + seeds.iter().map(|part| part.variance).sum::<f64>()).sqrt();
    let rest = arms.iter().map(|&arm| rest_of_mean(scores, arm)).sum();
    let chance = if spread > ROUNDING * largest { Chance::new(fields, &seeds, rest) } else { None };
    let (interval, p) = if let Some(chance) = chance {
        let reach = chance.reach(miss);
        ([mean - reach, mean + reach], chance.p_value(mean.abs()))
    } else {
        let p = if mean == 0.0 { 1.0 } else { 0.5f64.powi(scores.fields() as i32 - 1) };
        (if p < miss { [mean; 2] } else { [mean.min(0.0), mean.max(0.0)] }, p)
    };
    let (fields, seeds) = (scores.fields(), scores.seeds());
    PairedComparison { difference: mean, interval, p, subject, probability_a_better: 0.5, fields, seeds }
}

/// A spread below this fraction of the differences is rounding.
const ROUNDING: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_without_seeds_has_the_paired_t_test_where_seeds_agree() {
        // Differences 1, 2, 3, 6 in four fields: mean 3, standard error sqrt(14 / 3 / 4) = 1.0801; t of 5 % with 3 degrees of freedom is 3.182446.
        let arm = [5.0, 7.0, 2.0, 9.0].map(|score| vec![score; 3]).to_vec();
        let scores = Scores::new(&[arm]).unwrap();
        let fixed = [4.0, 5.0, -1.0, 3.0];
        let options = ComparisonOptions::default();
        let found = compare_with_fixed(&scores, 0, &fixed, Better::Higher, &options).unwrap();
        let reach = 3.182_446 * (14.0f64 / 12.0).sqrt();
        assert!((found.difference - 3.0).abs() < 1e-12 && (found.interval[1] - 3.0 - reach).abs() < 1e-3);
        assert_eq!((found.probability_a_better, found.subject), (1.0, Subject::Architectures));
        let worse = compare_with_fixed(&scores, 0, &fixed, Better::Lower, &options).unwrap();
        assert_eq!((worse.probability_a_better, worse.interval), (0.0, found.interval));
        for (wrong, is_refused) in
            [(&fixed[..3], true), (&[f64::NAN; 4], true), (&[5.0, 7.0, 2.0, 9.0], false)]
        {
            let compared = compare_with_fixed(&scores, 0, wrong, Better::Higher, &options);
            assert_eq!(compared.is_err(), is_refused);
            assert!(
                compared.is_err()
                    || compared.is_ok_and(|same| same.p == 1.0 && same.probability_a_better == 0.5)
            );
        }
        assert!(compare_with_fixed(&scores, 1, &fixed, Better::Higher, &options).is_err());
    }

    #[test]
    fn the_seeds_of_the_one_arm_count_and_those_of_nobody_else() {
        // Two seeds apart by 2 on all fields alike: variance of their mean 2 / 2; no rest, and fields that do not vary.
        let arm = [1.0, 4.0, 2.0].map(|score| vec![score - 1.0, score + 1.0]).to_vec();
        let scores = Scores::new(&[arm]).unwrap();
        let found =
            compare_with_fixed(&scores, 0, &[0.0, 3.0, 1.0], Better::Higher, &ComparisonOptions::default());
        let found = found.unwrap();
        // Student's t of 5 % with one degree of freedom is 12.7062.
        assert!(
            (found.difference - 1.0).abs() < 1e-12 && (found.interval[1] - 1.0 - 12.7062).abs() < 1e-2,
            "{found:?}"
        );
        assert_eq!(found.probability_a_better, 0.75);
    }
}
