//! Group normalisation (Wu & He 2018, <https://arxiv.org/abs/1803.08494>, equations 1 to 6): the channels of each image
//! are cut into groups, each group is brought to mean 0 and variance 1 over its channels and pixels, and every channel
//! then gets a weight and a bias of its own. The activation follows at once.
//!
//! Each image is normalised by itself, so that a batch of one works like a batch of many, and inference like training.
//! Forward is two passes of sums and one straight line for each plane; so is the gradient: with `n` the normalised
//! value, `m1` and `m2` the means over the group of `weight d_z` and of `weight d_z n`,
//! `d_x = (weight d_z - m1 - n m2) / deviation`.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::gradient::{InputGradient, check_d_output};
use crate::planes::{Centres, Line, lines, plane_sums};
use crate::threads::Compute;
use crate::view::View;

/// Added to the variance, as PyTorch does.
pub(crate) const EPSILON: f64 = 1e-5;

/// What a group normalisation reads and makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupNormSpec {
    /// The map to be normalised.
    pub input: View,
    /// The result, of the same shape.
    pub output: View,
    /// Groups; they divide the channels.
    pub groups: usize,
    /// Applied to the result.
    pub activation: Activation,
}

/// Mean and inverse deviation of a group in one image.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    mean: f32,
    inverse: f32,
}

/// A group normalisation with its weights and what it remembers from the way forward for the way back.
#[derive(Debug)]
pub struct GroupNorm {
    spec: GroupNormSpec,
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// Of each group of each image.
    moments: Vec<Moments>,
    /// Of each plane.
    sums: Vec<[f64; 2]>,
    lines: Vec<Line>,
}

impl GroupNorm {
    /// A normalisation whose weights are missing until [`GroupNorm::pack`].
    ///
    /// # Panics
    /// If the groups do not divide the channels, or the shapes differ.
    pub fn new(spec: GroupNormSpec) -> GroupNorm {
        let GroupNormSpec { input, output, groups, .. } = spec;
        assert!(input.same_shape(&output), "normalisation keeps the shape: {input:?} to {output:?}");
        assert!(
            groups > 0 && input.channels.is_multiple_of(groups),
            "{groups} groups do not divide {} channels",
            input.channels
        );
        let planes = input.n * input.channels;
        GroupNorm {
            spec,
            weight: vec![0.0; input.channels],
            bias: vec![0.0; input.channels],
            moments: vec![Moments::default(); input.n * groups],
            sums: vec![[0.0; 2]; planes],
            lines: vec![Line::default(); planes],
        }
    }

    /// Bytes that a normalisation of `n` images of `channels` channels in `groups` groups keeps; none if they cannot be
    /// counted.
    pub fn bytes(n: usize, channels: usize, groups: usize) -> Option<u64> {
        let times =
            |count: usize, each: usize| (n as u64).checked_mul(count as u64)?.checked_mul(each as u64);
        let planes = times(channels, size_of::<[f64; 2]>() + size_of::<Line>())?;
        planes.checked_add(times(groups, size_of::<Moments>())?)?.checked_add(8 * channels as u64)
    }

    /// Bytes that it keeps.
    pub fn own_bytes(&self) -> usize {
        size_of_val(&self.weight[..])
            + size_of_val(&self.bias[..])
            + size_of_val(&self.moments[..])
            + size_of_val(&self.sums[..])
            + size_of_val(&self.lines[..])
    }

    /// Takes over the weight and the bias of each channel.
    ///
    /// # Panics
    /// If there are more or fewer of them than channels.
    pub fn pack(&mut self, weight: &[f32], bias: &[f32]) {
        self.weight.copy_from_slice(weight);
        self.bias.copy_from_slice(bias);
    }

    /// Group of each plane, counted through all images.
    fn group(&self, plane: usize) -> usize {
        plane / (self.spec.input.channels / self.spec.groups)
    }

    fn channel(&self, plane: usize) -> usize {
        plane % self.spec.input.channels
    }

    /// Values of a group in one image.
    fn count(&self) -> f64 {
        (self.spec.input.channels / self.spec.groups * self.spec.input.pixels()) as f64
    }

