//! `foci predict`: a model, or a method without a net, on images: one file in, one file out. Here is what both share.
//!
//! Inputs are read when their turn comes. One that cannot be read, or whose answer cannot be written as it was asked for, is left out and told at the end, and the others
//! are predicted. What ends the whole (a full disk, Ctrl-C) leaves what was predicted by then, each file whole, and `--resume` goes on from there.

use crate::arguments::PredictArguments;
use crate::command::{predict_method, predict_model};
use crate::exit::Failure;
use foci_image::{FolderLock, ImageError, LabelImage, Plane, write_png_grey16, write_tiff_u32, write_whole};
use foci_segment::Method;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Extension of label images that were asked for as PNG.
const PNG: &str = "png";
/// Extension of all others.
const TIFF: &str = "tif";

/// An input and its prediction; one of those that `--json` lists.
#[derive(Serialize)]
pub struct Predicted {
    pub input: PathBuf,
    pub output: PathBuf,
}

/// Runs the command.
pub fn run(flags: &PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    if let Some(method) = flags.model.to_str().and_then(Method::from_name) {
        return predict_method::run(method, flags, threads);
    }
    refuse_what_is_no_model(flags)?;
    predict_model::run(flags, threads)
}

/// A name that is neither a method nor there, and a flag that only methods know.
fn refuse_what_is_no_model(flags: &PredictArguments) -> Result<(), Failure> {
    let (model, methods) = (flags.model.display(), Method::ALL.map(Method::name).join(", "));
    if !flags.model.exists() {
        return Err(Failure::input(anyhow::anyhow!(
            "there is no model folder {model}, and no method of that name; methods without a net are {methods}"
        )));
    }
    if flags.sigma.is_some() {
        return Err(Failure::input(anyhow::anyhow!(
            "--sigma is for methods without a net ({methods}), and {model} is none of them; leave it out for a model"
        )));
    }
    Ok(())
}

/// A flag that says something to nets alone, if one is given.
pub fn flag_of_nets(flags: &PredictArguments) -> Option<&'static str> {
    let all = [
        ("--exact", flags.arithmetic.exact),
        ("--flips", flags.flips),
        ("--scales", flags.scales.is_some()),
        ("--tile", flags.tile.is_some()),
    ];
    all.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
}

/// The inputs whose predictions are to be made, and where they go. What is there already is never replaced: it might be
/// the image itself. It is kept if that was asked for, and else told before anything is computed.
pub fn missing(inputs: Vec<PathBuf>, flags: &PredictArguments) -> Result<Vec<Predicted>, Failure> {
    let all = inputs.len();
    let mut missing = Vec::with_capacity(all);
    for input in inputs {
        let stem = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let [written, other] = if flags.png { [PNG, TIFF] } else { [TIFF, PNG] };
        let [output, other] = [written, other].map(|extension| flags.out.join(format!("{stem}.{extension}")));
        if !output.exists() && other.exists() && !is_same_file(&input, &other) {
            return Err(Failure::input(anyhow::anyhow!(
                "{} is there already, and its tables and pictures would be replaced; choose another folder with --out, or the same format",
                other.display()
            )));
        } else if !output.exists() {
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
fn make_folder(folder: &Path) -> Result<(), Failure> {
    foci_image::disk::create_folder(folder)
        .map_err(|error| Failure::input(anyhow::anyhow!("cannot make {}: {error}", folder.display())))
}

/// Makes a folder in one that this process holds, and tidies up what a killed one left there.
pub fn make_own_folder(folder: &Path) -> Result<(), Failure> {
    make_folder(folder)?;
    foci_image::remove_unfinished(folder);
    Ok(())
}

/// Makes the folder that predictions go to this process's own.
pub fn hold(folder: &Path) -> Result<FolderLock, Failure> {
    make_folder(folder)?;
    let lock = FolderLock::take(folder)?;
    foci_image::remove_unfinished(folder);
    Ok(lock)
}

/// Writes a label image in the format that its name asks for.
pub fn write_labels(output: &Path, labels: &LabelImage) -> Result<(), Failure> {
    if output.extension().is_none_or(|extension| extension != PNG) {
        return Ok(write_tiff_u32(output, labels)?);
    }
    let data = labels.data.iter().map(|&label| label as f32).collect();
    Ok(write_png_grey16(output, &Plane { width: labels.width, height: labels.height, data })?)
}

/// Why labels cannot be written in the format that their name asks for, if they cannot; known before anything else of the image is written.
pub fn why_not_written(output: &Path, labels: &LabelImage) -> Option<String> {
    let largest = labels.largest();
    let is_too_many =
        output.extension().is_some_and(|extension| extension == PNG) && largest > u32::from(u16::MAX);
    is_too_many.then(|| {
        format!(
            "{} would hold {largest} objects, more than the 65535 that a 16-bit PNG can number; leave out --png for a 32-bit TIFF",
            output.display()
        )
    })
}

/// The images that were predicted, each with what came of it, and why the others were left out.
pub fn sort_out<T>(
    pairs: &[Predicted],
    images: Vec<Result<T, String>>,
) -> (Vec<(&Predicted, T)>, Vec<String>) {
    let (mut predicted, mut left_out) = (Vec::new(), Vec::new());
    for (pair, image) in pairs.iter().zip(images) {
        match image {
            Ok(of_image) => predicted.push((pair, of_image)),
            Err(reason) => left_out.push(reason),
        }
    }
    (predicted, left_out)
}

/// Tells why images were left out, after all others were predicted.
///
/// # Errors
/// An input error if there are any.
pub fn tell_left_out(images: usize, reasons: &[String]) -> Result<(), Failure> {
    reasons.iter().for_each(|reason| eprintln!("{reason}"));
    match reasons.len() {
        0 => Ok(()),
        left_out => Err(Failure::input(anyhow::anyhow!(
            "{left_out} of {images} images have no prediction, for the reasons above; see to them and go on with --resume"
        ))),
    }
}

/// A table as text, quoted where it must be.
pub fn csv_text(rows: impl IntoIterator<Item = Vec<String>>) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::working(anyhow::anyhow!("cannot write the table of an image: {error}"))
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

/// The file of the name of an output, with another extension, in a folder beside it.
pub fn beside(output: &Path, folder: &str, extension: &str) -> PathBuf {
    let name = output.with_extension(extension);
    output.with_file_name(folder).join(name.file_name().unwrap_or_default())
}

/// Writes a file [`beside`] an output.
pub fn write_beside(output: &Path, folder: &str, extension: &str, bytes: &[u8]) -> Result<(), ImageError> {
    write_whole(&beside(output, folder, extension), bytes)
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
