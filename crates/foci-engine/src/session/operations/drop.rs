//! Dropout: which channels or maps are dropped is drawn before a step, from numbers that the step's own number decides.

use foci_net::DropoutUnit;
use rand_core::Rng;

use super::{DropoutNode, Operation};
use crate::normal::stream;

impl Operation {
    /// Draws what the node, called `id`, drops in the `step`-th forward pass of the run with this seed.
    pub(in crate::session) fn draw(&mut self, id: &str, seed: u64, step: u64) {
        let Operation::Dropout(node) = self else { return };
        let DropoutNode { rate, unit, pieces } = node.as_mut();
        let mut key = *b"seed:   step:   foci dropout    ";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&step.to_le_bytes());
        let mut random = stream(key, id);
        let mut factor = || {
            // Uniform in 0..1 in steps of 2^-53.
            let number = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            if number < *rate { 0.0 } else { (1.0 / (1.0 - *rate)) as f32 }
        };
        let images = pieces.first().map_or(0, |(_, piece)| piece.x.n);
        for image in 0..images {
            let of_the_map = factor();
            for (scale, piece) in pieces.iter_mut() {
                let channels = piece.x.channels;
                for plane in image * channels..(image + 1) * channels {
                    scale.set(plane, if *unit == DropoutUnit::Map { of_the_map } else { factor() });
                }
            }
        }
    }
}
