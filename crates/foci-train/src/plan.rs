//! The plan of one run: every number that decides its outcome, and nothing else.
//!
//! Thread counts and vector widths are not part of it because they do not change the result.

use crate::{Intensities, LossKind, Task, TrainError};
use foci_net::Regularisation;
use serde::{Deserialize, Serialize};

/// Steps of the longest run that can be asked for.
const MOST_STEPS: u64 = 1_000_000_000;
/// Largest batch, and largest side of a crop.
const MOST_SIDE: usize = 65_536;
/// Classes that an 8-bit mask can tell apart.
pub(crate) const MOST_CLASSES: usize = 256;
/// Largest side of a block of pixels that become one; beyond, few objects are left to be seen.
const MOST_BINNING: usize = 16;
/// Largest magnification of crops; beyond, blur is learnt rather than objects.
const MOST_SCALE: f64 = 4.0;
/// Most that a pixel in contact counts; beyond, a net sees nothing but contacts.
const MOST_CONTACT_WEIGHT: f64 = 100.0;

fn is_none(patience: &u32) -> bool {
    *patience == 0
}

fn unscaled() -> f64 {
    1.0
}

fn unbinned() -> usize {
    1
}

fn unweighted() -> f64 {
    1.0
}

fn is_unweighted(weight: &f64) -> bool {
    *weight == 1.0
}

