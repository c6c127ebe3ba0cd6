//! The small set of vector operations that every kernel is written over, once per instruction level.
//!
//! All levels round alike (multiply-adds are fused everywhere), so a kernel that does the same operations
//! in the same order for each lane gives the same bits at every level. A kernel is a value that implements
//! [`Kernel`]; [`run_at`] compiles its body for each level. Bodies, and all they call, are
//! `#[inline(always)]`, as intrinsics in a function that is not inlined into the one that enables their
//! instructions become calls.

mod shuffle;

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use crate::simd::Simd;
use shuffle::*;

/// A vector of `LANES` floats.
pub(crate) trait Vector: Copy {
    /// Floats in a vector; divides 16.
    const LANES: usize;
    /// Vectors that fit into registers at the same time.
    const REGISTERS: usize;
    unsafe fn splat(value: f32) -> Self;
    /// The load of `LANES` floats from any address.
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Lanes `from..to` of the floats at an address, zeros in the others; memory of those is not touched.
    unsafe fn load_part(address: *const f32, from: usize, to: usize) -> Self;
    /// Stores lanes `0..count`; memory of the others is not touched.
    unsafe fn store_part(self, to: *mut f32, count: usize);
    /// Of the `2 * LANES` floats of `self` and `other`, cut into runs of RUN (1, 2, 4 or 8, less than
    /// `2 * LANES`): those of the even runs, and those of the odd runs.
    unsafe fn part_runs<const RUN: usize>(self, other: Self) -> (Self, Self);
    /// The reverse: even and odd runs become one sequence again.
    unsafe fn merge_runs<const RUN: usize>(self, odd: Self) -> (Self, Self);
    /// `self * factor + term`, rounded once.
    unsafe fn fused(self, factor: Self, term: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// `self` where it is greater, else `other`; `other` where one is not a number.
    unsafe fn max(self, other: Self) -> Self;
    /// `self` where it is less, else `other`; `other` where one is not a number.
    unsafe fn min(self, other: Self) -> Self;
    /// `yes` where `self > other`, else `no`.
    unsafe fn if_greater(self, other: Self, yes: Self, no: Self) -> Self;
    /// The sum of 16 floats in one or two vectors, always in the same order: the upper half onto the lower,
    /// four times.
    unsafe fn sum16(parts: &[Self]) -> f32;
    /// The sums of the lanes of `LANES` vectors, each as the lower half of [`sum16`](Self::sum16) would add them up
    /// (all of it, where a vector has 16 lanes); that of the first in the first lane, and so on.
    unsafe fn fold(vectors: &[Self; 16]) -> Self;
    /// 2 to the power of the whole number `n`, given as the float `n + 1.5 * 2^23`, which keeps
    /// n in its lowest bits.
    unsafe fn power_of_two(self) -> Self;
}

/// Something to be computed at one instruction level.
pub(crate) trait Kernel {
    /// The computation.
    ///
    /// # Safety
    /// The CPU has the instructions of `V`; the implementation adds its own conditions.
    unsafe fn run<V: Vector>(self);
}

/// Runs a kernel at a level.
///
/// # Safety
/// The CPU has the level, and the conditions of the kernel hold.
pub(crate) unsafe fn run_at<K: Kernel>(simd: Simd, kernel: K) {
    match simd {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: passed on to the caller.
        Simd::Avx512 => unsafe { run_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: passed on to the caller.
        Simd::Avx2 => unsafe { run_avx2(kernel) },
        // SAFETY: passed on to the caller; plain Rust needs no instructions.
        _ => unsafe { kernel.run::<Plain>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) {
    // SAFETY: passed on to the caller.
    unsafe { kernel.run::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) {
    // SAFETY: passed on to the caller.
    unsafe { kernel.run::<Avx2>() }
}

/// Implements [`Vector`] by one expression per operation.
macro_rules! vector {
    ($name:ident, $inner:ty, $lanes:literal, $registers:literal, $v:ident, $a:ident, $b:ident, $c:ident,
     splat $splat:expr, load $load:expr, store $store:expr, load_part $load_part:ident, store_part $store_part:ident,
     part_runs $part_runs:ident, merge_runs $merge_runs:ident, fused $fused:expr, add $add:expr, sub $sub:expr,
     mul $mul:expr, div $div:expr, max $max:expr, min $min:expr, if_greater $greater:expr, power $power:expr, sum16 $sum16:expr, fold $fold:ident) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $name($inner);

        // SAFETY: (of every block) the caller has the instructions, and memory is good for `LANES` floats.
        #[allow(clippy::undocumented_unsafe_blocks, unused_unsafe)]
        impl Vector for $name {
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;
            #[inline(always)]
            unsafe fn splat($v: f32) -> Self {
                unsafe { Self($splat) }
            }
            #[inline(always)]
            unsafe fn load($v: *const f32) -> Self {
                unsafe { Self($load) }
            }
            #[inline(always)]
            unsafe fn store(self, $v: *mut f32) {
                let $a = self.0;
                unsafe { $store }
            }
            #[inline(always)]
            unsafe fn load_part(address: *const f32, from: usize, to: usize) -> Self {
                unsafe { Self($load_part(address, from, to)) }
            }
            #[inline(always)]
            unsafe fn store_part(self, to: *mut f32, count: usize) {
                unsafe { $store_part(self.0, to, count) }
            }
            #[inline(always)]
            unsafe fn part_runs<const RUN: usize>(self, other: Self) -> (Self, Self) {
                let (even, odd) = unsafe { $part_runs::<RUN>(self.0, other.0) };
                (Self(even), Self(odd))
            }
            #[inline(always)]
            unsafe fn merge_runs<const RUN: usize>(self, odd: Self) -> (Self, Self) {
                let (first, second) = unsafe { $merge_runs::<RUN>(self.0, odd.0) };
                (Self(first), Self(second))
            }
            #[inline(always)]
            unsafe fn fused(self, $b: Self, $c: Self) -> Self {
                let ($a, $b, $c) = (self.0, $b.0, $c.0);
                unsafe { Self($fused) }
            }
            #[inline(always)]
            unsafe fn add(self, $b: Self) -> Self {
                let ($a, $b) = (self.0, $b.0);
                unsafe { Self($add) }
            }
            #[inline(always)]
            unsafe fn sub(self, $b: Self) -> Self {
                let ($a, $b) = (self.0, $b.0);
                unsafe { Self($sub) }
            }
            #[inline(always)]
            unsafe fn mul(self, $b: Self) -> Self {
                let ($a, $b) = (self.0, $b.0);
                unsafe { Self($mul) }
            }
            #[inline(always)]
            unsafe fn div(self, $b: Self) -> Self {
                let ($a, $b) = (self.0, $b.0);
                unsafe { Self($div) }
            }
            #[inline(always)]
            unsafe fn max(self, $b: Self) -> Self {
                let ($a, $b) = (self.0, $b.0);
                unsafe { Self($max) }
            }
            #[inline(always)]
            unsafe fn min(self, $b: Self) -> Self {
                let ($a, $b) = (self.0, $b.0);
                unsafe { Self($min) }
            }
            #[inline(always)]
            unsafe fn if_greater(self, $b: Self, $c: Self, $v: Self) -> Self {
                let ($a, $b, $c, $v) = (self.0, $b.0, $c.0, $v.0);
                unsafe { Self($greater) }
            }
            #[inline(always)]
            unsafe fn power_of_two(self) -> Self {
                let $a = self.0;
                unsafe { Self($power) }
            }
            #[inline(always)]
            unsafe fn fold(vectors: &[Self; 16]) -> Self {
                unsafe { Self($fold(vectors)) }
            }
            #[inline(always)]
            unsafe fn sum16($a: &[Self]) -> f32 {
                unsafe { $sum16 }
            }
        }
    };
}

/// The sum of 8 floats, the upper half onto the lower, three times.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sum8(a: __m256) -> f32 {
    // SAFETY: the caller has AVX2.
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }
}

/// [`Vector::fold`]: two vectors become one of half sums, four times.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn fold16(a: &[Avx512; 16]) -> __m512 {
    // SAFETY: the caller has AVX-512.
    unsafe {
        let zero = _mm512_setzero_ps();
        // The last step leaves the sums of vectors 0, 4, 8, 12 beside one another, so they begin four apart.
        let (mut eight, mut four) = ([zero; 8], [zero; 4]);
        for i in 0..8 {
            let place = |at: usize| 4 * (at % 4) + at / 4;
            let (x, y) = (a[place(2 * i)].0, a[place(2 * i + 1)].0);
            eight[i] = _mm512_add_ps(_mm512_shuffle_f32x4::<0x44>(x, y), _mm512_shuffle_f32x4::<0xee>(x, y));
        }
        for i in 0..4 {
            let (x, y) = (eight[2 * i], eight[2 * i + 1]);
            four[i] = _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(x, y), _mm512_shuffle_f32x4::<0xdd>(x, y));
        }
        let mut two = [zero; 2];
        for i in 0..2 {
            let (x, y) = (_mm512_castps_pd(four[2 * i]), _mm512_castps_pd(four[2 * i + 1]));
            let (low, high) = (_mm512_unpacklo_pd(x, y), _mm512_unpackhi_pd(x, y));
            two[i] = _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
        }
        let (x, y) = (two[0], two[1]);
        _mm512_add_ps(_mm512_shuffle_ps::<0x88>(x, y), _mm512_shuffle_ps::<0xdd>(x, y))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn fold8(a: &[Avx2; 16]) -> __m256 {
    // SAFETY: the caller has AVX2.
    unsafe {
        let zero = _mm256_setzero_ps();
        let (mut four, mut two) = ([zero; 4], [zero; 2]);
        for i in 0..4 {
            let place = |at: usize| 4 * (at % 2) + at / 2;
            let (x, y) = (a[place(2 * i)].0, a[place(2 * i + 1)].0);
            four[i] =
                _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(x, y), _mm256_permute2f128_ps::<0x31>(x, y));
        }
        for i in 0..2 {
            let (x, y) = (_mm256_castps_pd(four[2 * i]), _mm256_castps_pd(four[2 * i + 1]));
            let (low, high) = (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
            two[i] = _mm256_add_ps(_mm256_castpd_ps(low), _mm256_castpd_ps(high));
        }
        let (x, y) = (two[0], two[1]);
        _mm256_add_ps(_mm256_shuffle_ps::<0x88>(x, y), _mm256_shuffle_ps::<0xdd>(x, y))
    }
}

#[inline(always)]
unsafe fn fold_plain(a: &[Plain; 16]) -> [f32; 8] {
    let mut sums = [0.0; 8];
    for (sum, vector) in sums.iter_mut().zip(a) {
        let mut lanes = vector.0;
        for half in [4, 2, 1] {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
        }
        *sum = lanes[0];
    }
    sums
}

/// Asks for the cache line at an address, which may be any; nothing happens where there is no such hint.
#[inline(always)]
pub(crate) fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which every x86-64 has and which never faults.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(address.cast())
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(target_arch = "x86_64")]
vector!(Avx512, __m512, 16, 32, v, a, b, c,
    splat _mm512_set1_ps(v),
    load _mm512_loadu_ps(v),
    store _mm512_storeu_ps(v, a),
    load_part load_part16,
    store_part store_part16,
    part_runs part_runs16,
    merge_runs merge_runs16,
    fused _mm512_fmadd_ps(a, b, c),
    add _mm512_add_ps(a, b),
    sub _mm512_sub_ps(a, b),
    mul _mm512_mul_ps(a, b),
    div _mm512_div_ps(a, b),
    max _mm512_max_ps(a, b),
    min _mm512_min_ps(a, b),
    if_greater _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), v, c),
    power {
        let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(a));
        _mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(1.0f32.to_bits() as i32)))
    },
    sum16 sum8(_mm256_add_ps(_mm512_castps512_ps256(a[0].0), _mm512_extractf32x8_ps::<1>(a[0].0))),
    fold fold16
);

