//! The fast convolution against its readable form, on odd sizes, borders, channel counts that fill no
//! vector, several inputs, dilations beyond the image; and the same bits for all levels and thread counts.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use foci_kernels::reference::{self, Shape};
use foci_kernels::{Activation, Compute, Conv, ConvSpec, InputGradient, Simd};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Case {
    n: usize,
    inputs: Vec<usize>,
    out: usize,
    h: usize,
    w: usize,
    kernel: usize,
    dilation: usize,
    activation: Activation,
    accumulate: bool,
    through: Activation,
    exact: bool,
}

/// All that a layer computes: output, gradients by input, by weights, by bias.
type Results = (Vec<f32>, Vec<Vec<f32>>, Vec<f32>, Vec<f32>);

impl Case {
    fn plane(&self, channels: usize) -> Shape {
        Shape::new(self.n, channels, self.h, self.w)
    }

    fn input(&self, index: usize) -> Vec<f32> {
        noise(self.plane(self.inputs[index]).values(), 10 + index as u64)
    }

    fn channels_in(&self) -> usize {
        self.inputs.iter().sum()
    }

    fn weights(&self) -> Vec<f32> {
        noise(self.out * self.channels_in() * self.kernel * self.kernel, 1)
    }

    fn run(&self, threads: usize, simd: Simd) -> Results {
        let compute = Compute::new(threads, simd).unwrap();
        let mut layout = Layout::new();
        let inputs: Vec<_> = self.inputs.iter().map(|c| layout.view(self.plane(*c))).collect();
        let output = layout.view(self.plane(self.out));
        let d_output = layout.view(self.plane(self.out));
        let d_inputs: Vec<_> = self.inputs.iter().map(|c| layout.view(self.plane(*c))).collect();
        let y: Vec<_> = self.inputs.iter().map(|c| layout.view(self.plane(*c))).collect();
        let mut arena = layout.arena();
        for (index, view) in inputs.iter().enumerate() {
            load(&compute, &mut arena, *view, &self.input(index));
            load(&compute, &mut arena, d_inputs[index], &noise(view.values(), 30 + index as u64));
            load(&compute, &mut arena, y[index], &noise(view.values(), 40 + index as u64));
        }
        load(&compute, &mut arena, d_output, &noise(d_output.values(), 2));
        // A trained SiLU is not fused; inference may be.
        let training = self.activation != Activation::Silu;
        let spec = ConvSpec {
            kernel: self.kernel,
            dilation: self.dilation,
            inputs,
            output,
            activation: self.activation,
            training,
            exact: self.exact,
            part_of: None,
        };
        let mut conv = Conv::new(spec, &compute);
        conv.pack(&self.weights(), &noise(self.out, 3));
        conv.forward(&compute, &mut arena);
        let mut d_weights = vec![f32::NAN; self.weights().len()];
        let mut d_bias = vec![f32::NAN; self.out];
        if training {
            let into: Vec<_> = (0..self.inputs.len())
                .map(|index| {
                    let into = if self.accumulate {
                        InputGradient::accumulate(d_inputs[index])
                    } else {
                        InputGradient::overwrite(d_inputs[index])
                    };
                    // The second input wants no gradient.
                    (index != 1).then(|| into.through(self.through, y[index]))
                })
                .collect();
            conv.backward_data(&compute, &mut arena, d_output, &into);
            conv.backward_weights(&compute, &arena, d_output, &mut d_weights, &mut d_bias);
            if !self.accumulate {
                // The same in the place of what the derivative is told from.
                let replacing =
                    |(at, into): (usize, &Option<_>)| into.map(|into| InputGradient { view: y[at], ..into });
                let replacing: Vec<_> = into.iter().enumerate().map(replacing).collect();
                conv.backward_data(&compute, &mut arena, d_output, &replacing);
                for (apart, replacing) in into.iter().flatten().zip(replacing.iter().flatten()) {
                    let [apart, replacing] =
                        [apart, replacing].map(|into| store(&compute, &arena, into.view));
                    assert_eq!(bits(&apart), bits(&replacing), "gradient by input, in place");
                }
            }
        }
        layout.check(&arena);
        let d_inputs = d_inputs.iter().map(|view| store(&compute, &arena, *view)).collect();
        (store(&compute, &arena, output), d_inputs, d_weights, d_bias)
    }

    /// Products of transformed values may be off by 2e-5 of the largest value, those summed directly by no
    /// more than sums can be.
    fn close(&self, what: &str, values: &[f32], exact: &[f64], terms: usize) {
        let largest = exact.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let error = |(value, exact): (&f32, &f64)| (f64::from(*value) - exact).abs();
        // Not a number is not close.
        let close = values.iter().zip(exact).map(error).all(|error| error <= 2e-5 * largest);
        if self.exact || !close || values.len() != exact.len() {
            assert_close(what, values, exact, terms);
        }
    }

