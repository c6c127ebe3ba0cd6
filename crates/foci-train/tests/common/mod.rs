//! What the tests of whole trainings share.

#![allow(dead_code, reason = "each test uses a part")]

use foci_engine::Parameters;
use foci_image::Plane;
use foci_kernels::{Compute, Simd};
use foci_net::{Net, Regularisation};
use foci_train::{
    Intensities, LossKind, Model, Observer, OptimiserKind, Outcome, PercentileRange, Recipe, Seen, Task,
    Tiles, TrainError, TrainingPlan, TrainingRecord, train,
};
use std::cell::Cell;
use std::path::Path;

/// A plan of so many steps, validated and saved at its end; tests change what they are about.
pub fn plan(steps: u64, batch: usize, crop: usize) -> TrainingPlan {
    TrainingPlan {
        task: Task::Reconstruct,
        classes: 0,
        class_weights: Vec::new(),
        rare_share: 0.0,
        pretrained: None,
        seed: 0,
        steps,
        patience: 0,
        batch,
        crop,
        learning_rate: 3e-3,
        warmup_share: 0.1,
        optimiser: OptimiserKind::Adam,
        weight_decay: 0.0,
        clip_norm: 1.0,
        loss: LossKind::Mse,
        regularisation: Regularisation::default(),
        input_noise: 0.0,
        augment: true,
        binning: 1,
        intensities: Intensities::Linear,
        contact_weight: 1.0,
        largest_scale: 1.0,
        appearance: 0.0,
        exact: false,
        validate_every: steps,
        checkpoint_every: steps,
        gradient_batches: 0,
    }
}

/// An image in which no two neighbours are alike.
pub fn image(width: usize, height: usize) -> Plane {
    let value = |at: usize| ((at * 2_654_435_761) % 1009) as f32 / 1009.0;
    Plane { width, height, data: (0..width * height).map(value).collect() }
}

/// A net with the weights that training begins with.
pub fn model(net: Net) -> Model {
    let recipe = Recipe {
        foci: "0".into(),
        task: Task::Reconstruct,
        classes: Vec::new(),
        reading: foci_image::Reading::default(),
        seen: Seen::default(),
        normalisation: PercentileRange::default(),
        objects: None,
        class_offsets: Vec::new(),
        training: TrainingRecord { plan: plan(1, 1, 8), steps: 1, validation_loss: None, diverged: false },
    };
    Model { parameters: Parameters::he(&net, 3), net, recipe }
}

/// Asks for the end after so many steps.
struct Patience(Cell<u64>);

impl Observer for Patience {
    fn step_done(&mut self, _: u64, _: u64, _: f64) {
        self.0.set(self.0.get().saturating_sub(1));
    }
    fn stop_requested(&self) -> bool {
        self.0.get() == 0
    }
}

/// Two small images to learn from, one to validate on.
pub fn tiles() -> Tiles {
    let plane = |seed: usize| Plane {
        width: 32,
        height: 32,
        data: (0..32 * 32).map(|i| ((i * (7919 + seed)) % 101) as f32 / 100.0).collect(),
    };
    Tiles::of_planes(vec![plane(0), plane(1)], vec![plane(2)])
}

/// A run that is asked to end after so many steps.
pub fn run(net: &Net, plan: &TrainingPlan, folder: &Path, steps: u64) -> Result<Outcome, TrainError> {
    run_on(&tiles(), net, plan, folder, steps)
}

/// The same on other images.
pub fn run_on(
    tiles: &Tiles,
    net: &Net,
    plan: &TrainingPlan,
    folder: &Path,
    steps: u64,
) -> Result<Outcome, TrainError> {
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    train(net, plan, tiles, folder, &compute, &mut Patience(Cell::new(steps)))
}