    /// Normalises the input.
    ///
    /// # Panics
    /// If the views overlap or lie outside the arena.
    pub fn forward(&mut self, compute: &Compute, arena: &mut Arena) {
        let GroupNormSpec { input, output, activation, .. } = self.spec;
        let (count, per_group) = (self.count(), input.channels / self.spec.groups);
        plane_sums(compute, arena, input, input, &|_| Centres::default(), &mut self.sums);
        for (moments, sums) in self.moments.iter_mut().zip(self.sums.chunks(per_group)) {
            moments.mean = (sums.iter().map(|sum| sum[0]).sum::<f64>() / count) as f32;
        }
        // Squares of what is left, so that a large mean costs no digits.
        let moments = &self.moments;
        let about_mean = |plane: usize| {
            let mean = moments[plane / per_group].mean;
            Centres { shift: mean, centre: mean }
        };
        plane_sums(compute, arena, input, input, &about_mean, &mut self.sums);
        for (moments, sums) in self.moments.iter_mut().zip(self.sums.chunks(per_group)) {
            let variance = sums.iter().map(|sum| sum[1]).sum::<f64>() / count;
            moments.inverse = (1.0 / (variance + EPSILON).sqrt()) as f32;
        }
        for plane in 0..self.lines.len() {
            let Moments { mean, inverse } = self.moments[self.group(plane)];
            let (weight, bias) = (self.weight[self.channel(plane)], self.bias[self.channel(plane)]);
            let a = weight * inverse;
            self.lines[plane] = Line { a, b: 0.0, c: bias - a * mean };
        }
        lines(compute, arena, &self.lines, input, None, output, Finish::forward(activation, [input, output]));
    }

    /// The gradients of the weights and biases from `d_y`, that of the result before its activation. The input is still
    /// what it was on the way forward.
    ///
    /// # Panics
    /// If the shapes do not fit, or a view lies outside the arena.
    pub fn backward_weights(
        &mut self,
        compute: &Compute,
        arena: &Arena,
        d_y: View,
        d_weight: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let input = self.spec.input;
        check_d_output(arena, &d_y, &self.spec.output);
        let (moments, per_group) = (&self.moments, input.channels / self.spec.groups);
        let about_mean = |plane: usize| Centres { shift: 0.0, centre: moments[plane / per_group].mean };
        plane_sums(compute, arena, d_y, input, &about_mean, &mut self.sums);
        for (channel, (d_weight, d_bias)) in d_weight.iter_mut().zip(d_bias).enumerate() {
            let (mut weight, mut bias) = (0.0, 0.0);
            for plane in (channel..self.sums.len()).step_by(input.channels) {
                bias += self.sums[plane][0];
                weight += self.sums[plane][1] * f64::from(self.moments[plane / per_group].inverse);
            }
            (*d_weight, *d_bias) = (weight as f32, bias as f32);
        }
    }

    /// Hands the gradient on to the input; [`GroupNorm::backward_weights`] with the same `d_y` comes before.
    ///
    /// # Panics
    /// As [`GroupNorm::backward_weights`], or if the gradient overlaps what it is computed from.
    pub fn backward_data(&mut self, compute: &Compute, arena: &mut Arena, d_y: View, into: &InputGradient) {
        let input = self.spec.input;
        check_d_output(arena, &d_y, &self.spec.output);
        into.check(arena, &input, &[d_y, input]);
        let (count, per_group) = (self.count(), input.channels / self.spec.groups);
        for (group, &Moments { mean, inverse }) in self.moments.iter().enumerate() {
            let (mean, inverse) = (f64::from(mean), f64::from(inverse));
            let planes = group * per_group..(group + 1) * per_group;
            let weight = |plane: usize| f64::from(self.weight[plane % input.channels]);
            let (mut first, mut second) = (0.0, 0.0);
            for plane in planes.clone() {
                first += weight(plane) * self.sums[plane][0] / count;
                second += weight(plane) * self.sums[plane][1] * inverse / count;
            }
            let b = -inverse * inverse * second;
            for plane in planes {
                self.lines[plane] = Line {
                    a: (weight(plane) * inverse) as f32,
                    b: b as f32,
                    c: (-inverse * first - b * mean) as f32,
                };
            }
        }
        lines(
            compute,
            arena,
            &self.lines,
            d_y,
            Some(input),
            into.view,
            Finish::backward(into, [d_y, input, into.view]),
        );
    }
}
