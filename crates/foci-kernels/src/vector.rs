//! The small set of vector operations that every kernel is written over, once per instruction level.
//!
//! All levels round alike (multiply-adds are fused everywhere), so a kernel that does the same operations
//! in the same order for each lane gives the same bits at every level. A kernel is a value that implements
//! [`Kernel`]; [`run_at`] compiles its body for each level. Bodies, and all they call, are
//! `#[inline(always)]`, as intrinsics in a function that is not inlined into the one that enables their
//! instructions become calls.

mod fold;
mod levels;
mod shuffle;
#[cfg(test)]
mod tests;

use crate::simd::Simd;
use levels::Plain;
#[cfg(target_arch = "x86_64")]
use levels::{Avx2, Avx512};

/// A vector of `LANES` floats.
pub(crate) trait Vector: Copy {
    /// Floats in a vector; divides 16.
    const LANES: usize;
    /// Vectors that fit into registers at the same time.
    const REGISTERS: usize;
    /// Some lanes, in the form in which loads want them.
    type Lanes: Copy;
    unsafe fn splat(value: f32) -> Self;
    /// The load of `LANES` floats from any address.
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// The store to an address that is a multiple of the vector's bytes, past the caches. Nobody may touch those floats
    /// before a [`fence`].
    unsafe fn stream(self, to: *mut f32);
    /// Lanes `from..to`.
    unsafe fn lanes(from: usize, to: usize) -> Self::Lanes;
    /// Some lanes of the floats at an address, zeros in the others; memory of those is not touched.
    unsafe fn load_lanes(address: *const f32, lanes: Self::Lanes) -> Self;
    /// Lanes `from..to` of the floats at an address, zeros in the others; memory of those is not touched.
    #[inline(always)]
    unsafe fn load_part(address: *const f32, from: usize, to: usize) -> Self {
        // SAFETY: passed on to the caller.
        unsafe { Self::load_lanes(address, Self::lanes(from, to)) }
    }
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
    /// Runs a kernel at this level in a function of its own. What is seldom needed in the middle of an unrolled loop is
    /// kept out of it so: there it would be repeated for every store, which makes nothing faster and compiling slow.
    ///
    /// # Safety
    /// The conditions of the kernel hold.
    unsafe fn out_of_line<K: Kernel>(kernel: K);
}

/// The first `LANES` of some vectors, transposed.
///
/// # Safety
/// The CPU has the level.
#[inline(always)]
pub(crate) unsafe fn transposed<V: Vector>(mut vectors: [V; 16]) -> [V; 16] {
    let half = V::LANES / 2;
    let mut done = 1;
    // Each step moves the highest binary digit of a vector's number to the end of the lane's: after as many steps as
    // there are digits, numbers of vectors and of lanes have changed places.
    while done < V::LANES {
        let before = vectors;
        for at in 0..half {
            // SAFETY: passed on to the caller.
            let (first, second) = unsafe { before[at].merge_runs::<1>(before[at + half]) };
            (vectors[2 * at], vectors[2 * at + 1]) = (first, second);
        }
        done *= 2;
    }
    vectors
}

/// Something to be computed at one instruction level.
///
/// The functions that enable the instructions are methods of the trait, not functions beside it: the compiler puts what a
/// generic function becomes where that function is defined, so that all kernels together would be one unit of code, which
/// one core compiles while the others wait. Provided methods go where the kernel is.
pub(crate) trait Kernel: Sized {
    /// The computation.
    ///
    /// # Safety
    /// The CPU has the instructions of `V`; the implementation adds its own conditions.
    unsafe fn run<V: Vector>(self);

    /// The computation at one level.
    ///
    /// # Safety
    /// Those of [`run`](Kernel::run).
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
    unsafe fn run_avx512(self) {
        // SAFETY: passed on to the caller.
        unsafe { self.run::<Avx512>() }
    }

    /// The computation at one level.
    ///
    /// # Safety
    /// Those of [`run`](Kernel::run).
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_avx2(self) {
        // SAFETY: passed on to the caller.
        unsafe { self.run::<Avx2>() }
    }

    /// The computation in plain Rust.
    ///
    /// # Safety
    /// Those of [`run`](Kernel::run).
    unsafe fn run_plain(self) {
        // SAFETY: passed on to the caller; plain Rust needs no instructions.
        unsafe { self.run::<Plain>() }
    }
}

/// Runs a kernel at a level.
///
/// # Safety
/// The CPU has the level, and the conditions of the kernel hold.
pub(crate) unsafe fn run_at<K: Kernel>(simd: Simd, kernel: K) {
    match simd {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: passed on to the caller.
        Simd::Avx512 => unsafe { kernel.run_avx512() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: passed on to the caller.
        Simd::Avx2 => unsafe { kernel.run_avx2() },
        // SAFETY: passed on to the caller.
        _ => unsafe { kernel.run_plain() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
#[inline(never)]
unsafe fn out_of_line_avx512<K: Kernel>(kernel: K) {
    // SAFETY: passed on to the caller.
    unsafe { kernel.run::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
unsafe fn out_of_line_avx2<K: Kernel>(kernel: K) {
    // SAFETY: passed on to the caller.
    unsafe { kernel.run::<Avx2>() }
}

#[inline(never)]
unsafe fn out_of_line_plain<K: Kernel>(kernel: K) {
    // SAFETY: passed on to the caller; plain Rust needs no instructions.
    unsafe { kernel.run::<Plain>() }
}

/// Asks for the cache line at an address, which may be any, to come into the nearest cache; nothing happens where there
/// is no such hint.
#[inline(always)]
pub(crate) fn prefetch(address: *const f32) {
    hint::<{ Cache::NEAREST }>(address);
}

/// Asks for a cache line that is needed later, to wait in the second cache, where it takes no room from what is needed
/// now.
#[inline(always)]
pub(crate) fn prefetch_early(address: *const f32) {
    hint::<{ Cache::SECOND }>(address);
}

/// Ends what was stored past the caches: whoever is told of it afterwards sees it.
#[inline(always)]
pub(crate) fn fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every x86-64 has it.
    unsafe {
        core::arch::x86_64::_mm_sfence()
    }
}

/// Caches as hints name them.
struct Cache;

#[cfg(target_arch = "x86_64")]
impl Cache {
    const NEAREST: i32 = core::arch::x86_64::_MM_HINT_T0;
    const SECOND: i32 = core::arch::x86_64::_MM_HINT_T1;
}

#[cfg(not(target_arch = "x86_64"))]
impl Cache {
    const NEAREST: i32 = 0;
    const SECOND: i32 = 1;
}

#[inline(always)]
fn hint<const CACHE: i32>(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which every x86-64 has and which never faults.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<CACHE>(address.cast())
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
