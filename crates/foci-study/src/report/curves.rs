//! Learning curves: loss against optimiser steps, on a logarithmic scale.
//!
//! One overview holds the validation losses of all nets; one small panel for each net shows training and
//! validation of that net before the others in grey, all with the same axes.

use super::format;
use super::palette;
use super::svg::{Anchor, Axis, Svg};
use crate::results::Curve;

/// Points that a curve keeps; longer ones are averaged within bins.
const POINTS: usize = 120;

/// Smooths a long curve by averaging within bins of equal numbers of steps; drops values that are not finite.
fn thinned(points: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let finite: Vec<(f64, f64)> = points
        .iter()
        .filter(|(_, loss)| loss.is_finite() && *loss > 0.0)
        .map(|&(step, loss)| (step as f64, loss))
        .collect();
    let bin = finite.len().div_ceil(POINTS).max(1);
    finite
        .chunks(bin)
        .map(|chunk| {
            let sum = chunk.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
            (sum.0 / chunk.len() as f64, sum.1 / chunk.len() as f64)
        })
        .collect()
}

/// A curve ready to draw.
struct Drawn<'c> {
    curve: &'c Curve,
    arm: usize,
    training: Vec<(f64, f64)>,
    validation: Vec<(f64, f64)>,
}

struct Frame {
    x: Axis,
    y: Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn new<'d>(
        points: impl Iterator<Item = &'d (f64, f64)> + Clone,
        width: f64,
        height: f64,
        right: f64,
    ) -> Frame {
        let (left, top, bottom) = (48.0, 10.0, height - 34.0);
        let last = points.clone().map(|point| point.0).fold(0.0, f64::max);
        let x = Axis::from_zero(last, left, width - right);
        let y = Axis::logarithmic(points.map(|point| point.1), bottom, top);
        Frame { x, y, left, right: width - right, top, bottom }
    }

    fn grid(&self, svg: &mut Svg, columns: usize) {
        for value in self.y.ticks(4) {
            if let Some(y) = self.y.place(value) {
                svg.line("grid", self.left, y, self.right, y);
                svg.text("tick", self.left - 5.0, y + 3.5, Anchor::End, &format::log_tick(value));
            }
        }
        for value in self.x.ticks(columns) {
            if let Some(x) = self.x.place(value) {
                svg.text("tick", x, self.bottom + 14.0, Anchor::Middle, &format::tick(value));
            }
        }
        svg.line("axis", self.left, self.bottom, self.right, self.bottom);
        svg.text(
            "label",
            0.5 * (self.left + self.right),
            self.bottom + 29.0,
            Anchor::Middle,
            "optimiser steps",
        );
        svg.text_upwards("label", 9.0, 0.5 * (self.top + self.bottom), "loss");
    }

    fn path(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().filter_map(|&(step, loss)| Some((self.x.place(step)?, self.y.place(loss)?))).collect()
    }
}

/// Learning curves as markup.
#[derive(Debug, Default)]
pub struct Charts {
    /// All nets in one chart; empty if there is nothing to show.
    pub overview: String,
    /// What the overview shows: `validation` or `training`.
    pub shows: &'static str,
    /// One panel for each arm with curves: place of the arm, and the chart.
    pub panels: Vec<(usize, String)>,
    /// A curve was averaged within bins.
    pub averaged: bool,
}

/// Draws all curves; `arm` gives the place of a net in the study and `names` the nets in that order.
pub fn draw(curves: &[Curve], names: &[String], arm: impl Fn(&str) -> usize) -> Charts {
    let drawn: Vec<Drawn> = curves
        .iter()
        .map(|curve| Drawn {
            curve,
            arm: arm(&curve.net),
            training: thinned(&curve.training),
            validation: thinned(&curve.validation),
        })
        .filter(|drawn| !drawn.training.is_empty() || !drawn.validation.is_empty())
        .collect();
    if drawn.is_empty() {
        return Charts::default();
    }
    let validated = drawn.iter().any(|one| one.validation.len() > 1);
    let mut arms: Vec<usize> = drawn.iter().map(|one| one.arm).collect();
    arms.sort_unstable();
    arms.dedup();
    Charts {
        overview: overview(&drawn, &arms, names, validated),
        shows: if validated { "validation" } else { "training" },
        panels: arms.iter().map(|&arm| (arm, panel(&drawn, arm, &names[arm]))).collect(),
        averaged: curves.iter().any(|curve| curve.training.len() > POINTS),
    }
}

