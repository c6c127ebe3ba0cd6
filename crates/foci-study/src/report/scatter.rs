//! Detail against cost: each net as one point, more detail upwards, more cost to the right.

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

/// Draws the points; `cost` names the axis and its unit. Empty if fewer than two points have a place.
pub fn draw(points: &[Point], measure: &Measure, cost: &str) -> String {
    let points: Vec<&Point> =
        points.iter().filter(|point| point.cost > 0.0 && point.value.is_finite()).collect();
    if points.len() < 2 {
        return String::new();
    }
    let (width, height) = (460.0, 290.0);
    let (left, right, top, bottom) = (56.0, width - 12.0, 12.0, height - 38.0);
    let x = Axis::logarithmic(points.iter().map(|point| point.cost), left + 20.0, right - 60.0);
    let y = Axis::linear(points.iter().flat_map(|point| point.range), bottom, top);
    let title = format!("{} of each net against {cost}", measure.name);
    let mut svg = Svg::figure(width, height, "chart", &title);
    for value in y.ticks(5) {
        if let Some(y) = y.place(value) {
            svg.line("grid", left, y, right, y);
            svg.text("tick", left - 5.0, y + 3.5, Anchor::End, &measure_tick(measure, value));
        }
    }
    for value in x.ticks(4) {
        if let Some(x) = x.place(value) {
            svg.line("axis", x, bottom, x, bottom + 4.0);
            svg.text("tick", x, bottom + 16.0, Anchor::Middle, &format::tick(value));
        }
    }
    svg.line("axis", left, bottom, right, bottom);
    svg.text("label", 0.5 * (left + right), bottom + 33.0, Anchor::Middle, cost);
    let unit = if measure.unit.is_empty() { String::new() } else { format!(", {}", measure.unit) };
    svg.text_upwards("label", 10.0, 0.5 * (top + bottom), &format!("{}{unit}", measure.name));

    let places: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (x.place(point.cost).unwrap_or(left), y.place(point.value).unwrap_or(bottom)))
        .collect();
    let names: Vec<String> = points.iter().map(|point| format::shortened(&point.name, 18)).collect();
    let labels = place_names(&places, &names, Area { left, right, top, bottom });
    for (point, &(px, py)) in points.iter().zip(&places) {
        if let (Some(low), Some(high)) = (y.place(point.range[0]), y.place(point.range[1])) {
            svg.line(&format!("whisker {}", palette::class(point.arm)), px, low, px, high);
        }
        palette::marker(&mut svg, point.arm, px, py, 5.0);
    }
    for (name, (anchor, area)) in names.iter().zip(labels) {
        let x = match anchor {
            Anchor::Start => area.left,
            Anchor::Middle => 0.5 * (area.left + area.right),
            Anchor::End => area.right,
        };
        svg.text("name", x, area.bottom - 3.0, anchor, name);
    }
    svg.finish()
}

/// A rectangle on the chart.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Area {
    /// Area that two rectangles share.
    fn overlap(&self, other: &Area) -> f64 {
        let wide = self.right.min(other.right) - self.left.max(other.left);
        let tall = self.bottom.min(other.bottom) - self.top.max(other.top);
        wide.max(0.0) * tall.max(0.0)
    }

    fn size(&self) -> f64 {
        (self.right - self.left) * (self.bottom - self.top)
    }
}

/// Finds a place for each name beside its point, where it covers least of other points and names and stays inside.
fn place_names(points: &[(f64, f64)], names: &[String], bounds: Area) -> Vec<(Anchor, Area)> {
    const HEIGHT: f64 = 14.0;
    /// About the width of a letter at the size of the chart's names.
    const LETTER: f64 = 6.7;
    let marks: Vec<Area> = points
        .iter()
        .map(|&(x, y)| Area { left: x - 6.0, right: x + 6.0, top: y - 6.0, bottom: y + 6.0 })
        .collect();
    let mut placed: Vec<(Anchor, Area)> = Vec::new();
    for (&(x, y), name) in points.iter().zip(names) {
        let width = LETTER * name.chars().count() as f64;
        let at = |anchor: Anchor, dy: f64| {
            let left = match anchor {
                Anchor::Start => x + 9.0,
                Anchor::Middle => x - 0.5 * width,
                Anchor::End => x - 9.0 - width,
            };
            let top = y + dy - 0.5 * HEIGHT;
            (anchor, Area { left, right: left + width, top, bottom: top + HEIGHT })
        };
        let choices = [
            at(Anchor::Start, 0.0),
            at(Anchor::End, 0.0),
            at(Anchor::Middle, -15.0),
            at(Anchor::Middle, 15.0),
            at(Anchor::Start, -11.0),
            at(Anchor::Start, 11.0),
            at(Anchor::End, -11.0),
            at(Anchor::End, 11.0),
            at(Anchor::Middle, -29.0),
            at(Anchor::Middle, 29.0),
        ];
        let cost = |area: &Area| {
            let outside = area.size() - area.overlap(&bounds);
            let others = marks.iter().chain(placed.iter().map(|(_, area)| area));
            outside + others.map(|other| area.overlap(other)).sum::<f64>()
        };
        let best = choices.into_iter().min_by(|a, b| cost(&a.1).total_cmp(&cost(&b.1)));
        placed.extend(best);
    }
    placed
}

/// A value of the measure as it stands at an axis.
pub(super) fn measure_tick(measure: &Measure, value: f64) -> String {
    if measure.difference_unit() == "points" {
        format!("{}\u{a0}%", format::tick(100.0 * value))
    } else {
        format::tick(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_avoid_points_and_each_other() {
        let bounds = Area { left: 0.0, right: 200.0, top: 0.0, bottom: 200.0 };
        let points = [(100.0, 100.0), (120.0, 100.0), (195.0, 30.0)];
        let names = ["first", "second", "third"].map(String::from);
        let places = place_names(&points, &names, bounds);
        assert!(places[0].1.right < 100.0, "the name of the first point must give way to the second point");
        assert!(places[1].1.left > 120.0);
        assert!(places[2].1.right < 195.0, "there is no room at the right edge");
    }
}
