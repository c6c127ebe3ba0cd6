//! How the sums of a gradient by weights are shared out and put together: pixels are cut into a number of chunks
//! that depends on the shapes only, each with sums of its own, which are added up in order at the end. Whatever
//! the number of threads, the bits are the same.

use crate::scratch::ScratchFloats;
use crate::threads::{Compute, SharedPointer, Turn};

/// Most chunks that pixels are cut into.
pub(crate) const MOST_CHUNKS: usize = 16;

/// What is to be summed for one chunk.
pub(crate) struct Task {
    pub chunk: usize,
    /// Which part of its sums.
    pub part: usize,
    /// The worker's scratch.
    pub scratch: *mut f32,
    /// The sums of the chunk.
    pub sums: *mut f32,
}

/// The sums of all chunks, `[chunk]([tap][channel out][channel in], then [channel out] for the bias)`, in the
/// common scratch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums {
    pub chunks: usize,
    pub taps: usize,
    pub channels_out: usize,
    pub channels_in: usize,
}

impl Sums {
    /// As many chunks as there are units of work for, each with at least `least` of `units`.
    pub fn new(units: usize, least: usize, taps: usize, channels_out: usize, channels_in: usize) -> Sums {
        let chunks = (units / least.max(1)).clamp(1, MOST_CHUNKS);
        Sums { chunks, taps, channels_out, channels_in }
    }

    /// Floats of the sums of one chunk for the weights.
    pub fn weights(&self) -> usize {
        self.taps * self.channels_out * self.channels_in
    }

    /// Floats of one chunk.
    fn chunk_floats(&self) -> usize {
        self.weights() + self.channels_out
    }

    /// Floats of common scratch.
    pub fn floats(&self) -> usize {
        self.chunks * self.chunk_floats()
    }

    /// Has the sums of all chunks computed, each in so many parts, and adds them up: those of the weights to
    /// `d_weights[(channel out, channel in) * taps + tap]`, those of the bias to `d_bias`. Each worker has
    /// `worker_floats` of scratch.
    ///
    /// # Safety
    /// The parts of a chunk write all of its sums, each others; the lists are long enough.
    pub unsafe fn run(
        &self,
        compute: &Compute,
        worker_floats: usize,
        parts: usize,
        body: &(dyn Fn(Task) + Sync),
        d_weights: &mut [f32],
        d_bias: &mut [f32],
    ) {
        let turn = compute.take_turn(ScratchFloats { worker: worker_floats, common: self.floats() });
        turn.run(self.chunks * parts, &|task, worker| {
            let (chunk, part) = (task / parts, task % parts);
            let (scratch, common) = (turn.scratch(worker).get(), turn.common().get());
            body(Task { chunk, part, scratch, sums: self.of_chunk(common, chunk) });
        });
        // SAFETY: passed on to the caller; all sums have just been computed.
        unsafe { self.gather(&turn, d_weights, d_bias) }
    }

    /// The sums of a chunk, in scratch that begins at `start`.
    #[inline(always)]
    fn of_chunk(&self, start: *mut f32, chunk: usize) -> *mut f32 {
        start.wrapping_add(chunk * self.chunk_floats())
    }

    /// The units, of so many, that a chunk sums.
    pub fn units(&self, chunk: usize, units: usize) -> std::ops::Range<usize> {
        chunk * units / self.chunks..(chunk + 1) * units / self.chunks
    }

    /// Adds up the sums of all chunks in their order.
    ///
    /// # Safety
    /// The scratch holds the sums; the lists are long enough.
    unsafe fn gather(&self, turn: &Turn<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        let (from, to) = (turn.common(), SharedPointer(d_weights.as_mut_ptr()));
        let pairs = self.channels_out * self.channels_in;
        turn.run(self.taps, &|tap, _| {
            for pair in 0..pairs {
                // SAFETY: see above; each task writes another tap.
                unsafe {
                    let sum = self.total(from.get(), tap * pairs + pair);
                    *to.get().add(pair * self.taps + tap) = sum;
                }
            }
        });
        for (o, value) in d_bias.iter_mut().enumerate() {
            // SAFETY: the sums of the bias come after those of the weights.
            *value = unsafe { self.total(from.get(), self.weights() + o) };
        }
    }

    #[inline(always)]
    unsafe fn total(&self, from: *const f32, at: usize) -> f32 {
        // SAFETY: passed on to the caller.
        unsafe {
            let mut total = *from.add(at);
            for chunk in 1..self.chunks {
                total += *from.add(chunk * self.chunk_floats() + at);
            }
            total
        }
    }
}
