//! The old way beside the nets: on the same test tiles, by the same measures.
//!
//! - Thresholds and watersheds ([`Method`]) need no training and outline objects. What they are given is the normalised tile: they do not depend on the
//!   scale of the intensities.
//! - The pixel classifier ([`PixelModel`]) learns from the same training tiles as the nets, by hand-made features and a random forest, once and with a
//!   fixed seed.
//!
//! There is one of each, and no seeds. What each was measured to be is kept in the folder of the study, with the classifier itself, which `foci predict` can use; a study
//! that is resumed reads it.

use crate::StudyError;
use crate::data::{Data, TestTile};
use crate::execute::{read_json, write_json};
use crate::measure::{Answer, FieldMeasures, FoundObjects, Known, Measured, TestBench, failed};
use crate::results::BaselineSummary;
use crate::spec::{BaselineMethod, BaselineSpec, StudySpec};
use crate::study::Observer;
use foci_image::{Interrupted, Workers};
use foci_segment::MethodOptions;
use foci_train::{PixelModel, PixelTraining, Task, TrainError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Folder of what methods were measured to be, in that of the study.
const METHODS: &str = "methods";
/// Seed of the classifiers: which pixels it learns from, and how its trees grow.
const SEED: u64 = 0;

/// A method that is measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MeasuredMethod {
    /// Its entry in `results.json`.
    pub summary: BaselineSummary,
    /// Its measures, field by field.
    pub fields: Vec<FieldMeasures>,
}

/// Measures every baseline of the study.
pub(crate) fn test_all(
    spec: &StudySpec,
    data: &Data,
    bench: &TestBench,
    out: &Path,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<MeasuredMethod>, StudyError> {
    let mut all = Vec::with_capacity(spec.baselines.len());
    if !spec.baselines.is_empty() {
        let path = out.join(METHODS);
        let failed = |source| StudyError::File { action: "write", path: path.clone(), source };
        foci_image::disk::create_folder(&path).map_err(failed)?;
    }
    for (number, baseline) in spec.baselines.iter().enumerate() {
        let record = record(out, number, baseline.method.name());
        let measured = match read_json::<MeasuredMethod>(&record)? {
            Some(measured) => measured,
            None => {
                let folder = record.with_extension("");
                let measured = test(spec, baseline, data, bench, &folder, threads, observer)?;
                write_json(&record, &measured)?;
                measured
            }
        };
        all.push(measured);
    }
    Ok(all)
}

/// Where the baseline of this number in the specification is kept.
pub(crate) fn record(out: &Path, number: usize, name: &str) -> PathBuf {
    out.join(METHODS).join(format!("{number}-{name}.json"))
}

fn test(
    spec: &StudySpec,
    baseline: &BaselineSpec,
    data: &Data,
    bench: &TestBench,
    folder: &Path,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<MeasuredMethod, StudyError> {
    let megapixels = bench.tiles().iter().map(|(tile, _)| tile.plane.data.len()).sum::<usize>() as f64 / 1e6;
    let name = baseline.method.name();
    let what = format!("{name}: measuring");
    let mut training_seconds = None;
    let mut clock = Instant::now();
    let answers = match baseline.method {
        BaselineMethod::Method(method) => {
            let options = MethodOptions { smallest: baseline.smallest, ..MethodOptions::default() };
            workers(&what, threads, observer).map(bench.tiles(), |(tile, known)| {
                let found = method.segment(&tile.plane, &options).map_err(|error| failed(tile, error))?;
                answer(tile, known, found.into())
            })?
        }
        BaselineMethod::PixelClassifier => {
            let classifier = learn(spec, baseline.smallest, data, threads, observer)?;
            classifier.save(folder).map_err(wrong)?;
            training_seconds = Some(clock.elapsed().as_secs_f64());
            clock = Instant::now();
            // One tile after the other: a classifier takes all threads for each.
            let mut answers = Vec::with_capacity(bench.tiles().len());
            for (number, (tile, known)) in bench.tiles().iter().enumerate() {
                observer.phase(&what, number, bench.tiles().len())?;
                let found = found(&classifier, tile, threads).map_err(|error| failed(tile, error))?;
                answers.push(answer(tile, known, found)?);
            }
            observer.phase(&what, bench.tiles().len(), bench.tiles().len())?;
            answers
        }
    };
    let seconds_per_megapixel = clock.elapsed().as_secs_f64() / megapixels.max(f64::MIN_POSITIVE);
    let Measured { means, fields, .. } =
        bench.judge(&answers, seconds_per_megapixel, &mut workers(&what, threads, observer))?;
    let name = name.into();
    let summary = BaselineSummary { name, metrics: means, seconds_per_megapixel, training_seconds };
    Ok(MeasuredMethod { summary, fields })
}

/// A classifier that has learnt from the training tiles; no object is smaller than `smallest` pixels.
fn learn(
    spec: &StudySpec,
    smallest: usize,
    data: &Data,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<PixelModel, StudyError> {
    let classes = if spec.task == Task::Semantic { spec.classes.len() } else { spec.object_class_count() };
    let training = PixelTraining { task: spec.task, classes, smallest, seed: SEED, threads };
    let name = BaselineMethod::PixelClassifier.name();
    let mut watch = |what: &str, done: usize, all: usize| -> Result<(), Interrupted> {
        observer.phase(&format!("{name}: {what}"), done, all)
    };
    training.run(&data.tiles, &mut watch).map_err(wrong)
}

/// What a classifier makes of a tile: objects, with their classes if it knows any, or the likeliest class of each pixel.
fn found(classifier: &PixelModel, tile: &TestTile, threads: usize) -> Result<FoundObjects, TrainError> {
    if classifier.recipe.task == Task::Semantic {
        return Ok(classifier.classes(&tile.plane, threads)?.classes.into());
    }
    let found = classifier.found(&tile.plane, threads)?;
    let tells = !classifier.recipe.classes.is_empty();
    let classes =
        tells.then(|| found.classes.into_iter().map(|object| (object.label, object.class)).collect());
    Ok(FoundObjects { labels: found.labels, classes })
}

fn wrong(error: TrainError) -> StudyError {
    match error {
        TrainError::Image(error) => error.into(),
        error => StudyError::Spec {
            place: format!("baseline '{}'", BaselineMethod::PixelClassifier.name()),
            reason: error.to_string(),
        },
    }
}

fn workers<'o>(what: &'o str, threads: usize, observer: &'o mut dyn Observer) -> Workers<'o> {
    Workers::new(threads).watched_by(move |done, all| observer.phase(what, done, all))
}

fn answer<'k>(tile: &TestTile, known: &'k Known, found: FoundObjects) -> Result<Answer<'k>, StudyError> {
    match known {
        Known::Objects(truth) => Ok(Answer::Objects(*truth, found)),
        Known::Classes(truth) => Ok(Answer::Classes(truth, found.labels)),
        Known::Image(_) => {
            Err(failed(tile, "a baseline gives labels; choose the task 'instances' or 'semantic'"))
        }
    }
}
