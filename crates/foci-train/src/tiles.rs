//! The images of a run.

use crate::Seen;
use foci_image::{LabelImage, Plane, Reading};

/// An image to learn from, with its labels where they are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The image, normalised by its field.
    pub image: Plane,
    /// Its objects, of the same size; a reconstruction needs none.
    pub labels: Option<LabelImage>,
    /// The class of each pixel's object as a number of [`Tiles::classes`], row by row, [`NO_CLASS`] where there is none or nobody
    /// knows; empty where the task is not to tell classes of objects.
    pub object_classes: Vec<u8>,
}

/// What stands for no class among those of objects.
pub const NO_CLASS: u8 = u8::MAX;

impl Example {
    /// An image with its labels.
    pub fn labelled(image: Plane, labels: LabelImage) -> Example {
        Example { image, labels: Some(labels), object_classes: Vec::new() }
    }

    /// Whether a square of `side` pixels fits into the image.
    pub fn holds(&self, side: usize) -> bool {
        self.image.width >= side && self.image.height >= side
    }
}

impl From<Plane> for Example {
    fn from(image: Plane) -> Example {
        Example { image, labels: None, object_classes: Vec::new() }
    }
}

/// The images of a run, each normalised by its field.
#[derive(Debug, Clone, Default)]
pub struct Tiles {
    /// Tiles to learn from.
    pub training: Vec<Example>,
    /// Tiles on which the loss is watched and learning rates are chosen.
    pub validation: Vec<Example>,
    /// By what the images can be known again: a run resumes only with the images that it began with.
    pub fingerprint: String,
    /// Names of the classes that the masks number, or that objects are of, from 0 on; empty where there are none. The model
    /// remembers them.
    pub classes: Vec<String>,
    /// What the files are like; the model remembers it, and the sizes of the objects.
    pub seen: Seen,
    /// Channel and page that the images were read from; the model remembers it.
    pub reading: Reading,
}

impl Tiles {
    /// Images without labels.
    pub fn of_planes(training: Vec<Plane>, validation: Vec<Plane>) -> Tiles {
        let examples = |planes: Vec<Plane>| planes.into_iter().map(Example::from).collect();
        Tiles { training: examples(training), validation: examples(validation), ..Tiles::default() }
    }
}
