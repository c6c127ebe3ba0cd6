//! The gradient by weights, summed directly: each weight's gradient is the correlation of a plane of the input,
//! moved by the tap, with a plane of the gradient of the output. A few planes of each are done together, so that
//! each vector that is read serves several sums; lanes are pixels, sixteen at every level, and are added up by
//! halves after some rows.

use super::border::{Columns, inside};
use super::lines::Line;
use super::planes::{Plane, row_order};
use super::sums::{Sums, Task};
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, prefetch, run_at};

/// Least pixels of a chunk.
const CHUNK_PIXELS: usize = 256;
/// Sixteens of pixels that are summed before lanes are added up, more or less: enough to make that cheap, few
/// enough for the rows of the planes that are summed at once to stay in the nearest cache.
const STRIP: usize = 84;
/// Most sums at once.
const MOST_SUMS: usize = 24;
/// Output channels of a task, at most.
const TASK_CHANNELS: usize = 12;

/// What a gradient by weights is computed from.
#[derive(Clone, Copy)]
pub(crate) struct Maps<'a> {
    pub arena: SharedPointer,
    /// The planes of the input.
    pub inputs: &'a [Plane],
    /// Those of the gradient of the output, of the same size.
    pub outputs: &'a [Plane],
}

/// What a gradient by weights, summed directly, is of, and how its pixels are cut into chunks.
pub(crate) struct Extent {
    pub lines: Vec<Line>,
    pub n: usize,
    pub size: (usize, usize),
    /// Rows in the order in which they are done.
    pub rows: Vec<usize>,
    pub sums: Sums,
}

impl Extent {
    /// That of a layer over `n` images of `size`; rows that lie `stride` apart are done one after the other.
    pub fn new(
        lines: Vec<Line>,
        channels_in: usize,
        channels_out: usize,
        n: usize,
        size: (usize, usize),
        stride: usize,
    ) -> Extent {
        let least = CHUNK_PIXELS.div_ceil(size.1);
        let taps = lines.iter().map(|line| line.count).sum();
        let sums = Sums::new(n * size.0, least, taps, channels_out, channels_in);
        Extent { lines, n, size, rows: row_order(size.0, stride), sums }
    }
}

/// A gradient by weights, ready to run.
pub(crate) struct WeightGradient(pub Extent);

impl WeightGradient {
    /// Computes the gradients by weights `[out, in, taps]` and bias.
    ///
    /// # Safety
    /// The planes have the layer's size and lie inside the arena, and the lists are as long as they should be.
    pub unsafe fn run(&self, compute: &Compute, maps: Maps<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        let sums = &self.0.sums;
        let parts = sums.channels_out.div_ceil(TASK_CHANNELS);
        let body = |Task { chunk, part, sums: to, .. }: Task| {
            let cut = |part: usize| part * sums.channels_out / parts;
            let outputs = (cut(part), cut(part + 1));
            let kernel = Chunk { extent: &self.0, maps: &maps, chunk, outputs, sums: to };
            // SAFETY: passed on to the caller; tasks have different sums.
            unsafe { run_at(compute.simd(), kernel) }
        };
        // SAFETY: passed on to the caller; the parts of a chunk write the sums of all outputs.
        unsafe { sums.run(compute, 0, parts, &body, d_weights, d_bias) }
    }
}

/// The sums of some rows for some output channels.
struct Chunk<'a> {
    extent: &'a Extent,
    maps: &'a Maps<'a>,
    chunk: usize,
    /// First output channel, and the first that is not of the task.
    outputs: (usize, usize),
    sums: *mut f32,
}

/// Output and input planes that are summed at once under so many taps of a row: as many sums as the registers hold, of
/// those planes that are left. Each pair of numbers is compiled by itself, so there are few of them.
#[inline(always)]
fn sides<V: Vector>(taps: usize, outputs: usize, inputs: usize) -> (usize, usize) {
    let (most_outputs, most_inputs) = match (V::REGISTERS, taps) {
        (32, _) => (4, 2),
        (_, 1) => (2, 2),
        _ => (2, 1),
    };
    // As evenly as possible: a last plane by itself would cost as much as two.
    (outputs.div_ceil(outputs.div_ceil(most_outputs)), most_inputs.min(inputs))
}

