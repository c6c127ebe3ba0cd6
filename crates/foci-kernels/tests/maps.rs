//! Pooling, upsampling, sums, activations, loading and storing against their readable forms; the same bits
//! for all levels and thread counts.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use foci_kernels::reference::{self, Shape};
use foci_kernels::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Pool(PoolKind),
    Upsample(UpsampleMode),
}

/// A map pooled, or upsampled and cropped; `fine` is the larger of the two.
#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    factor: usize,
    fine: Shape,
    accumulate: bool,
    through: Activation,
    /// Few different values, so that maxima are often equal.
    coarse_values: bool,
}

impl Case {
    fn shapes(&self) -> (Shape, Shape) {
        let (h, w) = (self.fine.h.div_ceil(self.factor), self.fine.w.div_ceil(self.factor));
        let coarse = self.fine.with_size(h, w);
        match self.kind {
            Kind::Pool(_) => (self.fine, coarse),
            Kind::Upsample(_) => (coarse, self.fine),
        }
    }

    fn x(&self) -> Vec<f32> {
        let mut x = noise(self.shapes().0.values(), 1);
        if self.coarse_values {
            x.iter_mut().for_each(|value| *value = (*value * 2.0).round());
        }
        x
    }

    fn run(&self, threads: usize, simd: Simd) -> (Vec<f32>, Vec<f32>) {
        let compute = Compute::new(threads, simd).unwrap();
        let (from, to) = self.shapes();
        let mut layout = Layout::new();
        let (x, d_x, activated) = (layout.view(from), layout.view(from), layout.view(from));
        let (y, d_y) = (layout.view(to), layout.view(to));
        let mut arena = layout.arena();
        load(&compute, &mut arena, x, &self.x());
        load(&compute, &mut arena, d_x, &noise(x.values(), 2));
        load(&compute, &mut arena, activated, &noise(x.values(), 3));
        load(&compute, &mut arena, d_y, &noise(y.values(), 4));
        let into = InputGradient { view: d_x, accumulate: self.accumulate, activation: None };
        let into = into.through(self.through, activated);
        match self.kind {
            Kind::Pool(kind) => {
                pool_forward(&compute, &mut arena, kind, self.factor, x, y);
                pool_backward(&compute, &mut arena, kind, self.factor, x, d_y, &into);
            }
            Kind::Upsample(mode) => {
                upsample_forward(&compute, &mut arena, mode, self.factor, x, y);
                upsample_backward(&compute, &mut arena, mode, self.factor, d_y, &into);
            }
        }
        layout.check(&arena);
        (store(&compute, &arena, y), store(&compute, &arena, d_x))
    }

    fn check(&self, (y, d_x): &(Vec<f32>, Vec<f32>)) {
        let (from, to) = self.shapes();
        let (x, d_y) = (wide(&self.x()), wide(&noise(to.values(), 4)));
        let (exact, mut exact_gradient) = match self.kind {
            Kind::Pool(kind) => (
                reference::pool_forward(kind, self.factor, &x, from),
                reference::pool_backward(kind, self.factor, &x, from, &d_y),
            ),
            Kind::Upsample(mode) => (
                reference::upsample_forward(mode, self.factor, &x, from, (to.h, to.w)),
                reference::upsample_backward(mode, self.factor, &d_y, from, (to.h, to.w)),
            ),
        };
        assert_close("output", y, &exact, 4);
        let before = wide(&noise(from.values(), 2));
        let activated = wide(&noise(from.values(), 3));
        for (at, value) in exact_gradient.iter_mut().enumerate() {
            if self.accumulate {
                *value += before[at];
            }
            *value *= reference::activation_derivative(self.through, activated[at]);
        }
        assert_close("gradient", d_x, &exact_gradient, self.factor * self.factor);
    }
}

const KINDS: [Kind; 5] = [
    Kind::Pool(PoolKind::Max),
    Kind::Pool(PoolKind::Average),
    Kind::Pool(PoolKind::Blur),
    Kind::Upsample(UpsampleMode::Nearest),
    Kind::Upsample(UpsampleMode::Bilinear),
];

