//! The gradient by weights and bias: a correlation of the input with the gradient of the output.
//!
//! One side is the vector side (16 of its channels in the lanes, its rows copied with zeros around them),
//! the other the broadcast side. Usually the gradient of the output is the vector side; with few output
//! channels the roles are swapped. Rows of the vector side are cut into a number of chunks that depends on
//! the shapes only, each with sums of its own, which are added up in order at the end: whatever the number
//! of threads, the bits are the same.

use std::ops::Range;

use super::blocks::{Block, PerWorker, Shared, row_order, scratch};
use super::correlate::{correlate_block, sum_lanes};
use crate::arena::Arena;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};
use crate::view::LANES;

/// Most chunks the rows are cut into.
const MOST_CHUNKS: usize = 16;
/// Least pixels of a chunk, so that its own sums are worth their memory.
const CHUNK_PIXELS: usize = 256;
/// Columns done at a time, so that a piece of each row stays in the nearest cache.
const SEGMENT: usize = 168;
/// Most kernel rows.
const MOST_ROWS: usize = 4;
/// Marks a kernel row that lies outside the image.
const OUTSIDE: usize = usize::MAX;

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
    n: usize,
    vector: Side,
    broadcast: Side,
    /// One per kernel column.
    columns: Vec<Column>,
    /// Pixels of the vector side per pixel of the broadcast side.
    step: usize,
    /// Zeros before and after a copied row.
    pad: usize,
    /// For each row of the vector side and each kernel row, the row of the broadcast side.
    rows: Vec<[usize; MOST_ROWS]>,
    order: Vec<usize>,
    chunks: usize,
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

    fn phases(&self) -> usize {
        self.columns.iter().map(|column| column.phase + 1).max().unwrap_or(1)
    }

    /// Floats of a copied row of one block and phase.
    fn copied_row(&self) -> usize {
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
                let bias = (part == 0).then_some(bias);
                let copy = this.copies.get(worker).pointer_mut();
                run_at(simd, Chunk { this, maps, chunk, blocks, sums, bias, copy });
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
    fn sums_before(&self, vector: usize, broadcast: usize) -> usize {
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

/// The sums of one chunk of rows, for some blocks of the vector side.
struct Chunk<'a> {
    this: &'a WeightGradient,
    maps: Maps<'a>,
    chunk: usize,
    blocks: Range<usize>,
    sums: *mut f32,
    bias: Option<*mut f32>,
    copy: *mut f32,
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: passed on to the caller.
        unsafe {
            match self.this.columns.len() {
                1 => self.rows::<V, 1>(),
                2 => self.rows::<V, 2>(),
                3 => self.rows::<V, 3>(),
                _ => self.rows::<V, 4>(),
            }
        }
    }
}

