//! Upsampling by a whole factor, cropped to the size of the map it is to stand beside: a resampling from
//! coarse to fine.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::pool::MOST_FACTOR;
use crate::resample::{Resampling, Weights};
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
    assert!((1..=MOST_FACTOR).contains(&factor), "an upsampling factor is 1 to {MOST_FACTOR}, not {factor}");
    assert!(
        (x.n, x.channels, x.h, x.w) == (y.n, y.channels, y.h.div_ceil(factor), y.w.div_ceil(factor)),
        "{x:?} upsampled by {factor} and cropped cannot be {y:?}"
    );
}

fn weights(mode: UpsampleMode, factor: usize) -> Weights {
    match mode {
        UpsampleMode::Nearest => Weights::Nearest(factor),
        UpsampleMode::Bilinear => Weights::Bilinear(factor),
    }
}

/// Upsamples `x` by `factor` and crops it to the size of `y`, of which `x` has ceil(H / factor) rows and
/// ceil(W / factor) columns.
///
/// # Panics
/// If the shapes do not fit, the factor is not 1 to 8, or the views overlap or lie outside the arena.
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
    let finish = Finish::forward(Activation::None, [x, y]);
    let resampling = Resampling::new(weights(mode, factor), false, x, y, finish);
    // SAFETY: the views are inside the arena, apart, and their sizes fit.
    unsafe { resampling.run(compute, arena.pointer_mut()) }
}

/// Hands the gradient `d_y` of an upsampled map to the map it was made from.
///
/// # Panics
/// As [`upsample_forward`], or if the gradient overlaps what it is computed from.
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
    let finish = Finish::backward(into, [d_y, into.view]);
    let resampling = Resampling::new(weights(mode, factor), true, d_y, into.view, finish);
    // SAFETY: the views are inside the arena, the gradient apart from the rest, and their sizes fit.
    unsafe { resampling.run(compute, arena.pointer_mut()) }
}