fn cases() -> impl Strategy<Value = Case> {
    let kind = prop::sample::select(KINDS.to_vec());
    let size = || prop_oneof![1usize..6, 6usize..80];
    let channels = prop_oneof![1usize..4, 15usize..34];
    // Many channels of one size, or few of rows that are longer than the pieces they are cut into.
    let shape = prop_oneof![
        4 => (1usize..3, channels, size(), size()),
        1 => (1usize..3, 1usize..3, 1usize..8, 480usize..1100),
    ];
    let factor = prop_oneof![Just(2), 1usize..9];
    let through = prop::sample::select(ACTIVATIONS.to_vec());
    (kind, factor, shape, any::<bool>(), through, any::<bool>()).prop_map(
        |(kind, factor, (n, c, h, w), accumulate, through, coarse_values)| {
            let factor = if matches!(kind, Kind::Pool(PoolKind::Blur)) { 2 } else { factor };
            Case { kind, factor, fine: Shape::new(n, c, h, w), accumulate, through, coarse_values }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "too many for Miri, which has `all_small_sizes`")]
    fn resized_maps_are_close_to_readable(case in cases()) {
        let first = case.run(1, Simd::best());
        case.check(&first);
        for simd in levels() {
            let other = case.run(3, simd);
            prop_assert_eq!(bits(&first.0), bits(&other.0), "output, {}", simd);
            prop_assert_eq!(bits(&first.1), bits(&other.1), "gradient, {}", simd);
        }
    }
}

/// Borders meet in small maps; a row of 1 to 70 pixels ends everywhere in a vector.
#[test]
fn all_small_sizes() {
    let sizes = (1..=7).flat_map(|h| (1..=7).map(move |w| (h, w))).chain((8..=70).map(|w| (3, w)));
    let few = vec![(1, 1), (3, 7), (3, 69)];
    let sizes = if cfg!(miri) { few } else { sizes.collect() };
    for (h, w) in sizes {
        for kind in KINDS {
            let (fine, through) = (Shape::new(1, 2, h, w), Activation::LeakyRelu);
            let case = Case { kind, factor: 2, fine, accumulate: true, through, coarse_values: true };
            let first = case.run(1, Simd::best());
            case.check(&first);
            for simd in levels() {
                let other = case.run(1, simd);
                assert_eq!(bits(&first.0), bits(&other.0), "{case:?}, output, {simd}");
                assert_eq!(bits(&first.1), bits(&other.1), "{case:?}, gradient, {simd}");
            }
        }
    }
}

/// The window of an infinite pixel is not to spread it, nor to make of it what is not a number.
#[test]
fn what_is_infinite_stays_where_it_is() {
    let shape = Shape::new(1, 1, 4, 40);
    let compute = Compute::new(1, Simd::best()).unwrap();
    for kind in KINDS {
        let case = Case {
            kind,
            factor: 2,
            fine: shape,
            accumulate: false,
            through: Activation::None,
            coarse_values: false,
        };
        let (from, to) = case.shapes();
        let mut layout = Layout::new();
        let (x, d_x, y, d_y) = (layout.view(from), layout.view(from), layout.view(to), layout.view(to));
        let mut arena = layout.arena();
        let infinite = |count: usize| {
            let mut values = vec![-1.0; count];
            values[count / 2] = f32::NEG_INFINITY;
            values
        };
        load(&compute, &mut arena, x, &infinite(x.values()));
        load(&compute, &mut arena, d_y, &infinite(y.values()));
        let into = InputGradient::overwrite(d_x);
        match kind {
            Kind::Pool(kind) => {
                pool_forward(&compute, &mut arena, kind, 2, x, y);
                pool_backward(&compute, &mut arena, kind, 2, x, d_y, &into);
            }
            Kind::Upsample(mode) => {
                upsample_forward(&compute, &mut arena, mode, 2, x, y);
                upsample_backward(&compute, &mut arena, mode, 2, d_y, &into);
            }
        }
        for view in [y, d_x] {
            let values = store(&compute, &arena, view);
            assert!(values.iter().filter(|value| value.is_infinite()).count() <= 16, "{kind:?}");
            assert!(!values.iter().any(|value| value.is_nan()), "{kind:?}");
        }
    }
}

#[test]
fn values_by_themselves() {
    let shape = if cfg!(miri) { Shape::new(1, 3, 5, 7) } else { Shape::new(2, 19, 33, 41) };
    let x = noise(shape.values(), 1);
    let d = noise(shape.values(), 2);
    for simd in levels() {
        for threads in [1, 3] {
            let compute = Compute::new(threads, simd).unwrap();
            for activation in ACTIVATIONS {
                let mut layout = Layout::new();
                let (a, b, c) = (layout.view(shape), layout.view(shape), layout.view(shape));
                let mut arena = layout.arena();
                let scaled: Vec<f32> = x.iter().map(|x| x * 5.0).collect();
                load(&compute, &mut arena, a, &scaled);
                load(&compute, &mut arena, c, &d);
                assert_eq!(store(&compute, &arena, a), scaled);
                activate(&compute, &mut arena, activation, a, b);
                let exact: Vec<f64> =
                    scaled.iter().map(|x| reference::activate(activation, f64::from(*x))).collect();
                assert_close("activated", &store(&compute, &arena, b), &exact, 4);
                let y = if activation.derivative_from_output() { b } else { a };
                activation_gradient(&compute, &mut arena, activation, y, c, c);
                let exact: Vec<f64> = store(&compute, &arena, y)
                    .iter()
                    .zip(&d)
                    .map(|(y, d)| f64::from(*d) * reference::activation_derivative(activation, f64::from(*y)))
                    .collect();
                assert_close("gradient", &store(&compute, &arena, c), &exact, 4);
                activate(&compute, &mut arena, activation, a, a);
                let (in_place, apart) = (store(&compute, &arena, a), store(&compute, &arena, b));
                assert_eq!(bits(&in_place), bits(&apart), "in place");
                layout.check(&arena);
            }
        }
    }
}

