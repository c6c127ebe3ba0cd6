//! The classes of a run: how many there are, how often each occurs, what each counts, and where rare ones are found.

use crate::TrainError;
use crate::plan::MOST_CLASSES;
use crate::target::{Source, labels_of};
use crate::tiles::{Example, NO_CLASS};
use foci_image::crop::{self, Crop};
use rand_chacha::ChaCha8Rng;

/// Places that are remembered of each class in each image, spread over all.
const PLACES: usize = 2048;

/// How many pixels of the masks have each value, from 0 to the largest.
///
/// # Errors
/// [`TrainError::NoLabels`] for an image without labels, [`TrainError::NoClass`] for values beyond 255, [`TrainError::OneClass`] if all are alike.
pub fn class_counts<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Result<Vec<u64>, TrainError> {
    let mut counts = vec![0; MOST_CLASSES];
    for example in examples {
        for &value in &labels_of(example)?.data {
            match counts.get_mut(value as usize) {
                Some(count) => *count += 1,
                None => return Err(TrainError::NoClass { value, classes: MOST_CLASSES }),
            }
        }
    }
    let classes = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
    if counts.iter().filter(|&&count| count > 0).count() < 2 {
        return Err(TrainError::OneClass { value: classes.saturating_sub(1) as u32 });
    }
    counts.truncate(classes);
    Ok(counts)
}

/// Whether there are objects to outline, and something beside them; images without labels are for others to refuse.
///
/// # Errors
/// [`TrainError::OneClass`] if all pixels of all masks are alike.
pub fn check_objects(examples: &[Example]) -> Result<(), TrainError> {
    let mut values =
        examples.iter().filter_map(|example| example.labels.as_ref()).flat_map(|labels| &labels.data);
    match values.next() {
        Some(&value) if values.all(|&other| other == value) => Err(TrainError::OneClass { value }),
        _ => Ok(()),
    }
}

/// How many pixels there are of objects of each of `count` classes.
pub fn object_class_counts<'a>(examples: impl IntoIterator<Item = &'a Example>, count: usize) -> Vec<u64> {
    let mut counts = vec![0; count];
    for &class in examples.into_iter().flat_map(|example| &example.object_classes) {
        if class != NO_CLASS
            && let Some(count) = counts.get_mut(usize::from(class))
        {
            *count += 1;
        }
    }
    counts
}

/// What the cross-entropy of each class counts so that rare classes are heard: the inverse square root of its share of the pixels, divided by the mean
/// over the classes that occur. A class that does not occur counts 1. Between equal weights, under which a rare class is lost, and inverse
/// shares, under which a few pixels outweigh all others.
pub fn balanced_weights(counts: &[u64]) -> Vec<f64> {
    let weight = |&count: &u64| 1.0 / (count as f64).sqrt();
    let occurring: Vec<f64> = counts.iter().filter(|&&count| count > 0).map(weight).collect();
    let mean = occurring.iter().sum::<f64>() / occurring.len().max(1) as f64;
    counts.iter().map(|count| if *count > 0 { weight(count) / mean } else { 1.0 }).collect()
}

/// Where classes other than the first are found in the images of a run.
pub(crate) struct RareClasses {
    /// For each class that occurs: images with places of it.
    classes: Vec<Vec<Found>>,
}

/// Places of one class in one image.
struct Found {
    source: usize,
    places: Vec<u32>,
}

impl RareClasses {
    pub fn of(sources: &[Source]) -> RareClasses {
        let mut classes: Vec<Vec<Found>> = (0..MOST_CLASSES).map(|_| Vec::new()).collect();
        for (number, source) in sources.iter().enumerate() {
            let mut places: Vec<Vec<u32>> = vec![Vec::new(); MOST_CLASSES];
            for (at, &class) in (0..).zip(source.classes()).filter(|(_, class)| **class != 0) {
                places[usize::from(class)].push(at);
            }
            for (class, places) in classes.iter_mut().zip(places).filter(|(_, places)| !places.is_empty()) {
                let places = places.iter().step_by(places.len().div_ceil(PLACES)).copied().collect();
                class.push(Found { source: number, places });
            }
        }
        classes.retain(|images| !images.is_empty());
        RareClasses { classes }
    }

