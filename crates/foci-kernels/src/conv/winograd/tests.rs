//! Every pass by tiles, whether worthwhile or not, against its readable form: images smaller than a tile,
//! dilations beyond the image, channels that fill no vector, several inputs.

use super::Part;
use super::tiles::sortable;
use crate::conv::{Conv, ConvSpec};
use crate::reference::{self, Shape};
use crate::{Activation, Arena, Compute, InputGradient, Simd, View, load_nchw, store_nchw};

/// Most that a value may be off, as a share of the largest.
const TOLERANCE: f64 = 2e-5;

/// Values in -1..1 from a linear congruence.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn assert_close(what: &str, values: &[f32], exact: &[f64]) {
    assert_eq!(values.len(), exact.len(), "{what}");
    let largest = exact.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for (at, (value, exact)) in values.iter().zip(exact).enumerate() {
        let error = (f64::from(*value) - exact).abs();
        assert!(error <= TOLERANCE * largest, "{what}: value {at} is {value}, not {exact}");
    }
}

/// A layer with one or two inputs, and all that it computes. Returns the gradients by weights, of both ways.
fn check(
    n: usize,
    inputs: &[usize],
    out: usize,
    (h, w): (usize, usize),
    dilation: usize,
    simd: Simd,
) -> [Vec<f32>; 2] {
    let name = format!("{n} x {h}x{w}, {inputs:?} to {out}, dilation {dilation}, {simd}");
    // Most workers begin with another block than the first, in scratch that no earlier block has tidied. Under Miri, filling the
    // scratch of each takes longer than all else.
    let compute = Compute::new(if cfg!(miri) { 2 } else { 8 }, simd).unwrap();
    let mut end = 0;
    let mut view = |channels| {
        let view = View::new(end, n, channels, h, w);
        end = view.end();
        view
    };
    let x: Vec<View> = inputs.iter().map(|channels| view(*channels)).collect();
    let d_x: Vec<View> = inputs.iter().map(|channels| view(*channels)).collect();
    let (y, d_y) = (view(out), view(out));
    let mut arena = Arena::new(end).unwrap();
    let mut joined = Vec::new();
    for (map, seed) in x.iter().chain([&d_x[0], &d_y]).zip(1..) {
        load_nchw(&compute, &mut arena, &noise(map.values(), seed), *map);
    }
    for image in 0..n {
        for (map, seed) in x.iter().zip(1..) {
            let size = map.values() / n;
            joined.extend(wide(&noise(map.values(), seed)[image * size..][..size]));
        }
    }
    let before = wide(&noise(d_x[0].values(), x.len() as u32 + 1));
    let (shape, gradient_shape) = (Shape::new(n, inputs.iter().sum(), h, w), Shape::new(n, out, h, w));
    let weights = noise(out * shape.c * 9, 11);
    let bias = noise(out, 12);
    let spec = ConvSpec {
        kernel: 3,
        dilation,
        inputs: x.clone(),
        output: y,
        activation: Activation::None,
        training: true,
        exact: false,
        part_of: None,
    };
    let prepared = |across: bool| {
        let mut conv = Conv::with_rule(spec.clone(), &compute, |part, _, channels, _, dilation| {
            channels > 4 && sortable(dilation) && (across || part != Part::WeightsAcross)
        });
        conv.pack(&weights, &bias);
        conv
    };
    let mut conv = prepared(false);
    conv.forward(&compute, &mut arena);
    let read = |arena: &Arena, view: View| {
        let mut values = vec![f32::NAN; view.values()];
        store_nchw(&compute, arena, view, &mut values);
        values
    };
    let exact = reference::conv_forward(&joined, shape, &wide(&weights), &wide(&bias), 3, dilation);
    assert_close(&format!("{name}: output"), &read(&arena, y), &exact);
    let d_y_values = read(&arena, d_y);
    // The first gradient is added to what is there, through an activation.
    let mut into = vec![Some(InputGradient::accumulate(d_x[0]).through(Activation::LeakyRelu, x[0]))];
    into.extend(d_x[1..].iter().map(|view| Some(InputGradient::overwrite(*view))));
    conv.backward_data(&compute, &mut arena, d_y, &into);
    let whole = reference::conv_backward_data(
        &wide(&d_y_values),
        gradient_shape,
        &wide(&weights),
        shape.c,
        3,
        dilation,
    );
    let mut first = 0;
    for (index, view) in d_x.iter().enumerate() {
        let mut exact = Vec::new();
        for image in 0..n {
            let at = (image * shape.c + first) * h * w;
            exact.extend_from_slice(&whole[at..][..view.channels * h * w]);
        }
        if index == 0 {
            let activated = wide(&noise(view.values(), 1));
            for ((value, before), y) in exact.iter_mut().zip(&before).zip(&activated) {
                *value = (*value + before) * reference::activation_derivative(Activation::LeakyRelu, *y);
            }
        }
        assert_close(&format!("{name}: gradient by input {index}"), &read(&arena, *view), &exact);
        first += view.channels;
    }
    let (exact, exact_bias) =
        reference::conv_backward_weights(&joined, shape, &wide(&d_y_values), out, 3, dilation);
    [(conv, "tiles"), (prepared(true), "channels")].map(|(mut conv, lanes)| {
        let (mut d_weights, mut d_bias) = (vec![f32::NAN; weights.len()], vec![f32::NAN; out]);
        conv.backward_weights(&compute, &arena, d_y, &mut d_weights, &mut d_bias);
        assert_close(&format!("{name}: gradient by weights, {lanes} as lanes"), &d_weights, &exact);
        assert_close(&format!("{name}: gradient by bias, {lanes} as lanes"), &d_bias, &exact_bias);
        d_weights
    })
}

