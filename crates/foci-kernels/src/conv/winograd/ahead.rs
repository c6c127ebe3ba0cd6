//! Asking for memory ahead of time. Tiles read and write short runs of many rows, which the processor cannot
//! foresee; so while one block of tiles is multiplied, the pixels that the next one reads are asked for, and
//! those that this one will write.

use super::OUT;
use super::tiles::{Tile, Tiles};
use crate::conv::blocks::Block;
use crate::vector::prefetch;
use crate::view::LANES;

/// The output pixels of some tiles in some channel blocks, asked for tile by tile.
pub(super) struct Ahead<'a> {
    arena: *const f32,
    blocks: &'a [Block],
    tiles: &'a [Tile],
    /// Floats from one row of an image to the next, and from the outputs of a tile to what is wanted.
    width: usize,
    shift: usize,
    row: usize,
    column: usize,
    /// What is next.
    block: usize,
    tile: usize,
}

impl<'a> Ahead<'a> {
    /// The pixels that `tiles` write, or the first of them to read.
    pub fn new(
        arena: *const f32,
        blocks: &'a [Block],
        tiles: &'a [Tile],
        grid: &Tiles,
        reads: bool,
    ) -> Ahead<'a> {
        let (row, column) = grid.strides();
        // The tiles above have read the first rows already.
        let shift = if reads { row } else { 0 };
        Ahead { arena, blocks, tiles, width: grid.row(), shift, row, column, block: 0, tile: 0 }
    }

    /// How many times there is something to ask for.
    pub fn count(&self) -> usize {
        self.blocks.len() * self.tiles.len()
    }

    /// Asks for the next `count` tiles.
    #[inline(always)]
    pub fn fetch(&mut self, count: usize) {
        for _ in 0..count {
            let Some(block) = self.blocks.get(self.block) else { return };
            let Some(tile) = self.tiles.get(self.tile) else { return };
            self.tile += 1;
            if self.tile == self.tiles.len() {
                (self.block, self.tile) = (self.block + 1, 0);
            }
            let pixel = tile.y * self.width + tile.x * LANES + self.shift;
            let start = self.arena.wrapping_add(block.offset + tile.n * block.image + pixel);
            for i in 0..OUT {
                for j in 0..OUT {
                    // Outside the image, any address will do.
                    prefetch(start.wrapping_add(i * self.row + j * self.column));
                }
            }
        }
    }
}
