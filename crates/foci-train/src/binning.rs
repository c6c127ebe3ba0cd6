//! Pixels binned before a net sees them, as a camera bins them: each block of `by` x `by` becomes one pixel, its mean.
//!
//! For objects that are many pixels across. The net then sees `by` times as far, each crop shows more objects, and a megapixel is
//! the `by * by`-th part of the work. What the net gives is enlarged again, bilinearly between the centres of the blocks, so that outlines are not
//! made of blocks. Where detail of single pixels decides, binning loses it.
//!
//! Blocks begin at the top left; those that the right and lower edges cut are the mean of what there is of them.

use crate::TrainError;
use crate::target::labels_of;
use crate::tiles::{Example, Tiles};
use foci_image::{LabelImage, Plane, bilinear};

/// The images to learn from and to watch the loss on, as the net is shown them.
///
/// # Errors
/// [`TrainError::NoLabels`] if labels are not of the size of their image.
pub(crate) fn binned_tiles(tiles: &Tiles, by: usize) -> Result<Tiles, TrainError> {
    let all = |examples: &[Example]| examples.iter().map(|example| binned_example(example, by)).collect();
    let training: Result<Vec<Example>, TrainError> = all(&tiles.training);
    Ok(Tiles { training: training?, validation: all(&tiles.validation)?, ..Tiles::default() })
}

fn binned_example(example: &Example, by: usize) -> Result<Example, TrainError> {
    let Plane { width, height, .. } = example.image;
    let labels = match &example.labels {
        None => None,
        Some(_) => {
            let data = most_frequent(&labels_of(example)?.data, width, height, by);
            Some(LabelImage { width: width.div_ceil(by), height: height.div_ceil(by), data })
        }
    };
    let classes = &example.object_classes;
    let object_classes = match classes.len() == example.image.data.len() {
        true => most_frequent(classes, width, height, by),
        // Of no pixels, or of others: who makes targets of them refuses the latter.
        false => classes.clone(),
    };
    Ok(Example { image: binned(&example.image, by), labels, object_classes })
}

/// The mean of each block of `by` x `by` pixels.
pub(crate) fn binned(plane: &Plane, by: usize) -> Plane {
    let Plane { width, height, data } = plane;
    let mut binned = Plane::zeros(width.div_ceil(by), height.div_ceil(by));
    let binned_rows = binned.data.chunks_exact_mut(binned.width.max(1));
    for (sums, block) in binned_rows.zip(data.chunks(by * width.max(&1))) {
        for row in block.chunks_exact(*width) {
            sums.iter_mut().zip(row.chunks(by)).for_each(|(sum, part)| *sum += part.iter().sum::<f32>());
        }
        let rows = block.len() / width;
        let columns = |at: usize| by.min(width - at * by);
        (0..).zip(sums).for_each(|(at, sum)| *sum /= (rows * columns(at)) as f32);
    }
    binned
}

/// The value that most pixels of each block have; of values that equally many have, the one that comes first, row by row.
fn most_frequent<T: Copy + PartialEq>(values: &[T], width: usize, height: usize, by: usize) -> Vec<T> {
    let mut block = Vec::with_capacity(by * by);
    let mut found = Vec::with_capacity(width.div_ceil(by) * height.div_ceil(by));
    for y in (0..height).step_by(by) {
        for x in (0..width).step_by(by) {
            block.clear();
            for row in y..(y + by).min(height) {
                block.extend_from_slice(&values[row * width + x..row * width + (x + by).min(width)]);
            }
            let count = |value: &T| block.iter().filter(|other| *other == value).count();
            let mut most = (block[0], count(&block[0]));
            for value in &block {
                // Nearly all blocks lie in one object.
                if 2 * most.1 >= block.len() {
                    break;
                }
                let counted = count(value);
                if counted > most.1 {
                    most = (*value, counted);
                }
            }
            found.push(most.0);
        }
    }
    found
}

/// Maps of binned pixels, one after the other, brought back to `width` x `height` pixels.
pub(crate) fn enlarged(maps: &[f32], by: usize, width: usize, height: usize) -> Vec<f32> {
    bilinear::enlarged(maps, width.div_ceil(by), height.div_ceil(by), by, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_its_mean_and_its_most_frequent_label_also_where_the_edge_cuts_it() {
        let data = [1.0, 3.0, 5.0, 5.0, 7.0, 5.0, 2.0, 4.0, 9.0].to_vec();
        let image = Plane { width: 3, height: 3, data };
        // Blocks of 2 x 2: (1, 3, 5, 7), (5, 5), (2, 4) and 9.
        assert_eq!(binned(&image, 2).data, [4.0, 5.0, 3.0, 9.0]);
        let labels = LabelImage { width: 3, height: 3, data: vec![0, 7, 2, 7, 7, 3, 4, 0, 5] };
        let example = Example {
            object_classes: vec![1, 1, 0, 0, 1, 0, 2, 2, 3],
            ..Example::labelled(image.clone(), labels)
        };
        let found = binned_example(&example, 2).unwrap();
        assert_eq!((found.image.width, found.image.height), (2, 2));
        // Of two in equal number the first.
        assert_eq!(found.labels.unwrap(), LabelImage { width: 2, height: 2, data: vec![7, 2, 4, 5] });
        assert_eq!(found.object_classes, [1, 0, 2, 3]);
        assert_eq!(binned_example(&Example::from(image.clone()), 2).unwrap().labels, None);
        let of_other_pixels = Example { object_classes: vec![1; 7], ..Example::from(image.clone()) };
        assert_eq!(binned_example(&of_other_pixels, 2).unwrap().object_classes.len(), 7);
        let other_size = Example::labelled(image, LabelImage::zeros(4, 4));
        assert!(matches!(binned_example(&other_size, 2), Err(TrainError::NoLabels { width: 3, height: 3 })));
    }

    #[test]
    fn the_most_frequent_of_three_wins_wherever_it_stands() {
        let values = [1, 2, 3, 2, 3, 3, 4, 3, 5];
        assert_eq!(most_frequent(&values, 3, 3, 3), [3]);
    }

    #[test]
    fn what_is_linear_comes_back_and_nothing_moves() {
        for by in [2, 3] {
            let (width, height) = (7 * by + 1, 5 * by);
            let plane = |at: usize| 2.0 * (at % width) as f32 - 3.0 * (at / width) as f32;
            let image = Plane { width, height, data: (0..width * height).map(plane).collect() };
            let small = binned(&image, by);
            // Two maps, the second upside down in value.
            let maps: Vec<f32> =
                small.data.iter().copied().chain(small.data.iter().map(|value| -value)).collect();
            let back = enlarged(&maps, by, width, height);
            assert_eq!(back.len(), 2 * image.data.len());
            for at in 0..width * height {
                // Between the centres of whole blocks; beyond them nothing is known.
                let inside = |place: usize, whole: usize| place >= by / 2 && place < whole - by / 2;
                if inside(at % width, 7 * by) && inside(at / width, height) {
                    assert!((back[at] - image.data[at]).abs() < 1e-3, "{by}: {at}");
                    assert_eq!(back[image.data.len() + at], -back[at]);
                }
            }
        }
    }

    #[test]
    fn an_image_without_pixels_stays_one() {
        assert!(binned(&Plane::zeros(0, 0), 2).data.is_empty());
        assert!(enlarged(&[], 2, 0, 0).is_empty());
    }
}
