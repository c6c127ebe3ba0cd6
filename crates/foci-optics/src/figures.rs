//! The findings as rows of a table: one figure for each row, with what a perfect instrument would have.
//!
//! The terminal and the report show these; everything behind them is in the JSON.

use crate::bench::{Resolution, Structure};
use crate::{Characterisation, Use};
use foci_measure::optics::point_spread::PointCondition;
use foci_measure::optics::two_points::TwoPointCondition;
use foci_measure::optics::{Brightness, PeriodEnergy, Range};
use std::collections::BTreeMap;

/// Contrast of the points that a table speaks of; the others are in the JSON.
const CONTRAST: f64 = 0.2;
/// Contrast of the pairs of points.
const PAIR_CONTRAST: f64 = 0.3;
/// Energies below this are no pattern.
const LEAST_ENERGY: f64 = 0.1;
/// Written where there is nothing to say.
const NONE: &str = "–";

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What is measured, with its unit.
    pub name: String,
    /// What a perfect instrument has, or nothing where that says nothing.
    pub ideal: String,
    /// What this net has.
    pub value: String,
}

/// The rows of a net: those of its resolution, then those of its structure. All nets have the same rows.
pub fn figures(found: &Characterisation) -> Vec<Figure> {
    let mut rows = resolution(found.resolution.as_ref());
    rows.extend(structure(&found.structure));
    rows
}

/// Every key that [`numbers`] may have.
pub const KEYS: [&str; 21] = [
    "point_width_dim",
    "point_height_dim",
    "points_lost_dim",
    "two_points_dim",
    "point_width_bright",
    "point_height_bright",
    "points_lost_bright",
    "two_points_bright",
    "contrast_half",
    "contrast_tenth",
    "edge_width",
    "smallest_gap",
    "flat_field_unrest",
    "point_pattern",
    "point_stray_detail",
    "flat_pattern",
    "least_layer_change",
    "shift_error",
    "shift_period",
    "field_radius_half",
    "field_radius_95",
];

/// The same as plain numbers by key, for programs; what a net does not have (the width of a point that is lost, the
/// period of errors without one) is left out.
pub fn numbers(found: &Characterisation) -> BTreeMap<&'static str, f64> {
    let mut all = BTreeMap::new();
    let mut put = |key: &'static str, value: Option<f64>| {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            all.insert(key, value);
        }
    };
    if let Some(resolution) = &found.resolution {
        let keys = [
            ["point_width_dim", "point_height_dim", "points_lost_dim", "two_points_dim"],
            ["point_width_bright", "point_height_bright", "points_lost_bright", "two_points_bright"],
        ];
        for (brightness, [width, height, lost, two]) in Brightness::ALL.into_iter().zip(keys) {
            let point = point(resolution, brightness);
            put(width, point.and_then(|point| Some(both(point.width_x?, point.width_y?).mean)));
            put(height, point.map(|point| point.gain.mean));
            put(lost, point.map(|point| point.lost as f64));
            put(two, pair(resolution, brightness).and_then(|pair| of_all(pair.distance, pair.unresolved)));
        }
        put("contrast_half", Some(resolution.modulation.half));
        put("contrast_tenth", Some(resolution.modulation.tenth));
        put("edge_width", of_all(resolution.edge.width, resolution.edge.lost));
        put("smallest_gap", of_all(resolution.edge.gap, resolution.edge.unseen));
        put("flat_field_unrest", Some(resolution.flat_field.deviation));
        put("point_pattern", strongest(&resolution.gridding).map(|one| one.energy));
        put("point_stray_detail", stray_detail(resolution).map(|stray| stray.mean));
        put("flat_pattern", strongest(&resolution.flat_field.periods).map(|one| one.energy));
        put("least_layer_change", least_used(resolution).map(|layer| layer.change));
    }
    let structure = &found.structure;
    if let Some(shift) = &structure.shift {
        put("shift_error", Some(shift.mean));
        put("shift_period", shift.period.map(|period| period as f64));
    }
    if let Some(field) = &structure.field {
        put("field_radius_half", Some(field.radius_half));
        put("field_radius_95", Some(field.radius_95));
    }
    all
}

/// What became of points of the usual contrast.
fn point(found: &Resolution, brightness: Brightness) -> Option<&PointCondition> {
    let mut all = found.point_spread.conditions.iter();
    all.find(|point| point.brightness == brightness && near(point.contrast, CONTRAST))
}

/// What became of pairs of points of the usual contrast.
fn pair(found: &Resolution, brightness: Brightness) -> Option<&TwoPointCondition> {
    let mut all = found.two_points.conditions.iter();
    all.find(|pair| pair.brightness == brightness && near(pair.contrast, PAIR_CONTRAST))
}

/// The mean where nothing failed: a mean over the lucky ones would flatter.
fn of_all(range: Option<Range>, failed: usize) -> Option<f64> {
    range.filter(|_| failed == 0).map(|range| range.mean)
}

/// A range with how many failed, in words.
fn with_failures(range_of: Option<Range>, failed: usize, decimals: usize) -> String {
    match (range_of, failed) {
        (None, _) => "never".into(),
        (Some(found), 0) => range(found, decimals),
        (Some(found), failed) => format!("{} ({failed} never)", range(found, decimals)),
    }
}

/// Stray detail of points on bright ground: on dim ground bad nets lose them, and lost points have none.
fn stray_detail(found: &Resolution) -> Option<Range> {
    point(found, Brightness::Bright)?.stray_detail
}

