//! What each node does with the arena, forward and backward: the net and its memory plan turned into calls of kernels.

use foci_kernels::{
    Arena, Compute, Conv, ConvSpec, ConvTransposed, ConvTransposedSpec, InputGradient, View, activate,
    activation_gradient, add_forward, add_into, fill_zero, load_nchw, pool_backward, pool_forward,
    store_nchw, upsample_backward, upsample_forward,
};
use foci_net::memory::{MemoryPlan, Mode, NodePlan, Piece, Route};
use foci_net::{Activation, Net, Op, PoolKind, UpsampleMode};

use super::channels::move_channels;
use crate::parameters::Layout;

/// One node, ready to run.
pub(super) enum Operation {
    /// Nothing to do: a concat.
    Nothing,
    Input(View),
    Conv(Box<ConvNode>),
    ConvTransposed(Box<ConvTransposedNode>),
    /// Pool and upsample, piece by piece.
    Resample(Resampling, Vec<ResampledPiece>),
    /// Sums, piece by piece; then for each piece read, in the order of the plan, the gradient of its sum and where
    /// that goes.
    Add(Vec<Sum>, Vec<(View, InputGradient)>),
    /// A sum of inputs whose pieces are divided differently.
    AddShifted(ShiftedSum),
    Output(Parts, Vec<Contribution>),
}

/// The part common to both kinds of convolution.
pub(super) struct Layer {
    /// Index in the layout.
    index: usize,
    /// A SiLU applied after the convolution: from, to.
    silu: Option<(View, View)>,
    d_output: Option<View>,
}

pub(super) struct ConvNode {
    conv: Conv,
    layer: Layer,
    d_inputs: Vec<Option<InputGradient>>,
    /// Contributions that are added to their gradient afterwards.
    asides: Vec<(View, InputGradient)>,
}

pub(super) struct ConvTransposedNode {
    conv: ConvTransposed,
    layer: Layer,
    d_input: Option<InputGradient>,
    gathered: Option<Gathered>,
}

/// Pieces copied into one map, and its gradient.
pub(super) struct Gathered {
    pieces: Vec<View>,
    value: View,
    /// Gradient of `value`; first channel and destination for each piece.
    back: Option<(View, Vec<(usize, InputGradient)>)>,
}

#[derive(Clone, Copy)]
pub(super) enum Resampling {
    Pool(foci_kernels::PoolKind, usize),
    Upsample(foci_kernels::UpsampleMode, usize),
}

pub(super) struct ResampledPiece {
    x: View,
    y: View,
    back: Option<(View, InputGradient)>,
}

pub(super) struct Sum {
    terms: Vec<View>,
    y: View,
}

pub(super) struct ShiftedSum {
    /// Each with its first channel in the sum.
    terms: Vec<(usize, View)>,
    y: View,
    back: Option<(View, Vec<(usize, InputGradient)>)>,
}

/// What the output contributes to the gradient of a piece.
pub(super) struct Contribution {
    first: usize,
    /// Where the derivative by the output is loaded to.
    view: View,
    /// Then: the activation's derivative, or the addition to what others contributed.
    then: Then,
}

enum Then {
    Nothing,
    Activation(foci_kernels::Activation, View),
    Add(InputGradient),
}

/// A map in several pieces, one after the other in channel order.
pub(super) struct Parts(Vec<View>);

/// The kernels' view of a planned buffer.
pub(super) fn view(plan: &MemoryPlan, buffer: usize) -> View {
    let buffer = &plan.buffers[buffer];
    View::new(buffer.offset, plan.shape.n, buffer.channels, buffer.h, buffer.w)
}

fn activation(activation: Activation) -> foci_kernels::Activation {
    match activation {
        Activation::None => foci_kernels::Activation::None,
        Activation::Relu => foci_kernels::Activation::Relu,
        Activation::LeakyRelu => foci_kernels::Activation::LeakyRelu,
        Activation::Elu => foci_kernels::Activation::Elu,
        Activation::Silu => foci_kernels::Activation::Silu,
    }
}

/// The operations of all nodes of `net`, in order.
pub(super) fn build(net: &Net, plan: &MemoryPlan, layout: &Layout, compute: &Compute) -> Vec<Operation> {
    let builder = Builder { net, plan, layout, compute };
    (0..net.nodes.len()).map(|node| builder.operation(node)).collect()
}

