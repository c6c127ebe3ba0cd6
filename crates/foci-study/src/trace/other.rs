//! Numbers that are no measure of a net on test fields: costs, the optical bench, degraded images, other specimens,
//! methods that are no nets.

use super::seeds_table;
use crate::StudyError;
use crate::baseline::{MeasuredMethod, record};
use crate::difference::Difference;
use crate::execute::{read_json, run_folder};
use crate::optics::OPTICS;
use crate::report::{seconds_to_the_answer, table};
use crate::results::{Comparison, NetSummary, Results, RunStress};
use foci_measure::summary::mean;
use std::fmt::Write;
use std::path::Path;

/// What is counted of a net, and where.
const COUNTED: &str =
    "Counted from the net in plan.json by crates/foci-net/src/count.rs; nothing is measured.";
const PLANNED: &str =
    "The engine's own plan of its memory for the largest tile of the study: crates/foci-net/src/memory.rs.";
const LARGEST: &str = "The largest square image whose plan fits into 8 GiB: crates/foci-net/src/memory.rs.";
const TIMED: &str = "timing.json: all nets in turns after the runs, the median of five rounds: crates/foci-study/src/timing.rs.";

/// The time of a net to objects or classes, run by run; `None` if its task has no such.
pub(super) fn time_to_the_answer(results: &Results, net: &str) -> Option<String> {
    let value = seconds_to_the_answer(results, net)?;
    let rows: Vec<_> = results
        .runs
        .iter()
        .filter(|run| run.net == net)
        .map(|run| {
            let folder = run_folder(Path::new(""), net, run.seed).display().to_string();
            (run.seed, run.seconds_per_megapixel, folder)
        })
        .collect();
    let text = format!(
        "{net}.seconds_to_the_answer = {value}, the median over its runs\n\n\
         Seconds for a million pixels of the test tiles, from image to objects or classes, without the first tile (if there are\n\
         several), which pays for the plan of the memory: crates/foci-study/src/measure.rs. Runs are apart in time, and a machine that is shared is now\n\
         quick and now slow.\n\n"
    );
    Some(text + &seeds_table("seconds per megapixel", &rows))
}

/// A cost of a net: its value and where it comes from.
pub(super) fn cost(net: &NetSummary, key: &str) -> Option<String> {
    let (value, from) = match key {
        "weights" => (net.weights as f64, COUNTED),
        "layers" => (net.layers as f64, COUNTED),
        "receptive_field" => (net.receptive_field as f64, COUNTED),
        "macs_per_pixel" => (net.macs_per_pixel, COUNTED),
        "train_bytes" => (net.train_bytes as f64, PLANNED),
        "infer_bytes" => (net.infer_bytes as f64, PLANNED),
        "largest_train_side" => (net.largest_train_side as f64, LARGEST),
        "largest_infer_side" => (net.largest_infer_side as f64, LARGEST),
        "seconds_per_step" => (net.seconds_per_step, TIMED),
        "seconds_per_megapixel" => (net.seconds_per_megapixel, TIMED),
        _ => return None,
    };
    Some(format!("{}.{key} = {value}\n\n{from}\n", net.name))
}

/// A figure of the optical bench, seed by seed.
pub(super) fn bench(results: &Results, net: &str, key: &str) -> Option<String> {
    let runs = results.optics.iter().filter(|run| run.net == net);
    let rows: Vec<_> = runs
        .filter_map(|run| {
            let file = run_folder(Path::new(""), net, run.seed).join(OPTICS).display().to_string();
            Some((run.seed, *run.figures.get(key)?, file))
        })
        .collect();
    let first = rows.first()?.1;
    let text = format!(
        "{net}.{key} = {first} with the first seed, which is the one that the report shows\n\n\
         Measured with probes on test tiles by crates/foci-optics/src/bench.rs; the formulas are in\n\
         crates/foci-measure/src/optics, what they mean in docs/optics.md.\n\n"
    );
    Some(text + &seeds_table(key, &rows))
}

