//! What happens to a computed value on its way to memory: an activation on the way forward; on the way
//! back, being added to an earlier contribution and multiplied by the derivative of an activation.
//!
//! The results of a kernel that moves too much for them to stay in a cache until somebody reads them go past the caches: a
//! store of a whole cache line then need not fetch the line first, which is half of what such a store moves.

use crate::activation::Activation;
use crate::functions::{activated, through};
use crate::gradient::InputGradient;
use crate::vector::{Kernel, Vector};
use crate::view::{LINE, View};

/// Fewest floats of all maps that a kernel reads or writes for its results to go past the caches: 80 MiB. Of fewer, a good
/// part is still in a cache when the next kernel wants it, and that was faster (docs/results/kernels.md). In tests, any
/// but the smallest, so that they go both ways.
const LARGE: usize = if cfg!(any(test, debug_assertions)) { 1 << 10 } else { 20 << 20 };

/// The last step of a kernel.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    step: Step,
    past_caches: bool,
}

/// Whether maps are too many for the caches.
fn many(maps: impl IntoIterator<Item = View>) -> bool {
    maps.into_iter().fold(0, |floats: usize, map| floats.saturating_add(map.floats())) >= LARGE
}

#[derive(Clone, Copy)]
enum Step {
    /// y = f(value).
    Forward(Activation),
    /// d = (value + d, if it accumulates) * f'(y); `shift` leads from the place of d to that of y, in floats.
    Backward { accumulate: bool, activation: Activation, shift: isize },
}

impl Finish {
    /// Values are kept as they are, in a place that is read soon.
    pub const KEEP: Finish = Finish { step: Step::Forward(Activation::None), past_caches: false };

    /// The last step on the way to the values of a map, of a kernel that reads and writes such maps.
    pub fn forward(activation: Activation, moves: impl IntoIterator<Item = View>) -> Finish {
        Finish { step: Step::Forward(activation), past_caches: many(moves) }
    }

    /// The last step of a contribution to a gradient, of a kernel that reads and writes such maps.
    pub fn backward(into: &InputGradient, moves: impl IntoIterator<Item = View>) -> Finish {
        let (activation, y) = into.activation.unwrap_or((Activation::None, into.view));
        let shift = y.offset as isize - into.view.offset as isize;
        // What is added to, or takes the place of the value that it is multiplied by, has been fetched anyway.
        let in_place = into.accumulate || (activation != Activation::None && shift == 0);
        let step = Step::Backward { accumulate: into.accumulate, activation, shift };
        Finish { step, past_caches: !in_place && many(moves) }
    }

    /// The same step through the caches.
    pub fn near(self) -> Finish {
        Finish { past_caches: false, ..self }
    }

    /// From the place of d to that of y, if y is read.
    pub fn reads(self) -> Option<isize> {
        match self.step {
            Step::Backward { activation, shift, .. } if activation != Activation::None => Some(shift),
            _ => None,
        }
    }

    /// Whether vectors that are stored a multiple of their length from a place go past the caches, so that nobody need
    /// ask for the lines beforehand. Only where a vector is a line: parts of lines that come one by one, with others in
    /// between, would each be written by itself.
    #[inline(always)]
    pub fn streams<V: Vector>(self, to: *const f32) -> bool {
        self.past_caches && V::LANES == LINE && to.addr().is_multiple_of(4 * LINE)
    }

    /// Whether it needs no more than a few instructions: ReLU or no activation. What nets mostly have stays within the
    /// loops; the rest has a place of its own ([`Vector::out_of_line`]).
    #[inline(always)]
    fn is_short(self) -> bool {
        let (Step::Forward(activation) | Step::Backward { activation, .. }) = self.step;
        matches!(activation, Activation::None | Activation::Relu)
    }

