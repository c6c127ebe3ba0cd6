//! The fast transposed convolution against its readable form, sizes cropped and not, and the same bits for
//! all levels and thread counts.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use foci_kernels::reference::{self, Shape};
use foci_kernels::{
    Activation, Arena, Compute, ConvTransposed, ConvTransposedShape, ConvTransposedSpec, InputGradient, Simd,
    View,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    n: usize,
    inputs: Vec<usize>,
    out: usize,
    size: (usize, usize),
    kernel: usize,
    activation: Activation,
}

/// All that a layer computes: output, gradients by input, by weights, by bias.
type Results = (Vec<f32>, Vec<Vec<f32>>, Vec<f32>, Vec<f32>);

impl Case {
    fn channels_in(&self) -> usize {
        self.inputs.iter().sum()
    }

    /// The shape of a map of `channels` that is read.
    fn small(&self, channels: usize) -> Shape {
        Shape::new(self.n, channels, self.size.0.div_ceil(2), self.size.1.div_ceil(2))
    }

    /// Values of a map that goes with input `index`.
    fn values(&self, index: usize, seed: u64) -> Vec<f32> {
        noise(self.small(self.inputs[index]).values(), seed + index as u64)
    }

    fn output(&self) -> Shape {
        Shape::new(self.n, self.out, self.size.0, self.size.1)
    }

    fn weights(&self) -> Vec<f32> {
        noise(self.out * self.channels_in() * self.kernel * self.kernel, 1)
    }

    fn run(&self, threads: usize, simd: Simd) -> Results {
        let compute = Compute::new(threads, simd).unwrap();
        let mut layout = Layout::new();
        let mut views = || -> Vec<_> { self.inputs.iter().map(|c| layout.view(self.small(*c))).collect() };
        let (inputs, d_inputs, y) = (views(), views(), views());
        let (output, d_output) = (layout.view(self.output()), layout.view(self.output()));
        let mut arena = layout.arena();
        for index in 0..self.inputs.len() {
            load(&compute, &mut arena, inputs[index], &self.values(index, 20));
            load(&compute, &mut arena, d_inputs[index], &self.values(index, 40));
            load(&compute, &mut arena, y[index], &self.values(index, 50));
        }
        load(&compute, &mut arena, d_output, &noise(self.output().values(), 3));
        let training = self.activation != Activation::Silu;
        let activation = self.activation;
        let spec = ConvTransposedSpec { kernel: self.kernel, inputs, output, activation, training };
        let mut layer = ConvTransposed::new(spec, &compute);
        layer.pack(&self.weights(), &noise(self.out, 6));
        layer.forward(&compute, &mut arena);
        let mut d_weights = vec![f32::NAN; self.weights().len()];
        let mut d_bias = vec![f32::NAN; self.out];
        if training {
            let into = d_inputs
                .iter()
                .zip(&y)
                .map(|(view, y)| Some(InputGradient::accumulate(*view).through(Activation::LeakyRelu, *y)));
            let into: Vec<_> = into.collect();
            layer.backward_data(&compute, &mut arena, d_output, &into);
            layer.backward_weights(&compute, &arena, d_output, &mut d_weights, &mut d_bias);
        }
        layout.check(&arena);
        let d_inputs = d_inputs.iter().map(|view| store(&compute, &arena, *view)).collect();
        (store(&compute, &arena, output), d_inputs, d_weights, d_bias)
    }

