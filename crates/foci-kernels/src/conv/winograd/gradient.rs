//! The gradient by weights by tiles: values of inputs and of gradients at all points, and at each point the sum of
//! their products over tiles, for every pair of channels. The lanes of a sum are tiles, sixteen at every level,
//! and are added up by halves.

use super::gather::{GRADIENT, SOURCE, Steps, gather};
use super::tiles::Tiling;
use super::transform::kernel_gradients;
use super::{IN, POINTS, apart, tiles_wanted};
use crate::conv::correlate::Maps;
use crate::conv::planes::{Plane, distance};
use crate::conv::sums::{Sums, Task};
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};

/// Most tiles of a block: enough that adding up the lanes at its end is little beside the products.
const MOST_TILES: usize = 192;
/// Floats of a block's values: what a core's second cache holds beside pixels and sums.
const BLOCK_FLOATS: usize = 192 << 10;
/// Channels on each side of a block of sums.
const SIDE: usize = 4;

/// A gradient by weights, ready to run.
pub(crate) struct WinogradGradient {
    tiling: Tiling,
    sums: Sums,
}

/// How the scratch of a worker is divided.
#[derive(Clone, Copy)]
struct Room {
    /// Floats between the tiles of one channel and those of the next.
    stride: usize,
    /// Floats between points: of inputs, of gradients, of sums.
    inputs: usize,
    outputs: usize,
    pairs: usize,
}

impl Room {
    fn new(lanes: usize, sums: &Sums) -> Room {
        let stride = apart(lanes + 16);
        Room {
            stride,
            inputs: apart(sums.channels_in * stride),
            outputs: apart(sums.channels_out * stride),
            pairs: apart(SIDE * SIDE * sums.channels_out.div_ceil(SIDE) * sums.channels_in.div_ceil(SIDE)),
        }
    }

    fn floats(self, dilation: usize) -> usize {
        POINTS * (self.inputs + self.outputs + self.pairs) + Steps::floats(dilation)
    }
}

impl WinogradGradient {
    /// The gradient of a layer over `n` images of `size`.
    pub fn new(
        n: usize,
        size: (usize, usize),
        dilation: usize,
        channels_in: usize,
        channels_out: usize,
    ) -> WinogradGradient {
        let fit = BLOCK_FLOATS / (POINTS * (channels_in + channels_out));
        let wanted = tiles_wanted(n, size, dilation, fit.clamp(48, MOST_TILES), 64);
        let tiling = Tiling::new(n, size, dilation, wanted);
        let sums = Sums::new(tiling.blocks(), 1, 9, channels_out, channels_in);
        WinogradGradient { tiling, sums }
    }

    /// Floats of common scratch.
    pub fn common_floats(&self) -> usize {
        self.sums.floats()
    }

    /// Floats of scratch that each worker needs.
    pub fn worker_floats(&self) -> usize {
        Room::new(self.tiling.lanes, &self.sums).floats(self.tiling.dilation)
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
    gradient: &'a WinogradGradient,
    maps: &'a Maps<'a>,
    chunk: usize,
    scratch: *mut f32,
    sums: *mut f32,
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Chunk { gradient: WinogradGradient { tiling, sums, .. }, maps, chunk, scratch, sums: to } = self;
        let room = Room::new(tiling.lanes, sums);
        let inputs = scratch;
        let outputs = inputs.wrapping_add(POINTS * room.inputs);
        let pairs = outputs.wrapping_add(POINTS * room.outputs);
        let steps = Steps::at(pairs.wrapping_add(POINTS * room.pairs), tiling.dilation);
        let arena = maps.arena.get().cast_const();
        let bias = to.wrapping_add(sums.weights());
        // SAFETY: passed on to the caller; the scratch is divided as `Room` says.
        unsafe {
            std::slice::from_raw_parts_mut(pairs, POINTS * room.pairs).fill(0.0);
            std::slice::from_raw_parts_mut(bias, sums.channels_out).fill(0.0);
            for block in sums.units(chunk, tiling.blocks()) {
                let side = Side { tiling, block, arena, steps, stride: room.stride };
                side.values::<V, SOURCE>(maps.inputs, inputs, room.inputs);
                side.values::<V, GRADIENT>(maps.outputs, outputs, room.outputs);
                let whole = tiling.lanes_of(block);
                for p in 0..POINTS {
                    let (inputs, outputs) = (inputs.add(p * room.inputs), outputs.add(p * room.outputs));
                    let pairs = pairs.add(p * room.pairs);
                    correlate::<V>(sums, outputs, inputs, pairs, room.stride, whole);
                }
                // At the point 1 in both directions, a tile's value is the sum of its pixels.
                for o in 0..sums.channels_out {
                    let values = outputs.add((IN + 1) * room.outputs + o * room.stride);
                    *bias.add(o) += if V::LANES == 16 {
                        total::<V, 1>(values, whole)
                    } else {
                        total::<V, 2>(values, whole)
                    };
                }
            }
            back::<V>(pairs, room.pairs, to, sums);
        }
    }
}

