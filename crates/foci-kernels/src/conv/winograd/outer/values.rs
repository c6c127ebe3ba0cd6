//! From the pixels of some planes to the values of tiles at the 36 points, channels side by side.
//!
//! Sixteen planes at a time are turned round, so that the lanes of a vector are channels and a pixel is a vector. From
//! there on every step is the same whatever the dilation: down the column of a pixel and its five (three) neighbours
//! below, then along the rows of a tile's six (four) columns, as soon as the last of them is there.

use super::super::gather::{GRADIENT, SOURCE};
use super::super::tiles::{Segment, Tiling};
use super::super::transform::{gradient, source};
use super::super::{IN, OUT, POINTS};
use crate::conv::border::inside;
use crate::conv::planes::Plane;
use crate::vector::{Vector, prefetch, transposed};

/// Channels that are turned round together, and pixels: lanes, at every level.
pub(super) const SET: usize = 16;
/// Floats of a column: a vector for each row of values.
const COLUMN: usize = IN * SET;

/// Scratch between the steps.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// Pixels turned round, `[row][pixel][channel]`.
    turned: *mut f32,
    /// The last columns, `[column][row][channel]`; a column takes the place of that which is `kept` columns before it.
    columns: *mut f32,
    kept: usize,
}

impl Steps {
    /// Columns from the first that a tile reads to the end of the vector with its last.
    fn kept(dilation: usize) -> usize {
        ((IN - 1) * dilation + SET).next_power_of_two()
    }

    /// Floats of scratch.
    pub fn floats(dilation: usize) -> usize {
        (SET + Steps::kept(dilation)) * COLUMN
    }

    /// Scratch that begins at `start`.
    pub fn at(start: *mut f32, dilation: usize) -> Steps {
        Steps { turned: start, columns: start.wrapping_add(SET * COLUMN), kept: Steps::kept(dilation) }
    }

    /// Where column `at` of a segment is.
    #[inline(always)]
    fn column(&self, at: usize) -> *mut f32 {
        self.columns.wrapping_add((at & (self.kept - 1)) * COLUMN)
    }
}

/// Tiles whose values lie side by side at each point.
pub(super) const TOGETHER: usize = 8;
/// Floats from eight tiles to the next: an odd number of cache lines, so that the same point of many tiles is spread over
/// all places of a cache.
pub(super) const TOGETHER_FLOATS: usize = (POINTS * TOGETHER + 1) * SET;

/// The values of a set of channels at all points, `[tile / 8][point][tile % 8][channel]`. Distances are constants, and
/// the values of a tile lie in few pages of memory: with points far apart, each would have its own, and be looked up for
/// each store.
#[derive(Clone, Copy)]
pub(super) struct Values(pub *mut f32);

impl Values {
    /// Floats of the values of a set of channels in so many tiles.
    pub fn floats(tiles: usize) -> usize {
        tiles.div_ceil(TOGETHER) * TOGETHER_FLOATS
    }

    /// The values of a tile at the first point; those at others are `TOGETHER * SET` floats apart.
    #[inline(always)]
    fn tile(self, tile: usize) -> *mut f32 {
        self.0.wrapping_add(tile / TOGETHER * TOGETHER_FLOATS + tile % TOGETHER * SET)
    }

    /// Writes zeros for tiles that there are none of, after `tiles` tiles.
    ///
    /// # Safety
    /// There is room.
    #[inline(always)]
    pub unsafe fn fill_up(self, tiles: usize) {
        for tile in tiles..tiles.next_multiple_of(TOGETHER) {
            for point in 0..POINTS {
                // SAFETY: passed on to the caller.
                unsafe {
                    let start = self.tile(tile).add(point * TOGETHER * SET);
                    std::slice::from_raw_parts_mut(start, SET).fill(0.0);
                }
            }
        }
    }
}

/// A segment of some planes, no more than [`SET`].
#[derive(Clone, Copy)]
pub(super) struct Patch<'a> {
    pub tiling: &'a Tiling,
    pub arena: *const f32,
    pub planes: &'a [Plane],
    pub segment: Segment,
}

