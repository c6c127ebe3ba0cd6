//! The plan of one run: every number that decides its outcome, and nothing else.
//!
//! Thread counts and vector widths are not part of it because they do not change the result.

use crate::TrainError;
use foci_net::Regularisation;
use serde::{Deserialize, Serialize};

/// Steps of the longest run that can be asked for.
const MOST_STEPS: u64 = 1_000_000_000;
/// Largest batch, and largest side of a crop.
const MOST_SIDE: usize = 65_536;
/// Largest magnification of crops; beyond, blur is learnt rather than objects.
const MOST_SCALE: f64 = 4.0;

fn unscaled() -> f64 {
    1.0
}

/// What a net is trained to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// The image itself: the net is an autoencoder.
    Reconstruct,
    /// Classes and depths from which objects are outlined and separated ([`foci_segment::targets`]).
    Instances,
}

impl Task {
    /// As it is written in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Task::Reconstruct => "reconstruct",
            Task::Instances => "instances",
        }
    }

    /// Channels that the net gives.
    pub fn channels(self) -> usize {
        match self {
            Task::Reconstruct => 1,
            Task::Instances => foci_segment::targets::CHANNELS,
        }
    }

    /// The loss that is meant where nobody says another.
    pub fn usual_loss(self) -> LossKind {
        match self {
            Task::Reconstruct => LossKind::Mse,
            Task::Instances => LossKind::Objects,
        }
    }
}

/// What the training makes small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossKind {
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    L1,
    /// Of outlined objects: cross-entropy and Dice of the classes, and the mean absolute error of the depths.
    Objects,
}

/// How a gradient becomes a change of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserKind {
    /// Adam (Kingma & Ba 2015); weight decay is added to the gradient.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    Adamw,
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
}

/// Everything that decides how one run ends, besides the net and the tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingPlan {
    /// What the net learns.
    pub task: Task,
    /// Seed of the initial weights, the batches, the augmentation and the noise.
    pub seed: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Crops in a batch.
    pub batch: usize,
    /// Side of a square training crop in pixels.
    pub crop: usize,
    /// Learning rate at the end of the warm-up.
    pub learning_rate: f64,
    /// Share of the steps over which the learning rate rises from zero; the rest is a cosine down to a hundredth.
    pub warmup_share: f64,
    /// Optimiser.
    pub optimiser: OptimiserKind,
    /// Weight decay.
    pub weight_decay: f64,
    /// The gradient is scaled down to this norm if it is larger.
    pub clip_norm: f64,
    /// Loss.
    pub loss: LossKind,
    /// Dropout and deep supervision.
    #[serde(default)]
    pub regularisation: Regularisation,
    /// Standard deviation of the Gaussian noise added to the input (the target stays clean), in units of the normalised range.
    pub input_noise: f64,
    /// Flip and turn the crops by quarter turns.
    pub augment: bool,
    /// Crops are shown up to so many times larger or smaller; 1 shows them as they are.
    #[serde(default = "unscaled")]
    pub largest_scale: f64,
    /// Direct convolutions only ([`ConvSpec::exact`](foci_kernels::ConvSpec::exact)), in training and whenever the
    /// model is used.
    #[serde(default)]
    pub exact: bool,
    /// Steps between two measurements on the validation tiles.
    pub validate_every: u64,
    /// Batches whose gradients are looked at, layer by layer, at every measurement on the validation tiles
    /// ([`LayerSignal`](crate::LayerSignal)); 0 for none, else at least 2. The weights do not depend on it.
    #[serde(default)]
    pub gradient_batches: u32,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
}

impl TrainingPlan {
    /// Batches for each look at the gradients where nobody says otherwise: four where ten looks take no more than a twentieth
    /// of the steps, as in runs of 800, fewer in shorter runs, but two.
    pub fn usual_gradient_batches(steps: u64) -> u32 {
        match steps {
            0..600 => 2,
            600..800 => 3,
            _ => 4,
        }
    }

