//! A checkpoint: the whole state of a run after some step, in one file that is written whole or not at all.
//!
//! It is a safetensors file with the weights, the optimiser's state and a few counters. Which run it belongs
//! to stands in `run.json` beside it: a folder resumes only the run that began it.

use crate::pace::Pace;
use crate::{TrainError, TrainingPlan};
use foci_engine::{Optimiser, Parameters};
use foci_net::Net;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Name of the checkpoint in a run's folder.
const CHECKPOINT: &str = "checkpoint.safetensors";
/// Name of the description of the run.
const RUN: &str = "run.json";
/// Tensor of the weights before the last update.
const LAST_FINITE: &str = "parameters_before";
/// Tensor of all weights.
const PARAMETERS: &str = "parameters";
/// Prefix of the optimiser's tensors.
const OPTIMISER: &str = "optimiser.";
/// Tensor of counters: step, losses since the last log line, diverged.
const COUNTERS: &str = "run.counters";
/// Tensor of numbers: lowest validation loss, validations without a lower one, falls of the rate, settled.
const PACE: &str = "run.pace";
/// Tensor of numbers: sum of the losses since the last log line, seconds of training so far, seconds of a step.
const NUMBERS: &str = "run.numbers";

/// Where a run stands, beside its weights and its optimiser's state.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Position {
    /// Optimiser steps taken.
    pub step: u64,
    /// Sum of the training losses since the last line of the log.
    pub loss_sum: f64,
    /// How many losses that are.
    pub loss_count: u64,
    /// Seconds of training so far, by the clock.
    pub seconds: f64,
    /// Median seconds of one step of the process that took the latest steps.
    pub seconds_per_step: f64,
    /// The run ended here because its loss was not finite; going on would be another run.
    pub diverged: bool,
    /// Its learning rate, and whether it has learnt all it will.
    pub pace: Pace,
}

