//! A study as its author writes it: a TOML file with the arms, the budget, the training and the claims.
//!
//! The specification is what a person decides; [`crate::plan::Plan`] is what follows from it for the data
//! at hand. Unknown keys are errors, so that a misspelt setting is never silently ignored.

use crate::StudyError;
use crate::claim::Clause;
use foci_train::{Task, TrainingPlan};
use parts::defaults;
use serde::{Deserialize, Serialize};
use std::path::Path;

mod check;
mod factors;
mod parts;
mod pretraining;
mod training;

pub use factors::{Design, FactorSpec};
pub use parts::{
    ArmSpec, BaselineMethod, BaselineSpec, ClaimSpec, OpticsSpec, SpecimenSpec, SplitSpec, StressSpec,
    TileSize, TransferSpec,
};
pub use pretraining::PretrainingSpec;
pub use training::{SecondRoundSpec, TrainingSpec, TuningSpec};

/// Arms of a study, at most.
const MOST_ARMS: usize = 500;

/// A study, as written in `studies/*.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySpec {
    /// Name of the study: letters, digits, `-` and `_`.
    pub name: String,
    /// What the nets learn.
    #[serde(default = "defaults::task")]
    pub task: Task,
    /// Names of the classes: those that the masks number from 0 on (task `semantic`), or those that objects are of (`instances`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Column of `cells/NAME.csv` or `images.csv` that names the class of each object; objects of classes that are not among `classes`
    /// count as of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_classes: Option<String>,
    /// Trainable weights of every net, within 0.5 %.
    pub weights: u64,
    /// Seeds of each arm.
    pub seeds: usize,
    /// Fields are cut into tiles of this size, as `WIDTHxHEIGHT`; whole fields if it is left out.
    #[serde(default)]
    pub tile: Option<TileSize>,
    /// Specimens to make when no data are given.
    #[serde(default)]
    pub specimens: Option<SpecimenSpec>,
    /// How the fields are divided.
    #[serde(default)]
    pub split: SplitSpec,
    /// How every arm is trained.
    pub training: TrainingSpec,
    /// How the learning rate of every arm is chosen.
    pub tuning: TuningSpec,
    /// How nets that begin with what they learnt without masks are trained beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<PretrainingSpec>,
    /// Which models are tested like instruments.
    #[serde(default)]
    pub optics: OpticsSpec,
    /// Training on some fields only, to see what becomes of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferSpec>,
    /// How test images are made worse, to see where nets break.
    #[serde(default)]
    pub stress: Option<StressSpec>,
    /// What is varied in every arm; the arms that follow from it are among `arms` once the file is read.
    #[serde(default, skip_serializing)]
    pub factors: Option<FactorSpec>,
    /// The nets.
    #[serde(rename = "arm")]
    pub arms: Vec<ArmSpec>,
    /// Methods that are no nets, beside the nets.
    #[serde(default, rename = "baseline", skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<BaselineSpec>,
    /// Statements to decide.
    #[serde(default, rename = "claim")]
    pub claims: Vec<ClaimSpec>,
}

impl StudySpec {
    /// The study that `foci study` runs when it is given nothing.
    ///
    /// # Errors
    /// None in practice: the text is part of the program and a test parses it.
    pub fn quick() -> Result<StudySpec, StudyError> {
        StudySpec::parse(include_str!("../../../studies/quick.toml"), "studies/quick.toml")
    }

    /// The study that `foci study --data` runs when it is given no file.
    ///
    /// # Errors
    /// None in practice: the text is part of the program and a test parses it.
    pub fn standard() -> Result<StudySpec, StudyError> {
        StudySpec::parse(include_str!("../../../studies/standard.toml"), "studies/standard.toml")
    }

