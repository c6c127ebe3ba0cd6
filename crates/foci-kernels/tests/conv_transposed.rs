//! The fast transposed convolution against its readable form, sizes cropped and not, and the same bits for
//! all levels and thread counts.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use foci_kernels::reference::{self, Shape};
use foci_kernels::{Activation, Compute, ConvTransposed, ConvTransposedSpec, InputGradient, Simd};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    n: usize,
    channels_in: usize,
    out: usize,
    size: (usize, usize),
    kernel: usize,
    activation: Activation,
}

type Results = (Vec<f32>, Vec<f32>, Vec<f32>, Vec<f32>);

impl Case {
    fn input(&self) -> Shape {
        Shape::new(self.n, self.channels_in, self.size.0.div_ceil(2), self.size.1.div_ceil(2))
    }

    fn output(&self) -> Shape {
        Shape::new(self.n, self.out, self.size.0, self.size.1)
    }

    fn weights(&self) -> Vec<f32> {
        noise(self.out * self.channels_in * self.kernel * self.kernel, 1)
    }

    fn run(&self, threads: usize, simd: Simd) -> Results {
        let compute = Compute::new(threads, simd).unwrap();
        let mut layout = Layout::new();
        let (input, d_input, y) =
            (layout.view(self.input()), layout.view(self.input()), layout.view(self.input()));
        let (output, d_output) = (layout.view(self.output()), layout.view(self.output()));
        let mut arena = layout.arena();
        load(&compute, &mut arena, input, &noise(input.values(), 2));
        load(&compute, &mut arena, d_output, &noise(d_output.values(), 3));
        load(&compute, &mut arena, d_input, &noise(input.values(), 4));
        load(&compute, &mut arena, y, &noise(input.values(), 5));
        let training = self.activation != Activation::Silu;
        let spec =
            ConvTransposedSpec { kernel: self.kernel, input, output, activation: self.activation, training };
        let mut layer = ConvTransposed::new(spec, &compute);
        layer.pack(&self.weights(), &noise(self.out, 6));
        layer.forward(&compute, &mut arena);
        let mut d_weights = vec![f32::NAN; self.weights().len()];
        let mut d_bias = vec![f32::NAN; self.out];
        if training {
            let into = InputGradient::accumulate(d_input).through(Activation::LeakyRelu, y);
            layer.backward_data(&compute, &mut arena, d_output, &into);
            layer.backward_weights(&compute, &arena, d_output, &mut d_weights, &mut d_bias);
        }
        layout.check(&arena);
        (store(&compute, &arena, output), store(&compute, &arena, d_input), d_weights, d_bias)
    }

    fn check(&self, (y, d_x, d_weights, d_bias): &Results) {
        let (shape, out, k) = (self.input(), self.output(), self.kernel);
        let x = wide(&noise(shape.values(), 2));
        let weights = wide(&self.weights());
        let bias = wide(&noise(self.out, 6));
        let mut exact = reference::conv_transposed_forward(&x, shape, &weights, &bias, k, self.size);
        exact.iter_mut().for_each(|value| *value = reference::activate(self.activation, *value));
        assert_close("output", y, &exact, self.channels_in * 4);
        if self.activation == Activation::Silu {
            return;
        }
        let d_y = wide(&noise(out.values(), 3));
        let mut exact = reference::conv_transposed_backward_data(
            &d_y,
            out,
            &weights,
            self.channels_in,
            k,
            (shape.h, shape.w),
        );
        let before = wide(&noise(shape.values(), 4));
        let activated = wide(&noise(shape.values(), 5));
        for (at, value) in exact.iter_mut().enumerate() {
            *value += before[at];
            *value *= reference::activation_derivative(Activation::LeakyRelu, activated[at]);
        }
        assert_close("gradient by input", d_x, &exact, self.out * k * k);
        let (exact, exact_bias) = reference::conv_transposed_backward_weights(&x, shape, &d_y, out, k);
        assert_close("gradient by weights", d_weights, &exact, shape.n * shape.h * shape.w);
        assert_close("gradient by bias", d_bias, &exact_bias, out.n * out.h * out.w);
    }
}

fn assert_same(a: &Results, b: &Results, what: &str) {
    for (name, a, b) in [
        ("output", &a.0, &b.0),
        ("gradient by input", &a.1, &b.1),
        ("gradient by weights", &a.2, &b.2),
        ("gradient by bias", &a.3, &b.3),
    ] {
        assert_eq!(bits(a), bits(b), "{name}, {what}");
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let channels = || prop_oneof![1usize..5, 15usize..18, 31usize..34];
    let size = || prop_oneof![1usize..6, 6usize..40];
    let activation = prop::sample::select(ACTIVATIONS.to_vec());
    (1usize..3, channels(), channels(), (size(), size()), prop::sample::select(vec![2usize, 4]), activation)
        .prop_map(|(n, channels_in, out, size, kernel, activation)| Case {
            n,
            channels_in,
            out,
            size,
            kernel,
            activation,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_is_close_to_readable(case in cases()) {
        let first = case.run(1, Simd::best());
        case.check(&first);
        for simd in levels() {
            for threads in [2, 3] {
                assert_same(&first, &case.run(threads, simd), &format!("{simd}, {threads} threads"));
            }
        }
    }
}
