//! Convolution with "same" zero padding, in the sense of the field (a correlation):
//! `y[n,o,v,u] = b[o] + sum over i,a,b of W[o,i,a,b] x[n, i, v + (a - r) d, u + (b - r) d]`
//! with kernel size `k = 2 r + 1` and dilation `d`.

use super::{Real, Shape, inside};

/// Calls `body(a, b, shift of rows, shift of columns)` for every position of a k x k kernel.
fn for_each_tap(kernel: usize, dilation: usize, mut body: impl FnMut(usize, usize, isize, isize)) {
    let radius = (kernel / 2) as isize;
    for a in 0..kernel {
        for b in 0..kernel {
            let shift = |k: usize| (k as isize - radius) * dilation as isize;
            body(a, b, shift(a), shift(b));
        }
    }
}

/// The forward pass. `x` has `shape`; `weights` are [out, in, k, k]; returns [N, out, H, W].
pub fn conv_forward<T: Real>(
    x: &[T],
    shape: Shape,
    weights: &[T],
    bias: &[T],
    kernel: usize,
    dilation: usize,
) -> Vec<T> {
    let out = shape.with_channels(bias.len());
    let mut y = vec![T::default(); out.values()];
    for n in 0..out.n {
        for o in 0..out.c {
            for v in 0..out.h {
                for u in 0..out.w {
                    let mut sum = bias[o];
                    for i in 0..shape.c {
                        for_each_tap(kernel, dilation, |a, b, rows, columns| {
                            if let (Some(sv), Some(su)) =
                                (inside(v, rows, shape.h), inside(u, columns, shape.w))
                            {
                                let weight = weights[((o * shape.c + i) * kernel + a) * kernel + b];
                                sum += weight * x[shape.at(n, i, sv, su)];
                            }
                        });
                    }
                    y[out.at(n, o, v, u)] = sum;
                }
            }
        }
    }
    y
}

/// The gradient by the input: every output value hands its gradient back to the inputs it read,
/// `dx[n,i,q] += W[o,i,a,b] dy[n,o,p]` wherever `p` read `q` through tap `(a,b)`.
/// `d_y` has `shape` [N, out, H, W]; returns [N, channels_in, H, W].
pub fn conv_backward_data<T: Real>(
    d_y: &[T],
    shape: Shape,
    weights: &[T],
    channels_in: usize,
    kernel: usize,
    dilation: usize,
) -> Vec<T> {
    let input = shape.with_channels(channels_in);
    let mut d_x = vec![T::default(); input.values()];
    for n in 0..shape.n {
        for o in 0..shape.c {
            for v in 0..shape.h {
                for u in 0..shape.w {
                    let gradient = d_y[shape.at(n, o, v, u)];
                    for i in 0..channels_in {
                        for_each_tap(kernel, dilation, |a, b, rows, columns| {
                            if let (Some(sv), Some(su)) =
                                (inside(v, rows, shape.h), inside(u, columns, shape.w))
                            {
                                let weight = weights[((o * channels_in + i) * kernel + a) * kernel + b];
                                d_x[input.at(n, i, sv, su)] += weight * gradient;
                            }
                        });
                    }
                }
            }
        }
    }
    d_x
}

/// The gradient by weights and bias:
/// `dW[o,i,a,b] = sum over n,v,u of dy[n,o,v,u] x[n, i, v + (a - r) d, u + (b - r) d]`, `db[o] = sum of dy[n,o,v,u]`.
/// `x` has `shape`, `d_y` is [N, channels_out, H, W].
pub fn conv_backward_weights<T: Real>(
    x: &[T],
    shape: Shape,
    d_y: &[T],
    channels_out: usize,
    kernel: usize,
    dilation: usize,
) -> (Vec<T>, Vec<T>) {
    let out = shape.with_channels(channels_out);
    let mut d_weights = vec![T::default(); channels_out * shape.c * kernel * kernel];
    let mut d_bias = vec![T::default(); channels_out];
    for n in 0..out.n {
        for o in 0..out.c {
            for v in 0..out.h {
                for u in 0..out.w {
                    let gradient = d_y[out.at(n, o, v, u)];
                    d_bias[o] += gradient;
                    for i in 0..shape.c {
                        for_each_tap(kernel, dilation, |a, b, rows, columns| {
                            if let (Some(sv), Some(su)) =
                                (inside(v, rows, shape.h), inside(u, columns, shape.w))
                            {
                                d_weights[((o * shape.c + i) * kernel + a) * kernel + b] +=
                                    gradient * x[shape.at(n, i, sv, su)];
                            }
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
    fn one_pixel_spreads_the_flipped_kernel() {
        let shape = Shape::new(1, 1, 3, 3);
        let mut x = [0.0f64; 9];
        x[4] = 1.0;
        let weights: Vec<f64> = (1..=9).map(f64::from).collect();
        let y = conv_forward(&x, shape, &weights, &[0.5], 3, 1);
        assert_eq!(y, [9.5, 8.5, 7.5, 6.5, 5.5, 4.5, 3.5, 2.5, 1.5]);
        let d_x = conv_backward_data(&x, shape, &weights, 1, 3, 1);
        assert_eq!(d_x, weights);
        let (d_weights, d_bias) = conv_backward_weights(&x, shape, &x, 1, 3, 1);
        assert_eq!(d_weights, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(d_bias, [1.0]);
    }

    #[test]
    fn dilation_larger_than_the_image_leaves_the_centre() {
        let x = [1.0f32, 2.0, 3.0, 4.0];
        let y = conv_forward(&x, Shape::new(1, 1, 2, 2), &[7.0f32; 9], &[0.0], 3, 2);
        assert_eq!(y, [7.0, 14.0, 21.0, 28.0]);
    }
}
