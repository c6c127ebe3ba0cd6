//! The answer in words: which net keeps the fine detail, by how much, how sure that is, and what it costs.
//!
//! The sentence is derived from the results by fixed rules, so that nobody can phrase it to taste. The
//! detail cut-off decides, if the study measured it; other measures agree or disagree in sentences of their own.

use super::findings::{self, Ranking};
use super::format;
use super::measures::{self, Measure};
use crate::results::{NetSummary, Results, Verdict};

/// Measures that may decide, the first one present wins.
const DECIDING: [&str; 5] = ["detail_cutoff", "foci_recall", "ms_ssim", "psnr", "ssim"];
/// Measures that get a sentence of their own.
const SUPPORTING: [&str; 4] = ["detail_cutoff", "foci_recall", "boundary_contrast", "psnr"];

/// The answer of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// One sentence.
    pub headline: String,
    /// What else a reader must know before believing it, a sentence each.
    pub details: Vec<String>,
}

/// The measure that decides in this study: the first of the deciding measures that a net of the ranking has.
pub fn deciding_measure(results: &Results) -> Option<Measure> {
    DECIDING.iter().map(|key| measures::describe(key)).find(|measure| findings::ranking(results, measure).is_some())
}

/// Puts the outcome of a study into words.
pub fn answer(results: &Results) -> Answer {
    let Some(measure) = deciding_measure(results) else {
        return Answer {
            headline: "This study holds no measurements of finished runs, so it has no answer.".into(),
            details: warnings(results),
        };
    };
    let Some(ranking) = findings::ranking(results, &measure) else {
        return Answer { headline: String::new(), details: warnings(results) };
    };
    let mut details: Vec<String> = SUPPORTING
        .iter()
        .filter(|key| **key != measure.key)
        .filter_map(|key| supporting(results, &measures::describe(key)))
        .collect();
    details.extend(warnings(results));
    Answer { headline: headline(results, &measure, &ranking), details }
}

fn headline(results: &Results, measure: &Measure, ranking: &Ranking) -> String {
    let leader = ranking.leader();
    let mean = ranking.order[0].1.mean;
    let name = &leader.name;
    let weights = format::count(leader.weights);
    let level = level(measure, mean);
    if ranking.order.len() == 1 {
        return format!("{name} was the only net in this study: with {weights} weights it reaches {level}{}.", cost(results, leader, None));
    }
    if ranking.decided() {
        let rival = ranking.order[1].0;
        return format!(
            "{name} keeps the most fine detail of the {} nets at {weights} weights: it reaches {level}, {}{}.",
            format::count(ranking.order.len() as u64),
            ahead(results, measure, leader, rival),
            cost(results, leader, Some(rival)),
        );
    }
    let rival = ranking.order[ranking.open[0]].0;
    let compared = ranking.open.iter().any(|&place| {
        findings::difference(results, name, &ranking.order[place].0.name, &measure.key).is_some()
    });
    if !compared {
        return format!(
            "{name} has the best {} ({}), but the study made no comparison that could tell it from chance.",
            measure.name.to_lowercase(),
            measure.value_with_unit(mean),
        );
    }
    let tied: Vec<&str> =
        std::iter::once(name.as_str()).chain(ranking.open.iter().map(|&place| ranking.order[place].0.name.as_str())).collect();
    let beaten: Vec<&str> = (1..ranking.order.len())
        .filter(|place| !ranking.open.contains(place))
        .map(|place| ranking.order[place].0.name.as_str())
        .collect();
    let rest = if beaten.is_empty() {
        String::new()
    } else {
        format!(", though {name} keeps more than {}", format::listed(&beaten))
    };
    format!(
        "Undecided between {} at {weights} weights: {name} reaches {level}, {}{rest}{}.",
        format::listed(&tied),
        ahead(results, measure, leader, rival),
        cost(results, leader, Some(rival)),
    )
}

/// `a detail cut-off of 0.189 cycles/pixel (a period of 5.3 pixels)`.
fn level(measure: &Measure, mean: f64) -> String {
    let period = if measure.key == "detail_cutoff" { measures::period(mean) } else { None };
    let period = period.map_or(String::new(), |period| format!(" (a period of {period})"));
    let article = if measure.name.starts_with(char::is_uppercase) && measure.name.chars().nth(1).is_some_and(char::is_uppercase) {
        measure.name.clone()
    } else {
        measure.name.to_lowercase()
    };
    format!("{article} {}{period}", measure.value_with_unit(mean))
}

