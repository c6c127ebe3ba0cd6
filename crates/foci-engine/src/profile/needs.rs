//! What each part of a step needs: operations, and the least bytes that it must move, told from net and memory plan.
//!
//! A part reads each map that others made once and writes each map that it leaves to others once, whatever it really
//! does. What only passes from one half of a part to the other, such as a contribution that is added to a gradient
//! afterwards, is not counted. Weights and their gradients count, as do the plain lists of image and output.

use std::collections::{BTreeMap, BTreeSet};

use foci_net::memory::{MemoryPlan, Mode, Route};
use foci_net::{Net, Op, PoolKind};

use crate::session::Session;
use crate::watch::{Part, Pass};

/// Bytes of a value.
const VALUE: u64 = 4;

/// Operations and bytes of one part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Need {
    pub operations: f64,
    pub bytes: u64,
}

/// The needs of all parts of a step that need anything.
pub(super) fn all(net: &Net, session: &Session) -> BTreeMap<Part, Need> {
    let counter = Counter { net, plan: session.plan() };
    let mut needs = BTreeMap::new();
    for node in 0..net.nodes.len() {
        needs.insert(Part::Node(node, Pass::Forward), counter.forward(node, None));
    }
    if session.plan().options.mode == Mode::Training {
        for &piece in session.plan().nodes.iter().flat_map(|node| &node.again) {
            let maker = session.plan().pieces[piece].node;
            let need = needs.entry(Part::Node(maker, Pass::Again)).or_insert_with(Need::default);
            let more = counter.forward(maker, Some(piece));
            *need = Need { operations: need.operations + more.operations, bytes: need.bytes + more.bytes };
        }
        for node in 0..net.nodes.len() {
            needs.insert(Part::Node(node, Pass::GradientByWeights), counter.by_weights(node));
            needs.insert(Part::Node(node, Pass::GradientByInput), counter.by_input(node));
        }
        let (output, parameters) = (counter.list(net.nodes.len() - 1), net.weights() * VALUE);
        let moved = |bytes: u64| Need { operations: 0.0, bytes };
        // Output and target are read, the gradient is written.
        needs.insert(Part::Loss, moved(3 * output));
        // The gradient is read; the weights and two moments are read and written.
        needs.insert(Part::Optimiser, moved(7 * parameters));
        needs.insert(Part::Weights, moved(parameters + session.layer_bytes()));
    }
    needs.retain(|_, need| need.bytes > 0);
    needs
}

/// Counts for one net and its plan.
struct Counter<'a> {
    net: &'a Net,
    plan: &'a MemoryPlan,
}

/// Buffers that are read and written, each once, and bytes besides.
#[derive(Default)]
struct Traffic {
    read: BTreeSet<usize>,
    written: BTreeSet<usize>,
    besides: u64,
}

