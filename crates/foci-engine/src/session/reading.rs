//! What can be read from a session besides its output: the results of nodes, and the derivative by the input, as long
//! as the plan has not given their memory to others.

use foci_kernels::{Compute, store_nchw};

use super::operations::{self, Parts};
use super::{Progress, Session};
use crate::error::EngineError;

/// The result of one node, copied out of the arena.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    /// Images.
    pub n: usize,
    /// Channels.
    pub channels: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// [n, channels, h, w].
    pub values: Vec<f32>,
}

impl Session {
    /// The result of node `id` in the last forward pass.
    ///
    /// With `keep_values` in the options every node can be read at any time. Without, only those whose memory has
    /// not been used again: in training, right after forward, most.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if there is no such node, it has not been computed or was overwritten.
    pub fn activation(&self, compute: &Compute, id: &str) -> Result<FeatureMap, EngineError> {
        let node = self.position(id)?;
        let step = match self.progress {
            Progress::Built => return Err(self.unavailable("has no values yet", "call forward first")),
            Progress::Forward => self.ids.len() - 1,
            Progress::Backward => self.plan.steps() - 1,
        };
        let plan = &self.plan.nodes[node];
        let pieces = if node == self.ids.len() - 1 { &plan.reads } else { &plan.pieces };
        let buffers = || pieces.iter().map(|&piece| self.plan.pieces[piece].value);
        let replaced = |&piece: &usize| {
            let piece = &self.plan.pieces[piece];
            self.progress == Progress::Backward && piece.gradient == Some(piece.value)
        };
        if pieces.iter().any(replaced) || buffers().any(|buffer| !self.plan.buffers[buffer].needed_in(step)) {
            let what = format!("has used the memory of node `{id}` again");
            return Err(self.unavailable(&what, "build it with keep_values"));
        }
        let parts = Parts::new(&self.plan, buffers());
        let first = parts.first_view();
        let mut values = vec![0.0; self.plan.shape.n * parts.channels() * first.h * first.w];
        parts.store(compute, &self.arena, &mut values);
        Ok(FeatureMap { n: first.n, channels: parts.channels(), h: first.h, w: first.w, values })
    }

    /// The derivative by the input, [N, C, H, W], of what the last backward pass began with.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the session was not built with `input_gradient` or no backward pass has been made.
    pub fn input_gradient(&self, compute: &Compute) -> Result<Vec<f32>, EngineError> {
        let Some(gradient) = self.plan.pieces[0].gradient else {
            return Err(self.unavailable("has no gradient of the input", "build it with input_gradient"));
        };
        if self.progress != Progress::Backward {
            return Err(self.unavailable("has no gradient of the input yet", "call backward first"));
        }
        let mut values = vec![0.0; self.input_length];
        store_nchw(compute, &self.arena, operations::view(&self.plan, gradient), &mut values);
        Ok(values)
    }
}