struct Builder<'a> {
    net: &'a Net,
    plan: &'a MemoryPlan,
    layout: &'a Layout,
    compute: &'a Compute,
}

impl Builder<'_> {
    fn operation(&self, index: usize) -> Operation {
        let node = &self.net.nodes[index];
        let plan = &self.plan.nodes[index];
        match node.op {
            Op::Input => Operation::Input(self.value(plan.pieces[0])),
            Op::Concat => Operation::Nothing,
            Op::Conv { kernel, dilation, .. } => {
                Operation::Conv(Box::new(self.conv(index, plan, kernel, dilation)))
            }
            Op::ConvTransposed { kernel, .. } => {
                Operation::ConvTransposed(Box::new(self.conv_transposed(index, plan, kernel)))
            }
            Op::Pool { kind, factor } => {
                let kind = match kind {
                    PoolKind::Max => foci_kernels::PoolKind::Max,
                    PoolKind::Average => foci_kernels::PoolKind::Average,
                    PoolKind::Blur => foci_kernels::PoolKind::Blur,
                };
                Operation::Resample(Resampling::Pool(kind, factor), self.resampled(plan))
            }
            Op::Upsample { factor, mode } => {
                let mode = match mode {
                    UpsampleMode::Nearest => foci_kernels::UpsampleMode::Nearest,
                    UpsampleMode::Bilinear => foci_kernels::UpsampleMode::Bilinear,
                };
                Operation::Resample(Resampling::Upsample(mode, factor), self.resampled(plan))
            }
            Op::Add if self.alike(plan) => self.add(plan),
            Op::Add => Operation::AddShifted(self.shifted_sum(node.channels, plan)),
            Op::Output => self.output(plan),
        }
    }

    fn value(&self, piece: usize) -> View {
        view(self.plan, self.plan.pieces[piece].value)
    }

    fn gradient(&self, piece: usize) -> Option<View> {
        self.plan.pieces[piece].gradient.map(|buffer| view(self.plan, buffer))
    }

    /// Where the derivative of the activation of a piece is told from.
    fn derivative(&self, piece: usize) -> Option<(foci_kernels::Activation, View)> {
        let Piece { activation: kind, value, before, .. } = self.plan.pieces[piece];
        (kind != Activation::None).then(|| (activation(kind), view(self.plan, before.unwrap_or(value))))
    }

    /// The destination of contribution `slot`, where it goes straight to the gradient or is not needed.
    fn direct(&self, plan: &NodePlan, slot: usize) -> Option<InputGradient> {
        match plan.routes.get(slot) {
            Some(&Route::Direct { gradient, accumulate, last }) => Some(InputGradient {
                view: view(self.plan, gradient),
                accumulate,
                activation: if last { self.derivative(plan.reads[slot]) } else { None },
            }),
            _ => None,
        }
    }

    /// For a contribution that goes aside: its own view and where it is then added.
    fn aside(&self, plan: &NodePlan, slot: usize) -> Option<(View, InputGradient)> {
        match plan.routes.get(slot) {
            Some(&Route::Aside { buffer, gradient, last }) => {
                let into = InputGradient {
                    view: view(self.plan, gradient),
                    accumulate: true,
                    activation: if last { self.derivative(plan.reads[slot]) } else { None },
                };
                Some((view(self.plan, buffer), into))
            }
            _ => None,
        }
    }

    /// First channel of each piece read, and where its contribution goes; for operations that serve one by one.
    fn shifted(&self, plan: &NodePlan, channels: usize) -> Vec<(usize, InputGradient)> {
        let mut first = 0;
        let mut result = Vec::new();
        for (slot, &read) in plan.reads.iter().enumerate() {
            if let Some(into) = self.direct(plan, slot) {
                result.push((first % channels, into));
            }
            first += self.value(read).channels;
        }
        result
    }

    /// The common part of a convolution, the activation that the kernel applies and the view that it writes.
    fn layer(&self, index: usize, plan: &NodePlan) -> (Layer, foci_kernels::Activation, View) {
        let piece = &self.plan.pieces[plan.pieces[0]];
        let y = self.value(plan.pieces[0]);
        let before = piece.before.map(|buffer| view(self.plan, buffer));
        let layer = Layer {
            index: self.layout.layers.iter().position(|layer| layer.node == index).unwrap_or(0),
            silu: before.map(|before| (before, y)),
            d_output: self.gradient(plan.pieces[0]),
        };
        match before {
            Some(before) => (layer, foci_kernels::Activation::None, before),
            None => (layer, activation(piece.activation), y),
        }
    }

    fn conv(&self, index: usize, plan: &NodePlan, kernel: usize, dilation: usize) -> ConvNode {
        let (layer, activation, output) = self.layer(index, plan);
        let inputs = plan.reads.iter().map(|&read| self.value(read)).collect();
        let training = self.plan.options.mode == Mode::Training;
        let spec = ConvSpec { kernel, dilation, inputs, output, activation, training };
        let asides: Vec<_> = (0..plan.reads.len()).filter_map(|slot| self.aside(plan, slot)).collect();
        let d_inputs = (0..plan.reads.len()).map(|slot| {
            let aside = || self.aside(plan, slot).map(|(view, _)| InputGradient::overwrite(view));
            self.direct(plan, slot).or_else(aside)
        });
        ConvNode { d_inputs: d_inputs.collect(), asides, layer, conv: Conv::new(spec, self.compute) }
    }

    fn conv_transposed(&self, index: usize, plan: &NodePlan, kernel: usize) -> ConvTransposedNode {
        let (layer, activation, output) = self.layer(index, plan);
        let training = self.plan.options.mode == Mode::Training;
        let gathered = plan.gathered.map(|(value, gradient)| {
            let value = view(self.plan, value);
            let gradient = gradient.map(|buffer| view(self.plan, buffer));
            Gathered {
                pieces: plan.reads.iter().map(|&read| self.value(read)).collect(),
                value,
                back: gradient.map(|gradient| (gradient, self.shifted(plan, value.channels))),
            }
        });
        let (input, d_input) = match &gathered {
            Some(gathered) => {
                let gradient =
                    gathered.back.as_ref().map(|(gradient, _)| InputGradient::overwrite(*gradient));
                (gathered.value, gradient)
            }
            None => (self.value(plan.reads[0]), self.direct(plan, 0)),
        };
        let spec = ConvTransposedSpec { kernel, input, output, activation, training };
        ConvTransposedNode { conv: ConvTransposed::new(spec, self.compute), layer, d_input, gathered }
    }

    fn resampled(&self, plan: &NodePlan) -> Vec<ResampledPiece> {
        let pieces = plan.reads.iter().zip(&plan.pieces).enumerate();
        pieces
            .map(|(slot, (&read, &made))| ResampledPiece {
                x: self.value(read),
                y: self.value(made),
                back: self.gradient(made).zip(self.direct(plan, slot)),
            })
            .collect()
    }

    /// Whether the pieces of every source are those of the sum, channel for channel.
    fn alike(&self, plan: &NodePlan) -> bool {
        let channels = |piece: &usize| self.value(*piece).channels;
        plan.reads.iter().map(channels).eq(plan.pieces.iter().cycle().map(channels).take(plan.reads.len()))
    }

    fn add(&self, plan: &NodePlan) -> Operation {
        let count = plan.pieces.len();
        let sum = |(position, &made): (usize, &usize)| Sum {
            terms: plan.reads[position..].iter().step_by(count).map(|&read| self.value(read)).collect(),
            y: self.value(made),
        };
        let back = (0..plan.reads.len())
            .filter_map(|slot| self.gradient(plan.pieces[slot % count]).zip(self.direct(plan, slot)))
            .collect();
        Operation::Add(plan.pieces.iter().enumerate().map(sum).collect(), back)
    }

    fn shifted_sum(&self, channels: usize, plan: &NodePlan) -> ShiftedSum {
        let mut first = 0;
        let mut terms = Vec::new();
        for &read in &plan.reads {
            terms.push((first % channels, self.value(read)));
            first += self.value(read).channels;
        }
        let made = plan.pieces[0];
        let back = self.gradient(made).map(|gradient| (gradient, self.shifted(plan, channels)));
        ShiftedSum { terms, y: self.value(made), back }
    }

    fn output(&self, plan: &NodePlan) -> Operation {
        let parts = Parts(plan.reads.iter().map(|&read| self.value(read)).collect());
        let mut contributions = Vec::new();
        let mut first = 0;
        for (slot, part) in parts.0.iter().enumerate() {
            if let Some(into) = self.direct(plan, slot) {
                let then = into.activation.map_or(Then::Nothing, |(kind, y)| Then::Activation(kind, y));
                contributions.push(Contribution { first, view: into.view, then });
            } else if let Some((view, into)) = self.aside(plan, slot) {
                contributions.push(Contribution { first, view, then: Then::Add(into) });
            }
            first += part.channels;
        }
        Operation::Output(parts, contributions)
    }
}

