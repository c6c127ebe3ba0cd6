//! Pooling. Average and blur pooling are resamplings; maximum pooling picks, and on the way back hands the
//! gradient to the first pixel in row-major order that is no less than the maximum.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::conv::Shared;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::resample::{MOST_FACTOR, Resampling, Weights};
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};
use crate::view::{LANES, View};

/// How pooling makes one pixel of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest value of each window.
    Max,
    /// The mean of each window.
    Average,
    /// The binomial mean [1 2 1] x [1 2 1] / 16 around every second pixel; factor 2 only (Zhang 2019).
    Blur,
}

/// Stops the program with a message unless `y` has the shape of `x` pooled by `factor`.
fn check(arena: &Arena, kind: PoolKind, factor: usize, x: View, y: View) {
    arena.check(&x);
    arena.check(&y);
    assert!((1..=MOST_FACTOR).contains(&factor), "a pooling factor is 1 to {MOST_FACTOR}, not {factor}");
    assert!(kind != PoolKind::Blur || factor == 2, "blur pooling has factor 2, not {factor}");
    let pooled = View { offset: y.offset, h: x.h.div_ceil(factor), w: x.w.div_ceil(factor), ..x };
    assert!(pooled == y, "pooling {x:?} by {factor} gives {pooled:?}, not {y:?}");
}

/// The weights of a pooling that has some.
fn weights(kind: PoolKind, factor: usize) -> Option<Weights> {
    match kind {
        PoolKind::Max => None,
        PoolKind::Average => Some(Weights::Average(factor)),
        PoolKind::Blur => Some(Weights::Blur),
    }
}

/// Pools `x` into `y`, which has ceil(H / factor) rows and ceil(W / factor) columns. Windows over the border
/// see only the pixels that are there.
///
/// # Panics
/// If the shapes do not fit, the factor is not 1 to 8 (2 for blur), or the views overlap or lie outside the
/// arena.
pub fn pool_forward(compute: &Compute, arena: &mut Arena, kind: PoolKind, factor: usize, x: View, y: View) {
    check(arena, kind, factor, x, y);
    assert!(!x.overlaps(&y), "pooling cannot work in place: {x:?} to {y:?}");
    let finish = Finish::Forward(Activation::None);
    // SAFETY: the views are inside the arena, apart, and their sizes fit.
    unsafe {
        match weights(kind, factor) {
            Some(weights) => {
                Resampling { weights, back: false, from: x, to: y, finish }.run(compute, arena.pointer_mut());
            }
            None => {
                let start = Shared(arena.pointer_mut());
                for_each_row(compute, &y, &|n, block, row| {
                    run_at(compute.simd(), MaxRow { arena: start.get(), factor, x, y, n, block, row });
                });
            }
        }
    }
}

/// Hands the gradient `d_y` of a pooled map to the map `x` it was made from. `x` is read by
/// [`PoolKind::Max`] only.
///
/// # Panics
/// As [`pool_forward`], or if the gradient overlaps what it is computed from.
pub fn pool_backward(
    compute: &Compute,
    arena: &mut Arena,
    kind: PoolKind,
    factor: usize,
    x: View,
    d_y: View,
    into: &InputGradient,
) {
    check(arena, kind, factor, x, d_y);
    let read = [d_y, if kind == PoolKind::Max { x } else { d_y }];
    into.check(arena, &x, &read);
    let finish = Finish::backward(into);
    let d_x = into.view;
    // SAFETY: the views are inside the arena, the gradient apart from the rest, and their sizes fit.
    unsafe {
        match weights(kind, factor) {
            Some(weights) => {
                Resampling { weights, back: true, from: d_y, to: d_x, finish }
                    .run(compute, arena.pointer_mut());
            }
            None => {
                let start = Shared(arena.pointer_mut());
                for_each_row(compute, &d_y, &|n, block, row| {
                    let kernel =
                        MaxGradientRow { arena: start.get(), factor, x, d_y, d_x, finish, n, block, row };
                    run_at(compute.simd(), kernel);
                });
            }
        }
    }
}

/// Calls `body(image, block, row)` for all rows of a view, a few to a task.
fn for_each_row(compute: &Compute, view: &View, body: &(dyn Fn(usize, usize, usize) + Sync)) {
    const ROWS: usize = 4;
    let rows = view.n * view.blocks() * view.h;
    compute.run(rows.div_ceil(ROWS), &|task, _| {
        for row in task * ROWS..rows.min((task + 1) * ROWS) {
            let map = row / view.h;
            body(map / view.blocks(), map % view.blocks(), row % view.h);
        }
    });
}

/// One row of a maximum pooling.
struct MaxRow {
    arena: *mut f32,
    factor: usize,
    x: View,
    y: View,
    n: usize,
    block: usize,
    row: usize,
}

/// The maximum of the window of an output pixel, in one vector of its lanes.
#[inline(always)]
unsafe fn maximum<V: Vector>(source: *const f32, width: usize, rows: usize, columns: usize) -> V {
    // SAFETY: the caller's window is inside the map.
    unsafe {
        let mut most = V::load(source);
        for row in 0..rows {
            for column in 0..columns {
                most = V::load(source.add((row * width + column) * LANES)).max(most);
            }
        }
        most
    }
}

impl Kernel for MaxRow {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let MaxRow { arena, factor, x, y, n, block, row } = self;
        let rows = factor.min(x.h - row * factor);
        for column in 0..y.w {
            let columns = factor.min(x.w - column * factor);
            for lane in (0..LANES).step_by(V::LANES) {
                // SAFETY: the window is inside x, the pixel inside y.
                unsafe {
                    let source = arena.add(x.at(n, block, row * factor, column * factor) + lane);
                    let most: V = maximum(source, x.w, rows, columns);
                    most.store(arena.add(y.at(n, block, row, column) + lane));
                }
            }
        }
    }
}

/// One row of the gradient of a maximum pooling: the windows of one output row.
struct MaxGradientRow {
    arena: *mut f32,
    factor: usize,
    x: View,
    d_y: View,
    d_x: View,
    finish: Finish,
    n: usize,
    block: usize,
    row: usize,
}

impl Kernel for MaxGradientRow {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let MaxGradientRow { arena, factor, x, d_y, d_x, finish, n, block, row } = self;
        let rows = factor.min(x.h - row * factor);
        for column in 0..d_y.w {
            let columns = factor.min(x.w - column * factor);
            for lane in (0..LANES).step_by(V::LANES) {
                // SAFETY: the window is inside x and its gradient, the pixel inside d_y.
                unsafe {
                    let zero = V::splat(0.0);
                    let source = arena.add(x.at(n, block, row * factor, column * factor) + lane);
                    let target = arena.add(d_x.at(n, block, row * factor, column * factor) + lane);
                    let most: V = maximum(source, x.w, rows, columns);
                    // What the window's gradient has not yet been given to.
                    let mut left = V::load(arena.add(d_y.at(n, block, row, column) + lane));
                    for v in 0..rows {
                        for u in 0..columns {
                            let at = (v * x.w + u) * LANES;
                            let value = V::load(source.add(at));
                            finish.store(most.if_greater(value, zero, left), target.add(at));
                            left = most.if_greater(value, left, zero);
                        }
                    }
                }
            }
        }
    }
}
