//! What must be in memory when: pieces, their buffers, and the steps over which each is needed.

use foci_kernels::View;

use crate::graph::{Activation, Net, Op, PoolKind};

use super::{Buffer, Mode, NodePlan, Piece, PlanOptions, Purpose, Route, Shape};

/// A plan without addresses.
pub(super) struct Lifetimes {
    pub(super) nodes: Vec<NodePlan>,
    pub(super) pieces: Vec<Piece>,
    pub(super) buffers: Vec<Buffer>,
}

/// The steps of a net of `nodes` nodes.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) nodes: usize,
    pub(super) training: bool,
}

impl Clock {
    /// When the weights of `node` get their gradient, and what was dropped is made again.
    pub(super) fn weights(self, node: usize) -> usize {
        self.nodes + 2 * (self.nodes - 1 - node)
    }

    /// When `node` passes its gradient on.
    pub(super) fn backward(self, node: usize) -> usize {
        self.weights(node) + 1
    }

    /// When the backward pass of `node` looks at what it read, if it does.
    pub(super) fn reads_again(self, net: &Net, node: usize) -> Option<usize> {
        match net.nodes[node].op {
            Op::Conv { .. } | Op::ConvTransposed { .. } => Some(self.weights(node)),
            Op::GroupNorm { .. } | Op::Pool { kind: PoolKind::Max, .. } => Some(self.backward(node)),
            _ => None,
        }
    }

    /// After everything.
    pub(super) fn end(self) -> usize {
        if self.training { 3 * self.nodes } else { self.nodes }
    }
}

/// None if a size overflows.
pub(super) fn plan(net: &Net, shape: Shape, options: PlanOptions) -> Option<Lifetimes> {
    let training = options.mode == Mode::Training;
    let mut planner = Planner {
        net,
        shape,
        clock: Clock { nodes: net.nodes.len(), training },
        options,
        nodes: vec![NodePlan::default(); net.nodes.len()],
        pieces: Vec::new(),
        buffers: Vec::new(),
        readers: Vec::new(),
    };
    for node in 0..net.nodes.len() {
        planner.make_pieces(node)?;
    }
    planner.end_values();
    if training {
        planner.plan_gradients()?;
    }
    // So that no sum of some of them can overflow.
    planner.buffers.iter().try_fold(0_usize, |sum, buffer| sum.checked_add(buffer.floats))?;
    if training && !options.keep_values {
        planner.drop_maps();
    }
    Some(Lifetimes { nodes: planner.nodes, pieces: planner.pieces, buffers: planner.buffers })
}

/// A plan being made.
pub(super) struct Planner<'a> {
    pub(super) net: &'a Net,
    shape: Shape,
    pub(super) clock: Clock,
    options: PlanOptions,
    pub(super) nodes: Vec<NodePlan>,
    pub(super) pieces: Vec<Piece>,
    pub(super) buffers: Vec<Buffer>,
    /// For each piece the nodes that read it, in order, twice if read twice.
    pub(super) readers: Vec<Vec<usize>>,
}

