//! `foci train`: one net, or a method in place of a net, on one folder of images.

use crate::arguments::TrainArguments;
use crate::command::train_net::Origin;
use crate::command::train_plan::{
    advice_on_binning, fill_minutes, plan, refuse_classes_without_task, with_classes,
};
use crate::command::{train_data, train_pixels};
use crate::exit::Failure;
use crate::progress::{Progress, duration};
use crate::terminal;
use foci_train::{Observer, Training};
use serde::Serialize;
use std::path::PathBuf;

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
    if flags.method.is_some() {
        return train_pixels::run(flags, threads);
    }
    let origin = Origin::of(&flags)?;
    let mut plan = plan(&flags);
    plan.pretrained = origin.pretrained().map(|weights| weights.sha256().to_owned());
    refuse_classes_without_task(&flags, plan.task)?;
    // What is wrong with flags or net is told before any image is read, for as many classes as there are at least.
    origin.net(&with_classes(&plan, &flags, flags.classes.len().max(2)))?;
    check_folder(&flags)?;
    terminal::stop_on_interrupt()?;
    let compute = terminal::compute(threads)?;
    let mut options = train_data::options(&flags);
    origin.read_alike(&mut options);
    let (tiles, remarks) = train_data::read(&flags, &mut plan, &options, threads)?;
    let net = origin.net(&plan)?;
    let told = match flags.minutes {
        Some(minutes) => Some(fill_minutes(&mut plan, minutes, &net, &flags, &compute)?),
        None => None,
    };
    let name = format!("{} with {} weights", net.name, net.weights());
    let mut watcher = Watcher {
        progress: Progress::new(plan.steps as f64, flags.json),
        last: 0,
        open_ended: (plan.patience > 0).then(|| name.clone()),
    };
    for line in told.into_iter().chain(advice_on_binning(&plan, &tiles)).chain(remarks) {
        watcher.progress.line(&format!("  {line}"));
    }
    watcher.progress.begin(&name);
    let training = Training::new(&net, &plan).pretrained(origin.pretrained());
    let outcome = training.run(&tiles, &flags.out, &compute, &mut watcher);
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
    let ended = if trained.steps < plan.steps { ", where the validation loss no longer fell" } else { "" };
    terminal::print(&format!(
        "model            {}\nvalidation loss  {:.3e}\nsteps            {}{ended}\ntime             {} ({:.3} s a step)\n",
        trained.model.display(),
        trained.validation_loss.unwrap_or(f64::NAN),
        trained.steps,
        duration(trained.seconds),
        trained.seconds_per_step
    ))
}

/// The folder must be free, or hold a run that is to go on.
pub fn check_folder(flags: &TrainArguments) -> Result<(), Failure> {
    let occupied = foci_image::holds_files(&flags.out).unwrap_or_else(|_| flags.out.exists());
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
    /// What is trained, if nobody knows for how long.
    open_ended: Option<String>,
}

impl Observer for Watcher {
    fn step_done(&mut self, step: u64, _: u64, _: f64) {
        if let Some(name) = &self.open_ended {
            self.progress.begin(&format!("{name}, step {step}"));
            return;
        }
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
