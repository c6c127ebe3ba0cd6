//! A pass from some planes to others by summing the products of pixels and weights themselves. It serves the
//! forward pass and, over the taps turned round, the gradient by the input; every tap is the whole row moved, so
//! that a dilated kernel differs only in addresses.
//!
//! The sum of an output pixel begins with the bias and goes over channels and, within each, over taps, whatever
//! the width of a vector: the bits are the same at every level.

use super::lines::Line;
use super::packed::Packed;
use super::planes::{Plane, Target, groups_of, most_together, row_order, share_rows};
use super::tile::Rows;
use crate::simd::Simd;
use crate::threads::{Compute, SharedPointer};
use crate::vector::run_at;

/// Channels of a group that are computed fastest where registers hold the sums of more, if a map falls into whole
/// groups of so many: eight by three vectors need fewer loads than twelve by two.
const BEST_TOGETHER: usize = 8;

/// A direct pass with its weights.
pub(crate) struct DirectPass {
    pub(super) lines: Vec<Line>,
    pub(super) packed: Packed,
    pub(super) size: (usize, usize),
    rows: Vec<usize>,
    /// Rows from one to that done after it.
    pub(super) stride: usize,
}

/// What a pass reads and writes: planes in the arena that starts at `arena`, for `n` images.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub arena: SharedPointer,
    pub n: usize,
    pub sources: &'a [Plane],
    /// One for each output channel. All of a map are there, or none; they lie equally far apart and have one last step.
    pub targets: &'a [Option<Target>],
}

impl DirectPass {
    /// A pass from `channels_in` planes to maps of `outputs` channels, all of `size` rows and columns; rows that lie
    /// `stride` apart are done one after the other.
    pub fn new(
        simd: Simd,
        lines: Vec<Line>,
        channels_in: usize,
        outputs: &[usize],
        size: (usize, usize),
        stride: usize,
    ) -> DirectPass {
        let taps = lines.iter().map(|line| line.count).sum();
        let most = most_together(simd);
        let groups = groups_of(outputs, |channels| {
            if channels.is_multiple_of(BEST_TOGETHER) { most.min(BEST_TOGETHER) } else { most }
        });
        let packed = Packed::new(taps, channels_in, groups);
        DirectPass { lines, packed, size, rows: row_order(size.0, stride), stride }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// All planes have the pass's size and lie inside the arena; those written, and what their last steps read,
    /// lie apart from those read.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>) {
        share_rows(compute, operands.n, self.rows.len(), &|n, rows| {
            let rows = &self.rows[rows];
            // SAFETY: passed on to the caller; tasks write different rows.
            unsafe { run_at(compute.simd(), Rows { pass: self, operands: &operands, n, rows }) }
        });
    }
}
