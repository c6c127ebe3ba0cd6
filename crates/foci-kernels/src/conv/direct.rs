//! A pass from some planes to others by summing the products of pixels and weights themselves. It serves the
//! forward pass and, over the taps turned round, the gradient by the input; every tap is the whole row moved, so
//! that a dilated kernel differs only in addresses.
//!
//! The sum of an output pixel begins with the bias and goes over channels and, within each, over taps, whatever
//! the width of a vector: the bits are the same at every level.

use super::planes::{Group, Plane, Target, groups, most_together, row_order};
use super::tile::Rows;
use crate::simd::Simd;
use crate::threads::{Compute, SharedPointer};
use crate::vector::run_at;

/// Most taps of a kernel.
pub(crate) const MOST_TAPS: usize = 9;
/// Rows of one task.
const TASK_ROWS: usize = 4;

/// A position of the kernel: the pixel read lies so many rows and columns from the one written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tap {
    pub row: isize,
    pub column: isize,
}

/// A direct pass with its weights.
pub(crate) struct DirectPass {
    pub(super) taps: Vec<Tap>,
    pub(super) groups: Vec<Group>,
    pub(super) channels_in: usize,
    pub(super) size: (usize, usize),
    rows: Vec<usize>,
    /// For each group `[channel in][tap][channel of the group]`.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// What a pass reads and writes: planes in the arena that starts at `arena`, for `n` images.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub arena: SharedPointer,
    pub n: usize,
    pub sources: &'a [Plane],
    /// One for each output channel; all of a map are there, or none.
    pub targets: &'a [Option<Target>],
}

impl DirectPass {
    /// A pass from `channels_in` planes to maps of `outputs` channels, all of `size` rows and columns; rows that lie
    /// `stride` apart are done one after the other.
    pub fn new(
        simd: Simd,
        taps: Vec<Tap>,
        channels_in: usize,
        outputs: &[usize],
        size: (usize, usize),
        stride: usize,
    ) -> DirectPass {
        let channels: usize = outputs.iter().sum();
        DirectPass {
            groups: groups(outputs, most_together(simd)),
            channels_in,
            size,
            rows: row_order(size.0, stride),
            weights: vec![0.0; channels * channels_in * taps.len()],
            bias: vec![0.0; channels],
            taps,
        }
    }

    /// Floats of weights and bias of a pass of this shape.
    pub fn floats(taps: usize, channels_in: usize, channels_out: usize) -> Option<usize> {
        channels_in.checked_mul(taps)?.checked_add(1)?.checked_mul(channels_out)
    }

    /// Packs `weight(output channel, input channel, tap)` and the bias, which is zero if there is none.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        let mut to = self.weights.iter_mut();
        for group in &self.groups {
            for i in 0..self.channels_in {
                for tap in 0..self.taps.len() {
                    for o in group.first..group.first + group.count {
                        if let Some(to) = to.next() {
                            *to = weight(o, i, tap);
                        }
                    }
                }
            }
        }
        match bias {
            Some(bias) => self.bias.copy_from_slice(bias),
            None => self.bias.fill(0.0),
        }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// All planes have the pass's size and lie inside the arena; those written, and what their last steps read,
    /// lie apart from those read.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>) {
        let tasks = self.rows.len().div_ceil(TASK_ROWS);
        compute.run(operands.n * tasks, &|task, _| {
            let (n, first) = (task / tasks, task % tasks * TASK_ROWS);
            let rows = &self.rows[first..self.rows.len().min(first + TASK_ROWS)];
            // SAFETY: passed on to the caller; tasks write different rows.
            unsafe { run_at(compute.simd(), Rows { pass: self, operands: &operands, n, rows }) }
        });
    }
}
