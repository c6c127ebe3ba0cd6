//! What the instruments found of each run: optics, stress, other specimens, and what the layers heard.

use crate::measure::FieldMeasures;
use foci_image::Degradation;
use foci_train::LayerSignal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The course of one training run.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Curve {
    /// Name of the arm.
    pub net: String,
    /// Seed.
    pub seed: u64,
    /// (step, training loss).
    pub training: Vec<(u64, f64)>,
    /// (step, validation loss).
    pub validation: Vec<(u64, f64)>,
    /// The loss became infinite or not a number.
    pub diverged: bool,
}

/// The figures of one run on the optical bench; everything behind them is in the run's `optics.json`.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct OpticsSummary {
    /// Name of the arm.
    pub net: String,
    /// Seed of the run.
    pub seed: u64,
    /// Figures by key, in pixels, cycles per pixel or without a unit (`foci_optics::numbers`); what could not be
    /// measured, such as the width of a point that is lost, is left out.
    pub figures: BTreeMap<String, f64>,
}

/// How one run bears one way of making images worse.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct RunStress {
    /// Name of the arm.
    pub net: String,
    /// Seed of the run.
    pub seed: u64,
    /// The way.
    pub kind: Degradation,
    /// From strength 0, the image as it is, to the greatest.
    pub points: Vec<StressPoint>,
}

/// One run on held-out fields of other kinds than those it was trained on.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct RunTransfer {
    /// Name of the arm.
    pub net: String,
    /// Seed of the run.
    pub seed: u64,
    /// Mean of each measure over those fields.
    pub metrics: BTreeMap<String, f64>,
    /// The measures field by field.
    pub fields: Vec<FieldMeasures>,
}

/// Measures at one strength.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct StressPoint {
    /// 0 for none, 1 to 5.
    pub strength: usize,
    /// The strength in the unit of the way; `None` for none.
    pub amount: Option<f64>,
    /// Mean of each measure over the tiles that have it.
    pub metrics: BTreeMap<String, f64>,
    /// The tile with the lowest peak signal-to-noise ratio.
    pub worst_tile: Option<String>,
    /// That ratio, in decibels.
    pub worst_psnr: Option<f64>,
}

/// What the layers of one run heard, at every look at the gradients.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct RunSignals {
    /// Name of the arm.
    pub net: String,
    /// Seed of the run.
    pub seed: u64,
    /// The looks, in the order of steps.
    pub looks: Vec<Look>,
}

/// One look at the gradients of a run.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Look {
    /// Steps taken by then.
    pub step: u64,
    /// What each layer heard, in the order of the net.
    pub layers: Vec<LayerSignal>,
}

/// What the middle of one run heard: figures of the layers on the coarsest scale by those at full resolution, geometric
/// means over layers and looks.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct MiddleSummary {
    /// Name of the arm.
    pub net: String,
    /// Seed of the run.
    pub seed: u64,
    /// Gradients relative to the weights; `None` if a layer had none in every look.
    pub gradient: Option<f64>,
    /// Signal of the gradients by their noise.
    pub signal_to_noise: Option<f64>,
    /// Updates relative to the weights.
    pub update: Option<f64>,
}
