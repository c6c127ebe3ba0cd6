//! Which pixels make up a tile, and which tiles are done together.
//!
//! The outputs of a tile lie a dilation apart, so that a dilated kernel sees them as neighbours. With dilation d, the
//! columns of a row fall into runs of d: tile column `c` starts at column `4 d (c / d) + c % d`, and its four
//! outputs are in four runs, one after the other. Rows likewise. Tiles are counted along tile rows, image
//! after image; a *block* is a number of tiles in this order, and falls into *segments*, each part of one tile row.
//! All are cut at whole runs only, so that a segment covers a contiguous range of pixels.
//!
//! The values of a block's tiles are lanes side by side. Where tile rows nearly fill whole vectors, a block is made of
//! whole tile rows, or of a part of one, and every segment begins with a vector of its own: a store at 36 points for
//! each vector costs up to a tenth of a pass more where it lies across two cache lines. Short tile rows follow one
//! another without gaps.

use std::ops::Range;

use super::OUT;

/// Lanes of a vector, at every level.
const LANES: usize = 16;
/// Of so many lanes one may be left empty for segments to begin with vectors of their own.
const LANES_FOR_AN_EMPTY_ONE: usize = 9;

/// How tiles are cut into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// So many tiles, wherever rows end.
    Tiles(usize),
    /// So many whole tile rows.
    Rows(usize),
    /// So many tiles of one row, or what is left of it.
    Parts(usize),
}

/// The cut into blocks of about `wanted` tiles, up to half more rather than half as many, where tile rows have `columns` tiles.
///
/// Tiles are cut off one run before whole vectors where runs are parts of one: what they read takes up one run more.
fn cut(columns: usize, dilation: usize, wanted: usize) -> Cut {
    let unit = dilation.max(LANES);
    let padded = columns.next_multiple_of(LANES);
    if (padded - columns) * LANES_FOR_AN_EMPTY_ONE > padded {
        return Cut::Tiles((wanted / unit).max(1) * unit - if dilation < LANES { dilation } else { 0 });
    }
    if 2 * padded <= 3 * wanted {
        return Cut::Rows(((wanted + padded / 2) / padded).max(1));
    }
    // As even as whole runs and vectors allow.
    let wanted = wanted.max(unit);
    let parts = ((columns + wanted / 2) / wanted).max(2);
    Cut::Parts(columns.div_ceil(parts).next_multiple_of(unit))
}

/// Most lanes of a block of about `wanted` tiles, on an image `w` pixels wide.
pub(super) fn block_lanes(w: usize, dilation: usize, wanted: usize) -> usize {
    let columns = tiles_along(w, dilation);
    match cut(columns, dilation, wanted) {
        Cut::Tiles(tiles) | Cut::Parts(tiles) => tiles,
        Cut::Rows(rows) => rows.saturating_mul(columns.next_multiple_of(LANES)),
    }
}

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
    cut: Cut,
    /// Most lanes of a block.
    pub lanes: usize,
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
    /// Lane of its first tile in the block.
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

impl Tiling {
    /// `n` images of `h` x `w` pixels in blocks of about `wanted` tiles; the dilation is [`sortable`].
    pub fn new(n: usize, (h, w): (usize, usize), dilation: usize, wanted: usize) -> Tiling {
        debug_assert!(sortable(dilation));
        let step = OUT * dilation;
        let starts: Vec<usize> =
            (0..h).step_by(step).flat_map(|first| first..h.min(first + dilation)).collect();
        let columns = tiles_along(w, dilation);
        let tiles = n * starts.len() * columns;
        let lanes = block_lanes(w, dilation, wanted);
        Tiling { dilation, h, w, starts, columns, tiles, cut: cut(columns, dilation, wanted), lanes }
    }

    /// As [`new`](Self::new), but with the tiles of a block one after the other, in whole numbers of `together`, a power of
    /// two, as near to `wanted` as runs allow: for values whose lanes are not tiles. A lane is then the place of a tile in its block.
    pub fn in_line(
        n: usize,
        size: (usize, usize),
        dilation: usize,
        wanted: usize,
        together: usize,
    ) -> Tiling {
        let unit = dilation.max(together);
        let tiles = ((wanted + unit / 2) / unit).max(1) * unit;
        Tiling { cut: Cut::Tiles(tiles), lanes: tiles, ..Tiling::new(n, size, dilation, wanted) }
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        match self.cut {
            Cut::Tiles(tiles) => self.tiles.div_ceil(tiles),
            Cut::Rows(rows) => self.tiles.div_ceil(rows * self.columns),
            Cut::Parts(part) => self.tiles / self.columns * self.columns.div_ceil(part),
        }
    }

