//! From pixels to the points of their tiles: Bᵀ d B of a feature map, A dy Aᵀ of the gradient of an output.
//! Points are kept as `[point][block][tile][16]`, so that those of one point are a matrix of tiles by channels.
//! A tile that reaches over the border is copied first, with zeros outside.

use super::tiles::{Tile, Tiles, Window};
use super::transform::{gradient, source};
use super::{IN, OUT, TILES, point_floats};
use crate::conv::blocks::Block;
use crate::vector::Vector;
use crate::view::LANES;

/// Transforms `tiles`, some of those of `grid`, of a feature map that a convolution reads.
///
/// # Safety
/// The CPU has the level; `blocks` lie inside the arena that starts at `arena` and have the size and batch of
/// `grid`; `to` is good for 36 times [`point_floats`] of them.
#[inline(always)]
pub(super) unsafe fn source_points<V: Vector>(
    arena: *const f32,
    blocks: &[Block],
    grid: &Tiles,
    tiles: &[Tile],
    to: *mut f32,
) {
    // SAFETY: passed on to the caller.
    unsafe { points::<V, IN>(arena, blocks, grid, tiles, to) }
}

/// Transforms tiles of the gradient of what a convolution writes.
///
/// # Safety
/// As for [`source_points`].
#[inline(always)]
pub(super) unsafe fn gradient_points<V: Vector>(
    arena: *const f32,
    blocks: &[Block],
    grid: &Tiles,
    tiles: &[Tile],
    to: *mut f32,
) {
    // SAFETY: passed on to the caller.
    unsafe { points::<V, OUT>(arena, blocks, grid, tiles, to) }
}

/// Tiles of SIDE x SIDE pixels: [`IN`] for a source, [`OUT`] for a gradient.
#[inline(always)]
unsafe fn points<V: Vector, const SIDE: usize>(
    arena: *const f32,
    blocks: &[Block],
    grid: &Tiles,
    tiles: &[Tile],
    to: *mut f32,
) {
    let stride = point_floats(blocks.len());
    let mut copy = [0.0f32; IN * IN * LANES];
    for (k, tile) in tiles.iter().enumerate() {
        let window = if SIDE == IN { grid.source(*tile) } else { grid.output(*tile) };
        for (at, block) in blocks.iter().enumerate() {
            // SAFETY: a whole window is inside the image; a copy holds SIDE x SIDE pixels.
            unsafe {
                let image = arena.add(block.offset + tile.n * block.image);
                let (from, (row, column)) = match window.pixel(0, 0) {
                    Some(corner) if window.whole => (image.add(corner), grid.strides()),
                    _ => {
                        copy_window::<V, SIDE>(image, &window, &mut copy);
                        (copy.as_ptr(), (SIDE * LANES, LANES))
                    }
                };
                let to = to.add((at * TILES + k) * LANES);
                for lane in (0..LANES).step_by(V::LANES) {
                    tile_points::<V, SIDE>(from.add(lane), row, column, to.add(lane), stride);
                }
            }
        }
    }
}

/// Copies SIDE x SIDE pixels, zeros for those outside.
#[inline(always)]
unsafe fn copy_window<V: Vector, const SIDE: usize>(
    image: *const f32,
    window: &Window,
    copy: &mut [f32; IN * IN * LANES],
) {
    for i in 0..SIDE {
        for j in 0..SIDE {
            let pixel = window.pixel(i, j);
            for lane in (0..LANES).step_by(V::LANES) {
                // SAFETY: the pixel is inside the image; the copy has room for IN x IN.
                unsafe {
                    let value = match pixel {
                        Some(pixel) => V::load(image.add(pixel + lane)),
                        None => V::splat(0.0),
                    };
                    value.store(copy.as_mut_ptr().add((i * SIDE + j) * LANES + lane));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn transform<V: Vector, const SIDE: usize>(values: [V; SIDE]) -> [V; IN] {
    // SAFETY: passed on to the caller.
    unsafe {
        if SIDE == IN {
            let mut six = [V::splat(0.0); IN];
            six[..SIDE].copy_from_slice(&values);
            source(six)
        } else {
            let mut four = [V::splat(0.0); OUT];
            four.copy_from_slice(&values[..OUT]);
            gradient(four)
        }
    }
}

/// One vector of one tile: columns, then rows.
#[inline(always)]
unsafe fn tile_points<V: Vector, const SIDE: usize>(
    from: *const f32,
    row: usize,
    column: usize,
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: see `points`.
    unsafe {
        let mut half = [[V::splat(0.0); SIDE]; IN];
        for j in 0..SIDE {
            let mut values = [V::splat(0.0); SIDE];
            for i in 0..SIDE {
                values[i] = V::load(from.add(i * row + j * column));
            }
            let values = transform::<V, SIDE>(values);
            for i in 0..IN {
                half[i][j] = values[i];
            }
        }
        for i in 0..IN {
            let values = transform::<V, SIDE>(half[i]);
            for j in 0..IN {
                values[j].store(to.add((i * IN + j) * stride));
            }
        }
    }
}
