//! What each node does with the arena, forward and backward: the net and its memory plan turned into calls of kernels.
//!
//! Here are the kinds of operations; [`build`] works out which views each of them needs, [`run`] calls the kernels.

mod build;
mod drop;
mod run;

use foci_kernels::{Conv, ConvTransposed, GroupNorm, InputGradient, PlaneScale, View};
use foci_net::DropoutUnit;
use foci_net::memory::MemoryPlan;

pub(super) use build::build;

/// One node, ready to run.
pub(super) enum Operation {
    /// Nothing to do: a concat, or a dropout outside training.
    Nothing,
    Input(View),
    Conv(Box<ConvNode>),
    ConvTransposed(Box<ConvTransposedNode>),
    GroupNorm(Box<GroupNormNode>),
    Dropout(Box<DropoutNode>),
    /// Pool and upsample, piece by piece.
    Resample(Resampling, Vec<ResampledPiece>),
    /// Sums of runs of channels; then parts of the gradient of the sum, and where they go.
    Add(Vec<Sum>, Vec<(View, InputGradient)>),
    Output(Parts, Vec<Contribution>),
}

/// The part common to convolutions and normalisations.
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
    d_inputs: Vec<Option<InputGradient>>,
    /// Contributions that are added to their gradient afterwards.
    asides: Vec<(View, InputGradient)>,
}

pub(super) struct GroupNormNode {
    norm: GroupNorm,
    layer: Layer,
    d_input: Option<InputGradient>,
}

pub(super) struct DropoutNode {
    rate: f64,
    unit: DropoutUnit,
    /// One for each piece that is read.
    pieces: Vec<(PlaneScale, ResampledPiece)>,
}

#[derive(Clone, Copy)]
pub(super) enum Resampling {
    Pool(foci_kernels::PoolKind, usize),
    Upsample(foci_kernels::UpsampleMode, usize),
}

pub(super) struct ResampledPiece {
    /// The piece that is made.
    piece: usize,
    x: View,
    y: View,
    back: Option<(View, InputGradient)>,
}

pub(super) struct Sum {
    terms: Vec<View>,
    y: View,
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

/// The view of `count` channels of one image of `map`, which are a run of planes.
fn channels(map: View, image: usize, first: usize, count: usize) -> View {
    let offset = map.offset + image * map.image_floats() + first * map.plane_floats();
    View { offset, n: 1, channels: count, ..map }
}

/// The kernels' view of a planned buffer.
pub(super) fn view(plan: &MemoryPlan, buffer: usize) -> View {
    let buffer = &plan.buffers[buffer];
    View::new(buffer.offset, plan.shape.n, buffer.channels, buffer.h, buffer.w)
}
