//! The forward pass. Pixels of the output fall into four phases by the parity of row and column, and each phase is
//! a small convolution of the input: a kernel of 2 rows gives each a single tap, one of 4 rows two by two. A tile
//! computes both phases of some columns of one row, for a group of channels at once, and puts their pixels next to
//! one another on the way to memory.

use std::ops::Range;

use super::MOST_TOGETHER;
use super::shape::Sizes;
use crate::conv::border::inside;
use crate::conv::direct::Operands;
use crate::conv::packed::Packed;
use crate::conv::planes::{Group, Plane, groups, share_rows};
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};

/// Most rows of the input that a row of the output comes from.
const MOST_ROWS: usize = 2;

/// A forward pass with its weights.
pub(super) struct Forward {
    pub packed: Packed,
    sizes: Sizes,
}

impl Forward {
    /// A pass from `channels_in` planes to `channels_out`.
    pub fn new(sizes: Sizes, channels_in: usize, channels_out: usize) -> Forward {
        let taps = sizes.kernel * sizes.kernel;
        // Each channel has the sums of two phases.
        let packed = Packed::new(taps, channels_in, groups(&[channels_out], MOST_TOGETHER));
        Forward { packed, sizes }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// Sources have the size of the input and targets that of the output, all inside the arena; targets lie apart
    /// from sources.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>) {
        let rows = self.sizes.input.0;
        share_rows(compute, operands.n, rows, &|n, rows| {
            // SAFETY: passed on to the caller; tasks write different rows.
            unsafe { run_at(compute.simd(), Rows { pass: self, operands: &operands, n, rows }) }
        });
    }
}

/// Some rows of the input, each of which has two of the output.
struct Rows<'a> {
    pass: &'a Forward,
    operands: &'a Operands<'a>,
    n: usize,
    rows: Range<usize>,
}

/// A row of the input that a row of the output comes from.
#[derive(Clone, Copy, Default)]
struct RowTap {
    /// First pixel of the row, counted from the start of the plane.
    start: usize,
    /// Place of the kernel row's first tap among all taps.
    tap: usize,
}

/// What a tile reads.
#[derive(Clone, Copy)]
struct Input<'a> {
    arena: *const f32,
    n: usize,
    planes: &'a [Plane],
    rows: &'a [RowTap],
    kernel: usize,
    width: usize,
}

/// Where a row of tiles goes.
#[derive(Clone, Copy)]
struct Output {
    /// First channel.
    first: usize,
    /// First pixel of the row, counted from the start of the plane.
    start: usize,
    width: usize,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Rows { pass: Forward { packed, sizes }, operands, n, rows } = self;
        let (kernel, (h, w)) = (sizes.kernel, sizes.output);
        for row in 2 * rows.start..h.min(2 * rows.end) {
            let (mut taps, mut count) = ([RowTap::default(); MOST_ROWS], 0);
            for a in 0..kernel {
                let Some(v) = sizes.input_row(row, a) else { continue };
                taps[count] = RowTap { start: v * sizes.input.1, tap: a * kernel };
                count += 1;
            }
            let input = Input {
                arena: operands.arena.get(),
                n,
                planes: operands.sources,
                rows: &taps[..count],
                kernel,
                width: sizes.input.1,
            };
            for group in &packed.groups {
                let output = Output { first: group.first, start: row * w, width: w };
                // SAFETY: passed on to the caller; the row is inside.
                unsafe { of_group::<V>(packed, operands, &input, group, output) }
            }
        }
    }
}

/// One row of one group.
#[inline(always)]
unsafe fn of_group<V: Vector>(
    packed: &Packed,
    operands: &Operands<'_>,
    input: &Input<'_>,
    group: &Group,
    output: Output,
) {
    let (weights, bias) = packed.of(group);
    macro_rules! of_count {
        ($($count:literal $vectors:literal)*) => {
            match group.count {
                // SAFETY: passed on to the caller; weights and bias are those of a group of this size.
                $($count => unsafe {
                    tiles::<V, $count, $vectors>(operands, input, output, weights, bias)
                })*
                _ => unreachable!("a group of {} channels", group.count),
            }
        };
    }
    // So many vectors that the sums of both phases, one set of pixels and one weight fill the registers.
    if const { V::REGISTERS == 32 } {
        of_count!(1 6 2 5 3 4 4 3);
    } else {
        of_count!(1 4 2 2 3 2 4 1);
    }
}

