//! `foci predict`: a model, or a method without a net, on images: one file in, one file out.
//!
//! Inputs are read one by one, so what is wrong with the last is found last. What was predicted by then stays, each file
//! whole, and `--resume` goes on from there.

use crate::arguments::PredictArguments;
use crate::command::predict_sheet::Sheet;
use crate::command::{predict_classes, predict_method, predict_objects};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::reading::{self, Notes};
use crate::terminal;
use foci_image::{
    ChannelChoice, ImageError, LabelImage, Plane, Reading, read_plane_as_others, write_png_grey16,
    write_tiff_f32, write_tiff_u32, write_whole,
};
use foci_kernels::Compute;
use foci_segment::Method;
use foci_train::{Model, Predictor, Task, diameters_px};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Extension of label images that were asked for as PNG.
const PNG: &str = "png";

/// An input and its prediction; one of those that `--json` lists.
#[derive(Serialize)]
pub struct Predicted {
    pub input: PathBuf,
    pub output: PathBuf,
}

/// Runs the command.
pub fn run(flags: PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    if let Some(method) = flags.model.to_str().and_then(Method::from_name) {
        return predict_method::run(method, &flags, threads);
    }
    refuse_what_is_no_model(&flags)?;
    let model = Model::load(&flags.model)?;
    if flags.png && model.recipe.task == Task::Reconstruct {
        return Err(Failure::input(anyhow::anyhow!(
            "--png is for objects and classes, and {} gives images back, whose values need a TIFF; leave it out",
            flags.model.display()
        )));
    }
    let pairs = missing(files(&flags.inputs)?, &flags)?;
    terminal::stop_on_interrupt()?;
    let compute: Compute = terminal::compute(threads)?;
    match model.recipe.task {
        Task::Reconstruct => make_folder(&flags.out)?,
        Task::Semantic => predict_classes::make_folders(&flags.out)?,
        Task::Instances => predict_objects::make_folders(&flags.out)?,
    }
    let predictor = Predictor::new(&model, &compute);
    let predictor = if flags.arithmetic.exact { predictor.exact() } else { predictor };
    let predictor = if flags.flips { predictor.with_flips() } else { predictor };
    let mut predictor = if let Some(side) = flags.tile { predictor.with_tiles(side) } else { predictor };
    let mut progress = Progress::new(pairs.len() as f64, flags.json);
    let said = Reading { channel: reading::channel(flags.channel), page: flags.page };
    let trained = model.recipe.reading;
    remembered(said, trained).iter().for_each(|line| progress.tell(line));
    let mut notes = Notes::default();
    let mut done = Vec::with_capacity(pairs.len());
    let mut diameters = Vec::new();
    for pair in pairs {
        progress.begin(&pair.input.display().to_string());
        let predicted = terminal::go_on().map_err(Failure::from).and_then(|()| {
            let (plane, info) = read_plane_as_others(&pair.input, said, trained)?;
            let unlike = model.recipe.seen.remark_on_bits(info.bits);
            let all: Vec<String> = info.notes.iter().cloned().chain(unlike).collect();
            notes.fresh(&pair.input, &all).iter().for_each(|line| progress.tell(line));
            match model.recipe.task {
                // The result has the input's scale again; 32-bit floats lose nothing of it.
                Task::Reconstruct => {
                    write_tiff_f32(&pair.output, &predictor.predict_raw(&plane)?).map_err(Failure::working)
                }
                Task::Semantic => {
                    let map = predictor.classes_raw(&plane)?;
                    predict_classes::write(&pair, &plane, &map, &model.recipe.classes)
                }
                Task::Instances => {
                    let labels = predictor.objects_raw(&plane)?;
                    diameters.extend(diameters_px(&labels.data));
                    predict_objects::write(&pair, &plane, &labels)
                }
            }
        });
        if let Err(failure) = predicted {
            progress.finish();
            if !done.is_empty() {
                eprintln!("{} images are predicted, the rest are not; go on with --resume", done.len());
            }
            return Err(failure);
        }
        done.push(pair);
        progress.advance(1.0);
    }
    progress.finish();
    if let Some(line) = model.recipe.seen.remark_on_sizes(&mut diameters) {
        eprintln!("{line}");
    }
    let sheet = match model.recipe.task {
        Task::Reconstruct => None,
        Task::Semantic => Some(Sheet::CLASSES),
        Task::Instances => Some(Sheet::OBJECTS),
    };
    let mut see = String::new();
    if let Some(sheet) = sheet {
        sheet.write(&flags.out, &flags.model.display().to_string())?;
        see = format!("; see {}", flags.out.join("index.html").display());
    }
    if flags.json {
        return terminal::print_json(&done);
    }
    terminal::print(&format!("{} images predicted in {}{see}\n", done.len(), flags.out.display()))
}

