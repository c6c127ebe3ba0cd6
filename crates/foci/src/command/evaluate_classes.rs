//! `foci evaluate` on class images: the class of each pixel against the true one, over all images together.
//!
//! Where the predictions are those of `foci predict`, their tables give the names of the classes and, for each image, the highest probability of each
//! class: how well that tells images with the class from images without is the area under the ROC curve.

use crate::arguments::EvaluateArguments;
use crate::command::evaluate_pairs::{Labelled, Pair, with_truth};
use crate::command::predict::beside;
use crate::command::predict_classes::{SCORE, TABLES};
use crate::exit::Failure;
use crate::progress::watched;
use crate::terminal;
use foci_measure::LabelView;
use foci_measure::labels::classes::{Confusion, area_under_roc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// What the tables of `foci predict` say of an image, class by class.
#[derive(Default)]
struct Told {
    names: Vec<String>,
    scores: Vec<f64>,
}

/// One image.
struct Evaluated {
    confusion: Confusion,
    told: Told,
}

/// What `--json` prints of a class.
#[derive(Serialize)]
struct Class {
    class: usize,
    name: String,
    /// Share of all true pixels.
    share: Option<f64>,
    iou: Option<f64>,
    dice: Option<f64>,
    precision: Option<f64>,
    recall: Option<f64>,
    /// Images that truly have a pixel of it.
    images: usize,
    /// Area under the ROC curve of the images, by the highest probability of the class.
    auroc: Option<f64>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Evaluation {
    images: usize,
    classes: Vec<Class>,
    mean: BTreeMap<&'static str, f64>,
    notes: Vec<String>,
}

/// Runs the command on pairs of class images.
pub fn run(
    flags: &EvaluateArguments,
    pairs: Vec<Pair>,
    not_predicted: usize,
    threads: Option<usize>,
) -> Result<(), Failure> {
    let mut notes = Vec::new();
    let pairs = with_truth(&flags.truth, pairs, not_predicted, &mut notes);
    notes.iter().for_each(|note| eprintln!("{note}"));
    let images =
        watched("measuring class images", threads, flags.json, |workers| workers.map(&pairs, evaluate))?;
    let mut all = Confusion::default();
    images.iter().for_each(|image| all.add(&image.confusion));
    let classes: Vec<Class> = (0..all.classes()).map(|class| of_class(class, &all, &images)).collect();
    let mean = |of: fn(&Class) -> Option<f64>| {
        foci_measure::summary::mean(&classes.iter().filter_map(of).collect::<Vec<f64>>())
    };
    let means = [("iou", mean(|class| class.iou)), ("dice", mean(|class| class.dice))];
    let mean = means.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let evaluation = Evaluation { images: images.len(), classes, mean, notes };
    if flags.json {
        return terminal::print_json(&evaluation);
    }
    terminal::print(&table(&evaluation))
}

fn evaluate(pair: &Labelled) -> Result<Evaluated, Failure> {
    let told = told(&pair.predicted)?;
    let (confusion, _) = pair.measure("", |truth, predicted| {
        // Of two classes the second may have any number in a true mask, 255 mostly: it was learnt so.
        let number = truth.labels().iter().copied().max().unwrap_or(0);
        if told.names.len() != 2 || truth.labels().iter().any(|label| ![0, number].contains(label)) {
            return Confusion::of(truth, predicted);
        }
        let classes: Vec<u32> = truth.labels().iter().map(|label| u32::from(*label != 0)).collect();
        Confusion::of(LabelView::new(truth.width(), truth.height(), &classes)?, predicted)
    })?;
    Ok(Evaluated { confusion, told })
}

/// Reads the table beside a predicted class image; other programs write none.
fn told(predicted: &Path) -> Result<Told, Failure> {
    let path = beside(predicted, TABLES, "csv");
    if !path.exists() {
        return Ok(Told::default());
    }
    let damaged = |what: &dyn std::fmt::Display| {
        Failure::input(anyhow::anyhow!("{}: {what}; predict the image again", path.display()))
    };
    let mut reader = csv::Reader::from_path(&path).map_err(|error| damaged(&error))?;
    let head = reader.headers().map_err(|error| damaged(&error))?.clone();
    let column = |title: &str| {
        let place = head.iter().position(|column| column == title);
        place.ok_or_else(|| damaged(&format!("there is no column '{title}'")))
    };
    let (name, score) = (column("name")?, column(SCORE)?);
    let mut told = Told::default();
    for row in reader.records() {
        let row = row.map_err(|error| damaged(&error))?;
        told.names.push(row.get(name).unwrap_or_default().to_string());
        let score = row.get(score).unwrap_or_default();
        told.scores.push(score.parse().map_err(|_| damaged(&format!("'{score}' is no probability")))?);
    }
    Ok(told)
}

fn of_class(class: usize, all: &Confusion, images: &[Evaluated]) -> Class {
    let has =
        |image: &&Evaluated| class < image.confusion.classes() && image.confusion.recall(class).is_some();
    let scores = |wanted: bool| {
        let of_image = |image: &Evaluated| image.told.scores.get(class).copied();
        images.iter().filter(|image| has(image) == wanted).map(of_image).collect::<Option<Vec<f64>>>()
    };
    let auroc = scores(true).zip(scores(false)).and_then(|(with, without)| area_under_roc(&with, &without));
    let name = images.iter().find_map(|image| image.told.names.get(class).cloned());
    Class {
        class,
        name: name.unwrap_or_else(|| class.to_string()),
        share: all.share(class),
        iou: all.iou(class),
        dice: all.dice(class),
        precision: all.precision(class),
        recall: all.recall(class),
        images: images.iter().filter(has).count(),
        auroc,
    }
}

fn table(evaluation: &Evaluation) -> String {
    let mut text = format!(
        "{} images, {} classes; areas are summed over all images\n\n{:24}{:>9}{:>9}{:>9}{:>11}{:>9}{:>9}{:>9}\n",
        evaluation.images,
        evaluation.classes.len(),
        "class",
        "share",
        "IoU",
        "Dice",
        "precision",
        "recall",
        "images",
        "AUROC"
    );
    let number =
        |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    for class in &evaluation.classes {
        let _ = writeln!(
            text,
            "{:24}{:>9}{:>9}{:>9}{:>11}{:>9}{:>9}{:>9}",
            class.name,
            number(class.share, 4),
            number(class.iou, 3),
            number(class.dice, 3),
            number(class.precision, 3),
            number(class.recall, 3),
            class.images,
            number(class.auroc, 3)
        );
    }
    let mean = |key| number(evaluation.mean.get(key).copied(), 3);
    let _ = writeln!(text, "{:24}{:>9}{:>9}{:>9}", "mean over classes", "", mean("iou"), mean("dice"));
    text
}