    fn check(&self, results: &Results) {
        let (y, d_inputs, d_weights, d_bias) = results;
        let maps: Vec<_> =
            (0..self.inputs.len()).map(|index| (self.plane(self.inputs[index]), self.input(index))).collect();
        let (shape, x) = concatenate(&maps);
        let (x, weights) = (wide(&x), wide(&self.weights()));
        let (k, d) = (self.kernel, self.dilation);
        let mut exact = reference::conv_forward(&x, shape, &weights, &wide(&noise(self.out, 3)), k, d);
        exact.iter_mut().for_each(|value| *value = reference::activate(self.activation, *value));
        let taps = k * k;
        self.close("output", y, &exact, shape.c * taps);
        if self.activation == Activation::Silu {
            return;
        }
        let out = self.plane(self.out);
        let d_y = wide(&noise(out.values(), 2));
        let d_x = reference::conv_backward_data(&d_y, out, &weights, shape.c, k, d);
        let mut first = 0;
        for (index, channels) in self.inputs.iter().enumerate() {
            let part = self.plane(*channels);
            let before = wide(&noise(part.values(), 30 + index as u64));
            let activated = wide(&noise(part.values(), 40 + index as u64));
            let mut exact = Vec::new();
            for n in 0..self.n {
                for c in 0..*channels {
                    for p in 0..self.h * self.w {
                        let at = (n * channels + c) * self.h * self.w + p;
                        let mut value = d_x[(n * shape.c + first + c) * self.h * self.w + p];
                        if self.accumulate {
                            value += before[at];
                        }
                        value *= reference::activation_derivative(self.through, activated[at]);
                        exact.push(if index == 1 { before[at] } else { value });
                    }
                }
            }
            self.close("gradient by input", &d_inputs[index], &exact, self.out * taps);
            first += channels;
        }
        let (exact, exact_bias) = reference::conv_backward_weights(&x, shape, &d_y, self.out, k, d);
        let pixels = self.n * self.h * self.w;
        self.close("gradient by weights", d_weights, &exact, pixels);
        assert_close("gradient by bias", d_bias, &exact_bias, pixels);
    }
}

fn assert_same(a: &Results, b: &Results, what: &str) {
    assert_eq!(bits(&a.0), bits(&b.0), "output, {what}");
    for (a, b) in a.1.iter().zip(&b.1) {
        assert_eq!(bits(a), bits(b), "gradient by input, {what}");
    }
    assert_eq!(bits(&a.2), bits(&b.2), "gradient by weights, {what}");
    assert_eq!(bits(&a.3), bits(&b.3), "gradient by bias, {what}");
}

/// Cases with such channels, sizes and dilations.
fn cases_of(
    channels: impl Strategy<Value = usize> + Clone,
    size: impl Strategy<Value = usize> + Clone,
    kernel: impl Strategy<Value = usize>,
    dilation: impl Strategy<Value = usize>,
    exact: impl Strategy<Value = bool>,
) -> impl Strategy<Value = Case> {
    let inputs = prop::collection::vec(channels.clone(), 1..4);
    let activation = || prop::sample::select(ACTIVATIONS.to_vec());
    (
        (1usize..3, inputs, channels, size.clone(), size),
        (kernel, dilation, activation(), exact),
        any::<bool>(),
        activation(),
    )
        .prop_map(
            |((n, inputs, out, h, w), (kernel, dilation, activation, exact), accumulate, through)| Case {
                n,
                inputs,
                out,
                h,
                w,
                kernel,
                dilation,
                activation,
                accumulate,
                through,
                exact,
            },
        )
}

fn cases() -> impl Strategy<Value = Case> {
    let channels = prop_oneof![1usize..5, 14usize..19, 30usize..35, Just(48)];
    let size = prop_oneof![1usize..5, 5usize..40];
    let kernel = prop_oneof![Just(1usize), Just(3), Just(3)];
    let dilation = prop_oneof![1usize..4, Just(8), Just(100), Just(usize::MAX)];
    cases_of(channels, size, kernel, dilation, any::<bool>())
}

/// Cases that go by Winograd's tiles, most of them in all passes.
fn cases_by_tiles() -> impl Strategy<Value = Case> {
    let channels = prop_oneof![12usize..20, 30usize..35];
    cases_of(channels, 24usize..48, Just(3usize), prop_oneof![Just(1usize), Just(2), Just(4)], Just(false))
}

