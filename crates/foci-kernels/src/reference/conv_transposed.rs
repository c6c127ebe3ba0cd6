//! Transposed convolution at stride 2, which doubles the size. Input pixel (v, u) adds
//! `W[o,i,a,b] x[n,i,v,u]` to output pixel `(2 v + a - p, 2 u + b - p)`, where the padding `p` is 0 for a
//! 2 x 2 kernel and 1 for 4 x 4 (PyTorch's ConvTranspose2d(k, stride=2, padding=p) with the first two axes
//! of its weights exchanged). The output may be cropped by one row and one column.

use super::{Real, Shape, inside};

/// Calls `body(a, b, output row, output column)` for every output pixel that input pixel (v, u) reaches.
fn for_each_target(
    kernel: usize,
    (v, u): (usize, usize),
    (h, w): (usize, usize),
    mut body: impl FnMut(usize, usize, usize, usize),
) {
    let padding = (kernel / 4) as isize;
    for a in 0..kernel {
        for b in 0..kernel {
            let row = inside(2 * v, a as isize - padding, h);
            let column = inside(2 * u, b as isize - padding, w);
            if let (Some(row), Some(column)) = (row, column) {
                body(a, b, row, column);
            }
        }
    }
}

/// The forward pass. `x` has `shape`, weights are [out, in, k, k]; returns [N, out, size.0, size.1].
pub fn conv_transposed_forward<T: Real>(
    x: &[T],
    shape: Shape,
    weights: &[T],
    bias: &[T],
    kernel: usize,
    size: (usize, usize),
) -> Vec<T> {
    let out = shape.with_channels(bias.len()).with_size(size.0, size.1);
    let mut y = vec![T::default(); out.values()];
    for n in 0..out.n {
        for o in 0..out.c {
            y[out.at(n, o, 0, 0)..][..size.0 * size.1].fill(bias[o]);
            for i in 0..shape.c {
                for v in 0..shape.h {
                    for u in 0..shape.w {
                        for_each_target(kernel, (v, u), size, |a, b, row, column| {
                            let weight = weights[((o * shape.c + i) * kernel + a) * kernel + b];
                            y[out.at(n, o, row, column)] += weight * x[shape.at(n, i, v, u)];
                        });
                    }
                }
            }
        }
    }
    y
}

/// The gradient by the input, `dx[n,i,v,u] = sum over o,a,b of W[o,i,a,b] dy[n, o, 2 v + a - p, 2 u + b - p]`.
/// `d_y` has `shape`; returns [N, channels_in, size.0, size.1].
pub fn conv_transposed_backward_data<T: Real>(
    d_y: &[T],
    shape: Shape,
    weights: &[T],
    channels_in: usize,
    kernel: usize,
    size: (usize, usize),
) -> Vec<T> {
    let input = shape.with_channels(channels_in).with_size(size.0, size.1);
    let mut d_x = vec![T::default(); input.values()];
    for n in 0..shape.n {
        for i in 0..channels_in {
            for v in 0..input.h {
                for u in 0..input.w {
                    let mut sum = T::default();
                    for o in 0..shape.c {
                        for_each_target(kernel, (v, u), (shape.h, shape.w), |a, b, row, column| {
                            let weight = weights[((o * channels_in + i) * kernel + a) * kernel + b];
                            sum += weight * d_y[shape.at(n, o, row, column)];
                        });
                    }
                    d_x[input.at(n, i, v, u)] = sum;
                }
            }
        }
    }
    d_x
}

/// The gradient by weights and bias,
/// `dW[o,i,a,b] = sum over n,v,u of x[n,i,v,u] dy[n, o, 2 v + a - p, 2 u + b - p]`, `db[o] = sum of dy`.
/// `x` has `shape`, `d_y` has `out`.
pub fn conv_transposed_backward_weights<T: Real>(
    x: &[T],
    shape: Shape,
    d_y: &[T],
    out: Shape,
    kernel: usize,
) -> (Vec<T>, Vec<T>) {
    let mut d_weights = vec![T::default(); out.c * shape.c * kernel * kernel];
    let mut d_bias = vec![T::default(); out.c];
    for n in 0..out.n {
        for o in 0..out.c {
            for value in &d_y[out.at(n, o, 0, 0)..][..out.h * out.w] {
                d_bias[o] += *value;
            }
            for i in 0..shape.c {
                for v in 0..shape.h {
                    for u in 0..shape.w {
                        for_each_target(kernel, (v, u), (out.h, out.w), |a, b, row, column| {
                            d_weights[((o * shape.c + i) * kernel + a) * kernel + b] +=
                                x[shape.at(n, i, v, u)] * d_y[out.at(n, o, row, column)];
                        });
                    }
                }
            }
        }
    }
    (d_weights, d_bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_by_two_places_the_kernel_side_by_side() {
        let y = conv_transposed_forward(
            &[1.0f64, 10.0],
            Shape::new(1, 1, 1, 2),
            &[1.0, 2.0, 3.0, 4.0],
            &[0.5],
            2,
            (2, 3),
        );
        assert_eq!(y, [1.5, 2.5, 10.5, 3.5, 4.5, 30.5]);
    }

    #[test]
    fn four_by_four_is_centred() {
        let weights: Vec<f64> = (1..=16).map(f64::from).collect();
        let y = conv_transposed_forward(&[1.0], Shape::new(1, 1, 1, 1), &weights, &[0.0], 4, (2, 2));
        assert_eq!(y, [6.0, 7.0, 10.0, 11.0]);
    }
}
