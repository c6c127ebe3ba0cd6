//! The gradient by weights and bias: a correlation of the input with the gradient of the output.
//!
//! One side is the vector side (16 of its channels in the lanes, its rows copied with zeros around them),
//! the other the broadcast side. Usually the gradient of the output is the vector side; with few output
//! channels the roles are swapped. Rows of the vector side are cut into a number of chunks that depends on
//! the shapes only, each with sums of its own, which are added up in order at the end: whatever the number
//! of threads, the bits are the same.

use super::blocks::{Block, PerWorker, Shared, row_order, scratch};
use super::chunk::Chunk;
use crate::arena::Arena;
use crate::threads::Compute;
use crate::vector::run_at;
use crate::view::LANES;

/// Most chunks the rows are cut into.
const MOST_CHUNKS: usize = 16;
/// Least pixels of a chunk, so that its own sums are worth their memory.
const CHUNK_PIXELS: usize = 256;
/// Most kernel rows.
const MOST_ROWS: usize = 4;
/// Marks a kernel row that lies outside the image.
pub(super) const OUTSIDE: usize = usize::MAX;

/// Where one kernel column finds the vector side: pixel `step * (q + shift) + phase` for broadcast pixel q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub phase: usize,
    pub shift: isize,
}

/// One side of the correlation.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Valid channels of each block.
    pub valid: Vec<usize>,
    pub h: usize,
    pub w: usize,
}

pub(crate) struct WeightGradient {
    pub n: usize,
    pub vector: Side,
    pub broadcast: Side,
    /// One per kernel column.
    pub columns: Vec<Column>,
    /// Pixels of the vector side per pixel of the broadcast side.
    pub step: usize,
    /// Zeros before and after a copied row.
    pub pad: usize,
    /// For each row of the vector side and each kernel row, the row of the broadcast side.
    pub rows: Vec<[usize; MOST_ROWS]>,
    pub order: Vec<usize>,
    pub chunks: usize,
    /// Floats of the sums of one chunk, [vector block][broadcast block][tap][valid channel][16].
    chunk_floats: usize,
    partial: Arena,
    bias_partial: Arena,
    copies: PerWorker<Arena>,
}

/// The memory a gradient is computed from; the pointer is to the start of the arena.
#[derive(Clone, Copy)]
pub(crate) struct Maps<'a> {
    pub arena: &'a Arena,
    pub vector: &'a [Block],
    pub broadcast: &'a [Block],
    /// The gradient of the output, for the bias, and its [h * w].
    pub bias: &'a [Block],
    pub bias_pixels: usize,
    /// Whether that is the vector side, whose rows are at hand anyway.
    pub bias_from_vector: bool,
}

impl WeightGradient {
    /// `broadcast_row(row of the vector side, kernel row)` tells which rows meet.
    pub fn new(
        compute: &Compute,
        n: usize,
        vector: Side,
        broadcast: Side,
        columns: Vec<Column>,
        step: usize,
        dilation: usize,
        bias_blocks: usize,
        broadcast_row: impl Fn(usize, usize) -> Option<usize>,
    ) -> WeightGradient {
        let kernel = columns.len();
        let pad = columns.iter().map(|column| column.shift.unsigned_abs()).max().unwrap_or(0);
        let rows = (0..vector.h)
            .map(|row| {
                std::array::from_fn(|k| {
                    if k < kernel { broadcast_row(row, k).unwrap_or(OUTSIDE) } else { OUTSIDE }
                })
            })
            .collect();
        let pixels = n * vector.h * vector.w;
        let chunks = (pixels / CHUNK_PIXELS).clamp(1, MOST_CHUNKS).min(n * vector.h);
        let channels: usize = broadcast.valid.iter().sum();
        let chunk_floats = vector.valid.len() * channels * kernel * kernel * LANES;
        let phases = columns.iter().map(|column| column.phase + 1).max().unwrap_or(1);
        let copy = vector.valid.len() * phases * (broadcast.w + 2 * pad) * LANES;
        WeightGradient {
            n,
            order: row_order(vector.h, dilation),
            rows,
            columns,
            step,
            pad,
            chunks,
            chunk_floats,
            partial: scratch(chunks * chunk_floats),
            bias_partial: scratch(chunks * bias_blocks * LANES),
            copies: PerWorker::new(compute.threads(), || scratch(copy)),
            vector,
            broadcast,
        }
    }

