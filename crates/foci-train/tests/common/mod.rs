//! What the tests of whole trainings share.

use foci_train::{LossKind, OptimiserKind, Task, TrainingPlan};

/// A plan of so many steps, validated and saved at its end; tests change what they are about.
pub fn plan(steps: u64, batch: usize, crop: usize) -> TrainingPlan {
    TrainingPlan {
        task: Task::Reconstruct,
        seed: 0,
        steps,
        batch,
        crop,
        learning_rate: 3e-3,
        warmup_share: 0.1,
        optimiser: OptimiserKind::Adam,
        weight_decay: 0.0,
        clip_norm: 1.0,
        loss: LossKind::Mse,
        input_noise: 0.0,
        augment: true,
        exact: false,
        validate_every: steps,
        checkpoint_every: steps,
        gradient_batches: 0,
    }
}