impl Kernel for Chunk<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Chunk { extent, maps, chunk, outputs: (first_out, end_out), sums: to } = self;
        let Extent { lines, n, size, rows, sums } = extent;
        let channels_in = sums.channels_in;
        let bias = to.wrapping_add(sums.weights());
        // SAFETY: passed on to the caller; the sums of the task's outputs are its own.
        unsafe {
            for tap in 0..sums.taps {
                let first = (tap * sums.channels_out + first_out) * channels_in;
                std::slice::from_raw_parts_mut(to.add(first), (end_out - first_out) * channels_in).fill(0.0);
            }
            std::slice::from_raw_parts_mut(bias.add(first_out), end_out - first_out).fill(0.0);
            let units = sums.units(chunk, n * size.0);
            let at_once = (STRIP / size.1.div_ceil(16)).max(1);
            let mut first = units.start;
            while first < units.end {
                // Rows of one image only.
                let image = first / size.0;
                let end = (first + at_once).min(units.end).min((image + 1) * size.0);
                let rows = &rows[first - image * size.0..end - image * size.0];
                let strip = Strip { arena: maps.arena.get(), image, rows, size: *size };
                for line in lines {
                    let mut o = first_out;
                    while o < end_out {
                        let (mut i, mut outputs) = (0, 1);
                        while i < channels_in {
                            let inputs;
                            (outputs, inputs) = sides::<V>(line.count, end_out - o, channels_in - i);
                            let place = (line.first * sums.channels_out + o) * channels_in + i;
                            let steps = (sums.channels_out * channels_in, channels_in);
                            let planes = (&maps.outputs[o..o + outputs], &maps.inputs[i..i + inputs]);
                            let ahead = distance_to(maps.inputs, i, i + inputs);
                            strip.block_of::<V>(line, planes, to.add(place), steps, ahead);
                            i += inputs;
                        }
                        o += outputs;
                    }
                }
                for o in first_out..end_out {
                    *bias.add(o) += match V::LANES {
                        16 => strip.total::<V, 1>(&maps.outputs[o]),
                        _ => strip.total::<V, 2>(&maps.outputs[o]),
                    };
                }
                first = end;
            }
        }
    }
}

/// Floats from a plane of a list to a later one, none if there is no such plane: where the planes that are summed next
/// will be read.
#[inline(always)]
fn distance_to(planes: &[Plane], index: usize, later: usize) -> isize {
    planes.get(later).map_or(0, |next| next.offset as isize - planes[index].offset as isize)
}

/// Some rows of one image.
struct Strip<'a> {
    arena: *const f32,
    image: usize,
    rows: &'a [usize],
    size: (usize, usize),
}

