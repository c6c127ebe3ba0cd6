//! What a net sees at each step: crops of the tiles, turned, flipped, scaled and changed in appearance, with or without noise, and
//! their targets.
//!
//! The batch of a step is a function of the seed and the number of the step. Nothing is carried from one step
//! to the next, so a resumed run sees what it would have seen.

use crate::appearance;
use crate::classes::RareClasses;
use crate::target::Source;
use crate::tiles::{Example, Tiles};
use crate::{TrainError, TrainingPlan};
use foci_image::crop::{self, Crop, Orientations};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// Validation crops are taken from at most this many tiles, spread over all of them.
const VALIDATION_TILES: usize = 32;
/// Stream of the noise on validation crops; training steps use the streams from 0 on.
const VALIDATION_STREAM: u64 = u64::MAX;

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
        add_noise(values, self.sigma, &mut self.random);
    }
}

/// Adds Gaussian noise to every value; draws nothing if `sigma` is 0.
pub(crate) fn add_noise(values: &mut [f32], sigma: f64, random: &mut ChaCha8Rng) {
    if sigma > 0.0 {
        for pair in values.chunks_mut(2) {
            for (value, normal) in pair.iter_mut().zip(normal_pair(random)) {
                *value += (sigma * normal) as f32;
            }
        }
    }
}

/// Two independent standard normal values (Box & Muller 1958).
fn normal_pair(random: &mut ChaCha8Rng) -> [f64; 2] {
    let radius = (-2.0 * (1.0 - unit(random)).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * unit(random)).sin_cos();
    [radius * cos, radius * sin]
}

/// A uniform value in [0, 1) with 53 random bits.
pub(crate) fn unit(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// What a net sees at once, and what it should give; filled anew each time.
pub(crate) struct Batch {
    /// [N, 1, H, W].
    pub input: Vec<f32>,
    /// [N, C, H, W].
    pub target: Vec<f32>,
}

/// Makes the batches of one run.
pub(crate) struct Batches<'a> {
    plan: &'a TrainingPlan,
    training: Vec<Source<'a>>,
    validation: Vec<Source<'a>>,
    rare: RareClasses,
}

impl<'a> Batches<'a> {
    /// Batches from the tiles that are at least as large as a crop.
    pub fn new(plan: &'a TrainingPlan, tiles: &'a Tiles) -> Result<Batches<'a>, TrainError> {
        let crop = plan.crop;
        let usable = |examples: &'a [Example], part: &'static str| {
            let fits: Vec<&Example> = examples.iter().filter(|example| example.holds(crop)).collect();
            if fits.is_empty() { Err(TrainError::NoTiles { part, crop }) } else { Ok(fits) }
        };
        let sources = |examples: &mut dyn Iterator<Item = &'a Example>| {
            examples.map(|example| Source::new(example, plan)).collect::<Result<Vec<_>, _>>()
        };
        let training = sources(&mut usable(&tiles.training, "training")?.into_iter())?;
        let all = usable(&tiles.validation, "validation")?;
        let every = all.len().div_ceil(VALIDATION_TILES);
        let validation = sources(&mut all.into_iter().step_by(every))?;
        let rare = RareClasses::of(&training);
        Ok(Batches { plan, training, validation, rare })
    }

    /// Room for a batch.
    pub fn empty(&self) -> Batch {
        let floats = self.plan.batch * self.plan.crop * self.plan.crop;
        Batch { input: vec![0.0; floats], target: vec![0.0; floats * self.plan.channels()] }
    }

    /// Fills `batch` for a training step.
    ///
    /// # Errors
    /// [`TrainError::Image`] if a crop does not fit.
    pub fn training(&self, step: u64, batch: &mut Batch) -> Result<(), TrainError> {
        let (side, plan) = (self.plan.crop, self.plan);
        let mut random = crop::generator(plan.seed, step);
        let inputs = batch.input.chunks_exact_mut(side * side);
        let targets = batch.target.chunks_exact_mut(side * side * plan.channels());
        for (input, target) in inputs.zip(targets) {
            let (source, crop) = draw(plan, &self.training, &self.rare, &mut random)?;
            source.cut(&crop, side, input, target);
            appearance::vary(input, side, plan.appearance, &mut random);
        }
        Noise { sigma: plan.input_noise, random }.add_to(&mut batch.input);
        Ok(())
    }

    /// Number of validation batches.
    pub fn validation_count(&self) -> usize {
        self.validation.len().div_ceil(self.plan.batch)
    }

    /// Fills `batch` for a validation: centre crops, always the same. The last batch is filled up with the first tiles again.
    pub fn validation(&self, number: usize, batch: &mut Batch) {
        let side = self.plan.crop;
        let inputs = batch.input.chunks_exact_mut(side * side);
        let targets = batch.target.chunks_exact_mut(side * side * self.plan.channels());
        for (slot, (input, target)) in inputs.zip(targets).enumerate() {
            let source = &self.validation[(number * self.plan.batch + slot) % self.validation.len()];
            let (width, height) = source.size();
            let (x, y) = ((width - side) / 2, (height - side) / 2);
            let centre = Crop { x, y, width: side, height: side, turns: 0, mirrored: false };
            source.cut(&centre, side, input, target);
        }
        Noise::new(self.plan.input_noise, number as u64, VALIDATION_STREAM).add_to(&mut batch.input);
    }
}

