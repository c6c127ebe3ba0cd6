//! Pooling.

use crate::arena::Arena;
use crate::elementwise::{contribute, load_nchw, read};
use crate::gradient::InputGradient;
use crate::reference::{self, Shape};
use crate::threads::Compute;
use crate::view::View;

/// How pooling makes one pixel of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest value of each window.
    Max,
    /// The mean of each window.
    Average,
    /// The binomial mean [1 2 1] x [1 2 1] / 16 around every second pixel; factor 2 only.
    Blur,
}

fn shape(view: View) -> Shape {
    Shape::new(view.n, view.channels, view.h, view.w)
}

/// Stops the program with a message unless `y` has the shape of `x` pooled by `factor`.
fn check(arena: &Arena, kind: PoolKind, factor: usize, x: View, y: View) {
    arena.check(&x);
    arena.check(&y);
    assert!(factor > 0, "a pooling factor is at least 1");
    assert!(kind != PoolKind::Blur || factor == 2, "blur pooling has factor 2, not {factor}");
    let pooled = View { offset: y.offset, h: x.h.div_ceil(factor), w: x.w.div_ceil(factor), ..x };
    assert!(pooled == y, "pooling {x:?} by {factor} gives {pooled:?}, not {y:?}");
}

/// Pools `x` into `y`, which has ceil(H / factor) rows and ceil(W / factor) columns.
pub fn pool_forward(compute: &Compute, arena: &mut Arena, kind: PoolKind, factor: usize, x: View, y: View) {
    check(arena, kind, factor, x, y);
    assert!(!x.overlaps(&y), "pooling cannot work in place: {x:?} to {y:?}");
    let values = read(compute, arena, x);
    let pooled = reference::pool_forward(kind, factor, &values, shape(x));
    load_nchw(compute, arena, &pooled, y);
}

/// Hands the gradient `d_y` of a pooled map to the map `x` it was made from. `x` is read by
/// [`PoolKind::Max`] only.
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
    into.check(arena, &x, &[d_y]);
    let (values, d_y) = (read(compute, arena, x), read(compute, arena, d_y));
    let d_x = reference::pool_backward(kind, factor, &values, shape(x), &d_y);
    contribute(compute, arena, d_x, into);
}
