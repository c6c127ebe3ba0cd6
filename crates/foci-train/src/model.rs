//! A model: a folder with the net (`net.json`), its weights (`model.safetensors`) and how to use it (`recipe.json`).
//!
//! The weights are written last, so a folder without them is no model yet.

use crate::{Seen, Task, TrainError, TrainingPlan};
use foci_engine::Parameters;
use foci_image::{Reading, disk};
use foci_net::Net;
use foci_segment::ObjectOptions;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// File of the graph.
const NET: &str = "net.json";
/// File of the weights, which is written last: a folder without it holds no model yet.
const WEIGHTS: &str = "model.safetensors";
/// File that says how to use the model.
const RECIPE: &str = "recipe.json";

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

/// A net with its weights and its recipe.
#[derive(Debug, Clone)]
pub struct Model {
    /// The net.
    pub net: Net,
    /// Its weights.
    pub parameters: Parameters,
    /// How to use it.
    pub recipe: Recipe,
}

impl Recipe {
    /// Reads the recipe of a model folder.
    ///
    /// # Errors
    /// A [`TrainError`] if there is none, or it does not parse.
    pub fn load(folder: &Path) -> Result<Recipe, TrainError> {
        let (path, bytes) = read(folder, RECIPE)?;
        serde_json::from_slice(&bytes).map_err(|error| TrainError::Damaged {
            path,
            reason: format!("is no recipe of a model: {error}; train the model again"),
        })
    }
}

impl Recipe {
    /// Whether it belongs to the net: what is said of channels and classes must be true before anything is made of it.
    fn check(&self, net: &Net, path: &Path) -> Result<(), TrainError> {
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
        Ok(())
    }
}

impl Model {
    /// Reads a model folder.
    ///
    /// # Errors
    /// A [`TrainError`] that names the file that is missing or does not fit.
    pub fn load(folder: &Path) -> Result<Model, TrainError> {
        let (path, bytes) = read(folder, NET)?;
        let net = Net::from_json(&text(&path, bytes)?, &path.display().to_string())?;
        let recipe = Recipe::load(folder)?;
        recipe.check(&net, &folder.join(RECIPE))?;
        let (path, bytes) = read(folder, WEIGHTS)?;
        let parameters = Parameters::from_safetensors(&net, &bytes, &path.display().to_string())?;
        Ok(Model { net, parameters, recipe })
    }

    /// Writes the model's three files into `folder`, replacing those of an older model.
    ///
    /// The weights are removed first and written last: whatever happens in between, no reader finds weights
    /// beside a net or a recipe that is not theirs.
    ///
    /// # Errors
    /// [`TrainError::Write`] or an image error if the disk is full or the folder is not writable.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| TrainError::Write { path, source }
        };
        disk::create_folder(folder).map_err(failed(folder))?;
        let weights = folder.join(WEIGHTS);
        disk::remove_file(&weights).map_err(failed(&weights))?;
        foci_image::write_whole(&folder.join(NET), self.net.to_json(None).as_bytes())?;
        let recipe = serde_json::to_string_pretty(&self.recipe)
            .map_err(|error| TrainError::Damaged { path: folder.join(RECIPE), reason: error.to_string() })?;
        foci_image::write_whole(&folder.join(RECIPE), recipe.as_bytes())?;
        Ok(foci_image::write_whole(&weights, &self.parameters.to_safetensors()?)?)
    }
}

/// A file of a model folder, with its path.
fn read(folder: &Path, name: &str) -> Result<(PathBuf, Vec<u8>), TrainError> {
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(source) => Err(TrainError::Read { path, source }),
    }
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, TrainError> {
    String::from_utf8(bytes)
        .map_err(|_| TrainError::Damaged { path: path.into(), reason: "is not text".into() })
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
            seen: Seen { bits: vec![16], diameters_px: None },
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
