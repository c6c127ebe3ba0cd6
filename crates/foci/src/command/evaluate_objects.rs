//! `foci evaluate --object-classes`: whether objects were told apart, class by class, over all images together.
//!
//! The true class of an object stands in `cells/NAME.csv` or `images.csv` of the true images, the predicted one in the table that `foci predict`
//! writes beside its label images (`objects/NAME.csv`, column `class`).

use crate::command::evaluate_pairs::Labelled;
use crate::command::predict::beside;
use crate::command::predict_objects::{CLASS, PROBABILITY_OF, TABLES};
use crate::exit::Failure;
use foci_image::dataset::{ObjectClasses, read_classes};
use foci_measure::labels::Overlaps;
use foci_measure::labels::object_classes::ObjectConfusion;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

/// What `--json` prints of a class of objects.
#[derive(Serialize)]
struct Class {
    name: String,
    true_objects: usize,
    /// Found objects by what they were taken for, in the order of the classes.
    taken_for: Vec<usize>,
    missed: usize,
    invented: usize,
    told_apart: Option<f64>,
    class_ap_50: Option<f64>,
}

/// What `--json` prints of the classes of objects.
#[derive(Serialize)]
pub struct Classes {
    classes: Vec<Class>,
    told_apart: Option<f64>,
    class_ap_50: Option<f64>,
}

/// The table of objects beside a predicted label image.
fn table_of(pair: &Labelled) -> PathBuf {
    beside(&pair.predicted, TABLES, "csv")
}

/// The classes that the predictions tell of, image by image.
pub fn told(pairs: &[Labelled]) -> Result<Vec<ObjectClasses>, Failure> {
    let of_pair = |pair: &Labelled| {
        let path = table_of(pair);
        match read_classes(&path, CLASS)? {
            Some(classes) => Ok(classes),
            None => Err(Failure::input(anyhow::anyhow!(
                "{} has no column '{CLASS}': its model tells no objects apart; train one with --object-classes",
                path.display()
            ))),
        }
    };
    pairs.iter().map(of_pair).collect()
}

/// Names of the classes that the model knows, by the heads of the tables; objects of others count as of none, as they did when it learnt.
pub fn names(pairs: &[Labelled]) -> Result<Vec<String>, Failure> {
    let mut names = BTreeSet::new();
    for pair in pairs {
        let path = table_of(pair);
        let damaged = |error: csv::Error| {
            Failure::input(anyhow::anyhow!("{}: {error}; predict the image again", path.display()))
        };
        let mut reader = csv::Reader::from_path(&path).map_err(damaged)?;
        let head = reader.headers().map_err(damaged)?;
        names.extend(head.iter().filter_map(|column| column.strip_prefix(PROBABILITY_OF)).map(String::from));
    }
    Ok(names.into_iter().collect())
}

/// Counts the objects of one pair of label images.
pub fn count(
    overlaps: &Overlaps,
    truth: Option<&ObjectClasses>,
    told: &ObjectClasses,
    names: &[String],
) -> ObjectConfusion {
    let number = |name: Option<&str>| names.iter().position(|known| Some(known.as_str()) == name);
    ObjectConfusion::of(
        overlaps,
        names.len(),
        |label| number(truth?.of(label)),
        |label| number(told.of(label)),
    )
}

impl Classes {
    /// Of all images together.
    pub fn of(images: &[ObjectConfusion], names: &[String]) -> Classes {
        let mut all = ObjectConfusion::new(names.len());
        images.iter().for_each(|image| all.add(image));
        let class = |(number, name): (usize, &String)| Class {
            name: name.clone(),
            true_objects: all.true_objects(number),
            taken_for: (0..names.len()).map(|other| all.matched(number, other)).collect(),
            missed: all.missed(number),
            invented: all.invented(number),
            told_apart: all.told_apart(number),
            class_ap_50: all.average_precision(number),
        };
        Classes {
            classes: names.iter().enumerate().map(class).collect(),
            told_apart: all.mean(ObjectConfusion::told_apart),
            class_ap_50: all.mean(ObjectConfusion::average_precision),
        }
    }

    /// As a table for a terminal.
    pub fn table(&self) -> String {
        let mut text = format!("{:24}{:>9}", "class of objects", "true");
        for class in &self.classes {
            let _ = write!(text, "{:>12}", short(&class.name));
        }
        let _ = writeln!(text, "{:>9}{:>10}{:>12}{:>9}", "missed", "invented", "told apart", "AP 0.50");
        let share = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
        for class in &self.classes {
            let _ = write!(text, "{:24}{:>9}", class.name, class.true_objects);
            for count in &class.taken_for {
                let _ = write!(text, "{count:>12}");
            }
            let _ = writeln!(
                text,
                "{:>9}{:>10}{:>12}{:>9}",
                class.missed,
                class.invented,
                share(class.told_apart),
                share(class.class_ap_50)
            );
        }
        let width = 9 + 12 * self.classes.len() + 9 + 10;
        let _ = writeln!(
            text,
            "{:24}{:width$}{:>12}{:>9}",
            "mean over classes",
            "",
            share(self.told_apart),
            share(self.class_ap_50)
        );
        text + "Columns of classes: what the objects that were found (IoU 0.5) were taken for.\n"
    }
}

/// A name that fits a column.
fn short(name: &str) -> String {
    name.chars().take(11).collect()
}
