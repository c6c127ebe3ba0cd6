//! The tables: measures of each net with their spread, costs, all runs.
//!
//! In the tables of measures and costs a row is a measure and a column is a net, because a study has few nets
//! and may have many measures, and because a row has room for the words that explain it.

use super::findings::{self, Spread};
use super::format;
use super::measures::{self, Measure};
use crate::results::{NetSummary, Results};
use foci_measure::Measure as Known;
use serde::Serialize;

/// What one net has in one row.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// Name of the arm.
    pub net: String,
    /// Name of the number, by which `foci report --explain` tells what is behind it; empty if it is not shown.
    pub id: String,
    /// Its place in the study.
    pub arm: usize,
    /// The arm is a control.
    pub control: bool,
    /// The value.
    pub value: String,
    /// Spread, period, ratio: small print under the value.
    pub small: Vec<String>,
    /// Better than every other net of the ranking, for certain.
    pub best: bool,
}

/// A row with its words.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Name of the measure.
    pub name: String,
    /// Unit and direction.
    pub note: String,
    /// Plain words.
    pub explanation: String,
    /// One for each net.
    pub cells: Vec<Cell>,
}

/// A table of plain texts.
#[derive(Debug, Default, Serialize)]
pub struct Plain {
    /// Heads of the columns.
    pub heads: Vec<String>,
    /// Rows; the flag marks those that diverged.
    pub rows: Vec<(bool, Vec<String>)>,
}

/// Keys of all measures that some run has.
pub fn keys(results: &Results) -> Vec<Measure> {
    measures::in_order(results.runs.iter().flat_map(|run| run.metrics.keys().map(String::as_str)))
}

/// Measures of each net: mean, and smallest to largest over its runs.
pub fn measured(results: &Results) -> Vec<Row> {
    let mut explained = "";
    keys(results)
        .into_iter()
        .map(|measure| {
            // Bands share their words; once is enough.
            let explanation = if measure.explanation == explained { "" } else { measure.explanation };
            explained = measure.explanation;
            let best = findings::ranking(results, &measure)
                .filter(findings::Ranking::decided)
                .map(|ranking| ranking.leader().name.clone());
            let cells = cells(results, &measure.key, |net| {
                let Some(spread) = findings::spread(results, &net.name, &measure.key) else {
                    return (format::MISSING.to_string(), vec!["not measured".into()]);
                };
                (measure.value(spread.mean), small_print(&measure, &spread))
            });
            let cells = cells
                .into_iter()
                .map(|cell| Cell { best: best.as_ref() == Some(&cell.net), ..cell })
                .collect();
            let note: Vec<&str> =
                [measure.unit, measure.better_words()].into_iter().filter(|part| !part.is_empty()).collect();
            Row { name: measure.name.clone(), note: note.join(", "), explanation: explanation.into(), cells }
        })
        .collect()
}

fn small_print(measure: &Measure, spread: &Spread) -> Vec<String> {
    let mut lines = Vec::new();
    if spread.runs > 1 {
        let (low, high) = (measure.value(spread.low), measure.value(spread.high));
        let low = if high.ends_with('%') { low.trim_end_matches(['%', '\u{a0}']).to_string() } else { low };
        lines.push(format!("{low} to {high}"));
    }
    if measure.known == Some(Known::DetailCutoff) {
        lines.extend(measures::period(spread.mean).map(|period| format!("period {period}")));
    }
    lines
}

/// A cell for each net, with the number that its net has of `key`.
fn cells(results: &Results, key: &str, fill: impl Fn(&NetSummary) -> (String, Vec<String>)) -> Vec<Cell> {
    results
        .nets
        .iter()
        .enumerate()
        .map(|(arm, net)| {
            let (value, small) = fill(net);
            Cell {
                net: net.name.clone(),
                id: format!("{}.{key}", net.name),
                arm,
                control: net.control,
                value,
                small,
                best: false,
            }
        })
        .collect()
}

/// Name of the row with the time to what a task asks for.
const ALL_INCLUDED: &str = "Prediction, all included";

