//! Objects from what a net says: the classes and depths of [`targets`](mod@crate::targets), made into a label image.
//!
//! 1. A pixel belongs to an object if background is less likely than one half.
//! 2. Its height is the mean of its depth and of how likely it is inside rather than contact; 0 outside of objects. Heights are smoothed
//!    (Gaussian, standard deviation 1.4 pixels).
//! 3. Peaks that stand out by `prominence` are the seeds ([`peaks`](mod@crate::peaks)); every connected piece of foreground has one at least.
//! 4. The foreground is flooded from the seeds, high places first.
//! 5. If that is wanted, background that one object encloses is given to it.
//! 6. Objects of which the net is not sure enough ([`certainty`](mod@crate::certainty)) or of fewer than `smallest` pixels are removed, the others numbered
//!    by their seeds, row by row.
//!
//! Nothing here depends on anything but the maps. What was tried and lost (mean AP of 66 validation images of the 2018 Data Science Bowl,
//! one net): seeds where the depth is above a threshold, .522 at best; peaks of the depth alone .519, of the product of both .533,
//! of the mean of both .537; heights that were not smoothed .530, a flood over
//! heights that were not .534.

use crate::certainty::remove_uncertain_objects;
use crate::holes::fill_holes;
use crate::peaks::{Height, prominent_peaks};
use crate::targets::{CHANNELS, CLASSES};
use crate::watershed::{WALL, watershed};
use crate::{Levels, SegmentError};
use foci_image::components::remove_small_objects;
use foci_image::gaussian::smooth;
use foci_image::{LabelImage, Plane};
use serde::{Deserialize, Serialize};

/// Standard deviation of the Gaussian that smooths heights, in pixels.
const SMOOTHING_PX: f64 = 1.4;
/// Least height of a pixel of an object before smoothing: above that of the outside.
const LOWEST: f32 = 1e-3;

/// What separates objects.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ObjectOptions {
    /// How far one must go down between the peaks of two objects, 0 to 1; less separates more.
    pub prominence: f32,
    /// Fewest pixels of an object.
    pub smallest: usize,
    /// Whether background that one object encloses belongs to it.
    #[serde(default)]
    pub fill_holes: bool,
    /// Least certainty of an object, 0 to 1 ([`certainties`](crate::certainties)); 0 keeps all.
    #[serde(default)]
    pub certainty: f32,
}

impl Default for ObjectOptions {
    fn default() -> ObjectOptions {
        ObjectOptions { prominence: 0.2, smallest: 10, fill_holes: false, certainty: 0.0 }
    }
}

/// The objects in a net's output of `width` x `height` pixels, [`CHANNELS`] channels one after the other.
///
/// # Errors
/// [`SegmentError::Channels`] if the maps have another length.
pub fn objects(
    maps: &[f32],
    width: usize,
    height: usize,
    options: &ObjectOptions,
) -> Result<LabelImage, SegmentError> {
    let heights = heights(maps, width, height)?;
    let prominence = (options.prominence.clamp(0.0, 1.0) * f32::from(Height::MAX)).round() as Height;
    let mut seeds = prominent_peaks(&heights, width, height, prominence);
    for (seed, &height) in seeds.data.iter_mut().zip(&heights) {
        if height == 0 {
            *seed = WALL;
        }
    }
    let data = heights.iter().map(|&height| u16::from(Height::MAX - height)).collect();
    let mut labels = watershed(&Levels { width, height, data, lowest: 0.0, step: 1.0 }, &seeds)?;
    labels.data.iter_mut().filter(|label| **label == WALL).for_each(|label| *label = 0);
    if options.fill_holes {
        fill_holes(&mut labels);
    }
    if options.certainty > 0.0 {
        remove_uncertain_objects(&mut labels, maps, options.certainty);
    }
    remove_small_objects(&mut labels, options.smallest);
    Ok(labels)
}

/// Whether background is less likely than one half, `exp(inside) + exp(contact) > exp(background)`. Most pixels are told by the larger
/// of the two alone, and exponentials are the greater part of the work.
fn is_object(background: f32, inside: f32, contact: f32) -> bool {
    let ahead = inside.max(contact) - background;
    let sum = || (inside - background).exp() + (contact - background).exp();
    ahead > 0.0 || (ahead > -std::f32::consts::LN_2 && sum() > 1.0)
}

