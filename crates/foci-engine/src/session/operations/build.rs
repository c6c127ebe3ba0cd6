//! From the net and its memory plan to operations: which views each node reads and writes, and where its contributions
//! to gradients go.

use foci_kernels::{
    Compute, Conv, ConvSpec, ConvTransposed, ConvTransposedSpec, GroupNorm, GroupNormSpec, InputGradient,
    PlaneScale, View,
};
use foci_net::memory::{MemoryPlan, Mode, NodePlan, Piece, Route};
use foci_net::{Activation, Net, Op, PoolKind, UpsampleMode};

use super::{
    Contribution, ConvNode, ConvTransposedNode, DropoutNode, GroupNormNode, Layer, Operation, Parts,
    ResampledPiece, Resampling, Sum, Then, channels, view,
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
            Op::Dropout { rate, unit } if self.plan.options.mode == Mode::Training => {
                let images = self.plan.shape.n;
                let scaled = |piece: ResampledPiece| (PlaneScale::new(images, piece.x.channels), piece);
                let pieces = self.resampled(plan).into_iter().map(scaled).collect();
                Operation::Dropout(Box::new(DropoutNode { rate, unit, pieces }))
            }
            Op::Dropout { .. } => Operation::Nothing,
            Op::GroupNorm { groups, .. } => {
                let (layer, activation, output) = self.layer(index, plan);
                let spec = GroupNormSpec { input: self.value(plan.reads[0]), output, groups, activation };
                let d_input = self.direct(plan, 0);
                Operation::GroupNorm(Box::new(GroupNormNode { norm: GroupNorm::new(spec), layer, d_input }))
            }
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
            Op::Add => self.add(node.channels, plan),
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

    /// The common part of a layer with weights, the activation that the kernel applies and the view that it writes.
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
        let (inputs, training) = (self.inputs(plan), self.plan.options.mode == Mode::Training);
        let exact = self.plan.options.exact;
        let part_of = self.plan.options.whole_at(self.net.nodes[index].scale);
        let spec = ConvSpec { kernel, dilation, inputs, output, activation, training, exact, part_of };
        let (d_inputs, asides) = self.contributions(plan);
        ConvNode { conv: Conv::new(spec, self.compute), layer, d_inputs, asides }
    }

    fn conv_transposed(&self, index: usize, plan: &NodePlan, kernel: usize) -> ConvTransposedNode {
        let (layer, activation, output) = self.layer(index, plan);
        let (inputs, training) = (self.inputs(plan), self.plan.options.mode == Mode::Training);
        let spec = ConvTransposedSpec { kernel, inputs, output, activation, training };
        let (d_inputs, asides) = self.contributions(plan);
        ConvTransposedNode { conv: ConvTransposed::new(spec, self.compute), layer, d_inputs, asides }
    }

    fn inputs(&self, plan: &NodePlan) -> Vec<View> {
        plan.reads.iter().map(|&read| self.value(read)).collect()
    }

    /// Where a convolution writes its contributions, and which of them are then added to their gradient.
    fn contributions(&self, plan: &NodePlan) -> (Vec<Option<InputGradient>>, Vec<(View, InputGradient)>) {
        let asides: Vec<_> = (0..plan.reads.len()).filter_map(|slot| self.aside(plan, slot)).collect();
        let d_inputs = (0..plan.reads.len()).map(|slot| {
            let aside = || self.aside(plan, slot).map(|(view, _)| InputGradient::overwrite(view));
            self.direct(plan, slot).or_else(aside)
        });
        (d_inputs.collect(), asides)
    }

    fn resampled(&self, plan: &NodePlan) -> Vec<ResampledPiece> {
        let pieces = plan.reads.iter().zip(&plan.pieces).enumerate();
        pieces
            .map(|(slot, (&read, &made))| ResampledPiece {
                piece: made,
                x: self.value(read),
                y: self.value(made),
                back: self.gradient(made).zip(self.direct(plan, slot)),
            })
            .collect()
    }

    /// Sums of runs of channels over which no source goes from one of its pieces to the next, image by image.
    fn add(&self, total: usize, plan: &NodePlan) -> Operation {
        // Where each piece begins, counted on through all sources, each of which has `total` channels.
        let mut starts = vec![0];
        for &read in &plan.reads {
            starts.push(starts[starts.len() - 1] + self.value(read).channels);
        }
        let mut bounds: Vec<usize> = starts.iter().map(|start| start % total).chain([total]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let (images, made) = (self.plan.shape.n, plan.pieces[0]);
        let (mut sums, mut back) = (Vec::new(), Vec::new());
        for image in 0..images {
            for run in bounds.windows(2) {
                let count = run[1] - run[0];
                let pieces =
                    plan.reads.iter().zip(&starts).map(|(&read, &start)| (self.value(read), start % total));
                let term = |(piece, start): (View, usize)| {
                    let inside = start <= run[0] && run[1] <= start + piece.channels;
                    inside.then(|| channels(piece, image, run[0] - start, count))
                };
                let y = channels(self.value(made), image, run[0], count);
                sums.push(Sum { terms: pieces.filter_map(term).collect(), y });
            }
        }
        for slot in 0..plan.reads.len() {
            let Some((d_y, into)) = self.gradient(made).zip(self.direct(plan, slot)) else { continue };
            let count = into.view.channels;
            for image in 0..images {
                let whole = |view: View| channels(view, image, 0, count);
                let activation = into.activation.map(|(kind, y)| (kind, whole(y)));
                let into = InputGradient { view: whole(into.view), activation, ..into };
                back.push((channels(d_y, image, starts[slot] % total, count), into));
            }
        }
        Operation::Add(sums, back)
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