    fn check(&self, (y, d_x, d_weights, d_bias): &Results) {
        let (out, k) = (self.output(), self.kernel);
        let maps: Vec<_> =
            (0..self.inputs.len()).map(|i| (self.small(self.inputs[i]), self.values(i, 20))).collect();
        let (shape, x) = concatenate(&maps);
        let x = wide(&x);
        let weights = wide(&self.weights());
        let bias = wide(&noise(self.out, 6));
        let mut exact = reference::conv_transposed_forward(&x, shape, &weights, &bias, k, self.size);
        exact.iter_mut().for_each(|value| *value = reference::activate(self.activation, *value));
        assert_close("output", y, &exact, shape.c * 4);
        if self.activation == Activation::Silu {
            return;
        }
        let d_y = wide(&noise(out.values(), 3));
        let size = (shape.h, shape.w);
        let all = reference::conv_transposed_backward_data(&d_y, out, &weights, shape.c, k, size);
        let mut first = 0;
        for (index, d_x) in d_x.iter().enumerate() {
            let channels = self.inputs[index];
            let (before, activated) = (wide(&self.values(index, 40)), wide(&self.values(index, 50)));
            let image = channels * shape.h * shape.w;
            let exact: Vec<f64> = (0..d_x.len())
                .map(|at| {
                    let (n, rest) = (at / image, at % image);
                    let sum = all[(n * shape.c + first) * shape.h * shape.w + rest] + before[at];
                    sum * reference::activation_derivative(Activation::LeakyRelu, activated[at])
                })
                .collect();
            assert_close("gradient by input", d_x, &exact, self.out * k * k);
            first += channels;
        }
        let (exact, exact_bias) = reference::conv_transposed_backward_weights(&x, shape, &d_y, out, k);
        assert_close("gradient by weights", d_weights, &exact, shape.n * shape.h * shape.w);
        assert_close("gradient by bias", d_bias, &exact_bias, out.n * out.h * out.w);
    }
}

