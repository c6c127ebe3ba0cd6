//! Where nets break: a curve for each net and way of making images worse, and the strength at which each breaks.

use super::format;
use super::palette;
use super::svg::{Anchor, Axis, Svg};
use super::tables::Plain;
use crate::results::{Results, RunStress, StressPoint};
use foci_image::Degradation;
use foci_measure::Measure;
use foci_measure::summary::mean;
use serde::Serialize;

/// A net breaks where it keeps less than this share of what it keeps of images as they are.
const BREAKS: f64 = 0.5;
/// A share of foci below this is nothing that could break.
const LEAST: f64 = 0.1;

/// What the page shows of degraded images.
#[derive(Debug, Default, Serialize)]
pub struct Stress {
    /// The measure that the curves show, in words.
    measure: String,
    /// One chart for each way, as markup.
    charts: Vec<String>,
    /// The amount at which each net breaks.
    table: Plain,
    /// Tiles on which nets do worst.
    worst: Plain,
}

/// Prepares what there is; `arm` gives the place of a net in the study.
pub fn prepare(results: &Results, arm: impl Fn(&str) -> usize) -> Stress {
    let has = |measure: Measure| {
        let points = || results.stress.iter().flat_map(|run| &run.points);
        points().any(|point| point.metrics.contains_key(measure.key()))
    };
    let Some(measure) = [Measure::FociRecall, Measure::Psnr].into_iter().find(|measure| has(*measure)) else {
        return Stress::default();
    };
    let kinds: Vec<Degradation> = Degradation::ALL
        .into_iter()
        .filter(|kind| results.stress.iter().any(|run| run.kind == *kind))
        .collect();
    let of = |kind: Degradation, net: &str| -> Vec<&RunStress> {
        results.stress.iter().filter(|run| run.kind == kind && run.net == net).collect()
    };
    let names: Vec<&str> = results
        .nets
        .iter()
        .map(|net| net.name.as_str())
        .filter(|name| results.stress.iter().any(|run| run.net == *name))
        .collect();
    let mut heads = vec!["net".to_owned()];
    // The unit stands below each chart.
    heads.extend(kinds.iter().map(|kind| kind.name().replace('_', " ")));
    let row = |name: &&str| {
        let cells = kinds.iter().map(|kind| breaking(&of(*kind, name), measure));
        (false, std::iter::once(name.to_string()).chain(cells).collect())
    };
    let worst_row = |name: &&str| {
        let cells = kinds.iter().map(|kind| worst(&of(*kind, name)));
        (false, std::iter::once(name.to_string()).chain(cells).collect())
    };
    Stress {
        measure: measure.title().to_owned(),
        charts: kinds
            .iter()
            .map(|kind| {
                let lines: Vec<(usize, Vec<f64>)> =
                    names.iter().map(|name| (arm(name), means(&of(*kind, name), measure))).collect();
                chart(*kind, measure, &lines)
            })
            .collect(),
        table: Plain { heads: heads.clone(), rows: names.iter().map(row).collect() },
        worst: Plain { heads, rows: names.iter().map(worst_row).collect() },
    }
}

/// The measure at each strength, averaged over seeds; missing ones (no foci are left to find) count as nothing kept.
fn means(runs: &[&RunStress], measure: Measure) -> Vec<f64> {
    let value = |point: &StressPoint| point.metrics.get(measure.key()).copied().unwrap_or(0.0);
    (0..=Degradation::STRENGTHS)
        .map(|strength| {
            let at = runs.iter().filter_map(|run| run.points.get(strength)).map(value);
            mean(&at.collect::<Vec<_>>()).unwrap_or(0.0)
        })
        .collect()
}

/// The first amount at which less than half is kept, or that there is none.
fn breaking(runs: &[&RunStress], measure: Measure) -> String {
    let values = means(runs, measure);
    let Some(first) = runs.first() else { return format::MISSING.into() };
    if values[0] < LEAST {
        return "nothing to break".into();
    }
    let broken = (1..values.len()).find(|&strength| values[strength] < BREAKS * values[0]);
    match broken.and_then(|strength| first.points.get(strength)?.amount) {
        Some(amount) => format::tick(amount),
        None => "holds".into(),
    }
}

/// The tile with the lowest peak signal-to-noise ratio at the middle strength, over seeds.
fn worst(runs: &[&RunStress]) -> String {
    let middle = Degradation::STRENGTHS.div_ceil(2);
    let at = runs.iter().filter_map(|run| {
        let point = run.points.get(middle)?;
        Some((point.worst_tile.as_deref()?, point.worst_psnr?))
    });
    match at.min_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((tile, decibels)) => format!("{tile} {}", format::fixed(decibels, 1)),
        None => format::MISSING.into(),
    }
}

fn chart(kind: Degradation, measure: Measure, lines: &[(usize, Vec<f64>)]) -> String {
    let (width, height) = (270.0, 190.0);
    let (left, right, top, bottom) = (44.0, width - 10.0, 10.0, height - 36.0);
    let x = Axis::from_zero(Degradation::STRENGTHS as f64, left, right);
    let most = lines.iter().flat_map(|line| &line.1).copied().fold(0.0, f64::max);
    let y = Axis::from_zero(most.max(0.01) * 1.05, bottom, top);
    let title = format!("{} under {}", measure.title(), kind.words());
    let mut svg = Svg::figure(width, height, "chart", &title);
    for value in y.ticks(4) {
        if let Some(y) = y.place(value) {
            svg.line("grid", left, y, right, y);
            svg.text("tick", left - 5.0, y + 3.5, Anchor::End, &format::tick(value));
        }
    }
    for strength in 0..=Degradation::STRENGTHS {
        let text = match strength {
            0 => "none".to_owned(),
            _ => format::tick(kind.amount(strength)),
        };
        if let Some(x) = x.place(strength as f64) {
            svg.text("tick", x, bottom + 13.0, Anchor::Middle, &text);
        }
    }
    svg.line("axis", left, bottom, right, bottom);
    svg.text("label", 0.5 * (left + right), bottom + 30.0, Anchor::Middle, kind.words());
    for (arm, values) in lines {
        let place = |(strength, value): (usize, &f64)| Some((x.place(strength as f64)?, y.place(*value)?));
        let path: Vec<(f64, f64)> = values.iter().enumerate().filter_map(place).collect();
        svg.polyline(&format!("curve {}", palette::class(*arm)), &path);
        for &(x, y) in &path {
            palette::marker(&mut svg, *arm, x, y, 2.6);
        }
    }
    svg.finish()
}