fn is_unbinned(binning: &usize) -> bool {
    *binning == 1
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
    /// How many classes there are: of pixels, background included, or of objects; 0 where there are none.
    #[serde(default)]
    pub classes: usize,
    /// What the cross-entropy of each class counts; empty if all count the same.
    #[serde(default)]
    pub class_weights: Vec<f64>,
    /// Share of the crops that are laid on a pixel of a class other than the first, each class as likely as any other: where
    /// objects are rare, crops laid anywhere show none.
    #[serde(default)]
    pub rare_share: f64,
    /// SHA-256 of the weights that the run begins with ([`Pretrained`](crate::Pretrained)); random ones if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<String>,
    /// Seed of the initial weights, the batches, the augmentation and the noise.
    pub seed: u64,
    /// Optimiser steps; with patience, the most that are taken.
    pub steps: u64,
    /// Validations without a lower loss after which the learning rate falls to a tenth; after the third such wait the run
    /// ends. 0 for a run of so many steps, whose rate follows a cosine.
    #[serde(default, skip_serializing_if = "is_none")]
    pub patience: u32,
    /// Crops in a batch.
    pub batch: usize,
    /// Side of a square training crop in pixels, binned ones where pixels are binned.
    pub crop: usize,
    /// Side of the blocks of pixels that become one before the net sees them, in training and whenever the model is used; 1 for pixels as
    /// they are.
    #[serde(default = "unbinned", skip_serializing_if = "is_unbinned")]
    pub binning: usize,
    /// How the net is shown intensities, in training and whenever the model is used.
    #[serde(default, skip_serializing_if = "Intensities::are_linear")]
    pub intensities: Intensities,
    /// How many pixels a pixel where objects are in contact counts for in the cross-entropy; 1 for one.
    #[serde(default = "unweighted", skip_serializing_if = "is_unweighted")]
    pub contact_weight: f64,
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
    /// How much the appearance of crops is changed: blur, gamma, gain, noise; 0 for not at all, 1 for much.
    #[serde(default)]
    pub appearance: f64,
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

    /// Channels that the net gives.
    pub fn channels(&self) -> usize {
        self.task.channels(self.classes)
    }

    /// Steps between two measurements on the validation tiles, and between two checkpoints, where nobody says otherwise: ten of each.
    pub fn usual_records(steps: u64) -> u64 {
        (steps / 10).max(1)
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
        if !(1..=MOST_BINNING).contains(&self.binning) {
            return wrong("binning must lie between 1 and 16", self.binning.to_string());
        }
        if self.binning > 1 && self.task == Task::Reconstruct {
            let what =
                "pixels are not binned for a reconstruction, whose detail would be gone; binning must be 1";
            return wrong(what, self.binning.to_string());
        }
        if !self.intensities.are_linear() && self.task == Task::Reconstruct {
            let what = "a reconstruction is one of intensities as they are; they must be linear";
            return wrong(what, "square-root".into());
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
        let is_of_task = match self.task {
            Task::Reconstruct => matches!(self.loss, LossKind::Mse | LossKind::L1),
            Task::Semantic | Task::Instances => self.loss == self.task.usual_loss(),
        };
        if !is_of_task {
            return wrong(
                "the loss must be that of the task: classes for semantic, objects for instances, mse or l1 for reconstruct",
                format!("{:?} for {:?}", self.loss, self.task).to_lowercase(),
            );
        }
        self.check_classes()?;
        let is_weighted = self.contact_weight != 1.0;
        if !(positive(self.contact_weight) && self.contact_weight <= MOST_CONTACT_WEIGHT)
            || is_weighted && self.task != Task::Instances
        {
            let what =
                "the weight of contacts must lie between 0 and 100, and be 1 where no objects are separated";
            return wrong(what, self.contact_weight.to_string());
        }
        if !(0.0..=1.0).contains(&self.appearance) {
            return wrong("the change of appearance must lie between 0 and 1", self.appearance.to_string());
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

    fn check_classes(&self) -> Result<(), TrainError> {
        let wrong = |what: &str, value: String| Err(TrainError::Plan { what: what.into(), value });
        let allowed = match self.task {
            Task::Reconstruct => self.classes == 0,
            Task::Semantic => (2..=MOST_CLASSES).contains(&self.classes),
            // One number stands for no class.
            Task::Instances => self.classes == 0 || (2..MOST_CLASSES).contains(&self.classes),
        };
        if !allowed {
            let what = "classes must be 2 to 256 for the task semantic, none or 2 to 255 for instances, and none for reconstruct";
            return wrong(what, self.classes.to_string());
        }
        let is_weight = |&weight: &f64| weight.is_finite() && weight > 0.0;
        let given = self.class_weights.len();
        if !(given == 0 || given == self.classes) || !self.class_weights.iter().all(is_weight) {
            let what = "class weights must be above 0, one for each class";
            return wrong(what, format!("{:?} for {} classes", self.class_weights, self.classes));
        }
        let may_be_laid = self.rare_share == 0.0 || self.task == Task::Semantic;
        if !(0.0..=1.0).contains(&self.rare_share) || !may_be_laid {
            let what = "the share of crops laid on rare classes must lie between 0 and 1, and be 0 where there are no classes";
            return wrong(what, self.rare_share.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A short plan with crops of the given side.
    pub(crate) fn plan(crop: usize) -> TrainingPlan {
        TrainingPlan {
            task: Task::Reconstruct,
            classes: 0,
            class_weights: Vec::new(),
            rare_share: 0.0,
            pretrained: None,
            seed: 7,
            steps: 12,
            patience: 0,
            batch: 2,
            crop,
            binning: 1,
            intensities: Intensities::Linear,
            contact_weight: 1.0,
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
            appearance: 0.0,
            exact: false,
            validate_every: 4,
            gradient_batches: 0,
            checkpoint_every: 3,
        }
    }

    fn classes(classes: usize) -> TrainingPlan {
        TrainingPlan { task: Task::Semantic, loss: LossKind::Classes, classes, ..plan(8) }
    }

    #[test]
    fn values_that_cannot_be_used_are_named() {
        let wrong = [
            TrainingPlan { steps: 0, ..plan(8) },
            TrainingPlan { learning_rate: f64::NAN, ..plan(8) },
            TrainingPlan { warmup_share: 1.5, ..plan(8) },
            TrainingPlan { input_noise: -1.0, ..plan(8) },
            TrainingPlan { binning: 2, ..plan(8) },
            TrainingPlan { binning: 0, ..classes(2) },
            TrainingPlan { intensities: Intensities::SquareRoot, ..plan(8) },
            TrainingPlan { contact_weight: 2.0, ..classes(2) },
            TrainingPlan { contact_weight: f64::NAN, ..plan(8) },
            TrainingPlan { task: Task::Instances, ..plan(8) },
            TrainingPlan { largest_scale: 0.5, ..plan(8) },
            TrainingPlan { appearance: 1.5, ..plan(8) },
            TrainingPlan { rare_share: 0.5, ..plan(8) },
            TrainingPlan { task: Task::Semantic, loss: LossKind::Classes, classes: 1, ..plan(8) },
            TrainingPlan { task: Task::Instances, loss: LossKind::Objects, classes: 1, ..plan(8) },
            TrainingPlan { class_weights: vec![1.0, 0.0], ..classes(2) },
            TrainingPlan { class_weights: vec![1.0], ..classes(2) },
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
            "are not binned",
            "binning must lie",
            "must be linear",
            "the weight of contacts",
            "the weight of contacts",
            "the loss",
            "scale",
            "appearance",
            "rare classes",
            "classes must be",
            "classes must be",
            "class weights",
            "class weights",
            "dropout must",
            "skip dropout",
        ];
        for (plan, word) in wrong.iter().zip(words) {
            let error = plan.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(plan(8).check().is_ok());
        assert!(
            TrainingPlan { class_weights: vec![1.0, 9.5], rare_share: 1.0, binning: 16, ..classes(2) }
                .check()
                .is_ok()
        );
    }

    #[test]
    fn a_plan_from_before_there_was_a_choice_is_read_as_it_was_meant() {
        let mut json = serde_json::to_value(plan(8)).unwrap();
        // Not written where there is none, so that folders from before go on.
        for key in ["binning", "intensities", "contact_weight"] {
            assert_eq!(json.get(key), None);
        }
        for key in ["exact", "regularisation", "classes", "class_weights", "rare_share", "appearance"] {
            json.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(serde_json::from_value::<TrainingPlan>(json).unwrap(), plan(8));
    }
}
