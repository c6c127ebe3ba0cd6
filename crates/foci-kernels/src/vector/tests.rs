//! Every level against what its operations are to give.

use super::*;

struct Sum<'a>(&'a [f32; 16], &'a mut f32);
impl Kernel for Sum<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: 16 floats, and the level is checked by the test.
        unsafe {
            let second = V::load(self.0.as_ptr().add(16 - V::LANES));
            *self.1 = V::sum16(&[V::load(self.0.as_ptr()), second]);
        }
    }
}

#[test]
fn sixteen_are_summed_in_halves_at_every_level() {
    // Any other order loses the ones beside 2^24, or keeps them.
    let mut values = [1.0f32; 16];
    (values[0], values[8]) = (16_777_216.0, -16_777_216.0);
    for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
        let mut sum = 0.0;
        // SAFETY: the level is supported.
        unsafe { run_at(simd, Sum(&values, &mut sum)) };
        assert_eq!(sum, 14.0, "{simd}");
    }
}

struct Folded<'a>(&'a [f32; 256], &'a mut [f32; 16]);
impl Kernel for Folded<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: all lanes are inside the arrays, and the level is checked by the test.
        unsafe {
            for first in (0..16).step_by(V::LANES) {
                let mut vectors = [V::splat(f32::NAN); 16];
                for (at, vector) in vectors.iter_mut().enumerate().take(V::LANES) {
                    let from = self.0.as_ptr().add((first + at) * 16);
                    *vector = V::load(from);
                    if V::LANES == 8 {
                        *vector = vector.add(V::load(from.add(8)));
                    }
                }
                V::fold(&vectors).store(self.1.as_mut_ptr().add(first));
            }
        }
    }
}

#[test]
fn sixteen_vectors_are_folded_as_each_is_summed() {
    // Of very different magnitudes, so that any other order rounds differently.
    let values: [f32; 256] = std::array::from_fn(|at| ((at * 7919 % 256) as f32 - 99.3).powi(3) * 1.7);
    for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
        let (mut sums, mut folded) = ([0.0; 16], [0.0; 16]);
        // SAFETY: the level is supported.
        unsafe {
            for (sum, vector) in sums.iter_mut().zip(values.as_chunks::<16>().0) {
                run_at(simd, Sum(vector, sum));
            }
            run_at(simd, Folded(&values, &mut folded));
        }
        assert_eq!(sums.map(f32::to_bits), folded.map(f32::to_bits), "{simd}");
    }
}

/// Writes, for a vector's worth at a time, what parting, merging and part loads and stores make of 32 floats.
struct Sorted<'a, const RUN: usize>(&'a [f32; 32], &'a mut Vec<f32>);
impl<const RUN: usize> Kernel for Sorted<'_, RUN> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut room = [f32::NAN; 64];
        // SAFETY: all lanes are inside the arrays, and the level is checked by the test.
        unsafe {
            let (a, b) = (V::load(self.0.as_ptr()), V::load(self.0.as_ptr().add(V::LANES)));
            let (even, odd) = a.part_runs::<RUN>(b);
            even.store(room.as_mut_ptr());
            odd.store(room.as_mut_ptr().add(V::LANES));
            let parted = &room[..2 * V::LANES];
            for (at, value) in self.0[..2 * V::LANES].iter().enumerate() {
                let (run, within) = (at / RUN, at % RUN);
                assert_eq!(parted[run % 2 * V::LANES + run / 2 * RUN + within], *value, "runs of {RUN}");
            }
            let (first, second) = even.merge_runs::<RUN>(odd);
            first.store(room.as_mut_ptr());
            second.store(room.as_mut_ptr().add(V::LANES));
            assert_eq!(room[..2 * V::LANES], self.0[..2 * V::LANES], "runs of {RUN}");
        }
        self.1.extend(&self.0[..2]);
    }
}

struct Parts<'a>(&'a [f32; 32]);
impl Kernel for Parts<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for from in 0..=V::LANES {
            for to in from..=V::LANES {
                let mut room = [f32::NAN; 32];
                // SAFETY: as above.
                unsafe {
                    V::load_part(self.0.as_ptr(), from, to).store(room.as_mut_ptr());
                    for lane in 0..V::LANES {
                        let inside = (from..to).contains(&lane);
                        assert_eq!(room[lane], if inside { self.0[lane] } else { 0.0 });
                    }
                    let mut room = [7.0f32; 32];
                    V::load(self.0.as_ptr()).store_part(room.as_mut_ptr(), to);
                    assert_eq!(room[..to], self.0[..to]);
                    assert!(room[to..].iter().all(|value| *value == 7.0));
                }
            }
        }
    }
}

#[test]
fn lanes_are_parted_and_merged_alike_at_every_level() {
    let values: [f32; 32] = std::array::from_fn(|at| at as f32 + 1.0);
    for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
        let mut done = Vec::new();
        // SAFETY: the level is supported.
        unsafe {
            run_at(simd, Sorted::<1>(&values, &mut done));
            run_at(simd, Sorted::<2>(&values, &mut done));
            run_at(simd, Sorted::<4>(&values, &mut done));
            run_at(simd, Sorted::<8>(&values, &mut done));
            run_at(simd, Parts(&values));
        }
        assert_eq!(done.len(), 8, "{simd}");
    }
}
