//! The images that `foci train` learns from, with their masks and classes as the task needs them.

use crate::arguments::TrainArguments;
use crate::command::train_plan::{know_classes, know_object_classes};
use crate::exit::Failure;
use crate::progress::{READING, watched};
use crate::reading;
use foci_image::{Dataset, DatasetOptions};
use foci_study::data::{read_masks_for, remarks, training_tiles};
use foci_train::{Task, Tiles, TrainingPlan};

/// How the flags say that images are read.
pub fn options(flags: &TrainArguments) -> DatasetOptions {
    let options = reading::dataset_options(&flags.reading);
    DatasetOptions { class_column: flags.object_classes.clone(), ..options }
}

/// Reads the images to train and to validate on; the plan gets to know the classes. Returns with them what a person should know.
pub fn read(
    flags: &TrainArguments,
    plan: &mut TrainingPlan,
    options: &DatasetOptions,
    threads: Option<usize>,
) -> Result<(Tiles, Vec<String>), Failure> {
    let mut dataset =
        watched(READING, threads, flags.json, |workers| Dataset::open(&flags.data, options, workers))?;
    read_masks_for(plan.task, &mut dataset);
    let (mut tiles, without_mask) = watched("loading tiles", threads, flags.json, |workers| {
        training_tiles(&dataset, plan.task, flags.seed, workers)
    })?;
    if !without_mask.is_empty() && tiles.training.is_empty() {
        return Err(Failure::input(anyhow::anyhow!(
            "no image in {} to train on has a mask, and this task is learnt from masks; add label images (foci data check {0} says where they are looked for)",
            flags.data.display()
        )));
    }
    let mut told = Vec::new();
    if plan.task == Task::Semantic {
        told = know_classes(plan, &mut tiles, &flags.classes)?;
    } else if let Some(column) = &flags.object_classes {
        know_object_classes(plan, &mut tiles, column, flags)?;
    }
    told.extend(remarks(&dataset.left_out, &dataset.notes));
    let is_left_out = |name: &String| format!("{name} is left out: it has no mask to learn from");
    told.extend(without_mask.iter().map(is_left_out));
    Ok((tiles, told))
}
