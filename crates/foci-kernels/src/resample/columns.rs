//! The horizontal half of a resampling: from one row of mixed source rows to one row of the target.

use std::ops::Range;

use super::taps::{Axis, Cell, Taps};
use crate::vector::Vector;

/// Makes the target columns of some cells. `source` starts with source column `seen`, `to` with the first
/// column of the cells. At factor 2, all cells but those at the border are made vector by vector; which they
/// are does not depend on the length of a vector.
///
/// # Safety
/// The CPU has the level; `source` and `to` are the starts of two pieces, the first of which holds all columns
/// that the cells see.
#[inline(always)]
pub(super) unsafe fn mix_columns<V: Vector>(
    axis: &Axis,
    cells: &Range<usize>,
    source: *const f32,
    seen: usize,
    to: *mut f32,
) {
    let inner = if axis.factor == 2 { axis.inner(cells) } else { cells.start..cells.start };
    let taps = axis.inner_taps();
    // SAFETY: cells see only columns that are there; vectors that reach beyond the inner cells stay in the room
    // of the pieces, and what they leave there is overwritten below or not looked at.
    unsafe {
        if !inner.is_empty() {
            let reads = source.add(inner.start * axis.sources - seen);
            let writes = to.add((inner.start - cells.start) * axis.targets);
            match (axis.targets, taps[0].count, taps[1].count) {
                (1, 2, _) => gather::<V, 2>(&taps[0], inner.len(), reads, writes),
                (1, 3, _) => gather::<V, 3>(&taps[0], inner.len(), reads, writes),
                (1, ..) => gather::<V, 4>(&taps[0], inner.len(), reads, writes),
                (_, 1, 1) => spread::<V, 1, 1>(taps, inner.len(), reads, writes),
                (_, 1, _) => spread::<V, 1, 2>(taps, inner.len(), reads, writes),
                _ => spread::<V, 2, 2>(taps, inner.len(), reads, writes),
            }
        }
        for cell in (cells.start..inner.start).chain(inner.end..cells.end) {
            let reads = source.offset((cell * axis.sources) as isize - seen as isize);
            let writes = to.add((cell - cells.start) * axis.targets);
            for phase in 0..axis.targets.min(axis.to - cell * axis.targets) {
                let taps = axis.taps(cell, phase);
                let mut sum = 0.0;
                for tap in 0..taps.count {
                    sum += taps.weights[tap] * *reads.offset(taps.first + tap as isize);
                }
                *writes.add(phase) = sum;
            }
        }
    }
}

/// Factor 2, coarse from fine, COUNT taps. `source` is at the anchor of the first cell.
///
/// # Safety
/// As for [`mix_columns`]; all cells see as many columns.
#[inline(always)]
unsafe fn gather<V: Vector, const COUNT: usize>(taps: &Taps, cells: usize, source: *const f32, to: *mut f32) {
    // SAFETY: see above.
    unsafe {
        let weights = splat::<V, COUNT>(taps);
        let source = source.offset(taps.first);
        for cell in (0..cells).step_by(V::LANES) {
            let mut sum = V::splat(0.0);
            for tap in (0..COUNT).step_by(2) {
                let pair = source.add(2 * cell + tap);
                let (one, other) = V::load(pair).part_runs::<1>(V::load(pair.add(V::LANES)));
                sum = if tap == 0 { one.mul(weights[0]) } else { one.fused(weights[tap], sum) };
                if tap + 1 < COUNT {
                    sum = other.fused(weights[tap + 1], sum);
                }
            }
            sum.store(to.add(cell));
        }
    }
}

/// Factor 2, fine from coarse: EVEN taps for the first column of each cell, ODD for the second. `source` is at
/// the anchor of the first cell.
///
/// # Safety
/// As for [`mix_columns`]; all cells see as many columns.
#[inline(always)]
unsafe fn spread<V: Vector, const EVEN: usize, const ODD: usize>(
    taps: &Cell,
    cells: usize,
    source: *const f32,
    to: *mut f32,
) {
    // SAFETY: see above.
    unsafe {
        let (even, odd) = (splat::<V, EVEN>(&taps[0]), splat::<V, ODD>(&taps[1]));
        let (even_source, odd_source) = (source.offset(taps[0].first), source.offset(taps[1].first));
        for cell in (0..cells).step_by(V::LANES) {
            let (first, second) =
                mixed(&even, even_source.add(cell)).merge_runs::<1>(mixed(&odd, odd_source.add(cell)));
            first.store(to.add(2 * cell));
            second.store(to.add(2 * cell + V::LANES));
        }
    }
}

/// The weighted sum of COUNT vectors whose places differ by one column.
///
/// # Safety
/// The CPU has the level, and the vectors can be read.
#[inline(always)]
unsafe fn mixed<V: Vector, const COUNT: usize>(weights: &[V; COUNT], source: *const f32) -> V {
    // SAFETY: see above.
    unsafe {
        let mut sum = V::load(source).mul(weights[0]);
        for tap in 1..COUNT {
            sum = V::load(source.add(tap)).fused(weights[tap], sum);
        }
        sum
    }
}

/// The first COUNT weights, each in all lanes of a vector.
///
/// # Safety
/// The CPU has the level.
#[inline(always)]
unsafe fn splat<V: Vector, const COUNT: usize>(taps: &Taps) -> [V; COUNT] {
    // SAFETY: see above.
    unsafe {
        let mut weights = [V::splat(0.0); COUNT];
        for tap in 0..COUNT {
            weights[tap] = V::splat(taps.weights[tap]);
        }
        weights
    }
}
