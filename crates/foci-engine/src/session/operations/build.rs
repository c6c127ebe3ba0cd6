//! From the net and its memory plan to operations: which views each node reads and writes, and where its contributions
//! to gradients go.

use foci_kernels::{Compute, Conv, ConvSpec, ConvTransposed, ConvTransposedSpec, InputGradient, View};
use foci_net::memory::{MemoryPlan, Mode, NodePlan, Piece, Route};
use foci_net::{Activation, Net, Op, PoolKind, UpsampleMode};

use super::{
    Contribution, ConvNode, ConvTransposedNode, Gathered, Layer, Operation, Parts, ResampledPiece,
    Resampling, ShiftedSum, Sum, Then, view,
};
use crate::parameters::Layout;

/// The operations of all nodes of `net`, in order.
pub(in crate::session) fn build(
    net: &Net,
    plan: &MemoryPlan,
    layout: &Layout,
    compute: &Compute,
) -> Vec<Operation> {
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
        let spec = ConvSpec { kernel, dilation, inputs, output, activation, training, exact: false };
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

fn activation(activation: Activation) -> foci_kernels::Activation {
    match activation {
        Activation::None => foci_kernels::Activation::None,
        Activation::Relu => foci_kernels::Activation::Relu,
        Activation::LeakyRelu => foci_kernels::Activation::LeakyRelu,
        Activation::Elu => foci_kernels::Activation::Elu,
        Activation::Silu => foci_kernels::Activation::Silu,
    }
}
