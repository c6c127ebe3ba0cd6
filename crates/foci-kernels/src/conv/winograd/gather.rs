//! From the pixels of a plane to the values of its tiles at the 36 points.
//!
//! First down the columns, where neighbouring pixels are neighbouring lanes whatever the dilation; then the columns
//! are sorted into those of the first, second, third and fourth run of each tile; then along the rows, where
//! now neighbouring tiles are neighbouring lanes.

use super::tiles::{Segment, Tiling};
use super::transform::{gradient, source};
use super::{IN, OUT};
use crate::conv::tile::inside;
use crate::vector::Vector;

/// Tiles of a strip: what is done of a segment at a time, so that what lies between the steps stays in the
/// nearest cache. Longer for large dilations, whose strips overlap by a run.
fn strip(dilation: usize) -> usize {
    if dilation <= 4 { 64 } else { 8 * dilation.max(16) }
}

/// What is gathered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 6x6 inputs of each tile, Bᵀ d B.
    Source,
    /// 4x4 gradients of its outputs, A dy Aᵀ.
    Gradient,
}

/// Scratch between the steps.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// Rows after the first step.
    rows: *mut f32,
    row_floats: usize,
    /// The same, sorted into four runs each.
    runs: *mut f32,
    run_floats: usize,
}

impl Steps {
    fn sizes(dilation: usize) -> (usize, usize) {
        let tiles = strip(dilation) + dilation;
        // One set of four vectors more, as sorting works on whole ones.
        (OUT * (tiles + 16), (tiles + 16).next_multiple_of(16))
    }

    /// Floats of scratch.
    pub fn floats(dilation: usize) -> usize {
        let (row, run) = Steps::sizes(dilation);
        IN * (row + OUT * run)
    }

    /// Scratch that begins at `start`.
    pub fn at(start: *mut f32, dilation: usize) -> Steps {
        let (row_floats, run_floats) = Steps::sizes(dilation);
        Steps { rows: start, row_floats, runs: start.wrapping_add(IN * row_floats), run_floats }
    }
}

/// Writes the values of a segment's tiles at point `p` to `to + p * point`, up to a vector less one beyond them.
///
/// # Safety
/// The CPU has the level; `plane` is the image's plane, `to` has room at every point.
#[inline(always)]
pub(super) unsafe fn gather<V: Vector>(
    kind: Kind,
    tiling: &Tiling,
    plane: *const f32,
    segment: Segment,
    steps: Steps,
    to: *mut f32,
    point: usize,
) {
    let strip = strip(tiling.dilation) / tiling.dilation.max(1) * tiling.dilation;
    for first in (0..segment.count).step_by(strip) {
        let count = strip.min(segment.count - first);
        let column = segment.column + first;
        // SAFETY: passed on to the caller; a strip is no longer than `Steps` expects.
        unsafe {
            down::<V>(kind, tiling, plane, segment.y, column, count, steps);
            if tiling.dilation.is_multiple_of(V::LANES) {
                along::<V>(kind, count, tiling.dilation, steps, true, to.add(first), point);
            } else {
                sort::<V>(count + tiling.dilation, tiling.dilation, steps);
                along::<V>(kind, count, tiling.dilation, steps, false, to.add(first), point);
            }
        }
    }
}

/// Down the columns: from 6 (or 4) rows of pixels to 6 rows of values.
#[inline(always)]
unsafe fn down<V: Vector>(
    kind: Kind,
    tiling: &Tiling,
    plane: *const f32,
    y: usize,
    column: usize,
    count: usize,
    steps: Steps,
) {
    let Tiling { dilation, h, w, .. } = *tiling;
    // What a tile reads begins one tap before its outputs and ends one after them.
    let (before, length) = match kind {
        Kind::Source => (dilation, OUT * count + 2 * dilation),
        Kind::Gradient => (0, OUT * count),
    };
    let first = (OUT * column) as isize - before as isize;
    let rows: [Option<*const f32>; IN] = std::array::from_fn(|row| {
        let y = (y + row * dilation).checked_sub(before).filter(|y| *y < h)?;
        Some(plane.wrapping_add(y * w))
    });
    // SAFETY: vectors that are not wholly inside are read in part; the scratch has room for whole vectors.
    unsafe {
        for at in (0..length).step_by(V::LANES) {
            let x = first + at as isize;
            let whole = x >= 0 && x + V::LANES as isize <= w as isize;
            let mut pixels = [V::splat(0.0); IN];
            for (pixels, row) in pixels.iter_mut().zip(rows) {
                if let Some(row) = row {
                    let from = row.wrapping_offset(x);
                    *pixels = if whole { V::load(from) } else { inside::<V>(from, x, w) };
                }
            }
            let values = match kind {
                Kind::Source => source(pixels),
                Kind::Gradient => gradient([pixels[0], pixels[1], pixels[2], pixels[3]]),
            };
            for (row, value) in values.into_iter().enumerate() {
                value.store(steps.rows.add(row * steps.row_floats + at));
            }
        }
    }
}

