//! The gradient by weights by way of the points of the tiles: at each point, the products of input and gradient
//! are summed over the tiles of a chunk, and then transformed to nine taps, Gᵀ u G. Chunks, and how their sums
//! become the gradient, are those of the direct form.

use super::ahead::Ahead;
use super::source::{gradient_points, source_points};
use super::tiles::Tiles;
use super::transform::kernel_gradient;
use super::{IN, POINTS, TILES, point_floats};
use crate::conv::blocks::PerWorker;
use crate::conv::correlate::{correlate_block, sum_lanes};
use crate::conv::pass::Worker;
use crate::conv::sums::{MOST_CHUNKS, Part, Sums};
use crate::conv::weight_gradient::Maps;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};
use crate::view::LANES;

/// Least blocks of tiles in a chunk, so that its way back is worth its time.
const CHUNK_BLOCKS: usize = 2;

/// The gradient by 3x3 kernels.
pub(crate) struct WinogradGradient {
    tiles: Tiles,
    sums: Sums,
    /// Valid channels of each block of the broadcast side.
    broadcast: Vec<usize>,
}

impl WinogradGradient {
    /// For maps of [n, h, w] whose blocks have so many valid channels.
    pub fn new(
        (n, h, w): (usize, usize, usize),
        dilation: usize,
        vector: &[usize],
        broadcast: &[usize],
        bias_blocks: usize,
    ) -> WinogradGradient {
        let tiles = Tiles::new(n, h, w, dilation);
        let chunks = (tiles.blocks() / CHUNK_BLOCKS).clamp(1, MOST_CHUNKS);
        let sums = Sums::new(chunks, vector, broadcast, 3, bias_blocks);
        WinogradGradient { tiles, sums, broadcast: broadcast.to_vec() }
    }

    pub fn bytes(&self) -> usize {
        self.sums.bytes()
    }

    /// As [`WeightGradient::run`](crate::conv::weight_gradient::WeightGradient::run); the workers have the scratch
    /// of [`gradient_floats`](super::gradient_floats).
    pub fn run(
        &mut self,
        compute: &Compute,
        workers: &PerWorker<Worker>,
        maps: Maps<'_>,
        d_weights: &mut [f32],
        place: impl Fn(usize, usize, usize, usize) -> usize + Sync,
        d_bias: &mut [f32],
    ) {
        assert!(workers.workers() >= compute.threads(), "a layer runs on the pool it was prepared for");
        let simd = compute.simd();
        let memory = self.sums.memory();
        let this = &*self;
        this.sums.run(compute, memory, d_weights, place, d_bias, |part, worker| {
            // SAFETY: each part has sums of its own, each worker its scratch, and shapes were checked by the layer.
            unsafe {
                let points = workers.get(worker).points();
                run_at(simd, Chunk { this, maps, part, points });
            }
        });
    }
}

/// The sums of one chunk of tiles, for some blocks of the vector side.
struct Chunk<'a> {
    this: &'a WinogradGradient,
    maps: Maps<'a>,
    part: Part,
    points: *mut f32,
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Chunk { this, maps, ref part, points } = self;
        let vectors = part.blocks.len();
        let arena = maps.arena.pointer();
        let (vector, broadcast) = (&maps.vector[part.blocks.clone()], maps.broadcast);
        // Which of the two sides is the gradient of the output.
        let swapped = !maps.bias_from_vector;
        // SAFETY: the scratch has room for the points of both sides and the sums; the sums for the bias are this
        // part's, as `Part` says.
        unsafe {
            let others = points.add(POINTS * point_floats(vectors));
            let sums = others.add(POINTS * point_floats(broadcast.len()));
            let channels: usize = this.broadcast.iter().sum();
            std::slice::from_raw_parts_mut(sums, POINTS * vectors * channels * LANES).fill(0.0);
            let (bias_points, bias_blocks, bias) = if swapped {
                (others, if part.first { 0..broadcast.len() } else { 0..0 }, part.bias)
            } else {
                (points, 0..vectors, part.bias.add(part.blocks.start * LANES))
            };
            std::slice::from_raw_parts_mut(bias, bias_blocks.len() * LANES).fill(0.0);
            let grid = &this.tiles;
            let (blocks, chunks) = (grid.blocks(), this.sums.chunks);
            let range = part.chunk * blocks / chunks..(part.chunk + 1) * blocks / chunks;
            let mut next = grid.block(range.start);
            for block in range.clone() {
                let tiles = next;
                next = grid.block(if block + 1 < range.end { block + 1 } else { blocks });
                if swapped {
                    source_points::<V>(arena, vector, grid, &tiles, points);
                    gradient_points::<V>(arena, broadcast, grid, &tiles, others);
                } else {
                    gradient_points::<V>(arena, vector, grid, &tiles, points);
                    source_points::<V>(arena, broadcast, grid, &tiles, others);
                }
                // At the point (1, 1) lies the sum of the pixels of a tile.
                let side = if swapped { broadcast.len() } else { vectors };
                let at_one = bias_points.add((IN + 1) * point_floats(side));
                for block in bias_blocks.clone() {
                    sum_lanes::<V>(at_one.add(block * TILES * LANES), tiles.len(), bias.add(block * LANES));
                }
                let mut ahead = [
                    Ahead::new(arena, vector, &next, grid, swapped),
                    Ahead::new(arena, broadcast, &next, grid, !swapped),
                ];
                self.multiply::<V>(tiles.len(), vectors, others, sums, &mut ahead);
            }
            for block in 0..vectors {
                self.taps::<V>(block, vectors, channels, sums);
            }
        }
    }
}

