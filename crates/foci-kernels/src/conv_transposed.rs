//! Transposed convolution of stride 2: learned upsampling.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::conv::LayerBytes;
use crate::gradient::InputGradient;
use crate::threads::Compute;
use crate::view::View;
use crate::{reference, stub};

/// What one transposed convolution is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvTransposedSpec {
    /// Rows and columns of the kernel: 2 (no padding) or 4 (padding 1).
    pub kernel: usize,
    /// The feature map read.
    pub input: View,
    /// The feature map written: twice the size, cropped by at most one row and one column.
    pub output: View,
    /// Applied to the output; see [`ConvSpec::activation`](crate::ConvSpec::activation).
    pub activation: Activation,
    /// Whether gradients will be asked for.
    pub training: bool,
}

/// All that decides how a transposed convolution is computed, and what memory it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTransposedShape {
    /// Rows and columns of the kernel: 2 or 4.
    pub kernel: usize,
    /// Channels read.
    pub input: usize,
    /// Channels written.
    pub output: usize,
    /// Images.
    pub n: usize,
    /// Rows of the output.
    pub h: usize,
    /// Columns of the output.
    pub w: usize,
    /// Whether gradients will be asked for.
    pub training: bool,
}

impl ConvTransposedShape {
    /// The bytes of a layer of this shape; none if they cannot be counted.
    pub fn bytes(&self) -> Option<LayerBytes> {
        Some(LayerBytes::default())
    }
}

/// One transposed convolution layer of stride 2, ready to run.
///
/// Its formula is that of [`reference::conv_transposed_forward`](crate::reference::conv_transposed_forward),
/// followed by the activation.
pub struct ConvTransposed {
    spec: ConvTransposedSpec,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl ConvTransposed {
    /// Prepares a layer for a pool; its weights and bias are zero until [`pack`](Self::pack).
    ///
    /// # Panics
    /// If the specification makes no sense: kernel, shapes, or an output that overlaps the input.
    pub fn new(spec: ConvTransposedSpec, _compute: &Compute) -> ConvTransposed {
        ConvTransposed { spec, weights: Vec::new(), bias: Vec::new() }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvTransposedSpec {
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

    /// Computes the output from the input.
    ///
    /// # Panics
    /// If a view of the specification is not inside this arena.
    pub fn forward(&mut self, _compute: &Compute, arena: &mut Arena) {
        let ConvTransposedSpec { kernel, input, output, activation, .. } = self.spec;
        let x = stub::read(arena, input);
        let mut y = reference::conv_transposed_forward(
            &x, stub::shape(input), &self.weights, &self.bias, kernel, (output.h, output.w),
        );
        y.iter_mut().for_each(|value| *value = reference::activate(activation, *value));
        stub::write(arena, output, &y);
    }

    /// Hands the gradient of the output before its activation to the input.
    ///
    /// # Panics
    /// If the layer was not prepared for training, or a gradient has a wrong shape, lies outside the arena
    /// or overlaps what it is computed from.
    pub fn backward_data(&mut self, _compute: &Compute, arena: &mut Arena, d_output: View, d_input: &InputGradient) {
        let ConvTransposedSpec { kernel, input, .. } = self.spec;
        let d_y = stub::read(arena, d_output);
        let d_x = reference::conv_transposed_backward_data(
            &d_y, stub::shape(d_output), &self.weights, input.channels, kernel, (input.h, input.w),
        );
        stub::add(arena, d_input, &d_x);
    }

    /// Computes the gradients by weights `[out, in, kernel, kernel]` and bias `[out]` (overwriting what is
    /// there) from the input and the gradient of the output before its activation.
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
        let ConvTransposedSpec { kernel, input, .. } = self.spec;
        let (x, d_y) = (stub::read(arena, input), stub::read(arena, d_output));
        let (w, b) = reference::conv_transposed_backward_weights(
            &x, stub::shape(input), &d_y, stub::shape(d_output), kernel,
        );
        d_weights.copy_from_slice(&w);
        d_bias.copy_from_slice(&b);
    }
}