impl Strip<'_> {
    #[inline(always)]
    unsafe fn block_of<V: Vector>(
        &self,
        line: &Line,
        (outputs, inputs): (&[Plane], &[Plane]),
        to: *mut f32,
        steps: (usize, usize),
        ahead: isize,
    ) {
        macro_rules! of_counts {
            ($parts:literal, $($out:literal $in:literal $columns:literal)*) => {
                match (outputs.len(), inputs.len(), line.count) {
                    // SAFETY: passed on to the caller.
                    $(($out, $in, $columns) => unsafe {
                        self.block::<V, $out, $in, $columns, $parts>(line, outputs, inputs, to, steps, ahead)
                    })*
                    (a, b, c) => unreachable!("a block of {a} x {b} channels and {c} taps"),
                }
            };
        }
        if const { V::LANES == 16 } {
            of_counts!(1, 1 1 1 2 1 1 3 1 1 4 1 1 1 2 1 2 2 1 3 2 1 4 2 1
                1 1 3 2 1 3 3 1 3 4 1 3 1 2 3 2 2 3 3 2 3 4 2 3);
        } else {
            of_counts!(2, 1 1 1 2 1 1 1 2 1 2 2 1 1 1 3 2 1 3);
        }
    }

    /// Adds the sums of A output planes with B input planes under K taps.
    #[inline(always)]
    unsafe fn block<V: Vector, const A: usize, const B: usize, const K: usize, const PARTS: usize>(
        &self,
        line: &Line,
        outputs: &[Plane],
        inputs: &[Plane],
        to: *mut f32,
        (tap_step, output_step): (usize, usize),
        ahead: isize,
    ) {
        let (h, w) = self.size;
        // SAFETY: passed on to the caller; what is not wholly inside is read in part.
        unsafe {
            let outputs: [*const f32; A] =
                std::array::from_fn(|a| self.arena.add(outputs[a].of_image(self.image)));
            let inputs: [*const f32; B] =
                std::array::from_fn(|b| self.arena.add(inputs[b].of_image(self.image)));
            let mut sums = [[[[V::splat(0.0); PARTS]; K]; B]; A];
            // Sixteens of which all that is read lies inside: from `first` on, before `end`.
            let (before, after) = line.reach();
            let first = before.next_multiple_of(16).min(w.next_multiple_of(16));
            let end = first + (w.saturating_sub(after).saturating_sub(first) / 16) * 16;
            for &y in self.rows {
                let Some(row) = y.checked_add_signed(line.row).filter(|row| *row < h) else { continue };
                let outputs = outputs.map(|plane| plane.add(y * w));
                let inputs = inputs.map(|plane| plane.add(row * w));
                for x in (0..first).step_by(16) {
                    add::<V, A, B, K, PARTS, true>(&mut sums, outputs, inputs, line, x, w);
                }
                for x in (first..end).step_by(16) {
                    for plane in inputs {
                        prefetch(plane.wrapping_add(x).wrapping_offset(ahead));
                    }
                    add::<V, A, B, K, PARTS, false>(&mut sums, outputs, inputs, line, x, w);
                }
                for x in (end..w).step_by(16) {
                    add::<V, A, B, K, PARTS, true>(&mut sums, outputs, inputs, line, x, w);
                }
            }
            let (mut list, mut totals) = ([V::splat(0.0); MOST_SUMS], [0.0f32; MOST_SUMS + 16]);
            for (a, sums) in sums.iter().enumerate() {
                for (b, sums) in sums.iter().enumerate() {
                    for (k, sum) in sums.iter().enumerate() {
                        list[(a * B + b) * K + k] =
                            if PARTS == 1 { sum[0] } else { sum[0].add(sum[PARTS - 1]) };
                    }
                }
            }
            for first in (0..A * B * K).step_by(V::LANES) {
                let mut vectors = [V::splat(0.0); 16];
                let count = V::LANES.min(A * B * K - first);
                vectors[..count].copy_from_slice(&list[first..first + count]);
                V::fold(&vectors).store(totals.as_mut_ptr().add(first));
            }
            for a in 0..A {
                for b in 0..B {
                    for k in 0..K {
                        *to.add(k * tap_step + a * output_step + b) += totals[(a * B + b) * K + k];
                    }
                }
            }
        }
    }

    /// The sum of a plane over the rows.
    #[inline(always)]
    unsafe fn total<V: Vector, const PARTS: usize>(&self, plane: &Plane) -> f32 {
        let w = self.size.1;
        // SAFETY: passed on to the caller.
        unsafe {
            let mut sums = [V::splat(0.0); PARTS];
            for &y in self.rows {
                let row = self.arena.add(plane.of_image(self.image) + y * w);
                for x in (0..w).step_by(16) {
                    for (part, sum) in sums.iter_mut().enumerate() {
                        let x = x + part * V::LANES;
                        *sum = sum.add(inside::<V>(row.wrapping_add(x), x as isize, w));
                    }
                }
            }
            V::sum16(&sums)
        }
    }
}

/// Adds the products of sixteen pixels.
#[inline(always)]
unsafe fn add<
    V: Vector,
    const A: usize,
    const B: usize,
    const K: usize,
    const PARTS: usize,
    const EDGE: bool,
>(
    sums: &mut [[[[V; PARTS]; K]; B]; A],
    outputs: [*const f32; A],
    inputs: [*const f32; B],
    line: &Line,
    x: usize,
    width: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        for part in 0..PARTS {
            let x = (x + part * V::LANES) as isize;
            let mut gradients = [V::splat(0.0); A];
            let here = Columns::<V>::new(x, width);
            for (gradient, row) in gradients.iter_mut().zip(outputs) {
                *gradient = here.load::<EDGE>(row.wrapping_offset(x));
            }
            for k in 0..K {
                let at = x + line.columns[k];
                let there = Columns::<V>::new(at, width);
                for b in 0..B {
                    let value = there.load::<EDGE>(inputs[b].wrapping_offset(at));
                    for a in 0..A {
                        sums[a][b][k][part] = gradients[a].fused(value, sums[a][b][k][part]);
                    }
                }
            }
        }
    }
}
