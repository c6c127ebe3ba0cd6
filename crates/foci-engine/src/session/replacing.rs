//! A forward pass in which one node's result is replaced by its mean: what does the net lose without it?
//!
//! The mean is taken over the pixels of each channel and image, so that what the node says of *where* is gone and the
//! level that later layers are used to stays (mean ablation; zeros would also move the level).

use foci_kernels::{Compute, load_nchw};

use super::operations::Parts;
use super::{Progress, Session};
use crate::error::EngineError;

/// Which result is replaced, and from when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced<'a> {
    /// The node whose result becomes its mean.
    pub node: &'a str,
    /// The first node that finds the mean; nodes before it still read the true result. `None`: all that read it do. With the
    /// node in which a skip ends, this cuts the skip and leaves the way through the deeper layers.
    pub before: Option<&'a str>,
}

impl Session {
    /// As [`Session::forward`], with one node's result replaced by the mean of each of its channels.
    ///
    /// # Errors
    /// As [`Session::forward`]; also [`EngineError::Unavailable`] for nodes that the net does not have, or if `before` does
    /// not come after the node.
    pub fn forward_replaced(
        &mut self,
        compute: &Compute,
        input: &[f32],
        replaced: Replaced<'_>,
    ) -> Result<&[f32], EngineError> {
        let node = self.position(replaced.node)?;
        let at = match replaced.before {
            None => node + 1,
            Some(before) => self.position(before)?,
        };
        if at <= node || at >= self.ids.len() {
            let what = format!("cannot replace `{}` before node {at} of {}", replaced.node, self.ids.len());
            return Err(self.unavailable(&what, "name a node that comes after it and is not the output"));
        }
        self.check_input(compute, input)?;
        for index in 0..self.operations.len() {
            if index == at {
                self.replace_by_mean(compute, node);
            }
            self.operations[index].forward(compute, &mut self.arena, input, &mut self.output);
        }
        self.progress = Progress::Forward;
        Ok(&self.output)
    }

    /// Puts the mean of each channel in place of a node's values.
    fn replace_by_mean(&mut self, compute: &Compute, node: usize) {
        let pieces = &self.plan.nodes[node].pieces;
        let parts = Parts::new(&self.plan, pieces.iter().map(|&piece| self.plan.pieces[piece].value));
        let first = parts.first_view();
        let pixels = first.h * first.w;
        let mut values = vec![0.0; self.plan.shape.n * parts.channels() * pixels];
        parts.store(compute, &self.arena, &mut values);
        for plane in values.chunks_exact_mut(pixels) {
            let sum: f64 = plane.iter().map(|&value| f64::from(value)).sum();
            plane.fill((sum / pixels as f64) as f32);
        }
        parts.load(&values, |view, values| load_nchw(compute, &mut self.arena, values, view));
    }
}
