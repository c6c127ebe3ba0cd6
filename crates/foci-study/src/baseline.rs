//! The old way beside the nets: on the same test tiles, by the same measures.
//!
//! - Thresholds and watersheds ([`Method`]) need no training and outline objects. What they are given is the normalised tile: they do not depend on the
//!   scale of the intensities.
//! - The [pixel classifier](foci_pixels) learns from the same training tiles as the nets, by hand-made features and a random forest, once and with a
//!   fixed seed.
//!
//! There is one of each, and no seeds; so they have means and no intervals.

use crate::StudyError;
use crate::data::{Data, TestTile};
use crate::measure::{Answer, Known, Measured, TestBench, failed};
use crate::results::BaselineSummary;
use crate::spec::{BaselineMethod, StudySpec};
use crate::study::Observer;
use foci_image::{LabelImage, Workers};
use foci_pixels::{Example, PixelClassifier, PixelError, PixelObjectOptions, TrainingOptions, objects};
use foci_segment::targets::{CLASSES, CONTACT};
use foci_segment::{MethodOptions, ObjectOptions};
use foci_train::{ClassMap, Task};
use std::time::Instant;

/// Seed of the classifier: which pixels it learns from, and how its trees grow.
const SEED: u64 = 0;

/// Measures every baseline of the study.
pub(crate) fn test_all(
    spec: &StudySpec,
    data: &Data,
    bench: &TestBench,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<BaselineSummary>, StudyError> {
    let mut all = Vec::with_capacity(spec.baselines.len());
    for baseline in &spec.baselines {
        let name = baseline.method.name();
        let begun = Instant::now();
        let classifier = match baseline.method {
            BaselineMethod::Method(_) => None,
            BaselineMethod::PixelClassifier => Some(learn(spec, data, threads, observer)?),
        };
        let training_seconds = classifier.as_ref().map(|_| begun.elapsed().as_secs_f64());
        let what = format!("{name}: measuring");
        let clock = Instant::now();
        let answers = match (&classifier, baseline.method) {
            (None, BaselineMethod::Method(method)) => {
                let mut workers = workers(&what, threads, observer);
                let options = MethodOptions { smallest: baseline.smallest, ..MethodOptions::default() };
                workers.map(bench.tiles(), |(tile, known)| {
                    let found = method.segment(&tile.plane, &options).map_err(|error| failed(tile, error))?;
                    answer(tile, known, found)
                })?
            }
            (classifier, _) => {
                let mut answers = Vec::with_capacity(bench.tiles().len());
                for (number, (tile, known)) in bench.tiles().iter().enumerate() {
                    observer.phase(&what, number, bench.tiles().len())?;
                    let Some(classifier) = classifier else { continue };
                    let found = classify(classifier, baseline.smallest, tile, spec.task, threads);
                    answers.push(answer(tile, known, found.map_err(|error| failed(tile, error))?)?);
                }
                observer.phase(&what, bench.tiles().len(), bench.tiles().len())?;
                answers
            }
        };
        let pixels: usize = bench.tiles().iter().map(|(tile, _)| tile.plane.data.len()).sum();
        let seconds_per_megapixel =
            clock.elapsed().as_secs_f64() / (pixels as f64 / 1e6).max(f64::MIN_POSITIVE);
        let Measured { means, .. } =
            bench.judge(&answers, seconds_per_megapixel, &mut workers(&what, threads, observer))?;
        all.push(BaselineSummary {
            name: name.into(),
            metrics: means,
            seconds_per_megapixel,
            training_seconds,
        });
    }
    Ok(all)
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
    let wrong = |error: PixelError| match error {
        PixelError::Interrupted(interrupted) => interrupted.into(),
        error => StudyError::Spec {
            place: format!("baseline '{}'", BaselineMethod::PixelClassifier.name()),
            reason: error.to_string(),
        },
    };
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

/// What a classifier makes of a tile: objects, or the likeliest class of each pixel.
fn classify(
    classifier: &PixelClassifier,
    smallest: usize,
    tile: &TestTile,
    task: Task,
    threads: usize,
) -> Result<LabelImage, PixelError> {
    let (width, height) = (tile.plane.width, tile.plane.height);
    let probabilities = classifier.predict(&tile.plane, &mut Workers::new(threads))?;
    if task == Task::Semantic {
        // The likeliest class is the one with the largest value, be it a logit or a probability.
        return Ok(ClassMap::of_logits(probabilities, width, height).classes);
    }
    let options = PixelObjectOptions {
        objects: ObjectOptions { smallest, ..ObjectOptions::default() },
        ..PixelObjectOptions::default()
    };
    objects(&probabilities, classifier.classes(), width, height, &options)
}

fn answer<'k>(tile: &TestTile, known: &'k Known, found: LabelImage) -> Result<Answer<'k>, StudyError> {
    match known {
        Known::Objects(truth) => Ok(Answer::Objects(truth, found)),
        Known::Classes(truth) => Ok(Answer::Classes(truth, found)),
        Known::Image(_) => {
            Err(failed(tile, "a baseline gives labels; choose the task 'instances' or 'semantic'"))
        }
    }
}