fn strongest(all: &[PeriodEnergy]) -> Option<&PeriodEnergy> {
    all.iter().max_by(|a, b| a.energy.total_cmp(&b.energy))
}

fn least_used(found: &Resolution) -> Option<&Use> {
    found.middle.layers.iter().min_by(|a, b| a.change.total_cmp(&b.change))
}

fn row(name: impl Into<String>, ideal: impl Into<String>, value: Option<String>) -> Figure {
    Figure { name: name.into(), ideal: ideal.into(), value: value.unwrap_or_else(|| NONE.into()) }
}

fn resolution(found: Option<&Resolution>) -> Vec<Figure> {
    let mut rows = Vec::new();
    for brightness in Brightness::ALL {
        let at = format!("on {} ground", brightness.name());
        let point = found.and_then(|found| point(found, brightness));
        let pair = found.and_then(|found| pair(found, brightness));
        rows.push(row(
            format!("Width of a point {at}, px"),
            "2.35",
            point.and_then(|point| Some(range(both(point.width_x?, point.width_y?), 2))),
        ));
        rows.push(row(
            format!("Height of a point {at}, share"),
            "1",
            point.map(|point| range(point.gain, 2)),
        ));
        rows.push(row(format!("Points lost {at}"), "0", point.map(|point| point.lost.to_string())));
        rows.push(row(
            format!("Two points seen {at} from, px"),
            "3",
            pair.map(|pair| with_failures(pair.distance, pair.unresolved, 1)),
        ));
    }
    let frequency = |value: f64| format!("{value:.3}");
    rows.push(row(
        "Half of the contrast kept up to, cycles/px",
        "0.5",
        found.map(|found| frequency(found.modulation.half)),
    ));
    rows.push(row(
        "A tenth of it kept up to, cycles/px",
        "0.5",
        found.map(|found| frequency(found.modulation.tenth)),
    ));
    rows.push(row(
        "Edge from 10 to 90 %, px",
        "2.56",
        found.map(|found| with_failures(found.edge.width, found.edge.lost, 2)),
    ));
    rows.push(row(
        "Smallest gap seen, px",
        "1",
        found.map(|found| with_failures(found.edge.gap, found.edge.unseen, 1)),
    ));
    rows.push(row(
        "Unrest of a flat field, %",
        "0",
        found.map(|found| format!("{:.2}", 100.0 * found.flat_field.deviation)),
    ));
    let pattern = |all: &[PeriodEnergy]| {
        strongest(all)
            .filter(|one| one.energy >= LEAST_ENERGY)
            .map_or("none".to_owned(), |one| format!("{:.2} at {} px", one.energy, one.period))
    };
    rows.push(row("Pattern in the response to a point", "none", found.map(|found| pattern(&found.gridding))));
    rows.push(row(
        "Stray detail of a point on bright ground, share",
        "0",
        found.and_then(stray_detail).map(|stray| range(stray, 2)),
    ));
    rows.push(row("Pattern on a flat field", "none", found.map(|found| pattern(&found.flat_field.periods))));
    let least = found.and_then(least_used);
    rows.push(row(
        "Layer of least use, change without it",
        "",
        least.map(|layer| format!("{} {:.2}", layer.node, layer.change)),
    ));
    rows
}

fn structure(found: &Structure) -> Vec<Figure> {
    let shift = found.shift.as_ref().map(|shift| {
        let period = shift.period.map_or(String::new(), |period| format!(" (period {period} px)"));
        format!("{:.3}{period}", shift.mean)
    });
    let field = found.field.as_ref();
    let radius = |value: f64| format!("{value:.1}");
    let invariance = found.deepest.as_ref().and_then(|deepest| {
        let (first, last) = (deepest.invariance.first()?, deepest.invariance.last()?);
        Some(format!("{:.2}, {:.2} ({})", first.1, last.1, deepest.layer))
    });
    vec![
        row("Error after a shift", "0", shift),
        row("Deepest layer the same after 1 px, 16 px", "", invariance),
        row("Half of what it looks at lies within, px", "", field.map(|field| radius(field.radius_half))),
        row("95 % of it within, px", "", field.map(|field| radius(field.radius_95))),
        row("Side of its receptive field, px", "", field.map(|field| field.theoretical.to_string())),
    ]
}

/// The range over two directions, as many values in each.
fn both(x: Range, y: Range) -> Range {
    Range {
        mean: 0.5 * (x.mean + y.mean),
        least: x.least.min(y.least),
        most: x.most.max(y.most),
        count: x.count + y.count,
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// The mean, and the least and the greatest value where they differ from it as written.
fn range(range: Range, decimals: usize) -> String {
    let text = |value: f64| format!("{value:.decimals$}");
    let (mean, least, most) = (text(range.mean), text(range.least), text(range.most));
    if least == most { mean } else { format!("{mean} ({least} to {most})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_written_only_where_there_is_one() {
        assert_eq!(range(Range { mean: 2.351, least: 2.349, most: 2.352, count: 3 }, 2), "2.35");
        assert_eq!(range(Range { mean: 3.0, least: 2.5, most: 3.5, count: 3 }, 1), "3.0 (2.5 to 3.5)");
    }

    #[test]
    fn nets_with_and_without_training_have_the_same_rows() {
        let rows = resolution(None);
        assert!(rows.iter().all(|row| row.value == NONE) && rows.len() > 10);
    }
}
