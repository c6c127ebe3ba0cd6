//! `foci evaluate`: predicted images against the true ones, file by file; label images in [`super::evaluate_labels`], classes in
//! [`super::evaluate_classes`].
//!
//! What the folder of true images knows besides is used as in a study: masks for the contrast between touching nuclei,
//! tables of true foci for the foci found.

use crate::arguments::{EvaluateArguments, Predicted};
use crate::command::evaluate_pairs::{Pair, has_no_prediction, pairs};
use crate::command::{evaluate_classes, evaluate_labels, predict_classes};
use crate::exit::Failure;
use crate::progress::watched;
use crate::reading::{Notes, of_files};
use crate::terminal;
use foci_image::{Normalisation, Reading, read_plane_as_others, read_plane_page};
use foci_measure::{ImageView, LabelView, Measure, MeasureError, Point, ReconstructionMeter};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Measures shown in the table, those that have a value for some image; `--json` prints all.
const SHOWN: [Measure; 8] = [
    Measure::Psnr,
    Measure::Ssim,
    Measure::DetailCutoff,
    Measure::FociRecall,
    Measure::FociPrecision,
    Measure::TrueFociRecall,
    Measure::TrueFociPrecision,
    Measure::BoundaryContrast,
];
/// Share of pixels that equal the one before from which on 8- and 16-bit integers look like numbers of objects.
const FLAT: f64 = 0.95;
/// Narrowest column of the table.
const COLUMN: usize = 20;

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
    let (pairs, not_predicted) = pairs(&flags.truth, &flags.pred)?;
    let kind = kind(flags, &pairs)?;
    if flags.object_classes.is_some() && !matches!(kind, Predicted::Labels) {
        return Err(Failure::input(anyhow::anyhow!(
            "--object-classes is for label images of objects, and {} holds others; leave it out",
            flags.pred.display()
        )));
    }
    if let (Some(first), Predicted::Images) = (not_predicted.first(), &kind) {
        return Err(has_no_prediction(first, &flags.pred));
    }
    match kind {
        Predicted::Images => {}
        Predicted::Labels => return evaluate_labels::run(flags, pairs, not_predicted.len(), threads),
        Predicted::Classes => return evaluate_classes::run(flags, pairs, not_predicted.len(), threads),
    }
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

/// Whether label images were predicted, if nobody says: classes, if the predictions lie beside tables of classes, else by the first predicted file, as all come from one program. No camera
/// writes 32-bit unsigned integers and no label image has fractions. What both could have written is taken for an image,
/// unless it is as flat as no camera's image is.
fn kind(flags: &EvaluateArguments, pairs: &[Pair]) -> Result<Predicted, Failure> {
    if let Some(said) = flags.kind {
        return Ok(said);
    }
    if flags.pred.join(predict_classes::TABLES).is_dir() {
        return Ok(Predicted::Classes);
    }
    let Some(Pair { predicted, .. }) = pairs.first() else { return Ok(Predicted::Images) };
    let (plane, info) = read_plane_as_others(predicted, Reading::default(), of_files(&flags.image))?;
    if info.float || info.channels > 1 {
        return Ok(Predicted::Images);
    }
    if info.bits == 32 {
        return Ok(Predicted::Labels);
    }
    let flat = plane.data.windows(2).filter(|pair| pair[0] == pair[1]).count();
    if (flat as f64) < FLAT * plane.data.len() as f64 {
        return Ok(Predicted::Images);
    }
    Err(Failure::input(anyhow::anyhow!(
        "{} may be an image or a label image: it holds {}-bit integers, and {:.0} % of its pixels equal the one before; say \
         --as images, --as labels or --as classes",
        predicted.display(),
        info.bits,
        100.0 * flat as f64 / plane.data.len() as f64
    )))
}

/// Both images on the true image's scale: its percentiles 1 and 99.8 become 0 and 1. What was said of channel and page
/// holds for the true image, and for the prediction where it has several: those of foci have one.
fn evaluate(pair: &Pair, reading: Reading) -> Result<Evaluated, Failure> {
    let Pair { name, truth, predicted } = pair;
    let (mut truth_plane, truth_info) = read_plane_page(&truth.path, reading.channel, reading.page)?;
    let (mut plane, info) = read_plane_as_others(predicted, Reading::default(), reading)?;
    let normalisation = Normalisation::of(&truth_plane.data);
    normalisation.apply_all(&mut truth_plane.data);
    normalisation.apply_all(&mut plane.data);
    let place = |error: MeasureError| {
        Failure::input(anyhow::anyhow!("{} against {}: {error}", predicted.display(), truth.path.display()))
    };
    let original = ImageView::new(truth_plane.width, truth_plane.height, &truth_plane.data).map_err(place)?;
    let reconstruction = ImageView::new(plane.width, plane.height, &plane.data).map_err(place)?;
    let mut meter = ReconstructionMeter::new(truth_plane.width, truth_plane.height).map_err(place)?;
    let size = (truth_plane.width, truth_plane.height);
    let labels = truth.load_labels(reading.page, size)?;
    let labels = labels.as_ref().map(|labels| LabelView::new(labels.width, labels.height, &labels.data));
    let mut reference = meter.reference(original, labels.transpose().map_err(place)?).map_err(place)?;
    if let Some(foci) = truth.load_foci(size)? {
        reference = reference.with_truth(foci.iter().map(|focus| Point { x: focus.x, y: focus.y }).collect());
    }
    Ok(Evaluated {
        name: name.clone(),
        metrics: meter.measure(&reference, reconstruction).map_err(place)?.values(),
        notes: [(truth.path.clone(), truth_info.notes), (predicted.clone(), info.notes)],
    })
}

fn means(images: &[Evaluated]) -> BTreeMap<&'static str, f64> {
    let mut means = BTreeMap::new();
    for measure in Measure::RECONSTRUCTION {
        let values: Vec<f64> =
            images.iter().filter_map(|image| image.metrics.get(measure.key()).copied()).collect();
        if let Some(mean) = foci_measure::summary::mean(&values) {
            means.insert(measure.key(), mean);
        }
    }
    means
}

fn table(evaluation: &Evaluation) -> String {
    let shown: Vec<Measure> =
        SHOWN.into_iter().filter(|measure| evaluation.mean.contains_key(measure.key())).collect();
    let width = |measure: &Measure| COLUMN.max(measure.title().len() + 2);
    let mut text = format!("{:24}", "image");
    for measure in &shown {
        let _ = write!(text, "{:>1$}", measure.title(), width(measure));
    }
    text.push('\n');
    let rows = evaluation.images.iter().map(|image| (image.name.as_str(), &image.metrics));
    for (name, metrics) in rows.chain([("mean", &evaluation.mean)]) {
        let _ = write!(text, "{name:24}");
        for measure in &shown {
            let value = metrics.get(measure.key()).map_or("-".into(), |value| format!("{value:.3}"));
            let _ = write!(text, "{value:>0$}", width(measure));
        }
        text.push('\n');
    }
    text
}
