//! Differences between nets and methods that are no nets, paired by field.
//!
//! A method has no seeds: asked again it answers the same, so chance has the parts of the fields and of the net's seeds alone. Compared is each net with each method that
//! had the same task: no noise on its input, and masks of all fields to learn from, net and method alike; variants that factors make are left out. These comparisons are a family of their own
//! for Holm's adjustment: how many methods stand beside the nets must not decide what is found between nets.

use super::{Peers, adjust, compared, fields_with, with_the_same_task, written};
use crate::baseline::MeasuredMethod;
use crate::execute::MeasuredRun;
use crate::plan::{Plan, PlannedArm};
use crate::results::{BaselineComparison, Comparison};
use foci_measure::Measure;
use foci_measure::stats::{ComparisonOptions, Scores, compare_with_fixed};

/// Each net against each method, in the measures that the study compares.
pub(crate) fn compare_with_methods(
    plan: &Plan,
    runs: &[MeasuredRun],
    methods: &[MeasuredMethod],
) -> Vec<BaselineComparison> {
    let learnt_from_all = |(place, _): &(usize, &MeasuredMethod)| {
        plan.spec.baselines.get(*place).is_none_or(|baseline| baseline.labelled.is_none())
    };
    let methods: Vec<_> = methods.iter().enumerate().filter(learnt_from_all).collect();
    compare_arms(&plan.arms, runs, &methods, &compared(&plan.spec))
}

fn compare_arms(
    arms: &[PlannedArm],
    runs: &[MeasuredRun],
    methods: &[(usize, &MeasuredMethod)],
    measures: &[Measure],
) -> Vec<BaselineComparison> {
    let without_noise = |arms: &Vec<&PlannedArm>| arms.iter().all(|planned| planned.arm.input_noise == 0.0);
    let mut comparisons = Vec::new();
    for arms in with_the_same_task(arms).into_iter().filter(without_noise) {
        let peers = Peers::new(runs, arms, measures);
        for (number, planned) in peers.arms.iter().enumerate() {
            if planned.arm.variant_of.is_some() || planned.arm.labelled.is_some() {
                continue;
            }
            for &(baseline, method) in methods {
                let of_measure = |(measure, scores): &(Measure, Scores)| {
                    compare_one(&planned.arm.name, number, runs, method, *measure, scores)
                };
                let found = peers.scores.iter().filter_map(of_measure);
                comparisons.extend(found.map(|comparison| BaselineComparison { baseline, comparison }));
            }
        }
    }
    adjust(comparisons.iter_mut().map(|found| &mut found.comparison).collect());
    comparisons
}

/// A net against a method in one measure; `None` where the method has no value of it for a field that nets have one for.
fn compare_one(
    net: &str,
    arm: usize,
    runs: &[MeasuredRun],
    method: &MeasuredMethod,
    measure: Measure,
    scores: &Scores,
) -> Option<Comparison> {
    let value = |field: &String| {
        let measured = method.fields.iter().find(|measured| measured.field == *field)?;
        measured.metrics.get(measure.key()).copied()
    };
    let fixed: Vec<f64> = fields_with(runs, measure).iter().map(value).collect::<Option<_>>()?;
    let found =
        compare_with_fixed(scores, arm, &fixed, measure.better(), &ComparisonOptions::default()).ok()?;
    Some(written([net, &method.summary.name], measure, &found))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{arm, run};
    use super::*;
    use crate::measure::FieldMeasures;
    use crate::results::BaselineSummary;

    /// A method that is `level` in each of twelve fields, as nets of that level are, without a net's luck.
    fn method(level: f64) -> MeasuredMethod {
        let fields = (0..12).map(|field| FieldMeasures {
            field: format!("{field}"),
            metrics: [("psnr".to_string(), level + f64::from(field))].into(),
        });
        let summary = BaselineSummary {
            name: "otsu".into(),
            metrics: [].into(),
            seconds_per_megapixel: 1.0,
            labelled: None,
            training_seconds: None,
        };
        MeasuredMethod { summary, fields: fields.collect() }
    }

    #[test]
    fn nets_that_learnt_from_the_same_are_compared_with_each_method_in_a_family_of_their_own() {
        let mut arms = [arm("one", 0.0, false), arm("noisy", 0.1, false), arm("few", 0.0, false)];
        arms[2].arm.labelled = Some(3);
        let seeds = |seeds: u64| -> Vec<BaselineComparison> {
            let of_seed = |seed| [run("one", seed, 40.0), run("noisy", seed, 9.0), run("few", seed, 9.0)];
            let runs: Vec<MeasuredRun> = (0..seeds).flat_map(of_seed).collect();
            compare_arms(&arms, &runs, &[(0, &method(30.0)), (1, &method(41.0))], &[Measure::Psnr])
        };
        let found = seeds(3);
        let names: Vec<_> = found.iter().map(|one| (&*one.comparison.a, one.baseline)).collect();
        assert_eq!(names, [("one", 0), ("one", 1)]);
        let [above, below] = [&found[0].comparison, &found[1].comparison];
        assert!(above.ci[0] > 9.0 && above.difference < 10.5 && above.probability_a_better == 1.0);
        assert!(below.ci[1] < -0.5 && below.probability_a_better == 0.0);
        assert!(found.iter().all(|one| one.comparison.p_adjusted < 0.05));
        // Two comparisons: Holm doubles the smaller p-value, and the larger is not below that.
        let smaller = above.p.min(below.p);
        assert_eq!(above.p_adjusted.min(below.p_adjusted), 2.0 * smaller);
        // One seed decides nothing, as between nets; and what a method has no value of is not compared.
        assert!(seeds(1).iter().all(|one| one.comparison.p_adjusted == 1.0));
        let mut silent = method(30.0);
        silent.fields[3].metrics.clear();
        assert!(compare_arms(&arms, &[run("one", 0, 40.0)], &[(0, &silent)], &[Measure::Psnr]).is_empty());
    }
}
