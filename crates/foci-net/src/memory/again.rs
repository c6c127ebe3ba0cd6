//! What need not be kept until it is wanted again on the way back, since making it once more costs little more than
//! writing it: the results of pooling, upsampling, and convolutions of very few channels, such as those of the image.
//!
//! Such a map is dropped between two that want it, and made again, in the same place and to the same bits, for the
//! latter. That is worth its time only where memory is fullest, so maps are dropped, the largest first, as long as one
//! of them lies idle in the busiest step; those that turn out to save little are kept after all, unless another could not
//! be made again then. What a map is made from must be there anyway when it is made again, or be made again for it:
//! nothing lives longer for this.

use super::lifetimes::Planner;
use super::place::{busiest_step, lower_bound};
use crate::graph::{Activation, Op};

/// Products for each value with which a convolution is made again: three channels with a kernel of 3x3.
const MOST_PRODUCTS: usize = 27;
/// A dropped map must save at least this part of its size.
const LEAST_SAVING: f64 = 0.25;
/// Maps that are dropped, at most, so that nets of thousands of nodes are planned quickly.
const MOST_DROPPED: usize = 64;

/// Steps, first and last, over which a piece is wanted by the backward pass of a node.
#[derive(Clone, Copy)]
struct Want {
    node: usize,
    first: usize,
    last: usize,
}

/// An absence of a piece: its steps, first and last, and the node that wants it afterwards.
type Gap = ((usize, usize), usize);

/// What could be made again, for each piece.
struct Makeable {
    /// What wants it on the way back.
    wants: Vec<Vec<Want>>,
    /// What it is made from; none if it is not to be made again.
    sources: Vec<Option<Vec<usize>>>,
    /// A step in which it shall be absent.
    dropped: Vec<Option<usize>>,
}

impl Planner<'_> {
    /// Drops what is worth dropping.
    pub(super) fn drop_maps(&mut self) {
        let pieces = 0..self.pieces.len();
        let mut maps = Makeable {
            wants: pieces.clone().map(|piece| self.wants(piece)).collect(),
            sources: pieces.clone().map(|piece| self.sources(piece)).collect(),
            dropped: vec![None; pieces.len()],
        };
        let floats = |planner: &Self, piece: usize| planner.buffers[planner.pieces[piece].value].floats;
        let mut order = Vec::new();
        while order.len() < MOST_DROPPED {
            let step = busiest_step(&self.buffers);
            let wants = self.all_wants(&maps);
            let idle = |&piece: &usize| {
                let gap = self.gap(piece, step, &wants[piece]);
                maps.dropped[piece].is_none()
                    && gap.is_some_and(|(_, node)| self.sources_there(&maps, piece, node))
            };
            let Some(piece) = pieces.clone().filter(idle).max_by_key(|&piece| floats(self, piece)) else {
                break;
            };
            maps.dropped[piece] = Some(step);
            order.push(piece);
            self.leave_gaps(&maps);
        }
        for piece in order {
            let with = lower_bound(&self.buffers) as f64;
            let step = maps.dropped[piece].take();
            let gaps = self.leave_gaps(&maps);
            let saves = lower_bound(&self.buffers) as f64 >= with + LEAST_SAVING * floats(self, piece) as f64;
            // What was made again for this one is now made later, for what itself wants it.
            let makeable = gaps
                .iter()
                .enumerate()
                .all(|(other, gap)| gap.is_none_or(|(_, node)| self.sources_there(&maps, other, node)));
            if saves || !makeable {
                maps.dropped[piece] = step;
                self.leave_gaps(&maps);
            }
        }
        let gaps = self.leave_gaps(&maps);
        for (piece, gap) in gaps.into_iter().enumerate() {
            if let Some((_, node)) = gap {
                self.nodes[node].again.push(piece);
            }
        }
    }

    /// What wants a piece on the way back.
    fn wants(&self, index: usize) -> Vec<Want> {
        let (piece, readers) = (&self.pieces[index], &self.readers[index]);
        let want = |node: usize, last: usize| Want { node, first: self.clock.weights(node), last };
        let again =
            readers.iter().filter_map(|&node| Some(want(node, self.clock.reads_again(self.net, node)?)));
        // The derivative is applied with the last contribution, that of the first reader.
        let told = piece.activation != Activation::None && piece.before.is_none();
        let derivative = readers.first().filter(|_| told).map(|&node| want(node, self.clock.backward(node)));
        again.chain(derivative).collect()
    }

    /// What a piece is made from, if it can be made again.
    fn sources(&self, index: usize) -> Option<Vec<usize>> {
        let piece = &self.pieces[index];
        let maker = &self.nodes[piece.node];
        match self.net.nodes[piece.node].op {
            // These make each piece from one.
            Op::Dropout { .. } | Op::Pool { .. } | Op::Upsample { .. } => {
                let place = maker.pieces.iter().position(|&made| made == index)?;
                Some(vec![maker.reads[place]])
            }
            Op::Conv { kernel, channels_in, .. } => {
                let cheap = kernel * kernel * channels_in <= MOST_PRODUCTS && piece.before.is_none();
                cheap.then(|| maker.reads.clone())
            }
            _ => None,
        }
    }

    /// Whether what a piece is made from is there for `node`, unless it is itself dropped.
    fn sources_there(&self, maps: &Makeable, piece: usize, node: usize) -> bool {
        let (step, value) =
            (self.clock.weights(node), |piece: usize| &self.buffers[self.pieces[piece].value]);
        let there = |&source: &usize| value(source).first <= step && step <= value(source).last;
        maps.sources[piece].as_ref().is_some_and(|sources| sources.iter().all(there))
    }

    /// What wants each piece on the way back, if only to make another one again.
    fn all_wants(&self, maps: &Makeable) -> Vec<Vec<Want>> {
        let mut wants = maps.wants.clone();
        // What is made from a piece comes after it.
        for piece in (0..wants.len()).rev() {
            let gap = maps.dropped[piece].and_then(|step| self.gap(piece, step, &wants[piece]));
            if let (Some((_, node)), Some(sources)) = (gap, &maps.sources[piece]) {
                let step = self.clock.weights(node);
                for &source in sources {
                    wants[source].push(Want { node, first: step, last: step });
                }
            }
        }
        wants
    }

    /// The longest absence of a piece about `step`.
    fn gap(&self, piece: usize, step: usize, wants: &[Want]) -> Option<Gap> {
        let forward = *self.readers[piece].last()?;
        let before = wants.iter().filter(|want| want.first <= step).map(|want| want.last).max();
        let first = before.map_or(forward, |last| last.max(forward)) + 1;
        let next = wants.iter().filter(|want| step < want.first).min_by_key(|want| want.first)?;
        (first <= step).then_some(((first, next.first - 1), next.node))
    }

    /// Notes when the dropped pieces are absent.
    fn leave_gaps(&mut self, maps: &Makeable) -> Vec<Option<Gap>> {
        let wants = self.all_wants(maps);
        let mut gaps = Vec::with_capacity(wants.len());
        for (piece, wants) in wants.iter().enumerate() {
            let gap = maps.dropped[piece].and_then(|step| self.gap(piece, step, wants));
            self.buffers[self.pieces[piece].value].idle = gap.map(|(steps, _)| steps);
            gaps.push(gap);
        }
        gaps
    }
}
