//! Kernels that treat each value by itself: loading and storing, activations, sums.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::gradient::InputGradient;
use crate::reference;
use crate::threads::Compute;
use crate::view::{LANES, View};

/// Fills a view from a plain [N, C, H, W] slice.
pub fn load_nchw(_compute: &Compute, arena: &mut Arena, values: &[f32], view: View) {
    assert_eq!(values.len(), view.values(), "a slice to load must hold the [N, C, H, W] values of {view:?}");
    let to = arena.values_mut(&view);
    to.fill(0.0);
    for n in 0..view.n {
        for c in 0..view.channels {
            for p in 0..view.h * view.w {
                to[(n * view.blocks() + c / LANES) * view.block_floats() + p * LANES + c % LANES] =
                    values[(n * view.channels + c) * view.h * view.w + p];
            }
        }
    }
}

/// Writes a view as a plain [N, C, H, W] slice.
pub fn store_nchw(_compute: &Compute, arena: &Arena, view: View, values: &mut [f32]) {
    assert_eq!(
        values.len(),
        view.values(),
        "a slice to store to must hold the [N, C, H, W] values of {view:?}"
    );
    let from = arena.values(&view);
    for n in 0..view.n {
        for c in 0..view.channels {
            for p in 0..view.h * view.w {
                values[(n * view.channels + c) * view.h * view.w + p] =
                    from[(n * view.blocks() + c / LANES) * view.block_floats() + p * LANES + c % LANES];
            }
        }
    }
}

/// Reads a view as a plain [N, C, H, W] vector.
pub(crate) fn read(compute: &Compute, arena: &Arena, view: View) -> Vec<f32> {
    let mut values = vec![0.0; view.values()];
    store_nchw(compute, arena, view, &mut values);
    values
}

/// Hands one contribution (a plain [N, C, H, W] slice) to its destination.
pub(crate) fn contribute(compute: &Compute, arena: &mut Arena, mut d_x: Vec<f32>, into: &InputGradient) {
    if into.accumulate {
        for (value, there) in d_x.iter_mut().zip(read(compute, arena, into.view)) {
            *value += there;
        }
    }
    if let Some((activation, y)) = into.activation {
        for (value, y) in d_x.iter_mut().zip(read(compute, arena, y)) {
            *value *= reference::activation_derivative(activation, y);
        }
    }
    load_nchw(compute, arena, &d_x, into.view);
}

/// `y = f(x)`; `y` may be `x`.
pub fn activate(compute: &Compute, arena: &mut Arena, activation: Activation, x: View, y: View) {
    assert!(x.same_shape(&y), "an activation keeps the shape: {x:?} to {y:?}");
    assert!(x == y || !x.overlaps(&y), "an activation works in place or apart, not across: {x:?} to {y:?}");
    let mut values = read(compute, arena, x);
    values.iter_mut().for_each(|value| *value = reference::activate(activation, *value));
    load_nchw(compute, arena, &values, y);
}

/// `d_x = d_y f'(x)`, with the derivative told from `y` (for [`Activation::Silu`], from `x` given as `y`);
/// `d_x` may be `d_y`.
pub fn activation_gradient(
    compute: &Compute,
    arena: &mut Arena,
    activation: Activation,
    y: View,
    d_y: View,
    d_x: View,
) {
    assert!(d_x.same_shape(&d_y), "an activation keeps the shape: {d_y:?} to {d_x:?}");
    assert!(d_x == d_y || !d_x.overlaps(&d_y), "works in place or apart, not across: {d_y:?} to {d_x:?}");
    let into = InputGradient::overwrite(d_x).through(activation, y);
    into.check(arena, &d_y, &[]);
    let values = read(compute, arena, d_y);
    contribute(compute, arena, values, &into);
}

/// `y = sum of xs`, all of one shape.
pub fn add_forward(compute: &Compute, arena: &mut Arena, xs: &[View], y: View) {
    let mut sum = vec![0.0; y.values()];
    for x in xs {
        assert!(x.same_shape(&y) && !x.overlaps(&y), "a sum has the shape of its terms: {x:?} to {y:?}");
        sum.iter_mut().zip(read(compute, arena, *x)).for_each(|(sum, x)| *sum += x);
    }
    load_nchw(compute, arena, &sum, y);
}

/// Hands the gradient of a sum to one of its terms.
pub fn add_into(compute: &Compute, arena: &mut Arena, d_y: View, into: &InputGradient) {
    into.check(arena, &d_y, &[d_y]);
    let values = read(compute, arena, d_y);
    contribute(compute, arena, values, into);
}

/// Sets a view to zero.
pub fn fill_zero(_compute: &Compute, arena: &mut Arena, view: View) {
    arena.values_mut(&view).fill(0.0);
}
