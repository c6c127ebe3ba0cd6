//! Maximum pooling. On the way back, the gradient of a window goes to its first pixel in row-major order that
//! is no less than the maximum.
//!
//! Factor 2, the one that nets use, has its own kernel. Otherwise a row of windows is looked at in pieces that
//! stay in the nearest cache, and one row of pixels after the other: the windows keep the largest value so far,
//! or what of their gradient is not given away yet. Columns that a window over the border lacks are taken to be
//! minus infinity, which is never the first maximum.

mod two;

use std::ops::Range;

use crate::finish::Finish;
use crate::pieces::{PIECE, Piece, share};
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, run_at};
use crate::view::View;

/// Makes `y` of the maximum of each `factor` x `factor` window of `x`; or hands the gradient `y` of the maxima to
/// the view and through the last step of `gradient`.
///
/// # Safety
/// The views, and that of the last step, are inside the arena that starts at `arena`, the one that is written
/// apart from the others, and their sizes fit the factor.
pub(super) unsafe fn pool(
    compute: &Compute,
    arena: *mut f32,
    factor: usize,
    x: View,
    y: View,
    gradient: Option<(View, Finish)>,
) {
    let start = SharedPointer(arena);
    share(compute, y.n * y.channels * y.h, factor * x.w, &|rows| {
        let strip = Strip { arena: start.get(), factor, x, y, gradient, rows };
        // SAFETY: passed on to the caller; tasks write different rows.
        unsafe {
            match factor {
                2 => run_at(compute.simd(), two::Strip(strip)),
                _ => run_at(compute.simd(), strip),
            }
        }
    });
}

/// Some rows of windows, counted through all planes.
struct Strip {
    arena: *mut f32,
    factor: usize,
    x: View,
    /// The maxima; or their gradient, if there is somewhere for it to go.
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
        let keep = Finish::KEEP;
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
                        find_most(factor, v == 0, pixels, windows, most);
                    }
                    let Some((d_x, finish)) = gradient else {
                        keep.store_row::<V>(most, pooled, windows);
                        continue;
                    };
                    let target = arena.add(d_x.offset + top + first * factor);
                    keep.store_row::<V>(pooled, left, windows);
                    for v in 0..height {
                        take::<V>(source.add(v * x.w), width, windows * factor, pixels);
                        give_away(factor, most, windows, left, pixels);
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
/// The CPU has the level; the row can be read, and `to` is good for it in whole vectors and for `padded` floats.
#[inline(always)]
unsafe fn take<V: Vector>(source: *const f32, width: usize, padded: usize, to: *mut f32) {
    // SAFETY: see above.
    unsafe {
        Finish::KEEP.store_row::<V>(source, to, width);
        for column in width..padded {
            *to.add(column) = f32::NEG_INFINITY;
        }
    }
}

/// Takes a row of pixels into the largest value of each window so far; the first row if `begin`.
///
/// # Safety
/// `pixels` and `most` are the starts of pieces.
#[inline(always)]
unsafe fn find_most(factor: usize, begin: bool, pixels: *const f32, windows: usize, most: *mut f32) {
    for window in 0..windows {
        // SAFETY: see above.
        unsafe {
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
/// `most`, `left` and `pixels` are the starts of pieces.
#[inline(always)]
unsafe fn give_away(factor: usize, most: *const f32, windows: usize, left: *mut f32, pixels: *mut f32) {
    for window in 0..windows {
        // SAFETY: see above.
        unsafe {
            let (most, left) = (*most.add(window), left.add(window));
            for column in 0..factor {
                let pixel = pixels.add(window * factor + column);
                *pixel = if most > *pixel { 0.0 } else { std::mem::take(&mut *left) };
            }
        }
    }
}
