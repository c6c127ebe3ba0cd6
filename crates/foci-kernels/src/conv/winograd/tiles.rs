//! Where the tiles of an image lie. With dilation d, the outputs of a tile are at rows y, y + d, y + 2 d,
//! y + 3 d, and likewise for columns, so tiles fall into d x d interleaved grids, each a plain convolution of a
//! thinned-out image. Tiles are numbered through the batch; those that share rows follow one another.

use super::{IN, OUT, TILES};
use crate::view::LANES;

/// Starts of tiles along `size` pixels.
fn count(size: usize, dilation: usize) -> usize {
    let stripe = OUT * dilation;
    size / stripe * dilation + dilation.min(size % stripe)
}

/// Rows at which tiles start.
pub(super) fn rows(h: usize, dilation: usize) -> usize {
    count(h, dilation)
}

/// Columns at which tiles start.
pub(super) fn columns(w: usize, dilation: usize) -> usize {
    count(w, dilation)
}

/// The tiles of a batch of images.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    n: usize,
    h: usize,
    w: usize,
    dilation: usize,
    rows: usize,
    columns: usize,
}

/// One tile: its image and the first pixel of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub n: usize,
    pub y: usize,
    pub x: usize,
}

/// Tiles that are done together.
pub(super) struct TileBlock {
    tiles: [Tile; TILES],
    count: usize,
}

impl std::ops::Deref for TileBlock {
    type Target = [Tile];

    fn deref(&self) -> &[Tile] {
        &self.tiles[..self.count]
    }
}

impl Tiles {
    pub fn new(n: usize, h: usize, w: usize, dilation: usize) -> Tiles {
        Tiles { n, h, w, dilation, rows: rows(h, dilation), columns: columns(w, dilation) }
    }

    pub fn count(&self) -> usize {
        self.n * self.rows * self.columns
    }

    /// How many blocks of [`TILES`] the tiles fill, the last perhaps not.
    pub fn blocks(&self) -> usize {
        self.count().div_ceil(TILES)
    }

    /// The tiles of a block, none beyond the last.
    pub fn block(&self, number: usize) -> TileBlock {
        let first = self.count().min(number * TILES);
        let count = TILES.min(self.count() - first);
        let mut tiles = [Tile { n: 0, y: 0, x: 0 }; TILES];
        let mut k = 0;
        while k < count {
            // Division is slow, so only the first tile of a row is looked up, and the others are counted.
            tiles[k] = self.at(first + k);
            let mut column = (first + k) % self.columns;
            let mut residue = column % self.dilation;
            while k + 1 < count && column + 1 < self.columns {
                tiles[k + 1] = Tile { x: tiles[k].x + 1, ..tiles[k] };
                residue += 1;
                if residue == self.dilation {
                    residue = 0;
                    tiles[k + 1].x += (OUT - 1) * self.dilation;
                }
                column += 1;
                k += 1;
            }
            k += 1;
        }
        TileBlock { tiles, count }
    }

    /// Floats from one row of the image to the next.
    pub fn row(&self) -> usize {
        self.w * LANES
    }

    /// Floats from one row, and from one column, of a tile to the next.
    pub fn strides(&self) -> (usize, usize) {
        (self.dilation * self.w * LANES, self.dilation * LANES)
    }

    /// The tile of a number.
    pub fn at(&self, number: usize) -> Tile {
        let (row, column) = (number / self.columns, number % self.columns);
        let (n, row) = (row / self.rows, row % self.rows);
        let x = column / self.dilation * OUT * self.dilation + column % self.dilation;
        // Down one grid, then the next. The first `longer` grids have one row of tiles more than the others.
        let stripe = OUT * self.dilation;
        let (most, grids) = (self.h.div_ceil(stripe), self.dilation.min(self.h));
        let longer = self.rows - grids * (most - 1);
        let (grid, down) = if row < longer * most {
            (row / most, row % most)
        } else {
            let row = row - longer * most;
            (longer + row / (most - 1), row % (most - 1))
        };
        Tile { n, y: down * stripe + grid, x }
    }

