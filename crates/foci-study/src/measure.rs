//! What a trained model makes of the test tiles, in figures.

use crate::StudyError;
use crate::data::TestTile;
use crate::spec::StudySpec;
use crate::study::Observer;
use foci_image::{Plane, Workers};
use foci_kernels::Compute;
use foci_measure::meter::Reference;
use foci_measure::{
    ImageView, LabelView, Measure, MeasureError, Point, ReconstructionMeasures, ReconstructionMeter,
};
use foci_train::{Model, Noise, Predictor, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

mod answer;

pub(crate) use answer::{Answer, Found, FoundObjects, IOU_OF, Known, TOLD, TrueObjects, labels, of_field};

/// Seed of the noise on test tiles; the stream is the number of the tile.
const TEST_NOISE_SEED: u64 = 0xF0C1;

/// The measures that a study knows.
pub(crate) fn measures_of(spec: &StudySpec) -> Vec<Measure> {
    match spec.task {
        Task::Reconstruct => Measure::RECONSTRUCTION.into(),
        Task::Semantic => Measure::CLASSES.into(),
        Task::Instances if spec.object_class_count() > 0 => {
            Measure::OBJECT_CLASSES.into_iter().chain(Measure::OBJECTS).collect()
        }
        Task::Instances => Measure::OBJECTS.into(),
    }
}

/// Measures of one test tile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TileMeasures {
    /// Name of the tile.
    pub tile: String,
    /// Name of its field.
    pub field: String,
    /// Value of each measure by its key; a measure without a value for this tile is missing.
    pub metrics: BTreeMap<String, f64>,
}

/// Measures of one test field: the unit that differences are paired by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldMeasures {
    /// Name of the field.
    pub field: String,
    /// Value of each measure by its key: counts of its tiles are pooled, the rest is their mean.
    pub metrics: BTreeMap<String, f64>,
}

/// Measures of one model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub tiles: Vec<TileMeasures>,
    pub fields: Vec<FieldMeasures>,
    /// Mean of each measure over the fields that have it.
    pub means: BTreeMap<String, f64>,
    pub seconds_per_megapixel: f64,
}

/// The test tiles with all that is known of them beforehand, ready to measure any number of models.
pub(crate) struct TestBench<'a> {
    tiles: Vec<(&'a TestTile, Known<'a>)>,
    classes: &'a [String],
}

impl<'a> TestBench<'a> {
    /// Works out, on `threads` threads, what depends on the tiles alone.
    pub fn new(
        spec: &'a StudySpec,
        tiles: &'a [TestTile],
        threads: usize,
        observer: &mut dyn Observer,
    ) -> Result<TestBench<'a>, StudyError> {
        let what = "looking for foci and boundaries in the test tiles";
        let mut workers = Workers::new(threads).watched_by(|done, all| observer.phase(what, done, all));
        let tiles = workers.map(tiles, |tile| {
            Ok::<_, StudyError>((
                tile,
                Known::of(tile, spec.task, spec.object_class_count()).map_err(|error| failed(tile, error))?,
            ))
        })?;
        Ok(TestBench { tiles, classes: &spec.classes })
    }

    /// The tiles, and what is known of them.
    pub fn tiles(&self) -> &[(&'a TestTile, Known<'a>)] {
        &self.tiles
    }

    /// Measures a model on every test tile; `run` names it to the observer.
    pub fn measure(
        &self,
        model: &Model,
        input_noise: f64,
        compute: &Compute,
        run: &str,
        observer: &mut dyn Observer,
    ) -> Result<Measured, StudyError> {
        let (answers, seconds_per_megapixel) = self.predict(model, input_noise, compute, run, observer)?;
        let what = format!("{run}: measuring");
        let mut workers =
            Workers::new(compute.threads()).watched_by(|done, all| observer.phase(&what, done, all));
        self.judge(&answers, seconds_per_megapixel, &mut workers)
    }

    /// Measures what was made of every test tile, in their order.
    pub fn judge(
        &self,
        answers: &[Answer],
        seconds_per_megapixel: f64,
        workers: &mut Workers,
    ) -> Result<Measured, StudyError> {
        let pairs: Vec<_> = self.tiles.iter().zip(answers).collect();
        let found = workers
            .map(&pairs, |((tile, _), answer)| answer.measure().map_err(|error| failed(tile, error)))?;
        let mut tiles = Vec::with_capacity(found.len());
        let mut by_field: BTreeMap<&str, Vec<Found>> = BTreeMap::new();
        for ((tile, _), found) in self.tiles.iter().zip(found) {
            tiles.push(TileMeasures {
                tile: tile.name.clone(),
                field: tile.field.clone(),
                metrics: found.values(self.classes),
            });
            by_field.entry(&tile.field).or_default().push(found);
        }
        let pooled = |(field, found): (&str, Vec<Found>)| FieldMeasures {
            field: field.to_string(),
            metrics: of_field(found, self.classes),
        };
        let fields: Vec<FieldMeasures> = by_field.into_iter().map(pooled).collect();
        Ok(Measured { means: means(&fields), tiles, fields, seconds_per_megapixel })
    }

    /// What a model makes of every test tile, and the seconds it takes for a million pixels. One tile after the
    /// other: the kernels use all threads, and nothing else shall run while they are timed.
    fn predict(
        &self,
        model: &Model,
        input_noise: f64,
        compute: &Compute,
        run: &str,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Answer<'_>>, f64), StudyError> {
        let (what, all) = (format!("{run}: predicting the test tiles"), self.tiles.len());
        let mut predictor = Predictor::new(model, compute);
        let mut answers = Vec::with_capacity(all);
        let (mut seconds, mut pixels) = (0.0, 0);
        for (number, (tile, known)) in self.tiles.iter().enumerate() {
            observer.phase(&what, number, all)?;
            let input = noisy(&tile.plane, input_noise, number);
            let clock = Instant::now();
            let answer = known.ask(&mut predictor, &input).map_err(|error| failed(tile, error))?;
            // The first tile pays for the memory plan, which a person predicting many images pays once.
            if number > 0 || all == 1 {
                seconds += clock.elapsed().as_secs_f64();
                pixels += input.data.len();
            }
            answers.push(answer);
        }
        observer.phase(&what, all, all)?;
        Ok((answers, seconds / (pixels as f64 / 1e6).max(f64::MIN_POSITIVE)))
    }
}

