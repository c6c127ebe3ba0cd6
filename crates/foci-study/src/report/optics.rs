//! The optical bench in the report: a table, two curves, and three small pictures for each net.

use super::ReportError;
use super::format;
use super::palette;
use super::raster::{Picture, grey};
use super::svg::{Anchor, Axis, Svg};
use super::tables::{Cell, Row};
use crate::optics::RunOptics;
use crate::results::Results;
use foci_image::Plane;
use foci_optics::{Use, UseOfTheMiddle, figures};
use serde::Serialize;

/// Changes of the output beyond this fill the bar.
const FULL_BAR: f64 = 1.5;

/// What the page shows of the bench.
#[derive(Debug, Default, Serialize)]
pub struct Optics {
    /// One row for each figure, of the first seed.
    rows: Vec<Row>,
    /// What the probes were put on.
    ground: String,
    /// Contrast kept by frequency, and error by shift, as markup.
    curves: Vec<String>,
    /// The nets' own pictures.
    nets: Vec<NetOptics>,
    /// Other seeds were tested, too.
    more_seeds: bool,
}

/// Pictures of one net.
#[derive(Debug, Serialize)]
struct NetOptics {
    arm: usize,
    name: String,
    point: Option<Picture>,
    /// With the radii of the field in words.
    field: Option<(Picture, String)>,
    layers_svg: Option<String>,
}

/// Prepares what there is; `arm` gives the place of a net in the study.
///
/// # Errors
/// [`ReportError::Png`] if a picture cannot be packed.
pub fn prepare(
    optics: &[RunOptics],
    results: &Results,
    arm: impl Fn(&str) -> usize,
) -> Result<Optics, ReportError> {
    let firsts: Vec<&RunOptics> =
        results.nets.iter().filter_map(|net| optics.iter().find(|run| run.net == net.name)).collect();
    let Some(first) = firsts.first() else { return Ok(Optics::default()) };
    Ok(Optics {
        rows: rows(&firsts, results, &arm),
        ground: first.found.ground.clone(),
        curves: vec![modulation(optics, &arm), shifts(optics, &arm)],
        nets: firsts.iter().map(|run| net(run, arm(&run.net))).collect::<Result<_, _>>()?,
        more_seeds: optics.len() > firsts.len(),
    })
}

fn rows(firsts: &[&RunOptics], results: &Results, arm: &impl Fn(&str) -> usize) -> Vec<Row> {
    let columns: Vec<_> = firsts.iter().map(|run| figures(&run.found)).collect();
    let Some(lines) = columns.first() else { return Vec::new() };
    let control = |name: &str| results.nets.iter().any(|net| net.name == name && net.control);
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let cells = firsts.iter().zip(&columns).map(|(run, column)| {
                let (value, small) = match column[number].value.split_once(" (") {
                    Some((value, rest)) => (value.to_owned(), vec![rest.replacen(')', "", 1)]),
                    None => (column[number].value.clone(), Vec::new()),
                };
                let (net, arm, control) = (run.net.clone(), arm(&run.net), control(&run.net));
                Cell { net, id: String::new(), arm, control, value, small, best: false }
            });
            let note = match line.ideal.as_str() {
                "" => String::new(),
                ideal => format!("perfect: {ideal}"),
            };
            Row { name: line.name.clone(), note, explanation: String::new(), cells: cells.collect() }
        })
        .collect()
}

/// Contrast kept against spatial frequency, a line for each run.
fn modulation(optics: &[RunOptics], arm: &impl Fn(&str) -> usize) -> String {
    let lines = optics.iter().filter_map(|run| {
        let curve = &run.found.resolution.as_ref()?.modulation.curve;
        let points = curve.iter().map(|point| (point.frequency, point.kept.mean));
        Some((arm(&run.net), std::iter::once((0.0, 1.0)).chain(points).collect()))
    });
    let axes = Axes { x: "cycles per pixel", y: "contrast kept", last: 0.5, marks: &[0.1, 0.5] };
    chart("Contrast of gratings that each net keeps, by frequency", lines.collect(), &axes)
}

/// Error after a shift against the shift, a line for each run.
fn shifts(optics: &[RunOptics], arm: &impl Fn(&str) -> usize) -> String {
    let lines = optics.iter().filter_map(|run| {
        let points = run.found.structure.shift.as_ref()?.shifts.iter();
        Some((arm(&run.net), points.map(|point| (point.shift as f64, point.mean)).collect()))
    });
    let axes = Axes { x: "shift, pixels", y: "error", last: 16.0, marks: &[] };
    chart("Error of each net after the image has moved", lines.collect(), &axes)
}

