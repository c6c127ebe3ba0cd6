//! Convolution with "same" zero padding: the layer that a net is made of. A [`Conv`] is prepared once for
//! the views it reads and writes; from then on it allocates nothing.
//!
//! The forward pass and the gradient by each input are [`pass`]es, the latter over the same taps turned
//! round; the gradient by weights is a correlation ([`weight_gradient`]). Each goes directly or by
//! [`winograd`]'s tiles, as the shapes decide.

mod blocks;
mod chunk;
mod correlate;
mod method;
mod pack;
mod pass;
mod row;
mod sums;
mod tile;
mod weight_gradient;
mod winograd;

pub(crate) use blocks::{Block, PerWorker, Shared, list_blocks, scratch};
pub(crate) use pass::{Geometry, Operands, Pass, Tap, Worker};
pub(crate) use weight_gradient::{Column, Maps, Side, WeightGradient};
use winograd::WinogradGradient;

use crate::activation::Activation;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::threads::Compute;
use crate::view::View;
use method::{EitherGradient, EitherPass};

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

/// One convolution layer, ready to run: packed weights and scratch.
///
/// Its formula is that of [`reference::conv_forward`](crate::reference::conv_forward), followed by the
/// activation.
pub struct Conv {
    spec: ConvSpec,
    channels_in: usize,
    inputs: Vec<Block>,
    forward: EitherPass,
    gradients: Option<Gradients>,
    workers: PerWorker<Worker>,
}

/// What a layer needs for its gradients.
struct Gradients {
    /// The gradient by each input.
    data: Vec<EitherPass>,
    weights: EitherGradient,
    /// Whether the input is the vector side of the gradient by weights.
    swapped: bool,
    /// Room for the blocks of the gradient of the output.
    d_output: Vec<Block>,
}

/// The taps of a kernel, in the order of its weights, turned round for the way back.
fn taps(kernel: usize, dilation: usize, back: bool) -> Vec<Tap> {
    let radius = (kernel / 2) as isize;
    let shift = |k: usize| {
        let forward = (k as isize - radius) * dilation as isize;
        if back { -forward } else { forward }
    };
    (0..kernel * kernel).map(|tap| Tap { row: shift(tap / kernel), column: shift(tap % kernel) }).collect()
}

/// What a layer runs on must be inside the arena; called before every run.
fn check_views(arena: &Arena, views: &[View]) {
    for view in views {
        arena.check(view);
    }
}

impl Conv {
    /// Prepares a layer for a pool; its weights and bias are zero until [`pack`](Self::pack).
    ///
    /// # Panics
    /// If the specification makes no sense: kernel, dilation, shapes, or an output that overlaps an input.
    pub fn new(spec: ConvSpec, compute: &Compute) -> Conv {
        Conv::with_rule(spec, compute, winograd::worthwhile)
    }

