//! The rows of a pass at one instruction level: cut into tiles, each pointed at what it reads, computed,
//! finished and stored. A tile whose taps all lie inside reads the source itself; one that touches the
//! border reads a copy with zeros around it. What the next tiles will touch is asked for ahead of time.

use std::ops::Range;

use super::pack::Group;
use super::pass::{Geometry, MOST_TAPS, Operands, Pass, Worker};
use super::tile::{RowTap, TileInput, few, wide};
use crate::vector::{Kernel, Vector};
use crate::view::LANES;

/// Most floats in a tile: 28 pixels x 16 channels, or 14 x 32.
const TILE: usize = 28 * LANES;
/// Most runs of pixels that are asked for ahead of time.
const MOST_AHEAD: usize = 12;
/// Above this many bytes of weights, a row is done group by group, so that those of one stay in the cache.
const CACHED_WEIGHTS: usize = 384 << 10;

/// Some rows of a pass.
pub(super) struct Rows<'a> {
    pub pass: &'a Pass,
    pub operands: &'a Operands<'a>,
    pub rows: Range<usize>,
    pub worker: &'a mut Worker,
}

/// Tiles for a row of `columns` pixels: as few as `most` pixels allow, all of the least size that `sizes` has.
fn tile_pixels(columns: usize, sizes: &[usize]) -> usize {
    let most = sizes[sizes.len() - 1];
    let each = columns.div_ceil(columns.div_ceil(most));
    sizes.iter().copied().find(|size| *size >= each).unwrap_or(most)
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Rows { pass, operands, rows, worker } = self;
        let groups = &pass.packed.groups;
        let one_by_one = pass.packed.bytes() > CACHED_WEIGHTS;
        for row in rows {
            let (n, y) = (row / pass.rows.len(), pass.rows[row % pass.rows.len()]);
            let mut row = Row { pass, operands, worker, n, y };
            // SAFETY: passed on to the caller; the level has the registers that its tiles are made for.
            unsafe {
                let mut first = 0;
                while first < groups.len() {
                    let (form, like) = match first < pass.packed.pairs {
                        true => (Form::Pair, pass.packed.pairs),
                        false if pass.packed.few => (Form::Few, groups.len()),
                        false => (Form::Single, groups.len()),
                    };
                    let end = if one_by_one { first + 1 } else { like };
                    row.tiles::<V>(&groups[first..end], form);
                    first = end;
                }
            }
        }
    }
}

/// One row of a pass.
struct Row<'a, 'b> {
    pass: &'a Pass,
    operands: &'a Operands<'a>,
    worker: &'b mut Worker,
    n: usize,
    y: usize,
}

/// The form of the tiles of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Lanes over output channels, two blocks of them.
    Pair,
    /// Lanes over output channels, one block.
    Single,
    /// Lanes over input channels.
    Few,
}

impl Form {
    /// The sizes of tile there are, in pixels.
    #[inline(always)]
    pub fn sizes<V: Vector>(self) -> &'static [usize] {
        match (self, V::LANES) {
            (Form::Pair, _) => &[2, 4, 6, 8, 10, 12, 14],
            (Form::Single, 16) => &[2, 4, 8, 12, 16, 20, 24, 28],
            (Form::Single, _) => &[1, 2, 3, 4, 5, 6],
            (Form::Few, 16) => &[2, 4, 8, 12],
            (Form::Few, _) => &[2, 4, 6],
        }
    }

    /// Computes a tile of one of the sizes: as many sums as the registers of the level hold.
    ///
    /// # Safety
    /// As for [`wide`] or [`few`].
    #[inline(always)]
    pub unsafe fn tile<V: Vector>(
        self,
        pixels: usize,
        input: TileInput<'_>,
        channels: usize,
        weights: *const f32,
        bias: *const f32,
        out: *mut f32,
    ) {
        macro_rules! of_size {
            ($($size:literal)*, $tile:ident, $parts:literal, $arguments:tt) => {
                match pixels {
                    $($size => $tile::<V, $parts, $size> $arguments,)*
                    _ => unreachable!("a tile of {pixels} pixels"),
                }
            };
        }
        // SAFETY: passed on to the caller.
        unsafe {
            if V::LANES == 16 {
                match self {
                    Form::Pair => of_size!(2 4 6 8 10 12 14, wide, 2, (input, weights, bias, out)),
                    Form::Single => of_size!(2 4 8 12 16 20 24 28, wide, 1, (input, weights, bias, out)),
                    Form::Few => of_size!(2 4 8 12, few, 1, (input, channels, weights, bias, out)),
                }
            } else {
                match self {
                    Form::Few => of_size!(2 4 6, few, 2, (input, channels, weights, bias, out)),
                    _ => of_size!(1 2 3 4 5 6, wide, 2, (input, weights, bias, out)),
                }
            }
        }
    }
}

