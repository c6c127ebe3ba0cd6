//! What `foci train` can be told.

use super::{ArithmeticArguments, ReadingArguments};
use clap::{Args, ValueEnum};
use foci_train::PixelTraining;
use std::path::PathBuf;

/// Flags that say how nets are trained, and nothing to other methods.
const FOR_NETS: [&str; 24] = [
    "net",
    "pretrained",
    "weights",
    "steps",
    "minutes",
    "patience",
    "batch",
    "crop",
    "binning",
    "intensities",
    "contact_weight",
    "rare_share",
    "largest_scale",
    "appearance",
    "learning_rate",
    "input_noise",
    "activation",
    "normalisation",
    "weight_decay",
    "dropout",
    "skip_dropout",
    "deep_supervision",
    "exact",
    "resume",
];

/// Flags of `foci train`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci train --net unet --weights 60000 --data my-images --out my-model\n  foci train --task instances --net unet --steps 3000 --data my-images-and-masks --out outliner\n  foci train --task semantic --net unet --classes ground,crack --data surfaces --out cracks\n  foci train --task instances --method pixel-classifier --data my-images-and-masks --out classifier"
)]
pub struct TrainArguments {
    /// Shipped net or file
    #[arg(long, value_name = "NAME|FILE", required_unless_present_any = ["pretrained", "method"])]
    pub net: Option<String>,
    /// In place of a net: hand-made features and a random forest, which learn in a minute; --task, --data, --out, --pixels, --object-classes, --classes, --seed,
    /// --channel, --page and --json go with it
    #[arg(long, value_name = "METHOD", conflicts_with_all = FOR_NETS)]
    pub method: Option<MethodArgument>,
    /// With --method: learn from so many pixels of each class at most
    #[arg(long, value_name = "N", conflicts_with_all = ["net", "pretrained"], default_value_t = PixelTraining::PIXELS)]
    pub pixels: usize,
    /// Begin with the weights of this model, whatever it has learnt; the net is the model's
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["net", "weights", "activation", "normalisation"])]
    pub pretrained: Option<PathBuf>,
    /// What the net learns
    #[arg(long, default_value = "reconstruct")]
    pub task: TaskArgument,
    /// Folder of images
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder for the model
    #[arg(long, value_name = "MODEL")]
    pub out: PathBuf,
    /// Trainable weights
    #[arg(long, value_name = "N", default_value_t = 60_000)]
    pub weights: u64,
    /// Optimiser steps [default: 500]
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// As many steps as so many minutes hold, by a few that are timed beforehand; the number is told
    #[arg(long, value_name = "M", conflicts_with = "steps")]
    pub minutes: Option<f64>,
    /// Train until the validation loss has not fallen for N validations (one every 100 steps at least), then the same at a tenth and a
    /// hundredth of the learning rate; --steps or --minutes is the most [default most: 100000 steps]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub patience: Option<u32>,
    /// Crops in a batch
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub batch: usize,
    /// Side of a square training crop in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 192)]
    pub crop: usize,
    /// Bin blocks of N x N pixels before the net sees them, and enlarge what it gives: for objects of more than about 70 pixels
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub binning: usize,
    /// Show the net intensities as they are, or their square root: for dim objects beside bright ones
    #[arg(long, value_name = "HOW", default_value = "linear")]
    pub intensities: IntensitiesArgument,
    /// Instances: a pixel where objects touch counts for so many
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub contact_weight: f64,
    /// Instances: learn to tell objects apart, too. COLUMN of cells/NAME.csv (a line for each object, column label) or of
    /// images.csv (one class for all objects of an image) names the class of each
    #[arg(long, value_name = "COLUMN")]
    pub object_classes: Option<String>,
    /// Names of the classes: in the order of the values of the masks from 0 on [default: the values]; of objects, those to
    /// learn [default: all that occur]
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Share of the crops that are laid on a class other than the first [default: 0.5 for semantic]
    #[arg(long, value_name = "SHARE")]
    pub rare_share: Option<f64>,
    /// Show crops up to so many times larger or smaller [default: 1 for reconstruct, 1.5 for the other tasks]
    #[arg(long, value_name = "FACTOR")]
    pub largest_scale: Option<f64>,
    /// Change the appearance of crops: blur, gamma, gain, noise; 0 to 1 [default: 0 for reconstruct, 0.5 for the other tasks]
    #[arg(long, value_name = "STRENGTH")]
    pub appearance: Option<f64>,
    /// Learning rate at the end of the warm-up
    #[arg(long, value_name = "RATE", default_value_t = 3e-3)]
    pub learning_rate: f64,
    /// Noise added to the input and to be removed, in units of the normalised range
    #[arg(long, value_name = "SIGMA", default_value_t = 0.0)]
    pub input_noise: f64,
    /// Seed of weights, batches and noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How images are read
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// What training adds to the net
    #[command(flatten)]
    pub regularisation: RegularisationArguments,
    /// How convolutions are computed
    #[command(flatten)]
    pub arithmetic: ArithmeticArguments,
    /// Go on with a training that was interrupted
    #[arg(long)]
    pub resume: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
}

/// Methods that learn in place of a net.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum MethodArgument {
    /// Hand-made features at several scales, and a random forest
    PixelClassifier,
}

/// What a net can learn.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TaskArgument {
    /// The image itself
    Reconstruct,
    /// The class of every pixel, from images with masks that number classes
    Semantic,
    /// Objects outlined and separated, from images with masks that number objects
    Instances,
}

/// How a net can be shown intensities.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum IntensitiesArgument {
    /// As they are
    Linear,
    /// As their square root, which makes the noise of photons even
    SquareRoot,
}

/// What training adds to a net, and what its layers do.
#[derive(Debug, Clone, Args)]
pub struct RegularisationArguments {
    /// Activation of all hidden layers [default: that of the net's file]
    #[arg(long, value_name = "NAME")]
    pub activation: Option<ActivationArgument>,
    /// Normalisation of all hidden layers [default: that of the net's file]
    #[arg(long, value_name = "NAME")]
    pub normalisation: Option<NormalisationArgument>,
    /// Weight decay
    #[arg(long, value_name = "DECAY", default_value_t = 0.0)]
    pub weight_decay: f64,
    /// Share of the channels of every hidden layer that is dropped in a step
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub dropout: f64,
    /// Share of the skips that is dropped in a step
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub skip_dropout: f64,
    /// Losses at the layers that are upsampled, too; their heads are gone after training
    #[arg(long)]
    pub deep_supervision: bool,
}

/// Activations that layers can have.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ActivationArgument {
    /// max(x, 0)
    Relu,
    /// x above zero, 0.01 x below
    LeakyRelu,
    /// x above zero, exp(x) - 1 below
    Elu,
    /// x / (1 + exp(-x))
    Silu,
}

/// Normalisations that layers can have.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum NormalisationArgument {
    /// None
    None,
    /// Group normalisation
    Group,
}
