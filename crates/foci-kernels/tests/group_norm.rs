//! Group normalisation and scaled planes against their readable forms; the same bits for all levels and thread counts.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use foci_kernels::reference::{self, Shape};
use foci_kernels::*;
use proptest::prelude::*;

/// A map normalised, and a gradient that comes back.
#[derive(Clone, Debug)]
struct Case {
    shape: Shape,
    groups: usize,
    /// Added to all values: a mean far from zero must cost no digits.
    level: f32,
    activation: Activation,
    accumulate: bool,
}

/// What came out: result, and gradients by input, weights and biases.
type Found = [Vec<f32>; 4];

impl Case {
    fn x(&self) -> Vec<f32> {
        noise(self.shape.values(), 1).into_iter().map(|value| value + self.level).collect()
    }

    fn weight(&self) -> Vec<f32> {
        noise(self.shape.c, 2).into_iter().map(|value| 1.0 + 0.5 * value).collect()
    }

    fn run(&self, threads: usize, simd: Simd) -> Found {
        let compute = Compute::new(threads, simd).unwrap();
        let mut layout = Layout::new();
        let (x, d_x, y, d_y) = (
            layout.view(self.shape),
            layout.view(self.shape),
            layout.view(self.shape),
            layout.view(self.shape),
        );
        let mut arena = layout.arena();
        load(&compute, &mut arena, x, &self.x());
        load(&compute, &mut arena, d_x, &noise(x.values(), 5));
        load(&compute, &mut arena, d_y, &noise(x.values(), 4));
        let spec = GroupNormSpec { input: x, output: y, groups: self.groups, activation: self.activation };
        let mut norm = GroupNorm::new(spec);
        assert_eq!(Some(norm.own_bytes() as u64), GroupNorm::bytes(self.shape.n, self.shape.c, self.groups));
        norm.pack(&self.weight(), &noise(self.shape.c, 3));
        norm.forward(&compute, &mut arena);
        let (mut d_weight, mut d_bias) = (vec![f32::NAN; self.shape.c], vec![f32::NAN; self.shape.c]);
        norm.backward_weights(&compute, &arena, d_y, &mut d_weight, &mut d_bias);
        let into = InputGradient { view: d_x, accumulate: self.accumulate, activation: None };
        norm.backward_data(&compute, &mut arena, d_y, &into);
        layout.check(&arena);
        [store(&compute, &arena, y), store(&compute, &arena, d_x), d_weight, d_bias]
    }

