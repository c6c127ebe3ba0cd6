//! The answer in words: which net keeps the fine detail, by how much, how sure that is, and what it costs.
//!
//! The sentence is derived from the results by fixed rules, so that nobody can phrase it to taste. The
//! detail cut-off decides, unless the best nets reach all there is; other measures agree or disagree in sentences of
//! their own.

use super::findings::{self, Ranking};
use super::format;
use super::measures::{self, Measure};
use crate::difference::Difference;
use crate::results::{NetSummary, Results, Verdict};
use foci_measure::Measure as Known;
use foci_measure::measure::Better;

/// Share of the best possible value within which a measure cannot tell nets apart.
const CEILING_SHARE: f64 = 0.005;
/// Measures that may decide, the first one that can wins.
const DECIDING: [Known; 8] = [
    Known::DetailCutoff,
    Known::FociRecall,
    Known::MsSsim,
    Known::Psnr,
    Known::Ssim,
    Known::ClassAp50,
    Known::MeanAp,
    Known::MeanIou,
];
/// Measures that get a sentence of their own.
const SUPPORTING: [Known; 9] = [
    Known::DetailCutoff,
    Known::FociRecall,
    Known::BoundaryContrast,
    Known::Psnr,
    Known::ToldApart,
    Known::Ap50,
    Known::Ap90,
    Known::BoundaryF,
    Known::MeanDice,
];

/// What a net does that is good at a task: of one net, of several, and as a comparison.
struct Deed {
    does: &'static str,
    several_do: &'static str,
    better: &'static str,
}

fn deed(results: &Results) -> Deed {
    match results.task.as_str() {
        "instances" if results.tells_objects_apart() => Deed {
            does: "finds and tells apart the most objects",
            several_do: "find and tell apart the most objects",
            better: "is better than",
        },
        "instances" => Deed {
            does: "outlines the objects best",
            several_do: "outline the objects best",
            better: "outlines them better than",
        },
        "semantic" => Deed {
            does: "tells the classes apart best",
            several_do: "tell the classes apart best",
            better: "is better than",
        },
        _ => Deed {
            does: "keeps the most fine detail",
            several_do: "keep the most fine detail",
            better: "keeps more than",
        },
    }
}

/// The answer of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// One sentence, and a second one on cost.
    pub headline: String,
    /// What the other measures say, a sentence each.
    pub supporting: Vec<String>,
    /// What a reader must know before believing any of it, a sentence each.
    pub warnings: Vec<String>,
}

/// The measure that decides in this study: the first of the deciding measures that can tell the two best nets
/// apart. One in which both are as good as a net can be cannot.
pub fn deciding_measure(results: &Results) -> Option<Measure> {
    let measured = || {
        DECIDING.into_iter().filter_map(|known| {
            let measure = measures::of(known);
            findings::ranking(results, &measure).map(|ranking| (measure, ranking))
        })
    };
    let telling = measured().find(|(measure, ranking)| !at_ceiling(measure, ranking));
    telling.or_else(|| measured().next()).map(|(measure, _)| measure)
}

/// True if the two best nets are both within half a percent of the best value there is.
fn at_ceiling(measure: &Measure, ranking: &Ranking) -> bool {
    let Some(best) = measure.known.map(Known::best) else {
        return false;
    };
    let close = |mean: f64| (best - mean).abs() <= CEILING_SHARE * best.abs();
    ranking.order.len() > 1 && ranking.order[..2].iter().all(|(_, spread)| close(spread.mean))
}

/// Puts the outcome of a study into words. The nets as they are written are ranked; variants that factors made are not.
pub fn answer(results: &Results) -> Answer {
    let mut warnings = warnings(results);
    let results = &results.bases();
    let found = deciding_measure(results).and_then(|measure| {
        let ranking = findings::ranking(results, &measure)?;
        Some((measure, ranking))
    });
    let Some((measure, ranking)) = found else {
        let headline = "This study holds no measurements of finished runs, so it has no answer.".into();
        return Answer { headline, supporting: Vec::new(), warnings };
    };
    // First of all, beside the headline: who reads no further must not miss that no net was needed.
    warnings.splice(0..0, without_a_net(results, &measure, &ranking));
    let supporting = SUPPORTING
        .into_iter()
        .filter(|known| measure.known != Some(*known))
        .filter_map(|known| supporting(results, &measures::of(known)))
        .collect();
    Answer { headline: headline(results, &measure, &ranking), supporting, warnings }
}

