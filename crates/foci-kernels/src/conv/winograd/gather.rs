//! From the pixels of a plane to the values of its tiles at the 36 points.
//!
//! First down the columns, where neighbouring pixels are neighbouring lanes whatever the dilation; then the columns
//! are sorted into those of the first, second, third and fourth run of each tile; then along the rows, where
//! now neighbouring tiles are neighbouring lanes.

use super::tiles::{Segment, Tiling};
use super::transform::{gradient, source};
use super::{IN, OUT};
use crate::conv::border::inside;
use crate::vector::{Vector, prefetch};

/// Tiles of a strip: what is done of a segment at a time, so that what lies between the steps stays in the
/// nearest cache. Longer for large dilations, as strips overlap by a run; whole vectors.
fn strip(dilation: usize) -> usize {
    if dilation < 16 { 128 } else { 8 * dilation }
}

/// Longer than any run that is part of a vector.
const UNSORTED: usize = 16;

/// Gather the 6x6 inputs of each tile, Bᵀ d B.
pub(super) const SOURCE: bool = true;
/// Gather the 4x4 gradients of its outputs, A dy Aᵀ.
pub(super) const GRADIENT: bool = false;

/// Scratch between the steps.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// Rows after the first step, as they are or sorted into four runs each.
    rows: *mut f32,
    row_floats: usize,
    /// Zeros, for rows beyond the image.
    zeros: *mut f32,
}

impl Steps {
    /// Floats of a row: those of a strip and one run more, in sets of four vectors.
    fn row_floats(dilation: usize) -> usize {
        OUT * (strip(dilation) + dilation).next_multiple_of(16) + OUT * 16
    }

    /// Floats of scratch.
    pub fn floats(dilation: usize) -> usize {
        (IN + 1) * Steps::row_floats(dilation)
    }

    /// Scratch that begins at `start`.
    pub fn at(start: *mut f32, dilation: usize) -> Steps {
        let row_floats = Steps::row_floats(dilation);
        Steps { rows: start, row_floats, zeros: start.wrapping_add(IN * row_floats) }
    }
}

/// Writes the values of a segment's tiles at point `p` to `to + p * point`, up to a vector less one beyond them. Asks
/// for the same pixels `ahead` floats further on, where the next plane to be gathered lies.
///
/// # Safety
/// The CPU has the level; `plane` is the image's plane, `to` has room at every point.
#[inline(always)]
pub(super) unsafe fn gather<V: Vector, const KIND: bool>(
    tiling: &Tiling,
    plane: *const f32,
    segment: Segment,
    steps: Steps,
    to: *mut f32,
    point: usize,
    ahead: isize,
) {
    let d = tiling.dilation;
    let strip = strip(d);
    for first in (0..segment.count).step_by(strip) {
        let count = strip.min(segment.count - first);
        let strip = Strip { tiling, y: segment.y, column: segment.column + first, count };
        let to = to.wrapping_add(first);
        // SAFETY: passed on to the caller; a strip is no longer than `Steps` expects.
        unsafe {
            match d {
                1 => strip.down::<V, KIND, 1>(plane, steps, ahead),
                2 => strip.down::<V, KIND, 2>(plane, steps, ahead),
                4 => strip.down::<V, KIND, 4>(plane, steps, ahead),
                8 if V::LANES == 16 => strip.down::<V, KIND, 8>(plane, steps, ahead),
                _ => strip.down::<V, KIND, UNSORTED>(plane, steps, ahead),
            }
            let runs = if d < V::LANES {
                Runs { apart: steps.row_floats / OUT, next: d, of: d }
            } else {
                Runs { apart: d, next: OUT * d, of: d }
            };
            along::<V, KIND>(count, steps.rows, steps.row_floats, runs, to, point);
        }
    }
}

/// Part of a segment.
#[derive(Clone, Copy)]
struct Strip<'a> {
    tiling: &'a Tiling,
    y: usize,
    column: usize,
    count: usize,
}

