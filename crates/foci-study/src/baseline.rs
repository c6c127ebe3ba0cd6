//! The old way beside the nets: on the same test tiles, by the same measures.
//!
//! - Thresholds and watersheds ([`Method`]) need no training and outline objects. What they are given is the normalised tile: they do not depend on the
//!   scale of the intensities.
//! - The [pixel classifier](foci_pixels) learns from the same training tiles as the nets, by hand-made features and a random forest, once and with a
//!   fixed seed.
//!
//! There is one of each, and no seeds; so they have means and no intervals. What each was measured to be is kept in the folder of the study;
//! one that is resumed reads it.

use crate::StudyError;
use crate::data::{Data, TestTile};
use crate::execute::{read_json, write_json};
use crate::measure::{Answer, FieldMeasures, Known, Measured, TestBench, failed};
use crate::results::BaselineSummary;
use crate::spec::{BaselineMethod, BaselineSpec, StudySpec};
use crate::study::Observer;
use foci_image::{LabelImage, Workers};
use foci_pixels::{Example, PixelClassifier, PixelError, PixelObjectOptions, TrainingOptions, objects};
use foci_segment::targets::{CLASSES, CONTACT};
use foci_segment::{MethodOptions, ObjectOptions};
use foci_train::{Task, add_offsets, likeliest};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Folder of what methods were measured to be, in that of the study.
const METHODS: &str = "methods";
/// Seed of the classifier: which pixels it learns from, and how its trees grow.
const SEED: u64 = 0;

/// A method that is measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MeasuredMethod {
    /// Its entry in `results.json`.
    summary: BaselineSummary,
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
) -> Result<Vec<BaselineSummary>, StudyError> {
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
                let measured = test(spec, baseline, data, bench, threads, observer)?;
                write_json(&record, &measured)?;
                measured
            }
        };
        all.push(measured.summary);
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
                answer(tile, known, found)
            })?
        }
        BaselineMethod::PixelClassifier => {
            let classifier = learn(spec, data, threads, observer)?;
            let offsets = class_offsets(spec, &classifier, data, threads, observer)?;
            training_seconds = Some(clock.elapsed().as_secs_f64());
            clock = Instant::now();
            // One tile after the other: a classifier takes all threads for each.
            let mut answers = Vec::with_capacity(bench.tiles().len());
            for (number, (tile, known)) in bench.tiles().iter().enumerate() {
                observer.phase(&what, number, bench.tiles().len())?;
                let found = classify(&classifier, &offsets, baseline.smallest, tile, spec.task, threads);
                answers.push(answer(tile, known, found.map_err(|error| failed(tile, error))?)?);
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

fn workers<'o>(what: &'o str, threads: usize, observer: &'o mut dyn Observer) -> Workers<'o> {
    Workers::new(threads).watched_by(move |done, all| observer.phase(what, done, all))
}

/// A classifier that has learnt from the training tiles.
fn learn(
    spec: &StudySpec,
    data: &Data,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<PixelClassifier, StudyError> {
    let mut examples = Vec::with_capacity(data.tiles.training.len());
    for example in &data.tiles.training {
        let Some(labels) = &example.labels else { continue };
        let image = example.image.clone();
        let learnt = match spec.task {
            Task::Semantic => Example::of_classes(image, labels),
            Task::Reconstruct | Task::Instances => Example::of_objects(image, labels),
        };
        examples.push(learnt.map_err(wrong)?);
    }
    // Where no objects touch, there are no contacts to learn from.
    let touch = || examples.iter().any(|example| example.classes().contains(&CONTACT));
    let classes = match spec.task {
        Task::Semantic => spec.classes.len(),
        Task::Reconstruct | Task::Instances => {
            if touch() {
                CLASSES
            } else {
                CLASSES - 1
            }
        }
    };
    let what = format!("{}: learning", BaselineMethod::PixelClassifier.name());
    PixelClassifier::train(
        &examples,
        &TrainingOptions::new(classes),
        SEED,
        &mut workers(&what, threads, observer),
    )
    .map_err(wrong)
}

fn wrong(error: PixelError) -> StudyError {
    match error {
        PixelError::Interrupted(interrupted) => interrupted.into(),
        error => StudyError::Spec {
            place: format!("baseline '{}'", BaselineMethod::PixelClassifier.name()),
            reason: error.to_string(),
        },
    }
}

/// What is added to each class of pixels, chosen on the validation tiles as for a net; nothing where objects are outlined.
fn class_offsets(
    spec: &StudySpec,
    classifier: &PixelClassifier,
    data: &Data,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<f32>, StudyError> {
    if spec.task != Task::Semantic {
        return Ok(Vec::new());
    }
    let what = format!("{}: validation", BaselineMethod::PixelClassifier.name());
    foci_train::class_offsets(classifier.classes(), &data.tiles.validation, |image, before, all| {
        let probabilities = classifier.predict(image, &mut Workers::new(threads)).map_err(wrong)?;
        observer.phase(&what, before + 1, all)?;
        Ok(logarithms(probabilities))
    })
}

/// Of probabilities, none of which counts as impossible.
fn logarithms(mut probabilities: Vec<f32>) -> Vec<f32> {
    probabilities.iter_mut().for_each(|probability| *probability = probability.max(1e-6).ln());
    probabilities
}

/// What a classifier makes of a tile: objects, or the likeliest class of each pixel.
fn classify(
    classifier: &PixelClassifier,
    offsets: &[f32],
    smallest: usize,
    tile: &TestTile,
    task: Task,
    threads: usize,
) -> Result<LabelImage, PixelError> {
    let (width, height) = (tile.plane.width, tile.plane.height);
    let probabilities = classifier.predict(&tile.plane, &mut Workers::new(threads))?;
    if task == Task::Semantic {
        let mut logits = logarithms(probabilities);
        add_offsets(&mut logits, offsets);
        return Ok(likeliest(&logits, width, height));
    }
    let options = PixelObjectOptions {
        objects: ObjectOptions { smallest, ..ObjectOptions::default() },
        ..PixelObjectOptions::default()
    };
    objects(&probabilities, classifier.classes(), width, height, &options)
}

fn answer<'k>(tile: &TestTile, known: &'k Known, found: LabelImage) -> Result<Answer<'k>, StudyError> {
    match known {
        Known::Objects(truth) => Ok(Answer::Objects(*truth, found.into())),
        Known::Classes(truth) => Ok(Answer::Classes(truth, found)),
        Known::Image(_) => {
            Err(failed(tile, "a baseline gives labels; choose the task 'instances' or 'semantic'"))
        }
    }
}