fn check_at_all_levels(case: &Case) {
    // The readable form takes dilations as they are; beyond the image they are all alike.
    let readable = Case { dilation: case.dilation.min(1000), ..case.clone() };
    let first = case.run(1, Simd::best());
    readable.check(&first);
    for simd in levels() {
        assert_same(&first, &case.run(2, simd), &format!("{simd}, 2 threads"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases_directly` and the like")]
    fn fast_is_close_to_readable(case in cases()) {
        check_at_all_levels(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases_directly` and the like")]
    fn by_tiles_is_close_to_readable(case in cases_by_tiles()) {
        check_at_all_levels(&case);
    }
}

fn usual() -> Case {
    Case {
        n: 1,
        inputs: vec![32],
        out: 32,
        h: 40,
        w: 61,
        kernel: 3,
        dilation: 2,
        activation: Activation::Elu,
        accumulate: true,
        through: Activation::Elu,
        exact: false,
    }
}

/// A map of nothing but borders.
fn small() -> Case {
    Case { inputs: vec![2, 1, 1], out: 3, h: 3, w: 9, n: 2, ..usual() }
}

/// Two groups of channels, and tiles of whole vectors away from the border.
fn wide_and_exact() -> Case {
    Case { inputs: vec![7], out: 7, h: 2, w: 34, dilation: 1, exact: true, ..usual() }
}

/// Every way of a convolution once, in this test and the next two, with the smallest maps that go it.
#[test]
fn few_cases_of_small_maps() {
    check_at_all_levels(&Case { accumulate: false, kernel: 1, ..small() });
    check_at_all_levels(&Case { dilation: usize::MAX, activation: Activation::Silu, ..small() });
    check_at_all_levels(&small());
}

#[test]
fn few_cases_directly() {
    check_at_all_levels(&Case { kernel: 1, ..wide_and_exact() });
    check_at_all_levels(&wide_and_exact());
    // Gradients by weights across channels: tasks of two sets and of one, and two strips.
    check_at_all_levels(&Case { inputs: vec![4], out: 33, h: 1, w: 19, ..wide_and_exact() });
    check_at_all_levels(&Case { inputs: vec![5], out: 16, h: 1, w: 179, ..wide_and_exact() });
}

#[test]
#[cfg_attr(miri, ignore = "it takes 36 minutes; the tests of `winograd` itself go the same ways")]
fn few_cases_by_tiles() {
    check_at_all_levels(&Case { inputs: vec![10], out: 10, h: 23, w: 22, dilation: 1, ..usual() });
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases_directly` and the like")]
fn bits_do_not_depend_on_the_threads() {
    let cases = [
        usual(),
        Case { inputs: vec![1], ..usual() },
        Case { out: 1, ..usual() },
        Case { inputs: vec![16, 20], out: 70, h: 9, n: 2, ..usual() },
        Case { inputs: vec![6], out: 40, n: 2, exact: true, ..usual() },
        // Tasks of several blocks of tiles, and a last one of fewer.
        Case { h: 190, w: 201, dilation: 1, ..usual() },
    ];
    for case in cases {
        for simd in levels() {
            let first = case.run(1, simd);
            for threads in [2, 3, 8] {
                assert_same(&first, &case.run(threads, simd), &format!("{simd}, {threads} threads"));
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases_directly` and the like")]
fn weights_too_many_for_the_cache_are_taken_group_by_group() {
    let case = Case { inputs: vec![100, 60], out: 150, h: 6, w: 17, ..usual() };
    let first = case.run(2, Simd::best());
    case.check(&first);
    for simd in levels() {
        assert_same(&first, &case.run(1, simd), simd.name());
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases_directly` and the like")]
fn rows_longer_than_a_segment() {
    let long = Case { inputs: vec![5], out: 17, h: 4, w: 400, dilation: 300, ..usual() };
    let strips = Case { inputs: vec![9], out: 40, exact: true, ..long.clone() };
    for case in [long, Case { dilation: 3, n: 2, ..strips.clone() }, strips] {
        check_at_all_levels(&case);
    }
}

/// Tiles of every number of channels, inside and at the borders.
#[test]
#[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases_directly` and the like")]
fn rows_of_many_tiles() {
    for out in 1..=12 {
        let case = Case { inputs: vec![2, 1], out, h: 2, w: 290, dilation: 1, exact: true, ..usual() };
        for case in [Case { kernel: 1, ..case.clone() }, Case { dilation: 3, ..case.clone() }, case] {
            check_at_all_levels(&case);
        }
    }
}
