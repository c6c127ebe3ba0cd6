//! The old way beside the nets: on the same test tiles, by the same measures.
//!
//! - Thresholds and watersheds ([`Method`]) need no training and outline objects. What they are given is the normalised tile: they do not depend on the
//!   scale of the intensities.
//! - The [pixel classifier](classifier) learns from the same training tiles as the nets, by hand-made features and a random forest, once and with a
//!   fixed seed.
//!
//! There is one of each, and no seeds. What each was measured to be is kept in the folder of the study, with the classifier itself, which `foci predict` can use; a study
//! that is resumed reads it.

mod classifier;

use crate::StudyError;
use crate::data::{Data, TestTile};
use crate::execute::{read_json, write_json};
use crate::measure::{Answer, FieldMeasures, FoundObjects, Known, Measured, TestBench, failed};
use crate::results::BaselineSummary;
use crate::spec::{BaselineMethod, BaselineSpec, StudySpec};
use crate::study::Observer;
use foci_image::Workers;
use foci_segment::{Method, MethodOptions};
use foci_train::PixelModel;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Folder of what methods were measured to be, in that of the study.
const METHODS: &str = "methods";

/// A method that is measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MeasuredMethod {
    /// Its entry in `results.json`.
    pub summary: BaselineSummary,
    /// Its measures, field by field.
    pub fields: Vec<FieldMeasures>,
}

/// The methods of a study, each with what it was measured to be, in the order of the specification.
pub(crate) struct Methods<'a> {
    spec: &'a StudySpec,
    out: &'a Path,
    pub measured: Vec<MeasuredMethod>,
}

impl<'a> Methods<'a> {
    /// Measures every baseline of the study.
    pub fn test(
        spec: &'a StudySpec,
        data: &Data,
        bench: &TestBench,
        out: &'a Path,
        threads: usize,
        observer: &mut dyn Observer,
    ) -> Result<Methods<'a>, StudyError> {
        let mut measured = Vec::with_capacity(spec.baselines.len());
        if !spec.baselines.is_empty() {
            let path = out.join(METHODS);
            let failed = |source| StudyError::File { action: "write", path: path.clone(), source };
            foci_image::disk::create_folder(&path).map_err(failed)?;
        }
        let testing = Testing { spec, data, bench, threads };
        for (number, baseline) in spec.baselines.iter().enumerate() {
            let record = record(out, number, &baseline.name());
            let folder = record.with_extension("");
            // A study begun by an earlier version left no classifier; another like it learns in its place.
            let is_whole = |_: &MeasuredMethod| {
                baseline.method != BaselineMethod::PixelClassifier
                    || baseline.labelled.is_some()
                    || classifier::load(&folder).is_ok()
            };
            measured.push(match read_json::<MeasuredMethod>(&record)?.filter(is_whole) {
                Some(measured) => measured,
                None => {
                    let measured = testing.test(baseline, &folder, observer)?;
                    write_json(&record, &measured)?;
                    measured
                }
            });
        }
        Ok(Methods { spec, out, measured })
    }

    /// The method that learnt from all fields, or from none, with the highest mean of a measure; of equals the first. A classifier is read from its folder.
    pub fn best(&self, key: &str) -> Result<Option<BestMethod<'a>>, StudyError> {
        let of_all = self.spec.baselines.iter().zip(&self.measured).enumerate();
        let values = of_all.filter_map(|(place, (baseline, method))| {
            let value = *method.summary.metrics.get(key)?;
            baseline.labelled.is_none().then_some((place, baseline, value))
        });
        // The last of equals is the greatest to `max_by`.
        let Some((place, baseline, _)) = values.rev().max_by(|a, b| a.2.total_cmp(&b.2)) else {
            return Ok(None);
        };
        let asked = match baseline.method {
            BaselineMethod::Method(method) => Asked::Method(method),
            BaselineMethod::PixelClassifier => {
                let folder = record(self.out, place, &baseline.name()).with_extension("");
                Asked::Classifier(Box::new(classifier::load(&folder)?))
            }
        };
        Ok(Some(BestMethod { baseline, asked }))
    }
}

