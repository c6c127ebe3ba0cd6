//! The scratch of a pool: memory that kernels work in and that holds nothing between them. It is as large as the
//! layer that needs most, and no layer has its own; so a layer runs only where room was made for it.

use crate::arena::Arena;
use crate::simd::Simd;
use crate::threads::SharedPointer;

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
            worker: self.workers.first().map_or(0, Arena::floats),
            common: self.common.as_ref().map_or(0, Arena::floats),
        }
    }

    /// Bytes of all pieces.
    pub fn bytes(&self) -> usize {
        self.workers.iter().chain(&self.common).map(Arena::bytes).sum()
    }

    /// Sees to it that the pieces, of which `workers` are of one worker each, are as large as is needed. What they
    /// held is lost.
    pub fn reserve(&mut self, workers: usize, needed: ScratchFloats) {
        let held = self.floats();
        if needed.worker > held.worker {
            self.workers.clear();
            self.workers.extend((0..workers).map(|_| zeroed(needed.worker)));
        }
        if needed.common > held.common {
            self.common = None;
            self.common = Some(zeroed(needed.common));
        }
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
        let room = held.worker >= self.scratch.worker && held.common >= self.scratch.common;
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
}
