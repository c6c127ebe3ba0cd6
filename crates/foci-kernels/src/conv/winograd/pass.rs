//! One pass of a 3x3 convolution by way of the points of its tiles: a block of tiles is transformed, multiplied
//! with the kernels point by point, transformed back, finished and stored, all in the nearest caches.

use std::ops::Range;

use super::ahead::Ahead;
use super::pack::pack;
use super::source::source_points;
use super::tiles::{Tiles, Window};
use super::transform::output;
use super::{GROUP, IN, OUT, POINTS, TILES, point_floats};
use crate::conv::blocks::{Block, PerWorker};
use crate::conv::pack::{Group, Packed};
use crate::conv::pass::{Geometry, Operands, Worker};
use crate::conv::row::Form;
use crate::conv::tile::{RowTap, TileInput};
use crate::simd::Simd;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};
use crate::view::{LANES, View};

/// The bias is added to the outputs, not to the products.
static NO_BIAS: [f32; GROUP * LANES] = [0.0; GROUP * LANES];

/// A pass from a list of channel blocks to one view.
pub(crate) struct WinogradPass {
    simd: Simd,
    tiles: Tiles,
    packed: Packed,
    /// For each position of the kernel, the tap that is there.
    taps: [usize; 9],
}

impl WinogradPass {
    /// For the nine taps of a 3x3 kernel in any order.
    pub fn new(simd: Simd, geometry: &Geometry, source: &[Block], target: &View) -> WinogradPass {
        let tiles = Tiles::new(target.n, target.h, target.w, geometry.dilation);
        let packed = Packed::new(simd, source, target, POINTS);
        assert!(!packed.few, "few output channels are summed directly");
        let mut taps = [0; 9];
        for (index, tap) in geometry.taps.iter().enumerate() {
            let position = |shift: isize| (1 + shift / geometry.dilation as isize) as usize;
            taps[position(tap.row) * 3 + position(tap.column)] = index;
        }
        WinogradPass { simd, tiles, packed, taps }
    }

    pub fn bytes(&self) -> usize {
        self.packed.bytes()
    }

    /// Packs `weight(output channel, input channel, tap)` and `bias(output channel)`.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        let taps = self.taps;
        pack(self.simd, &mut self.packed, |o, i, position| weight(o, i, taps[position]), bias);
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// As for [`Pass::run`](crate::conv::pass::Pass::run); the workers have the scratch of
    /// [`pass_floats`](super::pass_floats) as well.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>, workers: &PerWorker<Worker>) {
        assert!(
            self.simd == compute.simd() && workers.workers() >= compute.threads(),
            "a layer runs on the pool it was prepared for, or one like it"
        );
        let blocks = self.tiles.blocks();
        let each = blocks.div_ceil(compute.threads() * 16).clamp(1, 8);
        compute.run(blocks.div_ceil(each), &|task, worker| {
            let blocks = task * each..blocks.min((task + 1) * each);
            // SAFETY: each worker runs one task at a time, and tiles write different pixels.
            unsafe {
                let worker = workers.get(worker);
                run_at(self.simd, TileBlocks { pass: self, operands: &operands, blocks, worker });
            }
        });
    }
}

/// Some blocks of tiles of a pass.
struct TileBlocks<'a> {
    pass: &'a WinogradPass,
    operands: &'a Operands<'a>,
    blocks: Range<usize>,
    worker: &'a mut Worker,
}

impl Kernel for TileBlocks<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let Operands { source, blocks, target, view, finish } = *self.operands;
        let grid = self.pass.tiles;
        let mut next = grid.block(self.blocks.start);
        for block in self.blocks.clone() {
            let tiles = next;
            next = grid.block(if block + 1 < self.blocks.end { block + 1 } else { grid.blocks() });
            // SAFETY: passed on to the caller; the scratch holds both sides of the products.
            unsafe {
                let points = self.worker.points();
                source_points::<V>(source, blocks, &grid, &tiles, points);
                let sums = points.add(POINTS * point_floats(blocks.len()));
                for group in &self.pass.packed.groups {
                    let (written, count) = blocks_of(group, &view, finish.reads());
                    let first = group.block == 0;
                    let mut ahead = [
                        Ahead::new(target.get(), &written[..count], &tiles, &grid, false),
                        Ahead::new(source, if first { blocks } else { &[] }, &next, &grid, true),
                    ];
                    self.multiply::<V>(group, tiles.len(), points, sums, &mut ahead);
                    for (k, tile) in tiles.iter().enumerate() {
                        self.store::<V>(
                            group,
                            tile.n,
                            &grid.output(*tile),
                            sums.add(k * group.blocks * LANES),
                        );
                    }
                }
            }
        }
    }
}

