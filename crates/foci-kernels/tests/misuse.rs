//! Misuse of the kernels stops the program with a message that says what is wrong, and touches nothing.

#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use foci_kernels::*;

/// Floats of the arena that is misused.
const FLOATS: usize = 4096;

/// Checks that `run` panics with a message that contains `expected`, and leaves the arena as it was.
fn refused(expected: &str, run: impl FnOnce(&Compute, &mut Arena)) {
    let compute = Compute::new(2, Simd::best()).unwrap();
    let mut arena = Arena::new(FLOATS).unwrap();
    arena.values_mut(&View::new(0, 1, 1, 1, FLOATS - LINE)).fill(1.5);
    let before = arena.as_slice().to_vec();
    let panic = catch_unwind(AssertUnwindSafe(|| run(&compute, &mut arena))).unwrap_err();
    let message = match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    };
    assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    assert_eq!(arena.as_slice(), before, "{message:?}");
}

/// A map of 2 images, 3 channels, 5 x 7 pixels: 6 planes of 48 floats.
fn map(index: usize) -> View {
    View::new(index * 288, 2, 3, 5, 7)
}

/// A map of half that size, in the same place.
fn small(index: usize) -> View {
    View { h: 3, w: 4, ..map(index) }
}

fn spec() -> ConvSpec {
    ConvSpec {
        kernel: 3,
        dilation: 1,
        inputs: vec![map(0), map(1)],
        output: map(2),
        activation: Activation::None,
        training: true,
        exact: false,
        part_of: None,
    }
}

fn transposed() -> ConvTransposedSpec {
    let inputs = vec![small(0), small(1)];
    ConvTransposedSpec { kernel: 4, inputs, output: map(2), activation: Activation::None, training: true }
}

/// A view that is empty in one of its four ways.
fn empty(view: View, way: usize) -> View {
    match way {
        0 => View { n: 0, ..view },
        1 => View { channels: 0, ..view },
        2 => View { h: 0, ..view },
        _ => View { w: 0, ..view },
    }
}

#[test]
fn layers_that_make_no_sense() {
    let cases: Vec<(&str, ConvSpec)> = vec![
        ("1 or 3 rows, not 5", ConvSpec { kernel: 5, ..spec() }),
        ("1 or 3 rows, not 0", ConvSpec { kernel: 0, ..spec() }),
        ("at least 1", ConvSpec { dilation: 0, ..spec() }),
        ("needs an input", ConvSpec { inputs: vec![], ..spec() }),
        ("keeps the size", ConvSpec { output: View { h: 4, ..map(2) }, ..spec() }),
        ("keeps the size", ConvSpec { inputs: vec![map(0), View { n: 1, ..map(1) }], ..spec() }),
        ("cannot work in place", ConvSpec { output: map(1), ..spec() }),
        ("needs the value before it", ConvSpec { activation: Activation::Silu, ..spec() }),
        ("outside any arena", ConvSpec { output: View { channels: usize::MAX, ..map(2) }, ..spec() }),
        (
            "outside any arena",
            ConvSpec { inputs: vec![View { offset: usize::MAX - 15, ..map(0) }], ..spec() },
        ),
    ];
    for (expected, spec) in cases {
        refused(expected, |compute, _| drop(Conv::new(spec, compute)));
    }
    for way in 0..4 {
        for training in [false, true] {
            let spec =
                ConvSpec { inputs: vec![empty(map(0), way)], output: empty(map(2), way), training, ..spec() };
            refused("at least one value", |compute, _| drop(Conv::new(spec, compute)));
            let spec = ConvTransposedSpec {
                inputs: vec![empty(small(0), way)],
                output: empty(map(2), way),
                training,
                ..transposed()
            };
            refused("at least one value", |compute, _| drop(ConvTransposed::new(spec, compute)));
        }
    }
    let cases: Vec<(&str, ConvTransposedSpec)> = vec![
        ("2 or 4 rows, not 3", ConvTransposedSpec { kernel: 3, ..transposed() }),
        ("needs an input", ConvTransposedSpec { inputs: vec![], ..transposed() }),
        ("cannot be", ConvTransposedSpec { inputs: vec![map(0)], ..transposed() }),
        ("cannot work in place", ConvTransposedSpec { output: map(1), ..transposed() }),
        ("needs the value before it", ConvTransposedSpec { activation: Activation::Silu, ..transposed() }),
        (
            "outside any arena",
            ConvTransposedSpec { output: View { n: usize::MAX, ..map(2) }, ..transposed() },
        ),
    ];
    for (expected, spec) in cases {
        refused(expected, |compute, _| drop(ConvTransposed::new(spec, compute)));
    }
}

