//! Paired differences as a forest plot: one row for each pair of nets, its 95 % interval as a bar around the mean.
//!
//! The plot is a table whose cells hold the drawings, so that it breaks between rows on paper, wraps long names,
//! and can be read aloud. All rows of a measure share one axis.

use super::format;
use super::measures::{self, Measure};
use super::svg::{Axis, Svg};
use crate::difference::Difference;
use crate::results::{Comparison, Results};
use foci_measure::Measure as Known;
use foci_measure::measure::Better;
use serde::Serialize;

/// All comparisons in one measure.
#[derive(Debug, Serialize)]
pub struct Forest {
    /// Key of the measure.
    pub key: String,
    /// Name of the measure.
    pub name: String,
    /// Unit of the differences.
    pub unit: String,
    /// What the left end of the axis means.
    pub left: &'static str,
    /// What the right end of the axis means.
    pub right: &'static str,
    /// The axis with its values.
    pub axis_svg: String,
    /// One row for each pair.
    pub rows: Vec<Row>,
    /// The measure is one of the main ones.
    pub main: bool,
}

/// One pair of nets.
#[derive(Debug, Serialize)]
pub struct Row {
    /// First net.
    pub a: String,
    /// Its place in the study.
    pub arm_a: usize,
    /// Second net.
    pub b: String,
    /// Its place in the study.
    pub arm_b: usize,
    /// One of them is a control arm.
    pub control: bool,
    /// Mean difference.
    pub difference: String,
    /// 95 % interval.
    pub interval: String,
    /// Adjusted p-value.
    pub p: String,
    /// Probability that the first net is better.
    pub probability: String,
    /// The difference counts as certain.
    pub certain: bool,
    /// The interval as a drawing.
    pub bar_svg: String,
}

/// Measures whose comparisons are always open; the others are folded away on a screen.
const MAIN: [Known; 11] = [
    Known::DetailCutoff,
    Known::FociRecall,
    Known::BoundaryContrast,
    Known::Psnr,
    Known::MeanAp,
    Known::Ap50,
    Known::Ap90,
    Known::ToldApart,
    Known::ClassAp50,
    Known::MeanIou,
    Known::MeanDice,
];

/// Prepares a forest plot for each measure that has comparisons; `arm` gives the place of a net in the study.
pub fn prepare(results: &Results, arm: impl Fn(&str) -> usize) -> Vec<Forest> {
    let measures =
        measures::in_order(results.comparisons.iter().map(|comparison| comparison.metric.as_str()));
    let is_main = |measure: &Measure| measure.known.is_some_and(|known| MAIN.contains(&known));
    let any_main = measures.iter().any(is_main);
    let control = |name: &str| results.nets.iter().any(|net| net.control && net.name == name);
    measures
        .into_iter()
        .map(|measure| {
            let mut of: Vec<&Comparison> =
                results.comparisons.iter().filter(|comparison| comparison.metric == measure.key).collect();
            of.sort_by_key(|comparison| control(&comparison.a) || control(&comparison.b));
            let ends =
                of.iter().flat_map(|comparison| [comparison.ci[0], comparison.ci[1], comparison.difference]);
            let axis = Axis::linear(ends.chain([0.0]), 0.0, 100.0);
            let rows = of
                .iter()
                .map(|comparison| Row {
                    a: comparison.a.clone(),
                    arm_a: arm(&comparison.a),
                    b: comparison.b.clone(),
                    arm_b: arm(&comparison.b),
                    control: control(&comparison.a) || control(&comparison.b),
                    difference: measure.difference(comparison.difference),
                    interval: measure.interval(comparison.ci),
                    p: format::p_value(comparison.p_adjusted),
                    probability: format::percent(comparison.probability_a_better, 0),
                    certain: Difference::of(comparison).is_certain(),
                    bar_svg: bar(comparison, &axis),
                })
                .collect();
            let (left, right) = match measure.better {
                Some(Better::Higher) => ("second better", "first better"),
                Some(Better::Lower) => ("first better", "second better"),
                None => ("second larger", "first larger"),
            };
            let percent = measure.difference_unit() == "points";
            let main = !any_main || is_main(&measure);
            Forest {
                unit: if percent { "percentage points".into() } else { measure.unit.to_string() },
                key: measure.key,
                name: measure.name,
                left,
                right,
                axis_svg: scale(&axis, if percent { 100.0 } else { 1.0 }),
                rows,
                main,
            }
        })
        .collect()
}

fn bar(comparison: &Comparison, axis: &Axis) -> String {
    let title = format!("difference {} minus {} with its interval", comparison.a, comparison.b);
    let mut svg = Svg::fluid("bar", &title);
    if let Some(zero) = axis.place(0.0) {
        svg.line_percent("zero", zero, 0.0, zero, 100.0);
    }
    let class = if Difference::of(comparison).is_certain() { "certain" } else { "open" };
    if let (Some(low), Some(high)) = (axis.place(comparison.ci[0]), axis.place(comparison.ci[1])) {
        svg.line_percent(&format!("interval {class}"), low, 50.0, high, 50.0);
        for end in [low, high] {
            svg.line_percent(&format!("interval {class}"), end, 38.0, end, 62.0);
        }
    }
    if let Some(x) = axis.place(comparison.difference) {
        svg.circle_percent(&format!("dot {class}"), x, 50.0, 4.5);
    }
    svg.finish()
}

/// The values of the axis; `factor` turns shares into percentage points.
fn scale(axis: &Axis, factor: f64) -> String {
    let mut svg = Svg::fluid("scale", "axis of the differences");
    for value in axis.ticks(4) {
        if let Some(x) = axis.place(value) {
            svg.text_percent("tick", x, 62.0, &format::tick(factor * value));
            svg.line_percent("axis", x, 80.0, x, 100.0);
        }
    }
    svg.finish()
}
