//! Where objects begin: the depth of seeds that separates the validation images best.
//!
//! A net is never as sure of depths as its targets. After training, objects are made of its maps of the validation images with
//! every depth of [`SEED_DEPTHS`], and the one with the highest average precision (mean over IoU 0.5 to 0.95 and over images) is
//! kept in the recipe; of equals the smallest. It costs a forward pass for each image and nothing of what is tested later.

use crate::predict::Predictor;
use crate::tiles::Example;
use crate::{Model, TrainError};
use foci_kernels::Compute;
use foci_measure::LabelView;
use foci_measure::labels::Overlaps;
use foci_measure::labels::matching::{match_objects, thresholds};
use foci_segment::{ObjectOptions, objects};

/// Depths that are tried.
const SEED_DEPTHS: [f32; 7] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
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
    let candidates = SEED_DEPTHS.map(|seed_depth| ObjectOptions { seed_depth, ..ObjectOptions::default() });
    let mut scores = [0.0; SEED_DEPTHS.len()];
    let mut predictor = Predictor::new(model, compute);
    for Example { image, labels } in validation.iter().step_by(validation.len().div_ceil(IMAGES).max(1)) {
        let Some(labels) = labels else { continue };
        let maps = predictor.maps(image)?;
        let truth = LabelView::new(image.width, image.height, &labels.data)?;
        for (score, options) in scores.iter_mut().zip(&candidates) {
            let found = objects(&maps, image.width, image.height, options)?;
            let overlaps = Overlaps::new(truth, LabelView::new(image.width, image.height, &found.data)?)?;
            for threshold in thresholds() {
                *score += match_objects(&overlaps, threshold)?.average_precision();
            }
        }
    }
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let place = scores.iter().position(|&score| score == best).unwrap_or(0);
    Ok(candidates[place])
}
