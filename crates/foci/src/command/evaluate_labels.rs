//! `foci evaluate` on label images: predicted objects against the true ones, image by image.
//!
//! The truth is the mask of each image of a data folder, or, in a folder without masks, the image itself. A measure of the whole is the
//! mean over images.

use crate::arguments::EvaluateArguments;
use crate::command::evaluate_objects::{self, Classes};
use crate::command::evaluate_pairs::{Labelled, Pair, with_truth};
use crate::exit::Failure;
use crate::progress::watched;
use crate::terminal;
use foci_image::components::{Connectivity, labels_in_pieces};
use foci_image::dataset::{ObjectClasses, classes_of_images};
use foci_measure::labels::Overlaps;
use foci_measure::labels::object_classes::ObjectConfusion;
use foci_measure::measure::Better;
use foci_measure::summary::{mean, median};
use foci_measure::{LABEL_MEASURES, LabelMeasure, LabelView, measure_labels};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How many of the worst images the table lists.
const WORST: usize = 5;

/// Measures of one pair of label images.
#[derive(Serialize)]
struct Evaluated {
    name: String,
    true_objects: usize,
    predicted_objects: usize,
    metrics: BTreeMap<&'static str, f64>,
    /// Labels of the true and of the predicted image whose pixels lie in several pieces.
    labels_in_pieces: [Vec<u32>; 2],
    /// Its objects by class, if those were asked for.
    #[serde(skip)]
    classes: Option<ObjectConfusion>,
    /// Where both came from.
    #[serde(skip)]
    files: [PathBuf; 2],
}

/// What `--json` prints.
#[derive(Serialize)]
struct Evaluation {
    images: Vec<Evaluated>,
    mean: BTreeMap<&'static str, f64>,
    median: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_classes: Option<Classes>,
    notes: Vec<String>,
}

/// Runs the command on pairs of label images.
pub fn run(
    flags: &EvaluateArguments,
    pairs: Vec<Pair>,
    not_predicted: usize,
    threads: Option<usize>,
) -> Result<(), Failure> {
    let mut notes = Vec::new();
    let classes = match &flags.object_classes {
        Some(column) => true_classes(&flags.truth, &pairs, column)?,
        None => BTreeMap::new(),
    };
    let mut pairs = with_truth(&flags.truth, pairs, not_predicted, &mut notes);
    pairs.iter_mut().for_each(|pair| pair.classes = classes.get(&pair.name).cloned());
    let (told, names) = match flags.object_classes {
        Some(_) => (evaluate_objects::told(&pairs)?, evaluate_objects::names(&pairs)?),
        None => (Vec::new(), Vec::new()),
    };
    let asked: Vec<(&Labelled, Option<&ObjectClasses>)> =
        pairs.iter().enumerate().map(|(place, pair)| (pair, told.get(place))).collect();
    let images = watched("measuring label images", threads, flags.json, |workers| {
        workers.map(&asked, |(pair, told)| evaluate(pair, *told, &names))
    })?;
    let counted: Vec<ObjectConfusion> = images.iter().filter_map(|image| image.classes.clone()).collect();
    let object_classes = (!counted.is_empty()).then(|| Classes::of(&counted, &names));
    for (side, word) in ["true", "predicted"].into_iter().enumerate() {
        notes.extend(pieces(&images, side, word));
    }
    notes.iter().for_each(|note| eprintln!("{note}"));
    let over_images = |statistic: fn(&[f64]) -> Option<f64>| {
        let values =
            |key| images.iter().filter_map(|image| image.metrics.get(key).copied()).collect::<Vec<f64>>();
        LABEL_MEASURES.iter().filter_map(|m| statistic(&values(m.key)).map(|value| (m.key, value))).collect()
    };
    let evaluation =
        Evaluation { mean: over_images(mean), median: over_images(median), images, object_classes, notes };
    if flags.json {
        return terminal::print_json(&evaluation);
    }
    terminal::print(&table(&evaluation))
}

/// What a person may have mixed up where two label images cannot be compared.
const ADVICE: &str = "; a label image must be of the same field at the same scale as its truth";

/// The true classes of objects by the name of their image: those of `cells/NAME.csv` where it has the column, else that of `images.csv`.
fn true_classes(
    folder: &Path,
    pairs: &[Pair],
    column: &str,
) -> Result<BTreeMap<String, ObjectClasses>, Failure> {
    let of_images = classes_of_images(folder, column)?;
    let mut classes = BTreeMap::new();
    for pair in pairs {
        let own = pair.truth.load_classes(column)?;
        let all = || of_images.get(&pair.truth.name).cloned().map(ObjectClasses::All);
        classes.extend(own.or_else(all).map(|found| (pair.name.clone(), found)));
    }
    if classes.is_empty() {
        return Err(Failure::input(anyhow::anyhow!(
            "nothing in {} says of which class objects are: neither a table cells/NAME.csv nor images.csv has a column '{column}'",
            folder.display()
        )));
    }
    Ok(classes)
}

