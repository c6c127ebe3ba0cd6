//! Differences between nets, paired by field and seed, with intervals and adjusted p-values.
//!
//! Nets are compared if they had the same task: every pair of arms with the same input noise, controls included. Of the
//! variants that factors make, those are compared that differ in one setting: more would only widen the family. How far
//! seeds scatter is judged from all arms of that task. All comparisons of a study form one family for Holm's adjustment.
//!
//! With one seed nothing is known of how another run of the same nets would come out. Claims are about
//! architectures, not about two trained nets, so every p-value of such a study is 1 and its claims stay undecided; the
//! intervals are those of the trained nets.

mod methods;

pub(crate) use methods::compare_with_methods;

use crate::claim::Clause;
use crate::execute::{Executed, MeasuredRun};
use crate::measure::measures_of;
use crate::plan::{Plan, PlannedArm};
use crate::results::Comparison;
use crate::spec::StudySpec;
use foci_measure::Measure;
use foci_measure::stats::{ComparisonOptions, PairedComparison, Scatter, Scores, Subject, compare, holm};
use foci_train::Task;

/// The measures that every study of a task compares. Others are shown, and compared where a claim rests on them: all would only widen the
/// family.
fn always_compared(task: Task) -> &'static [Measure] {
    match task {
        Task::Reconstruct => &[
            Measure::Psnr,
            Measure::Ssim,
            Measure::DetailCutoff,
            Measure::FociRecall,
            Measure::FociPrecision,
            Measure::BoundaryContrast,
        ],
        Task::Instances => &[
            Measure::MeanAp,
            Measure::Ap50,
            Measure::Ap70,
            Measure::Ap90,
            Measure::BoundaryF,
            Measure::ForegroundIou,
        ],
        Task::Semantic => &Measure::CLASSES,
    }
}

/// All paired comparisons of a study, task by task and pair by pair in the order of the plan.
pub(crate) fn compare_all(plan: &Plan, executed: &Executed) -> Vec<Comparison> {
    compare_runs(&plan.arms, &executed.runs, &compared(&plan.spec))
}

/// The measures that a study compares: those of every study, then those that only claims ask for.
pub(crate) fn compared(spec: &StudySpec) -> Vec<Measure> {
    let mut always = always_compared(spec.task).to_vec();
    if spec.object_class_count() > 0 {
        always.extend(Measure::OBJECT_CLASSES);
    }
    let rests_on =
        |clause: &Clause, key: &str| matches!(clause, Clause::Measure { measure, .. } if measure == key);
    let is_claimed =
        |key: &str| spec.claims.iter().flat_map(|claim| &claim.all).any(|clause| rests_on(clause, key));
    let is_new = |measure: &&Measure| !always.contains(measure) && is_claimed(measure.key());
    let claimed: Vec<Measure> = measures_of(spec).into_iter().filter(|measure| is_new(&measure)).collect();
    always.into_iter().chain(claimed).collect()
}

fn compare_runs(arms: &[PlannedArm], runs: &[MeasuredRun], measures: &[Measure]) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for arms in with_the_same_task(arms) {
        let peers = Peers::new(runs, arms, measures);
        comparisons.extend(pairs(&peers.arms).into_iter().flat_map(|pair| peers.compare_pair(pair)));
    }
    adjust(comparisons.iter_mut().collect());
    comparisons
}

/// Adjusts the p-values of a family.
fn adjust(family: Vec<&mut Comparison>) {
    let p_values: Vec<f64> = family.iter().map(|comparison| comparison.p).collect();
    for (comparison, adjusted) in family.into_iter().zip(holm(&p_values)) {
        comparison.p_adjusted = adjusted;
    }
}

/// What was found of two names in a measure, not adjusted yet. One seed decides nothing.
fn written([a, b]: [&str; 2], measure: Measure, found: &PairedComparison) -> Comparison {
    let p = if found.subject == Subject::TrainedNets { 1.0 } else { found.p };
    Comparison {
        a: a.into(),
        b: b.into(),
        metric: measure.key().into(),
        difference: found.difference,
        ci: found.interval,
        p,
        p_adjusted: p,
        probability_a_better: found.probability_a_better,
    }
}

/// How many pairs of arms a study compares, and the most arms that have the same task.
pub(crate) fn count_pairs(arms: &[PlannedArm]) -> (usize, usize) {
    let all = with_the_same_task(arms);
    (all.iter().map(|peers| pairs(peers).len()).sum(), all.iter().map(Vec::len).max().unwrap_or(0))
}