impl Row<'_, '_> {
    /// All tiles of the row for some groups of one form.
    #[inline(always)]
    unsafe fn tiles<V: Vector>(&mut self, groups: &[Group], form: Form) {
        if groups.is_empty() {
            return;
        }
        let Pass { geometry, packed, columns, .. } = self.pass;
        let pixels = tile_pixels(*columns, form.sizes::<V>());
        let mut taps = [RowTap::default(); MOST_TAPS];
        let mut columns_of = [0isize; MOST_TAPS];
        let mut rows_of = [0usize; MOST_TAPS];
        let mut count = 0;
        for (index, tap) in geometry.taps.iter().enumerate() {
            let row = (self.y * geometry.source_step) as isize + tap.row;
            if self.pass.inside[index] && row >= 0 && row < geometry.source.0 as isize {
                (taps[count].index, rows_of[count], columns_of[count]) = (index, row as usize, tap.column);
                count += 1;
            }
        }
        let (rows_of, columns_of) = (&rows_of[..count], &columns_of[..count]);
        // Rows are done downwards, so the lowest is the one not yet in the cache.
        let newest = rows_of.iter().copied().max().unwrap_or(0);
        let mut tile = std::mem::MaybeUninit::<[f32; TILE]>::uninit();
        let tile = tile.as_mut_ptr().cast::<f32>();
        for x in (0..*columns).step_by(pixels) {
            // SAFETY: inside, all taps of the tile's pixels are in the source; a border tile reads its copy.
            // Stored are only pixels of the row.
            unsafe {
                let inside = geometry.source_step == 1
                    && x as isize + self.pass.reach.0 >= 0
                    && (x + pixels) as isize + self.pass.reach.1 <= geometry.source.1 as isize;
                if inside {
                    for (tap, (row, column)) in taps.iter_mut().zip(rows_of.iter().zip(columns_of)) {
                        tap.offset = ((row * geometry.source.1) as isize + column) * LANES as isize;
                    }
                    for (source, block) in self.worker.sources.iter_mut().zip(self.operands.blocks) {
                        let start = block.offset + self.n * block.image + x * LANES;
                        *source = self.operands.source.add(start);
                    }
                } else {
                    self.copy_border::<V>(x, pixels, rows_of, columns_of, &mut taps);
                }
                let blocks = self.operands.blocks;
                let input = TileInput {
                    ahead: &[],
                    sources: &self.worker.sources[..blocks.len()],
                    blocks,
                    taps: &taps[..count],
                    all_taps: geometry.taps.len(),
                };
                for group in groups {
                    let mut ahead = [std::ptr::null::<f32>(); MOST_AHEAD];
                    let count = self.look_ahead(group, x, pixels, newest, &mut ahead);
                    let input = TileInput { ahead: &ahead[..count], ..input };
                    let weights = packed.weights.pointer().add(group.weights);
                    let bias = packed.bias.pointer().add(group.block * LANES);
                    form.tile::<V>(pixels, input, self.operands.view.channels, weights, bias, tile);
                    self.store::<V>(group, x, pixels.min(columns - x), tile);
                }
            }
        }
    }

    /// Lists what a tile will write and read at its end, and (for the first group) the source pixels that the
    /// next tile is the first to read.
    #[inline(always)]
    fn look_ahead(
        &self,
        group: &Group,
        x: usize,
        pixels: usize,
        newest: usize,
        ahead: &mut [*const f32; MOST_AHEAD],
    ) -> usize {
        let Geometry { source, target_step, phase, source_step, .. } = &self.pass.geometry;
        let mut count = 0;
        let mut put = |pointer: *const f32| {
            if count < MOST_AHEAD {
                ahead[count] = pointer;
                count += 1;
            }
        };
        let operands = self.operands;
        let (row, column) = (self.y * target_step + phase.0, x * target_step + phase.1);
        for block in 0..group.blocks {
            let to = operands.target.get().wrapping_add(operands.view.at(
                self.n,
                group.block + block,
                row,
                column,
            ));
            put(to);
            if let Some(shift) = operands.finish.reads() {
                put(to.wrapping_offset(shift));
            }
        }
        if group.block == 0 {
            let next = newest * source.1 + (x + pixels) * source_step;
            for block in operands.blocks {
                put(operands.source.wrapping_add(block.offset + self.n * block.image + next * LANES));
            }
        }
        count
    }

    /// Copies the pixels of a tile under each tap, with zeros for those outside, and points the taps there.
    #[inline(always)]
    unsafe fn copy_border<V: Vector>(
        &mut self,
        x: usize,
        pixels: usize,
        rows: &[usize],
        columns: &[isize],
        taps: &mut [RowTap],
    ) {
        let geometry = &self.pass.geometry;
        let (width, step) = (geometry.source.1, geometry.source_step);
        let mut to = self.worker.border.pointer_mut();
        for (source, block) in self.worker.sources.iter_mut().zip(self.operands.blocks) {
            *source = to;
            for (tap, (row, column)) in rows.iter().zip(columns).enumerate() {
                taps[tap].offset = (tap * pixels * LANES) as isize;
                for p in 0..pixels {
                    let at = ((x + p) * step) as isize + column;
                    let outside = at < 0 || at >= width as isize;
                    // SAFETY: the copy has room for the pixels of each tap of each block; reads are inside.
                    unsafe {
                        for lane in (0..LANES).step_by(V::LANES) {
                            let value = if outside {
                                V::splat(0.0)
                            } else {
                                let pixel = (row * width + at as usize) * LANES + lane;
                                let start = block.offset + self.n * block.image;
                                V::load(self.operands.source.add(start + pixel))
                            };
                            value.store(to.add(lane));
                        }
                        to = to.add(LANES);
                    }
                }
            }
        }
    }

    /// Finishes and stores `pixels` pixels of a tile.
    #[inline(always)]
    unsafe fn store<V: Vector>(&self, group: &Group, x: usize, pixels: usize, tile: *const f32) {
        let Geometry { target_step, phase, .. } = self.pass.geometry;
        let view = &self.operands.view;
        for block in 0..group.blocks {
            let (row, column) = (self.y * target_step + phase.0, x * target_step + phase.1);
            let at = view.at(self.n, group.block + block, row, column);
            for p in 0..pixels {
                for lane in (0..LANES).step_by(V::LANES) {
                    // SAFETY: the pixel is in the target's row.
                    unsafe {
                        let value = V::load(tile.add((p * group.blocks + block) * LANES + lane));
                        let to = self.operands.target.get().add(at + p * target_step * LANES + lane);
                        self.operands.finish.store(value, to);
                    }
                }
            }
        }
    }
}