    /// Stores one vector of values.
    ///
    /// # Safety
    /// The CPU has the level; `to` is good for a vector, and so is the place of y. It is inside a task of a pool, which
    /// does not touch what it has stored (so for all that store here: see [`Vector::stream`]).
    #[inline(always)]
    pub unsafe fn store<V: Vector>(self, value: V, to: *mut f32) {
        // SAFETY: see above.
        unsafe {
            if !self.is_short() {
                self.store_out_of_line(value, to, V::LANES);
                return;
            }
            let value = match self.step {
                Step::Forward(Activation::None) => value,
                Step::Forward(_) => activated(Activation::Relu, value),
                Step::Backward { accumulate, activation, shift } => {
                    let sum = if accumulate { V::load(to).add(value) } else { value };
                    if activation == Activation::None {
                        sum
                    } else {
                        through(Activation::Relu, V::load(to.offset(shift)), sum)
                    }
                }
            };
            if self.streams::<V>(to) { value.stream(to) } else { value.store(to) }
        }
    }

    /// Stores the first `count` lanes of a vector of values.
    ///
    /// # Safety
    /// The CPU has the level; `to` is good for `count` floats, and so is the place of y.
    #[inline(always)]
    pub unsafe fn store_part<V: Vector>(self, value: V, to: *mut f32, count: usize) {
        // SAFETY: see above.
        unsafe {
            // Parts are few: the ends of rows.
            if count == V::LANES {
                self.store(value, to);
            } else {
                self.store_out_of_line(value, to, count);
            }
        }
    }

    /// # Safety
    /// As [`Finish::store_part`].
    #[inline(always)]
    unsafe fn store_out_of_line<V: Vector>(self, value: V, to: *mut f32, count: usize) {
        let mut kept = [0.0_f32; 16];
        // SAFETY: a vector has 16 lanes or fewer; the rest see above.
        unsafe {
            value.store(kept.as_mut_ptr());
            V::out_of_line(Store { finish: self, values: kept.as_ptr(), to, count });
        }
    }

    /// Stores a row of `count` values; `to` may be `from`.
    ///
    /// # Safety
    /// The CPU has the level; `from` and `to` are good for `count` floats, and so is the place of y.
    #[inline(always)]
    pub unsafe fn store_row<V: Vector>(self, from: *const f32, to: *mut f32, count: usize) {
        // SAFETY: see above.
        unsafe {
            if self.is_short() {
                let whole = count - count % V::LANES;
                for at in (0..whole).step_by(V::LANES) {
                    self.store(V::load(from.add(at)), to.add(at));
                }
                if whole < count {
                    let rest = V::load_part(from.add(whole), 0, count - whole);
                    self.store_part(rest, to.add(whole), count - whole);
                }
            } else {
                V::out_of_line(Store { finish: self, values: from, to, count });
            }
        }
    }
}

/// A row of `count` values on its way to memory, whatever the last step; `to` may be `values`.
struct Store {
    finish: Finish,
    values: *const f32,
    to: *mut f32,
    count: usize,
}

impl Store {
    /// The values of one vector, of which those of the lanes from `count` on mean nothing and are not stored.
    #[inline(always)]
    unsafe fn finished<V: Vector>(&self, at: usize, count: usize) -> V {
        // SAFETY: `count` floats from `at` on are there, of the values and wherever the last step reads.
        unsafe {
            let load = |from: *const f32| {
                let from = from.add(at);
                if count == V::LANES { V::load(from) } else { V::load_part(from, 0, count) }
            };
            let value: V = load(self.values);
            match self.finish.step {
                Step::Forward(activation) => activated(activation, value),
                Step::Backward { accumulate, activation, shift } => {
                    let sum = if accumulate { load(self.to).add(value) } else { value };
                    if activation == Activation::None {
                        sum
                    } else {
                        through(activation, load(self.to.offset(shift)), sum)
                    }
                }
            }
        }
    }
}