fn evaluate(pair: &Labelled, told: Option<&ObjectClasses>, names: &[String]) -> Result<Evaluated, Failure> {
    let measure = |truth: LabelView, predicted: LabelView| {
        let classes = match told {
            Some(told) => Some(evaluate_objects::count(
                &Overlaps::new(truth, predicted)?,
                pair.classes.as_ref(),
                told,
                names,
            )),
            None => None,
        };
        Ok((measure_labels(truth, predicted)?, classes))
    };
    let ((measured, classes), images) = pair.measure(ADVICE, measure)?;
    Ok(Evaluated {
        classes,
        name: pair.name.clone(),
        true_objects: measured.true_objects,
        predicted_objects: measured.predicted_objects,
        metrics: measured.values(),
        labels_in_pieces: images.each_ref().map(|image| labels_in_pieces(image, Connectivity::Eight)),
        files: [pair.truth.clone(), pair.predicted.clone()],
    })
}

/// What to say of labels that are not connected: they are measured as they are, which a person may not have meant.
fn pieces(images: &[Evaluated], side: usize, word: &str) -> Option<String> {
    let concerned = || images.iter().filter(|image| !image.labels_in_pieces[side].is_empty());
    let first = concerned().next()?;
    Some(format!(
        "{} {word} label image(s) hold labels in several pieces, first label {} of {}; each label counts as one object",
        concerned().count(),
        first.labels_in_pieces[side][0],
        first.files[side].display()
    ))
}

fn table(evaluation: &Evaluation) -> String {
    let Evaluation { images, mean, median, .. } = evaluation;
    let count = |of: fn(&Evaluated) -> usize| images.iter().map(of).sum::<usize>();
    let mut text = format!(
        "{} images with {} true and {} predicted objects\n\n{:34}{:>9}{:>9}{:>9}  of\n",
        images.len(),
        count(|image| image.true_objects),
        count(|image| image.predicted_objects),
        "measure (mean over images)",
        "mean",
        "median",
        "worst"
    );
    for measure in &LABEL_MEASURES {
        let (Some(mean), Some(median)) = (mean.get(measure.key), median.get(measure.key)) else { continue };
        let unit = if measure.unit.is_empty() { String::new() } else { format!(", {}", measure.unit) };
        let _ = write!(
            text,
            "{:34}{:>9}{:>9}",
            format!("{}{unit}", measure.title),
            number(measure, *mean),
            number(measure, *median)
        );
        if let Some((worst, value)) = worst(images, measure) {
            let _ = write!(text, "{:>9}  {}", number(measure, value), worst.name);
        }
        text.push('\n');
    }
    if let Some(classes) = &evaluation.object_classes {
        let _ = write!(text, "\n{}", classes.table());
    }
    let _ = write!(text, "\n{}", worst_images(images));
    text
}

/// Shares with three digits, pixels and numbers of objects with one.
fn number(measure: &LabelMeasure, value: f64) -> String {
    if measure.unit.is_empty() { format!("{value:.3}") } else { format!("{value:.1}") }
}

/// The image with the worst value of a measure, the first of several.
fn worst<'a>(images: &'a [Evaluated], measure: &LabelMeasure) -> Option<(&'a Evaluated, f64)> {
    let mut valued = images.iter().filter_map(|image| Some((image, *image.metrics.get(measure.key)?)));
    let first = valued.next()?;
    Some(valued.fold(first, |worst, other| {
        let worse = match measure.better {
            Better::Higher => other.1 < worst.1,
            Better::Lower => other.1 > worst.1,
        };
        if worse { other } else { worst }
    }))
}

/// The images with the lowest mean AP, and what is wrong with them.
fn worst_images(images: &[Evaluated]) -> String {
    let key = |image: &Evaluated, key: &str| image.metrics.get(key).copied().unwrap_or(f64::NAN);
    let mut order: Vec<&Evaluated> = images.iter().collect();
    order.sort_by(|a, b| key(a, "mean_ap").total_cmp(&key(b, "mean_ap")));
    let mut text = format!(
        "{:34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n",
        "worst images (by mean AP)",
        "mean AP",
        "AP 0.50",
        "true",
        "found",
        "split",
        "merged",
        "spurious",
        "missing"
    );
    for image in order.into_iter().take(WORST) {
        let _ = write!(
            text,
            "{:34}{:>9.3}{:>9.3}{:>9}{:>9}",
            image.name,
            key(image, "mean_ap"),
            key(image, "ap_50"),
            image.true_objects,
            image.predicted_objects
        );
        for error in ["split", "merged", "spurious", "missing"] {
            let _ = write!(text, "{:>9}", key(image, error));
        }
        text.push('\n');
    }
    text
}