    fn check(&self, [y, d_x, d_weight, d_bias]: &Found) {
        let (x, weight, bias) = (wide(&self.x()), wide(&self.weight()), wide(&noise(self.shape.c, 3)));
        let d_y = wide(&noise(self.shape.values(), 4));
        let mut exact = reference::group_norm_forward(&x, self.shape, self.groups, &weight, &bias);
        exact.iter_mut().for_each(|value| *value = reference::activate(self.activation, *value));
        let (mut exact_x, exact_weight, exact_bias) =
            reference::group_norm_backward(&x, self.shape, self.groups, &weight, &d_y);
        if self.accumulate {
            for (value, before) in exact_x.iter_mut().zip(noise(d_x.len(), 5)) {
                *value += f64::from(before);
            }
        }
        // A group of few values may have a small deviation, by which everything is divided.
        let few = self.shape.values() / self.shape.n / self.groups < 64;
        let terms = if few { 4000 } else { 64 };
        assert_close("result", y, &exact, terms);
        assert_close("gradient by the input", d_x, &exact_x, terms);
        let sums = terms + self.shape.values() / self.shape.c;
        assert_close("gradient by weights", d_weight, &exact_weight, sums);
        assert_close("gradient by biases", d_bias, &exact_bias, sums);
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = prop_oneof![
        4 => (1usize..3, 1usize..5, 2usize..30, 2usize..30),
        // Longer than a run of sums, and than a task.
        1 => (1usize..2, 1usize..2, 60usize..70, 250usize..300),
    ];
    (
        shape,
        1usize..5,
        prop::sample::select(vec![0.0, 3.0]),
        prop::sample::select(ACTIVATIONS.to_vec()),
        any::<bool>(),
    )
        .prop_map(|((n, per_group, h, w), groups, level, activation, accumulate)| Case {
            shape: Shape::new(n, per_group * groups, h, w),
            groups,
            level,
            activation,
            accumulate,
        })
}

/// The formula, and the same bits at every level and with one and two threads.
fn check_at_all_levels(case: &Case) {
    let first = case.run(1, Simd::best());
    case.check(&first);
    for simd in levels() {
        for threads in [1, 2] {
            let again = case.run(threads, simd);
            for (a, b) in first.iter().zip(&again) {
                assert_eq!(bits(a), bits(b), "{simd}, {threads} threads");
            }
        }
    }
}

/// Planes times a factor each, and the gradient by the planes.
fn check_scaled_planes(shape: Shape, accumulate: bool, through: Activation) {
    let factors = noise(shape.n * shape.c, 9);
    for simd in levels() {
        let compute = Compute::new(2, simd).unwrap();
        let mut layout = Layout::new();
        let (x, y, d_x, activated) =
            (layout.view(shape), layout.view(shape), layout.view(shape), layout.view(shape));
        let mut arena = layout.arena();
        load(&compute, &mut arena, x, &noise(x.values(), 1));
        load(&compute, &mut arena, d_x, &noise(x.values(), 2));
        load(&compute, &mut arena, activated, &noise(x.values(), 3));
        let mut scale = PlaneScale::new(shape.n, shape.c);
        assert_eq!(Some(scale.own_bytes() as u64), PlaneScale::bytes(shape.n, shape.c));
        for (plane, &factor) in factors.iter().enumerate() {
            scale.set(plane, factor);
        }
        scale.forward(&compute, &mut arena, x, y);
        let into = InputGradient { view: d_x, accumulate, activation: None }.through(through, activated);
        scale.backward(&compute, &mut arena, y, &into);
        layout.check(&arena);
        let pixels = shape.h * shape.w;
        let scaled: Vec<f32> =
            noise(x.values(), 1).iter().enumerate().map(|(at, x)| factors[at / pixels] * x).collect();
        assert_eq!(store(&compute, &arena, y), scaled);
        let (before, activated) = (noise(x.values(), 2), noise(x.values(), 3));
        let exact: Vec<f64> = (0..x.values())
            .map(|at| {
                let before = if accumulate { f64::from(before[at]) } else { 0.0 };
                let product = f64::from(factors[at / pixels]) * f64::from(scaled[at]);
                (before + product) * reference::activation_derivative(through, f64::from(activated[at]))
            })
            .collect();
        assert_close("gradient", &store(&compute, &arena, d_x), &exact, 4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases`")]
    fn normalisation_is_that_of_the_formula_at_every_level(case in cases()) {
        check_at_all_levels(&case);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many for Miri, which has `few_cases`")]
    fn scaled_planes_are_products(
        n in 1usize..3, c in 1usize..6, h in 1usize..20, w in 1usize..70, accumulate in any::<bool>(),
        through in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        check_scaled_planes(Shape::new(n, c, h, w), accumulate, through);
    }
}

/// A row that fills vectors and one that does not, several groups and images, sums that end inside a run.
#[test]
fn few_cases() {
    for (shape, groups, accumulate) in [
        (Shape::new(2, 4, 3, 7), 2, true),
        (Shape::new(1, 2, 2, 32), 1, false),
        (Shape::new(1, 1, 1, 300), 1, true),
    ] {
        for activation in [Activation::None, Activation::Elu] {
            check_at_all_levels(&Case { shape, groups, level: 3.0, activation, accumulate });
            check_scaled_planes(shape, accumulate, activation);
        }
    }
}
