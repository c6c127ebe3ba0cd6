//! The options with which the objects of the validation images come out best, chosen after training.
//!
//! A net is never as sure of depths as its targets, and what is too small to be an object depends on the images. After training, objects are
//! made of the net's maps of the validation images with every prominence of [`PROMINENCES`] and every smallest area of [`SMALLEST`], with and without
//! holes; those with the highest average precision (mean over IoU 0.5 to 0.95 and over images) are kept in the recipe, of equals the first, and then the
//! certainty of [`CERTAINTIES`] with which they are best. It costs two forward passes for each image and nothing of what is tested later.

use crate::predict::Predictor;
use crate::tiles::Example;
use crate::{Model, TrainError};
use foci_image::{LabelImage, Workers};
use foci_kernels::Compute;
use foci_measure::LabelView;
use foci_measure::labels::Overlaps;
use foci_measure::labels::matching::{match_objects, thresholds};
use foci_segment::targets::CHANNELS;
use foci_segment::{ObjectOptions, fill_holes, objects, remove_small_objects, remove_uncertain_objects};

/// Prominences that are tried.
const PROMINENCES: [f32; 6] = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4];
/// Smallest areas that are tried, in pixels, in ascending order.
const SMALLEST: [usize; 10] = [5, 10, 20, 30, 50, 80, 150, 300, 600, 1200];
/// Whether holes are filled.
const HOLES: [bool; 2] = [false, true];
/// Least certainties that are tried with the best of all these, in ascending order; 0 keeps all objects.
const CERTAINTIES: [f32; 9] = [0.0, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
/// At most so many images, spread over all.
const IMAGES: usize = 64;

/// The options with which the objects of `validation` come out best.
///
/// # Errors
/// Those of a prediction; [`TrainError::Labels`] for labels that cannot be compared.
pub(crate) fn object_options(
    model: &Model,
    validation: &[Example],
    compute: &Compute,
) -> Result<ObjectOptions, TrainError> {
    let mut scores = [Scores::default(); PROMINENCES.len()];
    let mut predictor = Predictor::new(model, compute);
    let mut workers = Workers::new(compute.threads());
    for Example { image, labels, .. } in looked_at(validation) {
        let Some(labels) = labels else { continue };
        let maps = predictor.maps(image)?;
        let of_pixels = &maps[..CHANNELS * image.data.len()];
        let of_image = workers.map(&PROMINENCES, |&prominence| scores_of(of_pixels, labels, prominence))?;
        let pairs = scores.iter_mut().flatten().flatten().zip(of_image.into_iter().flatten().flatten());
        pairs.for_each(|(score, found)| *score += found);
    }
    let (mut most, mut best) = (f64::NEG_INFINITY, ObjectOptions::default());
    for (scores, prominence) in scores.iter().zip(PROMINENCES) {
        for (scores, fill_holes) in scores.iter().zip(HOLES) {
            for (&score, smallest) in scores.iter().zip(SMALLEST) {
                if score > most {
                    most = score;
                    best = ObjectOptions { prominence, smallest, fill_holes, certainty: 0.0 };
                }
            }
        }
    }
    let mut scores = [0.0; CERTAINTIES.len()];
    for Example { image, labels, .. } in looked_at(validation) {
        let Some(labels) = labels else { continue };
        let maps = predictor.maps(image)?;
        let of_pixels = &maps[..CHANNELS * image.data.len()];
        let mut found = objects(of_pixels, labels.width, labels.height, &best)?;
        for (score, certainty) in scores.iter_mut().zip(CERTAINTIES) {
            remove_uncertain_objects(&mut found, of_pixels, certainty);
            *score += precisions(&found, labels)?;
        }
    }
    // Of equals the first, which removes fewest.
    let mut most = f64::NEG_INFINITY;
    for (score, certainty) in scores.into_iter().zip(CERTAINTIES) {
        if score > most {
            (most, best.certainty) = (score, certainty);
        }
    }
    Ok(best)
}

/// The validation images that are looked at for it: no more than need be, spread over all.
pub(crate) fn looked_at(validation: &[Example]) -> impl Iterator<Item = &Example> {
    validation.iter().step_by(validation.len().div_ceil(IMAGES).max(1))
}

/// Sums of average precisions for one prominence: with holes left and filled, for each smallest area.
type Scores = [[f64; SMALLEST.len()]; HOLES.len()];

/// The sums over all thresholds for one image.
fn scores_of(maps: &[f32], labels: &LabelImage, prominence: f32) -> Result<Scores, TrainError> {
    let (width, height) = (labels.width, labels.height);
    let options = ObjectOptions { prominence, smallest: 0, fill_holes: false, certainty: 0.0 };
    let mut found = objects(maps, width, height, &options)?;
    let mut filled = found.clone();
    fill_holes(&mut filled);
    let mut scores = Scores::default();
    for (scores, found) in scores.iter_mut().zip([&mut found, &mut filled]) {
        for (score, smallest) in scores.iter_mut().zip(SMALLEST) {
            remove_small_objects(found, smallest);
            *score = precisions(found, labels)?;
        }
    }
    Ok(scores)
}

/// Average precision of an image, summed over all thresholds.
fn precisions(found: &LabelImage, labels: &LabelImage) -> Result<f64, TrainError> {
    let [truth, found] = [labels, found].map(|of| LabelView::new(of.width, of.height, &of.data));
    let overlaps = Overlaps::new(truth?, found?)?;
    let mut sum = 0.0;
    for threshold in thresholds() {
        sum += match_objects(&overlaps, threshold)?.average_precision();
    }
    Ok(sum)
}