/// A net on the verge of divergence may give values that no measure can take. Black stands for them.
pub(crate) fn blacken(output: &mut Plane) {
    output.data.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = 0.0);
}

/// What is known of a tile before any model has seen it.
fn reference(tile: &TestTile) -> Result<Reference<'_>, MeasureError> {
    let meter = ReconstructionMeter::new(tile.plane.width, tile.plane.height)?;
    let labels = tile.labels.as_ref().map(|labels| LabelView::new(labels.width, labels.height, &labels.data));
    let reference = meter.reference(view(&tile.plane)?, labels.transpose()?)?;
    Ok(match &tile.truth {
        Some(truth) => reference.with_truth(truth.iter().map(|&(x, y)| Point { x, y }).collect()),
        None => reference,
    })
}

/// Measures one reconstruction. To set up a meter is little work beside that, so tiles need not share one.
pub(crate) fn measure(reference: &Reference, output: &Plane) -> Result<ReconstructionMeasures, MeasureError> {
    ReconstructionMeter::new(output.width, output.height)?.measure(reference, view(output)?)
}

pub(crate) fn failed(tile: &TestTile, error: impl ToString) -> StudyError {
    StudyError::Measure { tile: tile.name.clone(), reason: error.to_string() }
}

/// The input of an arm: the test tile with the arm's noise, the same for every model.
pub(crate) fn noisy(plane: &Plane, input_noise: f64, number: usize) -> Plane {
    let mut input = plane.clone();
    Noise::new(input_noise, TEST_NOISE_SEED, number as u64).add_to(&mut input.data);
    input
}

pub(crate) fn view(plane: &Plane) -> Result<ImageView<'_>, MeasureError> {
    ImageView::new(plane.width, plane.height, &plane.data)
}

/// The mean of what several were measured to be on the same tiles: of each measure over those that have it, field by field.
pub(crate) fn mean_of(all: Vec<Measured>) -> Measured {
    let count = all.len().max(1) as f64;
    let seconds_per_megapixel = all.iter().map(|one| one.seconds_per_megapixel).sum::<f64>() / count;
    let mut of_fields: BTreeMap<String, Vec<FieldMeasures>> = BTreeMap::new();
    for measures in all.into_iter().flat_map(|one| one.fields) {
        of_fields.entry(measures.field.clone()).or_default().push(measures);
    }
    let mean = |(field, all): (String, Vec<FieldMeasures>)| FieldMeasures { field, metrics: means(&all) };
    let fields: Vec<FieldMeasures> = of_fields.into_iter().map(mean).collect();
    Measured { tiles: Vec::new(), means: means(&fields), fields, seconds_per_megapixel }
}

/// Mean of each measure over the fields that have it.
fn means(fields: &[FieldMeasures]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (key, value) in fields.iter().flat_map(|field| &field.metrics) {
        let (sum, count) = sums.entry(key).or_default();
        *sum += value;
        *count += 1.0;
    }
    sums.into_iter().map(|(key, (sum, count))| (key.to_string(), sum / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_averaged_over_the_fields_that_have_it() {
        let field = |field: &str, metrics: &[(&str, f64)]| FieldMeasures {
            field: field.into(),
            metrics: metrics.iter().map(|(key, value)| (key.to_string(), *value)).collect(),
        };
        let fields =
            [field("a", &[("psnr", 20.0), ("boundary_contrast", 0.5)]), field("b", &[("psnr", 40.0)])];
        assert_eq!(
            means(&fields),
            BTreeMap::from([("psnr".into(), 30.0), ("boundary_contrast".into(), 0.5)])
        );
    }
}
