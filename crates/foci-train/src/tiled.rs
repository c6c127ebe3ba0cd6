//! An image in parts: what a net gives for each, put together, is what it gives for the whole, to the last bit.
//!
//! A part is a core, of which the net's answer is kept, and a margin around it, of which it is not. Wide enough that nothing beyond it can
//! change the core ([`Net::margin`]), and with every part on the grid on which the net's steps fall as they do in the whole
//! ([`Net::grid`]), the margin makes cuts invisible: there are no seams. At the edges of the image there is no margin; what the net sees beyond them is what
//! it sees beyond the whole image.

use crate::TrainError;
use foci_image::Plane;
use foci_net::Net;
use std::ops::Range;

/// How images are cut for a net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Side of a core in pixels.
    core: usize,
    /// Width of the margin in pixels.
    margin: usize,
}

/// A part along one axis: what the net is shown, and what of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    shown: Range<usize>,
    kept: Range<usize>,
}

/// A part of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tile {
    rows: Part,
    columns: Part,
}

impl Tiling {
    /// The largest parts of at most `side` pixels on a side, margins included.
    ///
    /// # Errors
    /// [`TrainError::Tile`] if not even the smallest core with its margins fits into that, or if the net looks at the whole image at once.
    pub fn within(net: &Net, side: usize) -> Result<Tiling, TrainError> {
        let smallest = Tiling::smallest(net)?;
        let Tiling { core: grid, margin } = smallest;
        match side.saturating_sub(2 * margin) / grid {
            0 => Err(TrainError::Tile { least: smallest.side(), side }),
            cores => Ok(Tiling { core: cores * grid, margin }),
        }
    }

    /// The smallest parts.
    fn smallest(net: &Net) -> Result<Tiling, TrainError> {
        if net.normalises() {
            return Err(TrainError::Normalised { net: net.name.clone() });
        }
        let grid = net.grid();
        Ok(Tiling { core: grid, margin: net.margin().next_multiple_of(grid) })
    }

    /// Side of the largest part, margins included, in pixels.
    pub fn side(&self) -> usize {
        self.core + 2 * self.margin
    }

    /// Parts of about half the side; `None` if they are the smallest already.
    pub fn halved(&self, net: &Net) -> Option<Tiling> {
        let grid = net.grid();
        let core = (self.core / 2).next_multiple_of(grid);
        (core < self.core).then_some(Tiling { core, margin: self.margin })
    }

    /// The parts of an image, row by row.
    pub fn tiles(&self, height: usize, width: usize) -> Vec<Tile> {
        let along = |length: usize| {
            let part = |start: usize| Part {
                shown: start.saturating_sub(self.margin)..(start + self.core + self.margin).min(length),
                kept: start..(start + self.core).min(length),
            };
            (0..length).step_by(self.core).map(part).collect::<Vec<_>>()
        };
        let columns = along(width);
        let of_row = |rows: Part| {
            let tile = move |columns: &Part| Tile { rows: rows.clone(), columns: columns.clone() };
            columns.iter().map(tile).collect::<Vec<_>>()
        };
        along(height).into_iter().flat_map(of_row).collect()
    }
}

impl Tile {
    /// What the net is shown of the image.
    pub fn cut(&self, image: &Plane) -> Plane {
        let columns = &self.columns.shown;
        let row = |y: usize| &image.data[y * image.width + columns.start..y * image.width + columns.end];
        let data = self.rows.shown.clone().flat_map(row).copied().collect();
        Plane { width: columns.len(), height: self.rows.shown.len(), data }
    }

    /// Puts what is kept of an answer, maps of the size of what was shown, into maps of `height` x `width` pixels.
    pub fn paste(&self, answer: &[f32], maps: &mut [f32], height: usize, width: usize) {
        let (rows, columns) = (&self.rows, &self.columns);
        let shown_pixels = (rows.shown.len() * columns.shown.len()).max(1);
        let length = columns.kept.len();
        for (part, map) in
            answer.chunks_exact(shown_pixels).zip(maps.chunks_exact_mut((height * width).max(1)))
        {
            for y in rows.kept.clone() {
                let from =
                    (y - rows.shown.start) * columns.shown.len() + columns.kept.start - columns.shown.start;
                let to = y * width + columns.kept.start;
                map[to..to + length].copy_from_slice(&part[from..from + length]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_kept_once_and_shown_with_its_margin() {
        let tiling = Tiling { core: 4, margin: 3 };
        let tiles = tiling.tiles(9, 5);
        assert_eq!(tiles.len(), 6);
        let image = Plane { width: 5, height: 9, data: (0..45).map(|value| value as f32).collect() };
        let mut maps = vec![-1.0; 90];
        for tile in &tiles {
            let part = tile.cut(&image);
            // Two maps: the part, and the part plus a hundred.
            let answer: Vec<f32> =
                part.data.iter().copied().chain(part.data.iter().map(|value| value + 100.0)).collect();
            tile.paste(&answer, &mut maps, 9, 5);
        }
        assert_eq!(maps[..45], image.data);
        assert!(maps[45..].iter().zip(&image.data).all(|(found, value)| *found == value + 100.0));
        let Tile { rows, columns } = &tiles[3];
        assert_eq!((rows.shown.clone(), rows.kept.clone()), (1..9, 4..8));
        assert_eq!((columns.shown.clone(), columns.kept.clone()), (1..5, 4..5));
    }
}
