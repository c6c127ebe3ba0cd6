//! The innermost loops of a direct pass: a tile is some vectors of pixels of one row, for all channels of a group
//! at once. Its sums stay in registers; each vector that is read serves all channels, each weight all vectors. While a
//! group's weights stay in the nearest cache, what it reads passes through, asked for one channel before it is needed.

use super::direct::{DirectPass, Operands};
use super::lines::{MOST_COLUMNS, MOST_LINES};
use super::planes::{Group, Plane, distance};
use crate::finish::Finish;
use crate::vector::{Kernel, Vector, prefetch, prefetch_early};
use crate::view::LINE;

/// So many tiles before they are needed, the places that a tile writes, what its last step reads, and rows that no tile
/// has read yet are asked for.
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
            for group in &pass.packed.groups {
                if let Some(output) = Output::new(operands, group, n, y * w) {
                    // SAFETY: passed on to the caller; row `y` is inside.
                    unsafe { row::<V>(pass, &input, group, &output) }
                }
            }
        }
    }
}

/// Where a group writes a row: to planes of one map, which lie equally far apart.
struct Output {
    /// The row of the first channel.
    row: *mut f32,
    /// Floats from a channel to the next.
    step: usize,
    finish: Finish,
}

impl Output {
    /// None if nobody wants the map.
    fn new(operands: &Operands<'_>, group: &Group, n: usize, row: usize) -> Option<Output> {
        let targets = &operands.targets[group.first..group.first + group.count];
        let first = targets[0]?;
        let step = targets.get(1).copied().flatten().map_or(0, |next| next.plane.offset - first.plane.offset);
        debug_assert!(targets.iter().enumerate().all(|(at, target)| {
            target.is_some_and(|target| target.plane.offset == first.plane.offset + at * step)
        }));
        let row = operands.arena.get().wrapping_add(first.plane.of_image(n) + row);
        Some(Output { row, step, finish: first.finish })
    }
}

/// A row, for one group.
#[inline(always)]
unsafe fn row<V: Vector>(pass: &DirectPass, input: &Input<'_>, group: &Group, output: &Output) {
    let (weights, bias) = pass.packed.of(group);
    macro_rules! of_count {
        ($($count:literal $vectors:literal)*) => {
            match (group.count, input.taps) {
                // SAFETY: passed on to the caller; weights and bias are those of a group of this size.
                $(($count, 1) => unsafe { tiles::<V, $count, $vectors, 1>(input, output, weights, bias) }
                // SAFETY: as above.
                ($count, 9) => unsafe { tiles::<V, $count, $vectors, 3>(input, output, weights, bias) })*
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

/// The tiles of a row.
#[inline(always)]
unsafe fn tiles<V: Vector, const M: usize, const P: usize, const K: usize>(
    input: &Input<'_>,
    output: &Output,
    weights: *const f32,
    bias: *const f32,
) {
    let (before, after) = input.reach;
    let wide = P * V::LANES;
    for x in (0..input.width).step_by(wide) {
        // SAFETY: passed on to the caller; without EDGE, all pixels that a tile reads and writes are in their rows.
        unsafe {
            if x >= before && x + wide + after <= input.width {
                tile::<V, M, P, K, false>(input, output, x, weights, bias);
            } else {
                tile::<V, M, P, K, true>(input, output, x, weights, bias);
            }
        }
    }
}

/// One tile: P vectors from column `x` on, for M channels. With EDGE, what lies beyond the borders reads as zero.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const P: usize, const K: usize, const EDGE: bool>(
    input: &Input<'_>,
    output: &Output,
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
        let mut lanes = [[V::lanes(0, 0); P]; K];
        if EDGE {
            for (lanes, column) in lanes.iter_mut().zip(input.columns) {
                for (p, lanes) in lanes.iter_mut().enumerate() {
                    *lanes = lanes_inside::<V>((x + p * V::LANES) as isize + column, input.width);
                }
            }
        }
        let to = output.row.wrapping_add(x);
        let reads = output.finish.reads();
        // Cache lines of a channel's pixels.
        let lines = (P * V::LANES).div_ceil(LINE);
        let each = (M * lines).div_ceil(input.planes.len());
        for (channel, plane) in input.planes.iter().enumerate() {
            // What a later tile writes, some of it with each channel: asked for all at once, it would hold up what is read.
            for place in (channel * each..M * lines).take(each) {
                let columns = TILES_AHEAD * P * V::LANES + place % lines * LINE;
                let next = to.wrapping_add(place / lines * output.step + columns);
                prefetch(next);
                if let Some(shift) = reads {
                    prefetch(next.wrapping_offset(shift));
                }
            }
            let start = input.arena.wrapping_add(plane.of_image(input.n) + x);
            let ahead = distance(input.planes, channel);
            let weights = weights.add(channel * input.taps * M);
            for line in input.lines {
                let from = start.wrapping_add(line.start);
                for at in (0..lines).map(|at| at * LINE) {
                    if line.newest {
                        prefetch_early(from.wrapping_add(TILES_AHEAD * P * V::LANES + at));
                    }
                    if !EDGE {
                        // All but what the tile before has read.
                        prefetch(from.wrapping_offset(ahead).wrapping_add(LINE + at));
                    }
                }
                let weights = weights.add(line.first * M);
                for k in 0..K {
                    let mut pixels = [V::splat(0.0); P];
                    for (p, pixels) in pixels.iter_mut().enumerate() {
                        let from = from.wrapping_add(p * V::LANES).wrapping_offset(input.columns[k]);
                        *pixels = if EDGE { V::load_lanes(from, lanes[k][p]) } else { V::load(from) };
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
            let to = to.wrapping_add(m * output.step);
            for (p, sum) in sums.into_iter().enumerate() {
                let to = to.wrapping_add(p * V::LANES);
                if EDGE {
                    let count = input.width.saturating_sub(x + p * V::LANES).min(V::LANES);
                    if count > 0 {
                        output.finish.store_part(sum, to, count);
                    }
                } else {
                    output.finish.store(sum, to);
                }
            }
        }
    }
}

/// Those lanes of a vector from column `at` on that are columns of a row of `width` pixels.
#[inline(always)]
pub(super) unsafe fn lanes_inside<V: Vector>(at: isize, width: usize) -> V::Lanes {
    let lanes = V::LANES as isize;
    let first = (-at).clamp(0, lanes);
    let end = (width as isize - at).clamp(first, lanes);
    // SAFETY: the caller has the level.
    unsafe { V::lanes(first as usize, end as usize) }
}

/// A vector of a row of `width` pixels from column `at` on, zeros where that is outside.
#[inline(always)]
pub(crate) unsafe fn inside<V: Vector>(from: *const f32, at: isize, width: usize) -> V {
    // Of the taps of a tile at the border, most are inside all the same.
    if at >= 0 && at + V::LANES as isize <= width as isize {
        // SAFETY: all lanes are columns of the row.
        return unsafe { V::load(from) };
    }
    // SAFETY: the lanes are columns of the row.
    unsafe { V::load_lanes(from, lanes_inside::<V>(at, width)) }
}
