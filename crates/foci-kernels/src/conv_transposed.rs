//! Transposed convolution of stride 2: learned upsampling. The output falls into four phases by the parity
//! of row and column, and each is a small convolution of the input; the gradient by the input is a
//! convolution of stride 2; the gradient by weights is the usual correlation, phases apart.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::conv::{
    Block, Column, Geometry, Maps, Operands, Pass, PerWorker, Shared, Side, Tap, WeightGradient, Worker,
    check_d_output, list_blocks,
};
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::threads::Compute;
use crate::view::View;

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

/// One transposed convolution layer of stride 2, ready to run: packed weights and scratch.
///
/// Its formula is that of [`reference::conv_transposed_forward`](crate::reference::conv_transposed_forward),
/// followed by the activation.
pub struct ConvTransposed {
    spec: ConvTransposedSpec,
    input: Vec<Block>,
    phases: Vec<Phase>,
    gradients: Option<Gradients>,
    workers: PerWorker<Worker>,
}

/// The output pixels of one parity of row and column.
struct Phase {
    pass: Pass,
    /// For each tap of the pass, its place in the kernel.
    taps: Vec<usize>,
}

struct Gradients {
    data: Pass,
    weights: WeightGradient,
    d_output: Vec<Block>,
}

/// The kernel rows that reach output rows of a parity, each with the input row it comes from, counted from
/// half the output row: output row `2 v + phase` gets kernel row `k` of input row `v + (phase + p - k) / 2`.
fn phase_rows(kernel: usize, phase: usize) -> impl Iterator<Item = (usize, isize)> {
    let padding = kernel / 4;
    (0..kernel)
        .filter(move |k| (phase + padding + k).is_multiple_of(2))
        .map(move |k| (k, ((phase + padding) as isize - k as isize) / 2))
}

impl ConvTransposed {
    /// Prepares a layer for a pool; its weights and bias are zero until [`pack`](Self::pack).
    ///
    /// # Panics
    /// If the specification makes no sense: kernel, shapes, or an output that overlaps the input.
    pub fn new(spec: ConvTransposedSpec, compute: &Compute) -> ConvTransposed {
        let (x, y, kernel) = (spec.input, spec.output, spec.kernel);
        assert!(kernel == 2 || kernel == 4, "a kernel has 2 or 4 rows, not {kernel}");
        assert!(
            (x.n, x.h, x.w) == (y.n, y.h.div_ceil(2), y.w.div_ceil(2)),
            "{x:?} doubled and cropped cannot be {y:?}"
        );
        assert!(!x.overlaps(&y), "a transposed convolution cannot work in place: {x:?} to {y:?}");
        assert!(
            !(spec.training && spec.activation == Activation::Silu),
            "a trained SiLU needs the value before it: use Activation::None and activate()"
        );
        let mut input = Vec::new();
        list_blocks(&[x], &mut input);
        let phase = |(row, column): (usize, usize)| {
            let (mut taps, mut places) = (Vec::new(), Vec::new());
            for (a, row) in phase_rows(kernel, row) {
                for (b, column) in phase_rows(kernel, column) {
                    taps.push(Tap { row, column });
                    places.push(a * kernel + b);
                }
            }
            let geometry = Geometry {
                taps,
                source: (x.h, x.w),
                source_step: 1,
                target_step: 2,
                phase: (row, column),
                dilation: 1,
            };
            Phase { pass: Pass::new(compute.simd(), geometry, &input, &y), taps: places }
        };
        let phases = [(0, 0), (0, 1), (1, 0), (1, 1)].map(phase).into();
        let gradients = spec.training.then(|| Gradients::new(&spec, &input, compute));
        let blocks = x.blocks().max(if spec.training { y.blocks() } else { 0 });
        let workers = PerWorker::new(compute.threads(), || Worker::new(blocks, kernel * kernel));
        ConvTransposed { spec, input, phases, gradients, workers }
    }

    /// What the layer does.
    pub fn spec(&self) -> &ConvTransposedSpec {
        &self.spec
    }

    /// Bytes of packed weights and scratch that the layer keeps besides the arena.
    pub fn scratch_bytes(&self) -> usize {
        let phases: usize = self.phases.iter().map(|phase| phase.pass.packed.bytes()).sum();
        let gradients =
            self.gradients.iter().map(|gradients| gradients.weights.bytes() + gradients.data.packed.bytes());
        phases + self.workers.sum(Worker::bytes) + gradients.sum::<usize>()
    }

