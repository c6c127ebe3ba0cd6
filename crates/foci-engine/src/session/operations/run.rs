//! Running operations: calls of kernels, in a fixed order and without allocations.

use foci_kernels::{
    Arena, Compute, InputGradient, View, activate, activation_gradient, add_forward, add_into, fill_zero,
    load_nchw, pool_backward, pool_forward, store_nchw, upsample_backward, upsample_forward,
};
use foci_net::memory::MemoryPlan;

use super::{Contribution, Gathered, Layer, Operation, Parts, ResampledPiece, Resampling, Then, view};
use crate::parameters::Layout;
use crate::session::channels::move_channels;

impl Operation {
    /// Bytes that the kernels keep for this node.
    pub(in crate::session) fn scratch_bytes(&self) -> usize {
        match self {
            Operation::Conv(node) => node.conv.scratch_bytes(),
            Operation::ConvTransposed(node) => node.conv.scratch_bytes(),
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

    pub(in crate::session) fn backward(
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
}