/// How the scores of two arms vary in each measure that a study compares, on average over the pairs that it compares. Empty with
/// one seed, and where nothing is compared.
pub(crate) fn scatter(plan: &Plan, runs: &[MeasuredRun]) -> Vec<(Measure, Scatter)> {
    let measures = compared(&plan.spec);
    let all: Vec<Peers> =
        with_the_same_task(&plan.arms).into_iter().map(|arms| Peers::new(runs, arms, &measures)).collect();
    let of_measure = |measure: Measure| {
        let of_peers = |peers: &Peers| -> Vec<Scatter> {
            let scores = peers.scores.iter().find(|(known, _)| *known == measure);
            let of = |pair| Scatter::of(&scores?.1, pair);
            pairs(&peers.arms).into_iter().filter_map(of).collect()
        };
        let found: Vec<Scatter> = all.iter().flat_map(of_peers).collect();
        Some((measure, Scatter::mean(&found)?))
    };
    measures.iter().copied().filter_map(of_measure).collect()
}

/// The pairs of arms of one task that are compared.
fn pairs(arms: &[&PlannedArm]) -> Vec<[usize; 2]> {
    let all = (0..arms.len()).flat_map(|first| (first + 1..arms.len()).map(move |second| [first, second]));
    let is_compared = |pair: &[usize; 2]| {
        let [a, b] = pair.map(|arm| &arms[arm].arm);
        (a.variant_of.is_none() && b.variant_of.is_none()) || a.only_difference(b).is_some()
    };
    all.filter(is_compared).collect()
}

/// The arms, those with the same input noise together.
fn with_the_same_task(arms: &[PlannedArm]) -> Vec<Vec<&PlannedArm>> {
    let mut tasks: Vec<Vec<&PlannedArm>> = Vec::new();
    for arm in arms {
        match tasks.iter_mut().find(|task| task[0].arm.input_noise == arm.arm.input_noise) {
            Some(task) => task.push(arm),
            None => tasks.push(vec![arm]),
        }
    }
    tasks
}

/// Arms that had the same task, with their scores.
struct Peers<'a> {
    arms: Vec<&'a PlannedArm>,
    /// The measures that some test fields have.
    scores: Vec<(Measure, Scores)>,
}

impl<'a> Peers<'a> {
    fn new(runs: &[MeasuredRun], arms: Vec<&'a PlannedArm>, measures: &[Measure]) -> Self {
        let of_measure = |&measure: &Measure| {
            let fields = fields_with(runs, measure);
            let tables: Vec<Vec<Vec<f64>>> =
                arms.iter().map(|arm| table(runs, arm, &fields, measure)).collect();
            Some((measure, Scores::new(&tables).ok()?))
        };
        let scores = measures.iter().filter_map(of_measure).collect();
        Self { arms, scores }
    }

    /// The comparisons of two arms in all measures.
    fn compare_pair(&self, pair: [usize; 2]) -> impl Iterator<Item = Comparison> {
        let options = ComparisonOptions::default();
        let names = pair.map(|arm| self.arms[arm].arm.name.as_str());
        self.scores.iter().filter_map(move |(measure, scores)| {
            let found = compare(scores, pair, measure.better(), &options).ok()?;
            Some(written(names, *measure, &found))
        })
    }
}

/// Scores of an arm, field by field, one for each seed.
fn table(runs: &[MeasuredRun], arm: &PlannedArm, fields: &[String], measure: Measure) -> Vec<Vec<f64>> {
    let runs: Vec<&MeasuredRun> = runs.iter().filter(|run| run.summary.net == arm.arm.name).collect();
    fields.iter().map(|field| runs.iter().map(|run| score(run, field, measure)).collect()).collect()
}

