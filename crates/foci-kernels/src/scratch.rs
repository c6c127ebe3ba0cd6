//! The scratch of a pool: memory that kernels work in and that holds nothing between them. It is as large as the
//! layer that needs most, and no layer has its own; so a layer runs only where room was made for it.
//!
//! A kernel says how much it needs, takes its turn, and divides what it gets by itself. In builds with debug
//! assertions, all of it is filled with a mark that is no number when the turn begins, so that nobody lives on what
//! another left there, and what lies behind is looked at when it ends. Unit tests have the mark in any build.

use crate::arena::Arena;
use crate::simd::Simd;
use crate::threads::SharedPointer;
use crate::view::LINE;

/// Floats that each piece has for a fence, besides those asked for.
const FENCE: usize = if cfg!(debug_assertions) { LINE } else { 0 };
/// What scratch is filled with: a number that is none, and not the one that computations give.
const MARK: u32 = 0x7fa5_5aa5;

/// Zeroed, aligned memory; ends the program as a Vec would if there is none.
pub(crate) fn zeroed(floats: usize) -> Arena {
    Arena::new(floats).unwrap_or_else(|_| {
        std::alloc::handle_alloc_error(std::alloc::Layout::new::<[f32; 16]>());
    })
}

/// The memory itself.
#[derive(Default)]
pub(crate) struct Scratch {
    /// One piece for each worker, all of one length.
    workers: Vec<Arena>,
    /// One piece for all together.
    common: Option<Arena>,
}

impl Scratch {
    /// The piece of one worker.
    pub fn of_worker(&self, worker: usize) -> SharedPointer {
        pointer(self.workers.get(worker))
    }

    /// The piece of all together.
    pub fn common(&self) -> SharedPointer {
        pointer(self.common.as_ref())
    }

    fn floats(&self) -> ScratchFloats {
        ScratchFloats {
            worker: self.workers.first().map_or(0, |piece| piece.floats() - FENCE),
            common: self.common.as_ref().map_or(0, |piece| piece.floats() - FENCE),
        }
    }

    /// Bytes of all pieces, without fences.
    pub fn bytes(&self) -> usize {
        let ScratchFloats { worker, common } = self.floats();
        4 * (self.workers.len() * worker + common)
    }

    /// Sees to it that the pieces, of which `workers` are of one worker each, are as large as is needed. What they
    /// held is lost.
    pub fn reserve(&mut self, workers: usize, needed: ScratchFloats) {
        let held = self.floats();
        if needed.worker > held.worker {
            self.workers.clear();
            self.workers.extend((0..workers).map(|_| zeroed(needed.worker + FENCE)));
        }
        if needed.common > held.common {
            self.common = None;
            self.common = Some(zeroed(needed.common + FENCE));
        }
    }

    /// Begins the turn of a kernel; stops the program with a message if there is less than it needs.
    pub fn begin(&mut self, needed: ScratchFloats) {
        let held = self.floats();
        assert!(held.covers(needed), "a kernel needs {needed:?} of scratch, and there is {held:?}");
        if cfg!(any(test, debug_assertions)) {
            self.behind(ScratchFloats::default()).for_each(|floats| floats.fill(f32::from_bits(MARK)));
        }
    }

    /// Ends it; stops the program with a message if the kernel has written behind what it needed.
    pub fn end(&mut self, needed: ScratchFloats) {
        if cfg!(debug_assertions) {
            let mut floats = self.behind(needed).flatten();
            assert!(
                floats.all(|float| float.to_bits() == MARK),
                "a kernel wrote behind its scratch of {needed:?}"
            );
        }
    }

    /// All that lies behind what a kernel may touch.
    fn behind(&mut self, needed: ScratchFloats) -> impl Iterator<Item = &mut [f32]> {
        let of_workers = self.workers.iter_mut().map(move |piece| &mut piece.as_mut_slice()[needed.worker..]);
        let common = self.common.iter_mut().map(move |piece| &mut piece.as_mut_slice()[needed.common..]);
        of_workers.chain(common)
    }
}

fn pointer(piece: Option<&Arena>) -> SharedPointer {
    SharedPointer(piece.map_or(std::ptr::null_mut(), |arena| arena.pointer().cast_mut()))
}

/// Floats of scratch that something needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScratchFloats {
    /// Of each worker.
    pub worker: usize,
    /// Of all together.
    pub common: usize,
}

impl ScratchFloats {
    fn covers(self, needed: ScratchFloats) -> bool {
        self.worker >= needed.worker && self.common >= needed.common
    }
}

/// The pool that a layer was prepared for, as far as the layer depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    pub simd: Simd,
    pub threads: usize,
    pub scratch: ScratchFloats,
}

impl Prepared {
    /// Stops the program with a message if a pool of this level, these threads and this scratch is another.
    pub fn check(&self, simd: Simd, threads: usize, scratch: &Scratch) {
        let held = scratch.floats();
        let room = held.covers(self.scratch);
        assert!(
            room && (simd, threads) == (self.simd, self.threads),
            "a layer runs on the pool it was prepared for: one of {} threads at {}, and this has {threads} at {simd}{}",
            self.threads,
            self.simd,
            if room { "" } else { " and too little scratch" }
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_what_is_needed_most() {
        let mut scratch = Scratch::default();
        for (worker, common) in [(0, 40), (32, 16), (16, 0)] {
            scratch.reserve(3, ScratchFloats { worker, common });
        }
        assert_eq!(scratch.floats(), ScratchFloats { worker: 32, common: 48 });
        assert_eq!(scratch.bytes(), 4 * (3 * 32 + 48));
    }

    #[test]
    #[should_panic(expected = "too little scratch")]
    fn a_pool_without_room_is_another() {
        let scratch = ScratchFloats { worker: 16, common: 0 };
        Prepared { simd: Simd::Scalar, threads: 1, scratch }.check(Simd::Scalar, 1, &Scratch::default());
    }

    #[test]
    #[should_panic(expected = "a kernel needs")]
    fn a_kernel_without_room_does_not_begin() {
        Scratch::default().begin(ScratchFloats { worker: 0, common: 1 });
    }

    #[test]
    #[cfg_attr(not(debug_assertions), ignore = "there are no fences")]
    fn what_is_written_behind_is_seen() {
        let needed = ScratchFloats { worker: 20, common: 16 };
        for (piece, at) in [(0, 20), (1, 47), (2, 16)] {
            let mut scratch = Scratch::default();
            scratch.reserve(2, needed);
            scratch.begin(needed);
            scratch.end(needed);
            scratch.workers.iter_mut().chain(&mut scratch.common).nth(piece).unwrap().as_mut_slice()[at] =
                0.0;
            let end = std::panic::AssertUnwindSafe(|| scratch.end(needed));
            assert!(std::panic::catch_unwind(end).is_err(), "float {at} of piece {piece}");
        }
    }
}
