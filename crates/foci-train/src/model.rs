//! A model: a folder with the net (`net.json`), its weights (`model.safetensors`) and how to use it (`recipe.json`).
//!
//! The weights are written last, so a folder without them is no model yet. The recipe knows net and weights by their SHA-256: a file that was altered, or that
//! belongs to another model, is told and not used. The recipe itself may be edited by hand (how objects are separated, say); what no training could have
//! written is refused.

use crate::recipe::{RECIPE, Recipe, Written, read};
use crate::{PixelModel, TrainError};
use foci_engine::Parameters;
use foci_image::disk;
use foci_net::Net;
use std::path::Path;

/// File of the graph.
const NET: &str = "net.json";
/// File of the weights, which is written last: a folder without it holds no model yet.
const WEIGHTS: &str = "model.safetensors";

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

impl Model {
    /// Reads a model folder.
    ///
    /// # Errors
    /// A [`TrainError`] that names the file that is missing or does not fit.
    pub fn load(folder: &Path) -> Result<Model, TrainError> {
        if PixelModel::is_in(folder) {
            return Err(TrainError::NoNet { folder: folder.into() });
        }
        let (path, bytes) = read(folder, NET)?;
        let written = Written::<Recipe>::load(folder)?;
        written.check_file(&path, NET, &bytes)?;
        let net = Net::from_json(&text(&path, bytes)?, &path.display().to_string())?;
        written.recipe.check(&net, &folder.join(RECIPE))?;
        let (path, bytes) = read(folder, WEIGHTS)?;
        written.check_file(&path, WEIGHTS, &bytes)?;
        let parameters = Parameters::from_safetensors(&net, &bytes, &path.display().to_string())?;
        Ok(Model { net, parameters, recipe: written.recipe })
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
        let (net, parameters) = (self.net.to_json(None), self.parameters.to_safetensors()?);
        foci_image::write_whole(&folder.join(NET), net.as_bytes())?;
        let files = [(NET, net.as_bytes()), (WEIGHTS, &parameters[..])];
        Written::of(self.recipe.clone(), files).save(folder)?;
        Ok(foci_image::write_whole(&weights, &parameters)?)
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
    use crate::{LossKind, PercentileRange, Seen, Task, TrainingPlan, TrainingRecord};
    use foci_image::Reading;
    use foci_segment::ObjectOptions;

    /// A model for instances in a folder.
    fn saved() -> (tempfile::TempDir, Model) {
        let folder = tempfile::tempdir().unwrap();
        let net = foci_net::Architecture::shipped("fcn").unwrap();
        let net = foci_net::solve::for_weights(&net, 2_000, 1, Task::Instances.channels(0)).unwrap();
        let parameters = Parameters::he(&net, 3);
        let plan = TrainingPlan { task: Task::Instances, loss: LossKind::Objects, ..plan(8) };
        let recipe = Recipe {
            foci: "0.1.0".into(),
            task: Task::Instances,
            classes: Vec::new(),
            reading: Reading::default(),
            seen: Seen::default(),
            normalisation: PercentileRange::default(),
            objects: Some(ObjectOptions::default()),
            class_offsets: Vec::new(),
            training: TrainingRecord { plan, steps: 12, validation_loss: None, diverged: false },
        };
        let model = Model { net, parameters, recipe };
        model.save(folder.path()).unwrap();
        (folder, model)
    }

    #[test]
    fn a_missing_or_altered_file_is_named() {
        let (folder, model) = saved();
        let load = || Model::load(folder.path()).map_err(|error| error.to_string());
        assert_eq!(load().unwrap().parameters.values, model.parameters.values);
        for name in [NET, RECIPE, WEIGHTS] {
            let path = folder.path().join(name);
            let whole = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let error = load().unwrap_err();
            assert!(error.contains(&format!("holds no model: {name} is missing")), "{error}");
            std::fs::write(&path, &whole).unwrap();
        }
        // One bit of the last weight; an activation; the weights of another training.
        let weights = std::fs::read(folder.path().join(WEIGHTS)).unwrap();
        let mut one_bit = weights.clone();
        *one_bit.last_mut().unwrap() ^= 1;
        let net = std::fs::read_to_string(folder.path().join(NET)).unwrap();
        let other = Model { parameters: Parameters::he(&model.net, 4), ..model.clone() };
        for (name, altered) in [
            (WEIGHTS, one_bit),
            (NET, net.replacen("relu", "silu", 1).into_bytes()),
            (WEIGHTS, other.parameters.to_safetensors().unwrap()),
        ] {
            let path = folder.path().join(name);
            let whole = std::fs::read(&path).unwrap();
            assert_ne!(altered, whole);
            std::fs::write(&path, altered).unwrap();
            let error = load().unwrap_err();
            assert!(error.contains(name) && error.contains("another SHA-256"), "{error}");
            std::fs::write(&path, &whole).unwrap();
        }
        assert!(load().is_ok());
    }

    #[test]
    fn a_recipe_may_be_edited_within_reason_and_one_from_before_knows_no_files() {
        let (folder, _) = saved();
        let path = folder.path().join(RECIPE);
        let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let load_with = |edit: &dyn Fn(&mut serde_json::Value)| {
            let mut json = whole.clone();
            edit(&mut json);
            std::fs::write(&path, json.to_string()).unwrap();
            Model::load(folder.path()).map_err(|error| error.to_string())
        };
        let edited = load_with(&|json| json["objects"]["prominence"] = 0.5.into()).unwrap();
        assert_eq!(edited.recipe.objects.unwrap().prominence, 0.5);
        type Edit<'a> = &'a dyn Fn(&mut serde_json::Value);
        let wrong: [(&str, Edit); 4] = [
            ("prominence of 7", &|json| json["objects"]["prominence"] = 7.0.into()),
            ("certainty of -1", &|json| json["objects"]["certainty"] = (-1.0).into()),
            ("percentiles 300 and", &|json| json["normalisation"]["low_percentile"] = 300.0.into()),
            ("does not say how objects", &|json| drop(json.as_object_mut().unwrap().remove("objects"))),
        ];
        for (words, edit) in wrong {
            let error = load_with(edit).unwrap_err();
            assert!(error.contains(words) && error.contains(RECIPE), "{error}");
        }
        assert!(load_with(&|json| drop(json.as_object_mut().unwrap().remove("sha256"))).is_ok());
    }
}
