//! Intervals and p-values hold what they promise: simulated studies with a known difference.
//!
//! Holm's adjustment looks at p-values far below 5 %: with sixty comparisons the smallest must be below .05/60. So the rates of false
//! findings are counted there too, with enough comparisons to see a rate of three times the promised one.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::Normal;
use foci_measure::measure::Better;
use foci_measure::stats::{ComparisonOptions, PairedComparison, Scores, Subject, compare, holm};

/// Levels that the adjustment for 1, 6 and 60 comparisons looks at.
const LEVELS: [f64; 3] = [0.05, 0.05 / 6.0, 0.05 / 60.0];

/// A study of arms that are equally good.
struct World {
    fields: usize,
    seeds: usize,
    /// Standard deviation of the difference of two arms from field to field.
    between_fields: f64,
    /// Of each arm's runs from seed to seed, on all fields alike.
    between_seeds: Vec<f64>,
    /// Of each score by itself.
    rest: f64,
}

impl World {
    fn new(fields: usize, seeds: usize, [between_fields, seed, rest]: [f64; 3], factors: &[f64]) -> Self {
        let between_seeds = factors.iter().map(|factor| factor * seed).collect();
        Self { fields, seeds, between_fields, between_seeds, rest }
    }

    fn arms(&self) -> usize {
        self.between_seeds.len()
    }

    /// Scores of all arms; the first is better by `difference`.
    fn study(&self, difference: f64, normal: &mut Normal) -> Scores {
        // Fields differ by far more than nets do; that must cancel.
        let levels: Vec<f64> = (0..self.fields).map(|_| 30.0 + 5.0 * normal.draw()).collect();
        let mut arm = |(index, spread): (usize, &f64)| -> Vec<Vec<f64>> {
            let better = if index == 0 { difference } else { 0.0 };
            let luck: Vec<f64> = (0..self.seeds).map(|_| spread * normal.draw()).collect();
            let mut row = |level: &f64| {
                let effect = better + level + self.between_fields / 2f64.sqrt() * normal.draw();
                luck.iter().map(|luck| effect + luck + self.rest * normal.draw()).collect()
            };
            levels.iter().map(&mut row).collect()
        };
        Scores::new(&self.between_seeds.iter().enumerate().map(&mut arm).collect::<Vec<_>>()).unwrap()
    }

    /// All comparisons of one study.
    fn comparisons(&self, difference: f64, normal: &mut Normal) -> Vec<PairedComparison> {
        let scores = self.study(difference, normal);
        let pairs = (0..self.arms()).flat_map(|a| (a + 1..self.arms()).map(move |b| [a, b]));
        pairs.map(|pair| compare_pair(&scores, pair)).collect()
    }

    /// The comparison of the first two arms of one study.
    fn first_comparison(&self, difference: f64, normal: &mut Normal) -> PairedComparison {
        compare_pair(&self.study(difference, normal), [0, 1])
    }

    /// Share of comparisons with p below each of the levels, over the level: 1 is what is promised. Of all pairs, then of those
    /// with the first arm.
    fn rates(&self, studies: usize) -> [[f64; 3]; 2] {
        let mut normal = Normal::new(1000 * self.fields as u64 + self.seeds as u64);
        let mut counts = [[0usize; 3]; 2];
        for _ in 0..studies {
            for (index, comparison) in self.comparisons(0.0, &mut normal).iter().enumerate() {
                for (level, limit) in LEVELS.iter().enumerate() {
                    let found = usize::from(comparison.p < *limit);
                    counts[0][level] += found;
                    counts[1][level] += if index + 1 < self.arms() { found } else { 0 };
                }
            }
        }
        let pairs = self.arms() * (self.arms() - 1) / 2;
        let over_level = |counts: [usize; 3], pairs: usize| {
            [0, 1, 2].map(|level| counts[level] as f64 / (studies * pairs) as f64 / LEVELS[level])
        };
        [over_level(counts[0], pairs), over_level(counts[1], self.arms() - 1)]
    }
}

