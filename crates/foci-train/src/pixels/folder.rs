//! The folder of a pixel classifier: `recipe.json`, `pixels.safetensors`, and `objects.safetensors` where objects have classes.
//!
//! It is used where a net's folder is. Its recipe says so by `"method": "pixel-classifier"`, and knows the other files by their SHA-256, as a net's does.

use super::PixelModel;
use crate::recipe::{RECIPE, Written, check_normalisation, check_separation, read};
use crate::{PercentileRange, Seen, Task, TrainError};
use foci_image::{FolderLock, Reading, disk};
use foci_pixels::PixelClassifier;
use foci_segment::ObjectOptions;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// File of the classifier of pixels, which is written last: a folder without it holds no classifier yet.
const PIXELS: &str = "pixels.safetensors";
/// File of the classifier that tells objects apart.
const OBJECTS: &str = "objects.safetensors";
/// What a recipe names as its method.
const METHOD: &str = "pixel-classifier";

/// How a classifier's inputs are prepared, what it gives, and where it comes from (`recipe.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelRecipe {
    /// Version of foci that wrote it.
    pub foci: String,
    /// What was learnt.
    pub task: Task,
    /// Names of the classes; empty for objects that have none.
    pub classes: Vec<String>,
    /// Channel and page of the training images, as they were said; images to predict are read alike.
    pub reading: Reading,
    /// What the training images were like.
    pub seen: Seen,
    /// Percentiles of a field that become 0 and 1.
    pub normalisation: PercentileRange,
    /// Objects: standard deviation of the Gaussian that smooths probabilities, in pixels.
    pub smoothing_px: f64,
    /// How objects are made of probabilities; only of a classifier for instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectOptions>,
    /// What is added to the logarithm of the probability of each class, of pixels or of objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_offsets: Vec<f32>,
    /// Seed of the training.
    pub seed: u64,
    /// By what the training images can be known again.
    pub fingerprint: String,
}

/// What tells a classifier's recipe from a net's.
#[derive(Serialize, Deserialize)]
struct Named {
    #[serde(default)]
    method: String,
    #[serde(flatten)]
    recipe: PixelRecipe,
}

impl PixelModel {
    /// Whether a folder holds a pixel classifier, or what is left of one, and not a net.
    pub fn is_in(folder: &Path) -> bool {
        #[derive(Deserialize)]
        struct Method {
            method: String,
        }
        let is_named = || {
            let bytes = std::fs::read(folder.join(RECIPE)).ok()?;
            Some(serde_json::from_slice::<Method>(&bytes).ok()?.method == METHOD)
        };
        folder.join(PIXELS).exists() || is_named() == Some(true)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// A [`TrainError`] that names the file that is missing or does not fit.
    pub fn load(folder: &Path) -> Result<PixelModel, TrainError> {
        let written = Written::<Named>::load(folder)?;
        let classifier = |name: &'static str| {
            let (path, bytes) = read(folder, name)?;
            written.check_file(&path, name, &bytes)?;
            PixelClassifier::from_bytes(&bytes).map_err(|reason| TrainError::Damaged { path, reason })
        };
        let pixels = classifier(PIXELS)?;
        let recipe = &written.recipe.recipe;
        let has_classes = recipe.task == Task::Instances && !recipe.classes.is_empty();
        let of_objects = if has_classes { Some(classifier(OBJECTS)?) } else { None };
        let model = PixelModel { pixels, of_objects, recipe: written.recipe.recipe };
        model.check().map_err(|reason| TrainError::Damaged {
            path: folder.join(RECIPE),
            reason: format!("{reason}; train the classifier again"),
        })?;
        Ok(model)
    }

    /// Whether recipe and classifiers belong together, and say nothing that no training could have written.
    fn check(&self) -> Result<(), String> {
        let PixelRecipe { task, classes, class_offsets, smoothing_px, .. } = &self.recipe;
        let told = match (task, &self.of_objects) {
            (Task::Reconstruct, _) => return Err("a pixel classifier gives no images back".into()),
            (Task::Semantic, _) => self.pixels.classes(),
            (Task::Instances, of_objects) => of_objects.as_ref().map_or(0, PixelClassifier::classes),
        };
        if classes.len() != told {
            return Err(format!("names {} classes, and {told} were learnt", classes.len()));
        }
        if class_offsets.len() != told || !class_offsets.iter().all(|offset| offset.is_finite()) {
            return Err(format!("adds {class_offsets:?} to the logarithms of {told} classes"));
        }
        if !(smoothing_px.is_finite() && *smoothing_px >= 0.0) {
            return Err(format!("smooths probabilities by {smoothing_px} pixels"));
        }
        check_normalisation(self.recipe.normalisation)?;
        check_separation(self.recipe.task, self.recipe.objects.as_ref())
    }

    /// Writes the files into `folder`, the classifier of pixels last.
    ///
    /// # Errors
    /// [`TrainError::Write`] or an image error if the disk is full or the folder is not writable; [`foci_image::ImageError::InUse`] if another process writes there.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let failed = |source| TrainError::Write { path: folder.into(), source };
        disk::create_folder(folder).map_err(failed)?;
        let _lock = FolderLock::take(folder)?;
        foci_image::remove_unfinished(folder);
        let pixels = self.pixels.to_bytes()?;
        let of_objects = self.of_objects.as_ref().map(PixelClassifier::to_bytes).transpose()?;
        let second = of_objects.iter().map(|bytes| (OBJECTS, &bytes[..]));
        let recipe = Named { method: METHOD.into(), recipe: self.recipe.clone() };
        Written::of(recipe, std::iter::once((PIXELS, &pixels[..])).chain(second)).save(folder)?;
        if let Some(bytes) = &of_objects {
            foci_image::write_whole(&folder.join(OBJECTS), bytes)?;
        }
        Ok(foci_image::write_whole(&folder.join(PIXELS), &pixels)?)
    }
}
