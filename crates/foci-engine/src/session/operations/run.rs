//! Running operations: calls of kernels, in a fixed order and without allocations.

use foci_kernels::{
    Arena, Compute, View, activate, activation_gradient, add_forward, add_into, load_nchw, pool_backward,
    pool_forward, store_nchw, upsample_backward, upsample_forward,
};
use foci_net::memory::MemoryPlan;

use super::{Contribution, Layer, Operation, Parts, ResampledPiece, Resampling, Then, channels, view};
use crate::parameters::Layout;

impl Operation {
    /// Bytes that the kernels keep for this node.
    pub(in crate::session) fn own_bytes(&self) -> usize {
        match self {
            Operation::Conv(node) => node.conv.own_bytes(),
            Operation::ConvTransposed(node) => node.conv.own_bytes(),
            Operation::GroupNorm(node) => node.norm.own_bytes(),
            Operation::Dropout(node) => node.pieces.iter().map(|(scale, _)| scale.own_bytes()).sum(),
            _ => 0,
        }
    }

    /// Hands the layer its weights.
    pub(in crate::session) fn pack(&mut self, layout: &Layout, values: &[f32]) {
        match self {
            Operation::Conv(node) => {
                let layer = &layout.layers[node.layer.index];
                node.conv.pack(&values[layer.weight.clone()], &values[layer.bias.clone()]);
            }
            Operation::ConvTransposed(node) => {
                let layer = &layout.layers[node.layer.index];
                node.conv.pack(&values[layer.weight.clone()], &values[layer.bias.clone()]);
            }
            Operation::GroupNorm(node) => {
                let layer = &layout.layers[node.layer.index];
                node.norm.pack(&values[layer.weight.clone()], &values[layer.bias.clone()]);
            }
            _ => {}
        }
    }

    pub(in crate::session) fn forward(
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
                node.conv.forward(compute, arena);
                node.layer.activate(compute, arena);
            }
            Operation::GroupNorm(node) => {
                node.norm.forward(compute, arena);
                node.layer.activate(compute, arena);
            }
            Operation::Dropout(node) => {
                for (scale, piece) in &node.pieces {
                    scale.forward(compute, arena, piece.x, piece.y);
                }
            }
            Operation::Resample(kind, pieces) => {
                for piece in pieces {
                    piece.make(*kind, compute, arena);
                }
            }
            Operation::Add(sums, _) => {
                for sum in sums {
                    add_forward(compute, arena, &sum.terms, sum.y);
                }
            }
            Operation::Output(parts, _) => parts.store(compute, arena, output),
        }
    }

    /// Makes a piece again that has been dropped.
    pub(in crate::session) fn make_again(&mut self, compute: &Compute, arena: &mut Arena, piece: usize) {
        match self {
            Operation::Conv(node) => node.conv.forward(compute, arena),
            Operation::Dropout(node) => {
                for (scale, made) in node.pieces.iter().filter(|(_, made)| made.piece == piece) {
                    scale.forward(compute, arena, made.x, made.y);
                }
            }
            Operation::Resample(kind, pieces) => {
                for made in pieces.iter().filter(|made| made.piece == piece) {
                    made.make(*kind, compute, arena);
                }
            }
            // Nothing else is dropped.
            _ => {}
        }
    }

    /// Gives the node's weights their gradient, if it has any.
    pub(in crate::session) fn backward_weights(
        &mut self,
        compute: &Compute,
        arena: &Arena,
        layout: &Layout,
        gradients: &mut [f32],
    ) {
        match self {
            Operation::Conv(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                let (d_weights, d_bias) = node.layer.gradients(layout, gradients);
                node.conv.backward_weights(compute, arena, d_y, d_weights, d_bias);
            }
            Operation::ConvTransposed(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                let (d_weights, d_bias) = node.layer.gradients(layout, gradients);
                node.conv.backward_weights(compute, arena, d_y, d_weights, d_bias);
            }
            Operation::GroupNorm(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                let (d_weights, d_bias) = node.layer.gradients(layout, gradients);
                node.norm.backward_weights(compute, arena, d_y, d_weights, d_bias);
            }
            _ => {}
        }
    }

    /// Hands the node's gradient on to what it read.
    pub(in crate::session) fn backward_data(
        &mut self,
        compute: &Compute,
        arena: &mut Arena,
        d_output: &[f32],
    ) {
        match self {
            Operation::Nothing | Operation::Input(_) => {}
            Operation::Conv(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                if node.d_inputs.iter().any(Option::is_some) {
                    node.conv.backward_data(compute, arena, d_y, &node.d_inputs);
                }
                for (contribution, into) in &node.asides {
                    add_into(compute, arena, *contribution, into);
                }
            }
            Operation::ConvTransposed(node) => {
                let Some(d_y) = node.layer.d_output else { return };
                if node.d_inputs.iter().any(Option::is_some) {
                    node.conv.backward_data(compute, arena, d_y, &node.d_inputs);
                }
                for (contribution, into) in &node.asides {
                    add_into(compute, arena, *contribution, into);
                }
            }
            Operation::GroupNorm(node) => {
                if let Some((d_y, into)) = node.layer.d_output.zip(node.d_input) {
                    node.norm.backward_data(compute, arena, d_y, &into);
                }
            }
            Operation::Dropout(node) => {
                for (scale, piece) in &node.pieces {
                    if let Some((d_y, into)) = &piece.back {
                        scale.backward(compute, arena, *d_y, into);
                    }
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

impl ResampledPiece {
    fn make(&self, kind: Resampling, compute: &Compute, arena: &mut Arena) {
        match kind {
            Resampling::Pool(kind, factor) => pool_forward(compute, arena, kind, factor, self.x, self.y),
            Resampling::Upsample(mode, factor) => {
                upsample_forward(compute, arena, mode, factor, self.x, self.y);
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
        body(self::channels(view, n, 0, view.channels), start..start + view.channels * pixels);
    }
}

impl Parts {
    /// The map made up of `buffers`.
    pub(in crate::session) fn new(plan: &MemoryPlan, buffers: impl Iterator<Item = usize>) -> Parts {
        Parts(buffers.map(|buffer| view(plan, buffer)).collect())
    }

    /// The first piece; no map is without one.
    pub(in crate::session) fn first_view(&self) -> View {
        self.0[0]
    }

    pub(in crate::session) fn channels(&self) -> usize {
        self.0.iter().map(|part| part.channels).sum()
    }

    /// Writes the map as a plain [N, C, H, W] list.
    pub(in crate::session) fn store(&self, compute: &Compute, arena: &Arena, values: &mut [f32]) {
        let channels = self.channels();
        let mut first = 0;
        for part in &self.0 {
            for_each_image(*part, first, channels, |image, range| {
                store_nchw(compute, arena, image, &mut values[range]);
            });
            first += part.channels;
        }
    }

    /// The other way: hands each part's view of each image the values of a plain [N, C, H, W] list that belong there.
    pub(in crate::session) fn load(&self, values: &[f32], mut into: impl FnMut(View, &[f32])) {
        let channels = self.channels();
        let mut first = 0;
        for part in &self.0 {
            for_each_image(*part, first, channels, |image, range| into(image, &values[range]));
            first += part.channels;
        }
    }
}
