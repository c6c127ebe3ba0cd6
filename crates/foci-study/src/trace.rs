//! Where a number of the report comes from: the runs, the fields and the code behind it.
//!
//! Every figure of a measure has a name: `unet.psnr` is the mean of the U-Net, `unet:fcn.psnr` is the U-Net's minus that of
//! the pooled net, `unet:otsu.ap_50` the U-Net's minus that of a method that is no net. Costs and the optical bench have names alike (`unet.train_bytes`, `unet.shift_error`), degraded images and
//! other specimens `unet.stress.noise` and `unet.others.psnr`, methods that are no nets `otsu.ap_50`. How a net learned is told
//! under `unet.learning_rate`, `unet.loss`, `unet.layer.enc1` and, in studies with factors, `unet.middle` and `unet.factor.heads`.
//! What a name leads to is read from `results.json` and from what each run was measured to be.

use crate::StudyError;
use crate::difference::Difference;
use crate::execute::{MEASURES, MeasuredRun, read_json, run_folder};
use crate::measure::TOLD;
use crate::report::{measure_words, table, wrapped};
use crate::results::{BaselineComparison, Comparison, Results, RunSummary};
use foci_measure::Measure;
use std::fmt::Write;
use std::path::Path;

mod other;
mod training;

/// Where the differences of a study come from.
const COMPARING: [&str; 3] =
    ["crates/foci-study/src/compare.rs", "crates/foci-measure/src/stats/compare.rs", "docs/statistics.md"];

/// Tells what is behind a number of the study in `folder`, as text for a terminal.
///
/// # Errors
/// [`StudyError::NoNumber`] if the study has no number of that name, with names that it has; [`StudyError::Damaged`] or
/// [`StudyError::File`] if a file of the study cannot be read.
pub fn explain(results: &Results, folder: &Path, name: &str) -> Result<String, StudyError> {
    for net in &results.nets {
        let key = name.strip_prefix(&net.name).and_then(|rest| rest.strip_prefix('.'));
        let Some(key) = key else { continue };
        if let Some(mean) = mean_of(results, &net.name, key) {
            return of_net(results, folder, mean);
        }
        let found = match key.split_once('.') {
            Some(("stress", kind)) => other::stress(results, &net.name, kind),
            Some(("others", key)) => other::others(results, &net.name, key),
            Some(("layer", layer)) => training::layer(results, &net.name, layer),
            Some(("factor", change)) => training::factor(results, &net.name, change),
            _ if key == "learning_rate" => training::learning_rate(net),
            _ if key == "loss" => training::loss(results, &net.name),
            _ if key == "middle" => training::middle(results, &net.name),
            _ if key == "seconds_to_the_answer" => other::time_to_the_answer(results, &net.name),
            _ => other::cost(net, key).or_else(|| other::bench(results, &net.name, key)),
        };
        if let Some(text) = found {
            return Ok(text);
        }
    }
    if let Some((method, key)) = name.rsplit_once('.')
        && let Some(text) = other::method(results, folder, method, key)?
    {
        return Ok(text);
    }
    for Comparison { a, b, metric, .. } in &results.comparisons {
        for [first, second] in [[a, b], [b, a]] {
            if name == format!("{first}:{second}.{metric}") {
                return of_pair(results, folder, [first, second], metric);
            }
        }
    }
    let mut text = String::new();
    // A study may have a method twice, with different options.
    for BaselineComparison { baseline, comparison } in &results.baseline_comparisons {
        let Comparison { a, b, metric, .. } = comparison;
        if name == format!("{a}:{b}.{metric}") {
            text += &other::net_and_method(results, folder, *baseline, comparison)?;
        }
    }
    if !text.is_empty() {
        return Ok(text);
    }
    Err(StudyError::NoNumber { name: name.into(), known: some_names(results) })
}

/// The mean of a measure over the runs of a net.
struct Mean<'r> {
    net: &'r str,
    key: &'r str,
    value: f64,
    runs: Vec<(&'r RunSummary, f64)>,
}

/// `None` if no run of the net has the measure.
fn mean_of<'r>(results: &'r Results, net: &'r str, key: &'r str) -> Option<Mean<'r>> {
    let of_net = results.runs.iter().filter(|run| run.net == net);
    let runs: Vec<(&RunSummary, f64)> =
        of_net.filter_map(|run| Some((run, *run.metrics.get(key)?))).collect();
    let values: Vec<f64> = runs.iter().map(|(_, value)| *value).collect();
    Some(Mean { net, key, value: foci_measure::summary::mean(&values)?, runs })
}

