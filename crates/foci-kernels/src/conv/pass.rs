//! One pass of a convolution: from a list of channel blocks, through a list of taps, to one view. The
//! forward pass, the gradient by one input, and each of the four phases of a transposed convolution are
//! all this, with other taps and steps.
//!
//! Output pixel (y, x) of the pass reads source pixels `(y s + row, x s + column)` for each tap, and lies at
//! `(y t + phase row, x t + phase column)` of the target, with steps s and t of 1 or 2. Rows are shared out
//! to the workers.

use super::blocks::{Block, PerWorker, Shared, row_order, scratch};
use super::pack::Packed;
use super::row::Rows;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::simd::Simd;
use crate::threads::Compute;
use crate::vector::run_at;
use crate::view::{LANES, View};

/// Most taps a kernel has: 4 x 4.
pub(crate) const MOST_TAPS: usize = 16;
/// Most pixels in a tile.
const MOST_PIXELS: usize = 28;

/// One position of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tap {
    pub row: isize,
    pub column: isize,
}

/// How output and source pixels belong together.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    pub taps: Vec<Tap>,
    /// Rows and columns of the source.
    pub source: (usize, usize),
    pub source_step: usize,
    pub target_step: usize,
    pub phase: (usize, usize),
    /// Rows that lie this far apart share taps.
    pub dilation: usize,
}

/// Scratch of one worker.
pub(crate) struct Worker {
    /// Copies of border tiles: [block][tap][pixel][16].
    pub border: Arena,
    pub sources: Vec<*const f32>,
    /// The points of tiles, where the layer has a pass that goes by them.
    points: Option<Arena>,
}

// SAFETY: the pointers are scratch, written anew before each use.
unsafe impl Send for Worker {}

impl Worker {
    /// Scratch for passes of up to `blocks` source blocks and `taps` taps.
    pub fn new(blocks: usize, taps: usize) -> Worker {
        let border = scratch(blocks * taps * MOST_PIXELS * LANES);
        Worker { border, sources: vec![std::ptr::null(); blocks], points: None }
    }

    /// The same with `floats` of room for the points of tiles.
    pub fn with_points(self, floats: usize) -> Worker {
        Worker { points: (floats > 0).then(|| scratch(floats)), ..self }
    }

    /// The room for the points of tiles.
    pub fn points(&mut self) -> *mut f32 {
        match &mut self.points {
            Some(points) => points.pointer_mut(),
            None => panic!("a worker of this layer has no room for the points of tiles"),
        }
    }

    pub fn bytes(&self) -> usize {
        let points = self.points.as_ref().map_or(0, Arena::bytes);
        self.border.bytes() + points + self.sources.len() * size_of::<*const f32>()
    }
}

pub(crate) struct Pass {
    simd: Simd,
    pub geometry: Geometry,
    pub packed: Packed,
    n: usize,
    /// Output rows of the pass in the order they are done, and columns.
    pub rows: Vec<usize>,
    pub columns: usize,
    /// Least and greatest column of a tap that is inside for any pixel.
    pub reach: (isize, isize),
    /// Whether a tap is inside the source in any column.
    pub inside: Vec<bool>,
}

/// What a pass reads and writes. `source` and `target` point to the start of their arenas.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub source: *const f32,
    pub blocks: &'a [Block],
    pub target: Shared,
    pub view: View,
    pub finish: Finish,
}

// SAFETY: the source is only read.
unsafe impl Sync for Operands<'_> {}

impl Pass {
    pub fn new(simd: Simd, geometry: Geometry, source: &[Block], target: &View) -> Pass {
        assert!(geometry.taps.len() <= MOST_TAPS);
        let count = |size: usize, phase: usize| size.saturating_sub(phase).div_ceil(geometry.target_step);
        let columns = count(target.w, geometry.phase.1);
        let last = (columns.max(1) - 1) * geometry.source_step;
        let inside: Vec<bool> = geometry
            .taps
            .iter()
            .map(|tap| tap.column < geometry.source.1 as isize && tap.column + last as isize >= 0)
            .collect();
        let seen =
            || geometry.taps.iter().zip(&inside).filter(|(_, inside)| **inside).map(|(tap, _)| tap.column);
        let reach = (seen().min().unwrap_or(0), seen().max().unwrap_or(0));
        let packed = Packed::new(simd, source, target, geometry.taps.len());
        let rows = row_order(count(target.h, geometry.phase.0), geometry.dilation);
        Pass { simd, packed, n: target.n, rows, columns, reach, inside, geometry }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// `operands` have the shapes the pass was made for and lie inside their arenas, the target apart from
    /// the source; `workers` has scratch for every worker, made for at least the pass's blocks and taps.
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>, workers: &PerWorker<Worker>) {
        let rows = self.n * self.rows.len();
        if self.columns == 0 || rows == 0 {
            return;
        }
        assert!(
            self.simd == compute.simd() && workers.workers() >= compute.threads(),
            "a layer runs on the pool it was prepared for, or one like it"
        );
        let each = rows.div_ceil(compute.threads() * 8).clamp(1, 8);
        let simd = self.simd;
        compute.run(rows.div_ceil(each), &|task, worker| {
            let rows = task * each..rows.min((task + 1) * each);
            // SAFETY: each worker runs one task at a time, and tasks write different rows.
            unsafe {
                let worker = workers.get(worker);
                run_at(simd, Rows { pass: self, operands: &operands, rows, worker });
            }
        });
    }
}
