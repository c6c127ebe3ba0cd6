//! What a net should give for a crop: the image itself, or classes and depths of its objects.
//!
//! A source holds the maps that targets are cut from, made once for each image: objects that a crop cuts keep the depths that
//! they have as a whole.

use crate::tiles::Example;
use crate::{Task, TrainError};
use foci_image::crop::Crop;
use foci_segment::targets::{CLASSES, Targets};

/// An image of a run, with what its targets are cut from.
pub(crate) struct Source<'a> {
    example: &'a Example,
    targets: Option<Targets>,
}

impl<'a> Source<'a> {
    /// # Errors
    /// [`TrainError::NoLabels`] if the task needs labels and the image has none of its size.
    pub fn new(example: &'a Example, task: Task) -> Result<Source<'a>, TrainError> {
        let Example { image, labels } = example;
        let targets = match (task, labels) {
            (Task::Reconstruct, _) => None,
            (Task::Instances, Some(labels))
                if (labels.width, labels.height) == (image.width, image.height) =>
            {
                Some(Targets::of(labels))
            }
            (Task::Instances, _) => {
                return Err(TrainError::NoLabels { width: image.width, height: image.height });
            }
        };
        Ok(Source { example, targets })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.example.image.width, self.example.image.height)
    }

    /// Cuts input and target, [C, side, side], from a crop of another or the same side, which must lie inside.
    pub fn cut(&self, crop: &Crop, side: usize, input: &mut [f32], target: &mut [f32]) {
        let image = &self.example.image;
        let scale = Scale { from: crop.width, to: side };
        scale.cut(crop, &image.data, image.width, input);
        let Some(targets) = &self.targets else {
            target.copy_from_slice(input);
            return;
        };
        let (classes, depths) = target.split_at_mut(CLASSES * side * side);
        scale.cut(crop, &targets.depths, targets.width, depths);
        let mut taken = vec![0; crop.width * crop.height];
        crop.copy(&targets.classes, targets.width, &mut taken);
        for (class, map) in (0..).zip(classes.chunks_exact_mut(side * side)) {
            for (at, value) in map.iter_mut().enumerate() {
                let nearest =
                    |at: usize| scale.place(at).round().clamp(0.0, (scale.from - 1) as f64) as usize;
                let here = taken[nearest(at / side) * scale.from + nearest(at % side)];
                *value = if here == class { 1.0 } else { 0.0 };
            }
        }
    }
}

/// A change of size of square images.
struct Scale {
    from: usize,
    to: usize,
}

impl Scale {
    /// Where pixel `at` of the new image lies in the old one, along one axis; the borders of both images coincide.
    fn place(&self, at: usize) -> f64 {
        (at as f64 + 0.5) * self.from as f64 / self.to as f64 - 0.5
    }

    /// A crop of an image of `width` columns, brought to the new size.
    fn cut(&self, crop: &Crop, image: &[f32], width: usize, out: &mut [f32]) {
        if self.from == self.to {
            crop.copy(image, width, out);
            return;
        }
        let mut taken = vec![0.0; crop.width * crop.height];
        crop.copy(image, width, &mut taken);
        self.blend(&taken, out);
    }

    /// Bilinear between the four nearest pixels.
    fn blend(&self, image: &[f32], out: &mut [f32]) {
        let last = self.from - 1;
        let along: Vec<(usize, usize, f32)> = (0..self.to)
            .map(|at| {
                let place = self.place(at).clamp(0.0, last as f64);
                let low = place as usize;
                (low, (low + 1).min(last), (place - low as f64) as f32)
            })
            .collect();
        for (row, &(top, bottom, down)) in out.chunks_exact_mut(self.to).zip(&along) {
            let (top, bottom) = (&image[top * self.from..], &image[bottom * self.from..]);
            for (value, &(left, right, across)) in row.iter_mut().zip(&along) {
                let upper = top[left] + across * (top[right] - top[left]);
                let lower = bottom[left] + across * (bottom[right] - bottom[left]);
                *value = upper + down * (lower - upper);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_image::{LabelImage, Plane};

    fn crop(side: usize) -> Crop {
        Crop { x: 0, y: 0, width: side, height: side, turns: 0, mirrored: false }
    }

    #[test]
    fn twice_the_size_lies_between_the_pixels() {
        let scale = Scale { from: 2, to: 4 };
        let mut out = [0.0; 16];
        scale.blend(&[0.0, 4.0, 8.0, 12.0], &mut out);
        // Pixel centres at -1/4, 1/4, 3/4, 5/4 of the old ones; beyond the first and last nothing changes.
        assert_eq!(out[..4], [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(out[4..8], [2.0, 3.0, 5.0, 6.0]);
        assert_eq!(out[12..], [8.0, 9.0, 11.0, 12.0]);
    }

    #[test]
    fn the_target_of_a_reconstruction_is_the_input() {
        let image = Plane { width: 2, height: 2, data: vec![1.0, 2.0, 3.0, 4.0] };
        let example = Example::from(image);
        let (mut input, mut target) = ([0.0; 4], [0.0; 4]);
        Source::new(&example, Task::Reconstruct).unwrap().cut(&crop(2), 2, &mut input, &mut target);
        assert_eq!((input, target), ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]));
        assert!(matches!(Source::new(&example, Task::Instances), Err(TrainError::NoLabels { .. })));
    }

    #[test]
    fn classes_and_depths_are_those_of_the_whole_image() {
        // One object of 4 x 4 pixels in a corner, its depth 1 (beyond the edge nothing is known) to 1/4.
        let mut labels = LabelImage::zeros(6, 6);
        for at in 0..36 {
            labels.data[at] = u32::from(at % 6 < 4 && at / 6 < 4);
        }
        let image = Plane { width: 6, height: 6, data: (0..36).map(|value| value as f32).collect() };
        let example = Example { image, labels: Some(labels) };
        let source = Source::new(&example, Task::Instances).unwrap();
        let (mut input, mut target) = ([0.0; 9], [9.0; 36]);
        source.cut(&Crop { x: 2, y: 0, ..crop(3) }, 3, &mut input, &mut target);
        assert_eq!(input, [2.0, 3.0, 4.0, 8.0, 9.0, 10.0, 14.0, 15.0, 16.0]);
        assert_eq!(target[..9], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0], "background");
        assert_eq!(target[9..18], [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0], "inside");
        assert_eq!(target[18..27], [0.0; 9], "contact");
        assert_eq!(target[27..30], [0.5, 0.25, 0.0], "depth");
        // Twice as large, every pixel has the class of the nearest.
        let (mut input, mut target) = ([0.0; 16], [9.0; 64]);
        source.cut(&Crop { x: 3, y: 0, ..crop(2) }, 4, &mut input, &mut target);
        assert_eq!(target[..4], [0.0, 0.0, 1.0, 1.0]);
    }
}