/// The channel blocks that a group of outputs is written to, and those read for it on the way.
fn blocks_of(group: &Group, view: &View, reads: Option<isize>) -> ([Block; 2 * GROUP], usize) {
    let mut list = [Block { offset: 0, image: view.image_floats(), valid: 0 }; 2 * GROUP];
    let mut count = 0;
    for block in group.block..group.block + group.blocks {
        for shift in [Some(0), reads].into_iter().flatten() {
            list[count].offset = view.at(0, block, 0, 0).wrapping_add_signed(shift);
            count += 1;
        }
    }
    (list, count)
}

impl TileBlocks<'_> {
    /// The sums over input channels at each point: [point][tile][channel of the group].
    #[inline(always)]
    unsafe fn multiply<V: Vector>(
        &mut self,
        group: &Group,
        count: usize,
        points: *const f32,
        sums: *mut f32,
        ahead: &mut [Ahead<'_>; 2],
    ) {
        let packed = &self.pass.packed;
        let blocks = self.operands.blocks;
        let form = if group.blocks == 2 { Form::Pair } else { Form::Single };
        let sizes = form.sizes::<V>();
        let most = sizes[sizes.len() - 1];
        for (at, source) in self.worker.sources.iter_mut().take(blocks.len()).enumerate() {
            *source = points.wrapping_add(at * TILES * LANES);
        }
        // SAFETY: both sides have room for TILES tiles, and no size goes beyond them; weights and sources as
        // they were packed.
        unsafe {
            let weights = packed.weights.pointer().add(group.weights);
            let each = [0, 1].map(|side: usize| ahead[side].count().div_ceil(POINTS * count.div_ceil(most)));
            for point in 0..POINTS {
                let mut k = 0;
                while k < count {
                    let pixels = sizes.iter().copied().find(|size| *size >= count - k).unwrap_or(most);
                    let offset = (point * point_floats(blocks.len()) + k * LANES) as isize;
                    let input = TileInput {
                        sources: &self.worker.sources[..blocks.len()],
                        blocks,
                        taps: &[RowTap { offset, index: point }],
                        all_taps: POINTS,
                        ahead: &[],
                    };
                    ahead[0].fetch(each[0]);
                    ahead[1].fetch(each[1]);
                    let to = sums.add(point * point_floats(group.blocks) + k * group.blocks * LANES);
                    form.tile::<V>(pixels, input, 0, weights, NO_BIAS.as_ptr(), to);
                    k += pixels;
                }
            }
        }
    }

    /// Transforms the sums of one tile back and stores those of its pixels that are in the image.
    #[inline(always)]
    unsafe fn store<V: Vector>(&self, group: &Group, n: usize, window: &Window, sums: *const f32) {
        let view = &self.operands.view;
        let stride = point_floats(group.blocks);
        let (corner, rows, columns) = window.corner();
        let (row, column) = self.pass.tiles.strides();
        let mut pixels = [0.0f32; OUT * OUT * LANES];
        for block in 0..group.blocks {
            let start = view.at(n, group.block + block, 0, 0) + corner;
            for lane in (0..LANES).step_by(V::LANES) {
                // SAFETY: the sums are laid out as `multiply` writes them; pixels stored are in the image.
                unsafe {
                    let bias =
                        V::load(self.pass.packed.bias.pointer().add((group.block + block) * LANES + lane));
                    tile_outputs::<V>(sums.add(block * LANES + lane), stride, bias, pixels.as_mut_ptr());
                    for i in 0..rows {
                        for j in 0..columns {
                            let value = V::load(pixels.as_ptr().add((i * OUT + j) * V::LANES));
                            let to = start + i * row + j * column + lane;
                            self.operands.finish.store(value, self.operands.target.get().add(to));
                        }
                    }
                }
            }
        }
    }
}

/// One vector of the 16 outputs of a tile: columns, then rows, then the bias.
#[inline(always)]
unsafe fn tile_outputs<V: Vector>(sums: *const f32, stride: usize, bias: V, to: *mut f32) {
    // SAFETY: see `TileBlocks::store`.
    unsafe {
        let mut half = [[V::splat(0.0); IN]; OUT];
        for j in 0..IN {
            let mut values = [V::splat(0.0); IN];
            for i in 0..IN {
                values[i] = V::load(sums.add((i * IN + j) * stride));
            }
            let values = output(values);
            for i in 0..OUT {
                half[i][j] = values[i];
            }
        }
        for i in 0..OUT {
            let values = output(half[i]);
            for j in 0..OUT {
                values[j].add(bias).store(to.add((i * OUT + j) * V::LANES));
            }
        }
    }
}
