//! The gradient by weights by tiles with channels as lanes: values of inputs and of gradients at all points, and at each
//! point the sum over tiles of their outer products. No lane is ever added to another, so that the bits are the same at
//! every level. The price is that lanes come in sixteens, filled or not: [`gradient`](super::gradient), whose lanes are
//! tiles, does the same for fewer channels.

mod pairs;
mod values;

use super::gather::{GRADIENT, SOURCE};
use super::tiles::Tiling;
use super::{IN, POINTS, tiles_wanted};
use crate::conv::correlate::Maps;
use crate::conv::planes::Plane;
use crate::conv::sums::{Sums, Task};
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};
use pairs::{Pairs, Side};
use values::{Patch, SET, Steps, TOGETHER, TOGETHER_FLOATS, Values};

/// Fewest tiles that a block should have, and most: enough that loading and storing sums at its end is little beside the
/// products. A run of a large dilation may have more.
const BLOCK_TILES: (usize, usize) = (16, 128);
/// Floats of a block's values: what a core's second cache holds beside pixels and sums.
const BLOCK_FLOATS: usize = 96 << 10;

/// A gradient by weights, ready to run.
pub(crate) struct WinogradOuterGradient {
    tiling: Tiling,
    sums: Sums,
    pairs: Pairs,
}

/// How the scratch of a worker is divided: values of inputs and of gradients, sums of pairs, sums of gradients, and what
/// lies between the steps to values.
#[derive(Clone, Copy)]
struct Room {
    /// Sets of channels.
    sets_in: usize,
    sets_out: usize,
    /// Floats of the values of a set.
    set: usize,
    /// Floats between points of the sums of pairs.
    pairs: usize,
}

impl Room {
    fn new(gradient: &WinogradOuterGradient) -> Room {
        let WinogradOuterGradient { tiling, sums, pairs } = gradient;
        Room {
            sets_in: sums.channels_in.div_ceil(SET),
            sets_out: sums.channels_out.div_ceil(SET),
            set: Values::floats(tiling.lanes),
            pairs: pairs.point(),
        }
    }

    fn floats(self, dilation: usize) -> usize {
        let values = (self.sets_in + self.sets_out) * self.set;
        values + POINTS * self.pairs + self.sets_out * SET + Steps::floats(dilation)
    }
}

impl WinogradOuterGradient {
    /// The gradient of a layer over `n` images of `size`.
    pub fn new(
        n: usize,
        size: (usize, usize),
        dilation: usize,
        channels_in: usize,
        channels_out: usize,
    ) -> WinogradOuterGradient {
        let width = channels_in.next_multiple_of(SET) + channels_out.next_multiple_of(SET);
        let fit = BLOCK_FLOATS / (POINTS * width);
        let wanted = tiles_wanted(n, size, dilation, fit.clamp(BLOCK_TILES.0, BLOCK_TILES.1), BLOCK_TILES.0);
        let tiling = Tiling::in_line(n, size, dilation, wanted, TOGETHER);
        let sums = Sums::new(tiling.blocks(), 1, 9, channels_out, channels_in);
        WinogradOuterGradient { tiling, sums, pairs: Pairs::new(channels_out, channels_in) }
    }

    /// Floats of common scratch.
    pub fn common_floats(&self) -> usize {
        self.sums.floats()
    }

    /// Floats of scratch that each worker needs.
    pub fn worker_floats(&self) -> usize {
        Room::new(self).floats(self.tiling.dilation)
    }

    /// Computes the gradients by weights `[out, in, 3, 3]` and bias.
    ///
    /// # Safety
    /// The planes have the layer's size and lie inside the arena, and the lists are as long as they should be.
    pub unsafe fn run(&self, compute: &Compute, maps: Maps<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        let body = |Task { chunk, scratch, sums, .. }: Task| {
            // SAFETY: passed on to the caller; each chunk has sums of its own.
            unsafe { run_at(compute.simd(), Chunk { gradient: self, maps: &maps, chunk, scratch, sums }) }
        };
        // SAFETY: passed on to the caller; a chunk writes all of its sums.
        unsafe { self.sums.run(compute, self.worker_floats(), 1, &body, d_weights, d_bias) }
    }
}

