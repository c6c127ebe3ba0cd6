//! What is added to the logits of each class before the likeliest is taken.
//!
//! A net that was shown a rare class more often than it occurs, and was told that it counts more, gives it more room than it has: it finds nearly
//! all of it, and much that is none. A constant added to each logit undoes that ("logit adjustment", Menon et al. 2021); how large it must be
//! depends on crops, weights and Dice together, so it is not worked out but chosen: the offsets with the highest mean IoU over the classes
//! of the validation images, one class after the other while that helps, from [`LOWEST`] to [`HIGHEST`]. The first class keeps 0, since only differences count.
//! The pixel classifier's probabilities are treated alike.

use crate::TrainError;
use crate::calibrate::looked_at;
use crate::tiles::Example;
use foci_image::{LabelImage, Plane};
use foci_measure::labels::classes::Confusion;

/// Offsets that are tried, in quarters: a class that is e^6 times too likely to one that is e^3 times too unlikely.
const LOWEST: i16 = -24;
const HIGHEST: i16 = 12;
/// At most so many times through all classes.
const ROUNDS: usize = 4;
/// At most so many logits are kept, those of pixels spread over all images.
const LOGITS: usize = 1 << 24;

/// The offsets with which the classes of `validation` come out best, one for each class; all 0 if no image has masks. `logits` gives
/// those of an image, or logarithms of probabilities, [K, H, W]; it is told how many images came before, and how many there are.
///
/// # Errors
/// Those of `logits`.
pub(crate) fn class_offsets(
    classes: usize,
    validation: &[Example],
    mut logits: impl FnMut(&Plane, usize, usize) -> Result<Vec<f32>, TrainError>,
) -> Result<Vec<f32>, TrainError> {
    let images: Vec<&Example> = looked_at(validation).collect();
    let mut known = KnownPixels::of(classes, images.iter().map(|example| example.image.data.len()).sum());
    for (before, Example { image, labels, .. }) in images.iter().enumerate() {
        if let Some(labels) = labels {
            known.add(&logits(image, before, images.len())?, labels);
        }
    }
    Ok(known.best_offsets())
}

/// Pixels whose class is known, with what was said of them: from these the offsets are chosen.
#[derive(Debug, Clone)]
struct KnownPixels {
    classes: usize,
    /// One of so many pixels of an image is kept.
    every: usize,
    /// Logits of a pixel's classes beside each other, pixel by pixel.
    logits: Vec<f32>,
    /// The true class of each.
    truth: Vec<usize>,
}

impl KnownPixels {
    /// None yet, of images of so many pixels together.
    fn of(classes: usize, pixels: usize) -> KnownPixels {
        let every = pixels.saturating_mul(classes).div_ceil(LOGITS).max(1);
        KnownPixels { classes, every, logits: Vec::new(), truth: Vec::new() }
    }

    /// Adds those of an image: logits, or logarithms of probabilities, [K, H, W], and the true classes.
    fn add(&mut self, maps: &[f32], labels: &LabelImage) {
        let pixels = labels.data.len();
        for (at, &class) in labels.data.iter().enumerate().step_by(self.every) {
            self.logits.extend(maps[at..].iter().step_by(pixels));
            self.truth.push(class as usize);
        }
    }

    /// The offsets with which the classes come out best, one for each class.
    fn best_offsets(&self) -> Vec<f32> {
        let mut offsets = vec![0.0; self.classes];
        let mut best = f64::NEG_INFINITY;
        for _ in 0..ROUNDS {
            let before = best;
            // Nothing can be said for a class of which there is no pixel: nothing would be lost if it were never found.
            for class in (1..self.classes).filter(|class| self.truth.contains(class)) {
                for (offset, score) in self.scores(class, &offsets) {
                    // An offset of none comes first among equals.
                    if score > best || (score == best && offset == 0.0) {
                        (best, offsets[class]) = (score, offset);
                    }
                }
            }
            if best <= before {
                break;
            }
        }
        offsets
    }

    /// The mean IoU with each offset of one class, the others as they are. A pixel that the class takes at one offset it
    /// takes at all above, so one pass tells at which it begins to.
    fn scores(&self, class: usize, offsets: &[f32]) -> Vec<(f32, f64)> {
        let tried: Vec<f32> = (LOWEST..=HIGHEST).map(|quarters| 0.25 * f32::from(quarters)).collect();
        let none = vec![0u64; self.classes * self.classes];
        // By true class and the likeliest of the others: all pixels, and those that begin to be taken at each offset.
        let mut counts = none.clone();
        let mut taken = vec![none; tried.len()];
        for (logits, &truth) in self.logits.chunks_exact(self.classes).zip(&self.truth) {
            if truth >= self.classes {
                continue;
            }
            let (mut other, mut most) = (usize::from(class == 0), f32::NEG_INFINITY);
            for (number, (logit, offset)) in logits.iter().zip(offsets).enumerate() {
                if number != class && logit + offset > most {
                    (other, most) = (number, logit + offset);
                }
            }
            // Of equals the first is taken, as in a prediction.
            let wins = |offset: f32| {
                let own = logits[class] + offset;
                own > most || (own == most && class < other)
            };
            counts[truth * self.classes + other] += 1;
            let begins = tried.partition_point(|&offset| !wins(offset));
            if let Some(taken) = taken.get_mut(begins) {
                taken[truth * self.classes + other] += 1;
            }
        }
        let scored = tried.into_iter().zip(taken).map(|(offset, taken)| {
            for (at, pixels) in taken.into_iter().enumerate() {
                counts[at] -= pixels;
                counts[at / self.classes * self.classes + class] += pixels;
            }
            (offset, mean_iou(&Confusion::of_counts(self.classes, counts.clone())))
        });
        scored.collect()
    }
}