    /// Reads a specification from a file.
    ///
    /// # Errors
    /// [`StudyError::Spec`] if the file cannot be read or is no valid study, with the line.
    pub fn load(path: &Path) -> Result<StudySpec, StudyError> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| StudyError::Spec {
            place: place.clone(),
            reason: format!("cannot be read: {error}"),
        })?;
        let mut spec = StudySpec::parse(&text, &place)?;
        // A net file is looked for beside the study that names it first.
        for arm in &mut spec.arms {
            let beside = path.with_file_name("").join(&arm.net);
            if arm.net.ends_with(".toml") && beside.is_file() {
                arm.net = beside.to_string_lossy().into_owned();
            }
        }
        Ok(spec)
    }

    /// Parses a specification; `place` names it in messages.
    ///
    /// # Errors
    /// [`StudyError::Spec`] with the line and the reason.
    pub fn parse(text: &str, place: &str) -> Result<StudySpec, StudyError> {
        let mut spec: StudySpec = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let place = line.map_or(place.to_string(), |line| format!("{place}:{line}"));
            StudyError::Spec { place, reason: error.message().to_string() }
        })?;
        for arm in &mut spec.arms {
            if arm.name.is_empty() {
                arm.name = Path::new(&arm.net)
                    .file_stem()
                    .map_or(arm.net.clone(), |stem| stem.to_string_lossy().into_owned());
            }
        }
        let wrong = |reason| StudyError::Spec { place: place.to_string(), reason };
        if let Some(factors) = spec.factors.take() {
            spec.arms = factors.multiply(std::mem::take(&mut spec.arms), MOST_ARMS).map_err(wrong)?;
        }
        spec.check().map_err(wrong)?;
        Ok(spec)
    }

    /// How many classes objects are of; 0 if none are told apart.
    pub fn object_class_count(&self) -> usize {
        if self.object_classes.is_some() { self.classes.len() } else { 0 }
    }

    /// Channels that every net gives.
    pub fn channels(&self) -> usize {
        self.task.channels(self.classes.len())
    }

    /// The plan of one training of an arm. What classes count depends on the data and is not known here.
    pub fn training_plan(&self, arm: &ArmSpec, seed: u64, learning_rate: f64, steps: u64) -> TrainingPlan {
        let TrainingSpec {
            batch,
            crop,
            binning,
            intensities,
            contact_weight,
            loss,
            optimiser,
            weight_decay,
            clip_norm,
            warmup_share,
            augment,
            largest_scale,
            appearance,
            exact,
            ..
        } = self.training;
        let records = TrainingPlan::usual_records(steps);
        TrainingPlan {
            task: self.task,
            classes: self.classes.len(),
            class_weights: Vec::new(),
            rare_share: self.task.usual_rare_share(),
            pretrained: None,
            seed,
            steps,
            patience: 0,
            batch,
            crop,
            binning,
            intensities,
            contact_weight,
            learning_rate,
            warmup_share,
            optimiser,
            weight_decay: arm.weight_decay.unwrap_or(weight_decay),
            clip_norm,
            loss: loss.unwrap_or(self.task.usual_loss()),
            regularisation: arm.regularisation(),
            input_noise: arm.input_noise,
            augment,
            largest_scale: largest_scale.unwrap_or(self.task.usual_scale()),
            appearance: appearance.unwrap_or(self.task.usual_appearance()),
            exact,
            validate_every: records,
            checkpoint_every: records,
            gradient_batches: TrainingPlan::usual_gradient_batches(steps),
        }
    }

    /// Keeps only the arms named, and the claims that can be decided with them. A name that is no arm is
    /// taken for a net, shipped or in a file. Returns the claims that are left out.
    #[must_use = "a claim that was written down before must not vanish without a word"]
    pub fn keep_arms(&mut self, names: &[String]) -> Vec<ClaimSpec> {
        let mut arms = Vec::new();
        for name in names {
            match self.arms.iter().find(|arm| arm.name == *name) {
                Some(arm) => arms.push(arm.clone()),
                None => {
                    let stem = Path::new(name)
                        .file_stem()
                        .map_or(name.clone(), |stem| stem.to_string_lossy().into_owned());
                    arms.push(ArmSpec { name: stem, net: name.clone(), ..ArmSpec::default() });
                }
            }
        }
        self.arms = arms;
        if !self.arms.iter().any(|arm| arm.pretrained) {
            self.pretraining = None;
        }
        let decidable = |claim: &ClaimSpec| {
            claim.all.iter().flat_map(Clause::arms).all(|arm| self.arms.iter().any(|known| known.name == arm))
        };
        let (kept, left_out) = std::mem::take(&mut self.claims).into_iter().partition(decidable);
        self.claims = kept;
        left_out
    }
}
