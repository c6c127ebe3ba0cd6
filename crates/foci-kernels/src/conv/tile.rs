//! The innermost loops of a direct pass: a tile is some vectors of pixels of one row, for all channels of a group
//! at once. Its sums stay in registers; each vector that is read serves all channels, each weight all vectors. A block
//! is some columns of a row, for all groups one after the other.

use super::direct::{DirectPass, Operands};
use super::lines::{MOST_COLUMNS, MOST_LINES};
use super::planes::{Group, Plane};
use crate::vector::{Kernel, Vector, prefetch};

/// Floats of the input that the tiles of a block read, more or less: what is left of the nearest cache (32 KiB) beside
/// the weights of a group.
const BLOCK_FLOATS: usize = 5120;
/// So many tiles before they are needed, the places that a tile writes and its last step reads are asked for.
const TILES_AHEAD: usize = 3;

/// Some rows of a pass.
pub(super) struct Rows<'a> {
    pub pass: &'a DirectPass,
    pub operands: &'a Operands<'a>,
    pub n: usize,
    pub rows: &'a [usize],
}

/// A line of the kernel as seen from one row.
#[derive(Clone, Copy, Default)]
struct RowLine {
    /// Floats from the start of a plane to the row read.
    start: usize,
    /// Place of its first tap among all taps.
    first: usize,
    /// Whether no other line reads further down: where rows are done downwards, it is the first to need its row.
    newest: bool,
}

/// What a tile reads.
#[derive(Clone, Copy)]
struct Input<'a> {
    arena: *const f32,
    n: usize,
    planes: &'a [Plane],
    lines: &'a [RowLine],
    /// Columns read beside the one written, alike in all lines; `taps` of the kernel in all.
    columns: [isize; MOST_COLUMNS],
    taps: usize,
    /// Columns that are read beyond the left and the right of the one written.
    reach: (usize, usize),
    width: usize,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Rows { pass, operands, n, rows } = self;
        let (h, w) = pass.size;
        let mut lines = [RowLine::default(); MOST_LINES];
        for &y in rows {
            let mut count = 0;
            for line in &pass.lines {
                let Some(row) = y.checked_add_signed(line.row).filter(|row| *row < h) else { continue };
                lines[count] = RowLine { start: row * w, first: line.first, newest: false };
                count += 1;
            }
            if let Some(line) = lines[..count].iter_mut().max_by_key(|line| line.start) {
                line.newest = true;
            }
            // Lines differ in the row only.
            let kernel = &pass.lines[0];
            let input = Input {
                arena: operands.arena.get(),
                n,
                planes: operands.sources,
                lines: &lines[..count],
                columns: kernel.columns,
                taps: pass.lines.len() * kernel.count,
                reach: kernel.reach(),
                width: w,
            };
            // All groups for some columns, then the next columns: what they read stays in the nearest cache.
            let width = (BLOCK_FLOATS / (input.planes.len() * count).max(1)).next_multiple_of(16).max(16);
            for first in (0..w).step_by(width) {
                let columns = (first, w.min(first + width));
                for group in &pass.packed.groups {
                    if operands.targets[group.first].is_some() {
                        // SAFETY: passed on to the caller; row `y` is inside.
                        unsafe { block::<V>(pass, operands, &input, group, y, columns) }
                    }
                }
            }
        }
    }
}

/// Some columns of a row, for one group.
#[inline(always)]
unsafe fn block<V: Vector>(
    pass: &DirectPass,
    operands: &Operands<'_>,
    input: &Input<'_>,
    group: &Group,
    y: usize,
    columns: (usize, usize),
) {
    let (weights, bias) = pass.packed.of(group);
    macro_rules! of_count {
        ($($count:literal $vectors:literal)*) => {
            match (group.count, input.taps) {
                // SAFETY: passed on to the caller; weights and bias are those of a group of this size.
                $(($count, 1) => unsafe {
                    tiles::<V, $count, $vectors, 1>(operands, input, group.first, y, columns, weights, bias)
                }
                // SAFETY: as above.
                ($count, 9) => unsafe {
                    tiles::<V, $count, $vectors, 3>(operands, input, group.first, y, columns, weights, bias)
                })*
                (count, taps) => unreachable!("a group of {count} channels under {taps} taps"),
            }
        };
    }
    // So many vectors that sums, one set of pixels and one weight fill the registers.
    if const { V::REGISTERS == 32 } {
        of_count!(1 8 2 8 3 6 4 6 5 4 6 4 7 3 8 3 9 3 10 2 11 2 12 2);
    } else if const { V::REGISTERS == 16 } {
        of_count!(1 6 2 4 3 3 4 2 5 2 6 2);
    } else {
        of_count!(1 4 2 4 3 2 4 2);
    }
}