struct Axes {
    x: &'static str,
    y: &'static str,
    last: f64,
    /// Values that get a line of their own.
    marks: &'static [f64],
}

fn chart(title: &str, lines: Vec<(usize, Vec<(f64, f64)>)>, axes: &Axes) -> String {
    let (width, height) = (460.0, 290.0);
    let (left, right, top, bottom) = (56.0, width - 12.0, 12.0, height - 38.0);
    let x = Axis::from_zero(axes.last, left, right);
    let most = lines.iter().flat_map(|line| &line.1).map(|point| point.1).fold(0.0, f64::max);
    let y = Axis::from_zero(most.max(0.01) * 1.05, bottom, top);
    let mut svg = Svg::figure(width, height, "chart", title);
    for value in y.ticks(5) {
        if let Some(y) = y.place(value) {
            svg.line("grid", left, y, right, y);
            svg.text("tick", left - 5.0, y + 3.5, Anchor::End, &format::tick(value));
        }
    }
    for &value in axes.marks {
        if let Some(y) = y.place(value) {
            svg.line("axis", left, y, right, y);
        }
    }
    for value in x.ticks(5) {
        if let Some(x) = x.place(value) {
            svg.text("tick", x, bottom + 16.0, Anchor::Middle, &format::tick(value));
        }
    }
    svg.line("axis", left, bottom, right, bottom);
    svg.text("label", 0.5 * (left + right), bottom + 33.0, Anchor::Middle, axes.x);
    svg.text_upwards("label", 10.0, 0.5 * (top + bottom), axes.y);
    for (arm, points) in &lines {
        let path: Vec<(f64, f64)> =
            points.iter().filter_map(|point| Some((x.place(point.0)?, y.place(point.1.max(0.0))?))).collect();
        svg.polyline(&format!("curve {}", palette::class(*arm)), &path);
        if let Some(&(px, py)) = path.get(path.len() / 2) {
            palette::marker(&mut svg, *arm, px, py, 3.6);
        }
    }
    svg.finish()
}

fn net(run: &RunOptics, arm: usize) -> Result<NetOptics, ReportError> {
    let (structure, resolution) = (&run.found.structure, run.found.resolution.as_ref());
    let point = resolution.map(|found| {
        let spread = &found.point_spread;
        let plane = Plane { width: spread.side, height: spread.side, data: spread.response.clone() };
        // Grey is nothing: a response may fall below it.
        grey(&plane, -1.0, 1.0)
    });
    let field = structure.field.as_ref().map(|field| {
        // The root shows the faint outer parts of the field.
        let roots = field.map.iter().map(|value| value.sqrt()).collect();
        let plane = Plane { width: field.side, height: field.side, data: roots };
        let words = format!(
            "half within {:.1} px, 95 % within {:.1} px; could see {} px square",
            field.radius_half, field.radius_95, field.theoretical
        );
        Ok::<_, ReportError>((grey(&plane, 0.0, 1.0)?, words))
    });
    Ok(NetOptics {
        arm,
        name: run.net.clone(),
        point: point.transpose()?,
        field: field.transpose()?,
        layers_svg: resolution.map(|found| layers(&found.middle, &run.net)),
    })
}

/// Bars: how much the output changes without each layer and each skip.
fn layers(middle: &UseOfTheMiddle, net: &str) -> String {
    let (left, width, row) = (96.0, 270.0, 16.0);
    let rows: Vec<&Use> = middle.layers.iter().chain(&middle.skips).collect();
    let height = 20.0 + row * rows.len() as f64;
    let mut svg = Svg::figure(
        width,
        height,
        "chart",
        &format!("Change of the output of {net} without each layer and skip"),
    );
    svg.text("label", left, 11.0, Anchor::Start, "change without it");
    for (number, one) in rows.iter().enumerate() {
        let y = 18.0 + row * number as f64;
        let name = match &one.into {
            None => one.node.clone(),
            Some(_) => format!("skip {}", one.node),
        };
        svg.text("tick", left - 5.0, y + 10.0, Anchor::End, &format::shortened(&name, 13));
        let length = (one.change / FULL_BAR).min(1.0) * (width - left - 44.0);
        svg.rectangle("heat h6", left, y + 1.0, length.max(0.5), row - 5.0);
        svg.text("tick", left + length + 5.0, y + 10.0, Anchor::Start, &format!("{:.2}", one.change));
    }
    svg.finish()
}
