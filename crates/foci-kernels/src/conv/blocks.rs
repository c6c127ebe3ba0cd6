//! What the convolution kernels see of feature maps: a list of channel blocks, which may come from several
//! views. A concatenation is nothing but a longer list.

use std::cell::UnsafeCell;

use crate::arena::Arena;
use crate::view::{LANES, View};

/// 16 channels (fewer, if it is the last of its view) of a feature map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// First float of image 0 in the arena.
    pub offset: usize,
    /// Floats from one image to the next.
    pub image: usize,
    /// Channels that carry values.
    pub valid: usize,
}

/// The blocks of several views, in channel order, written over `list`, which has room for them.
pub(crate) fn list_blocks(views: &[View], list: &mut Vec<Block>) {
    list.clear();
    for view in views {
        for block in 0..view.blocks() {
            list.push(Block {
                offset: view.at(0, block, 0, 0),
                image: view.image_floats(),
                valid: view.valid_in(block),
            });
        }
    }
}

/// The rows of an image in an order in which those that share taps of a dilated kernel follow one another:
/// row 0, d, 2 d, ..., then 1, d + 1, ...
pub(crate) fn row_order(rows: usize, dilation: usize) -> Vec<usize> {
    (0..dilation.min(rows)).flat_map(|first| (first..rows).step_by(dilation)).collect()
}

/// One piece of scratch for each worker of a pool.
pub(crate) struct PerWorker<T>(Vec<UnsafeCell<T>>);

// SAFETY: `get` promises that each worker touches its own piece only.
unsafe impl<T: Send> Sync for PerWorker<T> {}

impl<T> PerWorker<T> {
    pub fn new(workers: usize, make: impl Fn() -> T) -> Self {
        PerWorker((0..workers).map(|_| UnsafeCell::new(make())).collect())
    }

    /// The piece of one worker.
    ///
    /// # Safety
    /// No two references to the same piece may live at the same time.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn get(&self, worker: usize) -> &mut T {
        // SAFETY: passed on to the caller.
        unsafe { &mut *self.0[worker].get() }
    }

    pub fn workers(&self) -> usize {
        self.0.len()
    }

    /// Adds up a property of all pieces.
    pub fn sum(&self, property: impl Fn(&T) -> usize) -> usize {
        // SAFETY: `get` is unsafe, and nobody holds a piece between runs, the only time this is called.
        self.0.iter().map(|piece| property(unsafe { &*piece.get() })).sum()
    }
}

/// A pointer that several workers write through, each to its own places.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub *mut f32);

impl Shared {
    /// The pointer; a method, so that a closure takes along the whole of it.
    #[inline(always)]
    pub fn get(self) -> *mut f32 {
        self.0
    }
}

// SAFETY: whoever dereferences it answers for where.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Zeroed, aligned scratch; ends the program as a Vec would if there is no memory.
pub(crate) fn scratch(floats: usize) -> Arena {
    Arena::new(floats).unwrap_or_else(|_| {
        std::alloc::handle_alloc_error(std::alloc::Layout::new::<[f32; LANES]>());
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_share_taps_are_neighbours() {
        assert_eq!(row_order(7, 3), [0, 3, 6, 1, 4, 2, 5]);
        assert_eq!(row_order(2, 5), [0, 1]);
    }

    #[test]
    fn the_last_block_of_each_view_may_be_partly_used() {
        let mut list = Vec::new();
        list_blocks(&[View::new(0, 1, 17, 2, 2), View::new(128, 1, 16, 2, 2)], &mut list);
        let found: Vec<_> = list.iter().map(|block| (block.offset, block.valid)).collect();
        assert_eq!(found, [(0, 16), (64, 1), (128, 16)]);
    }
}
