//! The pixel classifier of a study: it learns from the training tiles, and what a net chooses on the validation tiles it chooses there, too.
//!
//! Where classes of pixels are told, that is what is added to the logarithm of each class's probability; where objects are outlined, what
//! separates them, from which size on and from which certainty. Without that the classifier would be compared with nets on worse terms than theirs.
//!
//! Where objects have classes, a second forest learns them from the pixels of objects whose class is known, and the class of an object is the likeliest in
//! the mean over its pixels, as for a net. Probabilities are divided by how much of the pixels a class has: nets, too, learn as if all had as many.

use super::workers;
use crate::StudyError;
use crate::data::Data;
use crate::measure::FoundObjects;
use crate::spec::{BaselineMethod, StudySpec};
use crate::study::Observer;
use foci_image::{LabelImage, Plane, Workers};
use foci_pixels::{Example, PixelClassifier, PixelError, PixelObjectOptions, TrainingOptions, maps, objects};
use foci_segment::targets::{CLASSES, CONTACT};
use foci_train::{NO_CLASS, Task, TrainError, add_offsets, classify, likeliest, object_class_counts};
use std::collections::BTreeMap;

/// Seed of the classifiers: which pixels it learns from, and how its trees grow.
const SEED: u64 = 0;

/// A classifier that has learnt, and how labels are made of its probabilities.
pub(super) struct Classifier {
    pixels: PixelClassifier,
    labels: Labels,
    threads: usize,
}

/// How labels are made of probabilities.
enum Labels {
    /// The likeliest class, after so much is added to the logarithm of each probability.
    Classes(Vec<f32>),
    /// Objects, and their classes if they have any.
    Objects(PixelObjectOptions, Option<Teller>),
}

impl Classifier {
    /// Learns from the training tiles and chooses on the validation tiles; no object is smaller than `smallest` pixels.
    pub(super) fn learn(
        spec: &StudySpec,
        smallest: usize,
        data: &Data,
        threads: usize,
        observer: &mut dyn Observer,
    ) -> Result<Classifier, StudyError> {
        let pixels = learn(spec, data, threads, observer)?;
        let what = format!("{}: validation", BaselineMethod::PixelClassifier.name());
        let mut probabilities = |image: &Plane, before: usize, all: usize| {
            let probabilities = pixels.predict(image, &mut Workers::new(threads)).map_err(wrong)?;
            observer.phase(&what, before + 1, all)?;
            Ok::<_, StudyError>(probabilities)
        };
        let validation = &data.tiles.validation;
        let labels = if spec.task == Task::Semantic {
            let logits = |image: &Plane, before, all| probabilities(image, before, all).map(logarithms);
            Labels::Classes(foci_train::class_offsets(pixels.classes(), validation, logits)?)
        } else {
            let mut options = PixelObjectOptions::default();
            let maps = |image: &Plane, before, all| {
                let probabilities = probabilities(image, before, all)?;
                let (classes, smoothing_px) = (pixels.classes(), options.smoothing_px);
                let maps = maps(&probabilities, classes, image.width, image.height, smoothing_px);
                maps.map_err(|error| Unchosen::Study(wrong(error)))
            };
            let mut chosen = foci_train::object_options(validation, threads, maps)?;
            chosen.smallest = chosen.smallest.max(smallest);
            options.objects = chosen;
            Labels::Objects(options, Teller::learn(spec, data, threads, observer)?)
        };
        Ok(Classifier { pixels, labels, threads })
    }

    /// What it makes of an image: objects, with their classes if it knows any, or the likeliest class of each pixel.
    pub(super) fn found(&self, image: &Plane) -> Result<FoundObjects, PixelError> {
        let probabilities = self.pixels.predict(image, &mut Workers::new(self.threads))?;
        match &self.labels {
            Labels::Classes(offsets) => {
                let mut logits = logarithms(probabilities);
                add_offsets(&mut logits, offsets);
                Ok(likeliest(&logits, image.width, image.height).into())
            }
            Labels::Objects(options, teller) => {
                let labels =
                    objects(&probabilities, self.pixels.classes(), image.width, image.height, options)?;
                let told = teller.as_ref().map(|teller| teller.tell(image, &labels, self.threads));
                Ok(FoundObjects { classes: told.transpose()?, labels })
            }
        }
    }
}

