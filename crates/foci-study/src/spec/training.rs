//! How the nets of a study are trained, and how their learning rates are chosen.

use foci_train::{Intensities, LossKind, OptimiserKind};
use serde::{Deserialize, Serialize};

fn is_unbinned(binning: &usize) -> bool {
    *binning == 1
}

fn is_unweighted(weight: &f64) -> bool {
    *weight == 1.0
}

/// How every arm is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSpec {
    /// Optimiser steps.
    pub steps: u64,
    /// Crops in a batch.
    #[serde(default = "defaults::batch")]
    pub batch: usize,
    /// Side of a square training crop in pixels.
    #[serde(default = "defaults::crop")]
    pub crop: usize,
    /// Side of the blocks of pixels that become one before the nets see them; for objects that are many pixels across.
    #[serde(default = "defaults::binning", skip_serializing_if = "is_unbinned")]
    pub binning: usize,
    /// How the nets are shown intensities: `linear`, as they are, or `square-root`, for dim objects beside bright ones.
    #[serde(default, skip_serializing_if = "Intensities::are_linear")]
    pub intensities: Intensities,
    /// How many pixels a pixel where objects are in contact counts for.
    #[serde(default = "defaults::contact_weight", skip_serializing_if = "is_unweighted")]
    pub contact_weight: f64,
    /// Loss; the usual one of the task if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossKind>,
    /// Optimiser.
    #[serde(default = "defaults::optimiser")]
    pub optimiser: OptimiserKind,
    /// Weight decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// Largest norm of a gradient.
    #[serde(default = "defaults::clip_norm")]
    pub clip_norm: f64,
    /// Share of the steps over which the learning rate rises.
    #[serde(default = "defaults::warmup_share")]
    pub warmup_share: f64,
    /// Flip and turn the crops.
    #[serde(default = "defaults::yes")]
    pub augment: bool,
    /// Show crops up to so many times larger or smaller; the usual of the task if it is left out: 1 for `reconstruct`, else 1.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_scale: Option<f64>,
    /// Change the appearance of crops, 0 to 1; the usual of the task if it is left out: 0 for `reconstruct`, else 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appearance: Option<f64>,
    /// Direct convolutions only, in training and prediction.
    #[serde(default)]
    pub exact: bool,
}

impl TrainingSpec {
    /// Side of the smallest image that a crop fits into, in pixels of the image: a block that its edge cuts counts whole.
    pub fn least_side(&self) -> usize {
        self.crop.saturating_sub(1) * self.binning + 1
    }

    /// What to say after the number of pixels of a crop; nothing where pixels are as they are.
    pub(crate) fn blocks(&self) -> String {
        match self.binning {
            1 => String::new(),
            by => format!(", each of {by} x {by} pixels of the image"),
        }
    }
}

/// How the learning rate of every arm is chosen: the same trials for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningSpec {
    /// Learning rates to try.
    pub learning_rates: Vec<f64>,
    /// Optimiser steps of a trial of the first round.
    pub steps: u64,
    /// Trials of each rate in each round, each with a seed of its own; the seeds are the same for all rates and arms.
    #[serde(default = "defaults::trial_seeds")]
    pub seeds: usize,
    /// Longer trials of the best rates, which then decide; without it the first trials do.
    #[serde(default)]
    pub second_round: Option<SecondRoundSpec>,
}

impl TuningSpec {
    /// Optimiser steps of all trials of an arm.
    pub(crate) fn steps_of_all_trials(&self) -> f64 {
        let steps = |rates: usize, steps: u64| (rates * self.seeds) as f64 * steps as f64;
        let second = self.second_round.map_or(0.0, |round| steps(round.rates, round.steps));
        steps(self.learning_rates.len(), self.steps) + second
    }
}

/// A second round of trials, in a table `[tuning.second_round]`: the best rates of the first, with the same seeds, for
/// more steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondRoundSpec {
    /// Rates that come into it: the best of the first round, the next smaller one whatever its place, because short
    /// trials favour great rates, and then the next best. At least 2, and fewer than are tried; rates that diverged do
    /// not come into it.
    pub rates: usize,
    /// Optimiser steps of a trial, more than in the first round.
    pub steps: u64,
}

/// Values of keys that a study file may leave out.
mod defaults {
    use super::OptimiserKind;
    pub fn batch() -> usize {
        4
    }
    pub fn crop() -> usize {
        256
    }
    pub fn binning() -> usize {
        1
    }
    pub fn contact_weight() -> f64 {
        1.0
    }
    pub fn optimiser() -> OptimiserKind {
        OptimiserKind::Adam
    }
    pub fn clip_norm() -> f64 {
        1.0
    }
    pub fn warmup_share() -> f64 {
        0.1
    }
    pub fn trial_seeds() -> usize {
        1
    }
    pub fn yes() -> bool {
        true
    }
}
