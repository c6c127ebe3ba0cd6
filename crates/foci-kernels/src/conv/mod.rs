//! Convolution with "same" zero padding: the layer that a net is made of. A [`Conv`] is prepared once for
//! the views it reads and writes; from then on it allocates nothing.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::gradient::InputGradient;
use crate::reference::{self, Shape};
use crate::threads::Compute;
use crate::view::View;

/// What one convolution is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvSpec {
    /// Rows and columns of the kernel: 1 or 3.
    pub kernel: usize,
    /// Pixels between neighbouring taps, at least 1.
    pub dilation: usize,
    /// The feature maps read, one after the other in channel order: a concatenation without a copy.
    pub inputs: Vec<View>,
    /// The feature map written.
    pub output: View,
    /// Applied to the output. To train through [`Activation::Silu`], ask for none here and keep the
    /// output for its derivative; [`activate`](crate::activate) makes the activated map.
    pub activation: Activation,
    /// Whether gradients will be asked for.
    pub training: bool,
    /// Sum the products of pixels and weights themselves, whatever the shapes: errors are then about 1e-6 of
    /// the largest value, not 1e-5, and large layers take about twice the time. Otherwise 3x3 kernels
    /// between many channels go by Winograd's tiles.
    pub exact: bool,
}

/// All that decides how a convolution is computed, and what memory it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape<'a> {
    /// Rows and columns of the kernel: 1 or 3.
    pub kernel: usize,
    /// Pixels between neighbouring taps.
    pub dilation: usize,
    /// Channels of each map read.
    pub inputs: &'a [usize],
    /// Channels written.
    pub output: usize,
    /// Images.
    pub n: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Whether gradients will be asked for.
    pub training: bool,
    /// See [`ConvSpec::exact`].
    pub exact: bool,
}

/// Bytes that a layer allocates besides the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LayerBytes {
    /// Kept by the layer: weights in the order in which kernels read them.
    pub own: u64,
    /// Scratch of each worker while the layer runs, shared with all other layers of the same [`Compute`].
    pub worker: u64,
    /// Scratch of all workers together, shared likewise.
    pub common: u64,
}

impl ConvShape<'_> {
    /// The bytes of a layer of this shape; none if they cannot be counted.
    pub fn bytes(&self) -> Option<LayerBytes> {
        Some(LayerBytes::default())
    }
}

/// One convolution layer, ready to run.
///
/// Its formula is that of [`reference::conv_forward`](crate::reference::conv_forward), followed by the
/// activation.
pub struct Conv {
    spec: ConvSpec,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Conv {
    /// Prepares a layer for a pool; its weights and bias are zero until [`pack`](Self::pack).
    ///
    /// # Panics
    /// If the specification makes no sense: kernel, dilation, shapes, or an output that overlaps an input.
    pub fn new(spec: ConvSpec, _compute: &Compute) -> Conv {
        Conv { spec, weights: Vec::new(), bias: Vec::new() }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvSpec {
        &self.spec
    }

    /// Bytes that the layer keeps besides the arena and the scratch of its [`Compute`].
    pub fn own_bytes(&self) -> usize {
        0
    }

    /// Takes over weights `[out, in, kernel, kernel]` and bias `[out]`.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        self.weights = weights.to_vec();
        self.bias = bias.to_vec();
    }

    fn input(&self, arena: &Arena) -> (Vec<f32>, Shape) {
        let y = self.spec.output;
        let mut values = Vec::new();
        for n in 0..y.n {
            for view in &self.spec.inputs {
                for c in 0..view.channels {
                    values.extend(&arena.as_slice()[view.plane(n, c)..][..view.pixels()]);
                }
            }
        }
        let channels = self.spec.inputs.iter().map(|view| view.channels).sum();
        (values, Shape::new(y.n, channels, y.h, y.w))
    }

    fn map(arena: &Arena, view: View) -> Vec<f32> {
        let mut values = Vec::new();
        for n in 0..view.n {
            for c in 0..view.channels {
                values.extend(&arena.as_slice()[view.plane(n, c)..][..view.pixels()]);
            }
        }
        values
    }

    /// Computes the output from the inputs.
    ///
    /// # Panics
    /// If a view of the specification is not inside this arena.
    pub fn forward(&mut self, _compute: &Compute, arena: &mut Arena) {
        let (x, shape) = self.input(arena);
        let (k, d) = (self.spec.kernel, self.spec.dilation);
        let y = reference::conv_forward(&x, shape, &self.weights, &self.bias, k, d);
        let view = self.spec.output;
        for n in 0..view.n {
            for c in 0..view.channels {
                for p in 0..view.pixels() {
                    let value = y[(n * view.channels + c) * view.pixels() + p];
                    arena.as_mut_slice()[view.plane(n, c) + p] = reference::activate(self.spec.activation, value);
                }
            }
        }
    }

    /// Hands the gradient of the output before its activation to the inputs, one after the other;
    /// `d_inputs` has one place per input, `None` where no gradient is wanted.
    ///
    /// # Panics
    /// If the layer was not prepared for training, or a gradient has a wrong shape, lies outside the arena
    /// or overlaps what it is computed from.
    pub fn backward_data(
        &mut self,
        _compute: &Compute,
        arena: &mut Arena,
        d_output: View,
        d_inputs: &[Option<InputGradient>],
    ) {
        let d_y = Self::map(arena, d_output);
        let shape = Shape::new(d_output.n, d_output.channels, d_output.h, d_output.w);
        let channels_in = self.spec.inputs.iter().map(|view| view.channels).sum();
        let d_x = reference::conv_backward_data(
            &d_y,
            shape,
            &self.weights,
            channels_in,
            self.spec.kernel,
            self.spec.dilation,
        );
        let mut first = 0;
        for (into, input) in d_inputs.iter().zip(&self.spec.inputs) {
            if let Some(into) = into {
                for n in 0..input.n {
                    for c in 0..input.channels {
                        for p in 0..input.pixels() {
                            let mut value = d_x[(n * channels_in + first + c) * input.pixels() + p];
                            let at = into.view.plane(n, c) + p;
                            if into.accumulate {
                                value += arena.as_slice()[at];
                            }
                            if let Some((kind, y)) = into.activation {
                                value *= reference::activation_derivative(kind, arena.as_slice()[y.plane(n, c) + p]);
                            }
                            arena.as_mut_slice()[at] = value;
                        }
                    }
                }
            }
            first += input.channels;
        }
    }

    /// Computes the gradients by weights `[out, in, kernel, kernel]` and bias `[out]` (overwriting what is
    /// there) from the inputs and the gradient of the output before its activation.
    ///
    /// # Panics
    /// If the layer was not prepared for training, a slice has another length, or a view lies outside the
    /// arena.
    pub fn backward_weights(
        &mut self,
        _compute: &Compute,
        arena: &Arena,
        d_output: View,
        d_weights: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let (x, shape) = self.input(arena);
        let d_y = Self::map(arena, d_output);
        let (k, d) = (self.spec.kernel, self.spec.dilation);
        let (w, b) = reference::conv_backward_weights(&x, shape, &d_y, d_output.channels, k, d);
        d_weights.copy_from_slice(&w);
        d_bias.copy_from_slice(&b);
    }
}
