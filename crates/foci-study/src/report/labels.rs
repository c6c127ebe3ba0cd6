//! What masks are worth: how good nets are that learnt from few fields with masks, pretrained and not.

use super::answer::deciding_measure;
use super::measures::Measure;
use super::palette;
use super::scatter::measure_tick;
use super::svg::{Anchor, Axis, Svg};
use crate::results::{NetSummary, Results};
use foci_measure::summary::mean;
use serde::Serialize;

/// Between the markers of two lines at the same number of fields, in units of the chart.
const APART: f64 = 7.0;

/// What the page shows of few labels; no chart if all arms learn from the same fields.
#[derive(Debug, Default, Serialize)]
pub struct Labels {
    /// The measure, in words.
    measure: String,
    /// The chart, as markup.
    chart: String,
    /// What each line is, in words, with its marker as markup.
    lines: Vec<(String, String)>,
}

/// A net that begins in one way, or a method in place of a net, with what each number of fields gave.
struct Line {
    /// What it is, in words.
    words: String,
    /// Number of fields, and the values of the runs; of a method their mean alone.
    points: Vec<(usize, Vec<f64>)>,
}

/// Prepares what there is.
pub fn prepare(results: &Results) -> Labels {
    let Some(measure) =
        deciding_measure(results).filter(|_| results.nets.iter().any(|net| net.labelled.is_some()))
    else {
        return Labels::default();
    };
    let lines = lines(results, &measure);
    Labels {
        measure: measure.name.clone(),
        chart: chart(&lines, &measure),
        lines: lines
            .iter()
            .enumerate()
            .map(|(place, line)| (palette::key(place), line.words.clone()))
            .collect(),
    }
}

/// The lines of the chart, in the order of the study.
fn lines(results: &Results, measure: &Measure) -> Vec<Line> {
    let nets = results.nets.iter().filter(|net| !net.control && net.variant_of.is_none());
    let of_nets = nets.filter_map(|net| {
        let begins = if net.pretrained { "pretrained without masks" } else { "from random weights" };
        let words = format!("{} {begins}", net.architecture);
        Some((words, (net.labelled?, values(results, net, measure))))
    });
    let of_methods = results.baselines.iter().filter_map(|method| {
        let fields = method.labelled?;
        let name = method.name.strip_suffix(&format!("-{fields}")).unwrap_or(&method.name);
        let value = method.metrics.get(&measure.key).copied();
        Some((format!("{name}, mean over draws"), (fields, value.into_iter().collect())))
    });
    let mut lines: Vec<Line> = Vec::new();
    for (words, point) in of_nets.chain(of_methods) {
        match lines.iter_mut().find(|line| line.words == words) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { words, points: vec![point] }),
        }
    }
    for line in &mut lines {
        line.points.retain(|(_, values)| !values.is_empty());
        line.points.sort_by_key(|(fields, _)| *fields);
    }
    lines
}

fn values(results: &Results, net: &NetSummary, measure: &Measure) -> Vec<f64> {
    let runs = results.runs.iter().filter(|run| run.net == net.name);
    runs.filter_map(|run| run.metrics.get(&measure.key)).copied().collect()
}

fn chart(lines: &[Line], measure: &Measure) -> String {
    let (width, height) = (460.0, 290.0);
    let (left, right, top, bottom) = (56.0, width - 16.0, 12.0, height - 38.0);
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::logarithmic(points().map(|(fields, _)| *fields as f64), left + 14.0, right - 14.0);
    let y = Axis::linear(points().flat_map(|(_, values)| values).copied(), bottom, top);
    let mut svg = Svg::figure(width, height, "chart", &format!("{} against fields with masks", measure.name));
    for value in y.ticks(5) {
        if let Some(y) = y.place(value) {
            svg.line("grid", left, y, right, y);
            svg.text("tick", left - 5.0, y + 3.5, Anchor::End, &measure_tick(measure, value));
        }
    }
    let mut counts: Vec<usize> = points().map(|(fields, _)| *fields).collect();
    counts.sort_unstable();
    counts.dedup();
    for count in counts {
        if let Some(x) = x.place(count as f64) {
            svg.line("axis", x, bottom, x, bottom + 4.0);
            svg.text("tick", x, bottom + 16.0, Anchor::Middle, &count.to_string());
        }
    }
    svg.line("axis", left, bottom, right, bottom);
    svg.text("label", 0.5 * (left + right), bottom + 33.0, Anchor::Middle, "fields with masks");
    svg.text_upwards("label", 10.0, 0.5 * (top + bottom), &measure.name);
    for (place, line) in lines.iter().enumerate() {
        // Beside each other, so that no bar hides another.
        let aside = APART * (place as f64 - 0.5 * (lines.len() - 1) as f64);
        let means = line.points.iter().filter_map(|(fields, values)| {
            Some((x.place(*fields as f64)? + aside, y.place(mean(values)?)?, values))
        });
        let path: Vec<(f64, f64)> = means.clone().map(|(x, y, _)| (x, y)).collect();
        svg.polyline(&format!("curve {}", palette::class(place)), &path);
        for (x, mean, values) in means {
            let of =
                |pick: fn(f64, f64) -> f64, start: f64| y.place(values.iter().copied().fold(start, pick));
            if let (Some(low), Some(high)) = (of(f64::min, f64::INFINITY), of(f64::max, f64::NEG_INFINITY)) {
                svg.line(&format!("whisker {}", palette::class(place)), x, low, x, high);
            }
            palette::marker(&mut svg, place, x, mean, 4.0);
        }
    }
    svg.finish()
}