    /// The tiles of a block, in the order in which all are counted.
    pub fn tiles_of(&self, block: usize) -> Range<usize> {
        let of_length = |length: usize| block * length..self.tiles.min((block + 1) * length);
        match self.cut {
            Cut::Tiles(tiles) => of_length(tiles),
            Cut::Rows(rows) => of_length(rows * self.columns),
            Cut::Parts(part) => {
                let parts = self.columns.div_ceil(part);
                let (row, first) = (block / parts * self.columns, block % parts * part);
                row + first..row + self.columns.min(first + part)
            }
        }
    }

    /// The lanes of a segment of `count` tiles, empty ones included.
    #[inline(always)]
    fn lanes_of_segment(&self, count: usize) -> usize {
        if matches!(self.cut, Cut::Tiles(_)) { count } else { count.next_multiple_of(LANES) }
    }

    /// The lanes of a block, up to the last vector with a tile.
    pub fn lanes_of(&self, block: usize) -> usize {
        let tiles = self.tiles_of(block).len();
        match self.cut {
            Cut::Rows(_) => tiles / self.columns * self.columns.next_multiple_of(LANES),
            Cut::Tiles(_) | Cut::Parts(_) => tiles.next_multiple_of(LANES),
        }
    }

    /// The segments of a block, in order. An iterator and not a call with each, as what is done with them must be
    /// compiled into the one place that has the vector instructions.
    #[inline(always)]
    pub fn segments(&self, block: usize) -> Segments<'_> {
        let Range { start: tile, end } = self.tiles_of(block);
        Segments { tiling: self, tile, end, at: 0 }
    }
}

/// See [`Tiling::segments`].
pub(super) struct Segments<'a> {
    tiling: &'a Tiling,
    tile: usize,
    end: usize,
    /// Lane of the next segment.
    at: usize,
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
        let at = self.at;
        self.tile += count;
        self.at += self.tiling.lanes_of_segment(count);
        Some(Segment { n: row / starts.len(), y: starts[row % starts.len()], column, count, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel is an output of one tile, and every tile has a lane of its own.
    #[test]
    #[cfg_attr(miri, ignore = "nothing unsafe, and long")]
    fn tiles_cover_each_pixel_once() {
        for (h, w, dilation, wanted, expected) in [
            (1, 1, 1, 16, Cut::Tiles(15)),
            (9, 14, 1, 16, Cut::Tiles(15)),
            (9, 14, 2, 32, Cut::Tiles(30)),
            (30, 33, 8, 20, Cut::Rows(1)),
            (5, 70, 16, 1, Cut::Parts(16)),
            (7, 8, 48, 100, Cut::Rows(2)),
            (9, 256, 1, 200, Cut::Rows(3)),
            (30, 230, 2, 130, Cut::Rows(2)),
            (9, 672, 1, 82, Cut::Parts(96)),
            (17, 672, 2, 100, Cut::Parts(96)),
            (9, 336, 1, 100, Cut::Tiles(95)),
        ] {
            let tiling = Tiling::new(2, (h, w), dilation, wanted);
            assert_eq!(tiling.cut, expected, "{h}x{w}, dilation {dilation}, {wanted} tiles");
            check(&tiling);
            let in_line = Tiling::in_line(2, (h, w), dilation, wanted, 8);
            let unit = dilation.max(8);
            assert!(in_line.lanes == unit || in_line.lanes.abs_diff(wanted) <= unit / 2);
            assert!(in_line.lanes.is_multiple_of(unit) && in_line.cut == Cut::Tiles(in_line.lanes));
            check(&in_line);
        }
    }

    fn check(tiling: &Tiling) {
        let Tiling { h, w, dilation, .. } = *tiling;
        let mut seen = vec![0; 2 * h * w];
        for block in 0..tiling.blocks() {
            let (mut tiles, mut end) = (0, 0_usize);
            for segment in tiling.segments(block) {
                let in_line = matches!(tiling.cut, Cut::Tiles(_));
                assert_eq!(segment.at, if in_line { end } else { end.next_multiple_of(LANES) });
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
                (tiles, end) = (tiles + segment.count, segment.at + segment.count);
            }
            assert_eq!(tiles, tiling.tiles_of(block).len());
            assert_eq!(tiling.lanes_of(block), end.next_multiple_of(LANES));
            assert!(end <= tiling.lanes);
        }
        assert!(seen.iter().all(|count| *count == 1), "{h}x{w}, dilation {dilation}");
    }
}
