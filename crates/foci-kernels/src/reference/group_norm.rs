//! Group normalisation (Wu & He 2018, equations 1 to 6), without an activation.

use super::{Real, Shape};
use crate::group_norm::EPSILON;

/// Calls `body` for each group of each image, with the position and the channel of each of its values.
fn for_each_group(shape: Shape, groups: usize, mut body: impl FnMut(&[(usize, usize)])) {
    let per_group = shape.c / groups;
    for n in 0..shape.n {
        for group in 0..groups {
            let mut places = Vec::new();
            for c in group * per_group..(group + 1) * per_group {
                for y in 0..shape.h {
                    for x in 0..shape.w {
                        places.push((shape.at(n, c, y, x), c));
                    }
                }
            }
            body(&places);
        }
    }
}

/// Mean and deviation over the places of a group.
fn moments<T: Real>(x: &[T], places: &[(usize, usize)]) -> (T, T) {
    let count = T::from_f64(places.len() as f64);
    let (mut sum, mut squares) = (T::default(), T::default());
    for &(place, _) in places {
        sum += x[place];
    }
    let mean = sum / count;
    for &(place, _) in places {
        squares += (x[place] - mean) * (x[place] - mean);
    }
    (mean, (squares / count + T::from_f64(EPSILON)).sqrt())
}

/// `weight (x - mean) / deviation + bias`, with mean and deviation over each group of channels of each image; `weight` and
/// `bias` have one value for each channel.
pub fn group_norm_forward<T: Real>(x: &[T], shape: Shape, groups: usize, weight: &[T], bias: &[T]) -> Vec<T> {
    let mut y = vec![T::default(); x.len()];
    for_each_group(shape, groups, |places| {
        let (mean, deviation) = moments(x, places);
        for &(place, c) in places {
            y[place] = weight[c] * ((x[place] - mean) / deviation) + bias[c];
        }
    });
    y
}

/// The gradients by `x`, by the weights and by the biases, from that by the result.
pub fn group_norm_backward<T: Real>(
    x: &[T],
    shape: Shape,
    groups: usize,
    weight: &[T],
    d_y: &[T],
) -> (Vec<T>, Vec<T>, Vec<T>) {
    let mut d_x = vec![T::default(); x.len()];
    let (mut d_weight, mut d_bias) = (vec![T::default(); shape.c], vec![T::default(); shape.c]);
    for_each_group(shape, groups, |places| {
        let (mean, deviation) = moments(x, places);
        let count = T::from_f64(places.len() as f64);
        let (mut first, mut second) = (T::default(), T::default());
        for &(place, c) in places {
            let normalised = (x[place] - mean) / deviation;
            d_weight[c] += d_y[place] * normalised;
            d_bias[c] += d_y[place];
            first += weight[c] * d_y[place];
            second += weight[c] * d_y[place] * normalised;
        }
        for &(place, c) in places {
            let normalised = (x[place] - mean) / deviation;
            d_x[place] = (weight[c] * d_y[place] - first / count - normalised * second / count) / deviation;
        }
    });
    (d_x, d_weight, d_bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient against differences of `sum d_y y`.
    #[test]
    fn the_gradient_is_the_slope() {
        let (shape, groups) = (Shape::new(2, 4, 3, 2), 2);
        let value = |i: usize| ((i * 37 % 23) as f64 - 11.0) / 7.0;
        let x: Vec<f64> = (0..shape.values()).map(value).collect();
        let d_y: Vec<f64> = (0..shape.values()).map(|i| value(i * 5 + 3)).collect();
        let weight = [0.5, -1.5, 2.0, 1.0];
        let bias = [0.1, 0.2, 0.3, 0.4];
        let total = |x: &[f64], weight: &[f64], bias: &[f64]| -> f64 {
            let y = group_norm_forward(x, shape, groups, weight, bias);
            y.iter().zip(&d_y).map(|(y, d)| y * d).sum()
        };
        let (d_x, d_weight, d_bias) = group_norm_backward(&x, shape, groups, &weight, &d_y);
        let step = 1e-5;
        let slope = |values: &[f64], at: usize, total: &dyn Fn(&[f64]) -> f64| {
            let (mut up, mut down) = (values.to_vec(), values.to_vec());
            up[at] += step;
            down[at] -= step;
            (total(&up) - total(&down)) / (2.0 * step)
        };
        for at in 0..x.len() {
            let expected = slope(&x, at, &|x| total(x, &weight, &bias));
            assert!((d_x[at] - expected).abs() < 1e-8, "{at}: {} against {expected}", d_x[at]);
        }
        for at in 0..4 {
            assert!((d_weight[at] - slope(&weight, at, &|weight| total(&x, weight, &bias))).abs() < 1e-8);
            assert!((d_bias[at] - slope(&bias, at, &|bias| total(&x, &weight, bias))).abs() < 1e-8);
        }
    }

    #[test]
    fn groups_have_mean_zero_and_variance_one() {
        let shape = Shape::new(1, 2, 1, 2);
        // By hand: one group of 1, 3, 5, 7 has mean 4 and variance 5.
        let y = group_norm_forward(&[1.0, 3.0, 5.0, 7.0], shape, 1, &[1.0, 2.0], &[0.0, 10.0]);
        let deviation = (5.0_f64 + 1e-5).sqrt();
        for (y, expected) in
            y.iter().zip([-3.0 / deviation, -1.0 / deviation, 10.0 + 2.0 / deviation, 10.0 + 6.0 / deviation])
        {
            assert!((y - expected).abs() < 1e-12);
        }
    }
}