/// `0.024 above atrous (95 % interval 0.010 to 0.031)`.
fn ahead(results: &Results, measure: &Measure, leader: &NetSummary, rival: &NetSummary) -> String {
    match findings::difference(results, &leader.name, &rival.name, &measure.key) {
        Some(found) => {
            let side = if found.value < 0.0 { "below" } else { "above" };
            let size = measure.difference(found.value.abs());
            let number = format::with_unit(size.trim_start_matches('+'), measure.difference_unit());
            format!("{number} {side} {} (95\u{a0}% interval {})", rival.name, measure.interval(found.interval))
        }
        None => format!("ahead of {} by its mean only, without a comparison", rival.name),
    }
}

/// `, at 0.35 s a training step and 412 MiB (1.2× and 0.8× those of atrous)`; empty if nothing was measured.
fn cost(results: &Results, net: &NetSummary, rival: Option<&NetSummary>) -> String {
    let Some(seconds) = findings::seconds_per_step(results, &net.name) else {
        return String::new();
    };
    let beside = rival.and_then(|rival| {
        let other = findings::seconds_per_step(results, &rival.name)?;
        (rival.train_bytes > 0).then(|| {
            let time = format::times(seconds / other);
            let memory = format::times(net.train_bytes as f64 / rival.train_bytes as f64);
            format!(" ({time} and {memory} those of {})", rival.name)
        })
    });
    format!(
        ", at a cost of {} for a training step and {} of memory{}",
        format::seconds(seconds),
        format::bytes(net.train_bytes),
        beside.unwrap_or_default()
    )
}

fn supporting(results: &Results, measure: &Measure) -> Option<String> {
    let ranking = findings::ranking(results, measure)?;
    if ranking.order.len() < 2 {
        return None;
    }
    let leader = ranking.leader();
    let name = &measure.name;
    if ranking.decided() {
        return Some(format!("{name}: {} is ahead of all others, {}.", leader.name, ahead(results, measure, leader, ranking.order[1].0)));
    }
    let rival = ranking.order[ranking.open[0]].0;
    let found = findings::difference(results, &leader.name, &rival.name, &measure.key)?;
    let open: Vec<&str> = ranking.open.iter().map(|&place| ranking.order[place].0.name.as_str()).collect();
    Some(format!(
        "{name}: {} has the best mean, but is not told apart from {} (difference to {} {}, 95\u{a0}% interval {}).",
        leader.name,
        format::listed(&open),
        rival.name,
        format::with_unit(&measure.difference(found.value), measure.difference_unit()),
        measure.interval(found.interval),
    ))
}

fn warnings(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    let controls: Vec<&str> = results.nets.iter().filter(|net| net.control).map(|net| net.name.as_str()).collect();
    if !controls.is_empty() {
        lines.push(format!("Control arms are shown but take no part in the ranking: {}.", format::listed(&controls)));
    }
    let diverged: Vec<String> = results
        .runs
        .iter()
        .filter(|run| run.diverged)
        .map(|run| format!("{} with seed {}", run.net, run.seed))
        .collect();
    if !diverged.is_empty() {
        let names: Vec<&str> = diverged.iter().map(String::as_str).collect();
        lines.push(format!(
            "Of {} runs {} diverged and {} counted as {}: {}.",
            results.runs.len(),
            diverged.len(),
            if diverged.len() == 1 { "is" } else { "are" },
            if diverged.len() == 1 { "it is" } else { "they are" },
            format::listed(&names)
        ));
    }
    if results.seeds == 1 {
        lines.push("Only one seed was run: how much a result owes to chance in training is not known.".into());
    }
    if !results.claims.is_empty() {
        let of = |verdict| results.claims.iter().filter(|claim| claim.verdict == verdict).count();
        lines.push(format!(
            "Of {} claims written down before the runs, {} supported, {} refuted, {} undecided.",
            results.claims.len(),
            of(Verdict::Supported),
            of(Verdict::Refuted),
            of(Verdict::Undecided)
        ));
    }
    lines
}
