//! Everything that is allocated for a net, in bytes, and the largest image for a given number of them.

use foci_kernels::{ConvShape, ConvTransposedShape, GroupNorm, LayerBytes, PlaneScale};

use crate::graph::{Net, Op};

use super::{Buffer, MemoryPlan, Mode, PlanError, PlanOptions, Shape};

/// The sides of the largest image are multiples of so many pixels.
const SIDE_STEP: usize = 16;

/// Bytes allocated for one net at one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    /// Feature maps and their gradients.
    pub arena: u64,
    /// Trainable weights, as a list.
    pub parameters: u64,
    /// What convolutions have besides: weights in the order in which the kernels read them, and the scratch of the
    /// threads, as large as the layer that needs most.
    pub layers: u64,
    /// Gradients of the weights (training).
    pub gradients: u64,
    /// Two moments for each weight, as Adam has them (training); momentum alone has one.
    pub moments: u64,
    /// Plain [N, C, H, W] lists: input and output; in training also the target and the gradient of the output.
    pub staging: u64,
}

impl Bytes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.arena + self.parameters + self.layers + self.gradients + self.moments + self.staging
    }

    /// None if a count overflows.
    pub(super) fn count(net: &Net, plan: &MemoryPlan) -> Option<Bytes> {
        let training = plan.options.mode == Mode::Training;
        let Shape { n, h, w } = plan.shape;
        let pixels = [n, h, w].iter().try_fold(1_u64, |all, &f| all.checked_mul(f as u64))?;
        let channels = |node: usize| net.nodes[node].channels as u64;
        let (input, output) = (channels(0), channels(net.nodes.len() - 1));
        let staged = input + output + if training { 2 * output } else { 0 };
        let parameters = net.weights().checked_mul(4)?;
        let mut all = LayerBytes::default();
        for node in 0..net.nodes.len() {
            let one = layer_bytes(net, plan, node)?;
            all.own = all.own.checked_add(one.own)?;
            all.worker = all.worker.max(one.worker);
            all.common = all.common.max(one.common);
        }
        let workers = all.worker.checked_mul(plan.options.threads as u64)?;
        let layers = all.own.checked_add(workers)?.checked_add(all.common)?;
        let bytes = Bytes {
            arena: (plan.arena_floats as u64).checked_mul(4)?,
            parameters,
            layers,
            gradients: if training { parameters } else { 0 },
            moments: if training { parameters.checked_mul(2)? } else { 0 },
            staging: pixels.checked_mul(staged.checked_mul(4)?)?,
        };
        let parts = [bytes.arena, parameters, layers, bytes.gradients, bytes.moments, bytes.staging];
        parts.iter().try_fold(0_u64, |sum, &part| sum.checked_add(part))?;
        Some(bytes)
    }
}

/// Bytes that the kernels need for node `node`.
fn layer_bytes(net: &Net, plan: &MemoryPlan, node: usize) -> Option<LayerBytes> {
    let (kernel, dilation, transposed) = match net.nodes[node].op {
        Op::Conv { kernel, dilation, .. } => (kernel, dilation, false),
        Op::ConvTransposed { kernel, .. } => (kernel, 1, true),
        Op::GroupNorm { groups, .. } => {
            let own = GroupNorm::bytes(plan.shape.n, net.nodes[node].channels, groups)?;
            return Some(LayerBytes { own, ..LayerBytes::default() });
        }
        Op::Dropout { .. } if plan.options.mode == Mode::Training => {
            let own = PlaneScale::bytes(plan.shape.n, net.nodes[node].channels)?;
            return Some(LayerBytes { own, ..LayerBytes::default() });
        }
        _ => return Some(LayerBytes::default()),
    };
    let layout = &plan.nodes[node];
    let buffer = |piece: usize| &plan.buffers[plan.pieces[piece].value];
    let inputs: Vec<usize> = layout.reads.iter().map(|&piece| buffer(piece).channels).collect();
    let &Buffer { channels: output, h, w, .. } = buffer(layout.pieces[0]);
    let (inputs, n, training) = (&inputs, plan.shape.n, plan.options.mode == Mode::Training);
    if transposed {
        ConvTransposedShape { kernel, inputs, output, n, h, w, training }.bytes()
    } else {
        let exact = plan.options.exact;
        let part_of = plan.options.whole_at(net.nodes[node].scale);
        ConvShape { kernel, dilation, inputs, output, n, h, w, training, exact, part_of }.bytes()
    }
}

impl Net {
    /// Bytes to train on one image of `height` x `width` pixels on one thread (see [`Bytes`] for what is counted).
    ///
    /// # Errors
    /// As [`Net::bytes`].
    pub fn train_bytes(&self, height: usize, width: usize) -> Result<u64, PlanError> {
        self.bytes(height, width, PlanOptions::new(Mode::Training))
    }

    /// Bytes to run one image of `height` x `width` pixels on one thread.
    ///
    /// # Errors
    /// As [`Net::bytes`].
    pub fn infer_bytes(&self, height: usize, width: usize) -> Result<u64, PlanError> {
        self.bytes(height, width, PlanOptions::new(Mode::Inference))
    }

    /// Bytes that a plan with `options` needs for one image of `height` x `width` pixels.
    ///
    /// # Errors
    /// [`PlanError`] if the size is zero or the bytes cannot be counted.
    pub fn bytes(&self, height: usize, width: usize, options: PlanOptions) -> Result<u64, PlanError> {
        let shape = Shape { n: 1, h: height, w: width };
        Ok(MemoryPlan::new(self, shape, options)?.bytes.total())
    }
}

/// The largest image, as (height, width), for which a plan of `net` with `options` needs no more than `bytes`, one image
/// at a time; none if not even the smallest fits.
///
/// Sides are multiples of 16 pixels; `aspect` is width by height (1: square; not above 64 nor below 1/64, so that no
/// request is absurd). The shorter side is found by bisection: the size returned fits, the next does not.
pub fn largest_image(net: &Net, options: PlanOptions, bytes: u64, aspect: f64) -> Option<(usize, usize)> {
    let aspect = if aspect.is_finite() { aspect.clamp(1.0 / 64.0, 64.0) } else { 1.0 };
    let longer = |shorter: usize, ratio: f64| SIDE_STEP * ((shorter as f64 * ratio).round() as usize).max(1);
    let size = |shorter: usize| {
        if aspect >= 1.0 {
            (SIDE_STEP * shorter, longer(shorter, aspect))
        } else {
            (longer(shorter, 1.0 / aspect), SIDE_STEP * shorter)
        }
    };
    let fits = |shorter: usize| {
        let (h, w) = size(shorter);
        net.bytes(h, w, options).is_ok_and(|needed| needed <= bytes)
    };
    if !fits(1) {
        return None;
    }
    let mut good = 1;
    while good < 1 << 24 && fits(2 * good) {
        good *= 2;
    }
    let mut bad = 2 * good;
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(size(good))
}
