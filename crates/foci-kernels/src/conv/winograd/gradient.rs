//! The gradient by weights by tiles: values of inputs and of gradients at all points, and at each point the sum of
//! their products over tiles, for every pair of channels. The lanes of a sum are tiles, sixteen at every level,
//! and are added up by halves.

use super::gather::{Kind, Steps, gather};
use super::tiles::{Tiling, block_tiles};
use super::transform::kernel_gradient;
use super::{IN, POINTS, apart, tiles_wanted};
use crate::conv::correlate::Maps;
use crate::conv::sums::Sums;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};

/// Most tiles of a block: enough that adding up the lanes at its end is little beside the products.
const MOST_TILES: usize = 192;

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
    fn new(block: usize, sums: &Sums) -> Room {
        let stride = apart(block + 16);
        Room {
            stride,
            inputs: apart(sums.channels_in * stride),
            outputs: apart(sums.channels_out * stride),
            // Whole vectors of sums are transformed back.
            pairs: apart(sums.channels_in * sums.channels_out + 16),
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
        let tiling = Tiling::new(n, size, dilation, tiles_wanted(n, size, dilation, MOST_TILES, 64));
        let sums = Sums::new(tiling.blocks(), 1, 9, channels_out, channels_in);
        WinogradGradient { tiling, sums }
    }

    /// Floats of common scratch.
    pub fn common_floats(&self) -> usize {
        self.sums.floats()
    }

    /// Floats of scratch that each worker needs.
    pub fn worker_floats(&self) -> usize {
        Room::new(self.tiling.block, &self.sums).floats(self.tiling.dilation)
    }

    /// Computes the gradients by weights `[out, in, 3, 3]` and bias.
    ///
    /// # Safety
    /// The planes have the layer's size and lie inside the arena, the lists are as long as they should be, and
    /// scratch has been reserved.
    pub unsafe fn run(&self, compute: &Compute, maps: Maps<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        let turn = compute.take_turn();
        turn.run(self.sums.chunks, &|chunk, worker| {
            let (scratch, common) = (turn.scratch(worker).get(), turn.common().get());
            let sums = self.sums.of_chunk(common, chunk);
            // SAFETY: passed on to the caller; each chunk has sums of its own.
            unsafe { run_at(compute.simd(), Chunk { gradient: self, maps: &maps, chunk, scratch, sums }) }
        });
        // SAFETY: all sums have just been computed.
        unsafe { self.sums.gather(&turn, d_weights, 9, |tap| tap, d_bias, false) }
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
        let room = Room::new(tiling.block, sums);
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
                let sides = [
                    (Kind::Source, maps.inputs, inputs, room.inputs),
                    (Kind::Gradient, maps.outputs, outputs, room.outputs),
                ];
                let mut whole = 0;
                for (kind, planes, values, point) in sides {
                    for (channel, plane) in planes.iter().enumerate() {
                        let values = values.add(channel * room.stride);
                        let tiles = tiling.for_each_segment(block, |segment| {
                            let plane = arena.add(plane.of_image(segment.n));
                            gather::<V>(kind, tiling, plane, segment, steps, values.add(segment.at), point);
                        });
                        whole = tiles.next_multiple_of(16);
                        for point in (0..POINTS).map(|p| p * point) {
                            std::slice::from_raw_parts_mut(values.add(point + tiles), whole - tiles).fill(0.0);
                        }
                    }
                }
                for p in 0..POINTS {
                    let (inputs, outputs) = (inputs.add(p * room.inputs), outputs.add(p * room.outputs));
                    let pairs = pairs.add(p * room.pairs);
                    correlate::<V>(sums.channels_out, sums.channels_in, outputs, inputs, pairs, room.stride, whole);
                }
                // At the point 1 in both directions, a tile's value is the sum of its pixels.
                for o in 0..sums.channels_out {
                    let values = outputs.add((IN + 1) * room.outputs + o * room.stride);
                    *bias.add(o) += if V::LANES == 16 { total::<V, 1>(values, whole) } else { total::<V, 2>(values, whole) };
                }
            }
            back::<V>(pairs, room.pairs, to, sums.channels_out * sums.channels_in);
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

/// Adds to `pairs[o * channels_in + i]` the sum over tiles of `outputs[o][tile] inputs[i][tile]`.
#[inline(always)]
unsafe fn correlate<V: Vector>(
    channels_out: usize,
    channels_in: usize,
    outputs: *const f32,
    inputs: *const f32,
    pairs: *mut f32,
    stride: usize,
    tiles: usize,
) {
    /// Channels out and in of a block of sums: as many as fill 32 or 16 registers.
    const SIDES: (usize, usize) = (4, 6);
    const NARROW_SIDES: (usize, usize) = (2, 3);
    let (most_out, most_in) = if V::LANES == 16 { SIDES } else { NARROW_SIDES };
    let (parts_out, parts_in) = (channels_out.div_ceil(most_out), channels_in.div_ceil(most_in));
    let cut = |part: usize, parts: usize, channels: usize| part * channels / parts;
    macro_rules! of_counts {
        ($a:expr, $b:expr, $arguments:tt, $parts:literal, $($out:literal $in:literal)*) => {
            match ($a, $b) {
                $(($out, $in) => block::<V, $out, $in, $parts> $arguments,)*
                (a, b) => unreachable!("a block of {a} x {b} channels"),
            }
        };
    }
    for o in 0..parts_out {
        let (first_out, end_out) = (cut(o, parts_out, channels_out), cut(o + 1, parts_out, channels_out));
        for i in 0..parts_in {
            let (first_in, end_in) = (cut(i, parts_in, channels_in), cut(i + 1, parts_in, channels_in));
            // SAFETY: passed on to the caller.
            unsafe {
                let outputs = outputs.add(first_out * stride);
                let inputs = inputs.add(first_in * stride);
                let pairs = pairs.add(first_out * channels_in + first_in);
                let (a, b) = (end_out - first_out, end_in - first_in);
                if V::LANES == 16 {
                    of_counts!(a, b, (outputs, inputs, pairs, channels_in, stride, tiles), 1,
                        1 1 1 2 1 3 1 4 1 5 1 6 2 1 2 2 2 3 2 4 2 5 2 6
                        3 1 3 2 3 3 3 4 3 5 3 6 4 1 4 2 4 3 4 4 4 5 4 6);
                } else {
                    of_counts!(a, b, (outputs, inputs, pairs, channels_in, stride, tiles), 2,
                        1 1 1 2 1 3 2 1 2 2 2 3);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn block<V: Vector, const A: usize, const B: usize, const PARTS: usize>(
    outputs: *const f32,
    inputs: *const f32,
    pairs: *mut f32,
    channels_in: usize,
    stride: usize,
    tiles: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums = [[[V::splat(0.0); PARTS]; B]; A];
        for tile in (0..tiles).step_by(16) {
            for part in 0..PARTS {
                let at = tile + part * V::LANES;
                let mut values = [V::splat(0.0); B];
                for (b, value) in values.iter_mut().enumerate() {
                    *value = V::load(inputs.add(b * stride + at));
                }
                for (a, sums) in sums.iter_mut().enumerate() {
                    let output = V::load(outputs.add(a * stride + at));
                    for (sum, value) in sums.iter_mut().zip(values) {
                        sum[part] = output.fused(value, sum[part]);
                    }
                }
            }
        }
        for (a, sums) in sums.iter().enumerate() {
            for (b, sum) in sums.iter().enumerate() {
                *pairs.add(a * channels_in + b) += V::sum16(sum);
            }
        }
    }
}

/// Gᵀ u G of every pair of channels, tap by tap.
#[inline(always)]
unsafe fn back<V: Vector>(pairs: *const f32, point: usize, to: *mut f32, count: usize) {
    // SAFETY: passed on to the caller; there is room for a vector more at each point.
    unsafe {
        for at in (0..count).step_by(V::LANES) {
            let mut half = [[V::splat(0.0); IN]; 3];
            for column in 0..IN {
                let mut values = [V::splat(0.0); IN];
                for (row, value) in values.iter_mut().enumerate() {
                    *value = V::load(pairs.add((row * IN + column) * point + at));
                }
                for (half, value) in half.iter_mut().zip(kernel_gradient(values)) {
                    half[column] = value;
                }
            }
            for (row, half) in half.into_iter().enumerate() {
                for (column, value) in kernel_gradient(half).into_iter().enumerate() {
                    value.store_part(to.add((row * 3 + column) * count + at), (count - at).min(V::LANES));
                }
            }
        }
    }
}
