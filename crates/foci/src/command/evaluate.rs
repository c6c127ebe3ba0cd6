//! `foci evaluate`: predicted images against the true ones, file by file.

use crate::arguments::EvaluateArguments;
use crate::exit::Failure;
use crate::progress::watched;
use crate::reading::{Notes, of_files};
use crate::terminal;
use foci_image::{FieldFiles, Normalisation, Reading, field_files, read_plane_as_others, read_plane_page};
use foci_measure::{ImageView, Measure, MeasureError, ReconstructionMeter};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Measures shown in the table; `--json` prints all.
const SHOWN: [Measure; 5] =
    [Measure::Psnr, Measure::Ssim, Measure::DetailCutoff, Measure::FociRecall, Measure::FociPrecision];

/// Measures of one pair of images.
#[derive(Serialize)]
struct Evaluated {
    name: String,
    metrics: BTreeMap<&'static str, f64>,
    /// What the readers note of the two files.
    #[serde(skip)]
    notes: [(PathBuf, Vec<String>); 2],
}

/// What `--json` prints.
#[derive(Serialize)]
struct Evaluation {
    images: Vec<Evaluated>,
    mean: BTreeMap<&'static str, f64>,
}

/// Runs the command.
pub fn run(flags: &EvaluateArguments, threads: Option<usize>) -> Result<(), Failure> {
    let pairs = pairs(&flags.truth, &flags.pred)?;
    let reading = of_files(&flags.image);
    let images = watched("measuring images", threads, flags.json, |workers| {
        workers.map(&pairs, |pair| evaluate(pair, reading))
    })?;
    let mut notes = Notes::default();
    for (path, found) in images.iter().flat_map(|image| &image.notes) {
        notes.fresh(path, found).iter().for_each(|line| eprintln!("{line}"));
    }
    let evaluation = Evaluation { mean: means(&images), images };
    if flags.json {
        return terminal::print_json(&evaluation);
    }
    terminal::print(&table(&evaluation))
}

/// A true image and its prediction.
struct Pair {
    name: String,
    truth: PathBuf,
    predicted: PathBuf,
}

/// The images of a folder by their names; what it holds besides is told.
fn by_name(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let files = field_files(folder)?;
    files.notes.iter().for_each(|note| eprintln!("{}: {note}", folder.display()));
    let mut named = BTreeMap::new();
    for FieldFiles { path, .. } in files.fields {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = named.insert(name, path.clone()) {
            return Err(Failure::input(anyhow::anyhow!(
                "{} and {} are of one name, so nothing says which prediction belongs to which; rename one of them",
                other.display(),
                path.display()
            )));
        }
    }
    Ok(named)
}

/// Files of the same name in both folders. A true image without a prediction is an error, not a smaller mean.
fn pairs(truth: &Path, predicted: &Path) -> Result<Vec<Pair>, Failure> {
    let (truth_files, predicted_files) = (by_name(truth)?, by_name(predicted)?);
    if truth_files.is_empty() {
        return Err(Failure::input(anyhow::anyhow!("{} holds no images", truth.display())));
    }
    let mut pairs = Vec::with_capacity(truth_files.len());
    for (name, path) in truth_files {
        let Some(other) = predicted_files.get(&name) else {
            return Err(Failure::input(anyhow::anyhow!(
                "{} has no prediction: {} holds no image called {name}; predict it, or take it out of the true images",
                path.display(),
                predicted.display()
            )));
        };
        pairs.push(Pair { name, truth: path, predicted: other.clone() });
    }
    Ok(pairs)
}

/// Both images on the true image's scale: its percentiles 1 and 99.8 become 0 and 1. What was said of channel and page
/// holds for the true image, and for the prediction where it has several: those of foci have one.
fn evaluate(pair: &Pair, reading: Reading) -> Result<Evaluated, Failure> {
    let Pair { name, truth, predicted } = pair;
    let (mut truth_plane, truth_info) = read_plane_page(truth, reading.channel, reading.page)?;
    let (mut plane, info) = read_plane_as_others(predicted, Reading::default(), reading)?;
    let normalisation = Normalisation::of(&truth_plane.data);
    normalisation.apply_all(&mut truth_plane.data);
    normalisation.apply_all(&mut plane.data);
    let place = |error: MeasureError| {
        Failure::input(anyhow::anyhow!("{} against {}: {error}", predicted.display(), truth.display()))
    };
    let original = ImageView::new(truth_plane.width, truth_plane.height, &truth_plane.data).map_err(place)?;
    let reconstruction = ImageView::new(plane.width, plane.height, &plane.data).map_err(place)?;
    let mut meter = ReconstructionMeter::new(truth_plane.width, truth_plane.height).map_err(place)?;
    let reference = meter.reference(original, None).map_err(place)?;
    Ok(Evaluated {
        name: name.clone(),
        metrics: meter.measure(&reference, reconstruction).map_err(place)?.values(),
        notes: [(truth.clone(), truth_info.notes), (predicted.clone(), info.notes)],
    })
}

fn means(images: &[Evaluated]) -> BTreeMap<&'static str, f64> {
    let mut means = BTreeMap::new();
    for measure in Measure::ALL {
        let values: Vec<f64> =
            images.iter().filter_map(|image| image.metrics.get(measure.key()).copied()).collect();
        if let Some(mean) = foci_measure::summary::mean(&values) {
            means.insert(measure.key(), mean);
        }
    }
    means
}

fn table(evaluation: &Evaluation) -> String {
    let mut text = format!("{:24}", "image");
    for measure in SHOWN {
        let _ = write!(text, "{:>20}", measure.title());
    }
    text.push('\n');
    let rows = evaluation.images.iter().map(|image| (image.name.as_str(), &image.metrics));
    for (name, metrics) in rows.chain([("mean", &evaluation.mean)]) {
        let _ = write!(text, "{name:24}");
        for measure in SHOWN {
            let value = metrics.get(measure.key()).map_or("-".into(), |value| format!("{value:.3}"));
            let _ = write!(text, "{value:>20}");
        }
        text.push('\n');
    }
    text
}