/// How high each pixel lies in its object; at least 1 in objects, 0 outside.
fn heights(maps: &[f32], width: usize, height: usize) -> Result<Vec<Height>, SegmentError> {
    let pixels = width * height;
    if maps.len() != CHANNELS * pixels {
        return Err(SegmentError::Channels { expected: CHANNELS * pixels, found: maps.len() });
    }
    let (logits, depths) = maps.split_at(CLASSES * pixels);
    let [background, inside, contact] = [0, 1, 2].map(|class| &logits[class * pixels..(class + 1) * pixels]);
    let height_of = |at: usize| {
        let [background, inside, contact] = [background[at], inside[at], contact[at]];
        if !is_object(background, inside, contact) {
            return 0.0;
        }
        let share = 1.0 / (1.0 + (contact - inside).exp());
        // Of what is no number the larger is taken, and that is a number.
        (0.5 * (depths[at].clamp(0.0, 1.0) + share)).max(LOWEST)
    };
    let rough = Plane { width, height, data: (0..pixels).map(height_of).collect() };
    let smooth = smooth(&rough, SMOOTHING_PX);
    let whole = |(&rough, &smooth): (&f32, &f32)| match rough > 0.0 {
        true => (smooth * f32::from(Height::MAX)).round().max(1.0) as Height,
        false => 0,
    };
    Ok(rough.data.iter().zip(&smooth.data).map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::Targets;
    use foci_measure::LabelView;
    use foci_measure::labels::Overlaps;
    use foci_measure::labels::matching::match_objects;

    const SIDE: usize = 64;

    /// Discs of given centres and radii; later ones do not cover earlier ones.
    fn discs(places: &[(f64, f64, f64)]) -> LabelImage {
        let mut labels = LabelImage::zeros(SIDE, SIDE);
        for (number, &(x, y, radius)) in (1..).zip(places) {
            for at in 0..SIDE * SIDE {
                let distance = ((at % SIDE) as f64 - x).hypot((at / SIDE) as f64 - y);
                if distance <= radius && labels.data[at] == 0 {
                    labels.data[at] = number;
                }
            }
        }
        labels
    }

    /// What a net that has learnt everything gives.
    fn perfect(targets: &Targets) -> Vec<f32> {
        let logits = (0..CLASSES).flat_map(|class| {
            targets.classes.iter().map(move |&own| if usize::from(own) == class { 8.0 } else { 0.0 })
        });
        logits.chain(targets.depths.iter().copied()).collect()
    }

    #[test]
    fn perfect_maps_give_the_labels_back() {
        let labels = discs(&[(14.0, 14.0, 10.0), (34.0, 16.0, 10.5), (50.0, 50.0, 12.0), (20.0, 45.0, 2.0)]);
        assert!(labels.data.windows(2).any(|pair| pair == [1, 2]), "the first two touch");
        let found = objects(&perfect(&Targets::of(&labels)), SIDE, SIDE, &ObjectOptions::default()).unwrap();
        let view = |labels| LabelView::new(SIDE, SIDE, labels).unwrap();
        let overlaps = Overlaps::new(view(&labels.data), view(&found.data)).unwrap();
        // Smooth heights move the line between two objects in contact by a pixel at most.
        let matched = match_objects(&overlaps, 0.95).unwrap();
        assert_eq!((matched.matched, matched.missed, matched.invented), (4, 0, 0));
    }

    #[test]
    fn what_is_never_deep_is_an_object_all_the_same_and_small_ones_go() {
        let labels = discs(&[(20.0, 20.0, 9.0), (50.0, 50.0, 3.0)]);
        let mut maps = perfect(&Targets::of(&labels));
        maps[CLASSES * SIDE * SIDE..].iter_mut().for_each(|depth| *depth *= 0.3);
        let found = objects(&maps, SIDE, SIDE, &ObjectOptions::default()).unwrap();
        assert_eq!(found, labels);
        // The smaller one has 29 pixels.
        let options = ObjectOptions { smallest: 30, ..ObjectOptions::default() };
        assert_eq!(objects(&maps, SIDE, SIDE, &options).unwrap().objects(), 1);
    }

    #[test]
    fn an_object_of_which_the_net_is_not_sure_goes_if_that_is_wanted() {
        let labels = discs(&[(20.0, 20.0, 9.0), (46.0, 46.0, 9.0)]);
        let mut maps = perfect(&Targets::of(&labels));
        // Inside the second, a little more likely of an object than not: e^0.5 to 2.
        for (inside, &label) in maps[SIDE * SIDE..].iter_mut().zip(&labels.data) {
            *inside = if label == 2 { 0.5 } else { *inside };
        }
        let found = |certainty: f32| {
            let options = ObjectOptions { certainty, ..ObjectOptions::default() };
            objects(&maps, SIDE, SIDE, &options).unwrap()
        };
        assert_eq!(found(0.0), labels);
        assert_eq!(found(0.7), labels, "(e^0.5 + 1) / (e^0.5 + 2) is 0.73");
        let first = |label: u32| if label == 1 { 1 } else { 0 };
        assert_eq!(found(0.8).data, labels.data.iter().map(|&label| first(label)).collect::<Vec<_>>());
    }

    #[test]
    fn a_speck_that_is_deep_is_no_seed_of_its_own() {
        let labels = discs(&[(30.0, 30.0, 14.0)]);
        let mut maps = perfect(&Targets::of(&labels));
        // Two pixels near the edge of the disc, where it is a seventh deep.
        for x in [17, 18] {
            maps[CLASSES * SIDE * SIDE + 30 * SIDE + x] = 0.9;
        }
        assert_eq!(objects(&maps, SIDE, SIDE, &ObjectOptions::default()).unwrap(), labels);
    }

    #[test]
    fn maps_of_another_length_and_no_numbers_are_no_panic() {
        assert!(objects(&[0.0; 9], 2, 2, &ObjectOptions::default()).is_err());
        let nothing = objects(&[f32::NAN; 16], 2, 2, &ObjectOptions::default()).unwrap();
        assert_eq!(nothing.data, [0; 4]);
        assert!(objects(&[], 0, 0, &ObjectOptions::default()).unwrap().data.is_empty());
    }
}
