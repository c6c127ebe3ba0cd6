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
    /// The feature maps read, one after the other in channel order: a concatenation without a copy.
    pub inputs: Vec<View>,
    /// The feature map written: twice the size, cropped by at most one row and one column.
    pub output: View,
    /// Applied to the output; see [`ConvSpec::activation`](crate::ConvSpec::activation).
    pub activation: Activation,
    /// Whether gradients will be asked for.
    pub training: bool,
}

/// All that decides how a transposed convolution is computed, and what memory it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTransposedShape<'a> {
    /// Rows and columns of the kernel: 2 or 4.
    pub kernel: usize,
    /// Channels of each map read.
    pub inputs: &'a [usize],
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

impl ConvTransposedShape<'_> {
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
    /// If the specification makes no sense: kernel, shapes, or an output that overlaps an input.
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

    /// The inputs side by side, as a plain slice.
    fn input(&self, arena: &Arena) -> (Vec<f32>, reference::Shape) {
        let first = self.spec.inputs[0];
        let channels = self.spec.inputs.iter().map(|view| view.channels).sum();
        let mut values = Vec::new();
        for n in 0..first.n {
            for view in &self.spec.inputs {
                values.extend(stub::read(
                    arena,
                    View { offset: view.offset + n * view.image_floats(), n: 1, ..*view },
                ));
            }
        }
        (values, reference::Shape::new(first.n, channels, first.h, first.w))
    }

    /// Computes the output from the inputs.
    ///
    /// # Panics
    /// If a view of the specification is not inside this arena.
    pub fn forward(&mut self, _compute: &Compute, arena: &mut Arena) {
        let ConvTransposedSpec { kernel, output, activation, .. } = self.spec;
        let (x, shape) = self.input(arena);
        let size = (output.h, output.w);
        let mut y =
            reference::conv_transposed_forward(&x, shape, &self.weights, &self.bias, kernel, size);
        y.iter_mut().for_each(|value| *value = reference::activate(activation, *value));
        stub::write(arena, output, &y);
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
        let first = self.spec.inputs[0];
        let channels: usize = self.spec.inputs.iter().map(|view| view.channels).sum();
        let d_y = stub::read(arena, d_output);
        let d_x = reference::conv_transposed_backward_data(
            &d_y,
            stub::shape(d_output),
            &self.weights,
            channels,
            self.spec.kernel,
            (first.h, first.w),
        );
        let mut start = 0;
        for (into, input) in d_inputs.iter().zip(&self.spec.inputs) {
            if let Some(into) = into {
                let image = |n: usize| &d_x[(n * channels + start) * input.pixels()..];
                let values: Vec<f32> = (0..input.n)
                    .flat_map(|n| image(n)[..input.channels * input.pixels()].to_vec())
                    .collect();
                stub::add(arena, into, &values);
            }
            start += input.channels;
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
        let ((x, shape), d_y) = (self.input(arena), stub::read(arena, d_output));
        let (w, b) = reference::conv_transposed_backward_weights(
            &x,
            shape,
            &d_y,
            stub::shape(d_output),
            self.spec.kernel,
        );
        d_weights.copy_from_slice(&w);
        d_bias.copy_from_slice(&b);
    }
}