fn compare_pair(scores: &Scores, pair: [usize; 2]) -> PairedComparison {
    compare(scores, pair, Better::Higher, &ComparisonOptions::default()).unwrap()
}

/// Fields, seeds and rest of the reviewed case, and one where the luck of the seed is nearly all there is.
const USUAL: [f64; 3] = [0.5, 0.3, 0.3];
const SEEDS_ONLY: [f64; 3] = [0.1, 0.3, 0.1];

fn assert_rates(world: &World, studies: usize) {
    let [rates, _] = world.rates(studies);
    // 3000 comparisons: 150, 25 and 2.5 by promise, in clusters of a few (comparisons of a study share arms).
    assert!(
        rates[0] < 1.3 && rates[1] < 1.8 && rates[2] < 4.0,
        "{} fields, {} seeds, spreads {:?}: rates over those promised {rates:.2?}",
        world.fields,
        world.seeds,
        world.between_seeds
    );
}

#[test]
fn false_findings_are_as_rare_as_promised_in_the_quick_study() {
    assert_rates(&World::new(12, 3, SEEDS_ONLY, &[1.0; 4]), 500);
    assert_rates(&World::new(12, 2, SEEDS_ONLY, &[1.0; 4]), 500);
}

#[test]
fn false_findings_are_as_rare_as_promised_in_the_study_of_the_article() {
    assert_rates(&World::new(20, 3, SEEDS_ONLY, &[1.0; 7]), 150);
}

#[test]
fn arms_may_scatter_differently() {
    assert_rates(&World::new(20, 3, SEEDS_ONLY, &[3.0, 1.0, 1.0, 1.0]), 500);
}

#[test]
fn intervals_hold_the_truth_as_often_as_promised() {
    let worlds = [
        World::new(20, 3, [1.0, 0.0, 0.3], &[1.0; 2]),
        World::new(20, 1, [1.0, 0.0, 0.3], &[1.0; 2]),
        World::new(5, 3, [1.0, 0.5, 0.5], &[1.0; 2]),
        World::new(3, 2, [1.0, 0.5, 0.5], &[1.0; 2]),
        World::new(2, 2, [1.0, 1.0, 0.5], &[1.0; 2]),
    ];
    for world in &worlds {
        let mut normal = Normal::new(world.fields as u64);
        let holds = |_: &usize| {
            let [low, high] = world.first_comparison(0.7, &mut normal).interval;
            low <= 0.7 && 0.7 <= high
        };
        let held = (0..1000).filter(holds).count() as f64 / 1000.0;
        println!("{} fields, {} seeds: {held}", world.fields, world.seeds);
        // Four standard errors of a share of 95 % in 1000 are 2.8 %.
        assert!(held > 0.95 - 0.028, "{} fields, {} seeds: {held}", world.fields, world.seeds);
    }
}

#[test]
fn a_difference_of_ten_times_the_luck_of_the_seed_is_found_among_sixty() {
    let difference = 10.0 * 2f64.sqrt() * 0.3;
    for (arms, least) in [(4, 0.85), (7, 0.9)] {
        let world = World::new(20, 3, USUAL, &vec![1.0; arms]);
        let mut normal = Normal::new(7);
        let found = |_: &usize| world.first_comparison(difference, &mut normal).p < LEVELS[2];
        let share = (0..400).filter(found).count() as f64 / 400.0;
        println!("{arms} arms: found in {share}");
        assert!(share > least, "{arms} arms: found in {share}");
    }
}

#[test]
fn fields_decide_when_seeds_do_not_matter() {
    // With hardly any spread of seeds the paired t-test is the measure: 4 standard errors, 19 degrees of freedom: p .0008.
    let world = World::new(20, 3, [1.0, 0.01, 0.01], &[1.0; 4]);
    let mut normal = Normal::new(8);
    let found = |_: &usize| world.first_comparison(4.0 / 20f64.sqrt(), &mut normal).p < LEVELS[1];
    assert!((0..200).filter(found).count() > 150);
}

