//! A study as its author writes it: a TOML file with the arms, the budget, the training and the claims.
//!
//! The specification is what a person decides; [`crate::plan::Plan`] is what follows from it for the data
//! at hand. Unknown keys are errors, so that a misspelt setting is never silently ignored.

use crate::StudyError;
use crate::claim::Clause;
use foci_train::{LossKind, OptimiserKind, Task, TrainingPlan};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Measurements on the validation fields, and checkpoints, in each run.
const RECORDS_PER_RUN: u64 = 10;
/// More seeds than any study needs; a bound keeps a slip of the finger from becoming a week of work.
const MOST_SEEDS: usize = 1000;

/// A study, as written in `studies/*.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySpec {
    /// Name of the study: letters, digits, `-` and `_`.
    pub name: String,
    /// What the nets learn.
    #[serde(default = "defaults::task")]
    pub task: Task,
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
    /// The nets.
    #[serde(rename = "arm")]
    pub arms: Vec<ArmSpec>,
    /// Statements to decide.
    #[serde(default, rename = "claim")]
    pub claims: Vec<ClaimSpec>,
}

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
    /// Loss.
    #[serde(default = "defaults::loss")]
    pub loss: LossKind,
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
    /// Direct convolutions only, in training and prediction.
    #[serde(default)]
    pub exact: bool,
}

/// How the learning rate of every arm is chosen: the same trials for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningSpec {
    /// Learning rates to try.
    pub learning_rates: Vec<f64>,
    /// Optimiser steps of a trial.
    pub steps: u64,
}

/// One arm of a study: a net, and what is special about how it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

mod defaults {
    use super::{LossKind, OptimiserKind, Task};
    pub fn task() -> Task {
        Task::Reconstruct
    }
    pub fn batch() -> usize {
        4
    }
    pub fn crop() -> usize {
        256
    }
    pub fn loss() -> LossKind {
        LossKind::Mse
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
    pub fn one() -> f64 {
        1.0
    }
    pub fn yes() -> bool {
        true
    }
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
        StudySpec::parse(&text, &place)
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
        spec.check().map_err(|reason| StudyError::Spec { place: place.to_string(), reason })?;
        Ok(spec)
    }

    /// Rules that the types do not express. The reason says what to change.
    ///
    /// # Errors
    /// A sentence that names the value.
    pub fn check(&self) -> Result<(), String> {
        let plain = |name: &str| {
            !name.is_empty()
                && name.len() <= 60
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
                && !name.starts_with('.')
        };
        if !plain(&self.name) {
            return Err(format!(
                "name '{}' must be letters, digits, '-' and '_': it becomes a folder",
                self.name
            ));
        }
        if self.arms.is_empty() {
            return Err("the study has no [[arm]]; add at least one net".into());
        }
        for (index, arm) in self.arms.iter().enumerate() {
            if !plain(&arm.name) {
                return Err(format!(
                    "arm name '{}' must be letters, digits, '-' and '_': it becomes a folder",
                    arm.name
                ));
            }
            if self.arms[..index].iter().any(|other| other.name == arm.name) {
                return Err(format!(
                    "two arms are called '{}'; give one of them a name of its own",
                    arm.name
                ));
            }
            if !(arm.input_noise.is_finite() && arm.input_noise >= 0.0) {
                return Err(format!(
                    "input_noise of arm '{}' is {}; it must be 0 or more",
                    arm.name, arm.input_noise
                ));
            }
        }
        if self.seeds == 0 || self.seeds > MOST_SEEDS {
            return Err(format!(
                "seeds is {}; at least 1 is needed, 3 for intervals that mean something, and {MOST_SEEDS} at most",
                self.seeds
            ));
        }
        if self.tuning.learning_rates.is_empty() {
            return Err("tuning.learning_rates is empty; give at least one".into());
        }
        if let Some(rate) = self.tuning.learning_rates.iter().find(|rate| !(rate.is_finite() && **rate > 0.0))
        {
            return Err(format!("tuning.learning_rates holds {rate}; a learning rate must be above 0"));
        }
        for arm in &self.arms {
            for (steps, section) in [(self.training.steps, "training"), (self.tuning.steps, "tuning")] {
                let rate = self.tuning.learning_rates[0];
                let plan = self.training_plan(arm, 0, rate, steps);
                plan.check().map_err(|error| format!("{section}: {error}"))?;
            }
        }
        if self.split.folds < 3 || self.split.fold >= self.split.folds {
            return Err(format!(
                "split: fold {} of {} folds; at least 3 folds are needed, numbered from 0",
                self.split.fold, self.split.folds
            ));
        }
        for claim in &self.claims {
            if claim.all.is_empty() {
                return Err(format!(
                    "claim '{}' has nothing that decides it; give at least one clause in `all`",
                    claim.id
                ));
            }
            for clause in &claim.all {
                if let Some(arm) =
                    clause.arms().into_iter().find(|arm| !self.arms.iter().any(|known| known.name == *arm))
                {
                    return Err(format!(
                        "claim '{}' names arm '{arm}', which the study does not have",
                        claim.id
                    ));
                }
                if let Clause::Measure { measure, .. } = clause
                    && !crate::compare::is_compared(measure)
                {
                    return Err(format!(
                        "claim '{}' rests on '{measure}', which is not compared; choose one of {}",
                        claim.id,
                        crate::compare::compared_keys().join(", ")
                    ));
                }
            }
        }
        Ok(())
    }

    /// The plan of one training of an arm.
    pub fn training_plan(&self, arm: &ArmSpec, seed: u64, learning_rate: f64, steps: u64) -> TrainingPlan {
        let TrainingSpec {
            batch,
            crop,
            loss,
            optimiser,
            weight_decay,
            clip_norm,
            warmup_share,
            augment,
            exact,
            ..
        } = self.training;
        let records = (steps / RECORDS_PER_RUN).max(1);
        TrainingPlan {
            task: self.task,
            seed,
            steps,
            batch,
            crop,
            learning_rate,
            warmup_share,
            optimiser,
            weight_decay,
            clip_norm,
            loss,
            input_noise: arm.input_noise,
            augment,
            exact,
            validate_every: records,
            checkpoint_every: records,
        }
    }

    /// Keeps only the arms named, and the claims that can be decided with them. A name that is no arm is
    /// taken for a net, shipped or in a file.
    pub fn keep_arms(&mut self, names: &[String]) {
        let mut arms = Vec::new();
        for name in names {
            match self.arms.iter().find(|arm| arm.name == *name) {
                Some(arm) => arms.push(arm.clone()),
                None => {
                    let stem = Path::new(name)
                        .file_stem()
                        .map_or(name.clone(), |stem| stem.to_string_lossy().into_owned());
                    arms.push(ArmSpec { name: stem, net: name.clone(), input_noise: 0.0, control: false });
                }
            }
        }
        self.arms = arms;
        self.claims.retain(|claim| {
            claim.all.iter().flat_map(Clause::arms).all(|arm| self.arms.iter().any(|known| known.name == arm))
        });
    }
}