    /// Takes over weights `[out, in, kernel, kernel]` and bias `[out]`.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn pack(&mut self, weights: &[f32], bias: &[f32]) {
        self.check_parameters(weights.len(), bias.len());
        let (channels_in, places) = (self.spec.input.channels, self.spec.kernel * self.spec.kernel);
        let at = |o: usize, i: usize, place: usize| weights[(o * channels_in + i) * places + place];
        for Phase { pass, taps } in &mut self.phases {
            pass.packed.pack(|o, i, tap| at(o, i, taps[tap]), Some(bias));
        }
        if let Some(gradients) = &mut self.gradients {
            gradients.data.packed.pack(|i, o, tap| at(o, i, tap), None);
        }
    }

    fn check_parameters(&self, weights: usize, bias: usize) {
        let ConvTransposedSpec { kernel, input, output, .. } = &self.spec;
        let expected = output.channels * input.channels * kernel * kernel;
        assert_eq!(weights, expected, "weights must be [out, in, kernel, kernel]");
        assert_eq!(bias, output.channels, "bias must be [out]");
    }

    /// Computes the output from the input.
    ///
    /// # Panics
    /// If a view of the specification is not inside this arena.
    pub fn forward(&mut self, compute: &Compute, arena: &mut Arena) {
        arena.check(&self.spec.input);
        arena.check(&self.spec.output);
        let start = arena.pointer_mut();
        let operands = Operands {
            source: start,
            blocks: &self.input,
            target: Shared(start),
            view: self.spec.output,
            finish: Finish::Forward(self.spec.activation),
        };
        for phase in &self.phases {
            // SAFETY: the views are inside the arena, the output apart from the input (checked in `new`).
            unsafe { phase.pass.run(compute, operands, &self.workers) }
        }
    }

    /// Hands the gradient of the output before its activation to the input.
    ///
    /// # Panics
    /// If the layer was not prepared for training, or a gradient has a wrong shape, lies outside the arena
    /// or overlaps what it is computed from.
    pub fn backward_data(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: View,
        d_input: &InputGradient,
    ) {
        let gradients = gradients(&mut self.gradients);
        check_d_output(arena, &d_output, &self.spec.output);
        d_input.check(arena, &self.spec.input, &[d_output]);
        list_blocks(&[d_output], &mut gradients.d_output);
        let start = arena.pointer_mut();
        let operands = Operands {
            source: start,
            blocks: &gradients.d_output,
            target: Shared(start),
            view: d_input.view,
            finish: Finish::backward(d_input),
        };
        // SAFETY: the views are inside the arena, the target apart from the rest, as just checked.
        unsafe { gradients.data.run(compute, operands, &self.workers) }
    }

    /// Computes the gradients by weights `[out, in, kernel, kernel]` and bias `[out]` (overwriting what is
    /// there) from the input and the gradient of the output before its activation.
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
        arena.check(&self.spec.input);
        check_d_output(arena, &d_output, &self.spec.output);
        list_blocks(&[d_output], &mut gradients.d_output);
        let maps = Maps {
            arena,
            vector: &gradients.d_output,
            broadcast: &self.input,
            bias: &gradients.d_output,
            bias_pixels: d_output.h * d_output.w,
            bias_from_vector: true,
        };
        let (channels_in, kernel) = (self.spec.input.channels, self.spec.kernel);
        gradients.weights.run(
            compute,
            maps,
            d_weights,
            |o, i, ky, kx| ((o * channels_in + i) * kernel + ky) * kernel + kx,
            d_bias,
        );
    }
}

impl Gradients {
    fn new(spec: &ConvTransposedSpec, input: &[Block], compute: &Compute) -> Gradients {
        let ConvTransposedSpec { kernel, input: x, output: y, .. } = *spec;
        let padding = kernel / 4;
        let mut d_output = Vec::new();
        list_blocks(&[y], &mut d_output);
        let tap = |k: usize| k as isize - padding as isize;
        let geometry = Geometry {
            taps: (0..kernel * kernel)
                .map(|place| Tap { row: tap(place / kernel), column: tap(place % kernel) })
                .collect(),
            source: (y.h, y.w),
            source_step: 2,
            target_step: 1,
            phase: (0, 0),
            dilation: 1,
        };
        let data = Pass::new(compute.simd(), geometry, &d_output, &x);
        let side = |blocks: &[Block], view: &View| Side {
            valid: blocks.iter().map(|block| block.valid).collect(),
            h: view.h,
            w: view.w,
        };
        let columns = (0..kernel)
            .map(|k| Column { phase: tap(k).rem_euclid(2) as usize, shift: tap(k).div_euclid(2) })
            .collect();
        // Output row 2 v + k - p meets input row v through kernel row k.
        let broadcast_row = |row: usize, k: usize| {
            (row + padding)
                .checked_sub(k)
                .filter(|twice| twice.is_multiple_of(2) && twice / 2 < x.h)
                .map(|twice| twice / 2)
        };
        let weights = WeightGradient::new(
            compute,
            y.n,
            side(&d_output, &y),
            side(input, &x),
            columns,
            2,
            1,
            y.blocks(),
            broadcast_row,
        );
        Gradients { data, weights, d_output }
    }
}

fn gradients(gradients: &mut Option<Gradients>) -> &mut Gradients {
    match gradients {
        Some(gradients) => gradients,
        None => panic!("a layer prepared for inference (training: false) has no gradients"),
    }
}
