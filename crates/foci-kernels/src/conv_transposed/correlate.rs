//! The gradient by weights: for each tap, the correlation of a plane of the input with every other pixel of a plane
//! of the gradient of the output. Two neighbouring taps of a row of the kernel meet neighbouring pixels there, so
//! even pixels are parted from odd ones and serve one tap each, with many planes of the input at once. Lanes are
//! pixels of the input, sixteen at every level, and are added up by halves after some rows.

use std::ops::Range;

use super::MOST_TOGETHER;
use super::backward::parted;
use super::shape::Sizes;
use crate::conv::border::inside;
use crate::conv::correlate::Maps;
use crate::conv::planes::{Group, Plane, groups};
use crate::conv::sums::{Sums, Task};
use crate::threads::Compute;
use crate::vector::{Kernel, Vector, run_at};

/// Least pixels of the input in a chunk.
const CHUNK_PIXELS: usize = 256;
/// Sixteens of pixels that are summed before lanes are added up, more or less: enough to make that cheap, few
/// enough for the rows of a group of planes to stay in the nearest cache.
const STRIP: usize = 32;
/// Output channels of a task, at most.
const TASK_CHANNELS: usize = 12;

/// A gradient by weights and bias, ready to run.
pub(super) struct Correlation {
    sizes: Sizes,
    n: usize,
    /// Channels of the input that are summed together.
    groups: Vec<Group>,
    sums: Sums,
}

impl Correlation {
    /// The gradient of a layer over `n` images.
    pub fn new(sizes: Sizes, n: usize, channels_in: usize, channels_out: usize) -> Correlation {
        let sums = Correlation::sums(sizes, n, channels_in, channels_out);
        Correlation { sizes, n, groups: groups(&[channels_in], MOST_TOGETHER), sums }
    }

    /// The sums that such a gradient keeps in the common scratch.
    pub fn sums(sizes: Sizes, n: usize, channels_in: usize, channels_out: usize) -> Sums {
        let least = CHUNK_PIXELS.div_ceil(sizes.input.1);
        Sums::new(n * sizes.input.0, least, sizes.kernel * sizes.kernel, channels_out, channels_in)
    }

    /// Computes the gradients by weights `[out, in, kernel, kernel]` and bias.
    ///
    /// # Safety
    /// Inputs and outputs have the sizes on their sides and lie inside the arena, the lists are as long as they
    /// should be.
    pub unsafe fn run(&self, compute: &Compute, maps: Maps<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        let sums = &self.sums;
        let parts = sums.channels_out.div_ceil(TASK_CHANNELS);
        let body = |Task { chunk, part, sums: to, .. }: Task| {
            let cut = |part: usize| part * sums.channels_out / parts;
            let rows = sums.units(chunk, self.n * self.sizes.input.0);
            let chunk = Chunk { of: self, maps: &maps, rows, outputs: cut(part)..cut(part + 1), to };
            // SAFETY: passed on to the caller; tasks have different sums.
            unsafe { run_at(compute.simd(), chunk) }
        };
        // SAFETY: passed on to the caller; the parts of a chunk write the sums of all outputs, taps in the order of the
        // weights.
        unsafe { sums.run(compute, 0, parts, &body, d_weights, d_bias) }
    }
}

/// The sums of some rows for some output channels.
struct Chunk<'a> {
    of: &'a Correlation,
    maps: &'a Maps<'a>,
    /// Rows of the input, counted through all images.
    rows: Range<usize>,
    outputs: Range<usize>,
    to: *mut f32,
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Chunk { of: Correlation { sizes, groups, sums, .. }, maps, rows, outputs, to } = self;
        let (kernel, channels_in) = (sizes.kernel, sums.channels_in);
        let bias = to.wrapping_add(sums.weights());
        let place = |tap: usize, o: usize| (tap * sums.channels_out + o) * channels_in;
        // SAFETY: passed on to the caller; the sums of the task's outputs are its own.
        unsafe {
            for tap in 0..sums.taps {
                let first = to.add(place(tap, outputs.start));
                std::slice::from_raw_parts_mut(first, outputs.len() * channels_in).fill(0.0);
            }
            std::slice::from_raw_parts_mut(bias.add(outputs.start), outputs.len()).fill(0.0);
            let at_once = (STRIP / sizes.input.1.div_ceil(16)).max(1);
            let mut first = rows.start;
            while first < rows.end {
                // Rows of one image only.
                let image = first / sizes.input.0;
                let start = image * sizes.input.0;
                let end = (first + at_once).min(rows.end).min(start + sizes.input.0);
                let strip = Strip {
                    arena: maps.arena.get(),
                    image,
                    rows: (first - start, end - start),
                    sizes: *sizes,
                };
                // These go through the planes from front to back, and so fetch them for the products.
                for o in outputs.clone() {
                    *bias.add(o) += strip.total::<V>(&maps.outputs[o]);
                }
                for group in groups {
                    let inputs = &maps.inputs[group.first..group.first + group.count];
                    for o in outputs.clone() {
                        for tap in (0..sums.taps).step_by(2) {
                            let to = to.add(place(tap, o) + group.first);
                            let step = sums.channels_out * channels_in;
                            let position = (tap / kernel, tap % kernel);
                            strip.of_group::<V>(position, &maps.outputs[o], inputs, to, step);
                        }
                    }
                }
                first = end;
            }
        }
    }
}

