//! The plan of `foci train`: what the flags say, what the masks say, and how many steps the minutes hold.

use crate::arguments::{
    ActivationArgument, IntensitiesArgument, NormalisationArgument, TaskArgument, TrainArguments,
};
use crate::exit::Failure;
use foci_engine::{Shape, time};
use foci_kernels::Compute;
use foci_net::{Activation, Net, Normalisation, Regularisation};
use foci_train::{
    Intensities, NO_CLASS, OptimiserKind, Task, Tiles, TrainingPlan, balanced_weights, class_counts,
    object_class_counts, sorted_diameters_px, steps_of_run,
};

/// Optimiser steps, unless said otherwise.
const STEPS: u64 = 500;
/// The most that a training takes which ends by itself, unless said otherwise.
const MOST_STEPS: u64 = 100_000;
/// Steps between the validations that it listens to.
const LISTENS_EVERY: u64 = 100;
/// Steps that are timed to know how many the minutes hold.
const TIMED_STEPS: usize = 5;
/// Share of the minutes that the steps themselves get; making crops, validation and choosing what separates objects take the rest.
const SHARE_OF_STEPS: f64 = 0.85;

/// Objects whose median is this many pixels across are learnt better from binned pixels (docs/results/coelho2009.md: 97 pixels across, by 2).
const LARGE_PX: f64 = 70.0;

/// Says that objects are many pixels across, if they are and pixels are not binned yet.
pub fn advice_on_binning(plan: &TrainingPlan, tiles: &Tiles) -> Option<String> {
    if plan.task != Task::Instances || plan.binning > 1 {
        return None;
    }
    let diameters = sorted_diameters_px(&tiles.training);
    let median = *diameters.get(diameters.len() / 2)?;
    (median >= LARGE_PX).then(|| {
        format!("objects are {median:.0} pixels across (median); with --binning 2 the net sees more of them at a time, and a step shows four times the area")
    })
}

/// Sets the steps that `minutes` hold on this machine: a few steps are timed beforehand, and from then on it is a training of so many steps like
/// any other, which `--steps` repeats to the same bits. A run that goes on keeps its steps.
pub fn fill_minutes(
    plan: &mut TrainingPlan,
    minutes: f64,
    net: &Net,
    flags: &TrainArguments,
    compute: &Compute,
) -> Result<String, Failure> {
    if !(minutes.is_finite() && minutes > 0.0) {
        return Err(Failure::input(anyhow::anyhow!("--minutes must be above 0, but is {minutes}")));
    }
    if let Some(steps) = steps_of_run(&flags.out)?.filter(|_| flags.resume) {
        set_steps(plan, steps);
        return Ok(format!("going on with a training of {steps} steps"));
    }
    let shape = Shape { n: plan.batch, h: plan.crop, w: plan.crop };
    let timing =
        time(net, shape, plan.exact, compute, TIMED_STEPS, &mut |_, _| {}).map_err(Failure::input)?;
    let seconds = timing.train_seconds;
    set_steps(plan, ((60.0 * minutes * SHARE_OF_STEPS / seconds) as u64).max(1));
    let steps = plan.steps;
    Ok(format!(
        "{minutes} minutes are {steps} steps on this machine ({seconds:.3} s each); --steps {steps} repeats this training"
    ))
}

fn set_steps(plan: &mut TrainingPlan, steps: u64) {
    plan.steps = steps;
    plan.validate_every = records(plan.patience, steps);
    plan.checkpoint_every = plan.validate_every;
    plan.gradient_batches = TrainingPlan::usual_gradient_batches(steps);
}

/// Steps between two validations, and between two checkpoints.
fn records(patience: u32, steps: u64) -> u64 {
    let usual = TrainingPlan::usual_records(steps);
    if patience == 0 { usual } else { usual.min(LISTENS_EVERY) }
}

/// The plan as far as the flags say it; what classes there are is known when the masks have been read.
pub fn plan(flags: &TrainArguments) -> TrainingPlan {
    let patience = flags.patience.unwrap_or(0);
    let steps = flags.steps.unwrap_or(if patience == 0 { STEPS } else { MOST_STEPS });
    let task = match flags.task {
        TaskArgument::Reconstruct => Task::Reconstruct,
        TaskArgument::Semantic => Task::Semantic,
        TaskArgument::Instances => Task::Instances,
    };
    TrainingPlan {
        task,
        // Known when the masks have been read.
        classes: 0,
        class_weights: Vec::new(),
        rare_share: flags.rare_share.unwrap_or(task.usual_rare_share()),
        // Known when the model to begin with has been read.
        pretrained: None,
        seed: flags.seed,
        steps,
        patience,
        batch: flags.batch,
        crop: flags.crop,
        binning: flags.binning,
        intensities: match flags.intensities {
            IntensitiesArgument::Linear => Intensities::Linear,
            IntensitiesArgument::SquareRoot => Intensities::SquareRoot,
        },
        contact_weight: flags.contact_weight,
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
        largest_scale: flags.largest_scale.unwrap_or(task.usual_scale()),
        appearance: flags.appearance.unwrap_or(task.usual_appearance()),
        exact: flags.arithmetic.exact,
        validate_every: records(patience, steps),
        checkpoint_every: records(patience, steps),
        gradient_batches: TrainingPlan::usual_gradient_batches(steps),
    }
}

