//! What the machine can do at most, measured: fused multiply-adds per second in registers, and bytes per
//! second through memory. A kernel's figure means little without them, and both change from run to run on a
//! machine that is shared, so they are measured right beside it.

use std::time::Instant;

use crate::arena::Arena;
use crate::scratch::zeroed;
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, run_at};

/// Independent sums, enough to hide the latency of a multiply-add.
const SUMS: usize = 12;
/// Rounds of one task of the peak measurement, about a quarter of a millisecond.
const ROUNDS: usize = 40_000;

/// Multiply-adds on registers only.
struct Spin {
    to: *mut f32,
}

impl Kernel for Spin {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: `to` is good for 16 floats.
        unsafe {
            let mut sums = [V::splat(1.0); SUMS];
            let factor = V::splat(std::hint::black_box(0.999));
            let term = V::splat(std::hint::black_box(0.001));
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = sum.fused(factor, term);
                }
            }
            let mut total = sums[0];
            for sum in &sums[1..] {
                total = total.add(*sum);
            }
            total.store(self.to);
        }
    }
}

/// Floats in a vector at the level of a pool.
struct Width<'a>(&'a mut usize);

impl Kernel for Width<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        *self.0 = V::LANES;
    }
}

/// Billions of f32 operations per second (a multiply-add counts as two) that all threads of the pool reach
/// together on registers, in one measurement of about `milliseconds`.
pub fn gigaflops(compute: &Compute, milliseconds: f64) -> f64 {
    let mut lanes = 0;
    // SAFETY: a pool runs at a level the CPU has.
    unsafe { run_at(compute.simd(), Width(&mut lanes)) };
    let per_task = (ROUNDS * SUMS * lanes * 2) as f64;
    let mut sinks = zeroed(compute.threads() * 16);
    let start = SharedPointer(sinks.pointer_mut());
    let measure = |tasks: usize| {
        let begin = Instant::now();
        compute.run(tasks, &|_, worker| {
            // SAFETY: each worker has 16 floats of its own.
            unsafe { run_at(compute.simd(), Spin { to: start.get().add(worker * 16) }) }
        });
        begin.elapsed().as_secs_f64()
    };
    let once = measure(compute.threads()).max(1e-9);
    let tasks = compute.threads() * ((milliseconds / 1e3 / once) as usize).max(1);
    per_task * tasks as f64 / measure(tasks).max(1e-9) / 1e9
}

/// Copies `count` floats.
struct Copy {
    from: *const f32,
    to: *mut f32,
    count: usize,
}

impl Kernel for Copy {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for at in (0..self.count).step_by(V::LANES) {
            // SAFETY: `count` is a multiple of 16, and both ends are good for it.
            unsafe { V::load(self.from.add(at)).store(self.to.add(at)) }
        }
    }
}

/// Billions of bytes per second that all threads of the pool move together when they copy one large array to
/// another (bytes read plus bytes written): the median of `repetitions` copies of 64 MiB.
pub fn gigabytes(compute: &Compute, repetitions: usize) -> f64 {
    const FLOATS: usize = 16 << 20;
    const TASK: usize = 1 << 16;
    let (mut from, mut to) = (zeroed(FLOATS), zeroed(FLOATS));
    let fill = |arena: &mut Arena| arena.as_mut_slice().fill(1.0);
    fill(&mut from);
    fill(&mut to);
    let (from, to) = (SharedPointer(from.pointer_mut()), SharedPointer(to.pointer_mut()));
    let mut seconds: Vec<f64> = (0..repetitions.max(1))
        .map(|_| {
            let begin = Instant::now();
            compute.run(FLOATS / TASK, &|task, _| {
                // SAFETY: tasks copy different pieces of two arrays of FLOATS floats.
                unsafe {
                    let (from, to) = (from.get().add(task * TASK), to.get().add(task * TASK));
                    run_at(compute.simd(), Copy { from, to, count: TASK });
                }
            });
            begin.elapsed().as_secs_f64()
        })
        .collect();
    (FLOATS * 8) as f64 / median(&mut seconds).max(1e-9) / 1e9
}

/// The median; the mean of the middle two of an even number.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Simd;

    #[test]
    #[cfg_attr(miri, ignore = "a measurement")]
    fn the_machine_does_something() {
        let compute = Compute::new(1, Simd::best()).unwrap();
        assert!(gigaflops(&compute, 1.0) > 0.01);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
