//! Detail against cost: each net as one point, more detail upwards, more cost to the right.

use super::curves::spread_apart;
use super::format;
use super::measures::Measure;
use super::palette;
use super::svg::{Anchor, Axis, Svg};

/// One net in the plane of cost and detail.
#[derive(Debug, Clone)]
pub struct Point {
    /// Place of the net in the study.
    pub arm: usize,
    /// Name of the net.
    pub name: String,
    /// Cost, in the unit of the axis.
    pub cost: f64,
    /// Mean of the measure over the runs.
    pub value: f64,
    /// Smallest and largest value over the runs.
    pub range: [f64; 2],
}

/// Draws the points; `cost` names the axis and `tick` writes its values. Empty if fewer than two points have a place.
pub fn draw(points: &[Point], measure: &Measure, cost: &str, tick: fn(f64) -> String) -> String {
    let points: Vec<&Point> = points.iter().filter(|point| point.cost > 0.0 && point.value.is_finite()).collect();
    if points.len() < 2 {
        return String::new();
    }
    let (width, height) = (460.0, 290.0);
    let (left, right, top, bottom) = (56.0, width - 12.0, 12.0, height - 38.0);
    // Room for the names, which stand to the right of the points.
    let x = Axis::logarithmic(points.iter().map(|point| point.cost), left + 14.0, right - 110.0);
    let y = Axis::linear(points.iter().flat_map(|point| point.range), bottom, top);
    let title = format!("{} of each net against {cost}", measure.name);
    let mut svg = Svg::figure(width, height, "chart", &title);
    for value in y.ticks(4) {
        if let Some(y) = y.place(value) {
            svg.line("grid", left, y, right, y);
            svg.text("tick", left - 5.0, y + 3.5, Anchor::End, &measure_tick(measure, value));
        }
    }
    for value in x.ticks(4) {
        if let Some(x) = x.place(value) {
            svg.line("axis", x, bottom, x, bottom + 4.0);
            svg.text("tick", x, bottom + 16.0, Anchor::Middle, &tick(value));
        }
    }
    svg.line("axis", left, bottom, right, bottom);
    svg.text("label", 0.5 * (left + right), bottom + 33.0, Anchor::Middle, cost);
    let unit = if measure.unit.is_empty() { String::new() } else { format!(", {}", measure.unit) };
    svg.text_upwards("label", 10.0, 0.5 * (top + bottom), &format!("{}{unit}", measure.name));

    let places: Vec<(f64, f64)> =
        points.iter().map(|point| (x.place(point.cost).unwrap_or(left), y.place(point.value).unwrap_or(bottom))).collect();
    let labels = label_heights(&places, top + 4.0, bottom - 4.0);
    for ((point, &(px, py)), label) in points.iter().zip(&places).zip(labels) {
        if let (Some(low), Some(high)) = (y.place(point.range[0]), y.place(point.range[1])) {
            svg.line(&format!("whisker {}", palette::class(point.arm)), px, low, px, high);
        }
        palette::marker(&mut svg, point.arm, px, py, 5.0);
        if (label - py).abs() > 1.0 {
            svg.line(&format!("leader {}", palette::class(point.arm)), px + 5.0, py, px + 10.0, label);
        }
        svg.text("name", px + 11.0, label + 4.0, Anchor::Start, &format::shortened(&point.name, 18));
    }
    svg.finish()
}

/// Heights of the names: as high as the points, moved apart where points lie so near that names would overlap.
fn label_heights(places: &[(f64, f64)], low: f64, high: f64) -> Vec<f64> {
    let near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 120.0 && (a.1 - b.1).abs() < 13.0;
    let mut heights: Vec<f64> = places.iter().map(|place| place.1).collect();
    let crowded: Vec<usize> = (0..places.len())
        .filter(|&one| (0..places.len()).any(|other| other != one && near(places[one], places[other])))
        .collect();
    let mut moved: Vec<f64> = crowded.iter().map(|&index| heights[index]).collect();
    spread_apart(&mut moved, 13.0, low, high);
    for (index, height) in crowded.into_iter().zip(moved) {
        heights[index] = height;
    }
    heights
}

fn measure_tick(measure: &Measure, value: f64) -> String {
    if measure.difference_unit() == "points" {
        format!("{}\u{a0}%", format::tick(100.0 * value))
    } else {
        format::tick(value)
    }
}
