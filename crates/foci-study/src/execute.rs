//! The runs of a study: the trials that choose each learning rate, then every net with every seed.
//!
//! What is done is kept in the output folder, each piece in a file that is written whole: a study that is
//! resumed reads those and computes the rest.

use crate::StudyError;
use crate::data::Data;
use crate::learning_rate::Choice;
use crate::measure::{FieldMeasures, TestBench, TileMeasures};
use crate::plan::{Plan, PlannedArm};
use crate::results::{Curve, Look, PretrainingSummary, RunSignals, RunSummary, Trial};
use crate::study::{Event, Observer};
use foci_kernels::Compute;
use foci_measure::Measure;
use foci_net::Net;
use foci_train::{LogLine, Model, Task, Training, TrainingPlan, read_log};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod pretraining;
mod trials;

pub(crate) use trials::TRIALS;

/// What a run was measured to be, in its folder.
pub(crate) const MEASURES: &str = "measures.json";

/// A run that is trained and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MeasuredRun {
    /// Its line in `results.json`.
    pub summary: RunSummary,
    /// Its measures, field by field.
    pub fields: Vec<FieldMeasures>,
    /// Its measures, tile by tile.
    pub tiles: Vec<TileMeasures>,
}

/// Everything that was computed.
#[derive(Debug)]
pub(crate) struct Executed {
    /// What nets learnt without masks first.
    pub pretrainings: Vec<PretrainingSummary>,
    /// Trials of each arm, in the order of the plan.
    pub trials: Vec<Vec<Trial>>,
    /// The learning rate that they led to, for each arm.
    pub choices: Vec<Choice>,
    /// Runs, by seed and then by arm.
    pub runs: Vec<MeasuredRun>,
    /// The log of each run.
    logs: Vec<Vec<LogLine>>,
    out: PathBuf,
}

impl Executed {
    /// The model of an arm's run with the given seed.
    pub fn model(&self, arm: &str, seed: u64) -> Result<Model, StudyError> {
        Model::load(&run_folder(&self.out, arm, seed)).map_err(|source| StudyError::Train {
            arm: arm.into(),
            seed,
            source: Box::new(source),
        })
    }

    /// Measures of one tile as reconstructed by one run.
    pub fn tile_metrics(&self, arm: &str, seed: u64, tile: &str) -> BTreeMap<String, f64> {
        let run = self.runs.iter().find(|run| run.summary.net == arm && run.summary.seed == seed);
        let measures = run.and_then(|run| run.tiles.iter().find(|measures| measures.tile == tile));
        measures.map(|measures| measures.metrics.clone()).unwrap_or_default()
    }

    /// The runs with the first so many seeds (all of them for `None`) whose weights are no accident: diverged ones are left
    /// out.
    pub fn sound_runs(&self, seeds: Option<usize>) -> Vec<&MeasuredRun> {
        let asked_for = |seed: u64| seeds.is_none_or(|seeds| seed < seeds as u64);
        self.runs.iter().filter(|run| asked_for(run.summary.seed) && !run.summary.diverged).collect()
    }

    /// The learning curves, from the logs of the runs.
    pub fn curves(&self) -> Vec<Curve> {
        let curve = |(run, lines): (&MeasuredRun, &Vec<LogLine>)| {
            let RunSummary { net, seed, diverged, .. } = &run.summary;
            Curve {
                net: net.clone(),
                seed: *seed,
                training: lines.iter().filter_map(|line| Some((line.step, line.loss?))).collect(),
                validation: lines
                    .iter()
                    .filter_map(|line| Some((line.step, line.validation_loss?)))
                    .collect(),
                diverged: *diverged,
            }
        };
        self.runs.iter().zip(&self.logs).map(curve).collect()
    }

    /// What the layers heard, from the logs of the runs; runs without a look at the gradients are left out.
    pub fn signals(&self) -> Vec<RunSignals> {
        let look = |line: &LogLine| {
            (!line.layers.is_empty()).then(|| Look { step: line.step, layers: line.layers.clone() })
        };
        let signals = |(run, lines): (&MeasuredRun, &Vec<LogLine>)| RunSignals {
            net: run.summary.net.clone(),
            seed: run.summary.seed,
            looks: lines.iter().filter_map(look).collect(),
        };
        let all = self.runs.iter().zip(&self.logs).map(signals);
        all.filter(|run| !run.looks.is_empty()).collect()
    }
}

