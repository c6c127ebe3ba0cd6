//! Transposed convolution of stride 2: learned upsampling. A [`ConvTransposed`] is prepared once for the views it
//! reads and writes; from then on it allocates nothing.
//!
//! Every other row and column of the output comes by the same taps of the kernel, so all passes are small
//! convolutions at the size of the input. Where they meet the finer map, vectors of its even and its odd columns
//! are put together ([`forward`]) or taken apart ([`backward`], [`correlate`]) in registers: no map of one parity
//! is ever in memory.

mod backward;
mod correlate;
mod forward;
mod shape;

use crate::activation::Activation;
use crate::arena::Arena;
use crate::conv::correlate::Maps;
use crate::conv::direct::Operands;
use crate::conv::gradients;
use crate::conv::planes::{Plane, Target, list_gradients, list_planes, list_targets};
use crate::gradient::{InputGradient, check_d_inputs, check_d_output};
use crate::scratch::Prepared;
use crate::threads::{Compute, SharedPointer};
use crate::view::View;
use backward::Backward;
use correlate::Correlation;
use forward::Forward;
pub use shape::ConvTransposedShape;

/// Most channels of a group that is computed together, at any level. Few nets have such layers, and each number is
/// compiled by itself.
const MOST_TOGETHER: usize = 4;

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

impl ConvTransposedSpec {
    fn shape<'a>(&self, inputs: &'a [usize]) -> ConvTransposedShape<'a> {
        let View { n, channels, h, w, .. } = self.output;
        let ConvTransposedSpec { kernel, training, .. } = *self;
        ConvTransposedShape { kernel, inputs, output: channels, n, h, w, training }
    }
}

/// One transposed convolution layer of stride 2, ready to run: its weights in the order in which kernels read them.
///
/// Its formula is that of [`reference::conv_transposed_forward`](crate::reference::conv_transposed_forward),
/// followed by the activation.
pub struct ConvTransposed {
    spec: ConvTransposedSpec,
    prepared: Prepared,
    inputs: Vec<Plane>,
    outputs: Vec<Option<Target>>,
    forward: Forward,
    gradients: Option<Gradients>,
}

/// What a layer needs for its gradients.
struct Gradients {
    data: Backward,
    weights: Correlation,
    /// Room for the planes of the gradient of the output, and for those of the inputs' gradients.
    d_output: Vec<Plane>,
    d_inputs: Vec<Option<Target>>,
}

impl ConvTransposed {
    /// Prepares a layer for a pool; its weights and bias are zero until [`pack`](Self::pack).
    ///
    /// # Panics
    /// If the specification makes no sense: kernel, shapes, views without values, or an output that overlaps an input.
    pub fn new(spec: ConvTransposedSpec, compute: &Compute) -> ConvTransposed {
        let (y, kernel) = (spec.output, spec.kernel);
        assert!(kernel == 2 || kernel == 4, "a kernel has 2 or 4 rows, not {kernel}");
        assert!(!spec.inputs.is_empty(), "a transposed convolution needs an input");
        y.check();
        for x in &spec.inputs {
            x.check();
            assert!(
                (x.n, x.h, x.w) == (y.n, y.h.div_ceil(2), y.w.div_ceil(2)),
                "{x:?} doubled and cropped cannot be {y:?}"
            );
            assert!(!x.overlaps(&y), "a transposed convolution cannot work in place: {x:?} to {y:?}");
        }
        assert!(
            !(spec.training && spec.activation == Activation::Silu),
            "a trained SiLU needs the value before it: use Activation::None and activate()"
        );
        let channels: Vec<usize> = spec.inputs.iter().map(|view| view.channels).collect();
        let shape = spec.shape(&channels);
        assert!(
            shape.bytes().is_some(),
            "a transposed convolution has weights that can be counted: {shape:?}"
        );
        let (sizes, channels_in) = (shape.sizes(), shape.channels_in());
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        list_planes(&spec.inputs, &mut inputs);
        list_targets(&spec.inputs, &y, spec.activation, &mut outputs);
        let forward = Forward::new(sizes, channels_in, y.channels);
        let gradients = spec.training.then(|| Gradients {
            data: Backward::new(sizes, y.channels, &channels),
            weights: Correlation::new(sizes, y.n, channels_in, y.channels),
            d_output: Vec::with_capacity(y.channels),
            d_inputs: Vec::with_capacity(channels_in),
        });
        let prepared = compute.prepare(shape.scratch());
        ConvTransposed { spec, prepared, inputs, outputs, forward, gradients }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvTransposedSpec {
        &self.spec
    }

    /// Bytes that the layer keeps besides the arena and the scratch of its [`Compute`].
    pub fn own_bytes(&self) -> usize {
        let data = self.gradients.iter().map(|gradients| gradients.data.packed.floats());
        4 * (self.forward.packed.floats() + data.sum::<usize>())
    }

    /// Takes over weights `[out, in, kernel, kernel]` and bias `[out]`.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        self.check_parameters(weights.len(), bias.len());
        let (channels_in, taps) = (self.inputs.len(), self.spec.kernel * self.spec.kernel);
        let weight = |o: usize, i: usize, tap: usize| weights[(o * channels_in + i) * taps + tap];
        self.forward.packed.pack(weight, Some(bias));
        if let Some(gradients) = &mut self.gradients {
            gradients.data.packed.pack(|i, o, tap| weight(o, i, tap), None);
        }
    }