/// Adds to each class's map [K, H, W] its offset; without offsets nothing.
pub fn add_offsets(maps: &mut [f32], offsets: &[f32]) {
    let pixels = maps.len().checked_div(offsets.len()).unwrap_or(0).max(1);
    for (map, offset) in maps.chunks_exact_mut(pixels).zip(offsets) {
        map.iter_mut().for_each(|logit| *logit += offset);
    }
}

/// Mean over the classes that occur.
fn mean_iou(confusion: &Confusion) -> f64 {
    let occurs = |class: &usize| confusion.share(*class).is_some_and(|share| share > 0.0);
    let ious: Vec<f64> =
        (0..confusion.classes()).filter(occurs).filter_map(|class| confusion.iou(class)).collect();
    ious.iter().sum::<f64>() / ious.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class_map::likeliest;
    use foci_measure::LabelView;
    use proptest::prelude::*;

    /// The mean IoU of what a prediction makes of the same logits.
    fn predicted(pixels: &KnownPixels, offsets: &[f32]) -> f64 {
        let count = pixels.truth.len();
        let mut maps = vec![0.0; pixels.logits.len()];
        for (at, logits) in pixels.logits.chunks_exact(pixels.classes).enumerate() {
            for (class, logit) in logits.iter().enumerate() {
                maps[class * count + at] = logit + offsets[class];
            }
        }
        let found = likeliest(&maps, count, 1);
        let truth: Vec<u32> = pixels.truth.iter().map(|&class| class as u32).collect();
        let of = |labels| LabelView::new(count, 1, labels).unwrap();
        let confusion = Confusion::of(of(&truth), of(&found.data)).unwrap();
        let occurs = |class: &usize| pixels.truth.contains(class);
        let ious: Vec<f64> =
            (0..pixels.classes).filter(occurs).map(|class| confusion.iou(class).unwrap()).collect();
        ious.iter().sum::<f64>() / ious.len() as f64
    }

    proptest! {
        #[test]
        fn scores_are_those_of_predictions_and_the_best_is_no_worse_than_none(
            (classes, values) in (2usize..5).prop_flat_map(|classes| {
                let pixel = (0..classes, prop::collection::vec(-8i8..8, classes));
                (Just(classes), prop::collection::vec(pixel, 1..60))
            }),
            start in prop::collection::vec(-8i8..8, 4),
        ) {
            let pixels = KnownPixels {
                classes,
                every: 1,
                logits: values.iter().flat_map(|(_, logits)| logits).map(|&logit| 0.5 * f32::from(logit)).collect(),
                truth: values.iter().map(|(truth, _)| *truth).collect(),
            };
            let mut offsets: Vec<f32> = start[..classes].iter().map(|&offset| 0.25 * f32::from(offset)).collect();
            for class in 0..classes {
                let own = offsets[class];
                for (offset, score) in pixels.scores(class, &offsets.clone()) {
                    offsets[class] = offset;
                    prop_assert!((score - predicted(&pixels, &offsets)).abs() < 1e-12, "class {class}, {offset}");
                }
                offsets[class] = own;
            }
            let best = pixels.best_offsets();
            prop_assert_eq!(best[0], 0.0);
            prop_assert!(predicted(&pixels, &best) >= predicted(&pixels, &vec![0.0; classes]));
        }
    }

    #[test]
    fn a_class_that_takes_too_much_gets_less() {
        // Class 1 is right where its logit is 3 or more above, and claims all above 0: six pixels of eight, one truly its own.
        let differences = [-2.0, -1.0, 0.5, 1.2, 1.6, 2.1, 2.9, 3.2];
        let pixels = KnownPixels {
            classes: 2,
            every: 1,
            logits: differences.iter().flat_map(|&difference| [0.0, difference]).collect(),
            truth: [0, 0, 0, 0, 0, 0, 0, 1].to_vec(),
        };
        // The first quarter that leaves 2.9 below 0 and 3.2 above: -3.
        assert_eq!(pixels.best_offsets(), [0.0, -3.0]);
        // What is right already stays as it is.
        let right = KnownPixels { truth: [0, 0, 1, 1, 1, 1, 1, 1].to_vec(), ..pixels };
        assert_eq!(right.best_offsets(), [0.0, 0.0]);
    }

    #[test]
    fn a_class_without_pixels_is_left_alone() {
        let pixels = KnownPixels {
            classes: 3,
            every: 1,
            logits: vec![0.0, -1.0, 1.0, 0.0, 1.0, -1.0],
            truth: vec![0, 1],
        };
        assert_eq!(pixels.best_offsets()[2], 0.0);
    }

    #[test]
    fn without_pixels_nothing_is_added() {
        let none = KnownPixels { classes: 3, every: 1, logits: Vec::new(), truth: Vec::new() };
        assert_eq!(none.best_offsets(), [0.0; 3]);
    }

    #[test]
    fn of_many_pixels_some_of_every_image_are_kept() {
        let mut known = KnownPixels::of(2, 3 * LOGITS);
        // Six times as many logits as are kept: every sixth pixel, with both of its own.
        let maps: Vec<f32> = (0..40).map(|value| value as f32).collect();
        known.add(&maps, &LabelImage { width: 5, height: 4, data: (0..20).map(|at| at % 2).collect() });
        assert_eq!(known.logits, [0.0, 20.0, 6.0, 26.0, 12.0, 32.0, 18.0, 38.0]);
        assert_eq!(known.truth, [0, 0, 0, 0]);
    }
}
