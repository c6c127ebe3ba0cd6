//! The gradient by the input: a convolution of stride 2 over the gradient of the output. The columns of two
//! neighbouring taps of a row of the kernel are neighbours there too, so that a tile reads two vectors' worth of
//! them, parts even from odd, and has the pixels of both taps.

use std::ops::Range;

use super::MOST_TOGETHER;
use super::forward::multiply;
use super::shape::Sizes;
use crate::conv::border::inside;
use crate::conv::direct::Operands;
use crate::conv::packed::Packed;
use crate::conv::planes::{Group, groups, share_rows};
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, prefetch, run_at};
use crate::view::LINE;

/// A gradient by the inputs, with its weights.
pub(super) struct Backward {
    pub packed: Packed,
    sizes: Sizes,
}

impl Backward {
    /// A pass from `channels_out` planes to maps of `inputs` channels.
    pub fn new(sizes: Sizes, channels_out: usize, inputs: &[usize]) -> Backward {
        let taps = sizes.kernel * sizes.kernel;
        Backward { packed: Packed::new(taps, channels_out, groups(inputs, MOST_TOGETHER)), sizes }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// Sources have the size of the output and targets that of the input, all inside the arena; targets, and what
    /// their last steps read, lie apart from sources.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>) {
        let rows = self.sizes.input.0;
        share_rows(compute, operands.n, rows, &|n, rows| {
            // SAFETY: passed on to the caller; tasks write different rows.
            unsafe { run_at(compute.simd(), Rows { pass: self, operands: &operands, n, rows }) }
        });
    }
}

/// Some rows of the input.
struct Rows<'a> {
    pass: &'a Backward,
    operands: &'a Operands<'a>,
    n: usize,
    rows: Range<usize>,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Rows { pass: Backward { packed, sizes }, operands, n, rows } = self;
        for v in rows {
            for group in &packed.groups {
                if operands.targets[group.first].is_some() {
                    // SAFETY: passed on to the caller; row `v` is inside.
                    unsafe { row::<V>(packed, Row { operands, sizes: *sizes, n, v }, group) }
                }
            }
        }
    }
}

/// One row of the input.
#[derive(Clone, Copy)]
struct Row<'a> {
    operands: &'a Operands<'a>,
    sizes: Sizes,
    n: usize,
    v: usize,
}

/// One row of one group.
#[inline(always)]
unsafe fn row<V: Vector>(packed: &Packed, row: Row<'_>, group: &Group) {
    let (weights, bias) = packed.of(group);
    macro_rules! of_count {
        ($($count:literal $vectors:literal)*) => {
            match group.count {
                // SAFETY: passed on to the caller; weights and bias are those of a group of this size.
                $($count => unsafe { row.tiles::<V, $count, $vectors>(group.first, weights, bias) })*
                _ => unreachable!("a group of {} channels", group.count),
            }
        };
    }
    // So many vectors that sums, the pixels of two taps and one weight fill the registers.
    if const { V::REGISTERS == 32 } {
        of_count!(1 6 2 6 3 5 4 4);
    } else {
        of_count!(1 4 2 3 3 2 4 2);
    }
}

