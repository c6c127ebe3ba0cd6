//! Pretraining: nets that first learn to give images back, which needs no masks, and what arms have to say of it.
//!
//! As an autoencoder of what it sees a net with skips would copy and learn nothing, so the images are made noisy and it learns to
//! give back the clean ones (denoising autoencoder: Vincent, Larochelle, Bengio, Manzagol 2008).

use super::{BaselineMethod, BaselineSpec, StudySpec};
use foci_net::Regularisation;
use foci_train::{Task, TrainingPlan};
use serde::{Deserialize, Serialize};

/// How the nets of arms with `pretrained = true` are trained beforehand, in a table `[pretraining]`: on all training images, without
/// their masks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainingSpec {
    /// Optimiser steps.
    pub steps: u64,
    /// Learning rate at the end of the warm-up; it is not tuned.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Standard deviation of the noise to be removed, in units of the normalised range.
    #[serde(default = "input_noise")]
    pub input_noise: f64,
}

fn learning_rate() -> f64 {
    3e-3
}

fn input_noise() -> f64 {
    0.1
}

impl PretrainingSpec {
    /// The plan of the pretraining with a seed, whatever the arm: what an arm changes, it changes later.
    pub(crate) fn plan(&self, spec: &StudySpec, seed: u64) -> TrainingPlan {
        let of_study = spec.training_plan(&spec.arms[0], seed, self.learning_rate, self.steps);
        TrainingPlan {
            task: Task::Reconstruct,
            classes: 0,
            rare_share: 0.0,
            contact_weight: 1.0,
            loss: Task::Reconstruct.usual_loss(),
            regularisation: Regularisation::default(),
            weight_decay: spec.training.weight_decay,
            input_noise: self.input_noise,
            appearance: Task::Reconstruct.usual_appearance(),
            gradient_batches: 0,
            ..of_study
        }
    }
}

impl StudySpec {
    /// Pretrainings of each net: one for each seed, of trials or runs.
    pub(crate) fn pretrainings(&self) -> u64 {
        self.seeds.max(self.tuning.seeds) as u64
    }

    /// Rules of pretraining and of few labels.
    pub(super) fn check_pretraining(&self) -> Result<(), String> {
        let arm = self.arms.iter().find(|arm| arm.pretrained);
        match (&self.pretraining, arm) {
            (None, Some(arm)) => {
                return Err(format!(
                    "arm '{}' is pretrained, and nothing says how; add a table [pretraining] with steps = 500",
                    arm.name
                ));
            }
            (Some(_), None) => {
                return Err(
                    "[pretraining] is there, and no arm begins with it; add pretrained = true to an [[arm]]"
                        .into(),
                );
            }
            (Some(pretraining), Some(_)) => {
                pretraining.plan(self, 0).check().map_err(|error| format!("pretraining: {error}"))?;
            }
            (None, None) => {}
        }
        let few = self.arms.iter().find(|arm| arm.labelled.is_some());
        if !self.task.needs_masks()
            && let Some(arm) = arm.or(few)
        {
            return Err(format!(
                "arm '{}' is pretrained or has `labelled`, which is for tasks that are learnt from masks, and the task is '{}'; leave it out",
                arm.name,
                self.task.name()
            ));
        }
        // What a class counts is known from all masks, and arms with few of them must not know it.
        if let Some(arm) = few.filter(|_| !self.classes.is_empty()) {
            return Err(format!(
                "arm '{}' has `labelled`, which is for objects without classes; leave it out, or leave `classes` out",
                arm.name
            ));
        }
        self.baselines.iter().try_for_each(|baseline| self.check_labelled(baseline))?;
        match self.arms.iter().find(|arm| arm.labelled == Some(0)) {
            None => Ok(()),
            Some(arm) => Err(format!(
                "labelled of arm '{}' is 0; a net has to learn from one field at least",
                arm.name
            )),
        }
    }

    /// Rules of a baseline that learns from the masks of few fields.
    fn check_labelled(&self, baseline: &BaselineSpec) -> Result<(), String> {
        match baseline.labelled {
            None => Ok(()),
            Some(_) if baseline.method != BaselineMethod::PixelClassifier => Err(format!(
                "baseline '{}' has `labelled`, and learns from no masks; leave it out",
                baseline.method.name()
            )),
            Some(_) if !self.classes.is_empty() => Err(
                "a baseline has `labelled`, which is for objects without classes; leave it out, or leave `classes` out".into(),
            ),
            Some(0) => Err("labelled of a baseline is 0; it has to learn from one field at least".into()),
            Some(_) => Ok(()),
        }
    }
}
