//! How kernels cut up their work: among the workers into tasks that are long beside a wake-up, and, where they are
//! bound by memory, within a task into pieces of a row that stay in the nearest cache while they pass through several
//! steps.

use std::ops::Range;

use crate::threads::Compute;

/// Floats of one task, a multiple of 16: a few microseconds of memory traffic.
pub(crate) const TASK: usize = 1 << 14;
/// Columns of a piece, on the finer of the maps it belongs to.
pub(crate) const PIECE: usize = 512;
/// Floats of a [`Piece`]: the columns, a few neighbours on either side, and what vectors reach beyond the end.
const ROOM: usize = PIECE + 64;

/// Room on the stack for a piece of a row.
#[repr(align(64))]
pub(crate) struct Piece([f32; ROOM]);

impl Piece {
    #[inline(always)]
    pub fn new() -> Piece {
        Piece([0.0; ROOM])
    }

    /// Its start, good for reading and writing of a piece and what vectors reach beyond its end.
    #[inline(always)]
    pub fn start(&mut self) -> *mut f32 {
        self.0.as_mut_ptr()
    }
}

/// Tasks for each worker, more or less: enough to share the work out evenly.
const TASKS_EACH: usize = 4;

/// How many of `items` (rows, blocks) a task is made of, `fewest` to `most`. As many as the workers leave: the first of
/// a task cost more than those after them, as what lies around them was last read by another worker. No sum may have
/// parts in several tasks, since their number changes with that of the workers.
pub(crate) fn together(compute: &Compute, items: usize, fewest: usize, most: usize) -> usize {
    (items / (TASKS_EACH * compute.threads())).clamp(fewest, most)
}

/// Calls `body` with ranges that make up `0..items`, one for each task; an item stands for `floats` floats of
/// memory.
pub(crate) fn share(compute: &Compute, items: usize, floats: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    let each = (TASK / floats.max(1)).max(1);
    compute.run(items.div_ceil(each), &|task, _| body(task * each..items.min((task + 1) * each)));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::simd::Simd;

    #[test]
    fn tasks_grow_with_the_work_within_bounds() {
        let compute = Compute::new(2, Simd::best()).unwrap();
        let sizes = [1, 40, 512, 100_000].map(|items| together(&compute, items, 4, 32));
        assert_eq!(sizes, [4, 5, 32, 32]);
    }

    #[test]
    fn each_item_has_its_turn_once() {
        let compute = Compute::new(2, Simd::best()).unwrap();
        for (items, floats, tasks) in [(0, 5, 0), (1, 1 << 20, 1), (7, 1 << 13, 4), (1000, 16, 1), (3, 0, 1)]
        {
            let (seen, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
            share(&compute, items, floats, &|range| {
                seen.fetch_add(range.map(|item| item + 1).sum(), Ordering::Relaxed);
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(seen.into_inner(), items * (items + 1) / 2);
            assert_eq!(calls.into_inner(), tasks);
        }
    }
}