/// A classifier that has learnt from the training tiles.
fn learn(
    spec: &StudySpec,
    data: &Data,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<PixelClassifier, StudyError> {
    let mut examples = Vec::with_capacity(data.tiles.training.len());
    for example in &data.tiles.training {
        let Some(labels) = &example.labels else { continue };
        let image = example.image.clone();
        let learnt = match spec.task {
            Task::Semantic => Example::of_classes(image, labels),
            Task::Reconstruct | Task::Instances => Example::of_objects(image, labels),
        };
        examples.push(learnt.map_err(wrong)?);
    }
    // Where no objects touch, there are no contacts to learn from.
    let touch = || examples.iter().any(|example| example.classes().contains(&CONTACT));
    let classes = match spec.task {
        Task::Semantic => spec.classes.len(),
        Task::Reconstruct | Task::Instances => CLASSES - usize::from(!touch()),
    };
    let what = format!("{}: learning", BaselineMethod::PixelClassifier.name());
    let options = TrainingOptions::new(classes);
    PixelClassifier::train(&examples, &options, SEED, &mut workers(&what, threads, observer)).map_err(wrong)
}

/// A forest that tells objects apart.
struct Teller {
    pixels: PixelClassifier,
    /// What is added to the logarithm of the probability of each class.
    offsets: Vec<f32>,
}

impl Teller {
    /// Learns from the pixels of objects whose class is known; none where objects have no classes.
    fn learn(
        spec: &StudySpec,
        data: &Data,
        threads: usize,
        observer: &mut dyn Observer,
    ) -> Result<Option<Teller>, StudyError> {
        if spec.object_classes.is_none() {
            return Ok(None);
        }
        let training = &data.tiles.training;
        let told = training.iter().filter(|example| !example.object_classes.is_empty());
        let example = |example: &foci_train::Example| {
            Example::of_known(example.image.clone(), example.object_classes.clone(), NO_CLASS)
        };
        let examples: Vec<Example> = told.map(example).collect::<Result<_, _>>().map_err(wrong)?;
        let counts = object_class_counts(training, spec.classes.len());
        let what = format!("{}: learning classes", BaselineMethod::PixelClassifier.name());
        let workers = &mut workers(&what, threads, observer);
        let options = TrainingOptions::new(counts.len());
        let pixels = PixelClassifier::train(&examples, &options, SEED, workers).map_err(wrong)?;
        let offsets = counts.iter().map(|&count| -(count as f32).ln()).collect();
        Ok(Some(Teller { pixels, offsets }))
    }

    /// The class of each object.
    fn tell(
        &self,
        image: &Plane,
        labels: &LabelImage,
        threads: usize,
    ) -> Result<BTreeMap<u32, usize>, PixelError> {
        let mut logits = logarithms(self.pixels.predict(image, &mut Workers::new(threads))?);
        add_offsets(&mut logits, &self.offsets);
        Ok(classify(&logits, labels).into_iter().map(|object| (object.label, object.class)).collect())
    }
}

/// Why nothing was chosen: labels and maps that do not fit each other, or what was asked for maps.
enum Unchosen {
    Choosing(TrainError),
    Study(StudyError),
}

impl From<TrainError> for Unchosen {
    fn from(error: TrainError) -> Unchosen {
        Unchosen::Choosing(error)
    }
}

impl From<StudyError> for Unchosen {
    fn from(error: StudyError) -> Unchosen {
        Unchosen::Study(error)
    }
}

impl From<Unchosen> for StudyError {
    fn from(unchosen: Unchosen) -> StudyError {
        match unchosen {
            Unchosen::Choosing(error) => unusable(error.to_string()),
            Unchosen::Study(error) => error,
        }
    }
}

fn wrong(error: PixelError) -> StudyError {
    match error {
        PixelError::Interrupted(interrupted) => interrupted.into(),
        error => unusable(error.to_string()),
    }
}

fn unusable(reason: String) -> StudyError {
    StudyError::Spec { place: format!("baseline '{}'", BaselineMethod::PixelClassifier.name()), reason }
}

/// Of probabilities, none of which counts as impossible.
fn logarithms(mut probabilities: Vec<f32>) -> Vec<f32> {
    probabilities.iter_mut().for_each(|probability| *probability = probability.max(1e-6).ln());
    probabilities
}
