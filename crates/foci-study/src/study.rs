//! The main path of a study: plan, tune, run, compare, decide, report.

use crate::again::RESULTS;
use crate::baseline::{MeasuredMethod, Methods};
use crate::claim::{Evidence, decide};
use crate::compare::{compare_all, compare_with_methods};
use crate::data::Data;
use crate::execute::{Executed, Executor, write_json};
use crate::measure::TestBench;
use crate::optics::{self, RunOptics};
use crate::plan::Plan;
use crate::results::{
    Budget, Circumstances, NetSummary, OpticsSummary, PretrainingSummary, Results, RunStress, RunSummary,
    RunTransfer,
};
use crate::spec::{PretrainingSpec, StudySpec};
use crate::timing::{Timing, time_all};
use crate::{StudyError, pictures, plan, report};
use crate::{judged, middle, stress, transfer};
use foci_image::{DatasetOptions, FolderLock, Interrupted};
use foci_kernels::Compute;
use foci_net::Net;
use foci_net::memory::{Mode, PlanError, PlanOptions, largest_image};
use std::path::PathBuf;

/// Version of foci, as plans and results name it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Memory for which the report names the largest image: 8 GiB.
const LARGEST_IMAGE_BYTES: u64 = 8 << 30;

/// What a person asked for.
#[derive(Debug, Clone)]
pub struct StudyRequest {
    /// The study.
    pub spec: StudySpec,
    /// Folder of images; without it the study makes its own specimens.
    pub data: Option<PathBuf>,
    /// How the images are read; the size of tiles is that of the specification.
    pub reading: DatasetOptions,
    /// Folder for everything that the study writes.
    pub out: PathBuf,
    /// Go on with what is there.
    pub resume: bool,
    /// The command that repeats the study, for the report.
    pub command: String,
}

/// What happens in a study, for someone who watches it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A line about the data or a decision.
    Note(&'a str),
    /// The plan is written; the whole study is this much work, in multiply-adds.
    Planned {
        /// Work of all trials and runs together.
        work: f64,
    },
    /// A trial or a run begins.
    Begins {
        /// For example `unet, seed 2` or `unet, trial of learning rate 0.003`.
        what: &'a str,
    },
    /// How far a phase is that is no trial or run: reading images, measuring. It begins with 0 and ends with all.
    Phase {
        /// For example `reading images` or `unet, seed 2: measuring`.
        what: &'a str,
        /// Pieces done.
        done: usize,
        /// All pieces.
        all: usize,
    },
    /// More work is done.
    Progress {
        /// Work of this piece.
        work: f64,
    },
    /// Work that need not be done: an earlier part of the study did it, or the run diverged before its end.
    Skipped {
        /// Work of this piece.
        work: f64,
    },
    /// A trial or a run ended.
    Ended {
        /// What it led to, in words.
        outcome: &'a str,
    },
}

/// Someone who watches a study and may end it.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: Event);
    /// True if the study shall save its state and end.
    fn stop_requested(&self) -> bool;

    /// Tells how far a phase is.
    ///
    /// # Errors
    /// [`Interrupted`] if the study shall end.
    fn phase(&mut self, what: &str, done: usize, all: usize) -> Result<(), Interrupted> {
        self.event(Event::Phase { what, done, all });
        if self.stop_requested() { Err(Interrupted) } else { Ok(()) }
    }
}