/// The runs of a plan that lie measured in the folder of a study; all of them if it was carried out to its end.
pub(crate) fn measured_runs(plan: &Plan, out: &Path) -> Result<Vec<MeasuredRun>, StudyError> {
    let mut runs = Vec::new();
    for seed in 0..plan.spec.seeds as u64 {
        for planned in &plan.arms {
            runs.extend(read_json::<MeasuredRun>(&run_folder(out, &planned.arm.name, seed).join(MEASURES))?);
        }
    }
    Ok(runs)
}

pub(crate) fn run_folder(out: &Path, arm: &str, seed: u64) -> PathBuf {
    out.join("runs").join(format!("{arm}-seed{seed}"))
}

/// Carries out the plan.
pub(crate) struct Executor<'a, 'b> {
    plan: &'a Plan,
    data: &'a Data,
    bench: &'a TestBench<'b>,
    out: &'a Path,
    compute: &'a Compute,
    nets: Vec<Net>,
}

impl<'a, 'b> Executor<'a, 'b> {
    pub fn new(
        plan: &'a Plan,
        data: &'a Data,
        bench: &'a TestBench<'b>,
        out: &'a Path,
        compute: &'a Compute,
    ) -> Result<Executor<'a, 'b>, StudyError> {
        let nets = plan.arms.iter().map(PlannedArm::net).collect::<Result<_, _>>()?;
        Ok(Executor { plan, data, bench, out, compute, nets })
    }

    /// Work of the whole study in multiply-adds of forward passes, to tell how much is left.
    pub fn work(&self) -> f64 {
        let spec = &self.plan.spec;
        let steps = spec.tuning.steps_of_all_trials() + spec.training.steps as f64 * spec.seeds as f64;
        self.nets.iter().map(|net| steps * self.step_work(net)).sum::<f64>() + self.pretraining_work()
    }

    fn step_work(&self, net: &Net) -> f64 {
        let spec = &self.plan.spec.training;
        net.macs_per_pixel() * (spec.batch * spec.crop * spec.crop) as f64
    }

    /// Trials of all arms, then the runs: seed by seed, so that every net has a first run early.
    pub fn execute(&self, observer: &mut dyn Observer) -> Result<Executed, StudyError> {
        self.skip_pretrainings(observer)?;
        let (mut trials, mut choices) = (Vec::new(), Vec::new());
        for index in 0..self.nets.len() {
            let tried = self.tune(index, observer)?;
            choices.push(Choice::of(&tried).ok_or_else(|| StudyError::Spec {
                place: self.plan.spec.name.clone(),
                reason: "tuning.learning_rates is empty; give at least one".into(),
            })?);
            trials.push(tried);
        }
        let mut runs = Vec::new();
        for seed in 0..self.plan.spec.seeds as u64 {
            for (index, choice) in choices.iter().enumerate() {
                runs.push(self.run(index, seed, choice.chosen, observer)?);
            }
        }
        let logs = runs.iter().map(|run| self.log(run)).collect::<Result<_, _>>()?;
        let pretrainings = self.pretrainings()?;
        Ok(Executed { pretrainings, trials, choices, runs, logs, out: self.out.into() })
    }

    fn log(&self, run: &MeasuredRun) -> Result<Vec<LogLine>, StudyError> {
        let RunSummary { net, seed, .. } = &run.summary;
        let path = run_folder(self.out, net, *seed).join("metrics.jsonl");
        read_log(&path).map_err(|source| StudyError::Train {
            arm: net.clone(),
            seed: *seed,
            source: Box::new(source),
        })
    }

