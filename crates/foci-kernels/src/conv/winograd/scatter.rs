//! From products at the 36 points to the pixels of a plane: Aᵀ m A for each tile, and its runs sorted back among
//! those of its neighbours.

use super::tiles::{Segment, Tiling};
use super::transform::output;
use super::{IN, OUT};
use crate::conv::planes::Target;
use crate::vector::Vector;

/// The 4x4 outputs of `count` tiles, whose products at point `p` are at `from + p * point`, each of the 16 at
/// `to + which * stride`, up to a vector less one beyond them.
///
/// # Safety
/// The CPU has the level; both have room for whole vectors.
#[inline(always)]
pub(super) unsafe fn outputs<V: Vector>(
    from: *const f32,
    point: usize,
    bias: f32,
    count: usize,
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let bias = V::splat(bias);
        for at in (0..count).step_by(V::LANES) {
            let mut half = [[V::splat(0.0); IN]; OUT];
            for column in 0..IN {
                let mut products = [V::splat(0.0); IN];
                for (row, product) in products.iter_mut().enumerate() {
                    *product = V::load(from.add((row * IN + column) * point + at));
                }
                for (half, value) in half.iter_mut().zip(output(products)) {
                    half[column] = value;
                }
            }
            for (row, half) in half.into_iter().enumerate() {
                for (column, value) in output(half).into_iter().enumerate() {
                    value.add(bias).store(to.add((row * OUT + column) * stride + at));
                }
            }
        }
    }
}

/// Finishes and stores the outputs of a segment, the 16 of a tile being `stride` apart from `from` on.
///
/// # Safety
/// The CPU has the level; the target is inside the arena; `row` is scratch for the pixels of a row of the segment.
#[inline(always)]
pub(super) unsafe fn scatter<V: Vector>(
    tiling: &Tiling,
    target: &Target,
    arena: *mut f32,
    segment: Segment,
    from: *const f32,
    stride: usize,
    row: *mut f32,
) {
    let d = tiling.dilation;
    for i in 0..OUT {
        let y = segment.y + i * d;
        if y >= tiling.h {
            break;
        }
        let first = OUT * segment.column;
        let pixels = (OUT * segment.count).min(tiling.w - first.min(tiling.w));
        // SAFETY: passed on to the caller; only pixels of the row are stored.
        unsafe {
            let to = arena.add(target.plane.of_image(segment.n) + y * tiling.w).wrapping_add(first);
            let from = from.add(i * OUT * stride + segment.at);
            match d {
                1 => merge::<V, 1>(target, from, stride, pixels, to),
                2 => merge::<V, 2>(target, from, stride, pixels, to),
                4 => merge::<V, 4>(target, from, stride, pixels, to),
                8 if V::LANES == 16 => merge::<V, 8>(target, from, stride, pixels, to),
                _ => {
                    for run in 0..OUT {
                        for tile in (0..segment.count).step_by(d) {
                            let (from, to) = (from.add(run * stride + tile), row.add(OUT * tile + run * d));
                            std::ptr::copy_nonoverlapping(from, to, d);
                        }
                    }
                    for at in (0..pixels).step_by(V::LANES) {
                        put(target, V::load(row.add(at)), to, at, pixels);
                    }
                }
            }
        }
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

#[inline(always)]
unsafe fn merge<V: Vector, const RUN: usize>(
    target: &Target,
    from: *const f32,
    stride: usize,
    pixels: usize,
    to: *mut f32,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        for at in (0..pixels).step_by(OUT * V::LANES) {
            let runs = [0, 1, 2, 3].map(|run| V::load(from.add(run * stride + at / OUT)));
            let (even, more_even) = runs[0].merge_runs::<RUN>(runs[2]);
            let (odd, more_odd) = runs[1].merge_runs::<RUN>(runs[3]);
            let (first, second) = even.merge_runs::<RUN>(odd);
            let (third, fourth) = more_even.merge_runs::<RUN>(more_odd);
            for (index, value) in [first, second, third, fourth].into_iter().enumerate() {
                put(target, value, to, at + index * V::LANES, pixels);
            }
        }
    }
}