/// Some blocks of tiles.
struct Chunk<'a> {
    gradient: &'a WinogradOuterGradient,
    maps: &'a Maps<'a>,
    chunk: usize,
    scratch: *mut f32,
    sums: *mut f32,
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let WinogradOuterGradient { tiling, sums, pairs } = self.gradient;
        let room = Room::new(self.gradient);
        let inputs = self.scratch;
        let outputs = inputs.wrapping_add(room.sets_in * room.set);
        let totals = outputs.wrapping_add(room.sets_out * room.set);
        let bias = totals.wrapping_add(POINTS * room.pairs);
        let width_out = room.sets_out * SET;
        let steps = Steps::at(bias.wrapping_add(width_out), tiling.dilation);
        let side = |start: *mut f32, point: usize| Side {
            start: start.wrapping_add(point * TOGETHER * SET).cast_const(),
            set: room.set,
        };
        // SAFETY: passed on to the caller; the scratch is divided as `Room` says.
        unsafe {
            std::slice::from_raw_parts_mut(totals, POINTS * room.pairs + width_out).fill(0.0);
            for block in sums.units(self.chunk, tiling.blocks()) {
                self.values::<V, SOURCE>(self.maps.inputs, block, steps, inputs);
                self.values::<V, GRADIENT>(self.maps.outputs, block, steps, outputs);
                let eights = tiling.tiles_of(block).len().div_ceil(TOGETHER);
                for p in 0..POINTS {
                    pairs.add::<V>(side(outputs, p), side(inputs, p), eights, totals.add(p * room.pairs));
                }
                // At the point 1 in both directions, a tile's value is the sum of its pixels.
                add_up::<V>(side(outputs, IN + 1), room.sets_out, eights, bias);
            }
            pairs.back::<V>(totals, self.sums);
            for o in 0..sums.channels_out {
                *self.sums.add(sums.weights() + o) = *bias.add(o);
            }
        }
    }
}

impl Chunk<'_> {
    /// The values of a block's tiles of all planes.
    #[inline(always)]
    unsafe fn values<V: Vector, const KIND: bool>(
        &self,
        planes: &[Plane],
        block: usize,
        steps: Steps,
        to: *mut f32,
    ) {
        let (tiling, arena) = (&self.gradient.tiling, self.maps.arena.get().cast_const());
        let floats = Values::floats(tiling.lanes);
        // SAFETY: passed on to the caller.
        unsafe {
            for segment in tiling.segments(block) {
                for (set, planes) in planes.chunks(SET).enumerate() {
                    let to = Values(to.wrapping_add(set * floats));
                    Patch { tiling, arena, planes, segment }.gather::<V, KIND>(steps, to);
                }
            }
            for set in 0..planes.len().div_ceil(SET) {
                Values(to.wrapping_add(set * floats)).fill_up(tiling.tiles_of(block).len());
            }
        }
    }
}

/// Adds the values of some sets of channels in so many eights of tiles to `to[channel]`.
#[inline(always)]
unsafe fn add_up<V: Vector>(values: Side, sets: usize, eights: usize, to: *mut f32) {
    // SAFETY: passed on to the caller.
    unsafe {
        for set in 0..sets {
            for lane in (0..SET).step_by(V::LANES) {
                let mut sum = V::splat(0.0);
                for tile in 0..eights * TOGETHER {
                    let at = tile / TOGETHER * TOGETHER_FLOATS + tile % TOGETHER * SET + lane;
                    sum = sum.add(V::load(values.start.add(set * values.set + at)));
                }
                let to = to.add(set * SET + lane);
                V::load(to).add(sum).store(to);
            }
        }
    }
}
