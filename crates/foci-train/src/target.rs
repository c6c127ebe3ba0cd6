//! What a net should give for a crop: the image itself, the class of each pixel, or classes and depths of its objects.
//!
//! A source holds the maps that targets are cut from, made once for each image: objects that a crop cuts keep the depths that
//! they have as a whole.

use crate::scale::Scale;
use crate::tiles::{Example, NO_CLASS};
use crate::{Task, TrainError, TrainingPlan};
use foci_image::LabelImage;
use foci_image::crop::Crop;
use foci_segment::targets::{CLASSES, Targets};

/// An image of a run, with what its targets are cut from.
pub(crate) struct Source<'a> {
    example: &'a Example,
    maps: Maps<'a>,
}

/// What targets are cut from, of the size of the image.
enum Maps<'a> {
    /// The image.
    Image,
    /// Classes of pixels, of so many.
    Classes { classes: Vec<u8>, count: usize },
    /// Classes of pixels and depths; and the classes of objects, if those are learnt.
    Objects { targets: Targets, classes: Option<&'a [u8]> },
}

impl<'a> Source<'a> {
    /// # Errors
    /// [`TrainError::NoLabels`] if the task needs labels and the image has none of its size, [`TrainError::NoClass`] if a pixel is of a class that
    /// the plan does not have.
    pub fn new(example: &'a Example, plan: &TrainingPlan) -> Result<Source<'a>, TrainError> {
        let labels = || labels_of(example);
        let maps = match plan.task {
            Task::Reconstruct => Maps::Image,
            Task::Semantic => {
                Maps::Classes { classes: classes(labels()?, plan.classes)?, count: plan.classes }
            }
            Task::Instances => Maps::Objects {
                targets: Targets::of(labels()?),
                classes: object_classes(example, plan.classes)?,
            },
        };
        Ok(Source { example, maps })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.example.image.width, self.example.image.height)
    }

    /// The class of each pixel, row by row; none where the task has no classes of its own.
    pub fn classes(&self) -> &[u8] {
        match &self.maps {
            Maps::Classes { classes, .. } => classes,
            Maps::Image | Maps::Objects { .. } => &[],
        }
    }

    /// Cuts input [1, side, side] and target [C, side, side] from a crop of another or the same side, which must lie inside.
    pub fn cut(&self, crop: &Crop, side: usize, input: &mut [f32], target: &mut [f32]) {
        let image = &self.example.image;
        let scale = Scale { from: crop.width, to: side };
        scale.cut(crop, &image.data, image.width, input);
        match &self.maps {
            Maps::Image => target.copy_from_slice(input),
            Maps::Classes { classes, count } => {
                debug_assert_eq!(target.len(), count * side * side);
                scale.cut_classes(crop, classes, image.width, target);
            }
            Maps::Objects { targets, classes: of_objects } => {
                let (classes, rest) = target.split_at_mut(CLASSES * side * side);
                let (depths, objects) = rest.split_at_mut(side * side);
                scale.cut(crop, &targets.depths, targets.width, depths);
                scale.cut_classes(crop, &targets.classes, targets.width, classes);
                match of_objects {
                    Some(of_objects) => scale.cut_classes(crop, of_objects, targets.width, objects),
                    None => objects.fill(0.0),
                }
            }
        }
    }
}

/// The labels of an image.
pub(crate) fn labels_of(Example { image, labels, .. }: &Example) -> Result<&LabelImage, TrainError> {
    let is_of_size = |labels: &&LabelImage| (labels.width, labels.height) == (image.width, image.height);
    let none = TrainError::NoLabels { width: image.width, height: image.height };
    labels.as_ref().filter(is_of_size).ok_or(none)
}

fn classes(labels: &LabelImage, count: usize) -> Result<Vec<u8>, TrainError> {
    let class = |&label: &u32| match u8::try_from(label) {
        Ok(class) if usize::from(class) < count => Ok(class),
        _ => Err(TrainError::NoClass { value: label, classes: count }),
    };
    labels.data.iter().map(class).collect()
}