/// The mean of a net: its runs, and their fields.
fn of_net(results: &Results, folder: &Path, mean: Mean) -> Result<String, StudyError> {
    let Mean { net, key, value, runs } = mean;
    let mut text = format!("{net}.{key} = {value}{}\n\n{}", unit(key), definition(key));
    let _ = writeln!(text, "\nThe mean of {} runs, each the mean over its test fields:\n", runs.len());
    let mut rows = vec![["seed", key, "learning rate", "steps", "folder"].map(String::from).to_vec()];
    rows.extend(runs.iter().map(|(run, value)| {
        let diverged = if run.diverged { ", diverged" } else { "" };
        vec![
            run.seed.to_string(),
            value.to_string(),
            run.learning_rate.to_string(),
            format!("{}{diverged}", run.steps),
            run_folder(Path::new(""), net, run.seed).display().to_string(),
        ]
    }));
    text += &table(&rows);
    let fields = fields(results, folder, net, key)?;
    text += &fields_table(fields.as_ref());
    Ok(text)
}

/// The difference of two nets in a measure, in either order of those compared.
fn of_pair(results: &Results, folder: &Path, [a, b]: [&str; 2], key: &str) -> Result<String, StudyError> {
    let mut text = format!("{a}:{b}.{key}");
    if let Some(found) = Difference::between(&results.comparisons, a, b, key) {
        text += &told(found, key, "all comparisons");
    }
    let _ = writeln!(
        text,
        "\n\n{}\n{a} minus {b} on the same field with the same seed, mean over both; interval and p by {}.",
        definition(key),
        COMPARING.join(", ")
    );
    let (first, second) = (fields(results, folder, a, key)?, fields(results, folder, b, key)?);
    let differences = first.zip(second).map(|(first, second)| {
        let difference = |(field, row): &(String, Vec<Option<f64>>)| {
            let other = second.iter().find(|(name, _)| name == field).map(|(_, row)| row.as_slice());
            let pairs = row.iter().zip(other.unwrap_or_default());
            (field.clone(), pairs.map(|(a, b)| Some((*a)? - (*b)?)).collect())
        };
        first.iter().map(difference).collect::<Fields>()
    });
    text += &fields_table(differences.as_ref());
    Ok(text)
}

/// A difference with its interval, and its p adjusted for so much.
fn told(found: Difference, key: &str, family: &str) -> String {
    let Difference { value, interval: [low, high], p_adjusted } = found;
    let unit = unit(key);
    format!(" = {value:+}{unit}, 95 % interval {low:+} to {high:+}, p adjusted for {family} {p_adjusted}")
}

/// Name of each field, with a value for each seed.
type Fields = Vec<(String, Vec<Option<f64>>)>;

/// The unit behind a value.
fn unit(key: &str) -> String {
    match Measure::from_key(key).map(Measure::unit) {
        None | Some("") => String::new(),
        Some(unit) => format!(" {unit}"),
    }
}

/// What a measure is, and where it is worked out.
fn definition(key: &str) -> String {
    let (name, words) = measure_words(key);
    // Beside the measures by name there are those of single classes.
    let of_class = if key.starts_with(TOLD) { Measure::ToldApart } else { Measure::MeanIou };
    let code = Measure::from_key(key).map_or(code(of_class), code);
    format!("{}\n\nWorked out in {code}.\n", wrapped(&format!("{name}. {words}")))
}

