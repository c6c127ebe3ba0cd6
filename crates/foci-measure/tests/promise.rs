//! Intervals and adjusted p-values keep their promise in studies that vary as the article's does.
//!
//! Whole studies are simulated, scored, compared and adjusted by the code that a real study uses. `table` prints the table of
//! `docs/statistics.md`, beside what other methods would have said of the same scores.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a failed step is a failed test; the table is printed

mod common;

use common::Normal;
use common::studies::{Compared, World};
use foci_measure::stats::chance::Chance;
use foci_measure::stats::variance::{Part, field_part};
use foci_measure::stats::{Power, Scatter, Scores, StudySize};

/// A share of studies or comparisons, with its Monte-Carlo standard error.
#[derive(Clone, Copy)]
struct Share {
    value: f64,
    error: f64,
}

impl Share {
    /// Of one number for each study: studies are independent, their comparisons are not.
    fn of(studies: &[f64]) -> Self {
        let count = studies.len() as f64;
        let value = studies.iter().sum::<f64>() / count;
        let square: f64 = studies.iter().map(|study| (study - value).powi(2)).sum();
        Self { value, error: (square / (count - 1.0) / count).sqrt() }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "{:5.1} ± {:.1}", 100.0 * self.value, 100.0 * self.error)
    }
}

/// Whether an interval around the difference that was found, with this reach, holds the truth.
fn holds(compared: &Compared, reach: f64) -> bool {
    (compared.found.difference - compared.truth).abs() <= reach
}

/// Share of the comparisons for which something is true, study by study, of those in which anything varies: two nets that both reach
/// the ceiling of a measure do not test an interval.
fn share(studies: &[Vec<Compared>], is: impl Fn(&Compared) -> bool) -> Share {
    let of_study = |study: &Vec<Compared>| {
        let varying: Vec<&Compared> = study.iter().filter(|compared| varies(compared)).collect();
        let true_of = varying.iter().filter(|compared| is(compared)).count();
        (!varying.is_empty()).then(|| true_of as f64 / varying.len() as f64)
    };
    Share::of(&studies.iter().filter_map(of_study).collect::<Vec<_>>())
}

fn varies(compared: &Compared) -> bool {
    compared.found.interval[0] < compared.found.interval[1]
}

/// Share of studies in which something is true of any comparison.
fn any(studies: &[Vec<Compared>], is: impl Fn(&Compared) -> bool) -> Share {
    let of_study = |study: &Vec<Compared>| f64::from(u8::from(study.iter().any(&is)));
    Share::of(&studies.iter().map(of_study).collect::<Vec<_>>())
}

fn in_interval(compared: &Compared) -> bool {
    let [low, high] = compared.found.interval;
    low <= compared.truth && compared.truth <= high
}

/// Whether a difference is claimed where there is none, or the wrong way round.
fn is_false(compared: &Compared) -> bool {
    compared.adjusted < 0.05 && compared.found.difference * compared.truth <= 0.0
}

/// Reach of the interval that takes seeds as fixed: Student's t over the fields' mean differences.
fn fields_only(compared: &Compared) -> f64 {
    let part = field_part(&compared.differences.concat(), compared.differences[0].len());
    Chance::new(part, &[], 0.0).map_or(0.0, |chance| chance.reach(0.05))
}

/// Reach of Welch's and Satterthwaite's interval: one standard error of fields and seeds, with degrees of freedom to match.
fn satterthwaite(compared: &Compared, alpha: f64) -> f64 {
    let mut parts = vec![field_part(&compared.differences.concat(), compared.differences[0].len())];
    for arm in &compared.arms {
        // Seeds become the rows, so that their part is that of the mean over seeds.
        let seeds = arm[0].len();
        let by_seed: Vec<f64> = (0..seeds).flat_map(|seed| arm.iter().map(move |row| row[seed])).collect();
        parts.push(field_part(&by_seed, arm.len()));
    }
    let variance: f64 = parts.iter().map(|part| part.variance).sum();
    let freedom =
        variance.powi(2) / parts.iter().map(|part| part.variance.powi(2) / part.freedom).sum::<f64>();
    Chance::new(Part { variance, freedom }, &[], 0.0).map_or(0.0, |chance| chance.reach(alpha))
}