/// The planes on one side of a block of tiles.
struct Side<'a> {
    tiling: &'a Tiling,
    block: usize,
    arena: *const f32,
    steps: Steps,
    stride: usize,
}

impl Side<'_> {
    /// Gathers the values of all planes; lanes that are no tile have zeros, up to whole vectors of 16.
    #[inline(always)]
    unsafe fn values<V: Vector, const KIND: bool>(&self, planes: &[Plane], to: *mut f32, point: usize) {
        // SAFETY: passed on to the caller; after its last lane a channel has room for a vector.
        unsafe {
            for (channel, plane) in planes.iter().enumerate() {
                let to = to.add(channel * self.stride);
                let ahead = distance(planes, channel);
                for segment in self.tiling.segments(self.block) {
                    let plane = self.arena.add(plane.of_image(segment.n));
                    let to = to.add(segment.at);
                    gather::<V, KIND>(self.tiling, plane, segment, self.steps, to, point, ahead);
                    if !(segment.at + segment.count).is_multiple_of(16) {
                        for point in (0..POINTS).map(|p| p * point) {
                            for lane in (0..16).step_by(V::LANES) {
                                V::splat(0.0).store(to.add(point + segment.count + lane));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The sum of `count` floats, a multiple of 16.
#[inline(always)]
unsafe fn total<V: Vector, const PARTS: usize>(values: *const f32, count: usize) -> f32 {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums = [V::splat(0.0); PARTS];
        for at in (0..count).step_by(16) {
            for (part, sum) in sums.iter_mut().enumerate() {
                *sum = sum.add(V::load(values.add(at + part * V::LANES)));
            }
        }
        V::sum16(&sums)
    }
}

/// Adds to the pairs of channels, block after block of [`SIDE`] x [`SIDE`], the sums over tiles of
/// `outputs[o][tile] inputs[i][tile]`.
#[inline(always)]
unsafe fn correlate<V: Vector>(
    sums: &Sums,
    outputs: *const f32,
    inputs: *const f32,
    pairs: *mut f32,
    stride: usize,
    tiles: usize,
) {
    let mut to = pairs;
    for o in (0..sums.channels_out).step_by(SIDE) {
        for i in (0..sums.channels_in).step_by(SIDE) {
            let sides = (SIDE.min(sums.channels_out - o), SIDE.min(sums.channels_in - i));
            // SAFETY: passed on to the caller.
            unsafe {
                let (outputs, inputs) = (outputs.add(o * stride), inputs.add(i * stride));
                macro_rules! of_sides {
                    ($($a:literal $b:literal)*) => {
                        match sides {
                            $(($a, $b) => block::<V, $a, $b>(outputs, inputs, to, stride, tiles),)*
                            _ => unreachable!("a block has sides of 1 to {SIDE}"),
                        }
                    };
                }
                of_sides!(1 1 1 2 1 3 1 4 2 1 2 2 2 3 2 4 3 1 3 2 3 3 3 4 4 1 4 2 4 3 4 4);
                to = to.add(SIDE * SIDE);
            }
        }
    }
}

#[inline(always)]
unsafe fn block<V: Vector, const A: usize, const B: usize>(
    outputs: *const f32,
    inputs: *const f32,
    to: *mut f32,
    stride: usize,
    tiles: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut list = [V::splat(0.0); SIDE * SIDE];
        if const { V::LANES == 16 } {
            let sums = products::<V, A, B>(outputs, inputs, stride, tiles, 0);
            for a in 0..A {
                for b in 0..B {
                    list[a * SIDE + b] = sums[a][b];
                }
            }
        } else {
            // Half of the lanes at a time, and two rows of sums: more do not fit into 16 registers.
            for a in (0..A).step_by(2) {
                let outputs = outputs.add(a * stride);
                if a + 1 < A {
                    let lower = products::<V, 2, B>(outputs, inputs, stride, tiles, 0);
                    let upper = products::<V, 2, B>(outputs, inputs, stride, tiles, V::LANES);
                    for b in 0..B {
                        list[a * SIDE + b] = lower[0][b].add(upper[0][b]);
                        list[(a + 1) * SIDE + b] = lower[1][b].add(upper[1][b]);
                    }
                } else {
                    let lower = products::<V, 1, B>(outputs, inputs, stride, tiles, 0);
                    let upper = products::<V, 1, B>(outputs, inputs, stride, tiles, V::LANES);
                    for b in 0..B {
                        list[a * SIDE + b] = lower[0][b].add(upper[0][b]);
                    }
                }
            }
        }
        for at in (0..SIDE * SIDE).step_by(V::LANES) {
            let mut vectors = [V::splat(0.0); 16];
            vectors[..V::LANES].copy_from_slice(&list[at..at + V::LANES]);
            V::load(to.add(at)).add(V::fold(&vectors)).store(to.add(at));
        }
    }
}

/// The products of sixteen tiles after sixteen, in the lanes from `first` on.
#[inline(always)]
unsafe fn products<V: Vector, const A: usize, const B: usize>(
    outputs: *const f32,
    inputs: *const f32,
    stride: usize,
    tiles: usize,
    first: usize,
) -> [[V; B]; A] {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums = [[V::splat(0.0); B]; A];
        for at in (first..tiles).step_by(16) {
            let mut values = [V::splat(0.0); B];
            for (b, value) in values.iter_mut().enumerate() {
                *value = V::load(inputs.add(b * stride + at));
            }
            for (a, sums) in sums.iter_mut().enumerate() {
                let output = V::load(outputs.add(a * stride + at));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = output.fused(value, *sum);
                }
            }
        }
        sums
    }
}

/// Gᵀ u G of every pair of channels, to `to[tap][o][i]`.
#[inline(always)]
unsafe fn back<V: Vector>(pairs: *const f32, point: usize, to: *mut f32, sums: &Sums) {
    let (channels_out, channels_in) = (sums.channels_out, sums.channels_in);
    let mut from = pairs;
    for o in (0..channels_out).step_by(SIDE) {
        for i in (0..channels_in).step_by(SIDE) {
            // SAFETY: passed on to the caller.
            unsafe {
                let mut taps = [[0.0f32; SIDE * SIDE]; 9];
                for at in (0..SIDE * SIDE).step_by(V::LANES) {
                    let values = kernel_gradients::<V>(from.add(at), point);
                    for (tap, value) in taps.iter_mut().zip(values) {
                        value.store(tap.as_mut_ptr().add(at));
                    }
                }
                for (tap, values) in taps.iter().enumerate() {
                    for a in 0..SIDE.min(channels_out - o) {
                        for b in 0..SIDE.min(channels_in - i) {
                            *to.add((tap * channels_out + o + a) * channels_in + i + b) =
                                values[a * SIDE + b];
                        }
                    }
                }
                from = from.add(SIDE * SIDE);
            }
        }
    }
}