    /// An image and a crop of it of the side that `side` names for it, with a pixel of a class drawn among all that occur; the pixel lies anywhere in the
    /// crop. `None` if no class but the first occurs.
    pub fn draw(
        &self,
        sources: &[Source],
        random: &mut ChaCha8Rng,
        mut side: impl FnMut((usize, usize), &mut ChaCha8Rng) -> usize,
    ) -> Option<(usize, Crop)> {
        let images = self.classes.get(crop::below(random, self.classes.len()))?;
        let Found { source, places } = images.get(crop::below(random, images.len()))?;
        let place = *places.get(crop::below(random, places.len()))? as usize;
        let (width, height) = sources[*source].size();
        let side = side((width, height), random);
        let mut start =
            |at: usize, length: usize| at.saturating_sub(crop::below(random, side)).min(length - side);
        let (x, y) = (start(place % width, width), start(place / width, height));
        let (turns, mirrored) = (crop::below(random, 4) as u8, crop::below(random, 2) == 1);
        Some((*source, Crop { x, y, width: side, height: side, turns, mirrored }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;
    use crate::{LossKind, Task, TrainingPlan};
    use foci_image::{LabelImage, Plane};

    fn example(width: usize, labels: Vec<u32>) -> Example {
        let height = labels.len() / width;
        let image = Plane::zeros(width, height);
        Example::labelled(image, LabelImage { width, height, data: labels })
    }

    #[test]
    fn classes_are_counted_up_to_the_largest_value() {
        let examples = [example(2, vec![0, 3, 0, 0]), example(3, vec![1, 0, 0])];
        assert_eq!(class_counts(&examples).unwrap(), [5, 1, 0, 1]);
        let alike = [example(2, vec![4, 4])];
        assert!(matches!(class_counts(&alike), Err(TrainError::OneClass { value: 4 })));
        assert!(matches!(check_objects(&alike), Err(TrainError::OneClass { value: 4 })));
        let empty = [example(2, vec![0, 0]), example(1, vec![0])];
        assert!(matches!(check_objects(&empty), Err(TrainError::OneClass { value: 0 })));
        check_objects(&[example(2, vec![0, 0]), example(1, vec![7])]).unwrap();
        let objects = [example(2, vec![0, 300])];
        assert!(matches!(class_counts(&objects), Err(TrainError::NoClass { value: 300, classes: 256 })));
        assert!(matches!(
            class_counts(&[Example::from(Plane::zeros(1, 1))]),
            Err(TrainError::NoLabels { .. })
        ));
    }

    #[test]
    fn a_class_a_hundred_times_as_rare_counts_ten_times_as_much() {
        let weights = balanced_weights(&[10_000, 100, 0]);
        // Inverse roots 0.01 and 0.1, their mean 0.055.
        let expected = [0.01 / 0.055, 0.1 / 0.055, 1.0];
        assert!(weights.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12));
    }

    #[test]
    fn crops_are_laid_on_rare_pixels_each_class_as_often_as_any_other() {
        // One pixel of class 1 in a corner of one image, half of another of class 2.
        let mut corner = vec![0; 400];
        corner[0] = 1;
        let examples =
            [example(20, corner), example(20, (0..400).map(|at| 2 * u32::from(at < 200)).collect())];
        let plan = TrainingPlan { task: Task::Semantic, loss: LossKind::Classes, classes: 3, ..plan(8) };
        let sources: Vec<Source> = examples.iter().map(|one| Source::new(one, &plan).unwrap()).collect();
        let rare = RareClasses::of(&sources);
        let mut random = crop::generator(3, 1);
        let mut of_first = 0;
        for _ in 0..400 {
            let (source, crop) = rare.draw(&sources, &mut random, |_, _| 6).unwrap();
            let mut classes = vec![0; 36];
            crop.copy(sources[source].classes(), 20, &mut classes);
            assert!(classes.contains(&(source as u8 + 1)), "{crop:?}");
            of_first += usize::from(source == 0);
        }
        // Half of them, give or take four standard errors.
        assert!((160..=240).contains(&of_first), "{of_first}");
        let nothing = [example(20, vec![0; 400])];
        let sources = [Source::new(&nothing[0], &plan).unwrap()];
        assert!(RareClasses::of(&sources).draw(&sources, &mut random, |_, _| 6).is_none());
    }
}
