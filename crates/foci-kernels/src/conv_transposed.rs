//! Transposed convolution.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::elementwise::{contribute, load_nchw, read};
use crate::gradient::InputGradient;
use crate::reference::{self, Shape};
use crate::threads::Compute;
use crate::view::View;

/// What one transposed convolution is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvTransposedSpec {
    /// Rows and columns of the kernel: 2 or 4.
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

/// One transposed convolution layer of stride 2, ready to run. See
/// [`reference::conv_transposed_forward`] for the formula.
pub struct ConvTransposed {
    spec: ConvTransposedSpec,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

fn shape(view: View) -> Shape {
    Shape::new(view.n, view.channels, view.h, view.w)
}

impl ConvTransposed {
    /// Prepares a layer; its weights are zero until [`pack`](Self::pack).
    pub fn new(spec: ConvTransposedSpec, _compute: &Compute) -> ConvTransposed {
        let (x, y) = (spec.input, spec.output);
        assert!(spec.kernel == 2 || spec.kernel == 4, "a kernel has 2 or 4 rows, not {}", spec.kernel);
        assert!(
            (x.n, x.h, x.w) == (y.n, y.h.div_ceil(2), y.w.div_ceil(2)),
            "{x:?} doubled and cropped cannot be {y:?}"
        );
        assert!(!x.overlaps(&y), "a transposed convolution cannot work in place: {x:?} to {y:?}");
        assert!(
            !(spec.training && spec.activation == Activation::Silu),
            "a trained SiLU needs the value before it: use Activation::None and activate()"
        );
        let weights = vec![0.0; x.channels * y.channels * spec.kernel * spec.kernel];
        let bias = vec![0.0; y.channels];
        ConvTransposed { spec, weights, bias }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvTransposedSpec {
        &self.spec
    }

    /// Bytes of packed weights and scratch that the layer keeps besides the arena.
    pub fn scratch_bytes(&self) -> usize {
        4 * (self.weights.len() + self.bias.len())
    }

    /// Takes over weights [out, in, kernel, kernel] and bias [out].
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        assert_eq!(weights.len(), self.weights.len(), "weights must be [out, in, kernel, kernel]");
        assert_eq!(bias.len(), self.bias.len(), "bias must be [out]");
        self.weights.copy_from_slice(weights);
        self.bias.copy_from_slice(bias);
    }

    /// Computes the output from the input.
    pub fn forward(&mut self, compute: &Compute, arena: &mut Arena) {
        let spec = &self.spec;
        let x = read(compute, arena, spec.input);
        let size = (spec.output.h, spec.output.w);
        let mut y = reference::conv_transposed_forward(
            &x,
            shape(spec.input),
            &self.weights,
            &self.bias,
            spec.kernel,
            size,
        );
        y.iter_mut().for_each(|value| *value = reference::activate(spec.activation, *value));
        load_nchw(compute, arena, &y, spec.output);
    }

    /// Hands the gradient of the output before its activation to the input.
    pub fn backward_data(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: View,
        d_input: &InputGradient,
    ) {
        let spec = &self.spec;
        assert!(spec.training, "a layer prepared for inference has no gradients");
        assert!(d_output.same_shape(&spec.output), "a gradient has the shape of its feature map");
        d_input.check(arena, &spec.input, &[d_output]);
        let d_y = read(compute, arena, d_output);
        let d_x = reference::conv_transposed_backward_data(
            &d_y,
            shape(d_output),
            &self.weights,
            spec.input.channels,
            spec.kernel,
            (spec.input.h, spec.input.w),
        );
        contribute(compute, arena, d_x, d_input);
    }

    /// Computes the gradients by weights [out, in, kernel, kernel] and bias [out] (overwriting what is
    /// there) from the input and the gradient of the output before its activation.
    pub fn backward_weights(
        &mut self,
        compute: &Compute,
        arena: &Arena,
        d_output: View,
        d_weights: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let spec = &self.spec;
        assert!(spec.training, "a layer prepared for inference has no gradients");
        assert!(d_output.same_shape(&spec.output), "a gradient has the shape of its feature map");
        assert_eq!(d_weights.len(), self.weights.len(), "weights must be [out, in, kernel, kernel]");
        assert_eq!(d_bias.len(), self.bias.len(), "bias must be [out]");
        let (x, d_y) = (read(compute, arena, spec.input), read(compute, arena, d_output));
        let (weights, bias) = reference::conv_transposed_backward_weights(
            &x,
            shape(spec.input),
            &d_y,
            shape(d_output),
            spec.kernel,
        );
        d_weights.copy_from_slice(&weights);
        d_bias.copy_from_slice(&bias);
    }
}
