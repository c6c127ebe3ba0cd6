//! The recipe of a model (`recipe.json`): how its inputs are prepared, what it gives, how it came to be; and what the other files of its folder are known by.

use crate::{PixelModel, Seen, Task, TrainError, TrainingPlan};
use foci_image::read::sha256_of;
use foci_image::{Normalisation, Plane, Reading};
use foci_net::Net;
use foci_segment::ObjectOptions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// File that says how to use the model.
pub(crate) const RECIPE: &str = "recipe.json";

/// How a model's inputs are prepared, what it gives, and where it comes from (`recipe.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Version of foci that wrote the model.
    pub foci: String,
    /// What the net learned.
    pub task: Task,
    /// Names of the classes; empty for a reconstruction.
    pub classes: Vec<String>,
    /// Channel and page of the training images, as they were said; images to predict are read alike.
    #[serde(default)]
    pub reading: Reading,
    /// What the training images were like.
    #[serde(default)]
    pub seen: Seen,
    /// Percentiles of a field that become 0 and 1.
    pub normalisation: PercentileRange,
    /// How objects are made of what the net gives; only of a model for instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectOptions>,
    /// What is added to the logits of each class before the likeliest is taken; only of a model for classes of pixels, and none of one
    /// from before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_offsets: Vec<f32>,
    /// How it was trained.
    pub training: TrainingRecord,
}

/// A recipe as it is written: with what the other files of its folder are known by. One from before knows nothing of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Written<R> {
    /// How to use the model.
    #[serde(flatten)]
    pub recipe: R,
    /// SHA-256 of the other files, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sha256: BTreeMap<String, String>,
}

impl<R> Written<R> {
    /// With what these files of the folder will be known by.
    pub fn of<'a>(recipe: R, files: impl IntoIterator<Item = (&'static str, &'a [u8])>) -> Written<R> {
        let known = |(name, bytes): (&str, &[u8])| (name.to_owned(), sha256_of(bytes));
        Written { recipe, sha256: files.into_iter().map(known).collect() }
    }

    /// # Errors
    /// [`TrainError::Damaged`] if a file is not the one that was written with this recipe.
    pub fn check_file(&self, path: &Path, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        match self.sha256.get(name) {
            Some(known) if *known != sha256_of(bytes) => Err(TrainError::Damaged {
                path: path.into(),
                reason: format!(
                    "is not the file that {RECIPE} beside it was written with (another SHA-256): it was altered, or belongs to another model; copy the whole folder again, or train the model again"
                ),
            }),
            _ => Ok(()),
        }
    }
}

impl<R: Serialize + DeserializeOwned> Written<R> {
    /// Reads the recipe of a folder.
    ///
    /// # Errors
    /// A [`TrainError`] if there is none, or it does not parse.
    pub fn load(folder: &Path) -> Result<Written<R>, TrainError> {
        let (path, bytes) = read(folder, RECIPE)?;
        serde_json::from_slice(&bytes).map_err(|error| TrainError::Damaged {
            path,
            reason: format!("is no recipe of a model: {error}; train the model again"),
        })
    }

    /// Writes it into a folder, as a whole.
    ///
    /// # Errors
    /// An image error if the disk is full or the folder is not writable.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let path = folder.join(RECIPE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| TrainError::Damaged { path: path.clone(), reason: error.to_string() })?;
        Ok(foci_image::write_whole(&path, text.as_bytes())?)
    }
}

/// Percentiles of a field's intensities that are mapped to 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PercentileRange {
    /// Becomes 0.
    pub low_percentile: f64,
    /// Becomes 1.
    pub high_percentile: f64,
}

impl Default for PercentileRange {
    fn default() -> PercentileRange {
        PercentileRange {
            low_percentile: foci_image::normalise::LOW_PERCENTILE,
            high_percentile: foci_image::normalise::HIGH_PERCENTILE,
        }
    }
}

impl PercentileRange {
    /// An image in raw counts as a model was trained to see it, and the way back.
    pub(crate) fn normalised(self, image: &Plane) -> (Plane, Normalisation) {
        let normalisation = Normalisation::between(&image.data, self.low_percentile, self.high_percentile);
        let mut input = image.clone();
        normalisation.apply_all(&mut input.data);
        (input, normalisation)
    }
}