    fn check_parameters(&self, weights: usize, bias: usize) {
        let ConvTransposedSpec { kernel, output, .. } = &self.spec;
        let expected = output.channels * self.inputs.len() * kernel * kernel;
        assert_eq!(weights, expected, "weights must be [out, in, kernel, kernel]");
        assert_eq!(bias, output.channels, "bias must be [out]");
    }

    /// Computes the output from the inputs.
    ///
    /// # Panics
    /// If a view of the specification is not inside this arena, or the layer was prepared for another pool.
    pub fn forward(&mut self, compute: &Compute, arena: &mut Arena) {
        compute.check(&self.prepared);
        self.spec.inputs.iter().for_each(|view| arena.check(view));
        arena.check(&self.spec.output);
        let operands = Operands {
            arena: SharedPointer(arena.pointer_mut()),
            n: self.spec.output.n,
            sources: &self.inputs,
            targets: &self.outputs,
        };
        // SAFETY: the views are inside the arena, the output apart from the inputs (checked in `new`).
        unsafe { self.forward.run(compute, operands) }
    }

    /// Hands the gradient of the output before its activation to the inputs, one after the other;
    /// `d_inputs` has one place per input, `None` where no gradient is wanted.
    ///
    /// # Panics
    /// If the layer was prepared for inference or for another pool, or a gradient has a wrong shape, lies outside
    /// the arena or overlaps what it is computed from or another.
    pub fn backward_data(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: View,
        d_inputs: &[Option<InputGradient>],
    ) {
        compute.check(&self.prepared);
        let gradients = gradients(&mut self.gradients);
        check_d_output(arena, &d_output, &self.spec.output);
        check_d_inputs(arena, &self.spec.inputs, &d_output, d_inputs);
        list_planes(&[d_output], &mut gradients.d_output);
        list_gradients(&self.spec.inputs, &self.spec.output, d_inputs, &mut gradients.d_inputs);
        let operands = Operands {
            arena: SharedPointer(arena.pointer_mut()),
            n: d_output.n,
            sources: &gradients.d_output,
            targets: &gradients.d_inputs,
        };
        // SAFETY: the views are inside the arena, the targets apart from the rest, as just checked.
        unsafe { gradients.data.run(compute, operands) }
    }

    /// Computes the gradients by weights `[out, in, kernel, kernel]` and bias `[out]` (overwriting what is
    /// there) from the inputs and the gradient of the output before its activation.
    ///
    /// # Panics
    /// If the layer was prepared for inference or for another pool, a slice has another length, or a view lies
    /// outside the arena.
    pub fn backward_weights(
        &mut self,
        compute: &Compute,
        arena: &Arena,
        d_output: View,
        d_weights: &mut [f32],
        d_bias: &mut [f32],
    ) {
        compute.check(&self.prepared);
        self.check_parameters(d_weights.len(), d_bias.len());
        let gradients = gradients(&mut self.gradients);
        self.spec.inputs.iter().for_each(|view| arena.check(view));
        check_d_output(arena, &d_output, &self.spec.output);
        list_planes(&[d_output], &mut gradients.d_output);
        let maps = Maps {
            arena: SharedPointer(arena.pointer().cast_mut()),
            inputs: &self.inputs,
            outputs: &gradients.d_output,
        };
        // SAFETY: the views are inside the arena, the lists as long as they should be.
        unsafe { gradients.weights.run(compute, maps, d_weights, d_bias) }
    }
}