/// How a net bears one way of making images worse (`noise`), by strength and seed.
pub(super) fn stress(results: &Results, net: &str, kind: &str) -> Option<String> {
    let runs: Vec<_> =
        results.stress.iter().filter(|run| run.net == net && run.kind.name() == kind).collect();
    let first = runs.first()?;
    let mut text = format!("{net}.stress.{kind}: {}\n\n", first.kind.words());
    text += "Test tiles are made worse by crates/foci-image/src/degrade and given to the model by\n\
             crates/foci-study/src/stress.rs; the same runs as everywhere in the report.\n\n";
    let keys: Vec<&String> = first.points.first()?.metrics.keys().collect();
    for key in keys {
        let mut rows = vec![
            std::iter::once(format!("{key} at strength"))
                .chain(runs.iter().map(|run| format!("seed {}", run.seed)))
                .collect::<Vec<_>>(),
        ];
        rows.extend((0..first.points.len()).map(|strength| {
            let value = |run: &&RunStress| run.points.get(strength)?.metrics.get(key).copied();
            let cells = runs.iter().map(|run| value(run).map_or("none".into(), |value| value.to_string()));
            std::iter::once(strength.to_string()).chain(cells).collect()
        }));
        let _ = writeln!(text, "{}", table(&rows));
    }
    Some(text)
}

/// A measure of a net on specimens of other kinds than those it was trained on, seed by seed.
pub(super) fn others(results: &Results, net: &str, key: &str) -> Option<String> {
    let runs = results.transfer.iter().filter(|run| run.net == net);
    let rows: Vec<_> = runs
        .filter_map(|run| {
            let folder = run_folder(Path::new(""), net, run.seed).display().to_string();
            Some((run.seed, *run.metrics.get(key)?, folder))
        })
        .collect();
    let value = mean(&rows.iter().map(|(_, value, _)| *value).collect::<Vec<_>>())?;
    let text = format!(
        "{net}.others.{key} = {value}, the mean over seeds\n\n\
         The models of the runs on held-out fields of other kinds than those trained on:\n\
         crates/foci-study/src/transfer.rs; its fields stand in results.json under transfer.\n\n"
    );
    Some(text + &seeds_table(key, &rows))
}

/// The difference of a net to a method that is no net, by its place among those.
pub(super) fn net_and_method(
    results: &Results,
    folder: &Path,
    place: usize,
    comparison: &Comparison,
) -> Result<String, StudyError> {
    let Comparison { a, b, metric, .. } = comparison;
    let told =
        super::told(Difference::of(comparison), metric, "all comparisons with methods that are no nets");
    let mut text = format!(
        "{a}:{b}.{metric}{told}\n\n{}\n{a} minus {b} on the same field, mean over fields and the seeds of {a}; interval and p by crates/foci-study/src/compare/methods.rs, {}.\n",
        super::definition(metric),
        super::COMPARING[1..].join(", ")
    );
    let record = record(folder, place, b);
    let (of_net, method) =
        (super::fields(results, folder, a, metric)?, read_json::<MeasuredMethod>(&record)?);
    let differences = of_net.zip(method).map(|(of_net, method)| {
        let of_field = |(field, row): (String, Vec<Option<f64>>)| {
            let own = method.fields.iter().find(|measured| measured.field == field);
            let own = own.and_then(|measured| measured.metrics.get(metric)).copied();
            (field, row.into_iter().map(|score| Some(score? - own?)).collect())
        };
        of_net.into_iter().map(of_field).collect::<super::Fields>()
    });
    text += &super::fields_table(differences.as_ref());
    Ok(text)
}

/// A measure of a method that is no net; `None` if there is none.
pub(super) fn method(
    results: &Results,
    folder: &Path,
    name: &str,
    key: &str,
) -> Result<Option<String>, StudyError> {
    let mut text = String::new();
    // A study may have a method twice, with different options.
    for (place, method) in results.baselines.iter().enumerate().filter(|(_, method)| method.name == name) {
        let Some(value) = method.metrics.get(key) else { continue };
        let draws = if method.labelled.is_some() { " and the draws of fields to learn from" } else { "" };
        let _ = writeln!(text, "{name}.{key} = {value}, the mean over the test fields{draws}\n");
        let record = record(Path::new(""), place, name);
        if let Some(measured) = read_json::<MeasuredMethod>(&folder.join(&record))? {
            let _ = writeln!(text, "By field ({}):\n", record.display());
            let mut rows = vec![vec!["field".to_string(), key.to_string()]];
            rows.extend(measured.fields.iter().map(|field| {
                let value = field.metrics.get(key).map_or("not measured".into(), |value| value.to_string());
                vec![field.field.clone(), value]
            }));
            let _ = writeln!(text, "{}", table(&rows));
        }
    }
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!("{text}{}\nMeasured by crates/foci-study/src/baseline.rs.\n", super::definition(key))))
}