impl Counter<'_> {
    /// The forward pass, or making one piece again.
    fn forward(&self, node: usize, again: Option<usize>) -> Need {
        let plan = &self.plan.nodes[node];
        let mut traffic = Traffic::default();
        match self.net.nodes[node].op {
            Op::Concat => return Need::default(),
            // An alias of what it reads.
            Op::Dropout { .. } if self.plan.options.mode == Mode::Inference => return Need::default(),
            Op::Dropout { .. } | Op::Pool { .. } | Op::Upsample { .. } => {
                // Piece by piece.
                for (&read, &made) in plan.reads.iter().zip(&plan.pieces) {
                    if again.is_none_or(|piece| piece == made) {
                        traffic.read.insert(self.value(read));
                        traffic.written.insert(self.value(made));
                    }
                }
            }
            ref op => {
                traffic.read.extend(plan.reads.iter().map(|&read| self.value(read)));
                match op {
                    Op::Output => traffic.besides = self.list(node),
                    Op::Input => traffic.besides = self.list(node),
                    _ => traffic.besides = self.weight_bytes(node),
                }
                if *op != Op::Output {
                    for &piece in &plan.pieces {
                        let piece = &self.plan.pieces[piece];
                        traffic.written.extend([Some(piece.value), piece.before].into_iter().flatten());
                    }
                }
            }
        }
        self.need(traffic, self.operations(node))
    }

    fn by_weights(&self, node: usize) -> Need {
        let plan = &self.plan.nodes[node];
        let (true, Some(d_y)) = (self.has_weights(node), self.gradient(node)) else {
            return Need::default();
        };
        let mut traffic = Traffic { besides: self.weight_bytes(node), ..Traffic::default() };
        traffic.read.extend(plan.reads.iter().map(|&read| self.value(read)));
        traffic.read.insert(d_y);
        self.need(traffic, self.operations(node))
    }

    fn by_input(&self, node: usize) -> Need {
        let (op, plan) = (&self.net.nodes[node].op, &self.plan.nodes[node]);
        let mut traffic = Traffic::default();
        let mut channels = 0;
        for (slot, (&read, route)) in plan.reads.iter().zip(&plan.routes).enumerate() {
            let (gradient, adds, last) = match *route {
                Route::Nowhere => continue,
                Route::Direct { gradient, accumulate, last } => (gradient, accumulate, last),
                Route::Aside { gradient, last, .. } => (gradient, true, last),
            };
            let piece = &self.plan.pieces[read];
            channels += self.plan.buffers[piece.value].channels;
            traffic.written.insert(gradient);
            if adds {
                traffic.read.insert(gradient);
            }
            if last && piece.activation != foci_net::Activation::None {
                traffic.read.insert(piece.before.unwrap_or(piece.value));
            }
            match op {
                Op::Output => {}
                Op::Pool { kind, .. } => {
                    traffic.read.extend(self.plan.pieces[plan.pieces[slot]].gradient);
                    if *kind == PoolKind::Max {
                        traffic.read.insert(piece.value);
                    }
                }
                Op::Dropout { .. } | Op::Upsample { .. } => {
                    traffic.read.extend(self.plan.pieces[plan.pieces[slot]].gradient);
                }
                Op::GroupNorm { .. } => {
                    traffic.read.extend(self.gradient(node));
                    traffic.read.insert(piece.value);
                }
                _ => traffic.read.extend(self.gradient(node)),
            }
        }
        if traffic.written.is_empty() {
            return Need::default();
        }
        traffic.besides = if *op == Op::Output { self.list(node) } else { self.weight_bytes(node) };
        let share = match *op {
            Op::Conv { channels_in, .. } | Op::ConvTransposed { channels_in, .. } => {
                channels as f64 / channels_in as f64
            }
            _ => 0.0,
        };
        self.need(traffic, share * self.operations(node))
    }

    fn need(&self, traffic: Traffic, operations: f64) -> Need {
        let buffers = traffic.read.iter().chain(&traffic.written).map(|&buffer| {
            let buffer = &self.plan.buffers[buffer];
            VALUE * (self.plan.shape.n * buffer.channels * buffer.h * buffer.w) as u64
        });
        Need { operations, bytes: buffers.sum::<u64>() + traffic.besides }
    }

    fn value(&self, piece: usize) -> usize {
        self.plan.pieces[piece].value
    }

    /// The gradient of the only piece of a node.
    fn gradient(&self, node: usize) -> Option<usize> {
        self.plan.nodes[node].pieces.first().and_then(|&piece| self.plan.pieces[piece].gradient)
    }

    fn has_weights(&self, node: usize) -> bool {
        matches!(self.net.nodes[node].op, Op::Conv { .. } | Op::ConvTransposed { .. } | Op::GroupNorm { .. })
    }

    /// A map of the image's size as a plain list.
    fn list(&self, node: usize) -> u64 {
        let foci_net::memory::Shape { n, h, w } = self.plan.shape;
        VALUE * (n * h * w * self.net.nodes[node].channels) as u64
    }

    /// Weights and biases.
    fn weight_bytes(&self, node: usize) -> u64 {
        let out = self.net.nodes[node].channels;
        match self.net.nodes[node].op {
            Op::Conv { kernel, channels_in, .. } | Op::ConvTransposed { kernel, channels_in, .. } => {
                VALUE * (out * (kernel * kernel * channels_in + 1)) as u64
            }
            Op::GroupNorm { .. } => VALUE * 2 * out as u64,
            _ => 0,
        }
    }

    /// Operations of a convolution, two for each multiply-add.
    fn operations(&self, node: usize) -> f64 {
        let (kernel, channels_in, like) = match self.net.nodes[node].op {
            Op::Conv { kernel, channels_in, .. } => (kernel, channels_in, self.plan.nodes[node].pieces[0]),
            // It spreads its kernel once for each pixel that it reads.
            Op::ConvTransposed { kernel, channels_in, .. } => {
                (kernel, channels_in, self.plan.nodes[node].reads[0])
            }
            _ => return 0.0,
        };
        let map = &self.plan.buffers[self.value(like)];
        let pixels = (self.plan.shape.n * map.h * map.w) as f64;
        2.0 * pixels * (kernel * kernel * channels_in * self.net.nodes[node].channels) as f64
    }
}