/// So many weights that their number, counted without care, would be a small one.
#[test]
fn weights_that_cannot_be_counted() {
    let view = |offset, channels| View::new(offset, 1, channels, 1, 1);
    let (input, output) = (view(0, 1 << 40), view(1 << 50, 1 << 40));
    let message = "weights that can be counted";
    refused(message, |compute, _| {
        drop(Conv::new(ConvSpec { inputs: vec![input], output, ..spec() }, compute));
    });
    let output = View { h: 2, w: 2, ..output };
    refused(message, |compute, _| {
        drop(ConvTransposed::new(
            ConvTransposedSpec { inputs: vec![input], output, ..transposed() },
            compute,
        ));
    });
}

#[test]
fn weights_of_another_length() {
    refused("[out, in, kernel, kernel]", |compute, _| {
        Conv::new(spec(), compute).pack(&[0.0; 161], &[0.0; 3])
    });
    refused("must be [out]", |compute, _| Conv::new(spec(), compute).pack(&[0.0; 162], &[0.0; 4]));
    for (weights, bias, expected) in [(163, 3, "[out, in, kernel, kernel]"), (162, 2, "must be [out]")] {
        refused(expected, |compute, arena| {
            let (mut d_weights, mut d_bias) = (vec![0.0; weights], vec![0.0; bias]);
            Conv::new(spec(), compute).backward_weights(compute, arena, map(3), &mut d_weights, &mut d_bias);
        });
    }
    refused("[out, in, kernel, kernel]", |compute, _| {
        ConvTransposed::new(transposed(), compute).pack(&[0.0; 289], &[0.0; 3]);
    });
    refused("must be [out]", |compute, arena| {
        let (mut d_weights, mut d_bias) = ([0.0; 288], [0.0; 4]);
        let mut layer = ConvTransposed::new(transposed(), compute);
        layer.backward_weights(compute, arena, map(3), &mut d_weights, &mut d_bias);
    });
}

