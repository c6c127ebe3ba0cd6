//! The gradient by weights, summed directly across channels: at each pixel, the outer product of the gradients of the
//! output's channels with the inputs under the taps. Lanes are output channels, so that no lane is ever added to
//! another, an input is read as one number wherever it lies, and every vector that is read serves many sums. The price
//! is that gradients are transposed from planes to pixels first, and that lanes come in sixteens, filled or not.
//!
//! A sum goes over the pixels of a strip in their order, and strips follow one another: the bits are the same at every
//! level. [`correlate`](super::correlate) does the same for numbers of channels that would leave too many lanes empty.

mod strip;

use super::correlate::{Extent, Maps};
use super::planes::Plane;
use super::sums::Task;
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at, transposed};
use strip::{Asked, Strip};

/// Channels whose gradients are transposed together: lanes, at every level.
const SET: usize = 16;
/// Most output channels of a task.
const TASK_CHANNELS: usize = 2 * SET;
/// Most pixels of a strip, a multiple of 16: their gradients stay in the nearest cache while all inputs pass by.
const STRIP: usize = 176;
/// Fewest input channels for which transposing the gradients is little work.
const LEAST_INPUTS: usize = 4;

/// A gradient by weights of a 3x3 kernel, ready to run.
pub(crate) struct OuterGradient(pub Extent);

impl OuterGradient {
    /// Whether so many channels fill their sets well enough; one set alone, which reads more for its products than two,
    /// must be fuller. The rule knows only shapes, so that a layer always gives the same bits.
    pub fn worthwhile(kernel: usize, channels_in: usize, channels_out: usize) -> bool {
        let lanes = channels_out.next_multiple_of(SET);
        let filled = if lanes == SET { 8 * channels_out >= 7 * lanes } else { 3 * channels_out >= 2 * lanes };
        kernel == 3 && channels_in >= LEAST_INPUTS && filled
    }

    /// Floats of scratch that each worker needs.
    pub fn worker_floats(&self) -> usize {
        Room::new(&self.0, TASK_CHANNELS.min(self.0.sums.channels_out.next_multiple_of(SET))).floats()
    }

    /// Computes the gradients by weights `[out, in, 3, 3]` and bias.
    ///
    /// # Safety
    /// The planes have the layer's size and lie inside the arena, and the lists are as long as they should be.
    pub unsafe fn run(&self, compute: &Compute, maps: Maps<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        let sums = &self.0.sums;
        let parts = sums.channels_out.div_ceil(TASK_CHANNELS);
        let body = |Task { chunk, part, scratch, sums: to }: Task| {
            let first = part * TASK_CHANNELS;
            let outputs = &maps.outputs[first..sums.channels_out.min(first + TASK_CHANNELS)];
            let kernel = Chunk { extent: &self.0, maps: &maps, chunk, first, outputs, scratch, sums: to };
            // SAFETY: passed on to the caller; tasks have different sums.
            unsafe { run_at(compute.simd(), kernel) }
        };
        // SAFETY: passed on to the caller; the parts of a chunk write the sums of all outputs.
        unsafe { sums.run(compute, self.worker_floats(), parts, &body, d_weights, d_bias) }
    }
}

/// How the scratch of a worker is divided.
#[derive(Clone, Copy)]
struct Room {
    /// Pixels of a strip, a multiple of 16.
    strip: usize,
    /// Channels, a multiple of [`SET`]: floats between neighbouring pixels, and between neighbouring sums.
    width: usize,
    /// Vectors of sums for the weights; one more is for the bias.
    sums: usize,
}

impl Room {
    fn new(extent: &Extent, width: usize) -> Room {
        let w = extent.size.1;
        let strip = w.div_ceil(w.div_ceil(STRIP)).next_multiple_of(16);
        Room { strip, width, sums: extent.sums.taps * extent.sums.channels_in }
    }

    fn floats(self) -> usize {
        (self.strip + self.sums + 1) * self.width
    }
}

