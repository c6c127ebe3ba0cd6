//! The instruction levels: for each, [`Vector`] by one expression per operation.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::fold::*;
use super::shuffle::*;
use super::{Kernel, Vector};

/// Implements [`Vector`] by one expression per operation.
macro_rules! vector {
    ($name:ident, $inner:ty, $lanes:literal, $registers:literal, $v:ident, $a:ident, $b:ident, $c:ident,
     splat $splat:expr, load $load:expr, store $store:expr, stream $stream:expr, lanes $lanes_type:ty = $lanes_of:ident, load_lanes $load_lanes:ident, store_part $store_part:ident,
     part_runs $part_runs:ident, merge_runs $merge_runs:ident, fused $fused:expr, add $add:expr, sub $sub:expr,
     mul $mul:expr, div $div:expr, max $max:expr, min $min:expr, if_greater $greater:expr, power $power:expr, sum16 $sum16:expr, fold $fold:ident,
     out_of_line $out_of_line:ident) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $name(pub(super) $inner);

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
            unsafe fn stream(self, $v: *mut f32) {
                let $a = self.0;
                unsafe { $stream }
            }
            type Lanes = $lanes_type;
            #[inline(always)]
            unsafe fn lanes(from: usize, to: usize) -> Self::Lanes {
                unsafe { $lanes_of(from, to) }
            }
            #[inline(always)]
            unsafe fn load_lanes(address: *const f32, lanes: Self::Lanes) -> Self {
                unsafe { Self($load_lanes(address, lanes)) }
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
            #[inline(always)]
            unsafe fn out_of_line<K: Kernel>(kernel: K) {
                unsafe { super::$out_of_line(kernel) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector!(Avx512, __m512, 16, 32, v, a, b, c,
    splat _mm512_set1_ps(v),
    load _mm512_loadu_ps(v),
    store _mm512_storeu_ps(v, a),
    stream _mm512_stream_ps(v, a),
    lanes __mmask16 = lanes16, load_lanes load_lanes16,
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
    fold fold16,
    out_of_line out_of_line_avx512
);

#[cfg(target_arch = "x86_64")]
vector!(Avx2, __m256, 8, 16, v, a, b, c,
    splat _mm256_set1_ps(v),
    load _mm256_loadu_ps(v),
    store _mm256_storeu_ps(v, a),
    stream _mm256_stream_ps(v, a),
    lanes __m256i = lanes8, load_lanes load_lanes8,
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
    fold fold8,
    out_of_line out_of_line_avx2
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
    stream v.cast::<[f32; 8]>().write_unaligned(a),
    lanes (usize, usize) = lanes_plain, load_lanes load_lanes_plain,
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
    fold fold_plain,
    out_of_line out_of_line_plain
);
