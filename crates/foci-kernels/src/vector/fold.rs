//! Sums over the lanes of a vector: the upper half onto the lower, until one is left, in the same order at every level.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::levels::Plain;
#[cfg(target_arch = "x86_64")]
use super::levels::{Avx2, Avx512};

/// The sum of 8 floats, the upper half onto the lower, three times.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn sum8(a: __m256) -> f32 {
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
pub(super) unsafe fn fold16(a: &[Avx512; 16]) -> __m512 {
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
pub(super) unsafe fn fold8(a: &[Avx2; 16]) -> __m256 {
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
pub(super) unsafe fn fold_plain(a: &[Plain; 16]) -> [f32; 8] {
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
