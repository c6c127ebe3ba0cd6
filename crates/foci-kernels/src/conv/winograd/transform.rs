//! The transforms of [`matrices`](super::matrices) in one dimension, on vectors: each an order of few
//! operations, the same at every level. Two passes, down the columns and along the rows, make them
//! two-dimensional.

use super::matrices::G;
use super::{IN, OUT};
use crate::vector::Vector;

/// Bᵀ d.
///
/// # Safety
/// (of all functions here) The CPU has the level.
#[inline(always)]
pub(super) unsafe fn source<V: Vector>(d: [V; IN]) -> [V; IN] {
    // SAFETY: see above.
    unsafe {
        let (two, four) = (V::splat(2.0), V::splat(4.0));
        let (minus_two, minus_four, minus_five) = (V::splat(-2.0), V::splat(-4.0), V::splat(-5.0));
        // The rows of 1 and -1, and those of 2 and -2, share their even and odd parts.
        let even = d[2].fused(minus_four, d[4]);
        let odd = d[1].fused(minus_four, d[3]);
        let even_of_two = d[4].sub(d[2]);
        let half_odd_of_two = d[3].sub(d[1]);
        [
            d[0].fused(four, d[2].fused(minus_five, d[4])),
            even.add(odd),
            even.sub(odd),
            half_odd_of_two.fused(two, even_of_two),
            half_odd_of_two.fused(minus_two, even_of_two),
            d[1].fused(four, d[3].fused(minus_five, d[5])),
        ]
    }
}

/// Aᵀ m.
#[inline(always)]
pub(super) unsafe fn output<V: Vector>(m: [V; IN]) -> [V; OUT] {
    // SAFETY: see above.
    unsafe {
        let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (sum_of_two, difference_of_two) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(sum).add(sum_of_two),
            difference_of_two.fused(V::splat(2.0), difference),
            sum_of_two.fused(V::splat(4.0), sum),
            difference_of_two.fused(V::splat(8.0), difference).add(m[5]),
        ]
    }
}

/// A dy, the transpose of [`output`].
#[inline(always)]
pub(super) unsafe fn gradient<V: Vector>(y: [V; OUT]) -> [V; IN] {
    // SAFETY: see above.
    unsafe {
        let (two, minus_two, four) = (V::splat(2.0), V::splat(-2.0), V::splat(4.0));
        let (even, odd) = (y[0].add(y[2]), y[1].add(y[3]));
        let even_of_two = y[2].fused(four, y[0]);
        let half_odd_of_two = y[3].fused(four, y[1]);
        [
            y[0],
            even.add(odd),
            even.sub(odd),
            half_odd_of_two.fused(two, even_of_two),
            half_odd_of_two.fused(minus_two, even_of_two),
            y[3],
        ]
    }
}

/// Gᵀ u, for the gradient by a kernel.
#[inline(always)]
unsafe fn kernel_gradient<V: Vector>(u: [V; IN]) -> [V; 3] {
    // SAFETY: see above.
    unsafe {
        let mut g = [V::splat(0.0); 3];
        for tap in 0..3 {
            for point in 0..IN {
                if G[point][tap] != 0.0 {
                    g[tap] = u[point].fused(V::splat(G[point][tap] as f32), g[tap]);
                }
            }
        }
        g
    }
}

/// Gᵀ u G, tap by tap, of sums at all points, which lie `point` floats apart.
///
/// # Safety
/// The CPU has the level; the sums can be read.
#[inline(always)]
pub(super) unsafe fn kernel_gradients<V: Vector>(sums: *const f32, point: usize) -> [V; 9] {
    // SAFETY: see above.
    unsafe {
        let mut half = [[V::splat(0.0); IN]; 3];
        for column in 0..IN {
            let mut values = [V::splat(0.0); IN];
            for (row, value) in values.iter_mut().enumerate() {
                *value = V::load(sums.add((row * IN + column) * point));
            }
            for (half, value) in half.iter_mut().zip(kernel_gradient(values)) {
                half[column] = value;
            }
        }
        let mut taps = [V::splat(0.0); 9];
        for (taps, half) in taps.chunks_exact_mut(3).zip(half) {
            taps.copy_from_slice(&kernel_gradient(half));
        }
        taps
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrices::{A_T, B_T};
    use super::*;
    use crate::simd::Simd;
    use crate::vector::{Kernel, run_at};

    /// Runs all transforms on the same numbers in every lane and keeps those of the last lane.
    struct All<'a>([f32; 6], &'a mut Vec<f32>);

    unsafe fn keep<V: Vector, const N: usize>(values: [V; N], to: &mut Vec<f32>) {
        for value in values {
            let mut lanes = [f32::NAN; 16];
            // SAFETY: no vector has more than 16 lanes.
            unsafe { value.store(lanes.as_mut_ptr()) };
            to.push(lanes[V::LANES - 1]);
        }
    }

    impl Kernel for All<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            // SAFETY: the level is checked by the test.
            unsafe {
                let six: [V; 6] = std::array::from_fn(|at| V::splat(self.0[at]));
                keep(source(six), self.1);
                keep(output(six), self.1);
                keep(gradient([six[0], six[1], six[2], six[3]]), self.1);
                keep(kernel_gradient(six), self.1);
            }
        }
    }

    #[test]
    fn each_is_its_matrix_at_every_level() {
        // Whole numbers, so that nothing is rounded but the thirds of G.
        let values = [3.0f32, -7.0, 12.0, 5.0, -24.0, 48.0];
        let mut expected = Vec::new();
        let dot = |row: &mut dyn Iterator<Item = f64>| -> f64 {
            row.zip(values).map(|(factor, value)| factor * f64::from(value)).sum()
        };
        expected.extend(B_T.iter().map(|row| dot(&mut row.iter().copied())));
        expected.extend(A_T.iter().map(|row| dot(&mut row.iter().copied())));
        expected.extend((0..6).map(|point| dot(&mut A_T.iter().map(|row| row[point]))));
        expected.extend((0..3).map(|tap| dot(&mut G.iter().map(|row| row[tap]))));
        for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
            let mut found = Vec::new();
            // SAFETY: the level is supported.
            unsafe { run_at(simd, All(values, &mut found)) };
            assert_eq!(found.len(), expected.len());
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{simd} {at}: {found}, not {expected}");
            }
        }
    }
}