/// The source file with the formula of a measure and its source in print.
fn code(measure: Measure) -> &'static str {
    match measure {
        Measure::Psnr => "crates/foci-measure/src/psnr.rs",
        Measure::Ssim => "crates/foci-measure/src/ssim.rs",
        Measure::MsSsim => "crates/foci-measure/src/ms_ssim.rs",
        Measure::DetailCutoff | Measure::TransferCutoff => "crates/foci-measure/src/frequency.rs",
        Measure::BandError(_) => "crates/foci-measure/src/bands.rs",
        Measure::FociRecall
        | Measure::FociPrecision
        | Measure::FociF1
        | Measure::TrueFociRecall
        | Measure::TrueFociPrecision => "crates/foci-measure/src/matching.rs",
        Measure::BoundaryContrast => "crates/foci-measure/src/contrast.rs",
        Measure::MeanAp | Measure::Ap50 | Measure::Ap70 | Measure::Ap90 | Measure::PanopticQuality => {
            "crates/foci-measure/src/labels/matching.rs"
        }
        Measure::ForegroundIou => "crates/foci-measure/src/labels/foreground.rs",
        Measure::BoundaryF => "crates/foci-measure/src/labels/boundary.rs",
        Measure::Split | Measure::Merged | Measure::Spurious | Measure::Missing => {
            "crates/foci-measure/src/labels/errors.rs"
        }
        Measure::ToldApart | Measure::ClassAp50 => "crates/foci-measure/src/labels/object_classes.rs",
        Measure::MeanIou | Measure::MeanDice => "crates/foci-measure/src/labels/classes.rs",
    }
}

/// Values of a net by field, in the order of its first run; `None` where the files of the runs are gone.
fn fields(results: &Results, folder: &Path, net: &str, key: &str) -> Result<Option<Fields>, StudyError> {
    let mut runs: Vec<MeasuredRun> = Vec::new();
    for run in results.runs.iter().filter(|run| run.net == net) {
        match read_json(&run_folder(folder, net, run.seed).join(MEASURES))? {
            Some(measured) => runs.push(measured),
            None => return Ok(None),
        }
    }
    let value = |run: &MeasuredRun, field: &str| {
        let measured = run.fields.iter().find(|measured| measured.field == field)?;
        measured.metrics.get(key).copied()
    };
    let row = |field: &str| runs.iter().map(|run| value(run, field)).collect();
    let named = |first: &MeasuredRun| {
        first.fields.iter().map(|measured| (measured.field.clone(), row(&measured.field))).collect()
    };
    Ok(runs.first().map(named))
}

/// Values by field and seed.
fn fields_table(fields: Option<&Fields>) -> String {
    let Some(fields) = fields else {
        return format!(
            "\nThe values by field are in {MEASURES} of each run, which is not there any more.\n"
        );
    };
    let seeds = fields.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let heads = std::iter::once("field".to_string()).chain((0..seeds).map(|seed| format!("seed {seed}")));
    let mut rows = vec![heads.collect::<Vec<_>>()];
    rows.extend(fields.iter().map(|(field, values)| {
        let cells = values.iter().map(|value| value.map_or("not measured".into(), |value| value.to_string()));
        std::iter::once(field.clone()).chain(cells).collect()
    }));
    format!("\nBy field ({MEASURES} of each run):\n\n{}", table(&rows))
}

/// Values by seed, with the file or folder behind each.
fn seeds_table(key: &str, rows: &[(u64, f64, String)]) -> String {
    let mut lines = vec![["seed", key, "from"].map(String::from).to_vec()];
    lines.extend(
        rows.iter().map(|(seed, value, from)| vec![seed.to_string(), value.to_string(), from.clone()]),
    );
    table(&lines)
}

/// A name of each kind that the study has, for whoever mistyped one.
fn some_names(results: &Results) -> String {
    let measures: Vec<&str> =
        results.runs.first().map_or(Vec::new(), |run| run.metrics.keys().map(String::as_str).collect());
    let nets: Vec<&str> = results.nets.iter().map(|net| net.name.as_str()).collect();
    let pair = results.comparisons.first().map_or(String::new(), |comparison| {
        format!(", or two of them for a difference ({}:{}.{})", comparison.a, comparison.b, comparison.metric)
    });
    format!(
        "NET.MEASURE with a net among {}{pair} and a measure among {}",
        nets.join(", "),
        measures.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_is_named_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text =
            [include_str!("trace.rs"), include_str!("trace/other.rs"), include_str!("trace/training.rs")]
                .concat();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let named: Vec<&str> = text
            .split(|c| !is_part(c))
            .map(|word| word.trim_end_matches('.'))
            .filter(|word| {
                word.starts_with(concat!("crates", "/foci-")) || word.starts_with(concat!("docs", "/"))
            })
            .collect();
        assert!(named.len() > 15, "{named:?}");
        for file in named {
            assert!(root.join(file).exists(), "{file}");
        }
    }
}