    /// Where the outputs of a tile are.
    pub fn output(&self, tile: Tile) -> Window {
        self.window(tile, 0, OUT)
    }

    /// What a tile reads.
    pub fn source(&self, tile: Tile) -> Window {
        self.window(tile, 1, IN)
    }

    fn window(&self, tile: Tile, before: usize, side: usize) -> Window {
        let step = self.dilation;
        let (y, x) = (tile.y as isize - (before * step) as isize, tile.x as isize - (before * step) as isize);
        let reach = ((side - 1) * step) as isize;
        let whole = y >= 0 && x >= 0 && y + reach < self.h as isize && x + reach < self.w as isize;
        Window { y, x, h: self.h, w: self.w, step, whole }
    }
}

/// Pixels of an image, equally far apart, some of which may lie outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    y: isize,
    x: isize,
    h: usize,
    w: usize,
    step: usize,
    /// Whether all pixels are inside.
    pub whole: bool,
}

impl Window {
    /// Floats from the start of a block of the image to the first pixel, which is inside, and how many rows and
    /// columns are inside from there on.
    #[inline(always)]
    pub fn corner(&self) -> (usize, usize, usize) {
        let (y, x) = (self.y as usize, self.x as usize);
        let start = (y * self.w + x) * LANES;
        if self.whole {
            return (start, OUT, OUT);
        }
        let count = |from: usize, size: usize| OUT.min((size - from).div_ceil(self.step));
        (start, count(y, self.h), count(x, self.w))
    }

    /// Floats from the start of a block of the image to one of the pixels, if that is inside.
    #[inline(always)]
    pub fn pixel(&self, row: usize, column: usize) -> Option<usize> {
        let (y, x) = (self.y + (row * self.step) as isize, self.x + (column * self.step) as isize);
        let inside = y >= 0 && x >= 0 && (y as usize) < self.h && (x as usize) < self.w;
        inside.then(|| (y as usize * self.w + x as usize) * LANES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_the_tiles_in_order() {
        for (n, h, w, dilation) in [(2, 9, 14, 1), (3, 33, 70, 2), (2, 5, 33, 8), (1, 40, 7, 3)] {
            let tiles = Tiles::new(n, h, w, dilation);
            let listed: Vec<Tile> =
                (0..tiles.blocks()).flat_map(|block| tiles.block(block).to_vec()).collect();
            let looked_up: Vec<Tile> = (0..tiles.count()).map(|number| tiles.at(number)).collect();
            assert_eq!(listed, looked_up);
            assert!(tiles.block(tiles.blocks()).is_empty());
        }
    }

    #[test]
    fn each_pixel_is_in_one_tile() {
        for (n, h, w, dilation) in
            [(1, 1, 1, 1), (2, 9, 14, 1), (1, 13, 7, 3), (2, 5, 33, 8), (1, 16, 16, 4), (1, 3, 17, 16)]
        {
            let tiles = Tiles::new(n, h, w, dilation);
            let mut seen = vec![0; n * h * w];
            for number in 0..tiles.count() {
                let tile = tiles.at(number);
                assert!(tile.n < n && tile.y < h && tile.x < w, "{tile:?} starts inside");
                let window = tiles.output(tile);
                let mut inside = 0;
                for pixel in (0..16).filter_map(|at| window.pixel(at / 4, at % 4)) {
                    seen[tile.n * h * w + pixel / LANES] += 1;
                    inside += 1;
                }
                assert_eq!(window.whole, inside == 16);
                let (start, rows, columns) = window.corner();
                assert_eq!((Some(start), rows * columns), (window.pixel(0, 0), inside));
            }
            assert!(seen.iter().all(|times| *times == 1), "{h}x{w}, dilation {dilation}: {seen:?}");
        }
    }

    #[test]
    fn tiles_of_one_grid_follow_one_another() {
        let tiles = Tiles::new(1, 18, 4, 2);
        let rows: Vec<_> = (0..tiles.count()).step_by(2).map(|number| tiles.at(number).y).collect();
        assert_eq!(rows, [0, 8, 16, 1, 9, 17]);
    }
}
