//! What a study found: the contents of `results.json`, the file that other programs read.
//!
//! Everything in the report comes from here or from the files of the runs; nothing is computed twice.
//! Numbers that are not finite have no place in JSON: a reconstruction without any error is written as
//! [`foci_measure::psnr::CAP_DECIBELS`], and a measure that has no value for a run (no pair of touching nuclei, say) is left out
//! of that run's `metrics`.

use foci_measure::summary::mean;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod instruments;

pub use instruments::{
    Curve, Look, MiddleSummary, OpticsSummary, RunSignals, RunStress, RunTransfer, StressPoint,
};

/// The whole outcome of a study (`OUT/results.json`).
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Results {
    /// Version of foci that wrote the file.
    pub foci: String,
    /// Name of the study, from its specification.
    pub study: String,
    /// What the nets were trained for: `reconstruct`, `semantic` or `instances`.
    pub task: String,
    /// Number of seeds of each net.
    pub seeds: usize,
    /// Fingerprint of the data: sizes, intensities, hashes, split.
    pub data: serde_json::Value,
    /// What was held equal.
    pub budget: Budget,
    /// One entry for each arm of the study, in the order of the specification.
    pub nets: Vec<NetSummary>,
    /// What nets learnt without masks first; empty if the study asks for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pretrainings: Vec<PretrainingSummary>,
    /// One entry for each net, seed and fold; diverged runs are included.
    pub runs: Vec<RunSummary>,
    /// Methods that are no nets, on the same test fields; empty if the study asks for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineSummary>,
    /// What each layer of each run heard during training; empty in studies from before it was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<RunSignals>,
    /// How much the middle of each run heard beside its outer layers; nets without a middle are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub middle: Vec<MiddleSummary>,
    /// What the optical bench found of each run that was tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optics: Vec<OpticsSummary>,
    /// How each run bears images that are made worse; empty if the study does not ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stress: Vec<RunStress>,
    /// What becomes of other specimens than those trained on; empty if the study trains on all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfer: Vec<RunTransfer>,
    /// Paired differences between nets.
    pub comparisons: Vec<Comparison>,
    /// Differences between nets and methods that are no nets, on the same fields; empty if the study asks for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseline_comparisons: Vec<BaselineComparison>,
    /// Statements written down before the runs, each with its verdict.
    pub claims: Vec<ClaimVerdict>,
    /// Training and validation loss of each run, from its log.
    #[serde(default)]
    pub curves: Vec<Curve>,
    /// Lines for the reader: fields left out and why, guesses that were made, learning rates at an edge.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Facts about the set-up, as name and value: seeds, steps, batch, crop, fields in each part.
    #[serde(default)]
    pub setup: Vec<(String, String)>,
    /// Where and how this was computed; with the timings the only part that may differ when the study is repeated.
    #[serde(default)]
    pub circumstances: Circumstances,
}

impl Results {
    /// Whether the nets said of which class objects are, and were measured by it.
    pub(crate) fn tells_objects_apart(&self) -> bool {
        self.runs.iter().any(|run| run.metrics.contains_key(foci_measure::Measure::ToldApart.key()))
    }

    /// The same without the variants that factors made, and without the comparisons with them: what can be shown side by
    /// side.
    pub(crate) fn bases(&self) -> Results {
        let variant = |name: &str| self.nets.iter().any(|net| net.name == name && net.variant_of.is_some());
        let mut bases = self.clone();
        bases.nets.retain(|net| net.variant_of.is_none());
        bases.runs.retain(|run| !variant(&run.net));
        bases.signals.retain(|run| !variant(&run.net));
        bases.middle.retain(|run| !variant(&run.net));
        bases.optics.retain(|run| !variant(&run.net));
        bases.stress.retain(|run| !variant(&run.net));
        bases.transfer.retain(|run| !variant(&run.net));
        bases.curves.retain(|curve| !variant(&curve.net));
        bases.comparisons.retain(|comparison| !variant(&comparison.a) && !variant(&comparison.b));
        bases
    }
}

/// What a study was begun with that has no part in what it finds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Circumstances {
    /// The command that repeats the study; empty if it is not known.
    pub command: String,
    /// Threads and vector instructions; empty if they are not known.
    pub processor: String,
}

/// What every net of the study had to keep to.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Budget {
    /// Trainable weights; each net has this many within 0.5 %.
    pub weights: u64,
}

/// One arm of the study: a net, as trained here.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct NetSummary {
    /// Name of the arm; the runs and comparisons use it.
    pub name: String,
    /// Architecture that the arm uses (differs from `name` for control arms).
    pub architecture: String,
    /// A control arm answers a doubt about the comparison; it takes no part in the ranking.
    pub control: bool,
    /// Standard deviation of the noise added to the input, in units of the normalised range; 0 for none.
    pub input_noise: f64,
    /// The net began with what it learnt without masks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pretrained: bool,
    /// Fields whose masks it learnt from, where not all arms learnt from the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
    /// The arm of which a factor made this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_of: Option<String>,
    /// What factors vary, as this arm has it: activation, normalisation, weight decay, dropout, skip dropout, deep
    /// supervision. Empty if the study varies nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Convolution layers, the output layer included.
    pub layers: usize,
    /// Trainable weights.
    pub weights: u64,
    /// Multiply-adds for each pixel of an image.
    pub macs_per_pixel: f64,
    /// Side of the square that one output pixel can see, in pixels of an image, binned or not.
    pub receptive_field: usize,
    /// Bytes to train on one tile of the study's size.
    pub train_bytes: u64,
    /// Bytes to predict one tile of the study's size.
    pub infer_bytes: u64,
    /// Side in pixels of the largest square image that trains within 8 GiB.
    pub largest_train_side: usize,
    /// Side in pixels of the largest square image that predicts within 8 GiB.
    pub largest_infer_side: usize,
    /// Seconds of a training step, all nets timed in turns.
    pub seconds_per_step: f64,
    /// Seconds to predict a megapixel, all nets timed in turns.
    pub seconds_per_megapixel: f64,
    /// Learning rates tried on the validation fields, each with the losses it reached there; those of a second round
    /// after those of the first.
    pub trials: Vec<Trial>,
}