/// Test fields in which a measure has a value. That depends on the originals alone, so any run can tell.
fn fields_with(runs: &[MeasuredRun], measure: Measure) -> Vec<String> {
    let fields = runs.first().map_or(&[][..], |run| &run.fields);
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

#[cfg(test)]
mod tests {
    use super::*;

    const RECONSTRUCT: Task = Task::Reconstruct;
    use crate::measure::FieldMeasures;
    use crate::results::RunSummary;
    use crate::spec::{ArmSpec, ClaimSpec};
    use std::collections::BTreeMap;

    pub(super) fn arm(name: &str, input_noise: f64, control: bool) -> PlannedArm {
        let arm = ArmSpec { name: name.into(), net: name.into(), input_noise, control, ..ArmSpec::default() };
        PlannedArm { arm, architecture: name.into(), graph: serde_json::Value::Null }
    }

    /// A run whose PSNR is `level` decibels, a little more from field to field and from seed to seed.
    pub(super) fn run(net: &str, seed: u64, level: f64) -> MeasuredRun {
        let metrics = |field: usize| {
            let jitter = ((field * 7 + seed as usize * 3 + net.len() * 5) % 11) as f64 / 50.0;
            BTreeMap::from([("psnr".to_string(), level + field as f64 + 0.01 * seed as f64 + jitter)])
        };
        let fields = (0..12)
            .map(|field| FieldMeasures { field: format!("{field}"), metrics: metrics(field) })
            .collect();
        let summary = RunSummary {
            net: net.into(),
            seed,
            fold: 0,
            steps: 1,
            seconds: 1.0,
            seconds_per_step: 1.0,
            seconds_per_megapixel: 1.0,
            learning_rate: 1e-3,
            diverged: false,
            metrics: BTreeMap::new(),
        };
        MeasuredRun { summary, fields, tiles: vec![] }
    }

    fn compared(seeds: u64) -> Vec<Comparison> {
        let arms = [
            arm("one", 0.0, false),
            arm("one-denoise", 0.1, true),
            arm("two", 0.0, true),
            arm("two-denoise", 0.1, true),
        ];
        let levels = [40.0, 20.0, 30.0, 25.0];
        let runs: Vec<MeasuredRun> = (0..seeds)
            .flat_map(|seed| arms.iter().zip(levels).map(move |(arm, level)| run(&arm.arm.name, seed, level)))
            .collect();
        compare_runs(&arms, &runs, always_compared(RECONSTRUCT))
    }

    #[test]
    fn arms_with_the_same_task_are_compared_controls_too() {
        let found = compared(3);
        let names: Vec<[&str; 2]> = found.iter().map(|found| [&*found.a, &*found.b]).collect();
        assert_eq!(names, [["one", "two"], ["one-denoise", "two-denoise"]]);
        assert!(found[0].ci[0] > 9.0 && found[1].ci[1] < -4.0);
        // Two comparisons: Holm doubles the smaller p-value.
        assert!(found.iter().all(|found| found.p_adjusted < 0.05 && found.p_adjusted >= found.p));
    }

    #[test]
    fn variants_are_compared_with_what_differs_from_them_in_one_setting() {
        let variant = |name: &str, dropout, deep_supervision| {
            let mut planned = arm(name, 0.0, false);
            planned.arm.variant_of = Some("base".into());
            (planned.arm.dropout, planned.arm.deep_supervision) = (dropout, deep_supervision);
            planned
        };
        let arms = [
            arm("base", 0.0, false),
            variant("dropped", 0.1, false),
            variant("both", 0.1, true),
            arm("other", 0.0, false),
        ];
        let runs: Vec<MeasuredRun> = (0..2)
            .flat_map(|seed| {
                arms.iter()
                    .zip([30.0, 31.0, 32.0, 33.0])
                    .map(move |(arm, level)| run(&arm.arm.name, seed, level))
            })
            .collect();
        let found = compare_runs(&arms, &runs, always_compared(RECONSTRUCT));
        let names: Vec<[&str; 2]> = found.iter().map(|found| [&*found.a, &*found.b]).collect();
        assert_eq!(names, [["base", "dropped"], ["base", "other"], ["dropped", "both"]]);
    }

    #[test]
    fn a_claim_adds_the_measure_that_it_rests_on() {
        let study = |claims| StudySpec { claims, ..StudySpec::quick().unwrap() };
        assert_eq!(super::compared(&study(vec![])), always_compared(RECONSTRUCT));
        let clause = |measure: &str| Clause::Measure {
            measure: measure.into(),
            better: "one".into(),
            worse: "two".into(),
        };
        let all = vec![clause("true_foci_recall"), clause("psnr")];
        let claim = ClaimSpec { id: "a".into(), statement: "b".into(), all };
        let measures = super::compared(&study(vec![claim]));
        assert_eq!(measures.len(), always_compared(RECONSTRUCT).len() + 1);
        assert!(measures.contains(&Measure::TrueFociRecall));
        // Where objects are of classes, nets are compared by those as well.
        let objects = StudySpec {
            task: Task::Instances,
            classes: vec!["few".into(), "many".into()],
            object_classes: Some("class".into()),
            ..study(vec![])
        };
        assert!(super::compared(&objects).contains(&Measure::ToldApart));
    }

    #[test]
    fn one_seed_decides_nothing() {
        assert!(compared(1).iter().all(|found| found.p == 1.0 && found.p_adjusted == 1.0));
        assert!(compared(1)[0].difference > 9.0);
    }
}