impl Patch<'_> {
    /// Writes the values of the segment's tiles; lanes that are no plane have zeros.
    ///
    /// # Safety
    /// The CPU has the level; the planes lie inside the arena, and `to` has room.
    #[inline(always)]
    pub unsafe fn gather<V: Vector, const KIND: bool>(&self, steps: Steps, to: Values) {
        let d = self.tiling.dilation;
        // What a tile reads begins one tap before its outputs and ends one after them.
        let (before, taps) = if KIND == SOURCE { (d, IN) } else { (0, OUT) };
        let start = (OUT * self.segment.column) as isize - before as isize;
        let mut planes = [std::ptr::null(); SET];
        for (to, plane) in planes.iter_mut().zip(self.planes) {
            *to = self.arena.wrapping_add(plane.of_image(self.segment.n)).wrapping_offset(start);
        }
        let planes = &planes[..self.planes.len()];
        // Tiles that are done; of the next one, the first column of its run and its place in it.
        let (mut done, mut run, mut place) = (0, 0, 0);
        for x in (0..OUT * self.segment.count + 2 * before).step_by(SET) {
            // SAFETY: passed on to the caller; the scratch is divided as `Steps` says.
            unsafe {
                for row in 0..taps {
                    let to = steps.turned.add(row * SET * SET);
                    match (self.segment.y + row * d).checked_sub(before).filter(|y| *y < self.tiling.h) {
                        Some(y) => {
                            turn::<V>(planes, y * self.tiling.w + x, start + x as isize, self.tiling.w, to);
                        }
                        None => std::slice::from_raw_parts_mut(to, SET * SET).fill(0.0),
                    }
                }
                for pixel in 0..SET {
                    down::<V, KIND>(steps.turned.add(pixel * SET), steps.column(x + pixel));
                }
                while done < self.segment.count && run + place + (taps - 1) * d < x + SET {
                    let first = run + place;
                    let columns = std::array::from_fn(|tap| steps.column(first + tap * d).cast_const());
                    along::<V, KIND>(columns, to.tile(self.segment.at + done));
                    done += 1;
                    place += 1;
                    if place == d {
                        (run, place) = (run + OUT * d, 0);
                    }
                }
            }
        }
    }
}

/// Sixteen pixels of all planes, which lie `at` floats from where the planes begin, `to[pixel][channel]`; they are those
/// from `column` on of a row of `w` pixels, and zeros where that is outside.
#[inline(always)]
unsafe fn turn<V: Vector>(planes: &[*const f32], at: usize, column: isize, w: usize, to: *mut f32) {
    let whole = column >= 0 && column + SET as isize <= w as isize;
    // SAFETY: passed on to the caller.
    unsafe {
        for channel in (0..SET).step_by(V::LANES) {
            for x in (0..SET).step_by(V::LANES) {
                let mut vectors = [V::splat(0.0); SET];
                for (lane, vector) in vectors[..V::LANES].iter_mut().enumerate() {
                    let Some(plane) = planes.get(channel + lane) else { break };
                    let from = plane.wrapping_add(at + x);
                    *vector = if whole { V::load(from) } else { inside::<V>(from, column + x as isize, w) };
                    prefetch(from.wrapping_add(2 * SET - 1));
                }
                let pixels = transposed(vectors);
                for (pixel, vector) in pixels[..V::LANES].iter().enumerate() {
                    vector.store(to.add((x + pixel) * SET + channel));
                }
            }
        }
    }
}

/// From a pixel of each row to the values of its column.
#[inline(always)]
unsafe fn down<V: Vector, const KIND: bool>(turned: *const f32, to: *mut f32) {
    // SAFETY: passed on to the caller.
    unsafe {
        for lane in (0..SET).step_by(V::LANES) {
            let row = |row: usize| V::load(turned.add(row * SET * SET + lane));
            let four = [row(0), row(1), row(2), row(3)];
            let values = match KIND {
                SOURCE => source([four[0], four[1], four[2], four[3], row(4), row(5)]),
                GRADIENT => gradient(four),
            };
            for (row, value) in values.into_iter().enumerate() {
                value.store(to.add(row * SET + lane));
            }
        }
    }
}

/// From the columns of a tile to its values at all points.
#[inline(always)]
unsafe fn along<V: Vector, const KIND: bool>(columns: [*const f32; IN], to: *mut f32) {
    // SAFETY: passed on to the caller; of a gradient's columns four are read.
    unsafe {
        for lane in (0..SET).step_by(V::LANES) {
            for row in 0..IN {
                let column = |column: usize| V::load(columns[column].add(row * SET + lane));
                let four = [column(0), column(1), column(2), column(3)];
                let values = match KIND {
                    SOURCE => source([four[0], four[1], four[2], four[3], column(4), column(5)]),
                    GRADIENT => gradient(four),
                };
                for (column, value) in values.into_iter().enumerate() {
                    value.store(to.add((row * IN + column) * TOGETHER * SET + lane));
                }
            }
        }
    }
}
