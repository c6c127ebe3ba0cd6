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

/// Whether the runs of a dilation divide a vector of 16 or are made of such vectors. Others would have to be sorted
/// pixel by pixel, which takes longer than all the rest.
pub(super) fn sortable(dilation: usize) -> bool {
    16usize.is_multiple_of(dilation) || dilation.is_multiple_of(16)
}

/// The tiles of a block, `wanted` or a little less, but not nothing: whole runs, and one run less than whole vectors
/// where runs are parts of one. What tiles read takes up one run more, and whole vectors with it.
pub(super) fn block_tiles(wanted: usize, dilation: usize) -> usize {
    if dilation < 16 { (wanted / 16).max(1) * 16 - dilation } else { (wanted / dilation).max(1) * dilation }
}

impl Tiling {
    /// `n` images of `h` x `w` pixels in blocks of about `wanted` tiles; the dilation is [`sortable`].
    pub fn new(n: usize, (h, w): (usize, usize), dilation: usize, wanted: usize) -> Tiling {
        debug_assert!(sortable(dilation));
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

    /// Tiles of a block.
    pub fn tiles_of(&self, block: usize) -> usize {
        self.block.min(self.tiles - block * self.block)
    }

    /// The segments of a block, in order. An iterator and not a call with each, as what is done with them must be
    /// compiled into the one place that has the vector instructions.
    #[inline(always)]
    pub fn segments(&self, block: usize) -> Segments<'_> {
        let first = block * self.block;
        Segments { tiling: self, first, tile: first, end: first + self.tiles_of(block) }
    }
}

/// See [`Tiling::segments`].
pub(super) struct Segments<'a> {
    tiling: &'a Tiling,
    first: usize,
    tile: usize,
    end: usize,
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    #[inline(always)]
    fn next(&mut self) -> Option<Segment> {
        if self.tile >= self.end {
            return None;
        }
        let Tiling { starts, columns, .. } = self.tiling;
        let (row, column) = (self.tile / columns, self.tile % columns);
        let count = (columns - column).min(self.end - self.tile);
        let at = self.tile - self.first;
        self.tile += count;
        Some(Segment { n: row / starts.len(), y: starts[row % starts.len()], column, count, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel is an output of one tile.
    #[test]
    #[cfg_attr(miri, ignore = "nothing unsafe, and long")]
    fn tiles_cover_each_pixel_once() {
        for (h, w, dilation, wanted) in
            [(1, 1, 1, 16), (9, 14, 1, 16), (9, 14, 2, 32), (30, 33, 8, 20), (5, 70, 16, 1), (7, 8, 48, 100)]
        {
            let tiling = Tiling::new(2, (h, w), dilation, wanted);
            let mut seen = vec![0; 2 * h * w];
            for block in 0..tiling.blocks() {
                let mut at = 0;
                for segment in tiling.segments(block) {
                    assert_eq!(segment.at, at);
                    at += segment.count;
                    assert!(
                        segment.column.is_multiple_of(dilation) && segment.count.is_multiple_of(dilation)
                    );
                    for c in segment.column..segment.column + segment.count {
                        let x = OUT * dilation * (c / dilation) + c % dilation;
                        for (i, j) in (0..OUT).flat_map(|i| (0..OUT).map(move |j| (i, j))) {
                            let (y, x) = (segment.y + i * dilation, x + j * dilation);
                            if y < h && x < w {
                                seen[(segment.n * h + y) * w + x] += 1;
                            }
                        }
                    }
                }
                assert!(at <= tiling.block);
                assert_eq!(at, tiling.tiles_of(block));
            }
            assert!(seen.iter().all(|count| *count == 1), "{h}x{w}, dilation {dilation}");
        }
    }
}