    fn run(
        &self,
        index: usize,
        seed: u64,
        rate: f64,
        observer: &mut dyn Observer,
    ) -> Result<MeasuredRun, StudyError> {
        let arm = &self.plan.arms[index].arm;
        let plan = self.plan.run(arm, seed, rate);
        let folder = run_folder(self.out, &arm.name, seed);
        let record = folder.join(MEASURES);
        if let Some(run) = read_json(&record)? {
            return Ok(self.skip(index, plan.steps, run, observer));
        }
        let what = format!("{}, seed {seed}", arm.name);
        let job = Job { plan, folder: &folder, what: &what, number: seed, is_trial: false };
        let outcome = self.train(index, job, observer)?;
        let measured = self.bench.measure(&outcome.model, arm.input_noise, self.compute, &what, observer)?;
        let training = &outcome.model.recipe.training;
        let run = MeasuredRun {
            summary: RunSummary {
                net: arm.name.clone(),
                seed,
                fold: self.plan.data.fold,
                steps: training.steps,
                seconds: outcome.seconds,
                seconds_per_step: outcome.seconds_per_step,
                seconds_per_megapixel: measured.seconds_per_megapixel,
                learning_rate: rate,
                diverged: training.diverged,
                metrics: measured.means,
            },
            fields: measured.fields,
            tiles: measured.tiles,
        };
        write_json(&record, &run)?;
        let words = if training.diverged {
            "diverged".into()
        } else {
            in_short(self.plan.spec.task, &run.summary.metrics)
        };
        observer.event(Event::Ended { outcome: &words });
        Ok(run)
    }

    /// Trains an arm.
    fn train(
        &self,
        index: usize,
        job: Job,
        observer: &mut dyn Observer,
    ) -> Result<foci_train::Outcome, StudyError> {
        let Job { mut plan, folder, what, number, is_trial } = job;
        let arm = &self.plan.arms[index].arm;
        let pretrained = self.pretrained(index, number, observer)?;
        plan.pretrained = pretrained.as_ref().map(|weights| weights.sha256().to_owned());
        let tiles = self.data.tiles_of(arm.labelled, number, self.plan.spec.training.least_side());
        observer.event(Event::Begins { what });
        let net = &self.nets[index];
        let work = self.step_work(net);
        let mut watch = Watch { observer, work, step: 0 };
        let training = Training::new(net, &plan).pretrained(pretrained.as_ref());
        let training = if is_trial { training.as_trial() } else { training };
        let outcome = training.run(&tiles, folder, self.compute, &mut watch).map_err(|source| {
            StudyError::Train { arm: arm.name.clone(), seed: plan.seed, source: Box::new(source) }
        })?;
        let left = plan.steps.saturating_sub(outcome.model.recipe.training.steps);
        if left > 0 {
            observer.event(Event::Skipped { work: left as f64 * work });
        }
        Ok(outcome)
    }

    /// Counts work that an earlier part of the study has done.
    fn skip<T>(&self, index: usize, steps: u64, done: T, observer: &mut dyn Observer) -> T {
        observer.event(Event::Skipped { work: steps as f64 * self.step_work(&self.nets[index]) });
        done
    }
}

/// A training of an arm that is due.
struct Job<'a> {
    plan: TrainingPlan,
    folder: &'a Path,
    /// What a person is told.
    what: &'a str,
    /// Of the seed, from 0 for trials as for runs: it says with which fields, if there are few, and which pretraining it begins with.
    number: u64,
    /// Whether only the validation loss is wanted.
    is_trial: bool,
}

/// How good a run is, in a word and a number.
fn in_short(task: Task, metrics: &BTreeMap<String, f64>) -> String {
    let value = |measure: Measure| metrics.get(measure.key()).copied().unwrap_or_default();
    match task {
        Task::Reconstruct => format!("PSNR {:.1} dB", value(Measure::Psnr)),
        Task::Semantic => format!("mean IoU {:.3}", value(Measure::MeanIou)),
        Task::Instances => format!("mean AP {:.3}", value(Measure::MeanAp)),
    }
}

/// Passes the steps of a training on to whoever watches the study.
struct Watch<'a> {
    observer: &'a mut dyn Observer,
    work: f64,
    step: u64,
}

impl foci_train::Observer for Watch<'_> {
    fn step_done(&mut self, step: u64, _: u64, _: f64) {
        // A step at which a training diverges is not taken.
        if step > self.step {
            self.observer.event(Event::Progress { work: self.work });
        }
        self.step = step;
    }
    fn stop_requested(&self) -> bool {
        self.observer.stop_requested()
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StudyError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| StudyError::Damaged { path: path.into(), reason: error.to_string() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StudyError::File { action: "read", path: path.into(), source }),
    }
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StudyError> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| StudyError::Damaged { path: path.into(), reason: error.to_string() })?;
    Ok(foci_image::write_whole(path, json.as_bytes())?)
}