impl Planner<'_> {
    fn make_pieces(&mut self, index: usize) -> Option<()> {
        let node = &self.net.nodes[index];
        let reads: Vec<usize> =
            node.from.iter().flat_map(|&from| self.nodes[from].pieces.iter().copied()).collect();
        // What reads a dropout outside training reads what that reads.
        let drops = self.clock.training && matches!(node.op, Op::Dropout { .. });
        if matches!(node.op, Op::Concat | Op::Dropout { .. }) && !drops {
            self.nodes[index].pieces = reads;
            return Some(());
        }
        let channels: Vec<usize> = match node.op {
            Op::Input | Op::Conv { .. } | Op::ConvTransposed { .. } | Op::GroupNorm { .. } | Op::Add => {
                vec![node.channels]
            }
            Op::Dropout { .. } | Op::Pool { .. } | Op::Upsample { .. } => self.channels_of(node.from[0]),
            Op::Concat | Op::Output => Vec::new(),
        };
        let activation = match node.op {
            Op::Conv { activation, .. }
            | Op::ConvTransposed { activation, .. }
            | Op::GroupNorm { activation, .. } => activation,
            _ => Activation::None,
        };
        for channels in channels {
            let value = self.buffer(index, Purpose::Value, channels, index)?;
            let before = if self.clock.training && activation == Activation::Silu {
                Some(self.buffer(index, Purpose::BeforeActivation, channels, index)?)
            } else {
                None
            };
            self.nodes[index].pieces.push(self.pieces.len());
            self.pieces.push(Piece { node: index, activation, value, before, gradient: None });
            self.readers.push(Vec::new());
        }
        for &piece in &reads {
            self.readers[piece].push(index);
        }
        self.nodes[index].reads = reads;
        Some(())
    }

    fn channels_of(&self, node: usize) -> Vec<usize> {
        self.nodes[node].pieces.iter().map(|&piece| self.buffers[self.pieces[piece].value].channels).collect()
    }

    fn buffer(&mut self, node: usize, purpose: Purpose, channels: usize, step: usize) -> Option<usize> {
        let scale = self.net.nodes[node].scale;
        let (h, w) = (self.shape.h.div_ceil(scale), self.shape.w.div_ceil(scale));
        self.sized_buffer(node, purpose, (channels, h, w), step)
    }

    fn sized_buffer(
        &mut self,
        node: usize,
        purpose: Purpose,
        (channels, h, w): (usize, usize, usize),
        step: usize,
    ) -> Option<usize> {
        let floats = View::floats_of(self.shape.n, channels, h, w)?;
        self.buffers.push(Buffer {
            node,
            purpose,
            channels,
            h,
            w,
            offset: 0,
            floats,
            first: step,
            last: step,
            idle: None,
        });
        Some(self.buffers.len() - 1)
    }

    /// Sets until when values are needed.
    fn end_values(&mut self) {
        for (piece, readers) in self.pieces.iter().zip(&self.readers) {
            let first_reader = readers.first().copied().unwrap_or(piece.node);
            let mut last = readers.last().copied().unwrap_or(piece.node);
            if self.clock.training {
                for &reader in readers {
                    last = last.max(self.clock.reads_again(self.net, reader).unwrap_or(0));
                }
                // The derivative is applied with the last contribution, that of the first reader.
                let applied = self.clock.backward(first_reader);
                match (piece.activation, piece.before) {
                    (Activation::None, _) => {}
                    (_, Some(before)) => self.buffers[before].last = applied,
                    (_, None) => last = last.max(applied),
                }
            }
            if self.options.keep_values {
                last = self.clock.end();
            }
            self.buffers[piece.value].last = last;
        }
    }

    fn plan_gradients(&mut self) -> Option<()> {
        for piece in 0..self.pieces.len() {
            let Piece { node, value, .. } = self.pieces[piece];
            let needed = match self.net.nodes[node].op {
                Op::Input => self.options.input_gradient,
                Op::Conv { .. } | Op::ConvTransposed { .. } | Op::GroupNorm { .. } => true,
                _ => self.nodes[node].reads.iter().any(|&read| self.pieces[read].gradient.is_some()),
            };
            if needed {
                let last_reader = self.readers[piece].last().copied().unwrap_or(node);
                let channels = self.buffers[value].channels;
                let gradient = match self.replaceable(piece) {
                    Some(buffer) => buffer,
                    None => {
                        self.buffer(node, Purpose::Gradient, channels, self.clock.backward(last_reader))?
                    }
                };
                self.buffers[gradient].last =
                    if node == 0 { self.clock.end() } else { self.clock.backward(node) };
                self.pieces[piece].gradient = Some(gradient);
            }
        }
        // Contributions in the order in which they are made: readers from last to first.
        let mut made = vec![0; self.pieces.len()];
        for index in (0..self.nodes.len()).rev() {
            let reads = self.nodes[index].reads.clone();
            let at_once =
                matches!(self.net.nodes[index].op, Op::Conv { .. } | Op::ConvTransposed { .. } | Op::Output);
            for (slot, &read) in reads.iter().enumerate() {
                let repeated = reads[..slot].contains(&read);
                let route = match self.pieces[read].gradient {
                    None => Route::Nowhere,
                    Some(gradient) => {
                        made[read] += 1;
                        let last = made[read] == self.readers[read].len();
                        if at_once && repeated {
                            Route::Aside { buffer: self.aside(index, read)?, gradient, last }
                        } else {
                            Route::Direct { gradient, accumulate: made[read] > 1, last }
                        }
                    }
                };
                self.nodes[index].routes.push(route);
            }
        }
        Some(())
    }

    fn aside(&mut self, node: usize, read: usize) -> Option<usize> {
        let Buffer { channels, h, w, .. } = self.buffers[self.pieces[read].value];
        self.sized_buffer(node, Purpose::Aside, (channels, h, w), self.clock.backward(node))
    }

    /// The buffer from which the derivative of a piece's activation is told, if the gradient may take its place: where
    /// one contribution is all there is to the gradient, and the kernel that makes it reads and writes each value once.
    fn replaceable(&self, piece: usize) -> Option<usize> {
        let Piece { activation, value, before, .. } = self.pieces[piece];
        let [reader] = self.readers[piece][..] else { return None };
        let once = matches!(self.net.nodes[reader].op, Op::Conv { .. } | Op::Add);
        let replaceable = once && activation != Activation::None && !self.options.keep_values;
        replaceable.then(|| before.unwrap_or(value))
    }
}
