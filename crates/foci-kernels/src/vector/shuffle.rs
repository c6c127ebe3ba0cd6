//! Loads and stores of part of a vector, and the sorting of its lanes into even and odd runs: what kernels need
//! at the borders of an image, and where one pixel of several is wanted. For each instruction level one form.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

/// The bits of lanes `from..to`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn lanes16(from: usize, to: usize) -> __mmask16 {
    (((1u32 << to) - 1) & !((1u32 << from) - 1)) as __mmask16
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn load_lanes16(address: *const f32, lanes: __mmask16) -> __m512 {
    // SAFETY: the caller has AVX-512; lanes that are masked out are not touched.
    unsafe { _mm512_maskz_loadu_ps(lanes, address) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn store_part16(value: __m512, to: *mut f32, count: usize) {
    // SAFETY: the caller has AVX-512; lanes that are masked out are not touched.
    unsafe { _mm512_mask_storeu_ps(to, lanes16(0, count), value) }
}

/// For each lane of the even runs, or (SECOND) of the odd ones, its place among the 32 lanes of two vectors.
#[cfg(target_arch = "x86_64")]
const fn parted(run: usize, second: bool) -> [i32; 16] {
    let mut places = [0; 16];
    let mut lane = 0;
    while lane < 16 {
        places[lane] = ((2 * (lane / run) + second as usize) * run + lane % run) as i32;
        lane += 1;
    }
    places
}

/// For each lane of the first, or (SECOND) of the second half of the merged sequence, its place among the 32
/// lanes of the even and the odd vector.
#[cfg(target_arch = "x86_64")]
const fn merged(run: usize, second: bool) -> [i32; 16] {
    let mut places = [0; 16];
    let mut lane = 0;
    while lane < 16 {
        let at = lane + 16 * second as usize;
        let (piece, within) = (at / run, at % run);
        places[lane] = (16 * (piece % 2) + piece / 2 * run + within) as i32;
        lane += 1;
    }
    places
}

#[cfg(target_arch = "x86_64")]
struct Runs<const RUN: usize>;

#[cfg(target_arch = "x86_64")]
impl<const RUN: usize> Runs<RUN> {
    const PARTED: [[i32; 16]; 2] = [parted(RUN, false), parted(RUN, true)];
    const MERGED: [[i32; 16]; 2] = [merged(RUN, false), merged(RUN, true)];
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn picked(a: __m512, b: __m512, places: &[[i32; 16]; 2]) -> (__m512, __m512) {
    // SAFETY: the caller has AVX-512; each list has 16 places.
    unsafe {
        let places = places.each_ref().map(|places| _mm512_loadu_epi32(places.as_ptr()));
        (_mm512_permutex2var_ps(a, places[0], b), _mm512_permutex2var_ps(a, places[1], b))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn part_runs16<const RUN: usize>(a: __m512, b: __m512) -> (__m512, __m512) {
    // SAFETY: passed on to the caller.
    unsafe { picked(a, b, &Runs::<RUN>::PARTED) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn merge_runs16<const RUN: usize>(even: __m512, odd: __m512) -> (__m512, __m512) {
    // SAFETY: passed on to the caller.
    unsafe { picked(even, odd, &Runs::<RUN>::MERGED) }
}

/// All bits of lanes `from..to`, as masked loads and stores want them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn lanes8(from: usize, to: usize) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe {
        let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let before = _mm256_cmpgt_epi32(_mm256_set1_epi32(from as i32), lane);
        _mm256_andnot_si256(before, _mm256_cmpgt_epi32(_mm256_set1_epi32(to as i32), lane))
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn load_lanes8(address: *const f32, lanes: __m256i) -> __m256 {
    // SAFETY: the caller has AVX2; lanes that are masked out are not touched.
    unsafe { _mm256_maskload_ps(address, lanes) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn store_part8(value: __m256, to: *mut f32, count: usize) {
    // SAFETY: the caller has AVX2; lanes that are masked out are not touched.
    unsafe { _mm256_maskstore_ps(to, lanes8(0, count), value) }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn part_runs8<const RUN: usize>(a: __m256, b: __m256) -> (__m256, __m256) {
    /// Pairs 0, 2, 1, 3 of a vector.
    #[inline(always)]
    unsafe fn middle(a: __m256) -> __m256 {
        // SAFETY: the caller has AVX2.
        unsafe { _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(a))) }
    }
    // SAFETY: the caller has AVX2.
    unsafe {
        match RUN {
            1 => (middle(_mm256_shuffle_ps::<0x88>(a, b)), middle(_mm256_shuffle_ps::<0xdd>(a, b))),
            2 => {
                let (a, b) = (middle(a), middle(b));
                (_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
            }
            4 => (_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b)),
            _ => (a, b),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn merge_runs8<const RUN: usize>(even: __m256, odd: __m256) -> (__m256, __m256) {
    // SAFETY: the caller has AVX2.
    unsafe {
        let (low, high) = match RUN {
            1 => (_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd)),
            2 => {
                let (even, odd) = (_mm256_castps_pd(even), _mm256_castps_pd(odd));
                let (low, high) = (_mm256_unpacklo_pd(even, odd), _mm256_unpackhi_pd(even, odd));
                (_mm256_castpd_ps(low), _mm256_castpd_ps(high))
            }
            4 => (even, odd),
            _ => return (even, odd),
        };
        (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
    }
}

#[inline(always)]
pub(super) unsafe fn lanes_plain(from: usize, to: usize) -> (usize, usize) {
    (from, to)
}

#[inline(always)]
pub(super) unsafe fn load_lanes_plain(address: *const f32, (from, to): (usize, usize)) -> [f32; 8] {
    let mut lanes = [0.0; 8];
    for (lane, value) in lanes.iter_mut().enumerate().take(to).skip(from) {
        // SAFETY: the caller's lanes `from..to` can be read.
        *value = unsafe { *address.wrapping_add(lane) };
    }
    lanes
}

#[inline(always)]
pub(super) unsafe fn store_part_plain(value: [f32; 8], to: *mut f32, count: usize) {
    for (lane, value) in value.iter().enumerate().take(count) {
        // SAFETY: the caller's lanes `0..count` can be written.
        unsafe { *to.add(lane) = *value }
    }
}

#[inline(always)]
pub(super) unsafe fn part_runs_plain<const RUN: usize>(a: [f32; 8], b: [f32; 8]) -> ([f32; 8], [f32; 8]) {
    let mut parts = [[0.0; 8]; 2];
    for at in 0..16 {
        let value = if at < 8 { a[at] } else { b[at - 8] };
        let run = at / RUN;
        parts[run % 2][run / 2 * RUN + at % RUN] = value;
    }
    (parts[0], parts[1])
}

#[inline(always)]
pub(super) unsafe fn merge_runs_plain<const RUN: usize>(
    even: [f32; 8],
    odd: [f32; 8],
) -> ([f32; 8], [f32; 8]) {
    let parts = [even, odd];
    let mut halves = [[0.0; 8]; 2];
    for at in 0..16 {
        let run = at / RUN;
        halves[at / 8][at % 8] = parts[run % 2][run / 2 * RUN + at % RUN];
    }
    (halves[0], halves[1])
}
