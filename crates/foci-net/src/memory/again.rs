//! What need not be kept from the way forward to the way back, since it costs little to make again: the results of
//! pooling and upsampling.
//!
//! Such a map is dropped after its last reader on the way forward and made again, in the same place, when the first
//! reader on the way back wants it. That is worth its time only where memory is fullest, so maps are dropped, the
//! largest first, as long as one of them lies idle in the busiest step; those that turn out to save little are kept
//! after all. What a map is made from must be there anyway when it is made again: nothing lives longer for this.

use super::lifetimes::Lifetimes;
use super::place::{busiest_step, lower_bound};

/// A dropped map must save at least this part of its size.
const LEAST_SAVING: f64 = 0.25;

/// A map that could be dropped, and the steps of its absence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// The buffer.
    pub buffer: usize,
    /// The piece.
    pub piece: usize,
    /// The node in whose backward step it is made again.
    pub reader: usize,
    /// First and last step in which nobody needs it.
    pub idle: (usize, usize),
}

/// Drops what is worth dropping.
pub(super) fn drop_maps(lifetimes: &mut Lifetimes, mut candidates: Vec<Candidate>) {
    let Lifetimes { nodes, buffers, .. } = lifetimes;
    // The largest last, where they are found first.
    candidates.sort_by_key(|candidate| buffers[candidate.buffer].floats);
    let mut dropped = Vec::new();
    loop {
        let step = busiest_step(buffers);
        let idle = |candidate: &Candidate| candidate.idle.0 <= step && step <= candidate.idle.1;
        let Some(position) = candidates.iter().rposition(idle) else { break };
        let candidate = candidates.remove(position);
        buffers[candidate.buffer].idle = Some(candidate.idle);
        dropped.push(candidate);
    }
    for candidate in dropped {
        let without = lower_bound(buffers);
        buffers[candidate.buffer].idle = None;
        let saved = lower_bound(buffers) - without;
        if saved as f64 >= LEAST_SAVING * buffers[candidate.buffer].floats as f64 {
            buffers[candidate.buffer].idle = Some(candidate.idle);
            nodes[candidate.reader].again.push(candidate.piece);
        }
    }
}