/// The sums of some rows for some output channels.
struct Chunk<'a> {
    extent: &'a Extent,
    maps: &'a Maps<'a>,
    chunk: usize,
    /// First output channel.
    first: usize,
    /// Planes of the gradients of the task's channels.
    outputs: &'a [Plane],
    scratch: *mut f32,
    sums: *mut f32,
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Extent { lines, n, size: (h, w), rows, sums } = self.extent;
        let (h, w) = (*h, *w);
        let room = Room::new(self.extent, self.outputs.len().next_multiple_of(SET));
        let gradients = self.scratch;
        let totals = gradients.wrapping_add(room.strip * room.width);
        let bias = totals.wrapping_add(room.sums * room.width);
        // SAFETY: passed on to the caller; the scratch is divided as `Room` says.
        unsafe {
            std::slice::from_raw_parts_mut(totals, (room.sums + 1) * room.width).fill(0.0);
            let units = sums.units(self.chunk, n * h);
            for unit in units.clone() {
                let (image, place) = (unit / h, unit % h);
                let y = rows[place];
                for x in (0..w).step_by(room.strip) {
                    let count = room.strip.min(w - x);
                    self.transpose::<V>(room, image, y * w + x, count, gradients);
                    add_up::<V>(room.width, gradients, count, bias);
                    // Where the strip after this one is.
                    let ahead = match rows.get(place + 1) {
                        Some(next) if x + room.strip >= w => {
                            *next as isize * w as isize - (y * w + x) as isize
                        }
                        _ => room.strip as isize,
                    };
                    for (index, line) in lines.iter().enumerate() {
                        let Some(row) = y.checked_add_signed(line.row).filter(|row| *row < h) else {
                            continue;
                        };
                        let asked = match index {
                            // With one line the row that no line has read yet, with the others the gradients, as far
                            // as there are inputs to ask with.
                            2 => Asked { planes: self.maps.inputs, place: (row * w + x) as isize + ahead },
                            1 => Asked { planes: self.outputs, place: (y * w + x) as isize + ahead },
                            _ => Asked {
                                planes: self.outputs.get(sums.channels_in..).unwrap_or_default(),
                                place: (y * w + x) as isize + ahead,
                            },
                        };
                        let strip =
                            Strip { chunk: &self, room, image, row, x, count, line, gradients, totals };
                        strip.products::<V>(asked);
                    }
                }
            }
            self.hand_over(totals, bias, room.width);
        }
    }
}

impl Chunk<'_> {
    /// Writes the gradients of `count` pixels from `place` on, counted in each plane, pixel after pixel: channels side
    /// by side, zeros for channels that there are none of.
    #[inline(always)]
    unsafe fn transpose<V: Vector>(
        &self,
        room: Room,
        image: usize,
        place: usize,
        count: usize,
        to: *mut f32,
    ) {
        let arena = self.maps.arena.get().cast_const();
        // SAFETY: passed on to the caller.
        unsafe {
            for channel in (0..room.width).step_by(V::LANES) {
                for x in (0..count).step_by(V::LANES) {
                    let mut vectors = [V::splat(0.0); 16];
                    for (lane, vector) in vectors[..V::LANES].iter_mut().enumerate() {
                        let Some(plane) = self.outputs.get(channel + lane) else { break };
                        let from = arena.add(plane.of_image(image) + place + x);
                        let lanes = V::LANES.min(count - x);
                        *vector =
                            if lanes == V::LANES { V::load(from) } else { V::load_part(from, 0, lanes) };
                    }
                    let pixels = transposed(vectors);
                    for (pixel, vector) in pixels[..V::LANES].iter().enumerate() {
                        vector.store(to.add((x + pixel) * room.width + channel));
                    }
                }
            }
        }
    }

    /// Puts the sums where those of the chunk belong.
    #[inline(always)]
    unsafe fn hand_over(&self, totals: *const f32, bias: *const f32, width: usize) {
        let sums = &self.extent.sums;
        // SAFETY: passed on to the caller.
        unsafe {
            for o in 0..self.outputs.len() {
                for tap in 0..sums.taps {
                    let to = self.sums.add((tap * sums.channels_out + self.first + o) * sums.channels_in);
                    for i in 0..sums.channels_in {
                        *to.add(i) = *totals.add((tap * sums.channels_in + i) * width + o);
                    }
                }
                *self.sums.add(sums.weights() + self.first + o) = *bias.add(o);
            }
        }
    }
}

/// Adds the gradients of `count` pixels to `to`, all of width.
#[inline(always)]
unsafe fn add_up<V: Vector>(width: usize, gradients: *const f32, count: usize, to: *mut f32) {
    // SAFETY: passed on to the caller.
    unsafe {
        for lane in (0..width).step_by(V::LANES) {
            let mut sum = V::splat(0.0);
            for pixel in 0..count {
                sum = sum.add(V::load(gradients.add(pixel * width + lane)));
            }
            let to = to.add(lane);
            V::load(to).add(sum).store(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::lines::lines;

    #[test]
    fn channels_must_nearly_fill_their_sets() {
        let worthwhile = |outputs| OuterGradient::worthwhile(3, 4, outputs);
        assert_eq!(
            [13, 14, 16, 17, 21, 22, 32, 33].map(worthwhile),
            [false, true, true, false, false, true, true, true]
        );
        assert!(!OuterGradient::worthwhile(1, 4, 16) && !OuterGradient::worthwhile(3, 3, 16));
    }

    #[test]
    fn the_scratch_is_that_of_the_largest_task_and_a_strip_no_longer_than_it_may_be() {
        for (outputs, widest) in [(14, 16), (32, 32), (33, 32), (40, 32), (70, 32)] {
            for w in [1, 16, 175, 177, 336, 672, 1000] {
                let extent = Extent::new(lines(3, 1, false), 5, outputs, 1, (4, w), 1);
                let gradient = OuterGradient(extent);
                let room = Room::new(&gradient.0, widest);
                assert_eq!(gradient.worker_floats(), room.floats());
                assert!(room.strip <= STRIP && room.strip.is_multiple_of(16), "{w}: {}", room.strip);
            }
        }
    }
}