impl Strip<'_> {
    /// Down the columns: from 6 (or 4) rows of pixels to 6 rows of values, sorted into runs of RUN unless that is [`UNSORTED`].
    #[inline(always)]
    unsafe fn down<V: Vector, const KIND: bool, const RUN: usize>(
        self,
        plane: *const f32,
        steps: Steps,
        ahead: isize,
    ) {
        let Tiling { dilation, h, w, .. } = *self.tiling;
        // What a tile reads begins one tap before its outputs and ends one after them.
        let (before, length) = match KIND {
            SOURCE => (dilation, OUT * self.count + 2 * dilation),
            GRADIENT => (0, OUT * self.count),
        };
        let count = if KIND == SOURCE { IN } else { OUT };
        let first = (OUT * self.column) as isize - before as isize;
        let mut rows = [plane; IN];
        let mut zeros = false;
        for (index, row) in rows.iter_mut().enumerate().take(count) {
            match (self.y + index * dilation).checked_sub(before).filter(|y| *y < h) {
                Some(y) => *row = plane.wrapping_add(y * w).wrapping_offset(first),
                None => (*row, zeros) = (steps.zeros.cast_const(), true),
            }
        }
        let zero_row = steps.zeros.cast_const();
        // SAFETY: vectors that are not wholly inside are read in part; the scratch has room for whole sets.
        unsafe {
            if zeros {
                std::slice::from_raw_parts_mut(steps.zeros, steps.row_floats).fill(0.0);
            }
            for at in (0..length).step_by(OUT * V::LANES) {
                let x = first + at as isize;
                let whole = x >= 0 && x + (OUT * V::LANES) as isize <= w as isize;
                let mut values = [[V::splat(0.0); OUT]; IN];
                for vector in 0..OUT {
                    let at = at + vector * V::LANES;
                    // Of the last vectors mostly one is needed, for the last tile's last two pixels.
                    if at >= length {
                        continue;
                    }
                    let mut pixels = [V::splat(0.0); IN];
                    for row in 0..IN {
                        if KIND == GRADIENT && row >= OUT {
                            continue;
                        }
                        let from = rows[row].wrapping_add(at);
                        pixels[row] = if whole || rows[row] == zero_row {
                            V::load(from)
                        } else {
                            inside::<V>(from, first + at as isize, w)
                        };
                        prefetch(from.wrapping_offset(ahead));
                    }
                    let column = match KIND {
                        SOURCE => source(pixels),
                        GRADIENT => gradient([pixels[0], pixels[1], pixels[2], pixels[3]]),
                    };
                    for row in 0..IN {
                        values[row][vector] = column[row];
                    }
                }
                for (row, values) in values.into_iter().enumerate() {
                    let to = steps.rows.add(row * steps.row_floats);
                    let (to, apart, values) = if RUN == UNSORTED {
                        (to.add(at), V::LANES, values)
                    } else {
                        (to.add(at / OUT), steps.row_floats / OUT, sorted::<V, RUN>(values))
                    };
                    for (index, value) in values.into_iter().enumerate() {
                        value.store(to.add(index * apart));
                    }
                }
            }
        }
    }
}

/// The values of four neighbouring vectors, sorted into the first, second, third and fourth runs of tiles.
#[inline(always)]
unsafe fn sorted<V: Vector, const RUN: usize>(values: [V; OUT]) -> [V; OUT] {
    // SAFETY: passed on to the caller.
    unsafe {
        let (even, odd) = values[0].part_runs::<RUN>(values[1]);
        let (more_even, more_odd) = values[2].part_runs::<RUN>(values[3]);
        let (first, third) = even.part_runs::<RUN>(more_even);
        let (second, fourth) = odd.part_runs::<RUN>(more_odd);
        [first, second, third, fourth]
    }
}

/// Where the values of a tile lie in a row.
#[derive(Clone, Copy)]
struct Runs {
    /// Floats from one of its four runs to the next.
    apart: usize,
    /// From a tile to that of the run after it.
    next: usize,
    /// Length of a run.
    of: usize,
}

/// Along the rows: from the runs of each row to 6 values.
#[inline(always)]
unsafe fn along<V: Vector, const KIND: bool>(
    count: usize,
    rows: *const f32,
    row_floats: usize,
    runs: Runs,
    to: *mut f32,
    point: usize,
) {
    // SAFETY: passed on to the caller; a tile beyond the fourth run is the next run's tile.
    unsafe {
        // In rows that are not sorted, the runs of other positions lie between those of one.
        let (part, stride) = if runs.next == runs.of { (count, count) } else { (runs.of, runs.next) };
        for row in 0..IN {
            let mut start = rows.add(row * row_floats);
            for first in (0..count).step_by(part) {
                for at in (0..part.min(count - first)).step_by(V::LANES) {
                    let start = start.add(at);
                    let run = |index: usize| start.add(index * runs.apart);
                    let four = [V::load(run(0)), V::load(run(1)), V::load(run(2)), V::load(run(3))];
                    let values = match KIND {
                        SOURCE => {
                            let next = start.add(runs.next);
                            let (fifth, sixth) = (V::load(next), V::load(next.add(runs.apart)));
                            source([four[0], four[1], four[2], four[3], fifth, sixth])
                        }
                        GRADIENT => gradient(four),
                    };
                    for (column, value) in values.into_iter().enumerate() {
                        value.store(to.add((row * IN + column) * point + first + at));
                    }
                }
                start = start.add(stride);
            }
        }
    }
}
