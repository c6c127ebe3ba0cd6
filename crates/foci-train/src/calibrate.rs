//! The options with which the objects of the validation images come out best, chosen after training.
//!
//! A net is never as sure of depths as its targets, and what is too small to be an object depends on the images. After training, objects are
//! made of its maps of the validation images with every prominence of [`PROMINENCES`] and every smallest area of [`SMALLEST`], with and without
//! holes; those with the highest average precision (mean over IoU 0.5 to 0.95 and over images) are kept in the recipe, of equals the first, and then the
//! certainty of [`CERTAINTIES`] with which they are best. It costs two forward passes for each image and nothing of what is tested later. A pixel
//! classifier's options are chosen alike, so that what is compared with a net is no worse off.

use crate::class_offsets::class_offsets;
use crate::tiles::Example;
use crate::{Model, Predictor, Task, TrainError};
use foci_image::components::remove_small_objects;
use foci_image::{LabelImage, Plane, Workers};
use foci_kernels::Compute;
use foci_measure::LabelView;
use foci_measure::labels::Overlaps;
use foci_measure::labels::matching::{match_objects, thresholds};
use foci_segment::targets::CHANNELS;
use foci_segment::{ObjectOptions, fill_holes, objects, remove_uncertain_objects};

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

/// Chooses how labels are made of a model's maps: what separates objects, or what is added to classes of pixels. Nothing for a reconstruction.
pub(crate) fn choose(model: &mut Model, validation: &[Example], compute: &Compute) -> Result<(), TrainError> {
    let mut predictor = Predictor::new(model, compute);
    match model.recipe.task {
        Task::Reconstruct => {}
        Task::Semantic => {
            let classes = model.recipe.training.plan.classes;
            let offsets = class_offsets(classes, validation, |image, _, _| predictor.maps(image))?;
            model.recipe.class_offsets = offsets;
        }
        Task::Instances => {
            let threads = compute.threads();
            let options = object_options(validation, threads, |image, _, _| predictor.maps(image))?;
            model.recipe.objects = Some(options);
        }
    }
    Ok(())
}

/// The options with which the objects of `validation` come out best. `maps` gives those of an image, [CHANNELS or more, H, W] as
/// [`fn@foci_segment::objects`] takes them; it is asked twice for each, and told how often it was asked before, and how often it will be.
///
/// # Errors
/// Those of `maps`; [`TrainError::Labels`] for labels that cannot be compared.
pub(crate) fn object_options(
    validation: &[Example],
    threads: usize,
    mut maps: impl FnMut(&Plane, usize, usize) -> Result<Vec<f32>, TrainError>,
) -> Result<ObjectOptions, TrainError> {
    let known: Vec<(&Plane, &LabelImage)> = looked_at(validation)
        .filter_map(|Example { image, labels, .. }| labels.as_ref().map(|labels| (image, labels)))
        .collect();
    let all = 2 * known.len();
    let mut scores = [Scores::default(); PROMINENCES.len()];
    let mut workers = Workers::new(threads);
    for (before, &(image, labels)) in known.iter().enumerate() {
        let maps = maps(image, before, all)?;
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
    for (before, &(image, labels)) in (known.len()..).zip(&known) {
        let maps = maps(image, before, all)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use foci_segment::targets::{CLASSES, Targets};

    const SIDE: usize = 64;

    fn within(at: usize, (x, y, radius): (f64, f64, f64)) -> bool {
        ((at % SIDE) as f64 - x).hypot((at / SIDE) as f64 - y) <= radius
    }

    /// Two nuclei, and what a net gives that has learnt them well.
    fn nuclei() -> (Example, Vec<f32>) {
        let mut labels = LabelImage::zeros(SIDE, SIDE);
        for (at, label) in labels.data.iter_mut().enumerate() {
            *label =
                if within(at, (16.0, 16.0, 8.0)) { 1 } else { u32::from(within(at, (44.0, 18.0, 9.0))) * 2 };
        }
        let targets = Targets::of(&labels);
        let logits = (0..CLASSES).flat_map(|class| {
            targets.classes.iter().map(move |&own| if usize::from(own) == class { 8.0 } else { 0.0 })
        });
        let maps = logits.chain(targets.depths.iter().copied()).collect();
        let image = Plane::zeros(SIDE, SIDE);
        (Example { labels: Some(labels), ..Example::from(image) }, maps)
    }

    fn chosen(example: Example, maps: &[f32]) -> ObjectOptions {
        let unknown = Example { labels: None, ..example.clone() };
        let mut calls = Vec::new();
        let options = object_options(&[unknown, example], 1, |_, before, all| {
            calls.push((before, all));
            Ok::<_, TrainError>(maps.to_vec())
        });
        assert_eq!(calls, [(0, 2), (1, 2)], "an image without labels is not asked for");
        options.unwrap()
    }

    #[test]
    fn where_all_options_are_alike_those_that_remove_least_are_kept() {
        let (example, maps) = nuclei();
        let least = ObjectOptions { prominence: 0.1, smallest: 5, fill_holes: false, certainty: 0.0 };
        assert_eq!(chosen(example, &maps), least);
    }

    #[test]
    fn specks_holes_and_what_the_net_is_not_sure_of_are_seen_to() {
        let (example, mut maps) = nuclei();
        let (background, rest) = maps.split_at_mut(SIDE * SIDE);
        for at in 0..SIDE * SIDE {
            // A cross of 13 pixels, as sure as a nucleus.
            if within(at, (10.0, 50.0, 2.0)) {
                (background[at], rest[at]) = (0.0, 8.0);
            }
            // A hole of 21 pixels in the first nucleus, of 197.
            if within(at, (16.0, 16.0, 2.5)) {
                (background[at], rest[at]) = (8.0, 0.0);
            }
            // A third nucleus, of which the net is sure by (e + 1) / (e + 2) = 0.79.
            if within(at, (44.0, 48.0, 8.0)) {
                (background[at], rest[at]) = (0.0, 1.0);
            }
        }
        let options = chosen(example, &maps);
        assert_eq!((options.smallest, options.fill_holes, options.certainty), (20, true, 0.8));
    }

    #[test]
    fn an_error_of_the_maps_is_passed_on() {
        let (example, _) = nuclei();
        let stop = |_: &Plane, _, _| Err(TrainError::Interrupted { step: 7 });
        assert!(matches!(object_options(&[example], 1, stop), Err(TrainError::Interrupted { step: 7 })));
    }
}
