//! Differences between nets, paired by field and seed, with intervals and adjusted p-values.
//!
//! Nets are compared if they had the same task: every pair of arms with the same input noise, except two
//! controls. All comparisons of a study form one family for Holm's adjustment.

use crate::execute::{Executed, MeasuredRun};
use crate::plan::{Plan, PlannedArm};
use crate::results::Comparison;
use foci_measure::Measure;
use foci_measure::stats::{ComparisonOptions, PairedComparison, PairedScores, compare, holm};

/// The measures that are compared; the others are shown but would only widen the family.
const COMPARED: [Measure; 6] = [
    Measure::Psnr,
    Measure::Ssim,
    Measure::DetailCutoff,
    Measure::FociRecall,
    Measure::FociPrecision,
    Measure::BoundaryContrast,
];

/// Keys of the measures that are compared.
pub(crate) fn compared_keys() -> Vec<&'static str> {
    COMPARED.map(Measure::key).to_vec()
}

/// True if a measure is among those that are compared.
pub(crate) fn is_compared(key: &str) -> bool {
    compared_keys().contains(&key)
}

/// Seed of the bootstrap.
const BOOTSTRAP_SEED: u64 = 20_090;

/// All paired comparisons of a study.
pub(crate) fn compare_all(plan: &Plan, executed: &Executed) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for (index, a) in plan.arms.iter().enumerate() {
        for b in &plan.arms[index + 1..] {
            if comparable(a, b) {
                comparisons
                    .extend(COMPARED.iter().filter_map(|&measure| compare_pair(executed, a, b, measure)));
            }
        }
    }
    let p_values: Vec<f64> = comparisons.iter().map(|comparison| comparison.p).collect();
    for (comparison, adjusted) in comparisons.iter_mut().zip(holm(&p_values)) {
        comparison.p_adjusted = adjusted;
    }
    comparisons
}

fn comparable(a: &PlannedArm, b: &PlannedArm) -> bool {
    a.arm.input_noise == b.arm.input_noise && !(a.arm.control && b.arm.control)
}

/// The comparison of two arms in one measure; none if no test field has the measure.
fn compare_pair(executed: &Executed, a: &PlannedArm, b: &PlannedArm, measure: Measure) -> Option<Comparison> {
    let fields = fields_with(executed, measure);
    let scores = |arm: &PlannedArm| -> Vec<Vec<f64>> {
        let runs: Vec<&MeasuredRun> =
            executed.runs.iter().filter(|run| run.summary.net == arm.arm.name).collect();
        fields.iter().map(|field| runs.iter().map(|run| score(run, field, measure)).collect()).collect()
    };
    let scores = PairedScores::new(&scores(a), &scores(b)).ok()?;
    let options = ComparisonOptions { seed: BOOTSTRAP_SEED, ..ComparisonOptions::default() };
    let PairedComparison { difference, interval, p, probability_a_better, .. } =
        compare(&scores, measure.better(), &options).ok()?;
    Some(Comparison {
        a: a.arm.name.clone(),
        b: b.arm.name.clone(),
        metric: measure.key().into(),
        difference,
        ci: interval,
        p,
        p_adjusted: p,
        probability_a_better,
    })
}

/// Test fields in which a measure has a value. That depends on the originals alone, so any run can tell.
fn fields_with(executed: &Executed, measure: Measure) -> Vec<String> {
    let fields = executed.runs.first().map_or(&[][..], |run| &run.fields);
    fields
        .iter()
        .filter(|field| field.metrics.contains_key(measure.key()))
        .map(|field| field.field.clone())
        .collect()
}

/// A run's score in a field. A diverged run gets the worst there is: it is a result, and it must count.
fn score(run: &MeasuredRun, field: &str, measure: Measure) -> f64 {
    if run.summary.diverged {
        return measure.worst();
    }
    let measures = run.fields.iter().find(|measures| measures.field == field);
    measures.and_then(|measures| measures.metrics.get(measure.key())).copied().unwrap_or(measure.worst())
}
