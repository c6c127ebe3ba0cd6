//! A study before it is run: what it will take, and how large a difference must be for it to be seen.
//!
//! Time and memory come from the plan and from a few timed steps of every net. What can be seen depends on how scores vary from
//! field to field and from seed to seed, and nobody knows that beforehand: it is read from a *pilot*, the folder of an earlier
//! or of a small study with the same kind of images and nets, and at least two seeds. `foci study --nets A,B --seeds 2 --steps N`
//! makes one. Nothing is written.

use crate::StudyError;
use crate::compare::{compared, count_pairs, scatter};
use crate::data::count_test_fields;
use crate::difference::LEVEL;
use crate::execute::measured_runs;
use crate::plan::{Plan, PlannedArm, pretraining_of, resolve_arms};
use crate::study::{Observer, StudyRequest};
use foci_engine::{EngineError, Shape, time};
use foci_kernels::Compute;
use foci_measure::stats::{Power, Scatter, StudySize, fields_needed, seeds_needed};
use foci_measure::{Measure, MeasureError};
use foci_net::memory::{MemoryPlan, Mode, PlanOptions};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Probability with which a difference is to be seen.
pub const POWER: f64 = 0.8;
/// Steps of every net that are timed.
const TIMED_STEPS: usize = 3;

/// What a person wants to know beforehand.
#[derive(Debug, Clone)]
pub struct ForecastRequest {
    /// The study.
    pub study: StudyRequest,
    /// Folder of a study from which it is read how scores vary.
    pub pilot: Option<PathBuf>,
    /// Differences that are to be seen, in the unit of their measure.
    pub wanted: Vec<(Measure, f64)>,
}

/// What a study will take, and what it can see.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Name of the study.
    pub study: String,
    /// Seeds of every arm.
    pub seeds: usize,
    /// Fields to test on.
    pub test_fields: usize,
    /// Comparisons that p-values are adjusted for, if every measure has a value.
    pub comparisons: usize,
    /// The arms.
    pub arms: Vec<ArmForecast>,
    /// Seconds of all trials and runs together, by the steps timed now; measuring and the report come on top.
    pub seconds: f64,
    /// What can be seen, by measure; empty without a pilot.
    pub measures: Vec<MeasureForecast>,
}

/// What an arm will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmForecast {
    /// Name of the arm.
    pub name: String,
    /// Trainable weights.
    pub weights: u64,
    /// Optimiser steps of all trials and runs.
    pub steps: f64,
    /// Seconds of a training step, as it is now on this machine.
    pub seconds_per_step: f64,
    /// Bytes to train on a batch.
    pub train_bytes: u64,
}

/// Differences that are seen with probability [`POWER`], after adjustment for all comparisons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasureForecast {
    /// Key of the measure.
    pub measure: String,
    /// Smallest difference that the study as planned sees.
    pub smallest_difference: f64,
    /// The same with twice as many seeds.
    pub with_twice_the_seeds: f64,
    /// The same with twice as many test fields.
    pub with_twice_the_fields: f64,
    /// What a difference that was asked for needs.
    pub wanted: Option<Wanted>,
}

/// What it takes to see a difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wanted {
    /// The difference.
    pub difference: f64,
    /// Probability that the study as planned sees it.
    pub power: f64,
    /// Fewest seeds at the planned number of fields; `None` if no number of seeds is enough.
    pub seeds: Option<usize>,
    /// Fewest test fields at the planned number of seeds; `None` if no number of fields is enough.
    pub fields: Option<usize>,
}

