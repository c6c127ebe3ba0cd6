//! `foci predict MODEL`: a trained model on images.
//!
//! Many images are shared out, and each goes from its file to its files on one thread, which never waits for another. Few
//! images are taken one after the other by all threads. Either gives the same bits.

use crate::arguments::PredictArguments;
use crate::command::predict::{Predicted, files, hold, missing, sort_out, tell_left_out, why_not_written};
use crate::command::predict_objects::Told;
use crate::command::predict_sheet::Sheet;
use crate::command::{predict_classes, predict_objects};
use crate::exit::Failure;
use crate::progress::watched;
use crate::reading::{self, Notes};
use crate::terminal;
use foci_image::{Reading, read_plane_as_others, write_tiff_f32};
use foci_kernels::Compute;
use foci_train::{Model, Predictor, Task, TrainError, diameters_px};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Images for each thread from which on they are shared out: with fewer, threads would be idle at the end.
const MANY: usize = 2;

/// Runs the model on all images.
pub fn run(flags: &PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    let mut model = Model::load(&flags.model)?;
    let task = model.recipe.task;
    let scales = flags.scales.clone().unwrap_or_default();
    match (&mut model.recipe.objects, flags.smallest) {
        // What is chosen in training are pixels as the net is shown them.
        (Some(objects), smallest) => {
            objects.smallest = smallest.unwrap_or_else(|| scales.area_in_image(objects.smallest));
        }
        (None, None) => {}
        (None, Some(_)) => {
            return Err(Failure::input(anyhow::anyhow!(
                "--smallest is for objects, and {} outlines none; leave it out",
                flags.model.display()
            )));
        }
    }
    if flags.png && task == Task::Reconstruct {
        return Err(Failure::input(anyhow::anyhow!(
            "--png is for objects and classes, and {} gives images back, whose values need a TIFF; leave it out",
            flags.model.display()
        )));
    }
    if flags.foci && task != Task::Instances {
        return Err(Failure::input(anyhow::anyhow!(
            "--foci counts foci in objects, and {} outlines none; leave it out",
            flags.model.display()
        )));
    }
    if flags.scales.is_some() && task == Task::Reconstruct {
        return Err(Failure::input(anyhow::anyhow!(
            "--scales is for objects and classes, and {} gives images back, whose detail another size would lose; leave it out",
            flags.model.display()
        )));
    }
    let inputs = files(&flags.inputs)?;
    let _lock = hold(&flags.out)?;
    let pairs = missing(inputs, flags)?;
    let sheet = match task {
        Task::Reconstruct => None,
        Task::Semantic => {
            predict_classes::make_folders(&flags.out)?;
            Some(Sheet::CLASSES)
        }
        Task::Instances => {
            predict_objects::make_folders(&flags.out)?;
            Some(Sheet::OBJECTS)
        }
    };
    let said = Reading { channel: reading::channel(flags.channel), page: flags.page };
    reading::remembered(said, model.recipe.reading).iter().for_each(|line| eprintln!("{line}"));

    // A net that normalises sees an image as a whole and cannot go by tiles where memory is short: all of it for one.
    let at_once = if model.net.normalises() { 1 } else { pairs.len() };
    let computes = computes(at_once, threads)?;
    let predictor = |compute| predictor(&model, compute, computes.len(), flags).at_scales(&scales);
    let idle: Mutex<Vec<Predictor>> = Mutex::new(computes.iter().map(predictor).collect());
    let take = || idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let put_back = |predictor| idle.lock().unwrap_or_else(PoisonError::into_inner).push(predictor);
    let (done, told) = (AtomicUsize::new(0), Mutex::new(Notes::default()));
    let name = flags.model.display().to_string();
    let predicted = watched(&format!("{name} on images"), Some(computes.len()), flags.json, |workers| {
        workers.map(&pairs, |pair| {
            // There are as many as threads; one more would only take turns with the first.
            let mut predictor = take().unwrap_or_else(|| predictor(&computes[0]));
            let tell = |notes: &[String]| {
                let fresh = told.lock().unwrap_or_else(PoisonError::into_inner).fresh(&pair.input, notes);
                fresh.iter().for_each(|line| terminal::tell(line));
            };
            let diameters = predict(pair, &model, said, flags.foci, &mut predictor, &tell);
            put_back(predictor);
            done.fetch_add(usize::from(matches!(diameters, Ok(Ok(_)))), Ordering::Relaxed);
            diameters
        })
    });
    let done = done.into_inner();
    if predicted.is_err() && done > 0 {
        eprintln!("{done} images are predicted, the rest are not; go on with --resume");
    }
    let (predicted, left_out) = sort_out(&pairs, predicted?);
    let mut diameters: Vec<f64> = predicted.iter().flat_map(|(_, of_image)| of_image).copied().collect();
    if let Some(line) = model.recipe.seen.remark_on_sizes(&mut diameters, &scales) {
        eprintln!("{line}");
    }
    let mut see = String::new();
    if let Some(sheet) = sheet {
        sheet.write(&flags.out, &name)?;
        see = format!("; see {}", flags.out.join("index.html").display());
    }
    if flags.json {
        terminal::print_json(&predicted.iter().map(|(pair, _)| pair).collect::<Vec<_>>())?;
    } else {
        terminal::print(&format!("{} images predicted in {}{see}\n", predicted.len(), flags.out.display()))?;
    }
    tell_left_out(pairs.len(), &left_out)
}

/// Reads an image, predicts it, and writes what there is of it; returns the diameters of its objects, if it has any, or why this image is left out.
fn predict(
    pair: &Predicted,
    model: &Model,
    said: Reading,
    with_foci: bool,
    predictor: &mut Predictor,
    tell: &dyn Fn(&[String]),
) -> Result<Result<Vec<f64>, String>, Failure> {
    let recipe = &model.recipe;
    let (plane, info) = match read_plane_as_others(&pair.input, said, recipe.reading) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let seen = &recipe.seen;
    let remarks = [seen.remark_on_bits(info.bits), seen.remark_on_channels(info.several_channels)];
    tell(&info.notes.into_iter().chain(remarks.into_iter().flatten()).collect::<Vec<_>>());
    let mut diameters = Vec::new();
    let failed = |error: TrainError| Failure::from(error).about(pair.input.display());
    match recipe.task {
        // The result has the input's scale again; 32-bit floats lose nothing of it.
        Task::Reconstruct => {
            let image = predictor.predict_raw(&plane).map_err(failed)?;
            write_tiff_f32(&pair.output, &image).map_err(Failure::working)?;
        }
        Task::Semantic => {
            let map = predictor.classes_raw(&plane).map_err(failed)?;
            predict_classes::write(pair, &plane, &map, &recipe.classes)?;
        }
        Task::Instances => {
            let found = predictor.found_raw(&plane).map_err(failed)?;
            if let Some(reason) = why_not_written(&pair.output, &found.labels) {
                return Ok(Err(reason));
            }
            diameters.extend(diameters_px(&found.labels.data));
            let told = Told { objects: &found.classes, names: &recipe.classes };
            predict_objects::write(pair, &plane, &found.labels, &told, with_foci)?;
        }
    }
    Ok(Ok(diameters))
}

/// Threads for so many images: one team for each that is predicted at the same time.
fn computes(images: usize, threads: Option<usize>) -> Result<Vec<Compute>, Failure> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.unwrap_or_else(cores);
    let (teams, each) = if images >= MANY * threads { (threads, 1) } else { (1, threads) };
    (0..teams).map(|_| terminal::compute(Some(each))).collect()
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
