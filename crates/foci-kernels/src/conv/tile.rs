//! The innermost loops of a direct pass: a tile is some vectors of pixels of one row, for all channels of a group
//! at once. Its sums stay in registers; each vector that is read serves all channels, each weight all vectors.

use super::direct::{DirectPass, MOST_TAPS, Operands};
use super::planes::{Group, Plane};
use crate::vector::{Kernel, Vector, prefetch};

/// So many tiles before they are needed, the places that a tile writes and its last step reads are asked for.
const TILES_AHEAD: usize = 3;

/// Some rows of a pass.
pub(super) struct Rows<'a> {
    pub pass: &'a DirectPass,
    pub operands: &'a Operands<'a>,
    pub n: usize,
    pub rows: &'a [usize],
}

/// A tap of one row: all those whose row is inside the image.
#[derive(Clone, Copy, Default)]
struct RowTap {
    /// From the pixel written to the one read, counted from the start of the plane.
    from: isize,
    /// Columns between them.
    column: isize,
    /// Place among all taps.
    index: usize,
    /// Whether no other tap reads further down: where rows are done downwards, it is the first to need them.
    newest: bool,
}

/// What a tile reads.
#[derive(Clone, Copy)]
struct Input<'a> {
    arena: *const f32,
    n: usize,
    planes: &'a [Plane],
    taps: &'a [RowTap],
    all_taps: usize,
    width: usize,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Rows { pass, operands, n, rows } = self;
        let (h, w) = pass.size;
        let mut taps = [RowTap::default(); MOST_TAPS];
        for &y in rows {
            let mut count = 0;
            // Taps wholly beyond the left or the right border read nothing but zeros.
            let inside = pass.taps.iter().enumerate().filter(|(_, tap)| tap.column.unsigned_abs() < w);
            for (index, tap) in inside {
                let Some(row) = y.checked_add_signed(tap.row).filter(|row| *row < h) else { continue };
                let from = (row * w) as isize + tap.column;
                taps[count] = RowTap { from, column: tap.column, index, newest: false };
                count += 1;
            }
            if let Some(tap) = taps[..count].iter_mut().max_by_key(|tap| tap.from - tap.column) {
                tap.newest = true;
            }
            let input = Input {
                arena: operands.arena.get(),
                n,
                planes: operands.sources,
                taps: &taps[..count],
                all_taps: pass.taps.len(),
                width: w,
            };
            for group in &pass.packed.groups {
                if operands.targets[group.first].is_some() {
                    // SAFETY: passed on to the caller; row `y` is inside.
                    unsafe { row::<V>(pass, operands, &input, group, y) }
                }
            }
        }
    }
}

/// One row of one group.
#[inline(always)]
unsafe fn row<V: Vector>(
    pass: &DirectPass,
    operands: &Operands<'_>,
    input: &Input<'_>,
    group: &Group,
    y: usize,
) {
    let (weights, bias) = pass.packed.of(group);
    macro_rules! of_count {
        ($($count:literal $vectors:literal)*) => {
            match group.count {
                // SAFETY: passed on to the caller; weights and bias are those of a group of this size.
                $($count => unsafe {
                    tiles::<V, $count, $vectors>(operands, input, group.first, y, weights, bias)
                })*
                _ => unreachable!("a group of {} channels", group.count),
            }
        };
    }
    // So many vectors that sums, one set of pixels and one weight fill the registers.
    if V::REGISTERS == 32 {
        of_count!(1 8 2 8 3 6 4 6 5 4 6 4 7 3 8 3 9 3 10 2 11 2 12 2);
    } else if V::REGISTERS == 16 {
        of_count!(1 6 2 4 3 3 4 3 5 2 6 2);
    } else {
        of_count!(1 4 2 4 3 2 4 2);
    }
}

/// All tiles of a row: wide ones as long as they lie inside with all that they read, single vectors elsewhere.
#[inline(always)]
unsafe fn tiles<V: Vector, const M: usize, const P: usize>(
    operands: &Operands<'_>,
    input: &Input<'_>,
    first: usize,
    y: usize,
    weights: *const f32,
    bias: *const f32,
) {
    let w = input.width;
    let (mut before, mut after) = (0, 0);
    for tap in input.taps {
        before = before.max(tap.column.min(0).unsigned_abs());
        after = after.max(tap.column.max(0).unsigned_abs());
    }
    let mut x = 0;
    // SAFETY: passed on to the caller; without EDGE, all pixels that a tile reads and writes are in their rows.
    unsafe {
        while x < w {
            if x >= before && x + P * V::LANES + after <= w {
                tile::<V, M, P, false>(operands, input, first, y, x, weights, bias);
                x += P * V::LANES;
            } else {
                tile::<V, M, 1, true>(operands, input, first, y, x, weights, bias);
                x += V::LANES;
            }
        }
    }
}

/// One tile: P vectors from column `x` on, for M channels. With EDGE, what lies beyond the borders reads as zero.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const P: usize, const EDGE: bool>(
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
            let weights = weights.add(channel * input.all_taps * M);
            for tap in input.taps {
                let from = start.wrapping_offset(tap.from);
                let mut pixels = [V::splat(0.0); P];
                for (p, pixels) in pixels.iter_mut().enumerate() {
                    let from = from.wrapping_add(p * V::LANES);
                    if tap.newest {
                        prefetch(from.wrapping_add(TILES_AHEAD * P * V::LANES));
                    }
                    *pixels = if EDGE {
                        let at = (x + p * V::LANES) as isize + tap.column;
                        inside::<V>(from, at, input.width)
                    } else {
                        V::load(from)
                    };
                }
                let weights = weights.add(tap.index * M);
                for (m, sums) in sums.iter_mut().enumerate() {
                    let weight = V::splat(*weights.add(m));
                    for (sum, pixels) in sums.iter_mut().zip(pixels) {
                        *sum = pixels.fused(weight, *sum);
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
    let first = (-at).clamp(0, lanes);
    let end = (width as isize - at).clamp(first, lanes);
    // SAFETY: lanes `first..end` are columns of the row.
    unsafe { V::load_part(from, first as usize, end as usize) }
}