impl Operation {
    /// Bytes that the kernels keep for this node.
    pub(super) fn scratch_bytes(&self) -> usize {
        match self {
            Operation::Conv(node) => node.conv.scratch_bytes(),
            Operation::ConvTransposed(node) => node.conv.scratch_bytes(),
            _ => 0,
        }
    }

    /// Hands the layer its weights.
    pub(super) fn pack(&mut self, layout: &Layout, values: &[f32]) {
        match self {
            Operation::Conv(node) => {
                let layer = &layout.layers[node.layer.index];
                node.conv.pack(&values[layer.weight.clone()], &values[layer.bias.clone()]);
            }
            Operation::ConvTransposed(node) => {
                let layer = &layout.layers[node.layer.index];
                node.conv.pack(&values[layer.weight.clone()], &values[layer.bias.clone()]);
            }
            _ => {}
        }
    }

    pub(super) fn forward(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        input: &[f32],
        output: &mut [f32],
    ) {
        match self {
            Operation::Nothing => {}
            Operation::Input(view) => load_nchw(compute, arena, input, *view),
            Operation::Conv(node) => {
                node.conv.forward(compute, arena);
                node.layer.activate(compute, arena);
            }
            Operation::ConvTransposed(node) => {
                if let Some(gathered) = &node.gathered {
                    gathered.gather(compute, arena);
                }
                node.conv.forward(compute, arena);
                node.layer.activate(compute, arena);
            }
            Operation::Resample(kind, pieces) => {
                for ResampledPiece { x, y, .. } in pieces {
                    match *kind {
                        Resampling::Pool(kind, factor) => pool_forward(compute, arena, kind, factor, *x, *y),
                        Resampling::Upsample(mode, factor) => {
                            upsample_forward(compute, arena, mode, factor, *x, *y);
                        }
                    }
                }
            }
            Operation::Add(sums, _) => {
                for sum in sums {
                    add_forward(compute, arena, &sum.terms, sum.y);
                }
            }
            Operation::AddShifted(sum) => {
                fill_zero(compute, arena, sum.y);
                for &(first, term) in &sum.terms {
                    move_channels(arena, (term, 0), (sum.y, first), term.channels, false);
                }
            }
            Operation::Output(parts, _) => parts.store(compute, arena, output),
        }
    }

