//! The gradient by weights and bias: a correlation of the input with the gradient of the output.
//!
//! One side is the vector side (16 of its channels in the lanes, its rows copied with zeros around them),
//! the other the broadcast side. Usually the gradient of the output is the vector side; with few output
//! channels the roles are swapped. Rows of the vector side are cut into chunks, see [`sums`](super::sums).

use super::blocks::{Block, PerWorker, row_order, scratch};
use super::chunk::Chunk;
use super::sums::{MOST_CHUNKS, Sums};
use crate::arena::Arena;
use crate::threads::Compute;
use crate::vector::run_at;
use crate::view::LANES;

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
    pub sums: Sums,
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
        let phases = columns.iter().map(|column| column.phase + 1).max().unwrap_or(1);
        let copy = vector.valid.len() * phases * (broadcast.w + 2 * pad) * LANES;
        WeightGradient {
            n,
            order: row_order(vector.h, dilation),
            rows,
            columns,
            step,
            pad,
            sums: Sums::new(chunks, &vector.valid, &broadcast.valid, kernel, bias_blocks),
            copies: PerWorker::new(compute.threads(), || scratch(copy)),
            vector,
            broadcast,
        }
    }

    pub fn bytes(&self) -> usize {
        self.sums.bytes() + self.copies.sum(Arena::bytes)
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
        let memory = self.sums.memory();
        let this = &*self;
        this.sums.run(compute, memory, d_weights, place, d_bias, |part, worker| {
            // SAFETY: each part has sums of its own, each worker a copy of its own, and shapes were checked by the
            // layer.
            unsafe {
                let copy = this.copies.get(worker).pointer_mut();
                run_at(simd, Chunk { this, maps, part, copy });
            }
        });
    }
}