#[cfg(target_arch = "x86_64")]
vector!(Avx2, __m256, 8, 16, v, a, b, c,
    splat _mm256_set1_ps(v),
    load _mm256_loadu_ps(v),
    store _mm256_storeu_ps(v, a),
    load_part load_part8,
    store_part store_part8,
    part_runs part_runs8,
    merge_runs merge_runs8,
    fused _mm256_fmadd_ps(a, b, c),
    add _mm256_add_ps(a, b),
    sub _mm256_sub_ps(a, b),
    mul _mm256_mul_ps(a, b),
    div _mm256_div_ps(a, b),
    max _mm256_max_ps(a, b),
    min _mm256_min_ps(a, b),
    if_greater _mm256_blendv_ps(v, c, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b)),
    power {
        let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(a));
        _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(1.0f32.to_bits() as i32)))
    },
    sum16 sum8(_mm256_add_ps(a[0].0, a[1].0)),
    fold fold8
);

/// Applies an expression to each lane of up to four arrays.
macro_rules! lanes {
    ($index:ident => $value:expr) => {
        std::array::from_fn(
            #[inline(always)]
            |$index| $value,
        )
    };
}

/// Where a fused multiply-add is a call of the mathematics library, eight of them stay in one place.
#[cfg_attr(all(target_arch = "x86_64", not(target_feature = "fma")), inline(never))]
#[cfg_attr(not(all(target_arch = "x86_64", not(target_feature = "fma"))), inline(always))]
fn fused_lanes(a: &[f32; 8], b: &[f32; 8], c: &[f32; 8]) -> [f32; 8] {
    lanes!(i => a[i].mul_add(b[i], c[i]))
}