/// All tiles of a row: wide ones as long as they lie inside with all that they read, single vectors elsewhere.
#[inline(always)]
unsafe fn tiles<V: Vector, const M: usize, const P: usize>(
    operands: &Operands<'_>,
    input: &Input<'_>,
    output: Output,
    weights: *const f32,
    bias: *const f32,
) {
    // A kernel of 4 columns reads one column before and one behind those that it is centred on.
    let reach = input.kernel / 4;
    let mut x = 0;
    // SAFETY: passed on to the caller; without EDGE, all pixels that a tile reads and writes are in their rows.
    unsafe {
        while x < input.width {
            let end = x + P * V::LANES;
            if x >= reach && end + reach <= input.width && 2 * end <= output.width {
                tile::<V, M, P, false>(operands, input, output, x, weights, bias);
                x = end;
            } else {
                tile::<V, M, 1, true>(operands, input, output, x, weights, bias);
                x += V::LANES;
            }
        }
    }
}

/// Both phases of the columns of P vectors from column `x` of the input on, for M channels. With EDGE, what lies
/// beyond the borders reads as zero and is not written.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const P: usize, const EDGE: bool>(
    operands: &Operands<'_>,
    input: &Input<'_>,
    output: Output,
    x: usize,
    weights: *const f32,
    bias: *const f32,
) {
    // SAFETY: of the reads and writes, see the callers; there are M weights for each tap of each channel.
    unsafe {
        let mut even = [[V::splat(0.0); P]; M];
        for (m, sums) in even.iter_mut().enumerate() {
            *sums = [V::splat(*bias.add(m)); P];
        }
        let mut odd = even;
        for (channel, plane) in input.planes.iter().enumerate() {
            let plane = input.arena.wrapping_add(plane.of_image(input.n));
            let weights = weights.add(channel * input.kernel * input.kernel * M);
            for row in input.rows {
                let weights = weights.add(row.tap * M);
                let row = Row { start: plane.wrapping_add(row.start), x, width: input.width };
                // Column 2 u + c of the output comes by column b of the kernel from column u + (c + padding - b) / 2.
                let here = row.pixels::<V, P, EDGE>(0);
                if input.kernel == 2 {
                    multiply(&mut even, here, weights);
                    multiply(&mut odd, here, weights.add(M));
                } else {
                    multiply(&mut even, here, weights.add(M));
                    multiply(&mut odd, here, weights.add(2 * M));
                    multiply(&mut even, row.pixels::<V, P, EDGE>(-1), weights.add(3 * M));
                    multiply(&mut odd, row.pixels::<V, P, EDGE>(1), weights);
                }
            }
        }
        for (m, (even, odd)) in even.into_iter().zip(odd).enumerate() {
            let Some(target) = &operands.targets[output.first + m] else { continue };
            let row = operands.arena.get().add(target.plane.of_image(input.n) + output.start);
            for (p, (even, odd)) in even.into_iter().zip(odd).enumerate() {
                let halves = even.merge_runs::<1>(odd);
                let column = 2 * (x + p * V::LANES);
                for (column, values) in [(column, halves.0), (column + V::LANES, halves.1)] {
                    if EDGE {
                        let count = output.width.saturating_sub(column).min(V::LANES);
                        target.finish.store_part(values, row.wrapping_add(column), count);
                    } else {
                        target.finish.store(values, row.add(column));
                    }
                }
            }
        }
    }
}

/// The columns of a row from `x` on.
#[derive(Clone, Copy)]
struct Row {
    start: *const f32,
    x: usize,
    width: usize,
}

impl Row {
    /// The vectors that begin `shift` columns further on.
    #[inline(always)]
    unsafe fn pixels<V: Vector, const P: usize, const EDGE: bool>(self, shift: isize) -> [V; P] {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut pixels = [V::splat(0.0); P];
            for (p, pixels) in pixels.iter_mut().enumerate() {
                let column = (self.x + p * V::LANES) as isize + shift;
                let from = self.start.wrapping_offset(column);
                let beyond = column < 0 || column + V::LANES as isize > self.width as isize;
                *pixels = if EDGE && beyond { inside::<V>(from, column, self.width) } else { V::load(from) };
            }
            pixels
        }
    }
}

/// Adds the products of pixels with the weights of M channels.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector, const M: usize, const P: usize>(
    sums: &mut [[V; P]; M],
    pixels: [V; P],
    weights: *const f32,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        for (m, sums) in sums.iter_mut().enumerate() {
            let weight = V::splat(*weights.add(m));
            for (sum, pixels) in sums.iter_mut().zip(pixels) {
                *sum = pixels.fused(weight, *sum);
            }
        }
    }
}
