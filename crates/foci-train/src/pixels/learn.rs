//! How a pixel classifier learns: from the same images as a net would, and what a net chooses on the validation images it chooses there, too.
//!
//! Where classes of pixels are told, that is what is added to the logarithm of each class's probability; where objects are outlined, what separates them, from which
//! size on and from which certainty. Without that a classifier would be compared with nets on worse terms than theirs.

use super::{PixelModel, PixelRecipe, logarithms};
use crate::calibrate::object_options;
use crate::class_offsets::class_offsets;
use crate::classes::{check_objects, object_class_counts};
use crate::{Example, NO_CLASS, PercentileRange, Task, Tiles, TrainError};
use foci_image::{Interrupted, Plane, Workers};
use foci_pixels::{PixelClassifier, PixelObjectOptions, TrainingOptions, maps};
use foci_segment::targets::{CLASSES, CONTACT};

/// What a pixel classifier learns, and how.
#[derive(Debug, Clone, Copy)]
pub struct PixelTraining {
    /// Classes of pixels or objects; a classifier does not give images back.
    pub task: Task,
    /// How many classes there are, of pixels or of objects; 0 of objects that have none.
    pub classes: usize,
    /// Pixels of each class that are learnt from, at most; [`PixelTraining::PIXELS`] unless there is time for more.
    pub pixels: usize,
    /// Objects have so many pixels at least, whatever is chosen.
    pub smallest: usize,
    /// Which pixels are learnt from, and how trees grow.
    pub seed: u64,
    /// Threads; they change no bit.
    pub threads: usize,
}

impl PixelTraining {
    /// Pixels of each class, unless said otherwise.
    pub const PIXELS: usize = foci_pixels::PIXELS_OF_CLASS;

    /// Learns from the training images and chooses on the validation images. `watch` is told what is done, how much of it and of how much, and may end it.
    ///
    /// # Errors
    /// [`TrainError::Plan`] for a reconstruction; [`TrainError::OneClass`] and [`TrainError::Pixels`] for images that teach nothing; the [`Interrupted`] of `watch`.
    pub fn run(
        &self,
        tiles: &Tiles,
        watch: &mut dyn FnMut(&str, usize, usize) -> Result<(), Interrupted>,
    ) -> Result<PixelModel, TrainError> {
        if self.task == Task::Reconstruct {
            return Err(TrainError::Plan {
                what: "a pixel classifier learns classes of pixels (semantic) or objects (instances)".into(),
                value: self.task.name().into(),
            });
        }
        let examples = self.examples(tiles)?;
        let pixels = self.learn(&examples, self.classes_of_pixels(&examples), "learning", watch)?;
        drop(examples);
        let mut recipe = PixelRecipe {
            foci: env!("CARGO_PKG_VERSION").into(),
            task: self.task,
            classes: tiles.classes.clone(),
            reading: tiles.reading,
            seen: tiles.seen.clone(),
            normalisation: PercentileRange::default(),
            smoothing_px: PixelObjectOptions::default().smoothing_px,
            objects: None,
            class_offsets: Vec::new(),
            seed: self.seed,
            fingerprint: tiles.fingerprint.clone(),
        };
        let mut probabilities = |image: &Plane, before: usize, all: usize| {
            watch("validation", before, all)?;
            Ok::<_, TrainError>(pixels.predict(image, &mut Workers::new(self.threads))?)
        };
        let validation = &tiles.validation;
        if self.task == Task::Semantic {
            let logits = |image: &Plane, before, all| probabilities(image, before, all).map(logarithms);
            recipe.class_offsets = class_offsets(pixels.classes(), validation, logits)?;
            return Ok(PixelModel { pixels, of_objects: None, recipe });
        }
        let maps = |image: &Plane, before, all| {
            let probabilities = probabilities(image, before, all)?;
            Ok(maps(&probabilities, pixels.classes(), image.width, image.height, recipe.smoothing_px)?)
        };
        let mut chosen = object_options(validation, self.threads, maps)?;
        chosen.smallest = chosen.smallest.max(self.smallest);
        recipe.objects = Some(chosen);
        recipe.seen = recipe.seen.with_objects(&tiles.training);
        let mut of_objects = None;
        if self.classes > 0 {
            let counts = object_class_counts(&tiles.training, self.classes);
            recipe.class_offsets = counts.iter().map(|&count| -(count as f32).ln()).collect();
            of_objects =
                Some(self.learn(&examples_of_objects(tiles)?, self.classes, "learning classes", watch)?);
        }
        Ok(PixelModel { pixels, of_objects, recipe })
    }

    /// A classifier of so many classes of pixels.
    fn learn(
        &self,
        examples: &[foci_pixels::Example],
        classes: usize,
        what: &str,
        watch: &mut dyn FnMut(&str, usize, usize) -> Result<(), Interrupted>,
    ) -> Result<PixelClassifier, TrainError> {
        let mut workers = Workers::new(self.threads).watched_by(|done, all| watch(what, done, all));
        let options = TrainingOptions { most_per_class: self.pixels, ..TrainingOptions::new(classes) };
        Ok(PixelClassifier::train(examples, &options, self.seed, &mut workers)?)
    }

    /// How many classes pixels have: where no objects touch, there are no contacts to learn.
    fn classes_of_pixels(&self, examples: &[foci_pixels::Example]) -> usize {
        let touch = || examples.iter().any(|example| example.classes().contains(&CONTACT));
        match self.task {
            Task::Semantic => self.classes,
            Task::Reconstruct | Task::Instances => CLASSES - usize::from(!touch()),
        }
    }

    /// Images with the class of each pixel.
    fn examples(&self, tiles: &Tiles) -> Result<Vec<foci_pixels::Example>, TrainError> {
        if self.task == Task::Instances {
            check_objects(&tiles.training)?;
        }
        let mut examples = Vec::with_capacity(tiles.training.len());
        for Example { image, labels, .. } in &tiles.training {
            let Some(labels) = labels else { continue };
            let image = image.clone();
            examples.push(match self.task {
                Task::Semantic => foci_pixels::Example::of_classes(image, labels)?,
                Task::Reconstruct | Task::Instances => foci_pixels::Example::of_objects(image, labels)?,
            });
        }
        Ok(examples)
    }
}

/// Images with the class of each pixel's object, where it is known.
fn examples_of_objects(tiles: &Tiles) -> Result<Vec<foci_pixels::Example>, TrainError> {
    let told = tiles.training.iter().filter(|example| !example.object_classes.is_empty());
    let example = |example: &Example| {
        Ok(foci_pixels::Example::of_known(example.image.clone(), example.object_classes.clone(), NO_CLASS)?)
    };
    told.map(example).collect()
}