fn overview(drawn: &[Drawn], arms: &[usize], names: &[String], validated: bool) -> String {
    fn shown<'d>(one: &'d Drawn, validated: bool) -> &'d [(f64, f64)] {
        if validated { &one.validation } else { &one.training }
    }
    let (width, height) = (460.0, 300.0);
    let frame = Frame::new(drawn.iter().flat_map(|one| shown(one, validated)), width, height, 140.0);
    let what = if validated { "Validation" } else { "Training" };
    let mut svg =
        Svg::figure(width, height, "chart", &format!("{what} loss of all nets against optimiser steps"));
    frame.grid(&mut svg, 4);
    let mut ends: Vec<(usize, f64, f64)> = Vec::new();
    for &arm in arms {
        let mut last = Vec::new();
        for one in drawn.iter().filter(|one| one.arm == arm) {
            let path = frame.path(shown(one, validated));
            svg.polyline(&format!("curve {}", palette::class(arm)), &path);
            last.extend(path.last().copied());
        }
        // The name stands at the median seed, which a diverged run cannot drag away.
        last.sort_by(|a, b| a.1.total_cmp(&b.1));
        if let Some(&(x, y)) = last.get(last.len() / 2) {
            ends.push((arm, x, y));
        }
    }
    let mut labels: Vec<f64> = ends.iter().map(|end| end.2).collect();
    spread_apart(&mut labels, 13.0, frame.top + 4.0, frame.bottom);
    for ((arm, x, y), label) in ends.into_iter().zip(labels) {
        svg.line(&format!("leader {}", palette::class(arm)), x + 2.0, y, frame.right + 9.0, label);
        palette::marker(&mut svg, arm, frame.right + 13.0, label, 3.6);
        svg.text("name", frame.right + 21.0, label + 3.8, Anchor::Start, &format::shortened(&names[arm], 19));
    }
    svg.finish()
}

fn panel(drawn: &[Drawn], arm: usize, name: &str) -> String {
    let (width, height) = (270.0, 190.0);
    let all = drawn.iter().flat_map(|one| one.training.iter().chain(&one.validation));
    let frame = Frame::new(all, width, height, 12.0);
    let mut svg = Svg::figure(width, height, "chart", &format!("Training and validation loss of {name}"));
    frame.grid(&mut svg, 3);
    for one in drawn.iter().filter(|one| one.arm != arm) {
        svg.polyline(
            "curve other",
            &frame.path(if one.training.is_empty() { &one.validation } else { &one.training }),
        );
    }
    for one in drawn.iter().filter(|one| one.arm == arm) {
        let training = frame.path(&one.training);
        let validation = frame.path(&one.validation);
        svg.polyline(&format!("curve {}", palette::class(arm)), &training);
        svg.polyline(&format!("curve dashed {}", palette::class(arm)), &validation);
        if one.curve.diverged
            && let Some(&(x, y)) = training.last().or(validation.last())
        {
            svg.line("cross", x - 4.0, y - 4.0, x + 4.0, y + 4.0);
            svg.line("cross", x - 4.0, y + 4.0, x + 4.0, y - 4.0);
            svg.text(
                "tick strong",
                x + 7.0,
                y + 3.5,
                Anchor::Start,
                &format!("seed {} diverged", one.curve.seed),
            );
        }
    }
    svg.finish()
}

/// Moves label heights apart to at least `gap`, within `low` and `high` as far as there is room, keeping their order.
fn spread_apart(places: &mut [f64], gap: f64, low: f64, high: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
    let mut floor = low;
    for &index in &order {
        places[index] = places[index].max(floor);
        floor = places[index] + gap;
    }
    let mut ceiling = high;
    for &index in order.iter().rev() {
        places[index] = places[index].min(ceiling);
        ceiling = places[index] - gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_averaged_and_bad_values_dropped() {
        let points: Vec<(u64, f64)> =
            (0..240).map(|step| (step, if step % 2 == 0 { 1.0 } else { 3.0 })).collect();
        let thin = thinned(&points);
        assert_eq!(thin.len(), 120);
        assert_eq!(thin[0], (0.5, 2.0));
        assert!(thinned(&[(1, f64::NAN), (2, f64::INFINITY)]).is_empty());
    }

    #[test]
    fn labels_keep_their_distance_and_order() {
        let mut places = [50.0, 52.0, 51.0];
        spread_apart(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [50.0, 70.0, 60.0]);
        let mut low = [98.0, 99.0];
        spread_apart(&mut low, 10.0, 0.0, 100.0);
        assert_eq!(low, [90.0, 100.0]);
    }
}
