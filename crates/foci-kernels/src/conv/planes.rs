//! What the convolution kernels see of feature maps: lists of planes, one for each channel, which may come from
//! several views. A concatenation is nothing but a longer list.

use std::ops::Range;

use crate::activation::Activation;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::pieces::together;
use crate::simd::Simd;
use crate::threads::Compute;
use crate::view::View;

/// One channel of a feature map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    /// First float of image 0 in the arena.
    pub offset: usize,
    /// Floats from one image to the next.
    pub image: usize,
}

impl Plane {
    /// The plane of image `n`, in floats from the start of the arena.
    #[inline(always)]
    pub fn of_image(&self, n: usize) -> usize {
        self.offset + n * self.image
    }
}

fn planes(view: &View) -> impl Iterator<Item = Plane> + '_ {
    (0..view.channels).map(|channel| Plane { offset: view.plane(0, channel), image: view.image_floats() })
}

/// The planes of several views, in channel order, written over `list`, which has room for them.
pub(crate) fn list_planes(views: &[View], list: &mut Vec<Plane>) {
    list.clear();
    list.extend(views.iter().flat_map(planes));
}

/// Floats from a plane of a list to the next one, none after the last.
#[inline(always)]
pub(crate) fn distance(planes: &[Plane], index: usize) -> isize {
    planes.get(index + 1).map_or(0, |next| next.offset as isize - planes[index].offset as isize)
}

/// A plane to be written, and what happens to values on their way there.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub plane: Plane,
    pub finish: Finish,
}

/// The targets of a forward pass from some maps, written over `list`.
pub(crate) fn list_targets(
    maps: &[View],
    output: &View,
    activation: Activation,
    list: &mut Vec<Option<Target>>,
) {
    let finish = Finish::forward(activation, maps.iter().chain([output]).copied());
    list.clear();
    list.extend(planes(output).map(|plane| Some(Target { plane, finish })));
}

/// The targets of a gradient by several maps, of which some may want none, of a layer with such an output, written over
/// `list`.
pub(crate) fn list_gradients(
    maps: &[View],
    output: &View,
    into: &[Option<InputGradient>],
    list: &mut Vec<Option<Target>>,
) {
    list.clear();
    for (map, into) in maps.iter().zip(into) {
        match into {
            None => list.extend((0..map.channels).map(|_| None)),
            Some(into) => {
                let finish = Finish::backward(into, maps.iter().chain([output]).copied());
                list.extend(planes(&into.view).map(|plane| Some(Target { plane, finish })));
            }
        }
    }
}

/// Output channels that are computed together, so that what is loaded of the input serves all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub first: usize,
    pub count: usize,
}

/// Most output channels of a group: as many sums as the registers hold, next to what is read. Each number is compiled by
/// itself, so plain Rust makes do with fewer.
pub(crate) fn most_together(simd: Simd) -> usize {
    match simd {
        Simd::Avx512 => 12,
        Simd::Avx2 => 6,
        Simd::Scalar => 4,
    }
}

/// The channels of several maps in as few groups as `most` allows, of nearly one size and none over two maps.
pub(crate) fn groups(channels: &[usize], most: usize) -> Vec<Group> {
    groups_of(channels, |_| most)
}

/// As [`groups`], with `most(channels of a map)` channels in a group.
pub(crate) fn groups_of(channels: &[usize], most: impl Fn(usize) -> usize) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut start = 0;
    for &channels in channels {
        let count = channels.div_ceil(most(channels));
        for index in 0..count {
            let (first, end) = (index * channels / count, (index + 1) * channels / count);
            groups.push(Group { first: start + first, count: end - first });
        }
        start += channels;
    }
    groups
}

/// Fewest and most rows of a task.
const TASK_ROWS: (usize, usize) = (4, 32);

/// Calls `body` with the number of each of `n` images and ranges that make up its `rows`, one for each task.
pub(crate) fn share_rows(
    compute: &Compute,
    n: usize,
    rows: usize,
    body: &(dyn Fn(usize, Range<usize>) + Sync),
) {
    let each = together(compute, n * rows, TASK_ROWS.0, TASK_ROWS.1);
    let tasks = rows.div_ceil(each);
    compute.run(n * tasks, &|task, _| {
        let (image, first) = (task / tasks, task % tasks * each);
        body(image, first..rows.min(first + each));
    });
}

/// The rows of an image in an order in which those that share taps of a dilated kernel follow one another:
/// row 0, d, 2 d, ..., then 1, d + 1, ...
pub(crate) fn row_order(rows: usize, dilation: usize) -> Vec<usize> {
    (0..dilation.min(rows)).flat_map(|first| (first..rows).step_by(dilation)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_share_taps_are_neighbours() {
        assert_eq!(row_order(7, 3), [0, 3, 6, 1, 4, 2, 5]);
        assert_eq!(row_order(2, 5), [0, 1]);
    }

    #[test]
    fn groups_are_even_and_stay_within_a_map() {
        let sizes = |channels: &[usize]| -> Vec<usize> {
            groups(channels, 12).iter().map(|group| group.count).collect()
        };
        assert_eq!(sizes(&[9]), [9]);
        assert_eq!(sizes(&[25]), [8, 8, 9]);
        assert_eq!(sizes(&[13, 2]), [6, 7, 2]);
        assert_eq!(groups(&[13, 2], 12)[2].first, 13);
        // Each map has its own most.
        let of_eights = groups_of(&[24, 13], |channels| if channels == 24 { 8 } else { 12 });
        let counts: Vec<usize> = of_eights.iter().map(|group| group.count).collect();
        assert_eq!(counts, [8, 8, 8, 6, 7]);
    }
}