impl Chunk<'_> {
    #[inline(always)]
    unsafe fn rows<V: Vector, const K: usize>(self) {
        let Chunk { this, maps, chunk, ref blocks, sums, bias, .. } = self;
        let rows = this.n * this.vector.h;
        let start = this.sums_before(blocks.start, 0);
        let end = this.sums_before(blocks.end, 0);
        // SAFETY: the sums are this task's; rows and blocks are inside their views.
        unsafe {
            std::slice::from_raw_parts_mut(sums.add(start), end - start).fill(0.0);
            for row in chunk * rows / this.chunks..(chunk + 1) * rows / this.chunks {
                let (n, y) = (row / this.vector.h, this.order[row % this.vector.h]);
                let next = (row + 1 < rows).then(|| {
                    let row = row + 1;
                    (row / this.vector.h, this.order[row % this.vector.h])
                });
                self.copy_row::<V>(n, y);
                for x in (0..this.broadcast.w).step_by(SEGMENT) {
                    self.segment::<V, K>(n, y, x, next);
                }
            }
            if let Some(bias) = bias {
                std::slice::from_raw_parts_mut(bias, maps.bias.len() * LANES).fill(0.0);
                let pixels = this.n * maps.bias_pixels;
                let range = chunk * pixels / this.chunks..(chunk + 1) * pixels / this.chunks;
                for (block, at) in maps.bias.iter().zip(0..) {
                    let mut first = range.start;
                    while first < range.end {
                        let (n, pixel) = (first / maps.bias_pixels, first % maps.bias_pixels);
                        let count = (range.end - first).min(maps.bias_pixels - pixel).min(1024);
                        let from = maps.arena.pointer().add(block.offset + n * block.image + pixel * LANES);
                        sum_lanes::<V>(from, count, bias.add(at * LANES));
                        first += count;
                    }
                }
            }
        }
    }

    /// Copies a row of the vector side, phases apart, with zeros before and after.
    #[inline(always)]
    unsafe fn copy_row<V: Vector>(&self, n: usize, y: usize) {
        let this = self.this;
        let (width, pad) = (this.vector.w as isize, this.pad as isize);
        let mut to = self.copy;
        for block in &self.maps.vector[self.blocks.clone()] {
            let start = block.offset + n * block.image + y * this.vector.w * LANES;
            for phase in 0..this.phases() {
                for q in -pad..this.broadcast.w as isize + pad {
                    let at = q * this.step as isize + phase as isize;
                    // SAFETY: reads are inside the row; the copy has room for all phases of all blocks.
                    unsafe {
                        for lane in (0..LANES).step_by(V::LANES) {
                            let value = if at >= 0 && at < width {
                                V::load(self.maps.arena.pointer().add(start + at as usize * LANES + lane))
                            } else {
                                V::splat(0.0)
                            };
                            value.store(to.add(lane));
                        }
                        to = to.add(LANES);
                    }
                }
            }
        }
    }

    /// Adds up to SEGMENT pixels, from column x on, of a copied row.
    #[inline(always)]
    unsafe fn segment<V: Vector, const K: usize>(
        &self,
        n: usize,
        y: usize,
        x: usize,
        next: Option<(usize, usize)>,
    ) {
        let this = self.this;
        let mut calls = 0;
        let pixels = SEGMENT.min(this.broadcast.w - x);
        for ky in 0..K {
            let row = this.rows[y][ky];
            if row == OUTSIDE {
                continue;
            }
            for (at, block) in self.maps.broadcast.iter().enumerate() {
                let pixel = row * this.broadcast.w + x;
                for (copied, vector) in self.blocks.clone().enumerate() {
                    // SAFETY: pixels x.. of the row are inside; a copied row has `pad` more on each side,
                    // which no shift exceeds; the sums are laid out as `sums_before` says.
                    unsafe {
                        let from =
                            self.maps.arena.pointer().add(block.offset + n * block.image + pixel * LANES);
                        let vectors: [*const f32; K] = std::array::from_fn(|k| {
                            let Column { phase, shift } = this.columns[k];
                            let row = self.copy.add((copied * this.phases() + phase) * this.copied_row());
                            row.offset((x as isize + this.pad as isize + shift) * LANES as isize).cast_const()
                        });
                        let column = block.valid * LANES;
                        let out = self.sums.add(this.sums_before(vector, at) + ky * K * column);
                        let ahead = next.and_then(|next| self.ahead(next, calls, x));
                        calls += 1;
                        correlate_block::<V, K>(from, block.valid, vectors, pixels, out, column, ahead);
                    }
                }
            }
        }
    }

    /// What the next row will read that is not in the cache yet, one run of pixels for each number: its own
    /// blocks, then those of the lowest row it meets.
    #[inline(always)]
    fn ahead(&self, (n, y): (usize, usize), number: usize, x: usize) -> Option<*const f32> {
        let this = self.this;
        let arena = self.maps.arena.pointer();
        if let Some(block) = self.maps.vector[self.blocks.clone()].get(number) {
            let pixel = y * this.vector.w + x * this.step;
            return Some(arena.wrapping_add(block.offset + n * block.image + pixel * LANES));
        }
        let block = self.maps.broadcast.get(number - self.blocks.len())?;
        let row = this.rows[y].iter().copied().filter(|row| *row != OUTSIDE).max()?;
        let pixel = row * this.broadcast.w + x;
        Some(arena.wrapping_add(block.offset + n * block.image + pixel * LANES))
    }
}
