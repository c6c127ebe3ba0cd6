//! Upsampling by a whole factor f, then cropping. Nearest repeats each pixel f x f times. Bilinear takes
//! output pixel u at input position `s = max((u + 1/2) / f - 1/2, 0)` and mixes the pixels
//! `floor(s)` and `min(floor(s) + 1, size - 1)` by the fraction, as PyTorch does with align_corners=False.

use super::{Real, Shape};
use crate::upsample::UpsampleMode;

/// The input pixels an output position mixes along one axis, with their weights.
fn sources(mode: UpsampleMode, factor: usize, position: usize, size: usize) -> Vec<(usize, f64)> {
    match mode {
        UpsampleMode::Nearest => vec![(position / factor, 1.0)],
        UpsampleMode::Bilinear => {
            let at = ((position as f64 + 0.5) / factor as f64 - 0.5).max(0.0);
            let first = at.floor() as usize;
            let fraction = at - first as f64;
            vec![(first, 1.0 - fraction), ((first + 1).min(size - 1), fraction)]
        }
    }
}

/// Calls `body(output position, input position, weight)` for every pair that takes part.
fn for_each_pair<T: Real>(
    mode: UpsampleMode,
    factor: usize,
    shape: Shape,
    out: Shape,
    mut body: impl FnMut(usize, usize, T),
) {
    for n in 0..out.n {
        for c in 0..out.c {
            for v in 0..out.h {
                for u in 0..out.w {
                    for (sv, a) in sources(mode, factor, v, shape.h) {
                        for (su, b) in sources(mode, factor, u, shape.w) {
                            body(out.at(n, c, v, u), shape.at(n, c, sv, su), T::from_f64(a * b));
                        }
                    }
                }
            }
        }
    }
}

/// The forward pass. `x` has `shape`; returns [N, C, size.0, size.1], at most `factor` times as large.
pub fn upsample_forward<T: Real>(
    mode: UpsampleMode,
    factor: usize,
    x: &[T],
    shape: Shape,
    size: (usize, usize),
) -> Vec<T> {
    let out = shape.with_size(size.0, size.1);
    let mut y = vec![T::default(); out.values()];
    for_each_pair(mode, factor, shape, out, |to, from, weight: T| y[to] += weight * x[from]);
    y
}

/// The gradient by the input, the transpose of the forward pass. `d_y` is [N, C, size.0, size.1];
/// returns `shape`.
pub fn upsample_backward<T: Real>(
    mode: UpsampleMode,
    factor: usize,
    d_y: &[T],
    shape: Shape,
    size: (usize, usize),
) -> Vec<T> {
    let out = shape.with_size(size.0, size.1);
    let mut d_x = vec![T::default(); shape.values()];
    for_each_pair(mode, factor, shape, out, |to, from, weight: T| d_x[from] += weight * d_y[to]);
    d_x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bilinear_matches_align_corners_false() {
        let y =
            upsample_forward(UpsampleMode::Bilinear, 2, &[0.0f64, 4.0, 8.0], Shape::new(1, 1, 1, 3), (1, 6));
        assert_eq!(y, [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
    }

    #[test]
    fn nearest_repeats_and_crops() {
        let y = upsample_forward(UpsampleMode::Nearest, 2, &[1.0f64, 2.0], Shape::new(1, 1, 1, 2), (2, 3));
        assert_eq!(y, [1.0, 1.0, 2.0, 1.0, 1.0, 2.0]);
    }
}