/// What each net costs. Times are those of all nets in turns, but for the time to the answer, which is the median over the runs of an arm.
pub fn costs(results: &Results) -> Vec<Row> {
    let row = |name: &str,
               note: &str,
               explanation: &str,
               key: &str,
               number: &dyn Fn(&NetSummary) -> Option<f64>,
               write: &dyn Fn(f64) -> String| {
        let least =
            results.nets.iter().filter_map(number).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let cells = cells(results, key, |net| match number(net) {
            Some(value) if value > 0.0 => {
                let ratio = value / least;
                let small = if ratio >= 1.05 { vec![format::times(ratio)] } else { Vec::new() };
                (write(value), small)
            }
            _ => (format::MISSING.to_string(), Vec::new()),
        });
        Row { name: name.into(), note: note.into(), explanation: explanation.into(), cells }
    };
    let plain = |mut row: Row| {
        row.cells.iter_mut().for_each(|cell| cell.small.clear());
        row
    };
    let whole = |value: f64| format::count(value as u64);
    let mut rows = vec![
        plain(row(
            "Weights",
            "",
            "Numbers that training adjusts. Held equal within 0.5\u{a0}%.",
            "weights",
            &|net| Some(net.weights as f64),
            &whole,
        )),
        plain(row(
            "Convolution layers",
            "",
            "The output layer counts.",
            "layers",
            &|net| Some(net.layers as f64),
            &whole,
        )),
        plain(row(
            "Receptive field",
            "pixels square",
            "The square of input pixels that one output pixel can see.",
            "receptive_field",
            &|net| Some(net.receptive_field as f64),
            &whole,
        )),
        row(
            "Multiply-adds",
            "per pixel",
            "Arithmetic to predict one pixel, whatever the machine.",
            "macs_per_pixel",
            &|net| Some(net.macs_per_pixel),
            &|value| format::count(value.round() as u64),
        ),
        row(
            "Training step",
            "median time",
            "One batch forward, backward and update, on the machine of this study.",
            "seconds_per_step",
            &|net| findings::seconds_per_step(results, &net.name),
            &format::seconds,
        ),
        row(
            "Prediction",
            "time per megapixel",
            "A million pixels through the trained net alone, on the machine of this study.",
            "seconds_per_megapixel",
            &|net| findings::seconds_per_megapixel(results, &net.name),
            &format::seconds,
        ),
        row(
            ALL_INCLUDED,
            "time per megapixel",
            "A million pixels made into objects or classes: the net, and what is made of its maps, tile after tile and without the first, which pays for the plan of the memory. As it was when each run had the machine.",
            "seconds_to_the_answer",
            &|net| findings::seconds_to_the_answer(results, &net.name),
            &format::seconds,
        ),
        row(
            "Memory to train",
            "one tile of the study",
            "Feature maps, gradients and scratch space, as planned by the engine.",
            "train_bytes",
            &|net| Some(net.train_bytes as f64),
            &|value| format::bytes(value as u64),
        ),
        row(
            "Memory to predict",
            "one tile of the study",
            "Feature maps and scratch space, as planned by the engine.",
            "infer_bytes",
            &|net| Some(net.infer_bytes as f64),
            &|value| format::bytes(value as u64),
        ),
        plain(row(
            "Largest image to train",
            "pixels square, in 8\u{a0}GiB",
            "Side of the largest square image that trains in 8\u{a0}GiB of memory.",
            "largest_train_side",
            &|net| Some(net.largest_train_side as f64),
            &whole,
        )),
        plain(row(
            "Largest image to predict",
            "pixels square, in 8\u{a0}GiB",
            "Side of the largest square image that is predicted in one piece in 8\u{a0}GiB of memory.",
            "largest_infer_side",
            &|net| Some(net.largest_infer_side as f64),
            &whole,
        )),
    ];
    let to_the_answer = |net: &NetSummary| findings::seconds_to_the_answer(results, &net.name).is_some();
    rows.retain(|row| row.name != ALL_INCLUDED || results.nets.iter().any(to_the_answer));
    rows
}

/// Every run, diverged ones included.
pub fn runs(results: &Results) -> Plain {
    let keys = keys(results);
    let folds = results.runs.iter().any(|run| run.fold != results.runs[0].fold);
    let mut heads: Vec<String> = vec!["net".into(), "seed".into()];
    heads.extend(folds.then(|| "fold".to_string()));
    heads.extend(["end", "steps", "learning rate", "training time", "time per step"].map(String::from));
    heads.extend(keys.iter().map(|measure| measure.name.clone()));
    let rows = results
        .runs
        .iter()
        .map(|run| {
            let mut row = vec![run.net.clone(), run.seed.to_string()];
            row.extend(folds.then(|| run.fold.to_string()));
            row.extend([
                if run.diverged { "diverged".to_string() } else { "regular".to_string() },
                format::count(run.steps),
                format::tick(run.learning_rate),
                format::seconds(run.seconds),
                format::seconds(run.seconds_per_step),
            ]);
            row.extend(keys.iter().map(|measure| {
                run.metrics.get(&measure.key).map_or(format::MISSING.into(), |value| measure.value(*value))
            }));
            (run.diverged, row)
        })
        .collect();
    Plain { heads, rows }
}
