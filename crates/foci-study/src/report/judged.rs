//! What nets found in test images, as pictures with a line of figures each.

use super::input::{JudgedAnswer, JudgedSet};
use super::raster::{Picture, colours};
use super::{ReportError, measures};
use foci_measure::Measure as Known;
use serde::Serialize;

/// One net's picture.
#[derive(Debug, Serialize)]
pub struct AnswerView {
    net: String,
    /// Its place in the study, if it is an arm.
    arm: Option<usize>,
    picture: Picture,
    caption: String,
}

/// All pictures of one image.
#[derive(Debug, Serialize)]
pub struct JudgedView {
    tile: String,
    width: usize,
    height: usize,
    /// Where a part of a larger image lies; empty if it is shown whole.
    part: String,
    image: Picture,
    truth: Picture,
    columns: usize,
    nets: Vec<AnswerView>,
}

/// Prepares all pictures; `arm` gives the place of a net in the study.
///
/// # Errors
/// [`ReportError::Png`] if a PNG cannot be written.
pub fn prepare(sets: &[JudgedSet], arm: impl Fn(&str) -> usize) -> Result<Vec<JudgedView>, ReportError> {
    sets.iter().map(|set| view(set, &arm)).collect()
}

fn view(set: &JudgedSet, arm: &impl Fn(&str) -> usize) -> Result<JudgedView, ReportError> {
    let region = set.region;
    let picture = |pixels: &[u8]| colours(pixels, region.width, region.height);
    let net = |answer: &JudgedAnswer| {
        Ok(AnswerView {
            net: answer.net.clone(),
            arm: answer.is_net.then(|| arm(&answer.net)),
            picture: picture(&answer.pixels)?,
            caption: caption(answer),
        })
    };
    let whole = (region.width, region.height) == (set.width, set.height);
    let part =
        format!("{} × {} of them from column {}, row {}", region.width, region.height, region.x, region.y);
    Ok(JudgedView {
        tile: set.tile.clone(),
        width: set.width,
        height: set.height,
        part: if whole { String::new() } else { part },
        image: picture(&set.image)?,
        truth: picture(&set.truth)?,
        columns: (set.answers.len() + 2).min(4),
        nets: set.answers.iter().map(net).collect::<Result<_, ReportError>>()?,
    })
}

/// The classes that are laid over images, with their colours as CSS names them.
pub fn colours_of(sets: &[JudgedSet]) -> Vec<(String, String)> {
    let css = |[red, green, blue]: [u8; 3]| format!("rgb({red} {green} {blue})");
    let first = sets.first().map_or(&[][..], |set| &set.classes);
    first.iter().map(|(name, colour)| (name.clone(), css(*colour))).collect()
}

/// The measures that decide, and what is wrong.
fn caption(answer: &JudgedAnswer) -> String {
    let of_measure = |known: Known| {
        let measure = measures::of(known);
        answer.metrics.get(known.key()).map(|value| format!("{} {}", measure.short, measure.value(*value)))
    };
    let measures = [Known::MeanAp, Known::ToldApart, Known::MeanIou].into_iter().filter_map(of_measure);
    let faults = answer.faults.iter().map(|(word, count)| format!("{count} {word}"));
    measures.chain(faults).collect::<Vec<_>>().join(", ")
}
