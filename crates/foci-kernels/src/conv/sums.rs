//! How the sums of a gradient by weights are shared out and put together: pixels are cut into a number of chunks
//! that depends on the shapes only, each with sums of its own, which are added up in order at the end. Whatever
//! the number of threads, the bits are the same.

use std::ops::Range;

use super::blocks::{Shared, scratch};
use crate::arena::Arena;
use crate::threads::Compute;
use crate::view::LANES;

/// Most chunks that pixels are cut into.
pub(crate) const MOST_CHUNKS: usize = 16;

/// The sums of all chunks.
pub(crate) struct Sums {
    pub chunks: usize,
    /// Valid channels of each block of the side in whose lanes the sums lie, and of the other.
    vector: Vec<usize>,
    broadcast: Vec<usize>,
    /// Rows of the kernel.
    kernel: usize,
    bias_blocks: usize,
    /// Floats of the sums of one chunk, [vector block][broadcast block][tap][valid channel][16].
    chunk_floats: usize,
    partial: Arena,
    bias_partial: Arena,
}

/// Where the sums for weights and bias lie while they are computed.
#[derive(Clone, Copy)]
pub(crate) struct SumsMemory(Shared, Shared);

/// What one task computes: the sums of a chunk for some blocks of the vector side.
pub(crate) struct Part {
    pub chunk: usize,
    pub blocks: Range<usize>,
    /// The sums of the chunk; only those of `blocks` are this part's.
    pub sums: *mut f32,
    /// The chunk's sums for the bias; those of `blocks` if they are taken from the vector side.
    pub bias: *mut f32,
    /// Whether they are this part's to do, all of them, if they are not taken from the vector side.
    pub first: bool,
}

impl Sums {
    pub fn new(
        chunks: usize,
        vector: &[usize],
        broadcast: &[usize],
        kernel: usize,
        bias_blocks: usize,
    ) -> Sums {
        let channels: usize = broadcast.iter().sum();
        let chunk_floats = vector.len() * channels * kernel * kernel * LANES;
        Sums {
            chunks,
            vector: vector.to_vec(),
            broadcast: broadcast.to_vec(),
            kernel,
            bias_blocks,
            chunk_floats,
            partial: scratch(chunks * chunk_floats),
            bias_partial: scratch(chunks * bias_blocks * LANES),
        }
    }

    pub fn bytes(&self) -> usize {
        self.partial.bytes() + self.bias_partial.bytes()
    }

    /// The memory to compute in.
    pub fn memory(&mut self) -> SumsMemory {
        SumsMemory(Shared(self.partial.pointer_mut()), Shared(self.bias_partial.pointer_mut()))
    }

    /// Has `fill(part, worker)` compute the sums of every part, then writes that of (vector channel, broadcast
    /// channel, kernel row, kernel column) to `d_weights[place(..)]`, and the sums for the bias to `d_bias`. No two
    /// sums may have one place. `memory` is that of these sums, taken just before.
    pub fn run(
        &self,
        compute: &Compute,
        memory: SumsMemory,
        d_weights: &mut [f32],
        place: impl Fn(usize, usize, usize, usize) -> usize + Sync,
        d_bias: &mut [f32],
        fill: impl Fn(Part, usize) + Sync,
    ) {
        let vectors = self.vector.len();
        // Chunks alone may be too few for many threads; then the blocks of the vector side are shared out too.
        let split = if self.chunks < 2 * compute.threads() { vectors } else { 1 };
        compute.run(self.chunks * split, &|task, worker| {
            let (chunk, part) = (task / split, task % split);
            let blocks = if split == 1 { 0..vectors } else { part..part + 1 };
            let sums = memory.0.get().wrapping_add(chunk * self.chunk_floats);
            let bias = memory.1.get().wrapping_add(chunk * self.bias_blocks * LANES);
            fill(Part { chunk, blocks, sums, bias, first: part == 0 }, worker);
        });
        let blocks = self.broadcast.len();
        let (length, to) = (d_weights.len(), Shared(d_weights.as_mut_ptr()));
        let put = |place: usize, value: f32| {
            assert!(place < length);
            // SAFETY: inside the slice, and no two threads write one place.
            unsafe { *to.get().add(place) = value }
        };
        compute.run(vectors * blocks, &|task, _| {
            self.gather(task / blocks, task % blocks, |o, i, ky, kx, value| put(place(o, i, ky, kx), value));
        });
        let sums = self.bias_partial.as_slice();
        for (o, value) in d_bias.iter_mut().enumerate() {
            *value = sums[o];
            for chunk in 1..self.chunks {
                *value += sums[chunk * self.bias_blocks * LANES + o];
            }
        }
    }

    /// Floats in the sums of a chunk before those of one pair of blocks.
    pub fn before(&self, vector: usize, broadcast: usize) -> usize {
        let channels: usize = self.broadcast.iter().sum();
        let before: usize = self.broadcast[..broadcast].iter().sum();
        (vector * channels + before) * self.kernel * self.kernel * LANES
    }

    /// Adds up the sums of all chunks for one pair of blocks, in the order of the chunks.
    fn gather(&self, vector: usize, broadcast: usize, put: impl Fn(usize, usize, usize, usize, f32)) {
        let kernel = self.kernel;
        let valid = self.broadcast[broadcast];
        let start = self.before(vector, broadcast);
        let first: usize = self.broadcast[..broadcast].iter().sum();
        let first_lane: usize = self.vector[..vector].iter().sum();
        let sums = self.partial.as_slice();
        for row in 0..kernel * kernel * valid {
            let mut total = [0.0f32; LANES];
            total.copy_from_slice(&sums[start + row * LANES..][..LANES]);
            for chunk in 1..self.chunks {
                let more = &sums[chunk * self.chunk_floats + start + row * LANES..][..LANES];
                for lane in 0..LANES {
                    total[lane] += more[lane];
                }
            }
            let (tap, channel) = (row / valid, row % valid);
            for lane in 0..self.vector[vector] {
                let (ky, kx) = (tap / kernel, tap % kernel);
                put(first_lane + lane, first + channel, ky, kx, total[lane]);
            }
        }
    }
}
