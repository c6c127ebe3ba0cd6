//! One training run: batches, schedule, checkpoints, log.
//!
//! A [`TrainingPlan`] says everything that decides the outcome; [`train`] turns it and a set of tiles into
//! a folder with `metrics.jsonl`, a checkpoint and a model, and reports to an [`Observer`]. Batches, noise
//! and augmentation of a step depend on the seed and the number of the step alone, so a run that was
//! killed and resumed ends at the same bits as one that was not.
//!
//! This crate never compares runs and never prints.
#![forbid(unsafe_code)]

mod batch;
mod calibrate;
mod checkpoint;
mod error;
mod log;
mod memory;
mod model;
mod plan;
mod predict;
mod run;
mod signal;
mod supervision;
mod target;
mod tiles;

pub use batch::Noise;
pub use checkpoint::holds_run;
pub use error::TrainError;
pub use log::{LogLine, read_log};
pub use model::{Model, Recipe, TrainingRecord};
pub use plan::{LossKind, OptimiserKind, Task, TrainingPlan};
pub use predict::Predictor;
pub use run::{Observer, Outcome, train};
pub use signal::LayerSignal;
pub use tiles::{Example, Tiles};