#[test]
fn one_seed_speaks_of_trained_nets_only() {
    let mut normal = Normal::new(3);
    let of =
        |seeds: usize, normal: &mut Normal| World::new(6, seeds, USUAL, &[1.0; 3]).comparisons(0.0, normal);
    assert!(of(1, &mut normal).iter().all(|found| found.subject == Subject::TrainedNets));
    assert!(of(2, &mut normal).iter().all(|found| found.subject == Subject::Architectures));
}

fn compare_two(a: &[Vec<f64>], b: &[Vec<f64>]) -> PairedComparison {
    let scores = Scores::new(&[a.to_vec(), b.to_vec()]).unwrap();
    compare_pair(&scores, [0, 1])
}

#[test]
fn without_any_spread_only_the_number_of_fields_counts() {
    let constant = |value: f64, fields: usize| vec![vec![value; 3]; fields];
    let same = compare_two(&constant(1.0, 4), &constant(1.0, 4));
    assert_eq!((same.difference, same.interval, same.p), (0.0, [0.0, 0.0], 1.0));
    assert_eq!(same.probability_a_better, 0.5);
    // All of 4 and of 8 fields agree: 2 of 16 and of 256 patterns of signs.
    let few = compare_two(&constant(1.0, 4), &constant(0.0, 4));
    assert_eq!((few.interval, few.p), ([0.0, 1.0], 0.125));
    let many = compare_two(&constant(0.0, 8), &constant(1.0, 8));
    assert_eq!((many.interval, many.p), ([-1.0, -1.0], 2.0 / 256.0));
}

#[test]
fn a_diverged_run_makes_the_interval_wide_but_leaves_the_ranks() {
    let fields: Vec<f64> = (0..8).map(|i| 30.0 + f64::from(i)).collect();
    let good: Vec<Vec<f64>> = fields.iter().map(|f| vec![f + 3.0, f + 3.1, f + 2.9]).collect();
    let other: Vec<Vec<f64>> = fields.iter().map(|f| vec![*f, f + 0.1, f - 0.1]).collect();
    let diverged: Vec<Vec<f64>> = good.iter().map(|row| vec![row[0], row[1], 0.0]).collect();
    let (before, after) = (compare_two(&good, &other), compare_two(&diverged, &other));
    let width = |c: &PairedComparison| c.interval[1] - c.interval[0];
    assert!(before.p < 0.05 && after.p > 0.05);
    assert!(width(&after) > 10.0 * width(&before));
    // One of three seeds of a loses everywhere: 2/3 of all pairs remain won.
    assert!((after.probability_a_better - 2.0 / 3.0).abs() < 1e-12);
    // A third and a fourth arm tell nothing less of `good` and `other` because `diverged` is one of them.
    let scores = Scores::new(&[good, other.clone(), diverged, other]).unwrap();
    let beside = compare_pair(&scores, [0, 1]);
    assert!(beside.p < 0.05 / 6.0);
}

#[test]
fn holm_keeps_the_promise_over_many_comparisons() {
    let world = World::new(10, 3, USUAL, &[1.0; 4]);
    let mut normal = Normal::new(99);
    let studies = 400;
    let any_found = |_: &usize| {
        let p: Vec<f64> = world.comparisons(0.0, &mut normal).iter().map(|found| found.p).collect();
        holm(&p).iter().any(|&p| p < 0.05)
    };
    let found = (0..studies).filter(any_found).count();
    // Five per cent of 400 are 20; four standard errors more are 37.
    assert!(found <= 37, "{found} of {studies} studies found something");
}

#[test]
fn a_confidence_is_between_a_half_and_one() {
    let scores = Scores::new(&[vec![vec![0.1, 0.2, 0.4]; 2], vec![vec![0.2, 0.5, 0.3]; 2]]).unwrap();
    let compared = |confidence| compare(&scores, [0, 1], Better::Higher, &ComparisonOptions { confidence });
    for confidence in [-1.0, 0.0, 0.5, 1.0, 1.5, f64::NAN] {
        assert!(compared(confidence).is_err(), "{confidence}");
    }
    assert!(compared(0.9).is_ok());
}
