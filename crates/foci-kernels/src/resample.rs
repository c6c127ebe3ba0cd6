//! Resampling by separable weights: each pixel of the target is a weighted mean of a small rectangle of
//! source pixels. Average and blur pooling and both kinds of upsampling are this, and so are their
//! gradients, whose weights are the same ones read the other way round.

use crate::conv::Shared;
use crate::finish::Finish;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};
use crate::view::{LANES, View};

/// Largest factor by which a map may be pooled or upsampled.
pub(crate) const MOST_FACTOR: usize = 8;
/// Most source positions along one axis: a bilinear gradient reads twice the factor.
const MOST_TAPS: usize = 2 * MOST_FACTOR;
/// Rows of the target in one task.
const STRIP: usize = 8;
/// Columns whose taps are worked out at a time.
const SEGMENT: usize = 32;

/// How positions along one axis belong together: `factor` says how many fine pixels make a coarse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// Coarse from fine, the mean of those there are.
    Average(usize),
    /// Coarse from fine at factor 2, [1 2 1] around fine pixel 2 i, renormalised.
    Blur,
    /// Fine from coarse, repeated.
    Nearest(usize),
    /// Fine from coarse, linear between pixel centres.
    Bilinear(usize),
}

/// The source positions `first .. first + count` of one target position, with their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Taps {
    first: usize,
    count: usize,
    weights: [f32; MOST_TAPS],
}

impl Weights {
    fn factor(self) -> usize {
        match self {
            Weights::Average(factor) | Weights::Nearest(factor) | Weights::Bilinear(factor) => factor,
            Weights::Blur => 2,
        }
    }