#[test]
fn sums_and_zeros() {
    let shape = if cfg!(miri) { Shape::new(1, 3, 5, 7) } else { Shape::new(1, 17, 30, 40) };
    for simd in levels() {
        let compute = Compute::new(2, simd).unwrap();
        let mut layout = Layout::new();
        let views: Vec<_> = (0..5).map(|_| layout.view(shape)).collect();
        let mut arena = layout.arena();
        let values: Vec<_> = (0..5).map(|seed| noise(shape.values(), seed)).collect();
        for (view, values) in views.iter().zip(&values) {
            load(&compute, &mut arena, *view, values);
        }
        add_forward(&compute, &mut arena, &views[..3], views[3]);
        let sum: Vec<f32> = (0..shape.values()).map(|i| values[0][i] + values[1][i] + values[2][i]).collect();
        assert_eq!(store(&compute, &arena, views[3]), sum);
        let into = InputGradient::accumulate(views[4]).through(Activation::Relu, views[1]);
        add_into(&compute, &mut arena, views[0], &into);
        let expected: Vec<f32> = (0..shape.values())
            .map(|i| if values[1][i] > 0.0 { values[4][i] + values[0][i] } else { 0.0 })
            .collect();
        assert_eq!(store(&compute, &arena, views[4]), expected);
        fill_zero(&compute, &mut arena, views[4]);
        assert!(arena.values(&views[4]).iter().all(|value| *value == 0.0));
        layout.check(&arena);
    }
}

#[test]
fn what_is_not_a_number_stays_so() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    for activation in ACTIVATIONS {
        let view = View::new(0, 1, 1, 1, 1);
        let mut arena = Arena::new(16).unwrap();
        load(&compute, &mut arena, view, &[f32::NAN]);
        activate(&compute, &mut arena, activation, view, view);
        assert!(store(&compute, &arena, view)[0].is_nan(), "{activation:?}");
    }
}

#[test]
#[should_panic(expected = "written where an operand lies")]
fn a_gradient_may_not_lie_on_what_it_is_made_from() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let mut arena = Arena::new(1024).unwrap();
    let view = View::new(0, 1, 16, 4, 4);
    add_into(&compute, &mut arena, view, &InputGradient::overwrite(View { offset: 64, ..view }));
}

#[test]
#[should_panic(expected = "runs on the pool it was prepared for")]
fn a_layer_does_not_run_on_another_pool() {
    let (small, large) = (Compute::new(1, Simd::best()).unwrap(), Compute::new(2, Simd::best()).unwrap());
    let (input, output) = (View::new(0, 1, 3, 4, 4), View::new(256, 1, 3, 4, 4));
    let spec = ConvSpec {
        kernel: 3,
        dilation: 1,
        inputs: vec![input],
        output,
        activation: Activation::None,
        training: false,
        exact: false,
        part_of: None,
    };
    let mut arena = Arena::new(512).unwrap();
    Conv::new(spec, &small).forward(&large, &mut arena);
}

#[test]
#[should_panic(expected = "cannot work in place")]
fn a_layer_does_not_write_over_its_input() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let input = View::new(0, 1, 17, 4, 4);
    let spec = ConvSpec {
        kernel: 1,
        dilation: 1,
        inputs: vec![input],
        output: View { offset: input.end() - LINE, ..input },
        activation: Activation::None,
        training: false,
        exact: false,
        part_of: None,
    };
    Conv::new(spec, &compute);
}

#[test]
#[should_panic(expected = "outside its arena")]
fn a_layer_stays_inside_the_arena_it_is_given() {
    let compute = Compute::new(1, Simd::best()).unwrap();
    let input = View::new(0, 1, 17, 4, 4);
    let output = View { offset: input.end(), ..input };
    let spec = ConvSpec {
        kernel: 1,
        dilation: 1,
        inputs: vec![input],
        output,
        activation: Activation::None,
        training: false,
        exact: false,
        part_of: None,
    };
    Conv::new(spec, &compute).forward(&compute, &mut Arena::new(output.end() - LINE).unwrap());
}