/// Runs a study from its plan to its report.
///
/// Leaves `plan.json`, `pretraining/` if the study asks for it, `tuning/`, `runs/`, `results.json` and `report.html` in the output folder.
///
/// # Errors
/// A [`StudyError`] that says what failed; [`StudyError::Interrupted`] if the observer asked to stop.
pub fn run(
    request: &StudyRequest,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Results, StudyError> {
    carry_out(request, compute, observer).map_err(|error| error.of_study(&request.out))
}

/// The main path. An interruption leaves it as the error of whatever was interrupted.
fn carry_out(
    request: &StudyRequest,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Results, StudyError> {
    let arms = plan::resolve_arms(&request.spec)?;
    plan::check_folder(&request.out, request.resume)?;
    let _lock = FolderLock::take(&request.out)?;
    plan::tidy_up(&request.out);
    let data = Data::open(request, compute.threads(), observer)?;
    let plan = Plan { foci: VERSION.into(), spec: request.spec.clone(), arms, data: data.planned.clone() };
    plan.settle(&request.out)?;

    let bench = TestBench::new(&plan.spec, &data.test, compute.threads(), observer)?;
    let executor = Executor::new(&plan, &data, &bench, &request.out, compute)?;
    observer.event(Event::Planned { work: executor.work() });
    let executed = executor.execute(observer)?;

    let timings = time_all(&plan, &request.out, compute, observer)?;

    let (optics, optics_notes) =
        optics::test_all(&plan, &data.test, &executed, &request.out, compute, observer)?;
    let stress = stress::test_all(&plan, &data.test, &executed, &request.out, compute, observer)?;
    let transfer = transfer::test_all(&plan, &data.others, &executed, &request.out, compute, observer)?;
    let methods = Methods::test(&plan.spec, &data, &bench, &request.out, compute.threads(), observer)?;
    let results = Results {
        notes: notes(&plan, &executed).into_iter().chain(optics_notes).collect(),
        setup: setup(&plan),
        circumstances: Circumstances {
            command: request.command.clone(),
            processor: format!("{} threads, {}", compute.threads(), compute.simd()),
        },
        ..conclude(&plan, &executed, &timings, &optics, stress, transfer, &methods.measured)?
    };
    write_json(&request.out.join(RESULTS), &results)?;

    let input = report::ReportInput {
        results: &results,
        pictures: pictures::take(&plan, &bench, &executed, compute, observer)?,
        judged: judged::take(&plan, &bench, &executed, &methods, compute, observer)?,
        optics,
    };
    let html = report::render(&input)?;
    foci_image::write_whole(&request.out.join("report.html"), html.as_bytes())?;
    Ok(results)
}

/// From measured runs to comparisons and verdicts.
fn conclude(
    plan: &Plan,
    executed: &Executed,
    timings: &[Timing],
    optics: &[RunOptics],
    stress: Vec<RunStress>,
    transfer: Vec<RunTransfer>,
    methods: &[MeasuredMethod],
) -> Result<Results, StudyError> {
    let runs: Vec<RunSummary> = executed.runs.iter().map(|run| run.summary.clone()).collect();
    let comparisons = compare_all(plan, executed);
    let baseline_comparisons = compare_with_methods(plan, &executed.runs, methods);
    let nets = summarise_nets(plan, executed, timings)?;
    let signals = executed.signals();
    let middle = middle::summarise(plan, &signals)?;
    let optics: Vec<OpticsSummary> = optics.iter().map(RunOptics::summary).collect();
    let evidence = Evidence {
        nets: &nets,
        comparisons: &comparisons,
        signals: &signals,
        middle: &middle,
        optics: &optics,
    };
    let claims = plan.spec.claims.iter().map(|claim| decide(claim, evidence)).collect();
    Ok(Results {
        foci: plan.foci.clone(),
        study: plan.spec.name.clone(),
        task: plan.spec.task.name().into(),
        seeds: plan.spec.seeds,
        data: serde_json::to_value(&plan.data.fingerprint).unwrap_or_default(),
        budget: Budget { weights: plan.spec.weights },
        nets,
        pretrainings: executed.pretrainings.clone(),
        runs,
        baselines: methods.iter().map(|method| method.summary.clone()).collect(),
        signals,
        middle,
        optics,
        stress,
        transfer,
        comparisons,
        baseline_comparisons,
        claims,
        curves: executed.curves(),
        notes: Vec::new(),
        setup: Vec::new(),
        circumstances: Circumstances::default(),
    })
}

fn summarise_nets(
    plan: &Plan,
    executed: &Executed,
    timings: &[Timing],
) -> Result<Vec<NetSummary>, StudyError> {
    let size = plan.data.largest_tile();
    let (exact, binning) = (plan.spec.training.exact, plan.spec.training.binning);
    let [height, width] = [size.height, size.width].map(|side| side.div_ceil(binning));
    let [training, inference] =
        [Mode::Training, Mode::Inference].map(|mode| PlanOptions { exact, ..PlanOptions::new(mode) });
    let few = plan.arms.iter().any(|planned| planned.arm.labelled.is_some());
    let fields = plan.data.split.training.len();
    let varies = plan.arms.iter().any(|planned| planned.arm.variant_of.is_some());
    let mut summaries = Vec::with_capacity(plan.arms.len());
    for ((planned, trials), timing) in plan.arms.iter().zip(&executed.trials).zip(timings) {
        let (net, trained) = (planned.net()?, planned.training_net()?);
        let wrong =
            |error: PlanError| StudyError::Net { arm: planned.arm.name.clone(), reason: error.to_string() };
        summaries.push(NetSummary {
            name: planned.arm.name.clone(),
            architecture: planned.architecture.clone(),
            control: planned.arm.control,
            input_noise: planned.arm.input_noise,
            pretrained: planned.arm.pretrained,
            labelled: few.then(|| planned.arm.labelled.unwrap_or(fields)),
            variant_of: planned.arm.variant_of.clone(),
            settings: if varies { planned.arm.settings().into() } else { Vec::new() },
            layers: net.layers(),
            weights: net.weights(),
            macs_per_pixel: net.macs_per_pixel() / binning.pow(2) as f64,
            receptive_field: binning * net.receptive_field() as usize,
            train_bytes: trained.bytes(height, width, training).map_err(wrong)?,
            infer_bytes: net.bytes(height, width, inference).map_err(wrong)?,
            largest_train_side: binning * largest_side(&trained, training),
            largest_infer_side: binning * largest_side(&net, inference),
            seconds_per_step: timing.seconds_per_step,
            seconds_per_megapixel: timing.seconds_per_megapixel,
            trials: trials.clone(),
        });
    }
    Ok(summaries)
}

/// What a reader should know: about the data, and where the search for a learning rate ended at an edge.
fn notes(plan: &Plan, executed: &Executed) -> Vec<String> {
    let mut notes = plan.data.lines();
    for pretraining in &executed.pretrainings {
        let PretrainingSummary { net, seed, steps, validation_loss, .. } = pretraining;
        let outcome = match validation_loss {
            Some(loss) => format!("validation loss {loss:.2e}"),
            None => "diverged; what begins with it begins with the last weights that were sound".into(),
        };
        notes.push(format!("Pretraining of {net}, seed {seed}: {steps} steps, {outcome}."));
    }
    let tuning = &plan.spec.tuning;
    for ((planned, choice), trials) in plan.arms.iter().zip(&executed.choices).zip(&executed.trials) {
        let arm = &planned.arm.name;
        notes.extend(choice.notes(arm, &tuning.learning_rates));
        let Some(second) = &tuning.second_round else { continue };
        let tried = trials.iter().filter(|trial| trial.steps == second.steps).count();
        if tried < second.rates {
            notes.push(format!(
                "The second round of trials of {arm} had {tried} instead of {} learning rates: all others had diverged in the first.",
                second.rates
            ));
        }
    }
    notes
}

/// Side in pixels of the largest square image within [`LARGEST_IMAGE_BYTES`]; 0 if not even the smallest fits.
fn largest_side(net: &Net, options: PlanOptions) -> usize {
    largest_image(net, options, LARGEST_IMAGE_BYTES, 1.0).map_or(0, |(height, _)| height)
}

fn setup(plan: &Plan) -> Vec<(String, String)> {
    let spec = &plan.spec.training;
    let tuning = &plan.spec.tuning;
    let rates: Vec<String> = tuning.learning_rates.iter().map(f64::to_string).collect();
    let trials = match tuning.seeds {
        1 => format!("{} steps with one seed", tuning.steps),
        seeds => format!("{} steps with each of {seeds} seeds", tuning.steps),
    };
    let second = tuning.second_round.map_or(String::new(), |round| {
        format!(", then {} of them for {} steps with the same", round.rates, round.steps)
    });
    let split = &plan.data.split;
    let mut lines = vec![
        ("Fields to train on", split.training.len().to_string()),
        ("Fields to choose the learning rate on", split.validation.len().to_string()),
        ("Fields to test on, used once", split.test.len().to_string()),
        ("Seeds of each net", plan.spec.seeds.to_string()),
        ("Steps of each run", spec.steps.to_string()),
        ("Batch", format!("{} crops of {} x {} pixels{}", spec.batch, spec.crop, spec.crop, spec.blocks())),
        (
            "Convolutions",
            if spec.exact { "direct" } else { "by Winograd's tiles or direct, by shape" }.into(),
        ),
        ("Learning rates tried", format!("{}; {trials}{second}", rates.join(", "))),
    ];
    if let Some(PretrainingSpec { steps, learning_rate, input_noise }) = &plan.spec.pretraining {
        let words = format!(
            "{steps} steps to give all fields to train on back, without masks and without the noise of {input_noise} that is added; learning rate {learning_rate}"
        );
        lines.push(("Pretraining", words));
    }
    lines.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
