//! The memory plan: where each feature map and each gradient of a net lies, and for how long, before any is made.
//!
//! Feature maps are kept as planes, `[N][C][H][W]` in f32 ([`View`](foci_kernels::View) says how far apart), in one
//! *arena*. Time runs in steps: node `i` of `k` is computed in step `i`; on the way back each node has two steps, the
//! last node first: in one its weights get their gradient, in the next it passes its gradient on. Each map is needed
//! over an interval of steps, and maps whose intervals are apart may share an address ([`mod@place`]).
//!
//! - A [`Piece`] is a map that one operation makes. Concatenation makes none: reading a concat is reading the list of
//!   its sources' pieces, and its gradient goes straight to theirs; so does dropout outside training. Pooling,
//!   upsampling and dropout treat channels one by one,
//!   so of a concat they make one piece for each that they read.
//! - In training, a value is kept for the backward pass if a convolution read it (gradient of the weights), a max
//!   pooling read it (where the maximum was), or its activation's derivative is told from it. SiLU's is not: there the
//!   value before the activation is kept besides. In inference a value lives until it was last read.
//! - What is cheap to make again, such as the result of an upsampling, may be dropped between two that want it, where
//!   memory is fullest. It comes back to its place ([`Buffer::idle`], [`NodePlan::again`]).
//! - A gradient lives from the backward step of the last node that read the map to that of the node that made it. Each
//!   reader adds its contribution; the [`Route`] says which one comes first (it overwrites) and which last (it also
//!   multiplies by the derivative of the activation). Where one contribution is both, it may take the place of what the
//!   derivative is told from.
//!
//! The plan asks the kernels how much memory a shape takes and nothing else; that its bytes are those really allocated
//! is tested in `foci-engine`.

mod again;
mod bytes;
mod lifetimes;
pub mod place;
#[cfg(test)]
mod tests;

use crate::graph::{Activation, Net};
use lifetimes::Clock;

pub use bytes::{Bytes, largest_image};

/// Images at a time, and their size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Images at a time.
    pub n: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
}

/// What a net is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Forward and backward.
    Training,
    /// Forward only.
    Inference,
}

/// What the plan must provide for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// Forward only, or backward too.
    pub mode: Mode,
    /// Also the gradient of the input (training only).
    pub input_gradient: bool,
    /// Let no value be overwritten, so that every node's result can be read afterwards.
    pub keep_values: bool,
    /// Threads that will compute; each has scratch of its own.
    pub threads: usize,
    /// Convolutions sum the products of pixels and weights themselves, whatever the shapes
    /// ([`ConvSpec::exact`](foci_kernels::ConvSpec::exact)).
    pub exact: bool,
    /// Height and width of the image of which this one is a tile, if it is one ([`ConvSpec::part_of`](foci_kernels::ConvSpec::part_of)).
    pub tile_of: Option<(usize, usize)>,
}

impl PlanOptions {
    /// Rows and columns of the whole map at a scale, where the image is a tile of another.
    pub fn whole_at(&self, scale: usize) -> Option<(usize, usize)> {
        self.tile_of.map(|(height, width)| (height.div_ceil(scale), width.div_ceil(scale)))
    }
}

impl PlanOptions {
    /// The least that `mode` needs, on one thread.
    pub fn new(mode: Mode) -> PlanOptions {
        PlanOptions {
            mode,
            input_gradient: false,
            keep_values: false,
            threads: 1,
            exact: false,
            tile_of: None,
        }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No image or no pixel.
    #[error("{n} image(s) of {h}x{w} pixels: there must be at least one image of at least 1x1")]
    Empty {
        /// Images.
        n: usize,
        /// Height.
        h: usize,
        /// Width.
        w: usize,
    },
    /// More bytes than a computer can address.
    #[error(
        "net `{net}` on {n} image(s) of {h}x{w} needs more bytes than can be addressed; use smaller images or tiles"
    )]
    TooLarge {
        /// The net.
        net: String,
        /// Images.
        n: usize,
        /// Height.
        h: usize,
        /// Width.
        w: usize,
    },
}

/// What a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The result of an operation.
    Value,
    /// The sum of a convolution before its SiLU.
    BeforeActivation,
    /// The derivative of the loss by a value (by the value before the activation, once complete).
    Gradient,
    /// One contribution to a gradient that is not added in place.
    Aside,
}

/// A map in the arena, `[N][C][H][W]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    /// The node that makes the map (for [`Purpose::Aside`], the node whose contribution it is).
    pub node: usize,
    /// What it holds.
    pub purpose: Purpose,
    /// Channels.
    pub channels: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// First float in the arena, a multiple of [`LINE`](foci_kernels::LINE).
    pub offset: usize,
    /// Length in floats, a multiple of [`LINE`](foci_kernels::LINE), too.
    pub floats: usize,
    /// Step in which it is written first.
    pub first: usize,
    /// Step in which it is read last.
    pub last: usize,
    /// Steps between, first and last, in which it is not needed, since it is made again after them.
    pub idle: Option<(usize, usize)>,
}