fn headline(results: &Results, measure: &Measure, ranking: &Ranking) -> String {
    let leader = ranking.leader();
    let mean = ranking.order[0].1.mean;
    let name = &leader.name;
    let weights = format::count(results.budget.weights);
    let level = level(measure, mean);
    let deed = deed(results);
    if ranking.order.len() == 1 {
        return format!(
            "{name} was the only net to be ranked: with {weights} weights it reaches {level}.{}",
            cost(results, leader, None)
        );
    }
    if ranking.decided() {
        let rival = ranking.order[1].0;
        return format!(
            "{name} {} of the {} nets at {weights} weights: it reaches {level}, {}.{}",
            deed.does,
            ranking.order.len(),
            ahead(results, measure, leader, rival),
            cost(results, leader, Some(rival)),
        );
    }
    let rival = ranking.order[ranking.open[0]].0;
    let names = |places: &mut dyn Iterator<Item = usize>| -> String {
        format::listed(&places.map(|place| ranking.order[place].0.name.as_str()).collect::<Vec<_>>())
    };
    let compared = |place: &usize| {
        findings::difference(results, name, &ranking.order[*place].0.name, &measure.key).is_some()
    };
    if !ranking.open.iter().any(compared) {
        return format!(
            "{name} has the best mean, {level}, but the study made no comparison with {} that could tell it from chance.{}",
            names(&mut ranking.open.iter().copied()),
            cost(results, leader, Some(rival)),
        );
    }
    let tied = names(&mut std::iter::once(0).chain(ranking.open.iter().copied()));
    let beaten = names(&mut (1..ranking.order.len()).filter(|place| !ranking.open.contains(place)));
    let opening = if beaten.is_empty() {
        format!("Undecided: at {weights} weights the study does not tell {tied} apart")
    } else {
        format!("At {weights} weights {tied} {}, and the study does not decide between them", deed.several_do)
    };
    let more = if beaten.is_empty() { String::new() } else { format!("; {name} {} {beaten}", deed.better) };
    format!(
        "{opening}: {name} reaches {level}, {}{more}.{}",
        ahead(results, measure, leader, rival),
        cost(results, leader, Some(rival)),
    )
}

/// What the best method without a net reaches beside the best net, of those that learnt from as many masks.
fn without_a_net(results: &Results, measure: &Measure, ranking: &Ranking) -> Option<String> {
    let sign = match measure.better? {
        Better::Higher => 1.0,
        Better::Lower => -1.0,
    };
    let labelled = ranking.leader().labelled;
    let methods = results.baselines.iter().enumerate().filter(|(_, method)| method.labelled == labelled);
    let values = methods.filter_map(|(place, method)| Some((place, *method.metrics.get(&measure.key)?)));
    let (place, value) = values.max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))?;
    let (name, leader) = (&results.baselines[place].name, &ranking.leader().name);
    let level = level(measure, value);
    let is_ahead = sign * value > sign * ranking.order[0].1.mean;
    let Some(found) = findings::difference_to_method(results, leader, place, &measure.key) else {
        return Some(if is_ahead {
            let own = measure.value_with_unit(ranking.order[0].1.mean);
            format!(
                "No net is as good as {name}, a method without a net, which reaches {level} ({leader} {own}; means without an interval)."
            )
        } else {
            format!("Of the methods without a net the best, {name}, reaches {level}.")
        });
    };
    let placed = placed(measure, found, name);
    let is_behind = |net: &str| {
        let found = findings::difference_to_method(results, net, place, &measure.key);
        found.is_some_and(|found| found.turned().favours_first(measure.better))
    };
    let no_net = ranking.order.iter().all(|(net, _)| is_behind(&net.name));
    Some(match (found.is_certain(), is_ahead) {
        (true, true) if !no_net => format!(
            "The best method without a net, {name}, reaches {level}: the net with the best mean, {leader}, is {placed}."
        ),
        (true, true) => format!(
            "No net is as good as {name}, a method without a net, which reaches {level}: the best, {leader}, is {placed}."
        ),
        (true, false) => {
            format!("Of the methods without a net the best, {name}, reaches {level}: {leader} is {placed}.")
        }
        (false, _) => format!(
            "The best method without a net, {name}, reaches {level}, and the study does not tell {leader} from it: {leader} is {placed}."
        ),
    })
}

