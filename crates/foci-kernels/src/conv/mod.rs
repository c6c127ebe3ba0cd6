//! Convolution with "same" zero padding: the layer that a net is made of. A [`Conv`] is prepared once for
//! the views it reads and writes; from then on it allocates nothing.
//!
//! The forward pass and the gradient by the inputs are passes from planes to planes, the latter over the same taps
//! turned round; the gradient by weights is a correlation. Each goes directly ([`direct`]; [`correlate`] or, where
//! channels nearly fill sixteens, [`outer`]) or by [`winograd`]'s tiles, as the shapes decide.

pub(crate) mod border;
pub(crate) mod correlate;
pub(crate) mod direct;
pub(crate) mod lines;
mod method;
mod outer;
pub(crate) mod packed;
pub(crate) mod planes;
mod shape;
pub(crate) mod sums;
pub(crate) mod tile;
mod winograd;

use crate::activation::Activation;
use crate::arena::Arena;
use crate::gradient::{InputGradient, check_d_inputs, check_d_output};
use crate::scratch::Prepared;
use crate::threads::{Compute, SharedPointer};
use crate::view::View;
use correlate::Maps;
use direct::Operands;
use method::{Gradient, Pass};
use planes::{Plane, Target, list_gradients, list_planes, list_targets};
use shape::Rule;
pub(crate) use shape::channels;
pub use shape::{ConvShape, LayerBytes};

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
    /// the largest value, not 1e-5, and large layers take up to twice the time (three times without AVX-512). Otherwise
    /// 3x3 kernels between many channels go by Winograd's tiles.
    pub exact: bool,
    /// Rows and columns of the map of which this one is a part, if it is one: the way of computing is then chosen as
    /// for the whole, so that far enough from the cuts the bits are those of the whole. The part must begin at a
    /// multiple of four dilations.
    pub part_of: Option<(usize, usize)>,
}

impl ConvSpec {
    fn shape<'a>(&self, inputs: &'a [usize]) -> ConvShape<'a> {
        let View { n, channels, h, w, .. } = self.output;
        ConvShape {
            kernel: self.kernel,
            dilation: self.dilation,
            inputs,
            output: channels,
            n,
            h,
            w,
            training: self.training,
            exact: self.exact,
            part_of: self.part_of,
        }
    }
}

/// One convolution layer, ready to run: its weights in the order in which kernels read them.
///
/// Its formula is that of [`reference::conv_forward`](crate::reference::conv_forward), followed by the
/// activation.
pub struct Conv {
    spec: ConvSpec,
    prepared: Prepared,
    channels_in: usize,
    inputs: Vec<Plane>,
    outputs: Vec<Option<Target>>,
    forward: Pass,
    gradients: Option<Gradients>,
}

/// What a layer needs for its gradients.
struct Gradients {
    data: Pass,
    weights: Gradient,
    /// Room for the planes of the gradient of the output, and for those of the inputs' gradients.
    d_output: Vec<Plane>,
    d_inputs: Vec<Option<Target>>,
}

impl Conv {
    /// Prepares a layer for a pool; its weights and bias are zero until [`pack`](Self::pack).
    ///
    /// # Panics
    /// If the specification makes no sense: kernel, dilation, shapes, views without values, or an output that overlaps
    /// an input.
    pub fn new(spec: ConvSpec, compute: &Compute) -> Conv {
        Conv::with_rule(spec, compute, winograd::worthwhile)
    }

    /// As [`new`](Self::new), by tiles where a rule says so.
    fn with_rule(spec: ConvSpec, compute: &Compute, rule: impl Rule) -> Conv {
        let y = spec.output;
        assert!(spec.kernel == 1 || spec.kernel == 3, "a kernel has 1 or 3 rows, not {}", spec.kernel);
        assert!(spec.dilation >= 1, "a dilation is at least 1");
        assert!(!spec.inputs.is_empty(), "a convolution needs an input");
        y.check();
        for x in &spec.inputs {
            x.check();
            assert!((x.n, x.h, x.w) == (y.n, y.h, y.w), "a convolution keeps the size: {x:?} to {y:?}");
            assert!(!x.overlaps(&y), "a convolution cannot work in place: {x:?} to {y:?}");
        }
        assert!(
            !(spec.training && spec.activation == Activation::Silu),
            "a trained SiLU needs the value before it: use Activation::None and activate()"
        );
        let channels: Vec<usize> = spec.inputs.iter().map(|view| view.channels).collect();
        let shape = spec.shape(&channels);
        assert!(shape.bytes().is_some(), "a convolution has weights that can be counted: {shape:?}");
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        list_planes(&spec.inputs, &mut inputs);
        list_targets(&spec.inputs, &y, spec.activation, &mut outputs);
        let simd = compute.simd();
        let forward = shape.forward(&rule, simd);
        let gradients = spec.training.then(|| Gradients {
            data: shape.data_gradient(&rule, simd),
            weights: shape.weight_gradient(&rule),
            d_output: Vec::with_capacity(y.channels),
            d_inputs: Vec::with_capacity(inputs.len()),
        });
        let prepared = compute.prepare(shape.scratch(&rule));
        Conv { prepared, channels_in: inputs.len(), spec, inputs, outputs, forward, gradients }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvSpec {
        &self.spec
    }

    /// Bytes that the layer keeps besides the arena and the scratch of its [`Compute`].
    pub fn own_bytes(&self) -> usize {
        let data = self.gradients.iter().map(|gradients| gradients.data.floats());
        4 * (self.forward.floats() + data.sum::<usize>())
    }

    /// Takes over weights `[out, in, kernel, kernel]` and bias `[out]`.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        self.check_parameters(weights.len(), bias.len());
        let (channels_in, taps) = (self.channels_in, self.spec.kernel * self.spec.kernel);
        self.forward.pack(|o, i, tap| weights[(o * channels_in + i) * taps + tap], Some(bias));
        if let Some(gradients) = &mut self.gradients {
            gradients.data.pack(|i, o, tap| weights[(o * channels_in + i) * taps + tap], None);
        }
    }

    fn check_parameters(&self, weights: usize, bias: usize) {
        let spec = &self.spec;
        let expected = spec.output.channels * self.channels_in * spec.kernel * spec.kernel;
        assert_eq!(weights, expected, "weights must be [out, in, kernel, kernel]");
        assert_eq!(bias, spec.output.channels, "bias must be [out]");
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
        let spec = &self.spec;
        compute.check(&self.prepared);
        let gradients = gradients(&mut self.gradients);
        check_d_output(arena, &d_output, &spec.output);
        check_d_inputs(arena, &spec.inputs, &d_output, d_inputs);
        list_planes(&[d_output], &mut gradients.d_output);
        list_gradients(&spec.inputs, &spec.output, d_inputs, &mut gradients.d_inputs);
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

/// The gradients of a layer that has them; stops the program with a message if it has not.
pub(crate) fn gradients<T>(gradients: &mut Option<T>) -> &mut T {
    match gradients {
        Some(gradients) => gradients,
        None => panic!("a layer prepared for inference (training: false) has no gradients"),
    }
}