impl Buffer {
    /// The steps over which it is needed, first and last of each stretch.
    pub fn intervals(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, last) = (self.first, self.last);
        let end = self.idle.map_or(last, |idle| idle.0 - 1);
        [Some((first, end)), self.idle.map(|idle| (idle.1 + 1, last))].into_iter().flatten()
    }

    /// Whether it is needed in a step.
    pub fn needed_in(&self, step: usize) -> bool {
        self.intervals().any(|(first, last)| first <= step && step <= last)
    }

    /// Whether there is a step in which both are needed.
    pub fn meets(&self, other: &Buffer) -> bool {
        self.intervals().any(|(first, last)| other.intervals().any(|(a, b)| a <= last && first <= b))
    }
}

/// A map that one operation makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The node that makes it.
    pub node: usize,
    /// Applied by the operation that makes it.
    pub activation: Activation,
    /// Buffer of the result.
    pub value: usize,
    /// Buffer of the value before the activation, where the derivative needs it.
    pub before: Option<usize>,
    /// Buffer of the gradient, where it is needed; that of the value (of the value before the activation, if there is
    /// one) if the gradient takes its place.
    pub gradient: Option<usize>,
}

/// Where a node's contribution to the gradient of a piece that it read goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// It is not needed.
    Nowhere,
    /// Straight to the gradient.
    Direct {
        /// Buffer of the gradient.
        gradient: usize,
        /// Add to what is there; else overwrite.
        accumulate: bool,
        /// This contribution is the last: multiply by the derivative of the piece's activation.
        last: bool,
    },
    /// To a buffer of its own and then added to the gradient, because a convolution (and the output) makes all its
    /// contributions at once and another of them has the same destination.
    Aside {
        /// Buffer of the contribution.
        buffer: usize,
        /// Buffer of the gradient.
        gradient: usize,
        /// This contribution is the last: multiply by the derivative of the piece's activation.
        last: bool,
    },
}

/// What one node reads and makes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodePlan {
    /// The pieces of its result, in channel order; those of the sources for a concat.
    pub pieces: Vec<usize>,
    /// The pieces that it reads, source by source; empty for a concat.
    pub reads: Vec<usize>,
    /// The destination of its contribution to each of `reads` (training).
    pub routes: Vec<Route>,
    /// Pieces that were dropped and are made again, one after the other, before the node's weights get their gradient.
    pub again: Vec<usize>,
}

/// Addresses and lifetimes of everything that a net needs at one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Images at a time and their size.
    pub shape: Shape,
    /// What was planned for.
    pub options: PlanOptions,
    /// For each node of the net.
    pub nodes: Vec<NodePlan>,
    /// The maps that are made, in the order in which they are made.
    pub pieces: Vec<Piece>,
    /// Everything in the arena.
    pub buffers: Vec<Buffer>,
    /// Length of the arena in floats.
    pub arena_floats: usize,
    /// Everything that is allocated.
    pub bytes: Bytes,
}

impl MemoryPlan {
    /// Plans `net` for `shape`.
    ///
    /// # Errors
    /// [`PlanError`] if the shape is empty or the bytes cannot be counted.
    pub fn new(net: &Net, shape: Shape, options: PlanOptions) -> Result<MemoryPlan, PlanError> {
        let Shape { n, h, w } = shape;
        if n == 0 || h == 0 || w == 0 {
            return Err(PlanError::Empty { n, h, w });
        }
        let too_large = || PlanError::TooLarge { net: net.name.clone(), n, h, w };
        let lifetimes::Lifetimes { nodes, pieces, mut buffers } =
            lifetimes::plan(net, shape, options).ok_or_else(too_large)?;
        let arena_floats = place::place(&mut buffers).ok_or_else(too_large)?;
        let mut plan =
            MemoryPlan { shape, options, nodes, pieces, buffers, arena_floats, bytes: Bytes::default() };
        plan.bytes = Bytes::count(net, &plan).ok_or_else(too_large)?;
        Ok(plan)
    }

    /// All steps, forward and (in training) backward.
    pub fn steps(&self) -> usize {
        Clock { nodes: self.nodes.len(), training: self.options.mode == Mode::Training }.end()
    }

    /// Step in which node `node` passes its gradient on; its weights get theirs in the one before.
    pub fn backward_step(&self, node: usize) -> usize {
        Clock { nodes: self.nodes.len(), training: true }.backward(node)
    }
}
