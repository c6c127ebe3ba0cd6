//! Scaffolding while kernels are written anew: maps as plain slices.
use crate::arena::Arena;
use crate::gradient::InputGradient;
use crate::reference::{self, Shape};
use crate::view::View;

pub(crate) fn shape(view: View) -> Shape {
    Shape::new(view.n, view.channels, view.h, view.w)
}

pub(crate) fn read(arena: &Arena, view: View) -> Vec<f32> {
    let mut values = Vec::new();
    for n in 0..view.n {
        for c in 0..view.channels {
            values.extend(&arena.as_slice()[view.plane(n, c)..][..view.pixels()]);
        }
    }
    values
}

pub(crate) fn write(arena: &mut Arena, view: View, values: &[f32]) {
    for (plane, values) in values.chunks(view.pixels()).enumerate() {
        let at = view.plane(plane / view.channels, plane % view.channels);
        arena.as_mut_slice()[at..][..values.len()].copy_from_slice(values);
    }
}

pub(crate) fn add(arena: &mut Arena, into: &InputGradient, values: &[f32]) {
    let mut sum = values.to_vec();
    if into.accumulate {
        sum.iter_mut().zip(read(arena, into.view)).for_each(|(a, b)| *a += b);
    }
    if let Some((kind, y)) = into.activation {
        sum.iter_mut().zip(read(arena, y)).for_each(|(a, y)| *a *= reference::activation_derivative(kind, y));
    }
    write(arena, into.view, &sum);
}