impl Row<'_> {
    /// All tiles of the row: wide ones as long as they lie inside with all that they read, single vectors elsewhere.
    #[inline(always)]
    unsafe fn tiles<V: Vector, const M: usize, const P: usize>(
        self,
        first: usize,
        weights: *const f32,
        bias: *const f32,
    ) {
        let Sizes { kernel, input: (_, width), output: (_, from_width) } = self.sizes;
        let padding = self.sizes.padding();
        let mut x = 0;
        // SAFETY: passed on to the caller; without EDGE, all pixels that a tile reads and writes are in their rows.
        unsafe {
            while x < width {
                let end = x + P * V::LANES;
                if end <= width && 2 * x >= padding && 2 * end + kernel - 2 - padding <= from_width {
                    self.tile::<V, M, P, false>(first, x, weights, bias);
                    x = end;
                } else {
                    self.tile::<V, M, 1, true>(first, x, weights, bias);
                    x += V::LANES;
                }
            }
        }
    }

    /// One tile: P vectors from column `x` on, for M channels. With EDGE, what lies beyond the borders reads as zero
    /// and is not written.
    #[inline(always)]
    unsafe fn tile<V: Vector, const M: usize, const P: usize, const EDGE: bool>(
        self,
        first: usize,
        x: usize,
        weights: *const f32,
        bias: *const f32,
    ) {
        let Row { operands, sizes, n, v } = self;
        let (kernel, arena) = (sizes.kernel, operands.arena.get());
        // SAFETY: of the reads and writes, see the callers; there are M weights for each tap of each channel.
        unsafe {
            let mut sums = [[V::splat(0.0); P]; M];
            for (m, sums) in sums.iter_mut().enumerate() {
                *sums = [V::splat(*bias.add(m)); P];
            }
            for (channel, plane) in operands.sources.iter().enumerate() {
                let plane = arena.wrapping_add(plane.of_image(n)).cast_const();
                let weights = weights.add(channel * kernel * kernel * M);
                for a in 0..kernel {
                    let Some(row) = sizes.output_row(v, a) else { continue };
                    let row = plane.wrapping_add(row * sizes.output.1);
                    if a + 2 >= kernel {
                        ask_below::<V, P>(row.wrapping_add(2 * x), sizes.output.1);
                    }
                    for b in (0..kernel).step_by(2) {
                        let column = (2 * x + b) as isize - sizes.padding() as isize;
                        let mut pixels = [[V::splat(0.0); P]; 2];
                        for p in 0..P {
                            let column = column + (2 * p * V::LANES) as isize;
                            let (even, odd) = parted::<V, EDGE>(row, column, sizes.output.1);
                            (pixels[0][p], pixels[1][p]) = (even, odd);
                        }
                        let weights = weights.add((a * kernel + b) * M);
                        multiply(&mut sums, pixels[0], weights);
                        multiply(&mut sums, pixels[1], weights.add(M));
                    }
                }
            }
            for (m, sums) in sums.into_iter().enumerate() {
                let Some(target) = &operands.targets[first + m] else { continue };
                let to = arena.add(target.plane.of_image(n) + v * sizes.input.1 + x);
                for (p, sum) in sums.into_iter().enumerate() {
                    let to = to.wrapping_add(p * V::LANES);
                    if EDGE {
                        let count = sizes.input.1.saturating_sub(x + p * V::LANES).min(V::LANES);
                        target.finish.store_part(sum, to, count);
                    } else {
                        target.finish.store(sum, to);
                    }
                }
            }
        }
    }
}

/// Asks for the columns of a tile two rows further down, which the next row of tiles is the first to read: so many
/// short pieces of rows are more than the CPU follows by itself.
#[inline(always)]
fn ask_below<V: Vector, const P: usize>(columns: *const f32, width: usize) {
    for at in (0..2 * P * V::LANES).step_by(LINE) {
        prefetch(columns.wrapping_add(2 * width + at));
    }
}

/// The even and the odd ones of two vectors' worth of pixels of a row of `width`, from column `column` on; with EDGE,
/// zeros where that is outside.
///
/// # Safety
/// The CPU has the level; the row can be read and, without EDGE, all the pixels are in it.
#[inline(always)]
pub(super) unsafe fn parted<V: Vector, const EDGE: bool>(
    row: *const f32,
    column: isize,
    width: usize,
) -> (V, V) {
    let from = row.wrapping_offset(column);
    // SAFETY: see above.
    unsafe {
        if EDGE && (column < 0 || column + 2 * V::LANES as isize > width as isize) {
            let next = column + V::LANES as isize;
            let first = inside::<V>(from, column, width);
            first.part_runs::<1>(inside::<V>(row.wrapping_offset(next), next, width))
        } else {
            V::load(from).part_runs::<1>(V::load(from.add(V::LANES)))
        }
    }
}
