//! Pooling. Max and average look at windows of `factor` x `factor` pixels that do not overlap; odd sizes
//! round up, and a window over the border sees only the pixels that are there. Blur pooling (Zhang 2019,
//! "Making convolutional networks shift-invariant again") weighs the 3 x 3 pixels around input pixel
//! (2 v, 2 u) with [1 2 1] x [1 2 1] / 16, the weights renormalised to sum 1 at the border.

use super::{Real, Shape, inside};
use crate::pool::PoolKind;

/// The input rows (or columns) an output row sees, each with its weight before normalisation.
fn window(kind: PoolKind, factor: usize, position: usize, size: usize) -> Vec<(usize, f64)> {
    match kind {
        PoolKind::Max | PoolKind::Average => {
            (position * factor..((position + 1) * factor).min(size)).map(|source| (source, 1.0)).collect()
        }
        PoolKind::Blur => [(-1, 1.0), (0, 2.0), (1, 1.0)]
            .into_iter()
            .filter_map(|(shift, weight)| Some((inside(2 * position, shift, size)?, weight)))
            .collect(),
    }
}

/// The pixels an output pixel sees in row-major order, with weights that sum to 1.
fn weighted_window<T: Real>(
    kind: PoolKind,
    factor: usize,
    shape: Shape,
    v: usize,
    u: usize,
) -> Vec<(usize, usize, T)> {
    let (rows, columns) = (window(kind, factor, v, shape.h), window(kind, factor, u, shape.w));
    let total: f64 = rows.iter().flat_map(|(_, a)| columns.iter().map(move |(_, b)| a * b)).sum();
    rows.iter()
        .flat_map(|(y, a)| columns.iter().map(move |(x, b)| (*y, *x, T::from_f64(a * b / total))))
        .collect()
}

/// The forward pass: the first maximum of the window, or its weighted mean.
/// `x` has `shape`; returns [N, C, ceil(H / factor), ceil(W / factor)].
pub fn pool_forward<T: Real>(kind: PoolKind, factor: usize, x: &[T], shape: Shape) -> Vec<T> {
    let out = shape.with_size(shape.h.div_ceil(factor), shape.w.div_ceil(factor));
    let mut y = vec![T::default(); out.values()];
    for n in 0..out.n {
        for c in 0..out.c {
            for v in 0..out.h {
                for u in 0..out.w {
                    let seen = weighted_window::<T>(kind, factor, shape, v, u);
                    y[out.at(n, c, v, u)] = if kind == PoolKind::Max {
                        x[first_maximum(x, shape, n, c, &seen)]
                    } else {
                        let mut sum = T::default();
                        for (sv, su, weight) in seen {
                            sum += weight * x[shape.at(n, c, sv, su)];
                        }
                        sum
                    };
                }
            }
        }
    }
    y
}

/// Position of the first maximum of a window in row-major order.
fn first_maximum<T: Real>(x: &[T], shape: Shape, n: usize, c: usize, seen: &[(usize, usize, T)]) -> usize {
    let mut best = shape.at(n, c, seen[0].0, seen[0].1);
    for (sv, su, _) in seen {
        let position = shape.at(n, c, *sv, *su);
        if x[position] > x[best] {
            best = position;
        }
    }
    best
}

/// The gradient by the input: to the first maximum in row-major order, or to every pixel by its weight.
/// `x` has `shape`, `d_y` the shape of the output; returns the shape of `x`.
pub fn pool_backward<T: Real>(kind: PoolKind, factor: usize, x: &[T], shape: Shape, d_y: &[T]) -> Vec<T> {
    let out = shape.with_size(shape.h.div_ceil(factor), shape.w.div_ceil(factor));
    let mut d_x = vec![T::default(); shape.values()];
    for n in 0..out.n {
        for c in 0..out.c {
            for v in 0..out.h {
                for u in 0..out.w {
                    let gradient = d_y[out.at(n, c, v, u)];
                    let seen = weighted_window::<T>(kind, factor, shape, v, u);
                    if kind == PoolKind::Max {
                        d_x[first_maximum(x, shape, n, c, &seen)] += gradient;
                    } else {
                        for (sv, su, weight) in seen {
                            d_x[shape.at(n, c, sv, su)] += weight * gradient;
                        }
                    }
                }
            }
        }
    }
    d_x
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];

    #[test]
    fn borders_see_only_what_is_there() {
        let shape = Shape::new(1, 1, 3, 3);
        assert_eq!(pool_forward(PoolKind::Max, 2, &X, shape), [5.0, 6.0, 8.0, 9.0]);
        assert_eq!(pool_forward(PoolKind::Average, 2, &X, shape), [3.0, 4.5, 7.5, 9.0]);
    }

    #[test]
    fn blur_is_renormalised() {
        let shape = Shape::new(1, 1, 3, 3);
        let y = pool_forward(PoolKind::Blur, 2, &X, shape);
        // Corner: (4 * 1 + 2 * 2 + 2 * 4 + 1 * 5) / 9.
        assert!((y[0] - 21.0 / 9.0).abs() < 1e-15);
        let flat = pool_forward(PoolKind::Blur, 2, &[4.0f64; 9], shape);
        assert!(flat.iter().all(|value| (value - 4.0).abs() < 1e-14));
    }

    #[test]
    fn the_first_of_equal_maxima_takes_the_gradient() {
        let d_x = pool_backward(PoolKind::Max, 2, &[1.0f32; 4], Shape::new(1, 1, 2, 2), &[3.0]);
        assert_eq!(d_x, [3.0, 0.0, 0.0, 0.0]);
    }
}
