//! A pass by tiles, from some planes to others: values of a block of tiles at all points, products, outputs. It
//! serves the forward pass and, over the kernel turned round, the gradient by the input.

use super::gather::{SOURCE, Steps, gather};
use super::matrices::G;
use super::product::product;
use super::scatter::{Products, ask, scatter};
use super::tiles::{Tiling, block_lanes};
use super::{IN, POINTS, apart, tiles_wanted};
use crate::conv::direct::Operands;
use crate::conv::planes::{Group, distance, groups, most_together};
use crate::pieces::together;
use crate::scratch::ScratchFloats;
use crate::simd::Simd;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};

/// Most channels of a group at any level.
const MOST_TOGETHER: usize = 12;
/// Most blocks of a task.
const MOST_TASK_BLOCKS: usize = 8;
/// Floats of a block's values and products: what a core's second cache holds beside weights and pixels.
const BLOCK_FLOATS: usize = 128 << 10;

/// A pass with its weights.
pub(crate) struct WinogradPass {
    tiling: Tiling,
    groups: Vec<Group>,
    channels_in: usize,
    turned: bool,
    /// For each group `[point][channel in][channel of the group]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// How the scratch of a worker is divided.
#[derive(Clone, Copy)]
struct Room {
    /// Floats between the tiles of one channel and those of the next.
    stride: usize,
    /// Floats between points, of the values and of the products.
    values: usize,
    products: usize,
}

impl Room {
    fn new(lanes: usize, channels_in: usize) -> Room {
        // A vector that begins with the last tile may be written whole.
        let stride = apart(lanes + 16);
        Room { stride, values: apart(channels_in * stride), products: apart(MOST_TOGETHER * stride) }
    }

    fn floats(self, dilation: usize) -> usize {
        POINTS * (self.values + self.products) + Steps::floats(dilation)
    }
}

/// Tiles of a block of a pass.
fn wanted(n: usize, size: (usize, usize), dilation: usize, channels_in: usize) -> usize {
    let fit = BLOCK_FLOATS / (POINTS * (channels_in + MOST_TOGETHER));
    tiles_wanted(n, size, dilation, fit.clamp(32, 256), 32)
}

impl WinogradPass {
    /// A pass over `n` images of `size`, from `channels_in` planes to maps of `outputs` channels, with the kernel as
    /// it is or turned round.
    pub fn new(
        simd: Simd,
        n: usize,
        size: (usize, usize),
        dilation: usize,
        channels_in: usize,
        outputs: &[usize],
        turned: bool,
    ) -> WinogradPass {
        let channels: usize = outputs.iter().sum();
        WinogradPass {
            tiling: Tiling::new(n, size, dilation, wanted(n, size, dilation, channels_in)),
            groups: groups(outputs, most_together(simd)),
            channels_in,
            turned,
            weights: vec![0.0; POINTS * channels_in * channels],
            bias: vec![0.0; channels],
        }
    }

    /// Floats of weights and bias of a pass of this shape.
    pub fn floats(channels_in: usize, channels_out: usize) -> Option<usize> {
        channels_in.checked_mul(POINTS)?.checked_add(1)?.checked_mul(channels_out)
    }

    /// Floats of weights and bias of this pass.
    pub fn held_floats(&self) -> usize {
        self.weights.len() + self.bias.len()
    }

    /// Floats of scratch that each worker needs for a pass of this shape.
    pub fn worker_floats(n: usize, size: (usize, usize), dilation: usize, channels_in: usize) -> usize {
        let lanes = block_lanes(size.1, dilation, wanted(n, size, dilation, channels_in));
        Room::new(lanes, channels_in).floats(dilation)
    }

