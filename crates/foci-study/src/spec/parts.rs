//! The parts of a study file besides training: tiles, specimens, split, arms and claims, with what holds when a key is left out.

use crate::claim::Clause;
use foci_image::Degradation;
use foci_net::{Activation, Normalisation};
use foci_segment::Method;
use foci_train::Task;
use serde::{Deserialize, Serialize};

/// Width and height in pixels, written `672x512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TileSize {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl std::str::FromStr for TileSize {
    type Err = String;

    fn from_str(text: &str) -> Result<TileSize, String> {
        let parsed = text
            .split_once(['x', 'X'])
            .and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
        match parsed {
            Some((width, height)) if width > 0 && height > 0 => Ok(TileSize { width, height }),
            _ => Err(format!("'{text}' is not a size; write WIDTHxHEIGHT in pixels, for example 672x512")),
        }
    }
}

impl TryFrom<String> for TileSize {
    type Error = String;
    fn try_from(text: String) -> Result<TileSize, String> {
        text.parse()
    }
}

impl From<TileSize> for String {
    fn from(size: TileSize) -> String {
        format!("{}x{}", size.width, size.height)
    }
}

/// Synthetic specimens for a study without data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecimenSpec {
    /// Number of fields.
    pub fields: usize,
    /// Width of a field in pixels.
    pub width: usize,
    /// Height of a field in pixels.
    pub height: usize,
    /// Size of the nuclei; 1 is that of the real fields, whose nuclei are some 80 pixels across.
    #[serde(default = "defaults::one")]
    pub nucleus_scale: f64,
    /// Seed of the specimens.
    #[serde(default)]
    pub seed: u64,
}

/// How the fields are divided into training, validation and test fields.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitSpec {
    /// Number of folds that the fields are dealt into; as many as there are groups of fields if those are fewer.
    /// A column `fold` of the data's `images.csv` comes first.
    pub folds: usize,
    /// The fold that is held out as the test fields. A fifth of the others serves for validation.
    pub fold: usize,
    /// Seed of the dealing.
    pub seed: u64,
}

impl Default for SplitSpec {
    fn default() -> SplitSpec {
        SplitSpec { folds: 5, fold: 4, seed: 0 }
    }
}

/// How much of the optical bench a study does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpticsSpec {
    /// Seeds whose models are tested like instruments, from the first on; all of them if it is left out, 0 for none.
    #[serde(default)]
    pub seeds: Option<usize>,
}

/// Training on some fields only, in a table `[transfer]`: held-out fields of the others are measured besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferSpec {
    /// Which fields, by the beginning of their names: `"gnf-*"`.
    pub train_on: String,
}

impl TransferSpec {
    /// Whether a field of this name is trained on.
    pub fn trains_on(&self, field: &str) -> bool {
        match self.train_on.strip_suffix('*') {
            Some(beginning) => field.starts_with(beginning),
            None => field == self.train_on,
        }
    }
}

/// Test images made worse, in a table `[stress]`; without it no study does so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StressSpec {
    /// The ways; all of them if they are left out.
    #[serde(default = "defaults::all_degradations")]
    pub kinds: Vec<Degradation>,
    /// Seeds whose models are tested, from the first on; all of them if it is left out.
    #[serde(default)]
    pub seeds: Option<usize>,
}

/// A method that is no net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BaselineMethod {
    /// A threshold or a watershed, which outlines objects and needs no training.
    Method(Method),
    /// Hand-made features and a random forest ([`foci_train::PixelModel`]), for objects and classes.
    PixelClassifier,
}

impl BaselineMethod {
    /// As study files and reports name it.
    pub fn name(self) -> &'static str {
        match self {
            BaselineMethod::Method(method) => method.name(),
            BaselineMethod::PixelClassifier => "pixel-classifier",
        }
    }
}

impl TryFrom<String> for BaselineMethod {
    type Error = String;
    fn try_from(name: String) -> Result<BaselineMethod, String> {
        if name == BaselineMethod::PixelClassifier.name() {
            return Ok(BaselineMethod::PixelClassifier);
        }
        let known = Method::ALL.map(Method::name).join(", ");
        let method = Method::from_name(&name);
        method
            .map(BaselineMethod::Method)
            .ok_or_else(|| format!("baseline '{name}' is no method; choose one of {known}, pixel-classifier"))
    }
}

impl From<BaselineMethod> for String {
    fn from(method: BaselineMethod) -> String {
        method.name().into()
    }
}

/// A method that is no net, in a table `[[baseline]]`: what the nets of a study of objects or classes have to beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineSpec {
    /// The method: `otsu`, `watershed`, .., `pixel-classifier`.
    pub method: BaselineMethod,
    /// Objects of fewer pixels are removed.
    #[serde(default = "defaults::smallest")]
    pub smallest: usize,
    /// The classifier learns from so many pixels of each class at most.
    #[serde(default = "defaults::pixels", skip_serializing_if = "defaults::are_pixels")]
    pub pixels: usize,
    /// The classifier learns from the masks of so many fields to train on, drawn by the seed of a net's run; of all if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
}

impl BaselineSpec {
    /// Name in tables and files: that of the method, with what is special about it.
    pub fn name(&self) -> String {
        let pixels =
            if defaults::are_pixels(&self.pixels) { "" } else { &format!("-{}-pixels", self.pixels) };
        let labelled = self.labelled.map_or(String::new(), |fields| format!("-{fields}"));
        format!("{}{pixels}{labelled}", self.method.name())
    }
}

/// One arm of a study: a net, and what is special about how it is used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmSpec {
    /// Name in tables and figures; the net's name if it is left out.
    #[serde(default)]
    pub name: String,
    /// A shipped net, or a file.
    pub net: String,
    /// Standard deviation of noise added to the input, in units of the normalised range.
    #[serde(default)]
    pub input_noise: f64,
    /// A control answers a doubt about the comparison and takes no part in the ranking.
    #[serde(default)]
    pub control: bool,
    /// Activation of all hidden layers; that of the net's file if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Normalisation of all hidden layers; that of the net's file if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
    /// Weight decay; that of the study if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Share of the channels of every hidden layer that is dropped in training.
    #[serde(default)]
    pub dropout: f64,
    /// Share of the skips that is dropped in training.
    #[serde(default)]
    pub skip_dropout: f64,
    /// Losses at the layers that are upsampled, too, by heads that are gone after training.
    #[serde(default)]
    pub deep_supervision: bool,
    /// The net begins with what it learnt beforehand, as `[pretraining]` says, instead of random weights.
    #[serde(default, skip_serializing_if = "crate::results::is_false")]
    pub pretrained: bool,
    /// Fields whose masks are learnt from: so many of those to train on, drawn anew with each seed; all if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
    /// The arm of which `[factors]` made this one; no arm is written with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_of: Option<String>,
}

/// A statement and what decides it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSpec {
    /// Short name.
    pub id: String,
    /// The statement in words.
    pub statement: String,
    /// All of these must hold.
    pub all: Vec<Clause>,
}

/// Values of keys that a study file may leave out.
pub(super) mod defaults {
    use super::{Degradation, Task};
    pub fn all_degradations() -> Vec<Degradation> {
        Degradation::ALL.to_vec()
    }
    pub fn task() -> Task {
        Task::Reconstruct
    }
    pub fn smallest() -> usize {
        foci_segment::MethodOptions::default().smallest
    }
    pub fn pixels() -> usize {
        foci_train::PixelTraining::PIXELS
    }
    pub fn are_pixels(count: &usize) -> bool {
        *count == pixels()
    }
    pub fn one() -> f64 {
        1.0
    }
}