/// A name that is neither a method nor there, and flags that only methods know.
fn refuse_what_is_no_model(flags: &PredictArguments) -> Result<(), Failure> {
    let (model, methods) = (flags.model.display(), Method::ALL.map(Method::name).join(", "));
    if !flags.model.exists() {
        return Err(Failure::input(anyhow::anyhow!(
            "there is no model folder {model}, and no method of that name; methods without a net are {methods}"
        )));
    }
    if flags.smallest.is_some() || flags.sigma.is_some() {
        return Err(Failure::input(anyhow::anyhow!(
            "--smallest and --sigma are for methods without a net ({methods}), and {model} is none of them; leave them out for a model"
        )));
    }
    Ok(())
}

/// What a model remembers of its training images and nobody said otherwise, for a person to know.
fn remembered(said: Reading, trained: Reading) -> Vec<String> {
    let mut lines = Vec::new();
    if said.channel == ChannelChoice::Guess && trained.channel != ChannelChoice::Guess {
        lines.push(format!(
            "channel {} of images in colour is used, as in training; --channel says another",
            trained.channel
        ));
    }
    if let (None, Some(page)) = (said.page, trained.page) {
        lines.push(format!("page {page} of files with several is used, as in training; --page says another"));
    }
    lines
}

/// The inputs whose predictions are to be made, and where they go. What is there already is never replaced: it might be
/// the image itself. It is kept if that was asked for, and else told before anything is computed.
pub fn missing(inputs: Vec<PathBuf>, flags: &PredictArguments) -> Result<Vec<Predicted>, Failure> {
    let all = inputs.len();
    let mut missing = Vec::with_capacity(all);
    for input in inputs {
        let stem = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let output = flags.out.join(format!("{stem}.{}", if flags.png { PNG } else { "tif" }));
        if !output.exists() {
            missing.push(Predicted { input, output });
        } else if is_same_file(&input, &output) {
            return Err(Failure::input(anyhow::anyhow!(
                "the prediction of {} would take its place; choose another folder with --out",
                input.display()
            )));
        } else if !flags.resume {
            return Err(Failure::input(anyhow::anyhow!(
                "{} is there already; add --resume to keep what is there and predict the rest, or choose another folder with --out",
                output.display()
            )));
        }
    }
    if missing.len() < all {
        let kept = all - missing.len();
        eprintln!("{kept} of {all} predictions are there already in {} and are kept", flags.out.display());
    }
    Ok(missing)
}

/// Makes the folder that predictions go to, where it is not there yet.
pub fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::input(anyhow::anyhow!("cannot make {}: {error}", folder.display())))
}

/// Writes a label image in the format that its name asks for.
pub fn write_labels(output: &Path, labels: &LabelImage) -> Result<(), Failure> {
    if output.extension().is_none_or(|extension| extension != PNG) {
        return Ok(write_tiff_u32(output, labels)?);
    }
    let largest = labels.largest();
    if largest > u32::from(u16::MAX) {
        return Err(Failure::working(anyhow::anyhow!(
            "{} would hold {largest} objects, more than the 65535 that a 16-bit PNG can number; leave out --png for a 32-bit TIFF",
            output.display()
        )));
    }
    let data = labels.data.iter().map(|&label| label as f32).collect();
    Ok(write_png_grey16(output, &Plane { width: labels.width, height: labels.height, data })?)
}

/// Writes a file of the name of an output, with another extension, into a folder beside it.
pub fn write_beside(output: &Path, folder: &str, extension: &str, bytes: &[u8]) -> Result<(), ImageError> {
    let name = output.with_extension(extension);
    write_whole(&output.with_file_name(folder).join(name.file_name().unwrap_or_default()), bytes)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The image files among the inputs, folders opened, in a fixed order; two of one name would overwrite each other.
/// What a folder holds and is no input is told.
pub fn files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let files = foci_image::field_files(input)?;
            files.notes.iter().for_each(|note| eprintln!("{}: {note}", input.display()));
            found.extend(files.fields.into_iter().map(|field| field.path));
        } else {
            found.push(input.clone());
        }
    }
    let mut names = BTreeMap::new();
    for path in &found {
        if let Some(other) = names.insert(path.file_stem(), path) {
            return Err(Failure::input(anyhow::anyhow!(
                "{} and {} are of one name; predict them into different folders",
                other.display(),
                path.display()
            )));
        }
    }
    if found.is_empty() {
        return Err(Failure::input(anyhow::anyhow!(
            "no images found; give image files or folders that hold some"
        )));
    }
    Ok(found)
}