/// `a detail cut-off of 0.189 cycles/pixel (a period of 5.3 pixels)`.
fn level(measure: &Measure, mean: f64) -> String {
    let value = measure.value_with_unit(mean);
    match measure.known {
        Some(Known::DetailCutoff) => match measures::period(mean) {
            Some(period) => format!("a detail cut-off of {value} (a period of {period})"),
            None => format!("a detail cut-off of {value}"),
        },
        Some(Known::FociRecall) => format!("{value} of the foci kept"),
        // A name in the middle of a sentence; abbreviations begin with more than one capital.
        Some(known) => format!("{} {} of {value}", article(known.title()), known.title()),
        None => format!("a {} of {value}", measure.name),
    }
}

/// As it is said: an AP, an IoU, an SSIM, a PSNR.
fn article(title: &str) -> &'static str {
    let is_vowel = title.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) || title.starts_with("SSIM");
    if is_vowel { "an" } else { "a" }
}

/// `0.024 above atrous (95 % interval 0.010 to 0.031)`.
fn ahead(results: &Results, measure: &Measure, leader: &NetSummary, rival: &NetSummary) -> String {
    match findings::difference(results, &leader.name, &rival.name, &measure.key) {
        Some(found) => placed(measure, found, &rival.name),
        None => format!("ahead of {} by its mean only, without a comparison", rival.name),
    }
}

/// `0.024 above atrous (95 % interval 0.010 to 0.031)`, for a difference to `rival`.
fn placed(measure: &Measure, found: Difference, rival: &str) -> String {
    let (side, found) = if found.value < 0.0 { ("below", found.turned()) } else { ("above", found) };
    let size = measure.difference(found.value);
    let number = format::with_unit(size.trim_start_matches('+'), measure.difference_unit());
    format!("{number} {side} {rival} (95\u{a0}% interval {})", measure.interval(found.interval))
}

/// ` A training step takes 0.35 s and 412 MiB, against 0.42 s and 318 MiB for atrous.`; empty if nothing was timed.
fn cost(results: &Results, net: &NetSummary, rival: Option<&NetSummary>) -> String {
    let price = |net: &NetSummary| {
        let seconds = findings::seconds_per_step(results, &net.name)?;
        Some(format!("{} and {}", format::seconds(seconds), format::bytes(net.train_bytes)))
    };
    let Some(own) = price(net) else {
        return String::new();
    };
    let against = rival.and_then(|rival| Some(format!(", against {} for {}", price(rival)?, rival.name)));
    format!(" A training step of {} takes {own}{}.", net.name, against.unwrap_or_default())
}

fn supporting(results: &Results, measure: &Measure) -> Option<String> {
    let ranking = findings::ranking(results, measure)?;
    if ranking.order.len() < 2 {
        return None;
    }
    let leader = ranking.leader();
    let name = &measure.name;
    if ranking.decided() {
        return Some(format!(
            "{name}: {} is ahead of all others, {}.",
            leader.name,
            ahead(results, measure, leader, ranking.order[1].0)
        ));
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
    let controls: Vec<&str> =
        results.nets.iter().filter(|net| net.control).map(|net| net.name.as_str()).collect();
    if !controls.is_empty() {
        lines.push(format!(
            "Control arms are shown but take no part in the ranking: {}.",
            format::listed(&controls)
        ));
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
        lines
            .push("Only one seed was run: how much a result owes to chance in training is not known.".into());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_have_the_article_that_is_said() {
        let titles = [Known::MeanIou, Known::Ssim, Known::MeanAp, Known::Psnr].map(Known::title);
        assert_eq!(titles.map(article), ["an", "an", "a", "a"], "{titles:?}");
    }
}