    pub(super) fn backward(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: &[f32],
        layout: &Layout,
        gradients: &mut [f32],
    ) {
        match self {
            Operation::Nothing | Operation::Input(_) => {}
            Operation::Conv(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                let (d_weights, d_bias) = node.layer.gradients(layout, gradients);
                node.conv.backward_weights(compute, arena, d_y, d_weights, d_bias);
                if node.d_inputs.iter().any(Option::is_some) {
                    node.conv.backward_data(compute, arena, d_y, &node.d_inputs);
                }
                for (contribution, into) in &node.asides {
                    add_into(compute, arena, *contribution, into);
                }
            }
            Operation::ConvTransposed(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                let (d_weights, d_bias) = node.layer.gradients(layout, gradients);
                node.conv.backward_weights(compute, arena, d_y, d_weights, d_bias);
                if let Some(into) = &node.d_input {
                    node.conv.backward_data(compute, arena, d_y, into);
                }
                if let Some((gradient, into)) =
                    node.gathered.as_ref().and_then(|gathered| gathered.back.as_ref())
                {
                    distribute(compute, arena, *gradient, into);
                }
            }
            Operation::Resample(kind, pieces) => {
                for piece in pieces {
                    let Some((d_y, into)) = &piece.back else { continue };
                    match *kind {
                        Resampling::Pool(kind, factor) => {
                            pool_backward(compute, arena, kind, factor, piece.x, *d_y, into);
                        }
                        Resampling::Upsample(mode, factor) => {
                            upsample_backward(compute, arena, mode, factor, *d_y, into);
                        }
                    }
                }
            }
            Operation::Add(_, back) => {
                for (d_y, into) in back {
                    add_into(compute, arena, *d_y, into);
                }
            }
            Operation::AddShifted(sum) => {
                if let Some((d_y, terms)) = &sum.back {
                    distribute(compute, arena, *d_y, terms);
                }
            }
            Operation::Output(parts, contributions) => {
                let channels = parts.channels();
                for Contribution { first, view, then } in contributions {
                    for_each_image(*view, *first, channels, |image, range| {
                        load_nchw(compute, arena, &d_output[range], image);
                    });
                    match then {
                        Then::Nothing => {}
                        Then::Activation(kind, y) => {
                            activation_gradient(compute, arena, *kind, *y, *view, *view);
                        }
                        Then::Add(into) => add_into(compute, arena, *view, into),
                    }
                }
            }
        }
    }
}

