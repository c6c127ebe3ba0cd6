//! What a trained model makes of the test tiles, in figures.

use crate::StudyError;
use crate::data::TestTile;
use foci_image::Plane;
use foci_kernels::Compute;
use foci_measure::meter::Reference;
use foci_measure::{ImageView, LabelView, MeasureError, Point, ReconstructionMeter};
use foci_train::{Model, Noise, Predictor, TrainError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

/// Seed of the noise on test tiles; the stream is the number of the tile.
const TEST_NOISE_SEED: u64 = 0xF0C1;

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

/// Measures of one model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measured {
    pub tiles: Vec<TileMeasures>,
    /// Mean over fields of the mean over a field's tiles.
    pub means: BTreeMap<String, f64>,
    pub seconds_per_megapixel: f64,
}

/// The test tiles with all that is known of them beforehand, ready to measure any number of models.
pub(crate) struct TestBench<'a> {
    tiles: Vec<(&'a TestTile, Reference<'a>)>,
    meters: BTreeMap<(usize, usize), ReconstructionMeter>,
}

impl<'a> TestBench<'a> {
    pub fn new(tiles: &'a [TestTile]) -> Result<TestBench<'a>, StudyError> {
        let mut bench = TestBench { tiles: Vec::with_capacity(tiles.len()), meters: BTreeMap::new() };
        for tile in tiles {
            let Plane { width, height, .. } = tile.plane;
            let failed = |error: MeasureError| StudyError::Measure { tile: tile.name.clone(), reason: error.to_string() };
            if !bench.meters.contains_key(&(width, height)) {
                bench.meters.insert((width, height), ReconstructionMeter::new(width, height).map_err(failed)?);
            }
            let labels = tile.labels.as_ref().map(|labels| LabelView::new(labels.width, labels.height, &labels.data));
            let labels = labels.transpose().map_err(failed)?;
            let image = view(&tile.plane).map_err(failed)?;
            let mut reference = bench.meters[&(width, height)].reference(image, labels).map_err(failed)?;
            if let Some(truth) = &tile.truth {
                reference = reference.with_truth(truth.iter().map(|&(x, y)| Point { x, y }).collect());
            }
            bench.tiles.push((tile, reference));
        }
        Ok(bench)
    }

    /// The tiles and their references.
    pub fn tiles(&self) -> &[(&'a TestTile, Reference<'a>)] {
        &self.tiles
    }

    /// Measures a model on every test tile.
    pub fn measure(&mut self, model: &Model, input_noise: f64, compute: &Compute) -> Result<Measured, StudyError> {
        let mut predictor = Predictor::new(model, compute);
        let mut measured = Vec::with_capacity(self.tiles.len());
        let (mut seconds, mut pixels) = (0.0, 0);
        for (number, (tile, reference)) in self.tiles.iter().enumerate() {
            let failed = |reason: String| StudyError::Measure { tile: tile.name.clone(), reason };
            let input = noisy(&tile.plane, input_noise, number);
            let clock = Instant::now();
            let output = predictor.predict(&input).map_err(|error: TrainError| failed(error.to_string()))?;
            // The first tile pays for the memory plan, which a person predicting many images pays once.
            if number > 0 || self.tiles.len() == 1 {
                seconds += clock.elapsed().as_secs_f64();
                pixels += output.data.len();
            }
            let meter = self.meters.get_mut(&(output.width, output.height));
            let meter = meter.ok_or_else(|| failed("the reconstruction has another size".into()))?;
            let image = view(&output).map_err(|error| failed(error.to_string()))?;
            let values = meter.measure(reference, image).map_err(|error| failed(error.to_string()))?.values();
            measured.push(TileMeasures {
                tile: tile.name.clone(),
                field: tile.field.clone(),
                metrics: values.into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
            });
        }
        let means = means(&measured);
        Ok(Measured { tiles: measured, means, seconds_per_megapixel: seconds / (pixels as f64 / 1e6).max(f64::MIN_POSITIVE) })
    }
}

/// The input of an arm: the test tile with the arm's noise, the same for every model.
pub(crate) fn noisy(plane: &Plane, input_noise: f64, number: usize) -> Plane {
    let mut input = plane.clone();
    Noise::new(input_noise, TEST_NOISE_SEED, number as u64).add_to(&mut input.data);
    input
}

fn view(plane: &Plane) -> Result<ImageView<'_>, MeasureError> {
    ImageView::new(plane.width, plane.height, &plane.data)
}

/// Mean of each measure by field: the unit that differences are paired by.
pub(crate) fn field_means(tiles: &[TileMeasures]) -> BTreeMap<&str, BTreeMap<&str, f64>> {
    let mut sums: BTreeMap<&str, BTreeMap<&str, (f64, f64)>> = BTreeMap::new();
    for tile in tiles {
        let field = sums.entry(&tile.field).or_default();
        for (key, value) in &tile.metrics {
            let (sum, count) = field.entry(key).or_default();
            *sum += value;
            *count += 1.0;
        }
    }
    let mean = |(field, metrics): (_, BTreeMap<_, (f64, f64)>)| {
        (field, metrics.into_iter().map(|(key, (sum, count))| (key, sum / count)).collect())
    };
    sums.into_iter().map(mean).collect()
}

/// Mean of each measure over the fields.
fn means(tiles: &[TileMeasures]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (key, value) in field_means(tiles).into_values().flatten() {
        let (sum, count) = sums.entry(key).or_default();
        *sum += value;
        *count += 1.0;
    }
    sums.into_iter().map(|(key, (sum, count))| (key.to_string(), sum / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(field: &str, psnr: f64) -> TileMeasures {
        TileMeasures { tile: "t".into(), field: field.into(), metrics: BTreeMap::from([("psnr".to_string(), psnr)]) }
    }

    #[test]
    fn every_field_counts_once_however_many_tiles_it_has() {
        // Field a: (10 + 20 + 30) / 3 = 20; field b: 40; mean over fields: 30. A mean over tiles would be 25.
        let tiles = [tile("a", 10.0), tile("a", 20.0), tile("a", 30.0), tile("b", 40.0)];
        assert_eq!(means(&tiles)["psnr"], 30.0);
        assert_eq!(field_means(&tiles)["a"]["psnr"], 20.0);
    }
}
