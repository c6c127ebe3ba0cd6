//! From products at the 36 points to the pixels of a plane: Aᵀ m A for each tile, its runs sorted back among those
//! of its neighbours, and the last step of the layer.

use super::tiles::{Segment, Tiling};
use super::transform::output;
use super::{IN, OUT};
use crate::conv::planes::Target;
use crate::vector::{Vector, prefetch};
use crate::view::LINE;

/// Asks for the cache lines that the outputs of a segment will be written to, and those that the last step reads.
#[inline(always)]
pub(super) fn ask<V: Vector>(tiling: &Tiling, target: &Target, arena: *mut f32, segment: Segment) {
    let first = OUT * segment.column;
    let pixels = (OUT * segment.count).min(tiling.w - first.min(tiling.w));
    for y in (segment.y..tiling.h).step_by(tiling.dilation).take(OUT) {
        let row = arena.wrapping_add(target.plane.of_image(segment.n) + y * tiling.w + first);
        let streams = target.finish.streams::<V>(row);
        for x in (0..pixels).step_by(LINE) {
            if !streams {
                prefetch(row.wrapping_add(x));
            }
            if let Some(shift) = target.finish.reads() {
                prefetch(row.wrapping_add(x).wrapping_offset(shift));
            }
        }
    }
}

/// What outputs are made of.
#[derive(Clone, Copy)]
pub(super) struct Products {
    /// Of one channel, tile by tile.
    pub from: *const f32,
    /// Floats between points.
    pub point: usize,
    /// Added to each output.
    pub bias: f32,
}

/// Computes, finishes and stores the outputs of a segment.
///
/// # Safety
/// The CPU has the level; the products are there up to a vector less one beyond the block, the target is inside the
/// arena.
#[inline(always)]
pub(super) unsafe fn scatter<V: Vector>(
    tiling: &Tiling,
    products: Products,
    target: &Target,
    arena: *mut f32,
    segment: Segment,
) {
    let d = tiling.dilation;
    let first = OUT * segment.column;
    let rows = Rows {
        // Rows below the image have none.
        count: (tiling.h - segment.y).div_ceil(d).min(OUT),
        step: d * tiling.w,
        pixels: (OUT * segment.count).min(tiling.w - first.min(tiling.w)),
        to: arena.wrapping_add(target.plane.of_image(segment.n) + segment.y * tiling.w + first),
    };
    // SAFETY: passed on to the caller; only pixels of the rows are stored.
    unsafe {
        let products = Products { from: products.from.add(segment.at), ..products };
        match d {
            1 => merged::<V, 1>(products, target, rows),
            2 => merged::<V, 2>(products, target, rows),
            4 => merged::<V, 4>(products, target, rows),
            8 if V::LANES == 16 => merged::<V, 8>(products, target, rows),
            _ => apart::<V>(products, target, rows, d),
        }
    }
}

/// Where the outputs of a segment go.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    /// Floats from one row to the next.
    step: usize,
    /// Pixels of each.
    pixels: usize,
    to: *mut f32,
}

/// The 4x4 outputs of a vector of tiles, row by row.
#[inline(always)]
unsafe fn outputs<V: Vector>(products: Products, at: usize) -> [[V; OUT]; OUT] {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut half = [[V::splat(0.0); IN]; OUT];
        for column in 0..IN {
            let mut values = [V::splat(0.0); IN];
            for (row, value) in values.iter_mut().enumerate() {
                *value = V::load(products.from.add((row * IN + column) * products.point + at));
            }
            // The products at the point 1 in both directions are part of each output once.
            if column == 1 {
                values[1] = values[1].add(V::splat(products.bias));
            }
            let values = output(values);
            for row in 0..OUT {
                half[row][column] = values[row];
            }
        }
        let mut outputs = [[V::splat(0.0); OUT]; OUT];
        for row in 0..OUT {
            outputs[row] = output(half[row]);
        }
        outputs
    }
}

/// Stores a vector of pixels, of which those from `end` on are none.
#[inline(always)]
unsafe fn put<V: Vector>(target: &Target, value: V, to: *mut f32, at: usize, end: usize) {
    // SAFETY: passed on to the caller.
    unsafe {
        if at + V::LANES <= end {
            target.finish.store(value, to.add(at));
        } else if at < end {
            target.finish.store_part(value, to.add(at), end - at);
        }
    }
}

/// Runs that are parts of a vector are merged.
#[inline(always)]
unsafe fn merged<V: Vector, const RUN: usize>(products: Products, target: &Target, rows: Rows) {
    // SAFETY: passed on to the caller.
    unsafe {
        for at in (0..rows.pixels).step_by(OUT * V::LANES) {
            let outputs = outputs::<V>(products, at / OUT);
            let whole = at + OUT * V::LANES <= rows.pixels;
            for (row, runs) in outputs.into_iter().enumerate() {
                if row >= rows.count {
                    continue;
                }
                let (even, more_even) = runs[0].merge_runs::<RUN>(runs[2]);
                let (odd, more_odd) = runs[1].merge_runs::<RUN>(runs[3]);
                let (first, second) = even.merge_runs::<RUN>(odd);
                let (third, fourth) = more_even.merge_runs::<RUN>(more_odd);
                let to = rows.to.add(row * rows.step);
                for (index, value) in [first, second, third, fourth].into_iter().enumerate() {
                    let at = at + index * V::LANES;
                    if whole {
                        target.finish.store(value, to.add(at));
                    } else {
                        put(target, value, to, at, rows.pixels);
                    }
                }
            }
        }
    }
}

/// Runs of whole vectors are stored as they are.
#[inline(always)]
unsafe fn apart<V: Vector>(products: Products, target: &Target, rows: Rows, run: usize) {
    // SAFETY: passed on to the caller.
    unsafe {
        for start in (0..rows.pixels).step_by(OUT * run) {
            for lane in (0..run).step_by(V::LANES) {
                let outputs = outputs::<V>(products, start / OUT + lane);
                for (row, runs) in outputs.into_iter().enumerate() {
                    if row >= rows.count {
                        continue;
                    }
                    let to = rows.to.add(row * rows.step);
                    for (index, value) in runs.into_iter().enumerate() {
                        put(target, value, to, start + lane + index * run, rows.pixels);
                    }
                }
            }
        }
    }
}