/// An image and a crop of it: anywhere or, as often as the plan says, on a pixel of a rare class.
fn draw<'a, 'b>(
    plan: &TrainingPlan,
    sources: &'b [Source<'a>],
    rare: &RareClasses,
    random: &mut ChaCha8Rng,
) -> Result<(&'b Source<'a>, Crop), TrainError> {
    if plan.rare_share > 0.0 && unit(random) < plan.rare_share {
        let side = |size, random: &mut ChaCha8Rng| scaled_side(plan, size, random);
        if let Some((source, crop)) = rare.draw(sources, random, side) {
            let crop = if plan.augment { crop } else { Crop { turns: 0, mirrored: false, ..crop } };
            return Ok((&sources[source], crop));
        }
    }
    let orientations = if plan.augment { Orientations::All } else { Orientations::AsIs };
    let source = &sources[crop::below(random, sources.len())];
    let taken = scaled_side(plan, source.size(), random);
    Ok((source, crop::sample(random, source.size(), (taken, taken), orientations)?))
}

/// Side of the square in an image that becomes a crop: of all scales up to the plan's, each as likely as its inverse, and no
/// larger than the image. Nothing is drawn where the plan does not scale.
fn scaled_side(plan: &TrainingPlan, (width, height): (usize, usize), random: &mut ChaCha8Rng) -> usize {
    if plan.largest_scale == 1.0 {
        return plan.crop;
    }
    let scale = plan.largest_scale.powf(2.0 * unit(random) - 1.0);
    ((plan.crop as f64 / scale).round() as usize).clamp(1, width.min(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ahead::Ahead;
    use crate::plan::tests::plan;
    use foci_image::Plane;

    fn ramp(width: usize, height: usize) -> Plane {
        Plane { width, height, data: (0..width * height).map(|value| value as f32).collect() }
    }

    #[test]
    fn a_batch_depends_on_seed_and_step_alone() {
        let tiles = Tiles::of_planes(vec![ramp(40, 30), ramp(20, 20)], vec![ramp(16, 16)]);
        let (plan_a, mut plan_b) = (plan(8), plan(8));
        plan_b.seed += 1;
        let [first, second, other] =
            [&plan_a, &plan_a, &plan_b].map(|plan| Batches::new(plan, &tiles).unwrap());
        let input = |batches: &Batches, steps: &[u64]| {
            let mut batch = batches.empty();
            steps.iter().for_each(|&step| batches.training(step, &mut batch).unwrap());
            batch.input
        };
        let expected = input(&first, &[1, 5]);
        assert_eq!(input(&second, &[5]), expected);
        assert_ne!(input(&second, &[5, 6]), expected);
        assert_ne!(input(&other, &[5]), expected);

        // Made ahead they are the same, wherever a run begins.
        std::thread::scope(|scope| {
            let mut batch = first.empty();
            for begin in [1, 5] {
                let mut ahead = Ahead::start(scope, &first, begin);
                for step in begin..begin + 3 {
                    ahead.next(&first, step, &mut batch).unwrap();
                    assert_eq!(batch.input, input(&first, &[step]), "step {step}");
                }
            }
        });
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
        let tiles = Tiles::of_planes(vec![ramp(7, 30)], vec![ramp(16, 16)]);
        let error = Batches::new(&plan(8), &tiles).err().unwrap();
        assert!(error.to_string().contains("no training tiles of at least 8 x 8"), "{error}");
    }

    #[test]
    fn scales_lie_on_both_sides_of_one_and_inside_the_image() {
        let plan = TrainingPlan { largest_scale: 2.0, ..plan(16) };
        let mut random = crop::generator(1, 2);
        let sides: Vec<usize> = (0..400).map(|_| scaled_side(&plan, (100, 24), &mut random)).collect();
        assert!(sides.iter().all(|side| (8..=24).contains(side)));
        let smaller = sides.iter().filter(|&&side| side < 16).count();
        // Half of them, give or take four standard errors.
        assert!((160..=240).contains(&smaller), "{smaller}");
    }
}