/// Whether the middle 95 % of the means of tables with fields and seeds drawn with replacement hold the truth.
fn in_percentiles(compared: &Compared, normal: &mut Normal) -> bool {
    let (fields, seeds) = (compared.differences.len(), compared.differences[0].len());
    let mut index = |count: usize| (normal.uniform() * count as f64) as usize;
    let mut means: Vec<f64> = (0..1000)
        .map(|_| {
            let drawn: Vec<usize> = (0..seeds).map(|_| index(seeds)).collect();
            let sum: f64 = (0..fields)
                .map(|_| {
                    let row = &compared.differences[index(fields)];
                    drawn.iter().map(|seed| row[*seed]).sum::<f64>()
                })
                .sum();
            sum / (fields * seeds) as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    means[24] <= compared.truth && compared.truth <= means[975]
}

/// So many studies of each of the nets of the article against itself, the nets in turns.
fn against_themselves(seeds: usize, fields: usize, each: usize, planted: f64) -> Vec<Vec<Compared>> {
    let net = |arm: usize| (World::against_itself(arm, seeds, fields), Normal::new(500 + arm as u64));
    let mut nets: Vec<(World, Normal)> = (0..7).map(net).collect();
    let mut studies = Vec::new();
    for _ in 0..each {
        studies.extend(nets.iter_mut().map(|(world, normal)| world.study(planted, normal)));
    }
    studies
}

#[test]
fn a_net_does_not_differ_from_itself() {
    let studies = against_themselves(3, 20, 72, 0.0);
    assert!(studies.len() >= 500);
    // By promise 5 % of these 504 studies at most: three standard errors more are 7.9 %.
    let different = any(&studies, |compared| compared.adjusted < 0.05);
    println!("different: {different} % of studies");
    assert!(different.value < 0.079, "{different}");
    // 93 to 97 % of the intervals, within three standard errors of such a simulation.
    let held = share(&studies, in_interval);
    println!("intervals hold the truth: {held} %");
    assert!(held.value > 0.93 - 3.0 * held.error && held.value < 0.97 + 3.0 * held.error, "{held}");
    assert!(held.error < 0.01, "{held}");
    // Without adjustment, which is the same statement: p below .05 where the interval leaves the truth 0 out.
    let unadjusted = share(&studies, |compared| compared.found.p < 0.05);
    assert!((unadjusted.value + held.value - 1.0).abs() < 1e-9);

    // The control: taking seeds as fixed claims far too much.
    let naive = share(&studies, |compared| holds(compared, fields_only(compared)));
    println!("intervals over fields alone: {naive} %");
    assert!(naive.value < 0.9, "{naive}");
    let certain = any(&studies, |compared| !holds(compared, fields_only(compared)));
    assert!(certain.value > 0.3, "{certain}");
}

#[test]
fn intervals_of_the_articles_study_hold_the_planted_differences() {
    let world = World::article(3, 20);
    let mut normal = Normal::new(21);
    let studies: Vec<_> = (0..60).map(|_| world.study(1.5, &mut normal)).collect();
    assert_eq!(studies[0].len(), 66);
    assert!(studies[0].iter().all(|compared| compared.truth != 0.0));
    let held = share(&studies, in_interval);
    println!("intervals hold the truth: {held} %");
    assert!(held.value > 0.93 - 3.0 * held.error && held.value < 0.97 + 3.0 * held.error, "{held}");
}

#[test]
fn power_is_what_simulated_studies_find() {
    // Difference sd .4 from field to field, .2 from seed to seed, .3 each; six comparisons of two arms.
    let scatter = Scatter { fields: 0.16, seeds: [0.04; 2], rest: [0.09; 2] };
    let size = StudySize { fields: 20, seeds: 3, arms: 2, comparisons: 6 };
    let power = Power::new(&scatter, size, 0.05).unwrap();
    let smallest = power.smallest_difference(0.8);
    assert!((power.of(smallest) - 0.8).abs() < 1e-6);
    // `study` plants in units of a seed and a score.
    let world = World::plain([0.4, 0.2, 0.3], 3, 20);
    let mut normal = Normal::new(31);
    let studies: Vec<_> = (0..150).map(|_| world.study(smallest / 0.5, &mut normal)).collect();
    let seen = share(&studies, |compared| compared.found.p < 0.05 / 6.0);
    println!("smallest difference {smallest:.3}, seen in {seen} %");
    // Three standard errors of the simulation and of the 200 tables.
    assert!((seen.value - 0.8).abs() < 3.0 * (seen.error + 0.02), "{seen}");
}

#[test]
fn a_pilot_shows_the_scatter_that_is_there() {
    let world = World::plain([0.4, 0.2, 0.3], 3, 20);
    let mut normal = Normal::new(41);
    let mut sums = [0.0; 3];
    let mut count = 0.0;
    for _ in 0..200 {
        for compared in world.study(0.0, &mut normal) {
            let scatter = Scatter::of(&Scores::new(&compared.arms).unwrap(), [0, 1]).unwrap();
            let parts = [scatter.fields, scatter.seeds.iter().sum::<f64>() / 2.0, scatter.rest[0]];
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            count += 1.0;
        }
    }
    // Cutting at zero raises the first two a little.
    for (sum, expected) in sums.iter().zip([0.16, 0.04, 0.09]) {
        assert!((sum / count / expected - 1.0).abs() < 0.06, "{:?} in {count}", sums);
    }
}

/// The table of `docs/statistics.md`: `cargo test --release -p foci-measure --test promise -- --ignored --nocapture table`.
#[test]
#[ignore = "takes a quarter of an hour; prints the table of the documentation"]
fn table() {
    println!(
        "| studies | seeds x fields | intervals hold | fields alone | percentiles | Satterthwaite | any different | Satterthwaite |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (seeds, fields) in [(2, 10), (2, 20), (3, 10), (3, 20), (5, 10), (5, 20)] {
        line("a net against itself", [seeds, fields], &against_themselves(seeds, fields, 144, 0.0));
        let mut article = World::article(seeds, fields);
        let run = |world: &World, studies: usize, planted: f64| -> Vec<Vec<Compared>> {
            let mut normal = Normal::new(1000 * seeds as u64 + fields as u64);
            (0..studies).map(|_| world.study(planted, &mut normal)).collect()
        };
        line("the article's study", [seeds, fields], &run(&article, 300, 0.0));
        if (seeds, fields) == (3, 20) {
            by_measure(&against_themselves(seeds, fields, 144, 0.0));
            by_measure(&run(&article, 300, 0.0));
            line("the article's study, arms apart", [seeds, fields], &run(&article, 300, 1.5));
            article.heavy = true;
            line("the article's study, heavy tails", [seeds, fields], &run(&article, 300, 0.0));
        }
        for (name, deviations) in [
            ("seeds vary most", [0.1, 0.5, 0.1]),
            ("fields vary most", [1.0, 0.03, 0.1]),
            ("both", [0.6, 0.2, 0.3]),
            ("the rest alone", [0.0, 0.0, 0.5]),
        ] {
            line(name, [seeds, fields], &run(&World::plain(deviations, seeds, fields), 600, 0.0));
        }
        let heavy = World { heavy: true, ..World::plain([0.3, 0.1, 0.6], seeds, fields) };
        line("a heavy-tailed rest", [seeds, fields], &run(&heavy, 600, 0.0));
    }
}

fn line(name: &str, [seeds, fields]: [usize; 2], studies: &[Vec<Compared>]) {
    let mut normal = Normal::new(5);
    let mut drawn = Vec::new();
    for study in studies.iter().take(300) {
        let varying: Vec<&Compared> = study.iter().filter(|compared| varies(compared)).collect();
        let held = varying.iter().filter(|compared| in_percentiles(compared, &mut normal)).count();
        drawn.push(held as f64 / varying.len() as f64);
    }
    // The smallest p-value alone decides whether anything is different after Holm's adjustment.
    let comparisons = studies[0].len() as f64;
    println!(
        "| {name} | {seeds} x {fields} | {} | {} | {} | {} | {} | {} |",
        share(studies, in_interval),
        share(studies, |compared| holds(compared, fields_only(compared))),
        Share::of(&drawn),
        share(studies, |compared| holds(compared, satterthwaite(compared, 0.05))),
        any(studies, is_false),
        any(studies, |compared| !holds(compared, satterthwaite(compared, 0.05 / comparisons))),
    );
}

/// By measure: how often intervals hold, and how often p is below three levels over how often it should be.
fn by_measure(studies: &[Vec<Compared>]) {
    for measure in 0..6 {
        let own: Vec<Vec<Compared>> = studies
            .iter()
            .map(|study| study.iter().filter(|compared| compared.measure == measure).cloned().collect())
            .collect();
        let below = |alpha: f64| share(&own, |compared| compared.found.p < alpha).value / alpha;
        println!(
            "    measure {measure}: {}; p below .05, .05/6, .05/66: {:.2} {:.2} {:.2} times as often as promised",
            share(&own, in_interval),
            below(0.05),
            below(0.05 / 6.0),
            below(0.05 / 66.0)
        );
    }
}