/// A method that is asked once more, for pictures.
pub(crate) struct BestMethod<'a> {
    baseline: &'a BaselineSpec,
    asked: Asked,
}

enum Asked {
    Method(Method),
    Classifier(Box<PixelModel>),
}

impl BestMethod<'_> {
    /// Its name.
    pub fn name(&self) -> String {
        self.baseline.name()
    }

    /// What it makes of a tile.
    pub fn answer<'k>(
        &self,
        tile: &TestTile,
        known: &'k Known,
        threads: usize,
    ) -> Result<Answer<'k>, StudyError> {
        match &self.asked {
            Asked::Method(method) => segmented(*method, self.baseline, tile, known),
            Asked::Classifier(classifier) => classifier::answered(classifier, tile, known, threads),
        }
    }
}

/// What a method without training makes of a tile.
fn segmented<'k>(
    method: Method,
    baseline: &BaselineSpec,
    tile: &TestTile,
    known: &'k Known,
) -> Result<Answer<'k>, StudyError> {
    let options = MethodOptions { smallest: baseline.smallest, ..MethodOptions::default() };
    let found = method.segment(&tile.plane, &options).map_err(|error| failed(tile, error))?;
    answer(tile, known, found.into())
}

/// Where the baseline of this number in the specification is kept.
pub(crate) fn record(out: &Path, number: usize, name: &str) -> PathBuf {
    out.join(METHODS).join(format!("{number}-{name}.json"))
}

/// What methods are tested on, and what they may learn from.
struct Testing<'a> {
    spec: &'a StudySpec,
    data: &'a Data,
    bench: &'a TestBench<'a>,
    threads: usize,
}

impl Testing<'_> {
    /// Measures a method; what it has learnt goes to `folder`.
    fn test(
        &self,
        baseline: &BaselineSpec,
        folder: &Path,
        observer: &mut dyn Observer,
    ) -> Result<MeasuredMethod, StudyError> {
        let (measured, training_seconds) = match baseline.method {
            BaselineMethod::Method(method) => (self.without_training(method, baseline, observer)?, None),
            BaselineMethod::PixelClassifier => {
                let (measured, seconds) = self.classifiers(baseline, folder, observer)?;
                (measured, Some(seconds))
            }
        };
        let Measured { means, fields, seconds_per_megapixel, .. } = measured;
        let (name, labelled) = (baseline.name(), baseline.labelled);
        let summary =
            BaselineSummary { name, metrics: means, seconds_per_megapixel, labelled, training_seconds };
        Ok(MeasuredMethod { summary, fields })
    }

    fn without_training(
        &self,
        method: Method,
        baseline: &BaselineSpec,
        observer: &mut dyn Observer,
    ) -> Result<Measured, StudyError> {
        let what = format!("{}: measuring", method.name());
        let clock = Instant::now();
        let answers = workers(&what, self.threads, observer)
            .map(self.bench.tiles(), |(tile, known)| segmented(method, baseline, tile, known))?;
        self.judge(&answers, clock, &what, observer)
    }

    /// Measures what was made of all test tiles since `clock`.
    fn judge(
        &self,
        answers: &[Answer],
        clock: Instant,
        what: &str,
        observer: &mut dyn Observer,
    ) -> Result<Measured, StudyError> {
        let tiles = self.bench.tiles().iter();
        let megapixels = tiles.map(|(tile, _)| tile.plane.data.len()).sum::<usize>() as f64 / 1e6;
        let seconds_per_megapixel = clock.elapsed().as_secs_f64() / megapixels.max(f64::MIN_POSITIVE);
        self.bench.judge(answers, seconds_per_megapixel, &mut workers(what, self.threads, observer))
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