/// What a net learnt without masks, before its arms learnt from masks.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct PretrainingSummary {
    /// The first arm that begins with it; others with the same net do, too.
    pub net: String,
    /// Seed, from 0.
    pub seed: u64,
    /// Optimiser steps taken.
    pub steps: u64,
    /// Seconds by the clock, which come on top of those of the runs.
    pub seconds: f64,
    /// Loss on the validation crops at the end; `None` if it diverged.
    pub validation_loss: Option<f64>,
    /// The loss became infinite or not a number; runs begin with the last weights that gave a finite loss.
    pub diverged: bool,
}

/// For keys that are left out where they say no.
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

/// One learning rate tried, with one short training for each seed of the trials.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Trial {
    /// Learning rate at the end of the warm-up.
    pub learning_rate: f64,
    /// Optimiser steps of each training. Trials of a second round have more than those of the first.
    pub steps: u64,
    /// Geometric mean of the validation losses; `None` if any of the trainings diverged.
    pub validation_loss: Option<f64>,
    /// Validation loss at the end of each training, by seed; `None` if it diverged. The seeds are the same for all
    /// rates and nets.
    pub validation_losses: Vec<Option<f64>>,
}

impl Trial {
    /// A rate with its losses by seed after so many steps.
    pub fn new(learning_rate: f64, steps: u64, validation_losses: Vec<Option<f64>>) -> Trial {
        let losses: Option<Vec<f64>> = validation_losses.iter().copied().collect();
        let validation_loss = match losses.as_deref() {
            // The exponential of a logarithm would be off in the last digits.
            Some([loss]) => Some(*loss),
            Some(losses) => {
                let logarithms: Vec<f64> = losses.iter().map(|loss| loss.ln()).collect();
                mean(&logarithms).map(f64::exp)
            }
            None => None,
        };
        Trial { learning_rate, steps, validation_loss, validation_losses }
    }
}

/// One training run and its measures on the test fields.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct RunSummary {
    /// Name of the arm.
    pub net: String,
    /// Seed of initial weights, batches and augmentation.
    pub seed: u64,
    /// Which split of the fields.
    pub fold: usize,
    /// Optimiser steps taken.
    pub steps: u64,
    /// Seconds of training, by the clock.
    pub seconds: f64,
    /// Median seconds of one step, as it was while this run had the machine.
    pub seconds_per_step: f64,
    /// Seconds to predict one megapixel of the test tiles, as it was then.
    pub seconds_per_megapixel: f64,
    /// Learning rate that the tuning chose.
    pub learning_rate: f64,
    /// The loss became infinite or not a number; the metrics are those of the last finite weights.
    pub diverged: bool,
    /// Mean of each measure over the test fields.
    pub metrics: BTreeMap<String, f64>,
}

/// A method that is no net.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct BaselineSummary {
    /// Name of the method.
    pub name: String,
    /// Mean of each measure over the test fields.
    pub metrics: BTreeMap<String, f64>,
    /// Seconds for one megapixel on all threads.
    pub seconds_per_megapixel: f64,
    /// Fields whose masks it learnt from, where that were not all; it then has the means over as many draws as there are seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
    /// Seconds of its training, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_seconds: Option<f64>,
}

/// A paired difference between two nets in one measure.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Comparison {
    /// First net.
    pub a: String,
    /// Second net.
    pub b: String,
    /// Key of the measure in `metrics`.
    pub metric: String,
    /// Mean over test fields of (a - b).
    pub difference: f64,
    /// 95 % interval of the difference, over fields and seeds (`foci_measure::stats`).
    pub ci: [f64; 2],
    /// Two-sided p-value for "no difference".
    pub p: f64,
    /// The p-value after Holm's adjustment for all comparisons of the study.
    pub p_adjusted: f64,
    /// Share of field and seed pairs where `a` is better than `b`.
    pub probability_a_better: f64,
}

/// A difference between a net and a method that is no net, paired by field.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct BaselineComparison {
    /// Place of the method in `baselines`, from 0: a study may have a method twice, with different options.
    pub baseline: usize,
    /// Net `a` minus method `b`; p is adjusted for all comparisons with methods, and those alone.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// What the evidence says of a claim.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The evidence is for it.
    Supported,
    /// The evidence is against it.
    Refuted,
    /// The evidence decides neither way, or the instrument does not exist yet.
    Undecided,
}

impl Verdict {
    /// What the interval of a difference says of "it is greater than zero": all of it above supports, all of it below
    /// refutes.
    pub(crate) fn of_interval([low, high]: [f64; 2]) -> Verdict {
        if low > 0.0 {
            Verdict::Supported
        } else if high < 0.0 {
            Verdict::Refuted
        } else {
            Verdict::Undecided
        }
    }
}

/// A statement that was written down before the runs, with its verdict.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ClaimVerdict {
    /// Short name.
    pub id: String,
    /// The statement in words.
    pub statement: String,
    /// What the evidence says.
    pub verdict: Verdict,
    /// The figures that decided it, in words.
    pub evidence: String,
}
