//! The outer products of some pixels of a row: the gradients of a set of output channels, side by side, times the inputs
//! under the taps of one line, with as many sums at once as the registers hold.

use super::{Chunk, Room, SET, TASK_CHANNELS};
use crate::conv::lines::{Line, MOST_COLUMNS};
use crate::conv::planes::Plane;
use crate::vector::{Vector, prefetch_early};

/// What a later strip reads of some planes.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub planes: &'a [Plane],
    /// Floats from the start of a plane.
    pub place: isize,
}

/// Some pixels of a row, under the taps of one line.
pub(super) struct Strip<'a> {
    pub chunk: &'a Chunk<'a>,
    pub room: Room,
    pub image: usize,
    /// Row of the input.
    pub row: usize,
    /// First column and number of pixels.
    pub x: usize,
    pub count: usize,
    pub line: &'a Line,
    pub gradients: *const f32,
    pub totals: *mut f32,
}

impl Strip<'_> {
    /// Adds the products with all inputs, some channels at a time: as many as registers hold the sums of.
    #[inline(always)]
    pub unsafe fn products<V: Vector>(&self, asked: Asked<'_>) {
        let channels_in = self.chunk.extent.sums.channels_in;
        let mut i = 0;
        // SAFETY: passed on to the caller.
        unsafe {
            while i < channels_in {
                let left = channels_in - i;
                // Each form is compiled by itself, at its level only.
                i += if const { V::REGISTERS == 32 } {
                    match (self.room.width, left >= 4) {
                        (TASK_CHANNELS, true) => self.of::<V, 2, 4>(i, 0, asked),
                        (TASK_CHANNELS, false) => self.of::<V, 2, 1>(i, 0, asked),
                        (_, true) => self.of::<V, 1, 4>(i, 0, asked),
                        (_, false) => self.of::<V, 1, 1>(i, 0, asked),
                    }
                } else if const { V::REGISTERS == 16 } {
                    if left >= 2 { self.of_sets::<V, 2>(i, asked) } else { self.of_sets::<V, 1>(i, asked) }
                } else {
                    self.of_sets::<V, 1>(i, asked)
                };
            }
        }
    }

    /// As [`of`](Self::of), one set after the other.
    #[inline(always)]
    unsafe fn of_sets<V: Vector, const B: usize>(&self, i: usize, asked: Asked<'_>) -> usize {
        for set in (0..self.room.width).step_by(SET) {
            // SAFETY: passed on to the caller.
            unsafe { self.of::<V, 2, B>(i, set, asked) };
        }
        B
    }

    /// The products of P vectors of channels from `set` on with B inputs from `i` on.
    #[inline(always)]
    unsafe fn of<V: Vector, const P: usize, const B: usize>(
        &self,
        i: usize,
        set: usize,
        asked: Asked<'_>,
    ) -> usize {
        let (maps, w) = (self.chunk.maps, self.chunk.extent.size.1);
        let arena = maps.arena.get().cast_const();
        let inputs: [*const f32; B] = std::array::from_fn(|b| {
            arena.wrapping_add(maps.inputs[i + b].of_image(self.image) + self.row * w)
        });
        let asked: [*const f32; B] = std::array::from_fn(|b| match asked.planes.get(i + b) {
            Some(plane) => {
                arena.wrapping_add(plane.of_image(self.image)).wrapping_offset(asked.place - self.x as isize)
            }
            None => inputs[b],
        });
        let (before, after) = self.line.reach();
        let end = self.x + self.count;
        // Where all taps are inside.
        let inner = before.clamp(self.x, end);
        let inner = inner..w.saturating_sub(after).clamp(inner, end);
        let gradients = self.gradients.wrapping_add(set).wrapping_sub(self.x * self.room.width);
        let pixels = Pixels { gradients, width: self.room.width, inputs, columns: self.line.columns, w };
        // SAFETY: passed on to the caller; without EDGE, all that is read is inside.
        unsafe {
            let mut sums = [[[V::splat(0.0); P]; MOST_COLUMNS]; B];
            for x in self.x..inner.start {
                pixels.add::<V, P, true>(x, &mut sums);
            }
            for first in inner.clone().step_by(16) {
                for asked in asked {
                    prefetch_early(asked.wrapping_add(first));
                }
                for x in first..inner.end.min(first + 16) {
                    pixels.add::<V, P, false>(x, &mut sums);
                }
            }
            for x in inner.end..end {
                pixels.add::<V, P, true>(x, &mut sums);
            }
            for (b, sums) in sums.iter().enumerate() {
                for (k, sums) in sums.iter().enumerate() {
                    let place = (self.line.first + k) * self.chunk.extent.sums.channels_in + i + b;
                    let to = self.totals.add(place * self.room.width + set);
                    for (p, sum) in sums.iter().enumerate() {
                        let to = to.add(p * V::LANES);
                        V::load(to).add(*sum).store(to);
                    }
                }
            }
        }
        B
    }
}

/// Where pixels of a row lie.
struct Pixels<const B: usize> {
    /// Those of column 0, if they were there.
    gradients: *const f32,
    width: usize,
    inputs: [*const f32; B],
    columns: [isize; MOST_COLUMNS],
    w: usize,
}

impl<const B: usize> Pixels<B> {
    /// Adds the products at column `x`. With EDGE, inputs beyond the borders are zero.
    #[inline(always)]
    unsafe fn add<V: Vector, const P: usize, const EDGE: bool>(
        &self,
        x: usize,
        sums: &mut [[[V; P]; MOST_COLUMNS]; B],
    ) {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut gradients = [V::splat(0.0); P];
            for (p, gradient) in gradients.iter_mut().enumerate() {
                *gradient = V::load(self.gradients.wrapping_add(x * self.width + p * V::LANES));
            }
            for (input, sums) in self.inputs.iter().zip(sums) {
                for (column, sums) in self.columns.iter().zip(sums) {
                    let at = x as isize + column;
                    let outside = EDGE && !(0..self.w as isize).contains(&at);
                    let value = V::splat(if outside { 0.0 } else { *input.wrapping_offset(at) });
                    for (gradient, sum) in gradients.iter().zip(sums) {
                        *sum = gradient.fused(value, *sum);
                    }
                }
            }
        }
    }
}