fn assert_same(a: &Results, b: &Results, what: &str) {
    for (a, b) in a.1.iter().zip(&b.1) {
        assert_eq!(bits(a), bits(b), "gradient by input, {what}");
    }
    for (name, a, b) in
        [("output", &a.0, &b.0), ("gradient by weights", &a.2, &b.2), ("gradient by bias", &a.3, &b.3)]
    {
        assert_eq!(bits(a), bits(b), "{name}, {what}");
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let channels = || prop_oneof![1usize..5, 15usize..18, 31usize..34];
    let size = || prop_oneof![1usize..6, 6usize..40];
    let activation = prop::sample::select(ACTIVATIONS.to_vec());
    let inputs = prop::collection::vec(channels(), 1..4);
    (1usize..3, inputs, channels(), (size(), size()), prop::sample::select(vec![2usize, 4]), activation)
        .prop_map(|(n, inputs, out, size, kernel, activation)| Case {
            n,
            inputs,
            out,
            size,
            kernel,
            activation,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "too many for Miri, which has `all_small_sizes`")]
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

/// Borders meet in small maps; a row of 1 to 70 pixels ends everywhere in a vector.
#[test]
fn all_small_sizes() {
    let sizes = (1..=7).flat_map(|h| (1..=7).map(move |w| (h, w))).chain((8..=140).map(|w| (3, w)));
    let few = vec![(1, 1), (3, 7), (2, 34), (3, 75)];
    let sizes = if cfg!(miri) { few } else { sizes.collect() };
    for size in sizes {
        for kernel in [2, 4] {
            let case = Case { n: 1, inputs: vec![2, 5], out: 3, size, kernel, activation: Activation::Elu };
            let first = case.run(1, Simd::best());
            case.check(&first);
            for simd in levels() {
                assert_same(&first, &case.run(1, simd), &format!("{case:?}, {simd}"));
            }
        }
    }
}

/// A layer from an input of 5 channels, 4 x 3 pixels, and one of 2 to 6 channels of 8 x 5, and an arena for it: the
/// inputs, their gradients, the output and its gradient.
fn usual(compute: &Compute, kernel: usize, training: bool) -> (ConvTransposed, Arena, Vec<View>) {
    let mut end = 0;
    let mut view = |channels, h, w| {
        let view = View::new(end, 1, channels, h, w);
        end = view.end();
        view
    };
    let views =
        vec![view(5, 4, 3), view(2, 4, 3), view(5, 4, 3), view(2, 4, 3), view(6, 8, 5), view(6, 8, 5)];
    let (inputs, output) = (views[..2].to_vec(), views[4]);
    let spec = ConvTransposedSpec { kernel, inputs, output, activation: Activation::None, training };
    (ConvTransposed::new(spec, compute), Arena::new(end).unwrap(), views)
}

#[test]
fn the_bytes_told_are_those_that_are_held() {
    for (kernel, training) in [(2, false), (4, false), (2, true), (4, true)] {
        let compute = Compute::new(2, Simd::best()).unwrap();
        let layer = usual(&compute, kernel, training).0;
        let shape = ConvTransposedShape { kernel, inputs: &[5, 2], output: 6, n: 1, h: 8, w: 5, training };
        let bytes = shape.bytes().unwrap();
        assert_eq!(bytes.own, layer.own_bytes() as u64);
        assert_eq!(2 * bytes.worker + bytes.common, compute.scratch_bytes() as u64);
    }
}

#[test]
fn a_gradient_that_is_not_wanted_is_not_computed() {
    let compute = Compute::new(2, Simd::best()).unwrap();
    let (mut layer, mut arena, views) = usual(&compute, 4, true);
    layer.pack(&noise(6 * 7 * 16, 1), &[0.0; 6]);
    load(&compute, &mut arena, views[5], &noise(views[5].values(), 2));
    let [first, second] = [2, 3].map(|at| Some(InputGradient::overwrite(views[at])));
    layer.backward_data(&compute, &mut arena, views[5], &[first, second]);
    let whole = store(&compute, &arena, views[3]);
    arena.values_mut(&views[2]).fill(7.0);
    arena.values_mut(&views[3]).fill(7.0);
    layer.backward_data(&compute, &mut arena, views[5], &[None, second]);
    assert_eq!(bits(&store(&compute, &arena, views[3])), bits(&whole));
    assert!(arena.values(&views[2]).iter().all(|value| *value == 7.0));
}

#[test]
#[should_panic(expected = "written where an operand lies")]
fn a_gradient_may_not_lie_on_what_it_is_made_from() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let (mut layer, mut arena, views) = usual(&compute, 2, true);
    let into = InputGradient::overwrite(View { offset: views[5].offset, ..views[0] });
    layer.backward_data(&compute, &mut arena, views[5], &[Some(into), None]);
}

#[test]
#[should_panic(expected = "outside its arena")]
fn a_layer_stays_inside_the_arena_it_is_given() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let (mut layer, _, views) = usual(&compute, 2, false);
    layer.forward(&compute, &mut Arena::new(views[4].end() - 16).unwrap());
}

#[test]
#[should_panic(expected = "has no gradients")]
fn a_layer_for_inference_has_no_gradients() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let (mut layer, arena, views) = usual(&compute, 2, false);
    layer.backward_weights(&compute, &arena, views[5], &mut [0.0; 6 * 7 * 4], &mut [0.0; 6]);
}

#[test]
#[should_panic(expected = "runs on the pool it was prepared for")]
fn a_layer_does_not_run_on_another_pool() {
    let [mine, other] = [1, 1].map(|threads| Compute::new(threads, Simd::best()).unwrap());
    let (mut layer, arena, views) = usual(&mine, 2, true);
    layer.backward_weights(&other, &arena, views[5], &mut [0.0; 6 * 7 * 4], &mut [0.0; 6]);
}

#[test]
#[should_panic(expected = "doubled and cropped cannot be")]
fn an_output_is_twice_the_input() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let (input, output) = (View::new(0, 1, 1, 4, 4), View::new(64, 1, 1, 8, 6));
    let activation = Activation::None;
    ConvTransposed::new(
        ConvTransposedSpec { kernel: 2, inputs: vec![input], output, activation, training: false },
        &compute,
    );
}