/// Some rows of one image.
struct Strip {
    arena: *const f32,
    image: usize,
    /// The first of the input, and the first that is not of the strip.
    rows: (usize, usize),
    sizes: Sizes,
}

impl Strip {
    /// Adds the sums of an output plane with a group of input planes under a tap of the kernel and the next one of
    /// its row, which lie `step` floats apart.
    #[inline(always)]
    unsafe fn of_group<V: Vector>(
        &self,
        tap: (usize, usize),
        output: &Plane,
        inputs: &[Plane],
        to: *mut f32,
        step: usize,
    ) {
        macro_rules! of_count {
            ($($count:literal)*) => {
                match inputs.len() {
                    // SAFETY: passed on to the caller.
                    $($count => unsafe { self.block::<V, $count>(tap, output, inputs, to, step) })*
                    count => unreachable!("a group of {count} channels"),
                }
            };
        }
        of_count!(1 2 3 4);
    }

    #[inline(always)]
    unsafe fn block<V: Vector, const B: usize>(
        &self,
        tap: (usize, usize),
        output: &Plane,
        inputs: &[Plane],
        to: *mut f32,
        step: usize,
    ) {
        // SAFETY: passed on to the caller.
        unsafe {
            let output = self.arena.add(output.of_image(self.image));
            let inputs: [*const f32; B] =
                std::array::from_fn(|b| self.arena.add(inputs[b].of_image(self.image)));
            let mut sums = self.products::<V, B>(tap, output, inputs, 0);
            if V::LANES < 16 {
                // The other half of the sixteen lanes.
                let upper = self.products::<V, B>(tap, output, inputs, V::LANES);
                for k in 0..2 {
                    for b in 0..B {
                        sums[k][b] = sums[k][b].add(upper[k][b]);
                    }
                }
            }
            for (k, sums) in sums.iter().enumerate() {
                let mut vectors = [V::splat(0.0); 16];
                vectors[..B].copy_from_slice(sums);
                let to = to.add(k * step);
                V::load_part(to, 0, B).add(V::fold(&vectors)).store_part(to, B);
            }
        }
    }

    /// The products of sixteen pixels after sixteen, in the lanes from `first` on, summed over rows.
    #[inline(always)]
    unsafe fn products<V: Vector, const B: usize>(
        &self,
        (a, b): (usize, usize),
        output: *const f32,
        inputs: [*const f32; B],
        first: usize,
    ) -> [[V; B]; 2] {
        let ((_, width), (_, from_width)) = (self.sizes.input, self.sizes.output);
        let padding = self.sizes.padding();
        // Beyond this column there may be pixels, but none that meets one of the input.
        let met = from_width.min(2 * width + b - padding);
        // SAFETY: passed on to the caller; what is not wholly inside is read in part.
        unsafe {
            let mut sums = [[V::splat(0.0); B]; 2];
            for v in self.rows.0..self.rows.1 {
                let Some(row) = self.sizes.output_row(v, a) else { continue };
                let output = output.add(row * from_width);
                let inputs = inputs.map(|plane| plane.add(v * width));
                for x in (first..width).step_by(16) {
                    let column = (2 * x + b) as isize - padding as isize;
                    let (even, odd) = parted::<V, true>(output, column, met);
                    let whole = x + V::LANES <= width;
                    for b in 0..B {
                        let from = inputs[b].wrapping_add(x);
                        let value = if whole { V::load(from) } else { inside::<V>(from, x as isize, width) };
                        sums[0][b] = even.fused(value, sums[0][b]);
                        sums[1][b] = odd.fused(value, sums[1][b]);
                    }
                }
            }
            sums
        }
    }

    /// The sum of a plane of the gradient of the output over the strip.
    #[inline(always)]
    unsafe fn total<V: Vector>(&self, plane: &Plane) -> f32 {
        let (height, width) = self.sizes.output;
        // SAFETY: passed on to the caller.
        unsafe {
            let plane = self.arena.add(plane.of_image(self.image));
            let (mut lower, mut upper) = (V::splat(0.0), V::splat(0.0));
            for row in 2 * self.rows.0..height.min(2 * self.rows.1) {
                let row = plane.add(row * width);
                for x in (0..width).step_by(16) {
                    let pixels = |x: usize| {
                        let from = row.wrapping_add(x);
                        if x + V::LANES <= width {
                            V::load(from)
                        } else {
                            inside::<V>(from, x as isize, width)
                        }
                    };
                    lower = lower.add(pixels(x));
                    if V::LANES < 16 {
                        upper = upper.add(pixels(x + V::LANES));
                    }
                }
            }
            if V::LANES == 16 { V::sum16(&[lower]) } else { V::sum16(&[lower, upper]) }
        }
    }
}
