//! What a net can learn, and by what a training judges it.

use serde::{Deserialize, Serialize};

/// What a net is trained to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// The image itself: the net is an autoencoder.
    Reconstruct,
    /// The class of every pixel, as the masks number them.
    Semantic,
    /// Classes and depths from which objects are outlined and separated ([`foci_segment::targets`]).
    Instances,
}

impl Task {
    /// As it is written in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Task::Reconstruct => "reconstruct",
            Task::Semantic => "semantic",
            Task::Instances => "instances",
        }
    }

    /// Channels that a net for it gives; `classes` is how many classes of pixels, or of objects, there are.
    pub fn channels(self, classes: usize) -> usize {
        match self {
            Task::Reconstruct => 1,
            Task::Semantic => classes,
            Task::Instances => foci_segment::targets::CHANNELS + classes,
        }
    }

    /// Whether it is learnt from masks.
    pub fn needs_masks(self) -> bool {
        self != Task::Reconstruct
    }

    /// How much larger and smaller than it is a net sees what it learns, where nobody says otherwise: what masks number comes in many sizes.
    pub fn usual_scale(self) -> f64 {
        if self.needs_masks() { 1.5 } else { 1.0 }
    }

    /// How much the appearance of crops is changed where nobody says otherwise.
    pub fn usual_appearance(self) -> f64 {
        if self.needs_masks() { 0.5 } else { 0.0 }
    }

    /// Share of the crops that are laid on rare classes where nobody says otherwise.
    pub fn usual_rare_share(self) -> f64 {
        if self == Task::Semantic { 0.5 } else { 0.0 }
    }

    /// The loss that is meant where nobody says another.
    pub fn usual_loss(self) -> LossKind {
        match self {
            Task::Reconstruct => LossKind::Mse,
            Task::Semantic => LossKind::Classes,
            Task::Instances => LossKind::Objects,
        }
    }
}

/// What the training makes small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossKind {
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    L1,
    /// Of classes of pixels: cross-entropy, weighted by class, and Dice.
    Classes,
    /// Of outlined objects: cross-entropy and Dice of the classes of pixels, the mean absolute error of the depths and, if objects
    /// are of classes, the cross-entropy of those where they are known.
    Objects,
}
