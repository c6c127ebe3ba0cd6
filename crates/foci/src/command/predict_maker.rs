//! Who answers an image in `foci predict MODEL`: a net, or the pixel classifier that takes its place.

use foci_image::{Plane, Reading};
use foci_train::{
    ClassMap, Found, Model, PixelModel, PixelRecipe, Predictor, Recipe, Seen, Task, TrainError,
};

/// What of a model's recipe a prediction needs, whoever makes it.
#[derive(Clone, Copy)]
pub struct Learnt<'a> {
    pub task: Task,
    pub classes: &'a [String],
    pub reading: Reading,
    pub seen: &'a Seen,
    /// Whether it can be shown images at other sizes.
    pub knows_scales: bool,
}

impl<'a> From<&'a Model> for Learnt<'a> {
    fn from(model: &'a Model) -> Learnt<'a> {
        let Recipe { task, classes, reading, seen, .. } = &model.recipe;
        Learnt { task: *task, classes, reading: *reading, seen, knows_scales: true }
    }
}

impl<'a> From<&'a PixelModel> for Learnt<'a> {
    fn from(model: &'a PixelModel) -> Learnt<'a> {
        let PixelRecipe { task, classes, reading, seen, .. } = &model.recipe;
        Learnt { task: *task, classes, reading: *reading, seen, knows_scales: false }
    }
}

/// Answers images, one after the other, each in raw counts.
pub trait Maker {
    /// The image given back.
    fn image(&mut self, image: &Plane) -> Result<Plane, TrainError>;
    /// The class of each pixel.
    fn classes(&mut self, image: &Plane) -> Result<ClassMap, TrainError>;
    /// The objects, with their classes if any were learnt.
    fn objects(&mut self, image: &Plane) -> Result<Found, TrainError>;
}

impl Maker for Predictor<'_> {
    fn image(&mut self, image: &Plane) -> Result<Plane, TrainError> {
        self.predict_raw(image)
    }

    fn classes(&mut self, image: &Plane) -> Result<ClassMap, TrainError> {
        self.classes_raw(image)
    }

    fn objects(&mut self, image: &Plane) -> Result<Found, TrainError> {
        self.found_raw(image)
    }
}

/// A pixel classifier with the threads that it may take for an image.
pub struct Classifier<'a> {
    pub model: &'a PixelModel,
    pub threads: usize,
}

impl Maker for Classifier<'_> {
    fn image(&mut self, _: &Plane) -> Result<Plane, TrainError> {
        Err(TrainError::OtherTask { task: self.model.recipe.task })
    }

    fn classes(&mut self, image: &Plane) -> Result<ClassMap, TrainError> {
        self.model.classes_raw(image, self.threads)
    }

    fn objects(&mut self, image: &Plane) -> Result<Found, TrainError> {
        self.model.found_raw(image, self.threads)
    }
}
