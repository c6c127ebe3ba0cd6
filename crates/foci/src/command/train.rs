//! `foci train`: one net on one folder of images.

use crate::arguments::{ActivationArgument, NormalisationArgument, TaskArgument, TrainArguments};
use crate::exit::Failure;
use crate::progress::{Progress, READING, duration, watched};
use crate::{reading, terminal};
use foci_image::Dataset;
use foci_net::{Activation, Normalisation, Regularisation};
use foci_study::data::{remarks, training_tiles};
use foci_train::{Observer, OptimiserKind, Task, TrainingPlan, train};
use serde::Serialize;
use std::path::PathBuf;

/// Objects come in many sizes: how much larger and smaller a net sees them than they are, unless said otherwise.
const INSTANCES_SCALE: f64 = 1.5;

/// What `--json` prints.
#[derive(Serialize)]
struct Trained {
    model: PathBuf,
    weights: u64,
    steps: u64,
    seconds: f64,
    seconds_per_step: f64,
    validation_loss: Option<f64>,
    diverged: bool,
}

/// Runs the command.
pub fn run(flags: TrainArguments, threads: Option<usize>) -> Result<(), Failure> {
    let layers = &flags.regularisation;
    let architecture = foci_net::Architecture::load(&flags.net)
        .map_err(Failure::input)?
        .with(layers.activation.map(activation), layers.normalisation.map(normalisation));
    let plan = plan(&flags);
    plan.check()?;
    let channels = plan.task.channels();
    let net =
        foci_net::solve::for_weights(&architecture, flags.weights, 1, channels).map_err(Failure::input)?;
    check_folder(&flags)?;
    terminal::stop_on_interrupt()?;
    let compute = terminal::compute(threads)?;
    let options = reading::dataset_options(&flags.reading);
    let dataset =
        watched(READING, threads, flags.json, |workers| Dataset::open(&flags.data, &options, workers))?;
    let (tiles, without_mask) = watched("loading tiles", threads, flags.json, |workers| {
        training_tiles(&dataset, plan.task, flags.seed, workers)
    })?;
    if !without_mask.is_empty() && tiles.training.is_empty() {
        return Err(Failure::input(anyhow::anyhow!(
            "no image in {} to train on has a mask, and objects are learnt from masks; add label images (foci data check {0} says where they are looked for)",
            flags.data.display()
        )));
    }
    let mut watcher = Watcher { progress: Progress::new(plan.steps as f64, flags.json), last: 0 };
    for note in remarks(&dataset.left_out, &dataset.notes) {
        watcher.progress.line(&format!("  {note}"));
    }
    for name in &without_mask {
        watcher.progress.line(&format!("  {name} is left out: it has no mask to learn from"));
    }
    watcher.progress.begin(&format!("{} with {} weights", net.name, net.weights()));
    let outcome = train(&net, &plan, &tiles, &flags.out, &compute, &mut watcher);
    watcher.progress.finish();
    let outcome = outcome?;
    let record = &outcome.model.recipe.training;
    let trained = Trained {
        model: flags.out,
        weights: net.weights(),
        steps: record.steps,
        seconds: outcome.seconds,
        seconds_per_step: outcome.seconds_per_step,
        validation_loss: record.validation_loss,
        diverged: record.diverged,
    };
    if record.diverged {
        let advice = anyhow::anyhow!(
            "the loss was no longer a number after {} steps; the model in {} has the last weights that were sound. Try a smaller --learning-rate",
            trained.steps,
            trained.model.display()
        );
        return Err(Failure::Working(advice));
    }
    if flags.json {
        return terminal::print_json(&trained);
    }
    terminal::print(&format!(
        "model            {}\nvalidation loss  {:.3e}\ntime             {} ({:.3} s a step)\n",
        trained.model.display(),
        trained.validation_loss.unwrap_or(f64::NAN),
        duration(trained.seconds),
        trained.seconds_per_step
    ))
}

fn plan(flags: &TrainArguments) -> TrainingPlan {
    let records = (flags.steps / 10).max(1);
    let (task, usual_scale) = match flags.task {
        TaskArgument::Reconstruct => (Task::Reconstruct, 1.0),
        TaskArgument::Instances => (Task::Instances, INSTANCES_SCALE),
    };
    TrainingPlan {
        task,
        seed: flags.seed,
        steps: flags.steps,
        batch: flags.batch,
        crop: flags.crop,
        learning_rate: flags.learning_rate,
        warmup_share: 0.1,
        optimiser: OptimiserKind::Adam,
        weight_decay: flags.regularisation.weight_decay,
        clip_norm: 1.0,
        loss: task.usual_loss(),
        regularisation: Regularisation {
            dropout: flags.regularisation.dropout,
            skip_dropout: flags.regularisation.skip_dropout,
            deep_supervision: flags.regularisation.deep_supervision,
        },
        input_noise: flags.input_noise,
        augment: true,
        largest_scale: flags.largest_scale.unwrap_or(usual_scale),
        exact: flags.arithmetic.exact,
        validate_every: records,
        checkpoint_every: records,
        gradient_batches: TrainingPlan::usual_gradient_batches(flags.steps),
    }
}

fn activation(argument: ActivationArgument) -> Activation {
    match argument {
        ActivationArgument::Relu => Activation::Relu,
        ActivationArgument::LeakyRelu => Activation::LeakyRelu,
        ActivationArgument::Elu => Activation::Elu,
        ActivationArgument::Silu => Activation::Silu,
    }
}

fn normalisation(argument: NormalisationArgument) -> Normalisation {
    match argument {
        NormalisationArgument::None => Normalisation::None,
        NormalisationArgument::Group => Normalisation::Group,
    }
}

/// The folder must be free, or hold a run that is to go on.
fn check_folder(flags: &TrainArguments) -> Result<(), Failure> {
    // What a program that was killed had begun to write is no file.
    let is_file = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map_or(true, |entry| !foci_image::is_unfinished(&entry.file_name()))
    };
    let occupied = match std::fs::read_dir(&flags.out) {
        Ok(mut entries) => entries.any(is_file),
        Err(_) => flags.out.exists(),
    };
    let advice = match (occupied, foci_train::holds_run(&flags.out)) {
        (false, _) => return Ok(()),
        (true, true) if flags.resume => return Ok(()),
        (true, true) => {
            "holds a training; add --resume to go on with it, or choose another folder with --out"
        }
        (true, false) => "is not empty and holds no training; choose another folder with --out",
    };
    Err(Failure::input(anyhow::anyhow!("{} {advice}", flags.out.display())))
}

/// Shows the steps of the training.
struct Watcher {
    progress: Progress,
    last: u64,
}

impl Observer for Watcher {
    fn step_done(&mut self, step: u64, _: u64, _: f64) {
        // A resumed run begins in the middle: what lies before its first step was done earlier.
        if self.last == 0 && step > 1 {
            self.progress.skip((step - 1) as f64);
            self.last = step - 1;
        }
        self.progress.advance((step - self.last) as f64);
        self.last = step;
    }

    fn stop_requested(&self) -> bool {
        terminal::stop_requested()
    }
}