    pub fn bytes(&self) -> usize {
        self.partial.bytes() + self.bias_partial.bytes() + self.copies.sum(Arena::bytes)
    }

    pub fn phases(&self) -> usize {
        self.columns.iter().map(|column| column.phase + 1).max().unwrap_or(1)
    }

    /// Floats of a copied row of one block and phase.
    pub fn copied_row(&self) -> usize {
        (self.broadcast.w + 2 * self.pad) * LANES
    }

    /// Computes all sums and writes that of (vector channel, broadcast channel, kernel row, kernel column) to
    /// `d_weights[place(..)]`, and the sums for the bias to `d_bias`. No two sums may have one place. The blocks
    /// must have the shapes that the gradient was made for, inside the arena.
    pub fn run(
        &mut self,
        compute: &Compute,
        maps: Maps<'_>,
        d_weights: &mut [f32],
        place: impl Fn(usize, usize, usize, usize) -> usize + Sync,
        d_bias: &mut [f32],
    ) {
        assert!(self.copies.workers() >= compute.threads(), "a layer runs on the pool it was prepared for");
        let simd = compute.simd();
        let partial = Shared(self.partial.pointer_mut());
        let bias_partial = Shared(self.bias_partial.pointer_mut());
        let this = &*self;
        let vectors = this.vector.valid.len();
        // Chunks alone may be too few for many threads; then the blocks of the vector side are shared out too.
        let split = if this.chunks < 2 * compute.threads() { vectors } else { 1 };
        compute.run(this.chunks * split, &|task, worker| {
            let (chunk, part) = (task / split, task % split);
            let blocks = if split == 1 { 0..vectors } else { part..part + 1 };
            // SAFETY: each task has sums of its own (a chunk's blocks; the bias with the first of them), each
            // worker a copy of its own, and shapes were checked by the layer.
            unsafe {
                let sums = partial.get().add(chunk * this.chunk_floats);
                let bias = bias_partial.get().add(chunk * maps.bias.len() * LANES);
                let copy = this.copies.get(worker).pointer_mut();
                run_at(simd, Chunk { this, maps, chunk, blocks, sums, bias, first: part == 0, copy });
            }
        });
        let blocks = this.broadcast.valid.len();
        let (length, to) = (d_weights.len(), Shared(d_weights.as_mut_ptr()));
        let put = |place: usize, value: f32| {
            assert!(place < length);
            // SAFETY: inside the slice, and no two threads write one place.
            unsafe { *to.get().add(place) = value }
        };
        compute.run(vectors * blocks, &|task, _| {
            this.gather(task / blocks, task % blocks, |o, i, ky, kx, value| put(place(o, i, ky, kx), value));
        });
        let sums = this.bias_partial.as_slice();
        for (o, value) in d_bias.iter_mut().enumerate() {
            *value = sums[o];
            for chunk in 1..this.chunks {
                *value += sums[chunk * maps.bias.len() * LANES + o];
            }
        }
    }

    /// Floats in the sums of a chunk before those of one pair of blocks.
    pub fn sums_before(&self, vector: usize, broadcast: usize) -> usize {
        let taps = self.columns.len() * self.columns.len();
        let channels: usize = self.broadcast.valid.iter().sum();
        let before: usize = self.broadcast.valid[..broadcast].iter().sum();
        (vector * channels + before) * taps * LANES
    }

    /// Adds up the sums of all chunks for one pair of blocks, in the order of the chunks.
    fn gather(&self, vector: usize, broadcast: usize, put: impl Fn(usize, usize, usize, usize, f32)) {
        let kernel = self.columns.len();
        let valid = self.broadcast.valid[broadcast];
        let start = self.sums_before(vector, broadcast);
        let first: usize = self.broadcast.valid[..broadcast].iter().sum();
        let first_lane: usize = self.vector.valid[..vector].iter().sum();
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
            for lane in 0..self.vector.valid[vector] {
                let (ky, kx) = (tap / kernel, tap % kernel);
                put(first_lane + lane, first + channel, ky, kx, total[lane]);
            }
        }
    }
}
