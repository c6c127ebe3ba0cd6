//! What a step and a prediction cost in seconds, measured side by side.
//!
//! The runs of a study are hours apart, and a shared machine is now quick and now slow. So at the end all nets
//! are timed in turns, several rounds, and the median of a net's rounds counts: what disturbs one round
//! disturbs all nets in it.

use crate::StudyError;
use crate::execute::{read_json, write_json};
use crate::plan::Plan;
use crate::study::Observer;
use foci_engine::{EngineError, Shape, time};
use foci_kernels::Compute;
use foci_measure::summary::median;
use foci_net::Net;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Turns in which every net is timed once.
const ROUNDS: usize = 5;
/// Steps of a net in a round; their median is the net's time of the round.
const STEPS: usize = 3;

/// Seconds of one net.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// A training step at the batch of the study.
    pub seconds_per_step: f64,
    /// A prediction at the same shape, for a million pixels of an image; the net alone, without binning and enlarging.
    pub seconds_per_megapixel: f64,
}

/// Times every arm of a study, in the order of the plan; reads the figures if an earlier part of it has them.
///
/// # Errors
/// [`StudyError::Net`] if a net does not fit into memory, [`StudyError::Damaged`] or a file error for the record, an
/// interruption if the observer asks for it.
pub(crate) fn time_all(
    plan: &Plan,
    out: &Path,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Vec<Timing>, StudyError> {
    let record = out.join("timing.json");
    if let Some(timings) =
        read_json::<Vec<Timing>>(&record)?.filter(|timings| timings.len() == plan.arms.len())
    {
        return Ok(timings);
    }
    let spec = &plan.spec.training;
    let shape = Shape { n: spec.batch, h: spec.crop, w: spec.crop };
    let megapixels = (shape.n * shape.h * shape.w * spec.binning.pow(2)) as f64 / 1e6;
    let mut rounds: Vec<Vec<Timing>> = vec![Vec::with_capacity(ROUNDS); plan.arms.len()];
    let (what, all) = ("timing the nets", ROUNDS * plan.arms.len());
    for round in 0..ROUNDS {
        for (index, (planned, rounds)) in plan.arms.iter().zip(&mut rounds).enumerate() {
            observer.phase(what, round * plan.arms.len() + index, all)?;
            let wrong = |error: EngineError| StudyError::Net {
                arm: planned.arm.name.clone(),
                reason: error.to_string(),
            };
            let time = |net: &Net| time(net, shape, spec.exact, compute, STEPS, &mut |_, _| {});
            let (net, trained) = (planned.net()?, planned.training_net()?);
            let mut timing = time(&trained).map_err(wrong)?;
            if trained != net {
                // Heads are gone when the model is used.
                timing.infer_seconds = time(&net).map_err(wrong)?.infer_seconds;
            }
            rounds.push(Timing {
                seconds_per_step: timing.train_seconds,
                seconds_per_megapixel: timing.infer_seconds / megapixels,
            });
        }
    }
    observer.phase(what, all, all)?;
    let middle = |rounds: &[Timing], value: fn(&Timing) -> f64| {
        median(&rounds.iter().map(value).collect::<Vec<f64>>()).unwrap_or_default()
    };
    let timings: Vec<Timing> = rounds
        .iter()
        .map(|rounds| Timing {
            seconds_per_step: middle(rounds, |timing| timing.seconds_per_step),
            seconds_per_megapixel: middle(rounds, |timing| timing.seconds_per_megapixel),
        })
        .collect();
    write_json(&record, &timings)?;
    Ok(timings)
}