/// Both kinds of layers, as they have the same rules.
#[test]
fn gradients_in_wrong_places() {
    type Places = (&'static str, View, Vec<Option<InputGradient>>);
    let over = InputGradient::overwrite;
    let outside = View { offset: FLOATS - LINE, ..map(3) };
    let cases = |input: fn(usize) -> View| -> Vec<Places> {
        let (first, second) = (over(input(4)), over(input(5)));
        let none = View { n: 0, ..input(4) };
        let through = |into: InputGradient, y| Some(into.through(Activation::Relu, y));
        let shifted = |view: View| View { offset: view.offset + LINE, ..view };
        vec![
            ("must have its shape", View { channels: 2, ..map(3) }, vec![None, None]),
            ("outside its arena", outside, vec![None, None]),
            ("multiple of 16", View { offset: 3, ..map(3) }, vec![None, None]),
            ("one gradient (or None) per input", map(3), vec![None]),
            ("one gradient (or None) per input", map(3), vec![None, None, None]),
            ("at least one value", map(3), vec![Some(over(none)), None]),
            ("shape of its feature map", map(3), vec![Some(over(View { w: 6, ..input(4) })), None]),
            ("outside its arena", map(3), vec![None, Some(over(View { offset: FLOATS, ..input(4) }))]),
            ("where an operand lies", map(3), vec![Some(over(input(3))), None]),
            ("where an operand lies", map(3), vec![None, Some(over(shifted(input(3))))]),
            ("written at once", map(3), vec![Some(first), Some(first)]),
            ("written at once", map(3), vec![Some(first), Some(over(shifted(input(4))))]),
            ("written at once", map(3), vec![Some(first), through(second, input(4))]),
            ("written at once", map(3), vec![through(first, input(5)), Some(second)]),
            ("outside its arena", map(3), vec![through(first, View { offset: FLOATS, ..input(4) }), None]),
            ("activated value", map(3), vec![through(first, View { h: 2, ..input(6) }), None]),
            ("activated value", map(3), vec![through(first, shifted(input(4))), None]),
            ("activated value", map(3), vec![through(InputGradient::accumulate(input(4)), input(4)), None]),
        ]
    };
    for (expected, d_output, into) in cases(map) {
        refused(expected, |compute, arena| {
            Conv::new(spec(), compute).backward_data(compute, arena, d_output, &into);
        });
    }
    for (expected, d_output, into) in cases(small) {
        refused(expected, |compute, arena| {
            ConvTransposed::new(transposed(), compute).backward_data(compute, arena, d_output, &into);
        });
    }
}

#[test]
fn gradients_of_a_layer_without() {
    let message = "has no gradients";
    refused(message, |compute, arena| {
        let mut layer = Conv::new(ConvSpec { training: false, ..spec() }, compute);
        layer.backward_data(compute, arena, map(3), &[None, None]);
    });
    refused(message, |compute, arena| {
        let mut layer = Conv::new(ConvSpec { training: false, ..spec() }, compute);
        layer.backward_weights(compute, arena, map(3), &mut [0.0; 162], &mut [0.0; 3]);
    });
}

/// A layer looks at the arena of each run, not only at the first.
#[test]
fn another_arena_that_is_too_small() {
    refused("outside its arena", |compute, arena| {
        let mut layer = Conv::new(ConvSpec { output: map(13), ..spec() }, compute);
        layer.forward(compute, &mut Arena::new(FLOATS).unwrap());
        layer.backward_weights(compute, arena, map(3), &mut [0.0; 162], &mut [0.0; 3]);
        layer.forward(compute, &mut Arena::new(map(13).end() - LINE).unwrap());
    });
    refused("outside its arena", |compute, _| {
        let mut layer = Conv::new(spec(), compute);
        let arena = Arena::new(map(1).end() - LINE).unwrap();
        layer.backward_weights(compute, &arena, map(0), &mut [0.0; 162], &mut [0.0; 3]);
    });
}

#[test]
fn maps_that_do_not_fit() {
    use Activation::Relu;
    let over = InputGradient::overwrite;
    let outside = View { offset: FLOATS - LINE, ..map(0) };
    let huge = View { n: usize::MAX / 2, ..map(0) };
    refused("[N, C, H, W]", |c, a| load_nchw(c, a, &[0.0; 209], map(0)));
    refused("outside its arena", |c, a| load_nchw(c, a, &[0.0; 210], outside));
    refused("[N, C, H, W]", |c, a| store_nchw(c, a, map(0), &mut [0.0; 211]));
    refused("outside its arena", |c, a| fill_zero(c, a, outside));
    refused("outside any arena", |c, a| fill_zero(c, a, huge));
    refused("at least one value", |c, a| fill_zero(c, a, empty(map(0), 3)));
    refused("keeps the shape", |c, a| activate(c, a, Relu, map(0), small(1)));
    refused("not across", |c, a| activate(c, a, Relu, map(0), View { offset: 16, ..map(0) }));
    refused("outside its arena", |c, a| activate(c, a, Relu, map(0), outside));
    refused("activated value", |c, a| activation_gradient(c, a, Relu, small(0), map(1), map(2)));
    refused("not across", |c, a| {
        activation_gradient(c, a, Relu, map(0), map(1), View { offset: map(1).offset + 16, ..map(1) });
    });
    refused("shape of its feature map", |c, a| activation_gradient(c, a, Relu, map(0), map(1), small(2)));
    refused("where an operand lies", |c, a| add_into(c, a, map(0), &over(map(0))));
    refused("needs a term", |c, a| add_forward(c, a, &[], map(0)));
    refused("lies apart", |c, a| add_forward(c, a, &[map(0), map(1)], map(1)));
    refused("shape of its terms", |c, a| add_forward(c, a, &[map(0), small(1)], map(2)));
    refused("outside its arena", |c, a| add_forward(c, a, &[map(0), outside], map(2)));
}

#[test]
fn maps_that_do_not_scale() {
    use PoolKind::{Average, Blur, Max};
    use UpsampleMode::Nearest;
    let over = InputGradient::overwrite;
    for factor in [0, 9, usize::MAX] {
        refused("factor is 1 to 8", |c, a| pool_forward(c, a, Max, factor, map(0), small(1)));
        refused("factor is 1 to 8", |c, a| upsample_forward(c, a, Nearest, factor, small(0), map(1)));
    }
    refused("has factor 2", |c, a| pool_forward(c, a, Blur, 3, map(0), small(1)));
    refused("gives", |c, a| pool_forward(c, a, Average, 2, map(0), map(1)));
    refused("gives", |c, a| pool_forward(c, a, Max, 2, map(0), View { channels: 2, ..small(1) }));
    refused("cannot work in place", |c, a| pool_forward(c, a, Max, 2, map(0), small(0)));
    refused("outside its arena", |c, a| {
        pool_forward(c, a, Max, 2, map(0), View { offset: FLOATS, ..small(1) });
    });
    refused("where an operand lies", |c, a| pool_backward(c, a, Max, 2, map(0), small(1), &over(map(0))));
    refused("where an operand lies", |c, a| pool_backward(c, a, Blur, 2, map(0), small(1), &over(map(1))));
    refused("shape of its feature map", |c, a| {
        pool_backward(c, a, Average, 2, map(0), small(1), &over(small(2)));
    });
    refused("cannot be", |c, a| upsample_forward(c, a, Nearest, 2, map(0), map(1)));
    refused("cannot work in place", |c, a| upsample_forward(c, a, Nearest, 2, small(0), map(0)));
    refused("cannot be", |c, a| upsample_backward(c, a, Nearest, 2, map(0), &over(map(1))));
    refused("where an operand lies", |c, a| upsample_backward(c, a, Nearest, 2, map(0), &over(small(0))));
}