#[test]
fn images_of_any_size_and_dilations_beyond_them() {
    if cfg!(miri) {
        // One of each: vectors in the middle of a row, tiles over the border, runs that fill a vector or do not.
        check(1, &[1], 5, (4, 43), 1, Simd::Scalar);
        check(2, &[5], 2, (3, 5), 2, Simd::Scalar);
        check(1, &[5], 1, (2, 14), 16, Simd::Scalar);
        check(1, &[1, 4], 5, (2, 33), 8, Simd::Scalar);
        return;
    }
    for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
        for size in [(1, 1), (1, 7), (6, 1), (3, 4), (5, 2), (9, 14), (4, 33), (5, 250), (6, 672)] {
            for dilation in [1, 2, 4, 8, 16, 48] {
                check(2, &[7], 6, size, dilation, simd);
            }
        }
    }
}

/// Blocks of tiles end anywhere in rows, with rows, or in the middle of a vector.
#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has the other test")]
fn images_of_every_width() {
    let simd = Simd::detect().unwrap();
    for w in 1..150 {
        check(2, &[5], 5, (21, w), 1, simd);
        check(1, &[5], 5, (36, 4 * w), 2, simd);
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has the other test")]
fn channels_of_any_number_from_several_inputs() {
    for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
        for (inputs, out) in [(&[16][..], 16), (&[5, 33], 20), (&[1, 17], 50), (&[6, 2, 9], 5), (&[40], 70)] {
            check(1, inputs, out, (13, 10), 1, simd);
            check(2, inputs, out, (7, 12), 2, simd);
        }
    }
}

/// Channels as lanes in one to five sets on either side, some of them left over as numbers, in more blocks of tiles than one,
/// and runs longer than a block should be: the same bits at every level.
#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has the other test")]
fn sets_of_channels_in_many_blocks() {
    for (inputs, out, size, dilation) in [
        (&[48][..], 48, (64, 68), 1),
        (&[40, 30], 65, (40, 70), 2),
        (&[65], 20, (64, 64), 4),
        (&[20], 33, (33, 300), 16),
        (&[17], 20, (7, 300), 112),
    ] {
        let levels = Simd::ALL.into_iter().filter(|simd| simd.supported());
        let mut gradients = levels.map(|simd| check(1, inputs, out, size, dilation, simd));
        let first = gradients.next().unwrap();
        assert!(gradients.all(|gradient| gradient == first), "{inputs:?} to {out}: levels differ");
    }
}