/// Forecasts a study.
///
/// # Errors
/// As [`crate::run`] until the plan; [`StudyError::Data`] if the pilot cannot tell how scores vary, or not in a measure that
/// was asked for.
pub fn forecast(
    request: &ForecastRequest,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Forecast, StudyError> {
    let spec = &request.study.spec;
    let planned = resolve_arms(spec)?;
    // A pilot that cannot be used is told before anything takes time.
    let varies = request.pilot.as_deref().map_or(Ok(Vec::new()), of_pilot)?;
    let known = |measure: &Measure| varies.iter().any(|(known, _)| known == measure);
    if let Some((measure, _)) = request.wanted.iter().find(|(measure, _)| !known(measure)) {
        return Err(StudyError::Spec {
            place: "--smallest-difference".into(),
            reason: format!("the pilot does not say how '{}' varies; {}", measure.key(), choice(&varies)),
        });
    }
    let test_fields = count_test_fields(&request.study, compute.threads(), observer)?;
    let (pairs, arms) = count_pairs(&planned);
    let measures = if varies.is_empty() { compared(spec).len() } else { varies.len() };
    let size = StudySize { fields: test_fields, seeds: spec.seeds, arms, comparisons: pairs * measures };
    let mut forecasts = Vec::new();
    for (number, arm) in planned.iter().enumerate() {
        observer.phase("timing the nets", number, planned.len())?;
        let mut forecast = of_arm(&request.study, arm, compute)?;
        if pretraining_of(&planned, number) == Some(number) {
            let steps = spec.pretraining.as_ref().map_or(0, |pretraining| pretraining.steps);
            forecast.steps += (steps * spec.pretrainings()) as f64;
        }
        forecasts.push(forecast);
    }
    observer.phase("timing the nets", planned.len(), planned.len())?;
    let mut seen = Vec::new();
    for (number, (measure, scatter)) in varies.iter().enumerate() {
        observer.phase("working out what can be seen", number, varies.len())?;
        let wanted = request.wanted.iter().find(|(asked, _)| asked == measure).map(|(_, value)| *value);
        seen.push(of_measure(*measure, scatter, size, wanted).map_err(|error| too_small(&error))?);
    }
    Ok(Forecast {
        study: spec.name.clone(),
        seeds: spec.seeds,
        test_fields,
        comparisons: size.comparisons,
        seconds: forecasts.iter().map(|arm| arm.steps * arm.seconds_per_step).sum(),
        arms: forecasts,
        measures: seen,
    })
}

/// How scores vary in the study of a folder.
fn of_pilot(folder: &Path) -> Result<Vec<(Measure, Scatter)>, StudyError> {
    let plan = Plan::of_folder(folder)?;
    let runs = measured_runs(&plan, folder)?;
    let refuse = |reason: &str| Err(StudyError::Data { folder: folder.into(), reason: reason.into() });
    if runs.len() < plan.arms.len() * plan.spec.seeds {
        return refuse("the study in it has not come to its end; go on with it with --resume first");
    }
    let varies = scatter(&plan, &runs);
    if varies.is_empty() {
        return refuse(
            "it cannot tell how scores vary: a pilot needs two seeds, two arms with the same task and two test fields",
        );
    }
    Ok(varies)
}

fn of_arm(study: &StudyRequest, planned: &PlannedArm, compute: &Compute) -> Result<ArmForecast, StudyError> {
    let spec = &study.spec;
    let training = &spec.training;
    let wrong = |reason: String| StudyError::Net { arm: planned.arm.name.clone(), reason };
    let trained = planned.training_net()?;
    let shape = Shape { n: training.batch, h: training.crop, w: training.crop };
    let options = PlanOptions { exact: training.exact, ..PlanOptions::new(Mode::Training) };
    let memory = MemoryPlan::new(&trained, shape, options).map_err(|error| wrong(error.to_string()))?;
    let timing = time(&trained, shape, training.exact, compute, TIMED_STEPS, &mut |_, _| {})
        .map_err(|error: EngineError| wrong(error.to_string()))?;
    Ok(ArmForecast {
        name: planned.arm.name.clone(),
        weights: planned.net()?.weights(),
        steps: spec.tuning.steps_of_all_trials() + training.steps as f64 * spec.seeds as f64,
        seconds_per_step: timing.train_seconds,
        train_bytes: memory.bytes.total(),
    })
}

fn of_measure(
    measure: Measure,
    scatter: &Scatter,
    size: StudySize,
    wanted: Option<f64>,
) -> Result<MeasureForecast, MeasureError> {
    let smallest = |size| Ok(Power::new(scatter, size, LEVEL)?.smallest_difference(POWER));
    let wanted = wanted.map(|difference| {
        Ok(Wanted {
            difference,
            power: Power::new(scatter, size, LEVEL)?.of(difference),
            seeds: seeds_needed(scatter, size, difference, [LEVEL, POWER])?,
            fields: fields_needed(scatter, size, difference, [LEVEL, POWER])?,
        })
    });
    Ok(MeasureForecast {
        measure: measure.key().into(),
        smallest_difference: smallest(size)?,
        with_twice_the_seeds: smallest(StudySize { seeds: 2 * size.seeds, ..size })?,
        with_twice_the_fields: smallest(StudySize { fields: 2 * size.fields, ..size })?,
        wanted: wanted.transpose()?,
    })
}

/// A study of which nothing can be seen.
fn too_small(error: &MeasureError) -> StudyError {
    StudyError::Spec { place: "the study as planned can see nothing".into(), reason: error.to_string() }
}

fn choice(varies: &[(Measure, Scatter)]) -> String {
    if varies.is_empty() {
        return "give the folder of a study with --pilot".into();
    }
    let keys: Vec<&str> = varies.iter().map(|(measure, _)| measure.key()).collect();
    format!("choose among {}", keys.join(", "))
}