/// How a model came to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The plan of the run.
    pub plan: TrainingPlan,
    /// Optimiser steps taken.
    pub steps: u64,
    /// Loss on the validation crops at the end; `None` if the run diverged.
    pub validation_loss: Option<f64>,
    /// The loss became infinite or not a number; the weights are the last that gave a finite loss.
    pub diverged: bool,
}

impl Recipe {
    /// Reads the recipe of a model folder.
    ///
    /// # Errors
    /// A [`TrainError`] if there is none, or it does not parse.
    pub fn load(folder: &Path) -> Result<Recipe, TrainError> {
        if PixelModel::is_in(folder) {
            return Err(TrainError::NoNet { folder: folder.into() });
        }
        Ok(Written::load(folder)?.recipe)
    }

    /// Whether it belongs to the net: what is said of channels and classes must be true before anything is made of it.
    pub(crate) fn check(&self, net: &Net, path: &Path) -> Result<(), TrainError> {
        let damaged = |reason: String| {
            Err(TrainError::Damaged { path: path.into(), reason: format!("{reason}; train the model again") })
        };
        let plan = &self.training.plan;
        if let Err(error) = plan.check() {
            return damaged(error.to_string());
        }
        let gives = net.nodes.last().map_or(0, |node| node.channels);
        if plan.task != self.task || plan.channels() != gives {
            return damaged(format!(
                "is of the task {} with {} channels, and the net gives {gives}",
                self.task.name(),
                plan.channels()
            ));
        }
        if self.classes.len() != plan.classes {
            return damaged(format!(
                "names {} classes, and the net has learnt {}",
                self.classes.len(),
                plan.classes
            ));
        }
        let offsets = &self.class_offsets;
        if !offsets.is_empty() && offsets.len() != plan.classes
            || !offsets.iter().all(|offset| offset.is_finite())
        {
            return damaged(format!("adds {offsets:?} to the logits of {} classes", plan.classes));
        }
        check_normalisation(self.normalisation)
            .and_then(|()| check_separation(plan.task, self.objects.as_ref()))
            .or_else(damaged)
    }
}

/// Whether images can be normalised so.
pub(crate) fn check_normalisation(range: PercentileRange) -> Result<(), String> {
    let PercentileRange { low_percentile: low, high_percentile: high } = range;
    if 0.0 <= low && low < high && high <= 100.0 {
        return Ok(());
    }
    Err(format!(
        "normalises by the percentiles {low} and {high}, which must lie between 0 and 100, the lower one first"
    ))
}

/// Whether objects can be separated so.
pub(crate) fn check_separation(task: Task, options: Option<&ObjectOptions>) -> Result<(), String> {
    let is_share = |value: f32| (0.0..=1.0).contains(&value);
    match options {
        Some(options) if !(is_share(options.prominence) && is_share(options.certainty)) => Err(format!(
            "separates objects by a prominence of {} and a certainty of {}, which must lie between 0 and 1",
            options.prominence, options.certainty
        )),
        None if task == Task::Instances => Err("does not say how objects are separated".into()),
        _ => Ok(()),
    }
}

/// A file of a model folder, with its path.
pub(crate) fn read(folder: &Path, name: &'static str) -> Result<(PathBuf, Vec<u8>), TrainError> {
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            Err(TrainError::NoModel { folder: folder.into(), file: name })
        }
        Err(source) => Err(TrainError::Read { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;
    use foci_image::ChannelChoice;

    #[test]
    fn a_recipe_remembers_channel_and_page_and_one_from_before_is_read_as_having_said_nothing() {
        let recipe = Recipe {
            foci: "0.1.0".into(),
            task: Task::Reconstruct,
            classes: Vec::new(),
            reading: Reading { channel: ChannelChoice::Green, page: Some(2) },
            seen: Seen { bits: vec![16], several_channels: Some(false), diameters_px: None },
            normalisation: PercentileRange::default(),
            objects: None,
            class_offsets: Vec::new(),
            training: TrainingRecord { plan: plan(8), steps: 12, validation_loss: None, diverged: false },
        };
        let mut json = serde_json::to_value(&recipe).unwrap();
        assert_eq!(json["reading"], serde_json::json!({ "channel": "green", "page": 2 }));
        assert_eq!(serde_json::from_value::<Recipe>(json.clone()).unwrap(), recipe);
        json.as_object_mut().unwrap().remove("reading");
        assert_eq!(serde_json::from_value::<Recipe>(json).unwrap().reading, Reading::default());
    }
}
