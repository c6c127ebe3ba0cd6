//! Pooling. Average and blur pooling are resamplings; maximum pooling picks.

mod max;

use crate::activation::Activation;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::resample::{Resampling, Weights};
use crate::threads::Compute;
use crate::view::View;

/// Largest factor by which a map may be pooled or upsampled.
pub(crate) const MOST_FACTOR: usize = 8;

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
    let start = arena.pointer_mut();
    let finish = Finish::forward(Activation::None, [x, y]);
    // SAFETY: the views are inside the arena, apart, and their sizes fit.
    unsafe {
        match weights(kind, factor) {
            Some(weights) => Resampling::new(weights, false, x, y, finish).run(compute, start),
            None => max::pool(compute, start, factor, x, y, None),
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
    let start = arena.pointer_mut();
    let (d_x, finish) = (into.view, Finish::backward(into, [x, d_y, into.view]));
    // SAFETY: the views are inside the arena, the gradient apart from the rest, and their sizes fit.
    unsafe {
        match weights(kind, factor) {
            Some(weights) => Resampling::new(weights, true, d_y, d_x, finish).run(compute, start),
            None => max::pool(compute, start, factor, x, d_y, Some((d_x, finish))),
        }
    }
}
