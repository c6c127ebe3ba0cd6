//! Intervals hold what they promise: simulated studies with a known difference.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::Normal;
use foci_measure::measure::Better;
use foci_measure::stats::{ComparisonOptions, PairedScores, compare, holm};

/// Spread of the differences between two nets.
struct World {
    fields: usize,
    seeds: usize,
    /// Standard deviation of the difference from field to field.
    between_fields: f64,
    /// Of each net from seed to seed, on all fields alike.
    between_seeds: f64,
    /// Of each score by itself.
    rest: f64,
}

impl World {
    fn study(&self, difference: f64, normal: &mut Normal) -> PairedScores {
        let luck: Vec<[f64; 2]> =
            (0..self.seeds).map(|_| [normal.draw(), normal.draw()].map(|n| n * self.between_seeds)).collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..self.fields {
            // Fields differ by far more than nets do; that must cancel.
            let field = 30.0 + 5.0 * normal.draw();
            let effect = difference + self.between_fields * normal.draw();
            a.push(luck.iter().map(|l| field + effect + l[0] + self.rest * normal.draw()).collect());
            b.push(luck.iter().map(|l| field + l[1] + self.rest * normal.draw()).collect());
        }
        PairedScores::new(&a, &b).unwrap()
    }

    /// Share of studies whose interval holds the true difference, and whose p is below 5 %.
    fn coverage(&self, difference: f64, studies: u64) -> (f64, f64) {
        let mut normal = Normal::new(self.fields as u64 * 1000 + self.seeds as u64);
        let (mut held, mut found) = (0, 0);
        for seed in 0..studies {
            let options = ComparisonOptions { resamples: 300, seed, ..ComparisonOptions::default() };
            let result = compare(&self.study(difference, &mut normal), Better::Higher, &options).unwrap();
            held += usize::from((result.interval[0]..=result.interval[1]).contains(&difference));
            found += usize::from(result.p < 0.05);
        }
        (held as f64 / studies as f64, found as f64 / studies as f64)
    }
}

#[test]
fn intervals_hold_the_truth_as_often_as_promised() {
    let worlds = [
        // A study as planned: fields and seeds both matter.
        World { fields: 20, seeds: 3, between_fields: 1.0, between_seeds: 0.3, rest: 0.3 },
        // The luck of the seed is all there is: the hardest case.
        World { fields: 20, seeds: 3, between_fields: 0.1, between_seeds: 1.0, rest: 0.3 },
        World { fields: 20, seeds: 3, between_fields: 1.0, between_seeds: 0.0, rest: 0.3 },
        World { fields: 20, seeds: 1, between_fields: 1.0, between_seeds: 0.0, rest: 0.3 },
        World { fields: 5, seeds: 3, between_fields: 1.0, between_seeds: 0.5, rest: 0.5 },
        World { fields: 3, seeds: 2, between_fields: 1.0, between_seeds: 0.5, rest: 0.5 },
        World { fields: 2, seeds: 2, between_fields: 1.0, between_seeds: 1.0, rest: 0.5 },
    ];
    for world in &worlds {
        let (held, _) = world.coverage(0.7, 400);
        println!("{} fields, {} seeds: {held}", world.fields, world.seeds);
        // Four standard errors of a share of 95 % in 400 are 4.4 %.
        assert!(held > 0.95 - 0.045, "{} fields, {} seeds: {held}", world.fields, world.seeds);
    }
}

#[test]
fn a_net_against_itself_differs_as_seldom_as_promised() {
    let world = World { fields: 12, seeds: 3, between_fields: 0.5, between_seeds: 0.4, rest: 0.4 };
    let (held, found) = world.coverage(0.0, 400);
    assert!(found < 0.05 + 0.045, "found a difference in {found}");
    // p and interval say the same.
    assert!((held + found - 1.0).abs() < 1e-9);
}

#[test]
fn a_clear_difference_is_found() {
    let world = World { fields: 20, seeds: 3, between_fields: 0.5, between_seeds: 0.3, rest: 0.3 };
    assert!(world.coverage(2.0, 100).1 > 0.8);
}

#[test]
fn identical_scores_are_no_difference() {
    let scores: Vec<Vec<f64>> = (0..4).map(|i| vec![f64::from(i), f64::from(i) + 0.5]).collect();
    let same =
        compare(&PairedScores::new(&scores, &scores).unwrap(), Better::Higher, &ComparisonOptions::default())
            .unwrap();
    assert_eq!((same.difference, same.interval, same.p), (0.0, [0.0, 0.0], 1.0));
    assert_eq!(same.probability_a_better, 0.5);
}

#[test]
fn a_diverged_run_makes_the_interval_wide_but_leaves_the_ranks() {
    let fields: Vec<f64> = (0..8).map(|i| 30.0 + f64::from(i)).collect();
    let good: Vec<Vec<f64>> = fields.iter().map(|f| vec![f + 3.0, f + 3.1, f + 2.9]).collect();
    let other: Vec<Vec<f64>> = fields.iter().map(|f| vec![*f, f + 0.1, f - 0.1]).collect();
    let diverged: Vec<Vec<f64>> = good.iter().map(|row| vec![row[0], row[1], 0.0]).collect();
    let of = |a: &[Vec<f64>]| {
        compare(&PairedScores::new(a, &other).unwrap(), Better::Higher, &ComparisonOptions::default())
            .unwrap()
    };
    let (before, after) = (of(&good), of(&diverged));
    let width = |c: &foci_measure::stats::PairedComparison| c.interval[1] - c.interval[0];
    assert!(before.p < 0.05 && after.p > 0.05);
    assert!(width(&after) > 10.0 * width(&before));
    // One of three seeds of a loses everywhere: 2/3 of all pairs remain won.
    assert!((after.probability_a_better - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn holm_keeps_the_promise_over_many_comparisons() {
    let world = World { fields: 10, seeds: 3, between_fields: 0.5, between_seeds: 0.3, rest: 0.3 };
    let mut normal = Normal::new(99);
    let studies = 60;
    let any_found = |study: u64| {
        let p_value = |i: u64| {
            let options =
                ComparisonOptions { resamples: 300, seed: study * 10 + i, ..ComparisonOptions::default() };
            compare(&world.study(0.0, &mut normal), Better::Higher, &options).unwrap().p
        };
        let p: Vec<f64> = (0..6).map(p_value).collect();
        holm(&p).iter().any(|&p| p < 0.05)
    };
    let found = (0..studies).map(any_found).filter(|&found| found).count();
    // Five per cent of 60 are 3; four standard errors more are 9.75.
    assert!(found <= 9, "{found} of {studies} studies found something");
}