/// The class of each pixel's object; `None` if there are no classes to learn, or nobody says of any object of which it is.
fn object_classes(example: &Example, count: usize) -> Result<Option<&[u8]>, TrainError> {
    let (given, pixels) = (&example.object_classes, example.image.data.len());
    if count == 0 || given.is_empty() {
        return Ok(None);
    }
    let wrong = |what: &str, value: String| Err(TrainError::Plan { what: what.into(), value });
    if given.len() != pixels {
        return wrong(
            "classes of objects must be given for each pixel of an image",
            format!("{} of {pixels}", given.len()),
        );
    }
    match given.iter().find(|class| **class != NO_CLASS && usize::from(**class) >= count) {
        Some(class) => {
            wrong("the class of an object must be one of the run's", format!("{class} of {count}"))
        }
        None => Ok(Some(given)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LossKind;
    use crate::plan::tests::plan;
    use foci_image::{LabelImage, Plane};

    fn crop(side: usize) -> Crop {
        Crop { x: 0, y: 0, width: side, height: side, turns: 0, mirrored: false }
    }

    fn for_instances() -> TrainingPlan {
        TrainingPlan { task: Task::Instances, loss: LossKind::Objects, ..plan(8) }
    }

    #[test]
    fn the_target_of_a_reconstruction_is_the_input() {
        let image = Plane { width: 2, height: 2, data: vec![1.0, 2.0, 3.0, 4.0] };
        let example = Example::from(image);
        let (mut input, mut target) = ([0.0; 4], [0.0; 4]);
        Source::new(&example, &plan(8)).unwrap().cut(&crop(2), 2, &mut input, &mut target);
        assert_eq!((input, target), ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]));
        assert!(matches!(Source::new(&example, &for_instances()), Err(TrainError::NoLabels { .. })));
    }

    #[test]
    fn the_target_of_classes_has_a_map_for_each() {
        let image = Plane { width: 2, height: 2, data: vec![1.0, 2.0, 3.0, 4.0] };
        let labels = LabelImage { width: 2, height: 2, data: vec![0, 2, 1, 2] };
        let example = Example::labelled(image, labels);
        let plan = TrainingPlan { task: Task::Semantic, loss: LossKind::Classes, classes: 3, ..plan(8) };
        let source = Source::new(&example, &plan).unwrap();
        assert_eq!(source.classes(), [0, 2, 1, 2]);
        let (mut input, mut target) = ([0.0; 4], [9.0; 12]);
        source.cut(&Crop { mirrored: true, ..crop(2) }, 2, &mut input, &mut target);
        assert_eq!(input, [2.0, 1.0, 4.0, 3.0]);
        assert_eq!(target, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
        let error = Source::new(&example, &TrainingPlan { classes: 2, ..plan }).err().unwrap();
        assert!(matches!(error, TrainError::NoClass { value: 2, classes: 2 }));
    }

    #[test]
    fn classes_and_depths_are_those_of_the_whole_image() {
        // One object of 4 x 4 pixels in a corner, its depth 1 (beyond the edge nothing is known) to 1/4.
        let mut labels = LabelImage::zeros(6, 6);
        for at in 0..36 {
            labels.data[at] = u32::from(at % 6 < 4 && at / 6 < 4);
        }
        let image = Plane { width: 6, height: 6, data: (0..36).map(|value| value as f32).collect() };
        let example = Example::labelled(image, labels);
        let source = Source::new(&example, &for_instances()).unwrap();
        let (mut input, mut target) = ([0.0; 9], [9.0; 36]);
        source.cut(&Crop { x: 2, y: 0, ..crop(3) }, 3, &mut input, &mut target);
        assert_eq!(input, [2.0, 3.0, 4.0, 8.0, 9.0, 10.0, 14.0, 15.0, 16.0]);
        assert_eq!(target[..9], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0], "background");
        assert_eq!(target[9..18], [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0], "inside");
        assert_eq!(target[18..27], [0.0; 9], "contact");
        assert_eq!(target[27..30], [0.5, 0.25, 0.0], "depth");
        // Classes of objects follow: here the second of two, known of the object's left half only.
        let mut of_class = example.clone();
        of_class.object_classes =
            (0..36).map(|at| if at % 6 < 2 && at / 6 < 4 { 1 } else { NO_CLASS }).collect();
        let plan = TrainingPlan { classes: 2, ..for_instances() };
        let mut target = [9.0; 54];
        Source::new(&of_class, &plan).unwrap().cut(
            &Crop { x: 1, y: 0, ..crop(3) },
            3,
            &mut input,
            &mut target,
        );
        assert_eq!(target[36..45], [0.0; 9], "the first class");
        assert_eq!(target[45..], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0], "the second");
        of_class.object_classes[0] = 2;
        assert!(matches!(Source::new(&of_class, &plan).err(), Some(TrainError::Plan { .. })));
        // Twice as large, every pixel has the class of the nearest.
        let (mut input, mut target) = ([0.0; 16], [9.0; 64]);
        source.cut(&Crop { x: 3, y: 0, ..crop(2) }, 4, &mut input, &mut target);
        assert_eq!(target[..4], [0.0, 0.0, 1.0, 1.0]);
    }
}
