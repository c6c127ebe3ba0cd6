//! `foci train --method pixel-classifier`: hand-made features and a random forest on one folder of images, in place of a net.

use crate::arguments::TrainArguments;
use crate::command::train::check_folder;
use crate::command::train_plan::refuse_classes_without_task;
use crate::command::{train_data, train_plan};
use crate::exit::Failure;
use crate::progress::{Progress, duration};
use crate::terminal;
use foci_image::Interrupted;
use foci_train::{PixelTraining, Task};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// What `--json` prints.
#[derive(Serialize)]
struct Trained {
    model: PathBuf,
    method: &'static str,
    seconds: f64,
}

/// Runs the command.
pub fn run(flags: TrainArguments, threads: Option<usize>) -> Result<(), Failure> {
    let mut plan = train_plan::plan(&flags);
    if plan.task == Task::Reconstruct {
        return Err(Failure::input(anyhow::anyhow!(
            "a pixel classifier gives no images back; add --task instances for objects, or --task semantic for classes of pixels"
        )));
    }
    refuse_classes_without_task(&flags, plan.task)?;
    check_folder(&flags)?;
    terminal::stop_on_interrupt()?;
    let started = Instant::now();
    let (tiles, told) = train_data::read(&flags, &mut plan, &train_data::options(&flags), threads)?;
    told.iter().filter(|_| !flags.json).for_each(|line| eprintln!("  {line}"));
    let training = PixelTraining {
        task: plan.task,
        classes: plan.classes,
        pixels: flags.pixels,
        smallest: 0,
        seed: flags.seed,
        threads: terminal::threads(threads),
    };
    let (mut phase, mut progress) = (String::new(), Progress::phase("", flags.json));
    let mut watch = |what: &str, done: usize, all: usize| -> Result<(), Interrupted> {
        if phase != what {
            phase = what.to_owned();
            progress.finish();
            progress = Progress::phase(&format!("pixel classifier: {what}"), flags.json);
        }
        progress.reach(done, all);
        terminal::go_on()
    };
    let model = training.run(&tiles, &mut watch)?;
    progress.finish();
    model.save(&flags.out)?;
    let seconds = started.elapsed().as_secs_f64();
    if flags.json {
        return terminal::print_json(&Trained { model: flags.out, method: "pixel-classifier", seconds });
    }
    terminal::print(&format!(
        "model   {}\nmethod  pixel-classifier, from {} images\ntime    {}\n",
        flags.out.display(),
        tiles.training.len(),
        duration(seconds)
    ))
}
