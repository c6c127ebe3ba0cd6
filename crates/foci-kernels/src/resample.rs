//! Resampling by separable weights: each pixel of the target is a weighted mean of a small rectangle of
//! source pixels. Average and blur pooling and both kinds of upsampling are this, and so are their
//! gradients, whose weights are the same ones read the other way round.
//!
//! A row of the target is made in pieces, each in three passes that stay in the nearest cache: the source rows
//! are mixed into one, whose columns are mixed into the target's, which go through the last step into memory.
//! Only the second pass depends on the factor; for factor 2, the one that nets use, it works on vectors.

mod columns;
mod taps;

use std::ops::Range;

use crate::finish::Finish;
use crate::pieces::{PIECE, Piece, share};
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, prefetch, run_at};
use crate::view::View;
use columns::mix_columns;
pub(crate) use taps::Weights;
use taps::{Axis, Taps};

/// A resampling of `from` to `to`, forward, or of a gradient back.
pub(crate) struct Resampling {
    from: View,
    to: View,
    finish: Finish,
    /// The vertical axis.
    rows: Axis,
    /// The horizontal axis.
    columns: Axis,
}

impl Resampling {
    /// The resampling of `from` to `to` by `weights`; if `back`, of the gradient `from` by the transpose of the
    /// weights that make a map like `from` of one like `to`.
    pub fn new(weights: Weights, back: bool, from: View, to: View, finish: Finish) -> Resampling {
        let rows = Axis::new(weights, back, from.h, to.h);
        let columns = Axis::new(weights, back, from.w, to.w);
        Resampling { from, to, finish, rows, columns }
    }

    /// Runs it.
    ///
    /// # Safety
    /// Both views, and that of the last step, are inside the arena that starts at `arena`; the target lies
    /// apart from the others; sizes fit the factor, which is at most [`MOST_FACTOR`](crate::pool::MOST_FACTOR).
    pub unsafe fn run(&self, compute: &Compute, arena: *mut f32) {
        let start = SharedPointer(arena);
        let columns = self.from.w.max(self.to.w);
        share(compute, self.to.n * self.to.channels * self.to.h, columns, &|rows| {
            let strip = Strip { what: self, arena: start.get(), rows };
            // SAFETY: passed on to the caller; tasks write different rows.
            unsafe { run_at(compute.simd(), strip) }
        });
    }
}

/// Some rows of the target, counted through all of its planes.
struct Strip<'a> {
    what: &'a Resampling,
    arena: *mut f32,
    rows: Range<usize>,
}

impl Kernel for Strip<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Resampling { from, to, finish, rows, columns } = self.what;
        let (mut mixed, mut made) = (Piece::new(), Piece::new());
        let step = PIECE / columns.factor;
        for row in self.rows {
            let (plane, y) = (row / to.h, row % to.h);
            let (taps, top) = rows.seen(y);
            // SAFETY: taps lie inside the source, the pixels inside the target; a piece and the columns that it
            // is made of have room.
            unsafe {
                let source = self.arena.add(from.offset + plane * from.plane_floats() + top * from.w);
                let target = self.arena.add(to.offset + plane * to.plane_floats() + y * to.w);
                for first in (0..columns.cells).step_by(step) {
                    let cells = first..columns.cells.min(first + step);
                    let seen = columns.sources_of(&cells);
                    mix_rows::<V>(
                        source.add(seen.start),
                        from.w,
                        rows.sources > 1,
                        taps,
                        seen.len(),
                        mixed.start(),
                    );
                    mix_columns::<V>(columns, &cells, mixed.start(), seen.start, made.start());
                    let written = columns.targets_of(&cells);
                    finish.store_row::<V>(made.start(), target.add(written.start), written.len());
                }
            }
        }
    }
}

/// Mixes rows that lie `stride` floats apart into one of `count` columns. `two` says whether the next row of the
/// target will want two more of them, and not one at most.
///
/// # Safety
/// The CPU has the level; the rows can be read, and `to` is good for whole vectors.
#[inline(always)]
unsafe fn mix_rows<V: Vector>(
    source: *const f32,
    stride: usize,
    two: bool,
    taps: &Taps,
    count: usize,
    to: *mut f32,
) {
    // SAFETY: see above.
    unsafe {
        match taps.count {
            1 => mix_some_rows::<V, 1>(source, stride, two, taps, count, to),
            2 => mix_some_rows::<V, 2>(source, stride, two, taps, count, to),
            3 => mix_some_rows::<V, 3>(source, stride, two, taps, count, to),
            4 => mix_some_rows::<V, 4>(source, stride, two, taps, count, to),
            _ => mix_some_rows::<V, 0>(source, stride, two, taps, count, to),
        }
    }
}

/// [`mix_rows`] of ROWS rows, or of any number if that is 0.
#[inline(always)]
unsafe fn mix_some_rows<V: Vector, const ROWS: usize>(
    source: *const f32,
    stride: usize,
    two: bool,
    taps: &Taps,
    count: usize,
    to: *mut f32,
) {
    let rows = if ROWS == 0 { taps.count } else { ROWS };
    let weights = &taps.weights[..rows];
    let whole = count - count % V::LANES;
    // Passes that do not touch the source lie between one row and the next, long enough for the CPU to lose
    // track of it; so what the next row needs is asked for here.
    let next = source.wrapping_add(rows * stride);
    // SAFETY: as for `mix_rows`.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            prefetch(next.wrapping_add(at));
            if two {
                prefetch(next.wrapping_add(stride + at));
            }
            weighted_sum::<V>(source.add(at), stride, weights, V::LANES).store(to.add(at));
        }
        if whole < count {
            weighted_sum::<V>(source.add(whole), stride, weights, count - whole).store(to.add(whole));
        }
    }
}

/// The weighted sum of the first `lanes` pixels of rows that lie `stride` floats apart, zeros in the other lanes.
///
/// # Safety
/// The CPU has the level; the pixels can be read.
#[inline(always)]
unsafe fn weighted_sum<V: Vector>(source: *const f32, stride: usize, weights: &[f32], lanes: usize) -> V {
    // SAFETY: see above.
    unsafe {
        let mut sum = load::<V>(source, lanes).mul(V::splat(weights[0]));
        for row in 1..weights.len() {
            sum = load::<V>(source.add(row * stride), lanes).fused(V::splat(weights[row]), sum);
        }
        sum
    }
}

/// The first `lanes` floats, zeros in the other lanes.
///
/// # Safety
/// The CPU has the level; the floats can be read.
#[inline(always)]
unsafe fn load<V: Vector>(source: *const f32, lanes: usize) -> V {
    // SAFETY: see above.
    unsafe { if lanes == V::LANES { V::load(source) } else { V::load_part(source, 0, lanes) } }
}