impl Chunk<'_> {
    /// Adds the products of one block of tiles to the sums, [point][vector block][broadcast channel][16].
    #[inline(always)]
    unsafe fn multiply<V: Vector>(
        &self,
        tiles: usize,
        vectors: usize,
        others: *const f32,
        sums: *mut f32,
        ahead: &mut [Ahead<'_>; 2],
    ) {
        let channels: usize = self.this.broadcast.iter().sum();
        let (stride, other_stride) = (point_floats(vectors), point_floats(self.this.broadcast.len()));
        let each = [0, 1].map(|side: usize| ahead[side].count().div_ceil(POINTS * self.this.broadcast.len()));
        for point in 0..POINTS {
            let mut first = 0;
            for (at, valid) in self.this.broadcast.iter().enumerate() {
                ahead[0].fetch(each[0]);
                ahead[1].fetch(each[1]);
                // SAFETY: both sides and the sums are laid out as described.
                unsafe {
                    let other = others.add(point * other_stride + at * TILES * LANES);
                    let mut block = 0;
                    while block < vectors {
                        let from = self.points.add(point * stride + block * TILES * LANES).cast_const();
                        let to = sums.add(((point * vectors + block) * channels + first) * LANES);
                        let column = channels * LANES;
                        if V::LANES == LANES && block + 2 <= vectors {
                            let pair = [from, from.add(TILES * LANES)];
                            correlate_block::<V, 2>(other, *valid, pair, tiles, to, column, None);
                            block += 2;
                        } else {
                            correlate_block::<V, 1>(other, *valid, [from], tiles, to, column, None);
                            block += 1;
                        }
                    }
                }
                first += valid;
            }
        }
    }

    /// Transforms the sums of one vector block to nine taps.
    #[inline(always)]
    unsafe fn taps<V: Vector>(&self, block: usize, vectors: usize, channels: usize, sums: *const f32) {
        let mut first = 0;
        for (at, valid) in self.this.broadcast.iter().enumerate() {
            for i in 0..*valid {
                for lane in (0..LANES).step_by(V::LANES) {
                    // SAFETY: the sums are laid out as in `multiply`, those of the chunk as `Sums` says.
                    unsafe {
                        let from = sums.add((block * channels + first + i) * LANES + lane);
                        let before = self.this.sums.before(self.part.blocks.start + block, at);
                        let to = self.part.sums.add(before + i * LANES + lane);
                        kernel_taps::<V>(from, vectors * channels * LANES, to, valid * LANES);
                    }
                }
            }
            first += valid;
        }
    }
}

/// Gᵀ u G of one vector.
#[inline(always)]
unsafe fn kernel_taps<V: Vector>(from: *const f32, stride: usize, to: *mut f32, tap: usize) {
    // SAFETY: see `Chunk::taps`.
    unsafe {
        let mut half = [[V::splat(0.0); IN]; 3];
        for j in 0..IN {
            let mut values = [V::splat(0.0); IN];
            for i in 0..IN {
                values[i] = V::load(from.add((i * IN + j) * stride));
            }
            let values = kernel_gradient(values);
            for i in 0..3 {
                half[i][j] = values[i];
            }
        }
        for i in 0..3 {
            let values = kernel_gradient(half[i]);
            for j in 0..3 {
                values[j].store(to.add((i * 3 + j) * tap));
            }
        }
    }
}
