//! The innermost loops of a direct pass: a tile is some vectors of pixels of one row, for all channels of a group
//! at once. Its sums stay in registers; each vector that is read serves all channels, each weight all vectors. While a
//! group's weights stay in the nearest cache, what it reads passes through, asked for one channel before it is needed.

use super::border::Columns;
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
    /// Whether no other line reads further down: where rows are done downwards, it is the first to need its row.
    newest: bool,
}

/// What a tile reads.
#[derive(Clone, Copy)]
struct Input<'a> {
    arena: *const f32,
    n: usize,
    planes: &'a [Plane],
    /// Lines that follow one another in the kernel, and the place of their first tap among all taps.
    lines: &'a [RowLine],
    first_tap: usize,
    /// Columns read beside the one written, alike in all lines; `taps` of the kernel in all.
    columns: [isize; MOST_COLUMNS],
    taps: usize,
    /// Columns that are read beyond the left and the right of the one written.
    reach: (usize, usize),
    width: usize,
    /// Floats between the end of a row and the start of the row that is done after it.
    between: usize,
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Rows { pass, operands, n, rows } = self;
        let (h, w) = pass.size;
        let mut lines = [RowLine::default(); MOST_LINES];
        for &y in rows {
            let (mut count, mut first_tap) = (0, 0);
            for line in &pass.lines {
                let Some(row) = y.checked_add_signed(line.row).filter(|row| *row < h) else { continue };
                if count == 0 {
                    first_tap = line.first;
                }
                lines[count] = RowLine { start: row * w, newest: false };
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
                first_tap,
                columns: kernel.columns,
                taps: pass.lines.len() * kernel.count,
                reach: kernel.reach(),
                width: w,
                between: (pass.stride - 1) * w,
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

/// Where a group writes a row: to planes of one map, which lie equally far apart and have one last step.
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
        // A last step that reads a line for each that it writes keeps memory busy enough (a gradient by one channel,
        // 115 MB: 6.9 ms past the caches, 4.7 through them).
        let finish = if first.finish.reads().is_some() { first.finish.near() } else { first.finish };
        Some(Output { row, step, finish })
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

/// The tiles of a row: single vectors where too few are left to fill one.
#[inline(always)]
unsafe fn tiles<V: Vector, const M: usize, const P: usize, const K: usize>(
    input: &Input<'_>,
    output: &Output,
    weights: *const f32,
    bias: *const f32,
) {
    let (before, after) = input.reach;
    let wide = P * V::LANES;
    let mut x = 0;
    while x < input.width {
        // SAFETY: passed on to the caller; without EDGE, all pixels that a tile reads and writes are in their rows.
        x += unsafe {
            if x >= before && x + wide + after <= input.width {
                tile::<V, M, P, K, false>(input, output, x, weights, bias)
            } else if x + wide < input.width + V::LANES {
                tile::<V, M, P, K, true>(input, output, x, weights, bias)
            } else {
                tile::<V, M, 1, K, true>(input, output, x, weights, bias)
            }
        };
    }
}

/// One tile: P vectors from column `x` on, for M channels. With EDGE, what lies beyond the borders reads as zero.
/// Returns its columns.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const P: usize, const K: usize, const EDGE: bool>(
    input: &Input<'_>,
    output: &Output,
    x: usize,
    weights: *const f32,
    bias: *const f32,
) -> usize {
    // SAFETY: of the reads and writes, see the callers; there are M weights for each tap of each channel.
    unsafe {
        let mut sums = [[V::splat(0.0); P]; M];
        for (m, sums) in sums.iter_mut().enumerate() {
            *sums = [V::splat(*bias.add(m)); P];
        }
        let mut columns = [[Columns::<V>::new(0, 0); P]; K];
        if EDGE {
            for (columns, shift) in columns.iter_mut().zip(input.columns) {
                for (p, columns) in columns.iter_mut().enumerate() {
                    *columns = Columns::new((x + p * V::LANES) as isize + shift, input.width);
                }
            }
        }
        // Where the tile is that is asked for; in the row after this one, if this one has no more.
        let mut later = TILES_AHEAD * P * V::LANES;
        if x + later >= input.width {
            later += input.between;
        }
        let to = output.row.wrapping_add(x);
        let (streams, reads) = (output.finish.streams::<V>(to.wrapping_add(later)), output.finish.reads());
        // Cache lines of a channel's pixels.
        let lines = (P * V::LANES).div_ceil(LINE);
        let each = (M * lines).div_ceil(input.planes.len());
        for (channel, plane) in input.planes.iter().enumerate() {
            // What a later tile writes, some of it with each channel: asked for all at once, it would hold up reading.
            for place in (channel * each..M * lines).take(each) {
                let next = to.wrapping_add(place / lines * output.step + later + place % lines * LINE);
                if !streams {
                    prefetch(next);
                }
                if let Some(shift) = reads {
                    prefetch(next.wrapping_offset(shift));
                }
            }
            let start = input.arena.wrapping_add(plane.of_image(input.n) + x);
            let ahead = distance(input.planes, channel);
            let mut weights = weights.add((channel * input.taps + input.first_tap) * M);
            for line in input.lines {
                let from = start.wrapping_add(line.start);
                for at in (0..lines).map(|at| at * LINE) {
                    if line.newest {
                        prefetch_early(from.wrapping_add(later + at));
                    }
                    if !EDGE {
                        // All but what the tile before has read.
                        prefetch(from.wrapping_offset(ahead).wrapping_add(LINE + at));
                    }
                }
                for k in 0..K {
                    let mut pixels = [V::splat(0.0); P];
                    for (p, pixels) in pixels.iter_mut().enumerate() {
                        let from = from.wrapping_add(p * V::LANES).wrapping_offset(input.columns[k]);
                        *pixels = columns[k][p].load::<EDGE>(from);
                    }
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let weight = V::splat(*weights.add(k * M + m));
                        for (sum, pixels) in sums.iter_mut().zip(pixels) {
                            *sum = pixels.fused(weight, *sum);
                        }
                    }
                }
                weights = weights.add(K * M);
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
        P * V::LANES
    }
}