    /// Packs G g Gᵀ of `weight(output channel, input channel, position)` of 3x3 kernels, row by row, computed in f64
    /// and rounded once, and the bias, which is zero if there is none.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        let mut start = 0;
        for group in &self.groups {
            let point = self.channels_in * group.count;
            for i in 0..self.channels_in {
                for m in 0..group.count {
                    let taps = std::array::from_fn(|tap| {
                        let tap = if self.turned { 8 - tap } else { tap };
                        f64::from(weight(group.first + m, i, tap))
                    });
                    let at = start + i * group.count + m;
                    for (value, p) in points(&taps).into_iter().zip(0..) {
                        self.weights[at + p * point] = value as f32;
                    }
                }
            }
            start += POINTS * point;
        }
        match bias {
            Some(bias) => self.bias.copy_from_slice(bias),
            None => self.bias.fill(0.0),
        }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// All planes have the pass's size and lie inside the arena; those written, and what their last steps read,
    /// lie apart from those read.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>) {
        let worker = Room::new(self.tiling.lanes, self.channels_in).floats(self.tiling.dilation);
        let turn = compute.take_turn(ScratchFloats { worker, common: 0 });
        let blocks = self.tiling.blocks();
        let each = together(compute, blocks, 1, MOST_TASK_BLOCKS);
        turn.run(blocks.div_ceil(each), &|task, worker| {
            let scratch = turn.scratch(worker).get();
            for block in task * each..blocks.min((task + 1) * each) {
                // SAFETY: passed on to the caller; tasks write different pixels.
                unsafe { run_at(compute.simd(), Block { pass: self, operands: &operands, block, scratch }) }
            }
        });
    }
}

/// G g Gᵀ.
fn points(taps: &[f64; 9]) -> [f64; POINTS] {
    let half: [[f64; 3]; IN] = std::array::from_fn(|point| {
        std::array::from_fn(|b| (0..3).map(|a| G[point][a] * taps[a * 3 + b]).sum())
    });
    std::array::from_fn(|point| {
        let (half, factors) = (&half[point / IN], &G[point % IN]);
        factors[0] * half[0] + factors[1] * half[1] + factors[2] * half[2]
    })
}

/// A block of tiles.
struct Block<'a> {
    pass: &'a WinogradPass,
    operands: &'a Operands<'a>,
    block: usize,
    scratch: *mut f32,
}

impl Kernel for Block<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Block { pass, operands, block, scratch } = self;
        let WinogradPass { tiling, groups, channels_in, weights, bias, .. } = pass;
        let (channels_in, arena) = (*channels_in, operands.arena.get());
        let room = Room::new(tiling.lanes, channels_in);
        let values = scratch;
        let products = values.wrapping_add(POINTS * room.values);
        let steps = Steps::at(products.wrapping_add(POINTS * room.products), tiling.dilation);
        for (channel, plane) in operands.sources.iter().enumerate() {
            let to = values.wrapping_add(channel * room.stride);
            let ahead = distance(operands.sources, channel);
            for segment in tiling.segments(block) {
                // SAFETY: passed on to the caller; the scratch is divided as `Room` says.
                unsafe {
                    let plane = arena.add(plane.of_image(segment.n)).cast_const();
                    gather::<V, SOURCE>(
                        tiling,
                        plane,
                        segment,
                        steps,
                        to.add(segment.at),
                        room.values,
                        ahead,
                    );
                }
            }
        }
        let whole = tiling.lanes_of(block);
        for group in groups {
            if operands.targets[group.first].is_none() {
                continue;
            }
            let weights = weights[POINTS * channels_in * group.first..].as_ptr();
            for p in 0..POINTS {
                let weights = weights.wrapping_add(p * channels_in * group.count);
                let (from, to) =
                    (values.wrapping_add(p * room.values), products.wrapping_add(p * room.products));
                // SAFETY: as above.
                unsafe { product::<V>(group.count, channels_in, weights, from, to, room.stride, whole) }
            }
            for m in 0..group.count {
                let Some(target) = &operands.targets[group.first + m] else { continue };
                for segment in tiling.segments(block) {
                    ask::<V>(tiling, target, arena, segment);
                }
                let from = products.wrapping_add(m * room.stride).cast_const();
                let products = Products { from, point: room.products, bias: bias[group.first + m] };
                for segment in tiling.segments(block) {
                    // SAFETY: as above; the pixels of a block's tiles are its own.
                    unsafe { scatter::<V>(tiling, products, target, arena, segment) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_points_are_the_corner_taps() {
        let points = points(&std::array::from_fn(|tap| (tap + 1) as f64));
        // The point 0 is the first tap over 4 in each direction, infinity the last.
        assert_eq!((points[0], points[35]), (1.0 / 16.0, 9.0));
        // At 1 in both directions, the sum of all taps over 36.
        assert!((points[7] - 45.0 / 36.0).abs() < 1e-15);
    }
}
