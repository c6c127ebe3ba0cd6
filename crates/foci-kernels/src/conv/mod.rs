//! Convolution.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::elementwise::{contribute, load_nchw, read};
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
}

/// One convolution layer with "same" zero padding, ready to run: packed weights and scratch.
pub struct Conv {
    spec: ConvSpec,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Reads views of one size as one plain [N, C, H, W] vector.
fn concatenated(compute: &Compute, arena: &Arena, views: &[View]) -> (Vec<f32>, Shape) {
    let first = views[0];
    let channels = views.iter().map(|view| view.channels).sum();
    let maps: Vec<Vec<f32>> = views.iter().map(|view| read(compute, arena, *view)).collect();
    let mut values = Vec::new();
    for n in 0..first.n {
        for map in &maps {
            values.extend_from_slice(&map[n * map.len() / first.n..(n + 1) * map.len() / first.n]);
        }
    }
    (values, Shape::new(first.n, channels, first.h, first.w))
}

impl Conv {
    /// Prepares a layer; its weights are zero until [`pack`](Self::pack).
    pub fn new(spec: ConvSpec, _compute: &Compute) -> Conv {
        assert!(spec.kernel == 1 || spec.kernel == 3, "a kernel has 1 or 3 rows, not {}", spec.kernel);
        assert!(spec.dilation >= 1, "a dilation is at least 1");
        assert!(!spec.inputs.is_empty(), "a convolution needs an input");
        for input in &spec.inputs {
            let fits = (input.n, input.h, input.w) == (spec.output.n, spec.output.h, spec.output.w);
            assert!(fits, "a convolution keeps the size: {input:?} to {:?}", spec.output);
            assert!(!input.overlaps(&spec.output), "a convolution cannot work in place: {input:?}");
        }
        assert!(
            !(spec.training && spec.activation == Activation::Silu),
            "a trained SiLU needs the value before it: use Activation::None and activate()"
        );
        let channels: usize = spec.inputs.iter().map(|view| view.channels).sum();
        let weights = vec![0.0; spec.output.channels * channels * spec.kernel * spec.kernel];
        let bias = vec![0.0; spec.output.channels];
        Conv { spec, weights, bias }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvSpec {
        &self.spec
    }

    /// Bytes of packed weights and scratch that the layer keeps besides the arena.
    pub fn scratch_bytes(&self) -> usize {
        4 * (self.weights.len() + self.bias.len())
    }

    fn channels_in(&self) -> usize {
        self.spec.inputs.iter().map(|view| view.channels).sum()
    }

    /// Takes over weights [out, in, kernel, kernel] and bias [out].
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        assert_eq!(weights.len(), self.weights.len(), "weights must be [out, in, kernel, kernel]");
        assert_eq!(bias.len(), self.bias.len(), "bias must be [out]");
        self.weights.copy_from_slice(weights);
        self.bias.copy_from_slice(bias);
    }

    /// Computes the output from the inputs.
    pub fn forward(&mut self, compute: &Compute, arena: &mut Arena) {
        let (x, shape) = concatenated(compute, arena, &self.spec.inputs);
        let spec = &self.spec;
        let mut y = reference::conv_forward(&x, shape, &self.weights, &self.bias, spec.kernel, spec.dilation);
        y.iter_mut().for_each(|value| *value = reference::activate(spec.activation, *value));
        load_nchw(compute, arena, &y, spec.output);
    }

    /// Hands the gradient of the output before its activation to the inputs; `d_inputs` has one place per
    /// input, `None` where no gradient is wanted.
    pub fn backward_data(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: View,
        d_inputs: &[Option<InputGradient>],
    ) {
        let spec = &self.spec;
        assert!(spec.training, "a layer prepared for inference has no gradients");
        assert!(d_output.same_shape(&spec.output), "a gradient has the shape of its feature map");
        assert_eq!(d_inputs.len(), spec.inputs.len(), "one gradient (or None) per input");
        for (into, input) in d_inputs.iter().zip(&spec.inputs) {
            if let Some(into) = into {
                into.check(arena, input, &[d_output]);
            }
        }
        let (d_y, shape) = concatenated(compute, arena, &[d_output]);
        let channels = self.channels_in();
        let d_x =
            reference::conv_backward_data(&d_y, shape, &self.weights, channels, spec.kernel, spec.dilation);
        let mut first = 0;
        for (into, input) in d_inputs.iter().zip(&spec.inputs) {
            if let Some(into) = into {
                let plane = shape.h * shape.w;
                let part = (0..shape.n)
                    .flat_map(|n| &d_x[(n * channels + first) * plane..][..input.channels * plane])
                    .copied()
                    .collect();
                contribute(compute, arena, part, into);
            }
            first += input.channels;
        }
    }

    /// Computes the gradients by weights [out, in, kernel, kernel] and bias [out] (overwriting what is
    /// there) from the inputs and the gradient of the output before its activation.
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
        let (x, shape) = concatenated(compute, arena, &spec.inputs);
        let d_y = read(compute, arena, d_output);
        let (weights, bias) = reference::conv_backward_weights(
            &x,
            shape,
            &d_y,
            spec.output.channels,
            spec.kernel,
            spec.dilation,
        );
        d_weights.copy_from_slice(&weights);
        d_bias.copy_from_slice(&bias);
    }
}