vector!(Plain, [f32; 8], 8, 8, v, a, b, c,
    splat [v; 8],
    load v.cast::<[f32; 8]>().read_unaligned(),
    store v.cast::<[f32; 8]>().write_unaligned(a),
    load_part load_part_plain,
    store_part store_part_plain,
    part_runs part_runs_plain,
    merge_runs merge_runs_plain,
    fused fused_lanes(&a, &b, &c),
    add lanes!(i => a[i] + b[i]),
    sub lanes!(i => a[i] - b[i]),
    mul lanes!(i => a[i] * b[i]),
    div lanes!(i => a[i] / b[i]),
    max lanes!(i => if a[i] > b[i] { a[i] } else { b[i] }),
    min lanes!(i => if a[i] < b[i] { a[i] } else { b[i] }),
    if_greater lanes!(i => if a[i] > b[i] { c[i] } else { v[i] }),
    power lanes!(i => f32::from_bits((a[i].to_bits() << 23).wrapping_add(1.0f32.to_bits()))),
    sum16 {
        let mut sums: [f32; 8] = lanes!(i => a[0].0[i] + a[1].0[i]);
        for half in [4, 2, 1] {
            for i in 0..half {
                sums[i] += sums[i + half];
            }
        }
        sums[0]
    },
    fold fold_plain
);

#[cfg(test)]
mod tests {
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
}
