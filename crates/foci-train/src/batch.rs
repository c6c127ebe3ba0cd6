//! What a net sees at each step: crops of the tiles, turned and flipped, with or without noise.
//!
//! The batch of a step is a function of the seed and the number of the step. Nothing is carried from one step
//! to the next, so a resumed run sees what it would have seen.

use crate::{TrainError, TrainingPlan};
use foci_image::crop::{self, Crop, Orientations};
use foci_image::{Plane, Reading};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// Validation crops are taken from at most this many tiles, spread over all of them.
const VALIDATION_TILES: usize = 32;
/// Stream of the noise on validation crops; training steps use the streams from 0 on.
const VALIDATION_STREAM: u64 = u64::MAX;

/// The images of a run, each normalised by its field.
#[derive(Debug, Clone, Default)]
pub struct Tiles {
    /// Tiles to learn from.
    pub training: Vec<Plane>,
    /// Tiles on which the loss is watched and learning rates are chosen.
    pub validation: Vec<Plane>,
    /// By what the images can be known again: a run resumes only with the images that it began with.
    pub fingerprint: String,
    /// Channel and page that the images were read from; the model remembers it.
    pub reading: Reading,
}

/// Gaussian noise on an input.
#[derive(Debug, Clone)]
pub struct Noise {
    sigma: f64,
    random: ChaCha8Rng,
}

impl Noise {
    /// Noise of standard deviation `sigma`, in units of the normalised range; the same seed gives the same noise.
    pub fn new(sigma: f64, seed: u64, stream: u64) -> Noise {
        Noise { sigma, random: crop::generator(seed, stream) }
    }

    /// Adds noise to every value; no noise if `sigma` is 0.
    pub fn add_to(&mut self, values: &mut [f32]) {
        if self.sigma > 0.0 {
            for pair in values.chunks_mut(2) {
                let normal = self.normal_pair();
                for (value, normal) in pair.iter_mut().zip(normal) {
                    *value += (self.sigma * normal) as f32;
                }
            }
        }
    }

    /// Two independent standard normal values (Box & Muller 1958).
    fn normal_pair(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - unit(&mut self.random)).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * unit(&mut self.random)).sin_cos();
        [radius * cos, radius * sin]
    }
}

/// A uniform value in [0, 1) with 53 random bits.
fn unit(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Makes the batches of one run, in buffers that are filled anew each time.
pub(crate) struct Batches<'a> {
    plan: &'a TrainingPlan,
    training: Vec<&'a Plane>,
    validation: Vec<&'a Plane>,
    input: Vec<f32>,
    target: Vec<f32>,
}

impl<'a> Batches<'a> {
    /// Batches from the tiles that are at least as large as a crop.
    pub fn new(plan: &'a TrainingPlan, tiles: &'a Tiles) -> Result<Batches<'a>, TrainError> {
        let crop = plan.crop;
        let usable = |planes: &'a [Plane], part: &'static str| {
            let fits: Vec<&Plane> =
                planes.iter().filter(|plane| plane.width >= crop && plane.height >= crop).collect();
            if fits.is_empty() { Err(TrainError::NoTiles { part, crop }) } else { Ok(fits) }
        };
        let training = usable(&tiles.training, "training")?;
        let all = usable(&tiles.validation, "validation")?;
        let every = all.len().div_ceil(VALIDATION_TILES);
        let validation = all.into_iter().step_by(every).collect();
        let floats = plan.batch * crop * crop;
        Ok(Batches { plan, training, validation, input: vec![0.0; floats], target: vec![0.0; floats] })
    }

    /// Input and target of a training step.
    pub fn training(&mut self, step: u64) -> Result<(&[f32], &[f32]), TrainError> {
        let side = self.plan.crop;
        let orientations = if self.plan.augment { Orientations::All } else { Orientations::AsIs };
        let mut random = crop::generator(self.plan.seed, step);
        for target in self.target.chunks_exact_mut(side * side) {
            let plane = self.training[crop::below(&mut random, self.training.len())];
            let crop = crop::sample(&mut random, (plane.width, plane.height), (side, side), orientations)?;
            crop.copy(&plane.data, plane.width, target);
        }
        self.input.copy_from_slice(&self.target);
        Noise { sigma: self.plan.input_noise, random }.add_to(&mut self.input);
        Ok((&self.input, &self.target))
    }

    /// Number of validation batches.
    pub fn validation_count(&self) -> usize {
        self.validation.len().div_ceil(self.plan.batch)
    }

    /// Input and target of a validation batch: centre crops, always the same. The last batch is filled up
    /// with the first tiles again.
    pub fn validation(&mut self, number: usize) -> (&[f32], &[f32]) {
        let side = self.plan.crop;
        for (slot, target) in self.target.chunks_exact_mut(side * side).enumerate() {
            let plane = self.validation[(number * self.plan.batch + slot) % self.validation.len()];
            let (x, y) = ((plane.width - side) / 2, (plane.height - side) / 2);
            let centre = Crop { x, y, width: side, height: side, turns: 0, mirrored: false };
            centre.copy(&plane.data, plane.width, target);
        }
        self.input.copy_from_slice(&self.target);
        Noise::new(self.plan.input_noise, number as u64, VALIDATION_STREAM).add_to(&mut self.input);
        (&self.input, &self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    fn ramp(width: usize, height: usize) -> Plane {
        Plane { width, height, data: (0..width * height).map(|value| value as f32).collect() }
    }

    #[test]
    fn a_batch_depends_on_seed_and_step_alone() {
        let tiles = Tiles {
            training: vec![ramp(40, 30), ramp(20, 20)],
            validation: vec![ramp(16, 16)],
            ..Tiles::default()
        };
        let (plan_a, mut plan_b) = (plan(8), plan(8));
        plan_b.seed += 1;
        let mut first = Batches::new(&plan_a, &tiles).unwrap();
        let mut second = Batches::new(&plan_a, &tiles).unwrap();
        let mut other = Batches::new(&plan_b, &tiles).unwrap();
        first.training(1).unwrap();
        let expected = first.training(5).unwrap().0.to_vec();
        assert_eq!(second.training(5).unwrap().0, expected);
        assert_ne!(second.training(6).unwrap().0, expected);
        assert_ne!(other.training(5).unwrap().0, expected);
    }

    #[test]
    fn noise_has_the_standard_deviation_asked_for() {
        let mut values = vec![0.0; 40_000];
        Noise::new(0.5, 1, 0).add_to(&mut values);
        let mean = values.iter().sum::<f32>() / 40_000.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 40_000.0;
        // Standard errors: 0.5 / 200 of the mean, 0.25 * sqrt(2 / 40000) of the variance; four of each.
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 0.25).abs() < 0.0071, "{variance}");
    }

    #[test]
    fn tiles_smaller_than_the_crop_are_told() {
        let tiles = Tiles { training: vec![ramp(7, 30)], validation: vec![ramp(16, 16)], ..Tiles::default() };
        let error = Batches::new(&plan(8), &tiles).err().unwrap();
        assert!(error.to_string().contains("no training tiles of at least 8 x 8"), "{error}");
    }
}
