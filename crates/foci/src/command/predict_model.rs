//! `foci predict MODEL`: a trained model on images, a net or a pixel classifier.
//!
//! Many images are shared out, and each goes from its file to its files on one thread, which never waits for another. Few
//! images are taken one after the other by all threads. Either gives the same bits.

use crate::arguments::PredictArguments;
use crate::command::predict::flag_of_nets;
use crate::command::predict_images::Images;
use crate::command::predict_maker::{Classifier, Learnt};
use crate::exit::Failure;
use crate::terminal;
use foci_kernels::Compute;
use foci_train::{Model, PixelModel, Predictor, Task};

/// Images for each thread from which on they are shared out: with fewer, threads would be idle at the end.
const MANY: usize = 2;

/// Runs the model on all images.
pub fn run(flags: &PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    if PixelModel::is_in(&flags.model) { classifier(flags, threads) } else { net(flags, threads) }
}

fn net(flags: &PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    let mut model = Model::load(&flags.model)?;
    let scales = flags.scales.clone().unwrap_or_default();
    if let Some(objects) = &mut model.recipe.objects {
        // What is chosen in training are pixels as the net is shown them.
        objects.smallest = flags.smallest.unwrap_or_else(|| scales.area_in_image(objects.smallest));
    }
    refuse_what_the_task_does_not_know(flags, model.recipe.task)?;
    let images = Images::of(flags, Learnt::from(&model))?;
    // A net that normalises sees an image as a whole and cannot go by tiles where memory is short: all of it for one.
    let (teams, each) = teams(if model.net.normalises() { 1 } else { images.count() }, threads);
    let computes = (0..teams).map(|_| terminal::compute(Some(each))).collect::<Result<Vec<_>, _>>()?;
    images.answer(teams, |team| predictor(&model, &computes[team], teams, flags).at_scales(&scales))
}

fn classifier(flags: &PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    if let Some(flag) = flag_of_nets(flags) {
        return Err(Failure::input(anyhow::anyhow!(
            "{flag} is for nets, and {} is a pixel classifier; leave it out",
            flags.model.display()
        )));
    }
    let mut model = PixelModel::load(&flags.model)?;
    if let (Some(objects), Some(smallest)) = (&mut model.recipe.objects, flags.smallest) {
        objects.smallest = smallest;
    }
    refuse_what_the_task_does_not_know(flags, model.recipe.task)?;
    let images = Images::of(flags, Learnt::from(&model))?;
    let (teams, threads) = teams(images.count(), threads);
    images.answer(teams, |_| Classifier { model: &model, threads })
}

/// Flags that say something of other tasks only.
fn refuse_what_the_task_does_not_know(flags: &PredictArguments, task: Task) -> Result<(), Failure> {
    let (gives_images, outlines) = (task == Task::Reconstruct, task == Task::Instances);
    for (flag, is_refused, does, what) in [
        ("--smallest", flags.smallest.is_some() && !outlines, "is for objects", "outlines none"),
        (
            "--png",
            flags.png && gives_images,
            "is for objects and classes",
            "gives images back, whose values need a TIFF",
        ),
        ("--foci", flags.foci && !outlines, "counts foci in objects", "outlines none"),
        (
            "--scales",
            flags.scales.is_some() && gives_images,
            "is for objects and classes",
            "gives images back, whose detail another size would lose",
        ),
    ] {
        if is_refused {
            return Err(Failure::input(anyhow::anyhow!(
                "{flag} {does}, and {} {what}; leave it out",
                flags.model.display()
            )));
        }
    }
    Ok(())
}

/// How many teams of threads so many images are shared out to, and how many threads each has.
fn teams(images: usize, threads: Option<usize>) -> (usize, usize) {
    let threads = terminal::threads(threads);
    if images >= MANY * threads { (threads, 1) } else { (1, threads) }
}

fn predictor<'a>(
    model: &'a Model,
    compute: &'a Compute,
    teams: usize,
    flags: &PredictArguments,
) -> Predictor<'a> {
    let predictor = Predictor::new(model, compute).among(teams);
    let predictor = if flags.arithmetic.exact { predictor.exact() } else { predictor };
    let predictor = if flags.flips { predictor.with_flips() } else { predictor };
    if let Some(side) = flags.tile { predictor.with_tiles(side) } else { predictor }
}
