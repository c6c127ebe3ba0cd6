//! Maximum pooling. On the way back, the gradient of a window goes to its first pixel in row-major order that
//! is no less than the maximum.
//!
//! A row of windows is looked at in pieces that stay in the nearest cache, and one row of pixels after the
//! other: the windows keep the largest value so far, or what of their gradient is not given away yet. Columns
//! that a window over the border lacks are taken to be minus infinity, which is never the first maximum.

use std::ops::Range;

use crate::activation::Activation;
use crate::finish::Finish;
use crate::pieces::{PIECE, Piece, share};
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, run_at};
use crate::view::View;

/// `y` is the maximum of each `factor` x `factor` window of `x`.
///
/// # Safety
/// The views are inside the arena that starts at `arena`, apart, and their sizes fit the factor.
pub(super) unsafe fn forward(compute: &Compute, arena: *mut f32, factor: usize, x: View, y: View) {
    let start = SharedPointer(arena);
    share(compute, y.n * y.channels * y.h, factor * x.w, &|rows| {
        let strip = Strip { arena: start.get(), factor, x, y, gradient: None, rows };
        // SAFETY: passed on to the caller; tasks write different rows.
        unsafe { run_at(compute.simd(), strip) }
    });
}

/// Hands the gradient `d_y` of the maxima to `d_x`, through a last step.
///
/// # Safety
/// The views, and that of the last step, are inside the arena that starts at `arena`, `d_x` apart from the
/// others, and their sizes fit the factor.
pub(super) unsafe fn backward(
    compute: &Compute,
    arena: *mut f32,
    factor: usize,
    x: View,
    d_y: View,
    d_x: View,
    finish: Finish,
) {
    let start = SharedPointer(arena);
    share(compute, d_y.n * d_y.channels * d_y.h, factor * x.w, &|rows| {
        let strip = Strip { arena: start.get(), factor, x, y: d_y, gradient: Some((d_x, finish)), rows };
        // SAFETY: passed on to the caller; tasks write different rows.
        unsafe { run_at(compute.simd(), strip) }
    });
}

/// Some rows of windows, counted through all planes.
struct Strip {
    arena: *mut f32,
    factor: usize,
    x: View,
    /// Where the maxima go; or where their gradient is, if it is to go somewhere.
    y: View,
    gradient: Option<(View, Finish)>,
    rows: Range<usize>,
}

impl Kernel for Strip {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Strip { arena, factor, x, y, gradient, rows } = self;
        let (mut pixels, mut most, mut left) = (Piece::new(), Piece::new(), Piece::new());
        let (pixels, most, left) = (pixels.start(), most.start(), left.start());
        let keep = Finish::Forward(Activation::None);
        for row in rows {
            let (plane, row) = (row / y.h, row % y.h);
            let top = plane * x.plane_floats() + row * factor * x.w;
            let height = factor.min(x.h - row * factor);
            for first in (0..y.w).step_by(PIECE / factor) {
                let windows = (y.w - first).min(PIECE / factor);
                let width = (windows * factor).min(x.w - first * factor);
                // SAFETY: windows lie inside x and its gradient, maxima inside y; a piece has room for a row of
                // whole windows.
                unsafe {
                    let source = arena.add(x.offset + top + first * factor);
                    let pooled = arena.add(y.offset + plane * y.plane_floats() + row * y.w + first);
                    for v in 0..height {
                        take::<V>(source.add(v * x.w), width, windows * factor, pixels);
                        find_most::<V>(factor, v == 0, pixels, windows, most);
                    }
                    let Some((d_x, finish)) = gradient else {
                        keep.store_row::<V>(most, pooled, windows);
                        continue;
                    };
                    let target = arena.add(d_x.offset + top + first * factor);
                    keep.store_row::<V>(pooled, left, windows);
                    for v in 0..height {
                        take::<V>(source.add(v * x.w), width, windows * factor, pixels);
                        give_away::<V>(factor, most, windows, left, pixels);
                        finish.store_row::<V>(pixels, target.add(v * x.w), width);
                    }
                }
            }
        }
    }
}

/// Fetches a row of `width` pixels, with minus infinity in the columns from there to `padded`.
///
/// # Safety
/// The CPU has the level; the row can be read, and `to` is the start of a piece.
#[inline(always)]
unsafe fn take<V: Vector>(source: *const f32, width: usize, padded: usize, to: *mut f32) {
    // SAFETY: see above.
    unsafe {
        Finish::Forward(Activation::None).store_row::<V>(source, to, width);
        for column in width..padded {
            *to.add(column) = f32::NEG_INFINITY;
        }
    }
}

/// Takes a row of pixels into the largest value of each window so far, the first row if `begin`.
///
/// # Safety
/// The CPU has the level; `pixels` and `most` are the starts of pieces.
#[inline(always)]
unsafe fn find_most<V: Vector>(factor: usize, begin: bool, pixels: *const f32, windows: usize, most: *mut f32) {
    // SAFETY: see above; vectors that reach beyond the last window stay in the room of the pieces, and what
    // they leave there is not looked at.
    unsafe {
        if factor == 2 {
            for window in (0..windows).step_by(V::LANES) {
                let (one, other) = pair::<V>(pixels.add(2 * window));
                let before = if begin { one } else { V::load(most.add(window)) };
                other.max(one.max(before)).store(most.add(window));
            }
            return;
        }
        for window in 0..windows {
            let pixels = pixels.add(window * factor);
            let mut best = if begin { *pixels } else { *most.add(window) };
            for column in 0..factor {
                let value = *pixels.add(column);
                best = if value > best { value } else { best };
            }
            *most.add(window) = best;
        }
    }
}

/// Puts in the place of each pixel of a row what it gets of its window's gradient, of which `left` has not been
/// given away yet.
///
/// # Safety
/// The CPU has the level; `most`, `left` and `pixels` are the starts of pieces.
#[inline(always)]
unsafe fn give_away<V: Vector>(
    factor: usize,
    most: *const f32,
    windows: usize,
    left: *mut f32,
    pixels: *mut f32,
) {
    // SAFETY: as in `find_most`.
    unsafe {
        if factor == 2 {
            let zero = V::splat(0.0);
            for window in (0..windows).step_by(V::LANES) {
                let (one, other) = pair::<V>(pixels.add(2 * window));
                let (most, before) = (V::load(most.add(window)), V::load(left.add(window)));
                let between = most.if_greater(one, before, zero);
                most.if_greater(other, between, zero).store(left.add(window));
                let (one, other) = (most.if_greater(one, zero, before), most.if_greater(other, zero, between));
                let (first, second) = one.merge_runs::<1>(other);
                first.store(pixels.add(2 * window));
                second.store(pixels.add(2 * window + V::LANES));
            }
            return;
        }
        for window in 0..windows {
            let (most, left) = (*most.add(window), left.add(window));
            for column in 0..factor {
                let pixel = pixels.add(window * factor + column);
                *pixel = if most > *pixel { 0.0 } else { std::mem::take(&mut *left) };
            }
        }
    }
}

/// The first and the second columns of as many windows as a vector has lanes.
///
/// # Safety
/// The CPU has the level; two vectors can be read.
#[inline(always)]
unsafe fn pair<V: Vector>(pixels: *const f32) -> (V, V) {
    // SAFETY: see above.
    unsafe { V::load(pixels).part_runs::<1>(V::load(pixels.add(V::LANES))) }
}