impl Kernel for Store {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.count - self.count % V::LANES;
        // SAFETY: `count` floats are there, of the values and wherever the last step reads and writes.
        unsafe {
            for at in (0..whole).step_by(V::LANES) {
                let (value, to) = (self.finished::<V>(at, V::LANES), self.to.add(at));
                if self.finish.streams::<V>(to) { value.stream(to) } else { value.store(to) }
            }
            if whole < self.count {
                let count = self.count - whole;
                self.finished::<V>(whole, count).store_part(self.to.add(whole), count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Simd;
    use crate::vector::run_at;
    use crate::{
        Arena, Compute, PoolKind, UpsampleMode, activate, load_nchw, pool_backward, pool_forward, store_nchw,
        upsample_forward,
    };

    /// Whether vectors stored `floats` floats behind a line stream, by the last step.
    struct Streams<'a>(Finish, usize, &'a mut bool);

    impl Kernel for Streams<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let place = std::ptr::without_provenance::<f32>(4096 + 4 * self.1);
            *self.2 = self.0.streams::<V>(place);
        }
    }

    #[test]
    fn whole_lines_go_past_the_caches_where_much_is_moved_and_nothing_added_to() {
        let [small, large] = [15, 16].map(|rows| View::new(0, 1, 1, rows, 32));
        let elsewhere = View { offset: large.end(), ..large };
        for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
            let streams = |finish, floats| {
                let mut found = false;
                // SAFETY: the level is supported; nothing is touched.
                unsafe { run_at(simd, Streams(finish, floats, &mut found)) };
                found
            };
            let whole = simd == Simd::Avx512;
            let forward = Finish::forward(Activation::Relu, [large, elsewhere]);
            assert_eq!(streams(forward, 32), whole, "{simd}");
            assert!(!streams(forward, 4) && !streams(forward.near(), 32));
            assert!(!streams(Finish::forward(Activation::Relu, [small, small]), 32));
            let backward = |into| streams(Finish::backward(&into, [large, elsewhere]), 16);
            assert_eq!(backward(InputGradient::overwrite(large)), whole, "{simd}");
            assert!(!backward(InputGradient::accumulate(large)));
            assert!(!backward(InputGradient::overwrite(large).through(Activation::Relu, large)));
            let apart = InputGradient::overwrite(large).through(Activation::Relu, elsewhere);
            assert_eq!(backward(apart), whole, "{simd}");
        }
    }

    /// Whatever ends in a last step gives the same at every level, past the caches (with AVX-512) or through them.
    #[test]
    #[cfg_attr(miri, ignore = "there is nothing that goes past the caches")]
    fn maps_past_the_caches_are_the_same_as_through_them() {
        let maps = Simd::ALL.into_iter().filter(|simd| simd.supported()).map(|simd| {
            let compute = Compute::new(2, simd).unwrap();
            // A width of whole lines and one that leaves every other row in the middle of a line.
            [48, 56].map(|width| {
                let fine = |offset| View::new(offset, 2, 3, 30, width);
                let [x, y, d_x] = [0, 1, 2].map(|map| fine(map * fine(0).end()));
                let coarse = View::new(d_x.end(), 2, 3, 15, width / 2);
                let mut arena = Arena::new(coarse.end()).unwrap();
                let noise: Vec<f32> = (0..x.values()).map(|at| (at * 7919 % 1009) as f32 - 500.0).collect();
                load_nchw(&compute, &mut arena, &noise, x);
                let mut maps = Vec::new();
                let mut keep = |arena: &Arena, view: View| {
                    let mut values = vec![f32::NAN; view.values()];
                    store_nchw(&compute, arena, view, &mut values);
                    maps.push(values);
                };
                activate(&compute, &mut arena, Activation::LeakyRelu, x, y);
                keep(&arena, y);
                activate(&compute, &mut arena, Activation::Relu, y, y);
                keep(&arena, y);
                for kind in [PoolKind::Max, PoolKind::Average] {
                    pool_forward(&compute, &mut arena, kind, 2, x, coarse);
                    keep(&arena, coarse);
                    let into = InputGradient::overwrite(d_x).through(Activation::Relu, y);
                    pool_backward(&compute, &mut arena, kind, 2, x, coarse, &into);
                    keep(&arena, d_x);
                }
                for mode in [UpsampleMode::Nearest, UpsampleMode::Bilinear] {
                    upsample_forward(&compute, &mut arena, mode, 2, coarse, d_x);
                    keep(&arena, d_x);
                }
                maps
            })
        });
        let maps: Vec<_> = maps.collect();
        assert!(maps.iter().all(|level| *level == maps[0]));
    }
}