pub fn refuse_classes_without_task(flags: &TrainArguments, task: Task) -> Result<(), Failure> {
    if flags.object_classes.is_some() && task != Task::Instances {
        return Err(Failure::input(anyhow::anyhow!(
            "--object-classes tells the objects of --task instances apart, and the task is {}; leave it out",
            task.name()
        )));
    }
    if !flags.classes.is_empty() && task != Task::Semantic && flags.object_classes.is_none() {
        return Err(Failure::input(anyhow::anyhow!(
            "--classes names the classes of --task semantic, or of --object-classes, and the task is {}; leave it out",
            task.name()
        )));
    }
    Ok(())
}

/// The plan with so many classes, if there are any to learn, of pixels or of objects.
pub fn with_classes(plan: &TrainingPlan, flags: &TrainArguments, classes: usize) -> TrainingPlan {
    let has_any = plan.task == Task::Semantic || flags.object_classes.is_some();
    let classes = if has_any { classes } else { 0 };
    TrainingPlan { classes, ..plan.clone() }
}

/// More classes than this are hardly meant: the masks number objects.
const MANY_CLASSES: usize = 20;

/// Counts the classes in the masks, weighs and names them; returns what a person should know of them.
pub fn know_classes(
    plan: &mut TrainingPlan,
    tiles: &mut Tiles,
    names: &[String],
) -> Result<Vec<String>, Failure> {
    let mut counts = class_counts(tiles.training.iter().chain(&tiles.validation))?;
    let (found, named) = (counts.len(), names.len());
    if named > 0 && named < found {
        return Err(Failure::input(anyhow::anyhow!(
            "the masks have values up to {}, but only {named} classes are named; name one for each value from 0 on",
            found - 1
        )));
    }
    counts.resize(found.max(named), 0);
    plan.classes = counts.len();
    plan.class_weights = balanced_weights(&counts);
    let number = |class: usize| class.to_string();
    tiles.classes = if named > 0 { names.to_vec() } else { (0..found).map(number).collect() };
    Ok(remarks_on_classes(&counts, &tiles.classes))
}

/// Classes of which no mask has a pixel, and more of them than anybody means.
fn remarks_on_classes(counts: &[u64], names: &[String]) -> Vec<String> {
    let absent: Vec<&str> =
        names.iter().zip(counts).filter(|(_, count)| **count == 0).map(|(name, _)| name.as_str()).collect();
    let mut remarks = Vec::new();
    if let Some(first) = absent.first() {
        remarks.push(format!(
            "{} of {} classes occur in no mask, first '{first}': nothing teaches them; number classes 0, 1, 2, .. without gaps",
            absent.len(),
            names.len()
        ));
    }
    let occurring = counts.len() - absent.len();
    if occurring > MANY_CLASSES {
        remarks.push(format!(
            "the masks have {occurring} values, each learnt as a class; if they number objects, use --task instances"
        ));
    }
    remarks
}

/// Counts and weighs the classes of objects. Where only some are to be learnt, objects of the others count as of none.
pub fn know_object_classes(
    plan: &mut TrainingPlan,
    tiles: &mut Tiles,
    column: &str,
    flags: &TrainArguments,
) -> Result<(), Failure> {
    let refuse = |reason: String| Err(Failure::input(anyhow::anyhow!("{reason}")));
    let found = std::mem::take(&mut tiles.classes);
    let names = if flags.classes.is_empty() { found.clone() } else { flags.classes.clone() };
    if found.is_empty() {
        return refuse(format!(
            "nothing in {} says of which class objects are: neither a table cells/NAME.csv nor images.csv has a column '{column}'",
            flags.data.display()
        ));
    }
    if names.len() < 2 {
        let what =
            if flags.classes.is_empty() { "all objects are of one class" } else { "--classes names one" };
        return refuse(format!(
            "{what}, {}; to tell objects apart there must be two at least, and column '{column}' has {}",
            names.join(", "),
            found.join(", ")
        ));
    }
    if found.len() >= usize::from(NO_CLASS) {
        return refuse(format!(
            "column '{column}' has {} different values, and at most 254 classes can be told apart; name a column of classes",
            found.len()
        ));
    }
    // Numbered as they are named; 255 stays what it is.
    let place = |class: u8| {
        let name = found.get(usize::from(class))?;
        u8::try_from(names.iter().position(|known| known == name)?).ok()
    };
    for example in tiles.training.iter_mut().chain(&mut tiles.validation) {
        for class in &mut example.object_classes {
            *class = place(*class).unwrap_or(NO_CLASS);
        }
    }
    let counts = object_class_counts(&tiles.training, names.len());
    if let Some(missing) = counts.iter().position(|count| *count == 0) {
        return refuse(format!(
            "no object to train on is of the class '{}' in column '{column}'; there are {}",
            names[missing],
            found.join(", ")
        ));
    }
    plan.classes = names.len();
    plan.class_weights = balanced_weights(&counts);
    // A run that goes on must mean the same by its numbers.
    tiles.fingerprint += &format!(" classes {names:?}");
    tiles.classes = names;
    Ok(())
}

pub fn activation(argument: ActivationArgument) -> Activation {
    match argument {
        ActivationArgument::Relu => Activation::Relu,
        ActivationArgument::LeakyRelu => Activation::LeakyRelu,
        ActivationArgument::Elu => Activation::Elu,
        ActivationArgument::Silu => Activation::Silu,
    }
}

pub fn normalisation(argument: NormalisationArgument) -> Normalisation {
    match argument {
        NormalisationArgument::None => Normalisation::None,
        NormalisationArgument::Group => Normalisation::Group,
    }
}
