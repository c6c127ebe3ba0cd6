//! Upsampling.

use crate::arena::Arena;
use crate::elementwise::{contribute, load_nchw, read};
use crate::gradient::InputGradient;
use crate::reference::{self, Shape};
use crate::threads::Compute;
use crate::view::View;

/// How upsampling makes several pixels of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpsampleMode {
    /// Each pixel is repeated.
    Nearest,
    /// Pixels are mixed linearly, as PyTorch does with align_corners=False.
    Bilinear,
}

/// Stops the program with a message unless `y` has the shape of `x` upsampled by `factor` and cropped.
fn check(arena: &Arena, factor: usize, x: View, y: View) {
    arena.check(&x);
    arena.check(&y);
    assert!(factor > 0, "an upsampling factor is at least 1");
    assert!(
        (x.n, x.channels, x.h, x.w) == (y.n, y.channels, y.h.div_ceil(factor), y.w.div_ceil(factor)),
        "{x:?} upsampled by {factor} and cropped cannot be {y:?}"
    );
}

/// Upsamples `x` by `factor` and crops it to the size of `y`, of which `x` has ceil(H / factor) rows and
/// ceil(W / factor) columns.
pub fn upsample_forward(
    compute: &Compute,
    arena: &mut Arena,
    mode: UpsampleMode,
    factor: usize,
    x: View,
    y: View,
) {
    check(arena, factor, x, y);
    assert!(!x.overlaps(&y), "upsampling cannot work in place: {x:?} to {y:?}");
    let values = read(compute, arena, x);
    let shape = Shape::new(x.n, x.channels, x.h, x.w);
    let values = reference::upsample_forward(mode, factor, &values, shape, (y.h, y.w));
    load_nchw(compute, arena, &values, y);
}

/// Hands the gradient `d_y` of an upsampled map to the map it was made from.
pub fn upsample_backward(
    compute: &Compute,
    arena: &mut Arena,
    mode: UpsampleMode,
    factor: usize,
    d_y: View,
    into: &InputGradient,
) {
    check(arena, factor, into.view, d_y);
    into.check(arena, &into.view, &[d_y]);
    let values = read(compute, arena, d_y);
    let shape = Shape::new(d_y.n, d_y.channels, into.view.h, into.view.w);
    let d_x = reference::upsample_backward(mode, factor, &values, shape, (d_y.h, d_y.w));
    contribute(compute, arena, d_x, into);
}