    /// Says what is wrong with the numbers, if anything is.
    ///
    /// # Errors
    /// [`TrainError::Plan`] names the first value that cannot be used.
    pub fn check(&self) -> Result<(), TrainError> {
        let wrong = |what: &str, value: String| Err(TrainError::Plan { what: what.into(), value });
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        if self.steps == 0 || self.steps > MOST_STEPS {
            return wrong("steps must lie between 1 and a thousand million", self.steps.to_string());
        }
        if self.batch == 0 || self.batch > MOST_SIDE {
            return wrong("batch must lie between 1 and 65536", self.batch.to_string());
        }
        if self.crop == 0 || self.crop > MOST_SIDE {
            return wrong("crop must lie between 1 and 65536 pixels", self.crop.to_string());
        }
        if !positive(self.learning_rate) {
            return wrong("learning rate must be above 0", self.learning_rate.to_string());
        }
        if !positive(self.clip_norm) {
            return wrong("clip norm must be above 0", self.clip_norm.to_string());
        }
        if !(0.0..=1.0).contains(&self.warmup_share) {
            return wrong("warm-up share must lie between 0 and 1", self.warmup_share.to_string());
        }
        if !not_negative(self.weight_decay) {
            return wrong("weight decay must be 0 or more", self.weight_decay.to_string());
        }
        if !not_negative(self.input_noise) {
            return wrong("input noise must be 0 or more", self.input_noise.to_string());
        }
        if (self.loss == LossKind::Objects) != (self.task == Task::Instances) {
            return wrong(
                "the loss must be that of the task: objects for instances, mse or l1 for reconstruct",
                format!("{:?} for {:?}", self.loss, self.task).to_lowercase(),
            );
        }
        if !(1.0..=MOST_SCALE).contains(&self.largest_scale) {
            return wrong("the largest scale must lie between 1 and 4", self.largest_scale.to_string());
        }
        let Regularisation { dropout, skip_dropout, .. } = self.regularisation;
        for (what, rate) in [("dropout", dropout), ("skip dropout", skip_dropout)] {
            if !(0.0..1.0).contains(&rate) {
                return wrong(&format!("{what} must be 0 or more and below 1"), rate.to_string());
            }
        }
        if self.gradient_batches == 1 {
            return wrong("gradient batches must be 0, or 2 and more to tell signal from noise", "1".into());
        }
        if self.validate_every == 0 || self.checkpoint_every == 0 {
            return wrong("steps between validations and checkpoints must be at least 1", "0".into());
        }
        Ok(())
    }

    /// Steps over which the learning rate rises.
    pub(crate) fn warmup_steps(&self) -> u64 {
        (self.steps as f64 * self.warmup_share).round() as u64
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A short plan with crops of the given side.
    pub(crate) fn plan(crop: usize) -> TrainingPlan {
        TrainingPlan {
            task: Task::Reconstruct,
            seed: 7,
            steps: 12,
            batch: 2,
            crop,
            learning_rate: 1e-2,
            warmup_share: 0.1,
            optimiser: OptimiserKind::Adam,
            weight_decay: 0.0,
            clip_norm: 1.0,
            loss: LossKind::Mse,
            regularisation: Regularisation::default(),
            input_noise: 0.0,
            augment: true,
            largest_scale: 1.0,
            exact: false,
            validate_every: 4,
            gradient_batches: 0,
            checkpoint_every: 3,
        }
    }

    #[test]
    fn values_that_cannot_be_used_are_named() {
        let wrong = [
            TrainingPlan { steps: 0, ..plan(8) },
            TrainingPlan { learning_rate: f64::NAN, ..plan(8) },
            TrainingPlan { warmup_share: 1.5, ..plan(8) },
            TrainingPlan { input_noise: -1.0, ..plan(8) },
            TrainingPlan { task: Task::Instances, ..plan(8) },
            TrainingPlan { largest_scale: 0.5, ..plan(8) },
            TrainingPlan {
                regularisation: Regularisation { dropout: 1.0, ..Regularisation::default() },
                ..plan(8)
            },
            TrainingPlan {
                regularisation: Regularisation { skip_dropout: f64::NAN, ..Regularisation::default() },
                ..plan(8)
            },
        ];
        let words = [
            "steps",
            "learning rate",
            "warm-up",
            "noise",
            "the loss",
            "scale",
            "dropout must",
            "skip dropout",
        ];
        for (plan, word) in wrong.iter().zip(words) {
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(plan(8).check().is_ok());
    }

    #[test]
    fn a_plan_from_before_there_was_a_choice_is_read_as_it_was_meant() {
        let mut json = serde_json::to_value(plan(8)).unwrap();
        for key in ["exact", "regularisation"] {
            json.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(serde_json::from_value::<TrainingPlan>(json).unwrap(), plan(8));
    }
}
