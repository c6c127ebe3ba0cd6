//! One training run: batches, schedule, checkpoints, log.
//!
//! A [`TrainingPlan`] says everything that decides the outcome; [`train`] turns it and a set of tiles into
//! a folder with `metrics.jsonl`, a checkpoint and a model, and reports to an [`Observer`]. Batches, noise
//! and augmentation of a step depend on the seed and the number of the step alone, so a run that was
//! killed and resumed ends at the same bits as one that was not.
//!
//! A [`PixelModel`] learns from the same tiles without a net.
//!
//! This crate never compares runs and never prints.
#![forbid(unsafe_code)]

mod ahead;
mod appearance;
mod batch;
mod binning;
mod calibrate;
mod checkpoint;
mod class_map;
mod class_offsets;
mod classes;
mod error;
mod intensities;
mod log;
mod memory;
mod model;
mod object_class;
mod objective;
mod pace;
mod pixels;
mod plan;
mod predict;
mod pretrained;
mod recipe;
mod run;
mod scale;
mod seen;
mod shown;
mod signal;
mod supervision;
mod target;
mod task;
mod tiled;
mod tiles;
mod training;

pub use batch::Noise;
#[cfg(fuzzing)]
pub use checkpoint::fuzz_checkpoint;
pub use checkpoint::{holds_run, steps_of_run};
pub use class_map::ClassMap;
pub use classes::{balanced_weights, check_objects, class_counts, object_class_counts};
pub use error::TrainError;
pub use intensities::Intensities;
pub use log::{LogLine, read_log};
pub use model::Model;
pub use object_class::{Found, ObjectClass};
pub use pixels::{PixelModel, PixelRecipe, PixelTraining};
pub use plan::{OptimiserKind, TrainingPlan};
pub use predict::Predictor;
pub use pretrained::Pretrained;
pub use recipe::{PercentileRange, Recipe, TrainingRecord};
pub use seen::{Seen, diameters_px, sorted_diameters_px};
pub use shown::Scales;
pub use signal::LayerSignal;
pub use task::{LossKind, Task};
pub use tiles::{Example, NO_CLASS, Tiles};
pub use training::{Observer, Outcome, Training, train};