impl Layer {
    fn activate(&self, compute: &Compute, arena: &mut Arena) {
        if let Some((before, y)) = self.silu {
            activate(compute, arena, foci_kernels::Activation::Silu, before, y);
        }
    }

    /// This layer's part of the gradients: weights and biases, which lie side by side.
    fn gradients<'a>(&self, layout: &Layout, gradients: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        let layer = &layout.layers[self.index];
        gradients[layer.weight.start..layer.bias.end].split_at_mut(layer.weight.len())
    }
}

impl Gathered {
    fn gather(&self, compute: &Compute, arena: &mut Arena) {
        fill_zero(compute, arena, self.value);
        let mut first = 0;
        for piece in &self.pieces {
            move_channels(arena, (*piece, 0), (self.value, first), piece.channels, true);
            first += piece.channels;
        }
    }
}

/// Hands parts of `gradient`, each from its first channel on, to where they go.
fn distribute(compute: &Compute, arena: &mut Arena, gradient: View, parts: &[(usize, InputGradient)]) {
    for (first, into) in parts {
        if !into.accumulate {
            fill_zero(compute, arena, into.view);
        }
        move_channels(arena, (gradient, *first), (into.view, 0), into.view.channels, !into.accumulate);
        if let Some((kind, y)) = into.activation {
            activation_gradient(compute, arena, kind, y, into.view, into.view);
        }
    }
}

/// Calls `body` with the view of each image of `view` and the range of its values in an [N, channels, H, W] list of
/// which `view` is the part from channel `first` on.
fn for_each_image(
    view: View,
    first: usize,
    channels: usize,
    mut body: impl FnMut(View, std::ops::Range<usize>),
) {
    let pixels = view.h * view.w;
    for n in 0..view.n {
        let start = (n * channels + first) * pixels;
        let image = View { offset: view.offset + n * view.image_floats(), n: 1, ..view };
        body(image, start..start + view.channels * pixels);
    }
}

impl Parts {
    /// The map made up of `buffers`.
    pub(super) fn new(plan: &MemoryPlan, buffers: impl Iterator<Item = usize>) -> Parts {
        Parts(buffers.map(|buffer| view(plan, buffer)).collect())
    }

    /// The first piece; no map is without one.
    pub(super) fn first_view(&self) -> View {
        self.0[0]
    }

    pub(super) fn channels(&self) -> usize {
        self.0.iter().map(|part| part.channels).sum()
    }

    /// Writes the map as a plain [N, C, H, W] list.
    pub(super) fn store(&self, compute: &Compute, arena: &Arena, values: &mut [f32]) {
        let channels = self.channels();
        let mut first = 0;
        for part in &self.0 {
            for_each_image(*part, first, channels, |image, range| {
                store_nchw(compute, arena, image, &mut values[range]);
            });
            first += part.channels;
        }
    }
}