    /// What makes target position `at` from a source of `size` positions.
    fn forward(self, at: usize, size: usize) -> Taps {
        let mut weights = [0.0; MOST_TAPS];
        let (first, count) = match self {
            Weights::Average(factor) => {
                let count = factor.min(size - at * factor);
                weights[..count].fill(1.0 / count as f32);
                (at * factor, count)
            }
            Weights::Blur => {
                let first = (2 * at).saturating_sub(1);
                let end = (2 * at + 2).min(size);
                let weight = |position: usize| if position == 2 * at { 2.0 } else { 1.0 };
                let total: f32 = (first..end).map(weight).sum();
                for position in first..end {
                    weights[position - first] = weight(position) / total;
                }
                (first, end - first)
            }
            Weights::Nearest(factor) => {
                weights[0] = 1.0;
                (at / factor, 1)
            }
            Weights::Bilinear(factor) => {
                let position = ((at as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
                let first = position as usize;
                let fraction = position - first as f32;
                if first + 1 < size {
                    (weights[0], weights[1]) = (1.0 - fraction, fraction);
                    (first, 2)
                } else {
                    weights[0] = 1.0;
                    (first, 1)
                }
            }
        };
        Taps { first, count, weights }
    }

    /// What target positions of `forward` source position `at` went into: of `target` positions, those that
    /// lie near enough are asked.
    fn backward(self, at: usize, size: usize, target: usize) -> Taps {
        let factor = self.factor();
        let near = match self {
            Weights::Average(_) => at / factor..at / factor + 1,
            Weights::Blur => at / 2..at / 2 + 2,
            Weights::Nearest(_) => at * factor..(at + 1) * factor,
            Weights::Bilinear(_) => (at * factor).saturating_sub(factor)..(at + 2) * factor,
        };
        let mut taps = Taps { first: near.start, ..Taps::default() };
        for position in near.start..near.end.min(target) {
            let forward = self.forward(position, size);
            let weight = match at.checked_sub(forward.first) {
                Some(tap) if tap < forward.count => forward.weights[tap],
                _ => 0.0,
            };
            if taps.count == 0 && weight == 0.0 {
                taps.first = position + 1;
            } else if taps.count < MOST_TAPS {
                taps.weights[taps.count] = weight;
                taps.count += 1;
            }
        }
        while taps.count > 0 && taps.weights[taps.count - 1] == 0.0 {
            taps.count -= 1;
        }
        taps
    }
}

/// A resampling of `from` to `to`, forward, or of a gradient back.
#[derive(Clone, Copy)]
pub(crate) struct Resampling {
    pub weights: Weights,
    pub back: bool,
    pub from: View,
    pub to: View,
    pub finish: Finish,
}

impl Resampling {
    /// The taps of a target position along an axis whose sizes are those of the views.
    fn taps(&self, at: usize, from: usize, to: usize) -> Taps {
        if self.back { self.weights.backward(at, to, from) } else { self.weights.forward(at, from) }
    }

    /// Runs it.
    ///
    /// # Safety
    /// Both views, and that of the last step, are inside the arena that starts at `arena`; the target lies
    /// apart from the others; sizes fit the factor, which is at most [`MOST_FACTOR`].
    pub unsafe fn run(&self, compute: &Compute, arena: *mut f32) {
        let strips = self.to.h.div_ceil(STRIP);
        let start = Shared(arena);
        compute.run(self.to.n * self.to.blocks() * strips, &|task, _| {
            let (map, strip) = (task / strips, task % strips);
            let (n, block) = (map / self.to.blocks(), map % self.to.blocks());
            // SAFETY: passed on to the caller; tasks write different rows.
            unsafe {
                run_at(
                    compute.simd(),
                    Strip { what: self, arena: start.get(), n, block, first: strip * STRIP },
                );
            }
        });
    }
}

/// A few rows of one block.
struct Strip<'a> {
    what: &'a Resampling,
    arena: *mut f32,
    n: usize,
    block: usize,
    first: usize,
}

/// The weighted sum of a rectangle of pixels, one vector of their lanes; COUNT columns, or any if that is 0.
///
/// # Safety
/// The rectangle, whose first pixel is at `source` and whose rows lie `stride` floats apart, can be read.
#[inline(always)]
unsafe fn mean<V: Vector, const COUNT: usize>(
    source: *const f32,
    stride: usize,
    rows: &Taps,
    columns: &Taps,
) -> V {
    let count = if COUNT == 0 { columns.count } else { COUNT };
    // SAFETY: see above.
    unsafe {
        let mut sum = V::splat(0.0);
        for row in 0..rows.count {
            for column in 0..count {
                let weight = V::splat(rows.weights[row] * columns.weights[column]);
                sum = V::load(source.add(row * stride + column * LANES)).fused(weight, sum);
            }
        }
        sum
    }
}

impl Kernel for Strip<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Resampling { from, to, finish, .. } = *self.what;
        let mut columns = [Taps::default(); SEGMENT];
        for x in (0..to.w).step_by(SEGMENT) {
            let width = SEGMENT.min(to.w - x);
            for (at, taps) in columns[..width].iter_mut().enumerate() {
                *taps = self.what.taps(x + at, from.w, to.w);
            }
            for y in self.first..to.h.min(self.first + STRIP) {
                let rows = self.what.taps(y, from.h, to.h);
                // SAFETY: taps lie inside the source, the pixels inside the target.
                unsafe {
                    let source = self.arena.add(from.at(self.n, self.block, rows.first, 0));
                    let target = self.arena.add(to.at(self.n, self.block, y, x));
                    for (at, columns) in columns[..width].iter().enumerate() {
                        let source = source.add(columns.first * LANES);
                        for lane in (0..LANES).step_by(V::LANES) {
                            let source = source.add(lane);
                            let stride = from.w * LANES;
                            let sum: V = match columns.count {
                                1 => mean::<V, 1>(source, stride, &rows, columns),
                                2 => mean::<V, 2>(source, stride, &rows, columns),
                                3 => mean::<V, 3>(source, stride, &rows, columns),
                                4 => mean::<V, 4>(source, stride, &rows, columns),
                                _ => mean::<V, 0>(source, stride, &rows, columns),
                            };
                            finish.store(sum, target.add(at * LANES + lane));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Weights; 5] =
        [Weights::Average(3), Weights::Blur, Weights::Nearest(4), Weights::Bilinear(2), Weights::Bilinear(8)];

    #[test]
    fn backward_is_forward_transposed() {
        for weights in ALL {
            for fine in 1..40usize {
                let coarse = fine.div_ceil(weights.factor());
                let pooling = matches!(weights, Weights::Average(_) | Weights::Blur);
                let (size, target) = if pooling { (fine, coarse) } else { (coarse, fine) };
                let mut matrix = vec![0.0; size * target];
                for at in 0..target {
                    let taps = weights.forward(at, size);
                    assert!((taps.weights[..taps.count].iter().sum::<f32>() - 1.0).abs() < 1e-6);
                    for tap in 0..taps.count {
                        matrix[at * size + taps.first + tap] += taps.weights[tap];
                    }
                }
                for at in 0..size {
                    let taps = weights.backward(at, size, target);
                    for position in 0..target {
                        let tap = position.wrapping_sub(taps.first);
                        let weight = if tap < taps.count { taps.weights[tap] } else { 0.0 };
                        assert_eq!(
                            weight,
                            matrix[position * size + at],
                            "{weights:?} {fine} {at} {position}"
                        );
                    }
                }
            }
        }
    }
}
