//! Objects from what a net says: the classes and depths of [`targets`](mod@crate::targets), made into a label image.
//!
//! 1. A pixel belongs to an object if background is less likely than one half.
//! 2. Seeds are connected pixels of objects (by the four neighbours) that are deeper than `seed_depth` and more likely inside than
//!    contact, at least five of them together. Where a connected piece of the foreground has none, the whole piece is one: a small object may never be deep.
//! 3. The foreground is flooded from the seeds, deep places first.
//! 4. Objects of fewer than `smallest` pixels are removed, the others numbered by the first pixels of their seeds.
//!
//! Nothing here depends on anything but the maps.

use crate::components::{Connectivity, connected_components, remove_small_objects};
use crate::targets::{CHANNELS, CLASSES};
use crate::watershed::{WALL, watershed};
use crate::{Levels, SegmentError};
use foci_image::{LabelImage, Plane};
use serde::{Deserialize, Serialize};

/// Probability of an object from which on a pixel belongs to one.
const FOREGROUND: f32 = 0.5;
/// Fewest pixels of a seed: single pixels above the depth are the noise of a net that hesitates.
const SMALLEST_SEED: usize = 5;
/// Steps of depth that the flood tells apart.
const DEPTH_LEVELS: f32 = 255.0;

/// What separates objects.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ObjectOptions {
    /// Depth from which on a pixel is a seed, 0 to 1; more separates more.
    pub seed_depth: f32,
    /// Fewest pixels of an object.
    pub smallest: usize,
}

impl Default for ObjectOptions {
    fn default() -> ObjectOptions {
        ObjectOptions { seed_depth: 0.5, smallest: 10 }
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
    let pixels = width * height;
    if maps.len() != CHANNELS * pixels {
        return Err(SegmentError::Channels { expected: CHANNELS * pixels, found: maps.len() });
    }
    let (logits, depths) = maps.split_at(CLASSES * pixels);
    let [background, inside, contact] = [0, 1, 2].map(|class| &logits[class * pixels..(class + 1) * pixels]);
    let is_object = |at: usize| {
        let others = (inside[at] - background[at]).exp() + (contact[at] - background[at]).exp();
        others > FOREGROUND / (1.0 - FOREGROUND)
    };
    let foreground: Vec<bool> = (0..pixels).map(is_object).collect();
    let image = |is_in: &dyn Fn(usize) -> bool| {
        let data = (0..pixels).map(|at| u32::from(is_in(at))).collect();
        connected_components(&LabelImage { width, height, data }, Connectivity::Four)
    };
    let mut seeds =
        image(&|at| foreground[at] && depths[at] > options.seed_depth && inside[at] > contact[at]);
    remove_small_objects(&mut seeds, SMALLEST_SEED);
    add_pieces_without_seed(&image(&|at| foreground[at]), &mut seeds);
    for (seed, &foreground) in seeds.data.iter_mut().zip(&foreground) {
        if !foreground {
            *seed = WALL;
        }
    }
    // Few levels are flooded several times as fast as many, and a net knows depths no better.
    let level = |&depth: &f32| (depth.clamp(0.0, 1.0) * DEPTH_LEVELS).round();
    let data = depths.iter().map(level).collect();
    let mut labels = watershed(&Levels::of(&Plane { width, height, data }).inverted(), &seeds)?;
    labels.data.iter_mut().filter(|label| **label == WALL).for_each(|label| *label = 0);
    remove_small_objects(&mut labels, options.smallest);
    Ok(labels)
}

/// Pieces of the foreground in which no seed lies become seeds as they are.
fn add_pieces_without_seed(pieces: &LabelImage, seeds: &mut LabelImage) {
    let count = |labels: &LabelImage| labels.largest() as usize;
    let mut has_seed = vec![false; count(pieces) + 1];
    for (&piece, &seed) in pieces.data.iter().zip(&seeds.data) {
        has_seed[piece as usize] |= seed != 0;
    }
    let mut next = count(seeds) as u32;
    let mut numbers = vec![0; has_seed.len()];
    for (number, _) in numbers.iter_mut().zip(&has_seed).skip(1).filter(|(_, has_seed)| !**has_seed) {
        next += 1;
        *number = next;
    }
    for (seed, &piece) in seeds.data.iter_mut().zip(&pieces.data) {
        if numbers[piece as usize] != 0 {
            *seed = numbers[piece as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::Targets;

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
        let mut pairs: Vec<(u32, u32)> =
            labels.data.iter().copied().zip(found.data.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        // Each true label has one found label, and the other way round.
        assert_eq!(pairs.len(), 5, "{pairs:?}");
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