    /// As [`new`](Self::new), by tiles where `rule(channels in, channels out, (h, w), dilation)` says so.
    fn with_rule(
        spec: ConvSpec,
        compute: &Compute,
        rule: impl Fn(usize, usize, (usize, usize), usize) -> bool,
    ) -> Conv {
        let y = spec.output;
        assert!(spec.kernel == 1 || spec.kernel == 3, "a kernel has 1 or 3 rows, not {}", spec.kernel);
        assert!(spec.dilation >= 1, "a dilation is at least 1");
        assert!(!spec.inputs.is_empty(), "a convolution needs an input");
        for x in &spec.inputs {
            assert!((x.n, x.h, x.w) == (y.n, y.h, y.w), "a convolution keeps the size: {x:?} to {y:?}");
            assert!(!x.overlaps(&y), "a convolution cannot work in place: {x:?} to {y:?}");
        }
        assert!(
            !(spec.training && spec.activation == Activation::Silu),
            "a trained SiLU needs the value before it: use Activation::None and activate()"
        );
        let channels_in: usize = spec.inputs.iter().map(|view| view.channels).sum();
        let mut inputs = Vec::new();
        list_blocks(&spec.inputs, &mut inputs);
        // Taps further away than the image is large are outside whatever the distance.
        let dilation = if spec.kernel == 1 { 1 } else { spec.dilation.min(y.h.max(y.w)) };
        let geometry = |back| Geometry {
            taps: taps(spec.kernel, dilation, back),
            source: (y.h, y.w),
            source_step: 1,
            target_step: 1,
            phase: (0, 0),
            dilation,
        };
        let winograd = |channels_in: usize, channels_out: usize| {
            let possible = spec.kernel == 3 && !spec.exact;
            possible && rule(channels_in, channels_out, (y.h, y.w), dilation)
        };
        let simd = compute.simd();
        let by_tiles = winograd(channels_in, y.channels);
        let forward = EitherPass::new(simd, by_tiles, geometry(false), &inputs, &y);
        let mut points = if by_tiles { winograd::pass_floats(inputs.len(), y.blocks()) } else { 0 };
        let gradients = spec.training.then(|| {
            let mut d_output = Vec::new();
            list_blocks(&[y], &mut d_output);
            let mut data = Vec::new();
            for x in &spec.inputs {
                let by_tiles = winograd(y.channels, x.channels);
                data.push(EitherPass::new(simd, by_tiles, geometry(true), &d_output, x));
                if by_tiles {
                    points = points.max(winograd::pass_floats(d_output.len(), x.blocks()));
                }
            }
            let valid = |blocks: &[Block]| -> Vec<usize> { blocks.iter().map(|block| block.valid).collect() };
            let input = Side { valid: valid(&inputs), h: y.h, w: y.w };
            let output = Side { valid: valid(&d_output), h: y.h, w: y.w };
            // Broadcast channels are paid for one by one, vector channels in sixteens.
            let swapped = inputs.len() * y.channels < d_output.len() * channels_in;
            if by_tiles {
                let (input, output) = (valid(&inputs), valid(&d_output));
                let (vector, broadcast) = if swapped { (input, output) } else { (output, input) };
                let channels = broadcast.iter().sum();
                points = points.max(winograd::gradient_floats(vector.len(), broadcast.len(), channels));
                let size = (y.n, y.h, y.w);
                let weights = WinogradGradient::new(size, dilation, &vector, &broadcast, d_output.len());
                return Gradients { data, weights: EitherGradient::Winograd(weights), swapped, d_output };
            }
            let direction = if swapped { 1 } else { -1 };
            let offset = |k: usize, direction: isize| (k as isize - (spec.kernel / 2) as isize) * direction;
            let columns = (0..spec.kernel)
                .map(|k| Column { phase: 0, shift: offset(k, direction) * dilation.min(y.w) as isize })
                .collect();
            let (vector, broadcast) = if swapped { (input, output) } else { (output, input) };
            let broadcast_row = |row: usize, k: usize| {
                row.checked_add_signed(offset(k, -direction) * dilation as isize).filter(|row| *row < y.h)
            };
            let weights = WeightGradient::new(
                compute,
                y.n,
                vector,
                broadcast,
                columns,
                1,
                dilation,
                d_output.len(),
                broadcast_row,
            );
            Gradients { data, weights: EitherGradient::Direct(weights), swapped, d_output }
        });
        let blocks = inputs.len().max(if spec.training { y.blocks() } else { 0 });
        let workers = PerWorker::new(compute.threads(), || {
            Worker::new(blocks, spec.kernel * spec.kernel).with_points(points)
        });
        Conv { spec, channels_in, inputs, forward, gradients, workers }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvSpec {
        &self.spec
    }

    /// Bytes of packed weights and scratch that the layer keeps besides the arena.
    pub fn scratch_bytes(&self) -> usize {
        let gradients = self.gradients.iter().map(|gradients| {
            gradients.weights.bytes() + gradients.data.iter().map(EitherPass::bytes).sum::<usize>()
        });
        self.forward.bytes() + self.workers.sum(Worker::bytes) + gradients.sum::<usize>()
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
            let mut first = 0;
            for (pass, input) in gradients.data.iter_mut().zip(&self.spec.inputs) {
                pass.pack(|i, o, tap| weights[(o * channels_in + first + i) * taps + tap], None);
                first += input.channels;
            }
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
    /// If a view of the specification is not inside this arena.
    pub fn forward(&mut self, compute: &Compute, arena: &mut Arena) {
        check_views(arena, &self.spec.inputs);
        arena.check(&self.spec.output);
        let start = arena.pointer_mut();
        let operands = Operands {
            source: start,
            blocks: &self.inputs,
            target: Shared(start),
            view: self.spec.output,
            finish: Finish::Forward(self.spec.activation),
        };
        // SAFETY: the views are inside the arena, the output apart from the inputs (checked in `new`).
        unsafe { self.forward.run(compute, operands, &self.workers) }
    }

    /// Hands the gradient of the output before its activation to the inputs, one after the other;
    /// `d_inputs` has one place per input, `None` where no gradient is wanted.
    ///
    /// # Panics
    /// If the layer was not prepared for training, or a gradient has a wrong shape, lies outside the arena
    /// or overlaps what it is computed from.
    pub fn backward_data(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: View,
        d_inputs: &[Option<InputGradient>],
    ) {
        let spec = &self.spec;
        let gradients = gradients(&mut self.gradients);
        check_d_output(arena, &d_output, &spec.output);
        assert_eq!(d_inputs.len(), spec.inputs.len(), "one gradient (or None) per input");
        list_blocks(&[d_output], &mut gradients.d_output);
        for ((into, input), pass) in d_inputs.iter().zip(&spec.inputs).zip(&gradients.data) {
            let Some(into) = into else { continue };
            into.check(arena, input, &[d_output]);
            let start = arena.pointer_mut();
            let operands = Operands {
                source: start,
                blocks: &gradients.d_output,
                target: Shared(start),
                view: into.view,
                finish: Finish::backward(into),
            };
            // SAFETY: the views are inside the arena, the target apart from the rest, as just checked.
            unsafe { pass.run(compute, operands, &self.workers) }
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
        compute: &Compute,
        arena: &Arena,
        d_output: View,
        d_weights: &mut [f32],
        d_bias: &mut [f32],
    ) {
        self.check_parameters(d_weights.len(), d_bias.len());
        let gradients = gradients(&mut self.gradients);
        check_views(arena, &self.spec.inputs);
        check_d_output(arena, &d_output, &self.spec.output);
        list_blocks(&[d_output], &mut gradients.d_output);
        let swapped = gradients.swapped;
        let (inputs, d_output_blocks) = (&self.inputs[..], &gradients.d_output[..]);
        let (vector, broadcast) = if swapped { (inputs, d_output_blocks) } else { (d_output_blocks, inputs) };
        let maps = Maps {
            arena,
            vector,
            broadcast,
            bias: d_output_blocks,
            bias_pixels: d_output.h * d_output.w,
            bias_from_vector: !swapped,
        };
        let (channels_in, kernel) = (self.channels_in, self.spec.kernel);
        let place = |vector: usize, broadcast: usize, ky: usize, kx: usize| {
            let (o, i) = if swapped { (broadcast, vector) } else { (vector, broadcast) };
            ((o * channels_in + i) * kernel + ky) * kernel + kx
        };
        gradients.weights.run(compute, &self.workers, maps, d_weights, place, d_bias);
    }
}

fn gradients(gradients: &mut Option<Gradients>) -> &mut Gradients {
    match gradients {
        Some(gradients) => gradients,
        None => panic!("a layer prepared for inference (training: false) has no gradients"),
    }
}

/// Stops the program with a message unless the gradient of an output has its shape.
pub(crate) fn check_d_output(arena: &Arena, d_output: &View, output: &View) {
    arena.check(d_output);
    assert!(d_output.same_shape(output), "a gradient has the shape of its map: {d_output:?}, {output:?}");
}