/// Sorts the values of each row into the first, second, third and fourth runs of `count` tiles.
#[inline(always)]
unsafe fn sort<V: Vector>(count: usize, dilation: usize, steps: Steps) {
    // SAFETY: passed on to the caller.
    unsafe {
        match dilation {
            1 => sort_vectors::<V, 1>(count, steps),
            2 => sort_vectors::<V, 2>(count, steps),
            4 => sort_vectors::<V, 4>(count, steps),
            8 if V::LANES == 16 => sort_vectors::<V, 8>(count, steps),
            _ => sort_one_by_one(count, dilation, steps),
        }
    }
}

#[inline(always)]
unsafe fn sort_vectors<V: Vector, const RUN: usize>(count: usize, steps: Steps) {
    for row in 0..IN {
        // SAFETY: the scratch has room for whole sets of four vectors.
        unsafe {
            let from = steps.rows.add(row * steps.row_floats);
            let to = steps.runs.add(row * OUT * steps.run_floats);
            for at in (0..count).step_by(V::LANES) {
                let from = from.add(OUT * at);
                let load = [0, 1, 2, 3].map(|vector| V::load(from.add(vector * V::LANES)));
                let (even, odd) = load[0].part_runs::<RUN>(load[1]);
                let (more_even, more_odd) = load[2].part_runs::<RUN>(load[3]);
                let (first, third) = even.part_runs::<RUN>(more_even);
                let (second, fourth) = odd.part_runs::<RUN>(more_odd);
                first.store(to.add(at));
                second.store(to.add(steps.run_floats + at));
                third.store(to.add(2 * steps.run_floats + at));
                fourth.store(to.add(3 * steps.run_floats + at));
            }
        }
    }
}

unsafe fn sort_one_by_one(count: usize, dilation: usize, steps: Steps) {
    for row in 0..IN {
        for run in 0..OUT {
            // SAFETY: the scratch holds `count` tiles.
            unsafe {
                let from = steps.rows.add(row * steps.row_floats + run * dilation);
                let to = steps.runs.add((row * OUT + run) * steps.run_floats);
                for first in (0..count).step_by(dilation) {
                    for lane in 0..dilation.min(count - first) {
                        *to.add(first + lane) = *from.add(OUT * first + lane);
                    }
                }
            }
        }
    }
}

/// Along the rows: from the runs of each row to 6 values.
#[inline(always)]
unsafe fn along<V: Vector>(
    kind: Kind,
    count: usize,
    dilation: usize,
    steps: Steps,
    unsorted: bool,
    to: *mut f32,
    point: usize,
) {
    // SAFETY: passed on to the caller; a tile beyond the fourth run is the next run's tile.
    unsafe {
        for row in 0..IN {
            let sorted = steps.runs.add(row * OUT * steps.run_floats);
            for at in (0..count).step_by(V::LANES) {
                let (start, step) = if unsorted {
                    let start = OUT * (at - at % dilation) + at % dilation;
                    (steps.rows.add(row * steps.row_floats + start), dilation)
                } else {
                    (sorted.add(at), steps.run_floats)
                };
                let four = [0, 1, 2, 3].map(|run| V::load(start.add(run * step)));
                let values = match kind {
                    Kind::Source => {
                        let next = if unsorted { start.add(OUT * dilation) } else { start.add(dilation) };
                        let (fifth, sixth) = (V::load(next), V::load(next.add(step)));
                        source([four[0], four[1], four[2], four[3], fifth, sixth])
                    }
                    Kind::Gradient => gradient(four),
                };
                for (column, value) in values.into_iter().enumerate() {
                    value.store(to.add((row * IN + column) * point + at));
                }
            }
        }
    }
}