/// The weights of a run.
pub(crate) struct Weights {
    /// As they are after the latest update.
    pub now: Parameters,
    /// As they were before it: the ones to keep if the update led to a loss that is not finite.
    pub before: Vec<f32>,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct Run {
    plan: TrainingPlan,
    data: String,
    net: serde_json::Value,
}

/// True if a run was begun in the folder.
pub fn holds_run(folder: &Path) -> bool {
    folder.join(RUN).exists()
}

/// Steps of the run that was begun in the folder; `None` if there is none.
///
/// # Errors
/// [`TrainError::Damaged`] or [`TrainError::Read`] if its description cannot be read.
pub fn steps_of_run(folder: &Path) -> Result<Option<u64>, TrainError> {
    let path = folder.join(RUN);
    match std::fs::read(&path) {
        Ok(bytes) => match serde_json::from_slice::<Run>(&bytes) {
            Ok(run) => Ok(Some(run.plan.steps)),
            Err(error) => Err(TrainError::Damaged {
                path,
                reason: format!("is no description of a run ({error}); delete its folder to start again"),
            }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TrainError::Read { path, source }),
    }
}

/// Makes the folder this run's own, or sees to it that it is.
///
/// # Errors
/// [`TrainError::Damaged`] if it belongs to a run with another plan, other images or another net.
pub(crate) fn settle(folder: &Path, plan: &TrainingPlan, data: &str, net: &Net) -> Result<(), TrainError> {
    let path = folder.join(RUN);
    let damaged = |reason: String| TrainError::Damaged { path: path.clone(), reason };
    let net = serde_json::from_str(&net.to_json(None)).map_err(|error| damaged(error.to_string()))?;
    let run = Run { plan: plan.clone(), data: data.into(), net };
    match std::fs::read(&path) {
        Ok(bytes) => {
            let there: Run = serde_json::from_slice(&bytes).map_err(|error| {
                damaged(format!("is no description of a run ({error}); delete its folder to start again"))
            })?;
            if there == run {
                return Ok(());
            }
            Err(damaged("belongs to a run with another plan, other images or another net; repeat the command that began it, or choose another folder".into()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let json = serde_json::to_string_pretty(&run).map_err(|error| damaged(error.to_string()))?;
            Ok(foci_image::write_whole(&path, json.as_bytes())?)
        }
        Err(source) => Err(TrainError::Read { path, source }),
    }
}

/// Writes the state of a run.
pub(crate) fn write(
    folder: &Path,
    at: &Position,
    weights: &Weights,
    optimiser: &dyn Optimiser,
) -> Result<(), TrainError> {
    let path = folder.join(CHECKPOINT);
    let failed =
        |error: SafeTensorError| TrainError::Damaged { path: path.clone(), reason: error.to_string() };
    let floats = |values: &[f32]| {
        (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
    };
    let mut tensors = BTreeMap::from([
        (PARAMETERS.to_string(), floats(&weights.now.values)),
        (LAST_FINITE.to_string(), floats(&weights.before)),
    ]);
    for (name, values) in optimiser.state() {
        tensors.insert(format!("{OPTIMISER}{name}"), floats(&values));
    }
    let counters = [at.step, at.loss_count, u64::from(at.diverged)];
    tensors.insert(
        COUNTERS.into(),
        (Dtype::U64, counters.iter().flat_map(|value| value.to_le_bytes()).collect()),
    );
    let numbers = [at.loss_sum, at.seconds, at.seconds_per_step];
    tensors
        .insert(NUMBERS.into(), (Dtype::F64, numbers.iter().flat_map(|value| value.to_le_bytes()).collect()));
    let Pace { best, without_gain, falls, settled } = at.pace;
    let pace = [best, without_gain as f64, falls as f64, f64::from(u8::from(settled))];
    tensors.insert(PACE.into(), (Dtype::F64, pace.iter().flat_map(|value| value.to_le_bytes()).collect()));
    let mut views = Vec::with_capacity(tensors.len());
    for (name, (dtype, bytes)) in &tensors {
        let count = bytes.len() * 8 / dtype.bitsize();
        views.push((name.as_str(), TensorView::new(*dtype, vec![count], bytes).map_err(failed)?));
    }
    Ok(foci_image::write_whole(&path, &safetensors::serialize(views, None).map_err(failed)?)?)
}

/// Reads the state of a run into `weights` and `optimiser`; the beginning if there is no checkpoint.
pub(crate) fn read(
    folder: &Path,
    weights: &mut Weights,
    optimiser: &mut dyn Optimiser,
) -> Result<Position, TrainError> {
    let path = folder.join(CHECKPOINT);
    match std::fs::read(&path) {
        Ok(bytes) => restore(&bytes, &path, weights, optimiser),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Position::default()),
        Err(source) => Err(TrainError::Read { path, source }),
    }
}

/// As [`read`], from the content of the file.
fn restore(
    bytes: &[u8],
    path: &Path,
    weights: &mut Weights,
    optimiser: &mut dyn Optimiser,
) -> Result<Position, TrainError> {
    let damaged = |reason: String| TrainError::Damaged {
        path: path.into(),
        reason: format!("is no checkpoint of this run ({reason}); delete its folder to start it again"),
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
    let data = |name: &str, dtype: Dtype| {
        let view = file.tensor(name).map_err(|error| damaged(error.to_string()))?;
        if view.dtype() == dtype {
            Ok(view.data())
        } else {
            Err(damaged(format!("{name} is of type {}", view.dtype())))
        }
    };
    let words = |name: &str, dtype: Dtype, count: usize| -> Result<Vec<[u8; 8]>, TrainError> {
        let words = data(name, dtype)?.as_chunks::<8>().0.to_vec();
        if words.len() == count {
            Ok(words)
        } else {
            Err(damaged(format!("{name} has {} values", words.len())))
        }
    };
    let floats = |name: &str| -> Result<Vec<f32>, TrainError> {
        let bytes = data(name, Dtype::F32)?.as_chunks::<4>().0;
        Ok(bytes.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    };
    for (name, values) in [(PARAMETERS, &mut weights.now.values), (LAST_FINITE, &mut weights.before)] {
        let saved = floats(name)?;
        if saved.len() != values.len() {
            return Err(damaged(format!("{name} has {} weights, the net has {}", saved.len(), values.len())));
        }
        // An update may have led to no number, and the next step will say so; those before it were sound.
        if let Some(value) = saved.iter().find(|value| name == LAST_FINITE && !value.is_finite()) {
            return Err(damaged(format!("{name} holds the value {value}")));
        }
        *values = saved;
    }
    let mut state = BTreeMap::new();
    for (name, _) in file.iter() {
        match name.strip_prefix(OPTIMISER) {
            Some(short) => drop(state.insert(short.to_string(), floats(name)?)),
            None if [PARAMETERS, LAST_FINITE, COUNTERS, NUMBERS, PACE].contains(&name) => {}
            None => return Err(damaged(format!("{name} is nothing that a run has"))),
        }
    }
    optimiser.restore(&state)?;
    let counters = words(COUNTERS, Dtype::U64, 3)?;
    let numbers = words(NUMBERS, Dtype::F64, 3)?;
    let pace = if file.names().into_iter().any(|name| name == PACE) {
        let pace: Vec<f64> = words(PACE, Dtype::F64, 4)?.into_iter().map(f64::from_le_bytes).collect();
        Pace { best: pace[0], without_gain: pace[1] as u64, falls: pace[2] as u64, settled: pace[3] != 0.0 }
    } else {
        // Written before there was a choice.
        Pace::default()
    };
    Ok(Position {
        pace,
        step: u64::from_le_bytes(counters[0]),
        loss_count: u64::from_le_bytes(counters[1]),
        diverged: u64::from_le_bytes(counters[2]) != 0,
        loss_sum: f64::from_le_bytes(numbers[0]),
        seconds: f64::from_le_bytes(numbers[1]),
        seconds_per_step: f64::from_le_bytes(numbers[2]),
    })
}

/// Reads the content of a file as a checkpoint of a run of `net` that Adam trains. For fuzzing alone.
///
/// # Errors
/// As those of resuming a run from it.
#[cfg(fuzzing)]
pub fn fuzz_checkpoint(bytes: &[u8], net: &Net) -> Result<(), TrainError> {
    let now = Parameters::zeros(net);
    let mut optimiser = foci_engine::Adam::new(now.values.len(), 0.0);
    let mut weights = Weights { before: now.values.clone(), now };
    restore(bytes, Path::new("checkpoint"), &mut weights, &mut optimiser).map(drop)
}

#[cfg(test)]
mod tests;