/// The tiles of a row that begin in some columns: wide ones as long as they lie inside with all that they read, single
/// vectors elsewhere.
#[inline(always)]
unsafe fn tiles<V: Vector, const M: usize, const P: usize, const K: usize>(
    operands: &Operands<'_>,
    input: &Input<'_>,
    first: usize,
    y: usize,
    columns: (usize, usize),
    weights: *const f32,
    bias: *const f32,
) {
    let w = input.width;
    let (before, after) = input.reach;
    let wide = P * V::LANES;
    let wide_first = before.next_multiple_of(V::LANES);
    let wide_end = wide_first + w.saturating_sub(after + wide_first) / wide * wide;
    // The first tile of the row that begins at a column or behind it.
    let mut x = match columns.0 {
        at if at <= wide_first => at.next_multiple_of(V::LANES),
        at if at <= wide_end => wide_first + (at - wide_first).next_multiple_of(wide),
        at => wide_end + (at - wide_end).next_multiple_of(V::LANES),
    };
    // SAFETY: passed on to the caller; without EDGE, all pixels that a tile reads and writes are in their rows.
    unsafe {
        while x < columns.1 {
            if x >= wide_first && x < wide_end {
                tile::<V, M, P, K, false>(operands, input, first, y, x, weights, bias);
                x += wide;
            } else {
                tile::<V, M, 1, K, true>(operands, input, first, y, x, weights, bias);
                x += V::LANES;
            }
        }
    }
}

/// One tile: P vectors from column `x` on, for M channels. With EDGE, what lies beyond the borders reads as zero.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const P: usize, const K: usize, const EDGE: bool>(
    operands: &Operands<'_>,
    input: &Input<'_>,
    first: usize,
    y: usize,
    x: usize,
    weights: *const f32,
    bias: *const f32,
) {
    // SAFETY: of the reads and writes, see the callers; there are M weights for each tap of each channel.
    unsafe {
        let mut sums = [[V::splat(0.0); P]; M];
        for (m, sums) in sums.iter_mut().enumerate() {
            *sums = [V::splat(*bias.add(m)); P];
        }
        for (channel, plane) in input.planes.iter().enumerate() {
            let start = input.arena.wrapping_add(plane.of_image(input.n) + x);
            let weights = weights.add(channel * input.taps * M);
            for line in input.lines {
                let from = start.wrapping_add(line.start);
                if line.newest {
                    for p in 0..P {
                        prefetch(from.wrapping_add((TILES_AHEAD * P + p) * V::LANES));
                    }
                }
                let weights = weights.add(line.first * M);
                for k in 0..K {
                    let mut pixels = [V::splat(0.0); P];
                    for (p, pixels) in pixels.iter_mut().enumerate() {
                        let from = from.wrapping_add(p * V::LANES).wrapping_offset(input.columns[k]);
                        *pixels = if EDGE {
                            inside::<V>(from, (x + p * V::LANES) as isize + input.columns[k], input.width)
                        } else {
                            V::load(from)
                        };
                    }
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let weight = V::splat(*weights.add(k * M + m));
                        for (sum, pixels) in sums.iter_mut().zip(pixels) {
                            *sum = pixels.fused(weight, *sum);
                        }
                    }
                }
            }
        }
        for (m, sums) in sums.into_iter().enumerate() {
            let Some(target) = &operands.targets[first + m] else { continue };
            let to = operands.arena.get().add(target.plane.of_image(input.n) + y * input.width + x);
            for (p, sum) in sums.into_iter().enumerate() {
                let to = to.wrapping_add(p * V::LANES);
                let next = to.wrapping_add(TILES_AHEAD * P * V::LANES);
                prefetch(next);
                if let Some(shift) = target.finish.reads() {
                    prefetch(next.wrapping_offset(shift));
                }
                if EDGE {
                    let count = input.width.saturating_sub(x + p * V::LANES).min(V::LANES);
                    target.finish.store_part(sum, to, count);
                } else {
                    target.finish.store(sum, to);
                }
            }
        }
    }
}

/// A vector of a row of `width` pixels from column `at` on, zeros where that is outside.
#[inline(always)]
pub(crate) unsafe fn inside<V: Vector>(from: *const f32, at: isize, width: usize) -> V {
    let lanes = V::LANES as isize;
    // Of the taps of a tile at the border, most are inside all the same.
    if at >= 0 && at + lanes <= width as isize {
        // SAFETY: all lanes are columns of the row.
        return unsafe { V::load(from) };
    }
    let first = (-at).clamp(0, lanes);
    let end = (width as isize - at).clamp(first, lanes);
    // SAFETY: lanes `first..end` are columns of the row.
    unsafe { V::load_part(from, first as usize, end as usize) }
}
