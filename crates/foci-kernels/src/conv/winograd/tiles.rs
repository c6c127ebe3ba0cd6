//! Which pixels make up a tile, and which tiles are done together.
//!
//! The outputs of a tile lie a dilation apart, so that a dilated kernel sees them as neighbours. With dilation d, the
//! columns of a row fall into runs of d: tile column `c` starts at column `4 d (c / d) + c % d`, and its four
//! outputs are in four runs, one after the other. Rows likewise. Tiles are counted along tile rows, image
//! after image; a *block* is a number of tiles in this order, and falls into *segments*, each part of one tile row.
//! All are cut at whole runs only, so that a segment covers a contiguous range of pixels.

use super::OUT;

/// How an image falls into tiles and blocks.
#[derive(Clone, Debug)]
pub(super) struct Tiling {
    pub dilation: usize,
    pub h: usize,
    pub w: usize,
    /// First rows of the tile rows.
    starts: Vec<usize>,
    /// Tiles of a tile row, those that begin beyond the right border included.
    columns: usize,
    /// Tiles of all images.
    tiles: usize,
    /// Most tiles of a block.
    pub block: usize,
}

/// Part of a tile row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub n: usize,
    /// First output row.
    pub y: usize,
    /// First tile column; the start of a run.
    pub column: usize,
    /// Tiles.
    pub count: usize,
    /// Place of its first tile in the block.
    pub at: usize,
}

/// Tiles that start along a side of `size` pixels, those of runs cut off by the border included.
pub(super) fn tiles_along(size: usize, dilation: usize) -> usize {
    size.div_ceil(OUT.saturating_mul(dilation)).saturating_mul(dilation)
}

/// The number of tiles of which whole runs and, if possible, whole vectors make up a block: `wanted` or a little
/// less, but not nothing.
pub(super) fn block_tiles(wanted: usize, dilation: usize) -> usize {
    let unit = if 16usize.is_multiple_of(dilation) { 16 } else { dilation };
    (wanted / unit).max(1) * unit
}

impl Tiling {
    /// `n` images of `h` x `w` pixels in blocks of about `wanted` tiles.
    pub fn new(n: usize, (h, w): (usize, usize), dilation: usize, wanted: usize) -> Tiling {
        let step = OUT * dilation;
        let starts: Vec<usize> =
            (0..h).step_by(step).flat_map(|first| first..h.min(first + dilation)).collect();
        let columns = tiles_along(w, dilation);
        let tiles = n * starts.len() * columns;
        Tiling { dilation, h, w, starts, columns, tiles, block: block_tiles(wanted, dilation) }
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.tiles.div_ceil(self.block)
    }

    /// Calls `body` with each segment of a block, in order; returns the tiles of the block.
    #[inline(always)]
    pub fn for_each_segment(&self, block: usize, mut body: impl FnMut(Segment)) -> usize {
        let (first, end) = (block * self.block, self.tiles.min((block + 1) * self.block));
        let mut tile = first;
        while tile < end {
            let (row, column) = (tile / self.columns, tile % self.columns);
            let count = (self.columns - column).min(end - tile);
            let (n, y) = (row / self.starts.len(), self.starts[row % self.starts.len()]);
            body(Segment { n, y, column, count, at: tile - first });
            tile += count;
        }
        end - first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel is an output of one tile.
    #[test]
    fn tiles_cover_each_pixel_once() {
        for (h, w, dilation, wanted) in
            [(1, 1, 1, 16), (9, 14, 1, 16), (9, 14, 2, 32), (30, 33, 3, 20), (5, 70, 16, 1), (7, 8, 40, 100)]
        {
            let tiling = Tiling::new(2, (h, w), dilation, wanted);
            let mut seen = vec![0; 2 * h * w];
            for block in 0..tiling.blocks() {
                let mut at = 0;
                let count = tiling.for_each_segment(block, |segment| {
                    assert_eq!(segment.at, at);
                    at += segment.count;
                    assert!(segment.column.is_multiple_of(dilation) && segment.count.is_multiple_of(dilation));
                    for c in segment.column..segment.column + segment.count {
                        let x = OUT * dilation * (c / dilation) + c % dilation;
                        for (i, j) in (0..OUT).flat_map(|i| (0..OUT).map(move |j| (i, j))) {
                            let (y, x) = (segment.y + i * dilation, x + j * dilation);
                            if y < h && x < w {
                                seen[(segment.n * h + y) * w + x] += 1;
                            }
                        }
                    }
                });
                assert!(count <= tiling.block);
                assert_eq!(count, at);
            }
            assert!(seen.iter().all(|count| *count == 1), "{h}x{w}, dilation {dilation}");
        }
    }
}
