//! `foci predict METHOD`: label images, outlines and tables of objects by a method that needs no training.
//!
//! Unlike a net, which uses all threads for few images, methods take an image each. What was written stays after a failure or Ctrl-C,
//! each file whole, and `--resume` goes on from there.

use crate::arguments::PredictArguments;
use crate::command::predict::{
    Predicted, files, flag_of_nets, hold, missing, sort_out, tell_left_out, why_not_written,
};
use crate::command::predict_objects::{self, Told};
use crate::command::predict_sheet::Sheet;
use crate::exit::Failure;
use crate::progress::watched;
use crate::reading::{Notes, channel};
use crate::terminal;
use foci_image::read_plane_page;
use foci_segment::{Method, MethodOptions};

/// What one image gave.
struct Segmented {
    objects: usize,
    notes: Vec<String>,
}

/// Runs the method on all images.
pub fn run(method: Method, flags: &PredictArguments, threads: Option<usize>) -> Result<(), Failure> {
    let options = options(method, flags)?;
    let inputs = files(&flags.inputs)?;
    let _lock = hold(&flags.out)?;
    let pairs = missing(inputs, flags)?;
    predict_objects::make_folders(&flags.out)?;
    let segmented = watched(&format!("{} on images", method.name()), threads, flags.json, |workers| {
        workers.map(&pairs, |pair| segment(method, &options, flags, pair))
    })?;
    let mut notes = Notes::default();
    let (predicted, left_out) = sort_out(&pairs, segmented);
    for (pair, image) in &predicted {
        notes.fresh(&pair.input, &image.notes).iter().for_each(|line| eprintln!("{line}"));
    }
    Sheet::OBJECTS.write(&flags.out, method.name())?;
    if flags.json {
        terminal::print_json(&predicted.iter().map(|(pair, _)| pair).collect::<Vec<_>>())?;
    } else {
        let objects: usize = predicted.iter().map(|(_, image)| image.objects).sum();
        terminal::print(&format!(
            "{} label images with {objects} objects in {}; see {}\n",
            predicted.len(),
            flags.out.display(),
            flags.out.join("index.html").display()
        ))?;
    }
    tell_left_out(pairs.len(), &left_out)
}

/// What the method was told; flags that it does not know are refused, not passed over.
fn options(method: Method, flags: &PredictArguments) -> Result<MethodOptions, Failure> {
    let refuse = |flag: &str, of: &str| {
        Err(Failure::input(anyhow::anyhow!(
            "{flag} is for {of}, and {} is none; leave it out",
            method.name()
        )))
    };
    if let Some(flag) = flag_of_nets(flags) {
        return refuse(flag, "nets");
    }
    if flags.sigma.is_some() && !method.is_watershed() {
        return refuse("--sigma", "watersheds");
    }
    let default = MethodOptions::default();
    Ok(MethodOptions {
        smallest: flags.smallest.unwrap_or(default.smallest),
        sigma_px: flags.sigma.unwrap_or(default.sigma_px),
    })
}

/// Reads an image, outlines its objects, and writes them; or says why this image is left out.
fn segment(
    method: Method,
    options: &MethodOptions,
    flags: &PredictArguments,
    pair: &Predicted,
) -> Result<Result<Segmented, String>, Failure> {
    let (plane, info) = match read_plane_page(&pair.input, channel(flags.channel), flags.page) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let labels = method.segment(&plane, options).map_err(Failure::input)?;
    if let Some(reason) = why_not_written(&pair.output, &labels) {
        return Ok(Err(reason));
    }
    predict_objects::write(pair, &plane, &labels, &Told::default(), flags.foci)?;
    Ok(Ok(Segmented { objects: labels.objects(), notes: info.notes }))
}
