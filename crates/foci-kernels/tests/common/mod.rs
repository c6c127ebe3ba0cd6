//! What the tests of the kernels share: maps of reproducible noise, loaded into an arena and read back.
#![allow(dead_code, clippy::unwrap_used)]

use foci_kernels::reference::Shape;
use foci_kernels::{Activation, Arena, Compute, LINE, Simd, View, load_nchw, store_nchw};

pub const ACTIVATIONS: [Activation; 5] =
    [Activation::None, Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Silu];

/// Values in -1..1 that follow from the seed alone (a splitmix generator).
pub fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// Floats between two views: an odd number of cache lines, as a gap is looked at through a view of one plane.
const GAP: usize = 3 * LINE;

/// Hands out views one after the other, a few pixels apart, so that writes past an end are seen.
pub struct Layout {
    next: usize,
    views: Vec<View>,
}

impl Layout {
    pub fn new() -> Layout {
        Layout { next: GAP, views: Vec::new() }
    }

    pub fn view(&mut self, shape: Shape) -> View {
        let view = View::new(self.next, shape.n, shape.c, shape.h, shape.w);
        self.next = view.end() + GAP;
        self.views.push(view);
        view
    }

    /// The gaps before, between and behind the views.
    fn gaps(&self) -> impl Iterator<Item = View> {
        let starts = self.views.iter().map(|view| view.offset).chain([self.next]);
        starts.map(|start| View::new(start - GAP, 1, 1, 1, GAP))
    }

    /// An arena whose views are zero and whose gaps hold a mark. Behind the pixels of each plane, where a kernel
    /// may leave anything, it holds what is not a number, so that its use is seen.
    pub fn arena(&self) -> Arena {
        let mut arena = Arena::new(self.next).unwrap();
        for gap in self.gaps() {
            arena.values_mut(&gap).fill(MARK);
        }
        for view in &self.views {
            for plane in arena.values_mut(view).chunks_mut(view.plane_floats()) {
                plane[view.pixels()..].fill(f32::NAN);
            }
        }
        arena
    }

    /// Checks that the gaps still hold their mark.
    pub fn check(&self, arena: &Arena) {
        for gap in self.gaps() {
            let mut marks = arena.values(&gap).iter();
            assert!(marks.all(|value| *value == MARK), "something was written to {gap:?}");
        }
    }
}

const MARK: f32 = 12345.0;

pub fn levels() -> impl Iterator<Item = Simd> {
    Simd::ALL.into_iter().filter(|simd| simd.supported())
}

pub fn shape(view: View) -> Shape {
    Shape::new(view.n, view.channels, view.h, view.w)
}

pub fn load(compute: &Compute, arena: &mut Arena, view: View, values: &[f32]) {
    load_nchw(compute, arena, values, view);
}

pub fn store(compute: &Compute, arena: &Arena, view: View) -> Vec<f32> {
    let mut values = vec![f32::NAN; view.values()];
    store_nchw(compute, arena, view, &mut values);
    values
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Joins maps of one size along the channels.
pub fn concatenate(maps: &[(Shape, Vec<f32>)]) -> (Shape, Vec<f32>) {
    let first = maps[0].0;
    let channels = maps.iter().map(|(shape, _)| shape.c).sum();
    let mut values = Vec::new();
    for n in 0..first.n {
        for (shape, map) in maps {
            let image = shape.values() / shape.n;
            values.extend_from_slice(&map[n * image..(n + 1) * image]);
        }
    }
    (first.with_channels(channels), values)
}

/// Checks that values are as close to the exact ones as sums of `terms` products of order one can be.
pub fn assert_close(what: &str, values: &[f32], exact: &[f64], terms: usize) {
    assert_eq!(values.len(), exact.len(), "{what}");
    let tolerance = 4e-7 * (terms as f64).sqrt() * (terms as f64).sqrt().max(4.0);
    for (at, (value, exact)) in values.iter().zip(exact).enumerate() {
        let error = (f64::from(*value) - exact).abs();
        assert!(
            error <= tolerance,
            "{what}: value {at} is {value}, not {exact} (error {error:e} > {tolerance:e})"
        );
    }
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
