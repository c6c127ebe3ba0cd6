//! A pixel classifier as a model: what it has learnt, and its use on images. It takes the place of a net where a folder holds one.
//!
//! Hand-made features and a random forest ([`foci_pixels`]) say how likely each class of pixels is. What a net's maps go through afterwards these go
//! through, too: something is added to the logarithms of probabilities before the likeliest class is taken, or objects are made of them as of a net's maps. Where objects
//! have classes, a second forest has learnt them from the pixels of objects whose class is known, and the class of an object is the likeliest in the mean over its
//! pixels. Its probabilities are divided by how much of the pixels a class had: nets, too, learn as if all had as many.

mod folder;
mod learn;

pub use folder::PixelRecipe;
pub use learn::PixelTraining;

use crate::class_offsets::add_offsets;
use crate::object_class::{Found, classify};
use crate::{ClassMap, Task, TrainError};
use foci_image::{Plane, Workers};
use foci_pixels::{PixelClassifier, PixelObjectOptions, objects};

/// A pixel classifier with how labels are made of its probabilities.
#[derive(Debug, Clone)]
pub struct PixelModel {
    /// Classes of pixels: those of the masks, or background, inside and (where objects touch) contact.
    pub(crate) pixels: PixelClassifier,
    /// Classes of objects, if they have any.
    pub(crate) of_objects: Option<PixelClassifier>,
    /// How to use both.
    pub recipe: PixelRecipe,
}

impl PixelModel {
    /// The objects of an image in raw counts with their classes, if any were learnt.
    ///
    /// # Errors
    /// As [`PixelModel::found`].
    pub fn found_raw(&self, image: &Plane, threads: usize) -> Result<Found, TrainError> {
        self.found(&self.recipe.normalisation.normalised(image).0, threads)
    }

    /// The objects of a normalised plane with their classes, if any were learnt.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if it has learnt classes of pixels; [`TrainError::Pixels`] for a plane that has pixels which are no numbers.
    pub fn found(&self, plane: &Plane, threads: usize) -> Result<Found, TrainError> {
        let Some(separated) = self.recipe.objects else {
            return Err(TrainError::OtherTask { task: self.recipe.task });
        };
        let options = PixelObjectOptions { smoothing_px: self.recipe.smoothing_px, objects: separated };
        let probabilities = self.pixels.predict(plane, &mut Workers::new(threads))?;
        let labels = objects(&probabilities, self.pixels.classes(), plane.width, plane.height, &options)?;
        let mut classes = Vec::new();
        if let Some(of_objects) = &self.of_objects {
            let mut logits = logarithms(of_objects.predict(plane, &mut Workers::new(threads))?);
            add_offsets(&mut logits, &self.recipe.class_offsets);
            classes = classify(&logits, &labels);
        }
        Ok(Found { labels, classes })
    }

    /// The class of each pixel of an image in raw counts, and how likely each class is.
    ///
    /// # Errors
    /// As [`PixelModel::classes`].
    pub fn classes_raw(&self, image: &Plane, threads: usize) -> Result<ClassMap, TrainError> {
        self.classes(&self.recipe.normalisation.normalised(image).0, threads)
    }

    /// The class of each pixel of a normalised plane, and how likely each class is.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if it has learnt objects; [`TrainError::Pixels`] for a plane that has pixels which are no numbers.
    pub fn classes(&self, plane: &Plane, threads: usize) -> Result<ClassMap, TrainError> {
        if self.recipe.task != Task::Semantic {
            return Err(TrainError::OtherTask { task: self.recipe.task });
        }
        let mut logits = logarithms(self.pixels.predict(plane, &mut Workers::new(threads))?);
        add_offsets(&mut logits, &self.recipe.class_offsets);
        Ok(ClassMap::of_logits(&logits, plane.width, plane.height))
    }
}

/// Of probabilities, none of which counts as impossible.
fn logarithms(mut probabilities: Vec<f32>) -> Vec<f32> {
    probabilities.iter_mut().for_each(|probability| *probability = probability.max(1e-6).ln());
    probabilities
}
