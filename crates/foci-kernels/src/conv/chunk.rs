//! The gradient by weights at one instruction level: the sums of one chunk of rows, row by row, a segment of
//! columns at a time.

use super::correlate::{correlate_block, sum_lanes};
use super::sums::Part;
use super::weight_gradient::{Column, Maps, OUTSIDE, WeightGradient};
use crate::vector::{Kernel, Vector};
use crate::view::LANES;

/// Columns done at a time, so that a piece of each row stays in the nearest cache.
const SEGMENT: usize = 168;

/// The sums of one chunk of rows, for some blocks of the vector side.
pub(super) struct Chunk<'a> {
    pub this: &'a WeightGradient,
    pub maps: Maps<'a>,
    pub part: Part,
    pub copy: *mut f32,
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
        let Chunk { this, maps, ref part, .. } = self;
        let Part { chunk, ref blocks, sums, bias, first } = *part;
        let chunks = this.sums.chunks;
        let rows = this.n * this.vector.h;
        let start = this.sums.before(blocks.start, 0);
        let end = this.sums.before(blocks.end, 0);
        // SAFETY: the sums are this task's; rows and blocks are inside their views.
        unsafe {
            std::slice::from_raw_parts_mut(sums.add(start), end - start).fill(0.0);
            if maps.bias_from_vector {
                let own = bias.add(blocks.start * LANES);
                std::slice::from_raw_parts_mut(own, blocks.len() * LANES).fill(0.0);
            }
            for row in chunk * rows / chunks..(chunk + 1) * rows / chunks {
                let (n, y) = (row / this.vector.h, this.order[row % this.vector.h]);
                let next = (row + 1 < rows).then(|| {
                    let row = row + 1;
                    (row / this.vector.h, this.order[row % this.vector.h])
                });
                self.copy_row::<V>(n, y);
                if maps.bias_from_vector {
                    let floats = this.phases() * this.copied_row();
                    for (copied, vector) in blocks.clone().enumerate() {
                        // The zeros around the row do no harm.
                        let row = self.copy.add(copied * floats);
                        sum_lanes::<V>(row, floats / LANES, bias.add(vector * LANES));
                    }
                }
                for x in (0..this.broadcast.w).step_by(SEGMENT) {
                    self.segment::<V, K>(n, y, x, next);
                }
            }
            if first && !maps.bias_from_vector {
                std::slice::from_raw_parts_mut(bias, maps.bias.len() * LANES).fill(0.0);
                let pixels = this.n * maps.bias_pixels;
                let range = chunk * pixels / chunks..(chunk + 1) * pixels / chunks;
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
        for block in &self.maps.vector[self.part.blocks.clone()] {
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
                for (copied, vector) in self.part.blocks.clone().enumerate() {
                    // SAFETY: pixels x.. of the row are inside; a copied row has `pad` more on each side,
                    // which no shift exceeds; the sums are laid out as `Sums` says.
                    unsafe {
                        let from =
                            self.maps.arena.pointer().add(block.offset + n * block.image + pixel * LANES);
                        let vectors: [*const f32; K] = std::array::from_fn(|k| {
                            let Column { phase, shift } = this.columns[k];
                            let row = self.copy.add((copied * this.phases() + phase) * this.copied_row());
                            row.offset((x as isize + this.pad as isize + shift) * LANES as isize).cast_const()
                        });
                        let column = block.valid * LANES;
                        let out = self.part.sums.add(this.sums.before(vector, at) + ky * K * column);
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
        if let Some(block) = self.maps.vector[self.part.blocks.clone()].get(number) {
            let pixel = y * this.vector.w + x * this.step;
            return Some(arena.wrapping_add(block.offset + n * block.image + pixel * LANES));
        }
        let block = self.maps.broadcast.get(number - self.part.blocks.len())?;
        let row = this.rows[y].iter().copied().filter(|row| *row != OUTSIDE).max()?;
        let pixel = row * this.broadcast.w + x;
        Some(arena.wrapping_add(block.offset + n * block.image + pixel * LANES))
    }
}
