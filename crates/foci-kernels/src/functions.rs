//! Activation functions and their derivatives on vectors, made of the operations of [`Vector`] alone, so that
//! they too have the same bits at every level.

use crate::activation::{Activation, LEAKY_SLOPE};
use crate::vector::Vector;

/// Added to a float of small magnitude, it leaves the nearest whole number in the lowest bits: 1.5 * 2^23.
const ROUNDING: f32 = 12_582_912.0;

/// e to the power of each lane, within 2 units in the last place, results clamped to the normal floats.
/// Reduction to |r| <= ln 2 / 2 and the polynomial of the Cephes library (Moshier 1989).
#[inline(always)]
unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: passed on to the caller.
    unsafe {
        let x = x.max(V::splat(-87.33)).min(V::splat(88.37));
        let whole = x.fused(V::splat(std::f32::consts::LOG2_E), V::splat(ROUNDING));
        let n = whole.sub(V::splat(ROUNDING));
        let r = n.fused(V::splat(-0.693_359_4), x);
        let r = n.fused(V::splat(2.121_944_4e-4), r);
        let mut p = V::splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = p.fused(r, V::splat(coefficient));
        }
        p.fused(r.mul(r), r).add(V::splat(1.0)).mul(whole.power_of_two())
    }
}

/// f(x) for each lane. What is not a number stays so.
#[inline(always)]
pub(crate) unsafe fn activated<V: Vector>(activation: Activation, x: V) -> V {
    // SAFETY: passed on to the caller.
    unsafe {
        let zero = V::splat(0.0);
        match activation {
            Activation::None => x,
            Activation::Relu => zero.max(x),
            Activation::LeakyRelu => zero.if_greater(x, x.mul(V::splat(LEAKY_SLOPE)), x),
            Activation::Elu => zero.if_greater(x, exp(x).sub(V::splat(1.0)), x),
            Activation::Silu => x.div(exp(zero.sub(x)).add(V::splat(1.0))),
        }
    }
}

/// `gradient * f'` for each lane, with the derivative told from `y = f(x)` (from `x` for SiLU).
#[inline(always)]
pub(crate) unsafe fn through<V: Vector>(activation: Activation, y: V, gradient: V) -> V {
    // SAFETY: passed on to the caller.
    unsafe {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        match activation {
            Activation::None => gradient,
            Activation::Relu => y.if_greater(zero, gradient, zero),
            Activation::LeakyRelu => y.if_greater(zero, gradient, gradient.mul(V::splat(LEAKY_SLOPE))),
            Activation::Elu => y.if_greater(zero, gradient, gradient.mul(y.add(one))),
            Activation::Silu => {
                let sigmoid = one.div(exp(zero.sub(y)).add(one));
                gradient.mul(sigmoid.mul(y.fused(one.sub(sigmoid), one)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Simd;
    use crate::vector::{Kernel, run_at};

    struct Exp<'a>(&'a [f32], &'a mut [f32]);
    impl Kernel for Exp<'_> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            for (from, to) in self.0.chunks_exact(16).zip(self.1.chunks_exact_mut(16)) {
                for lane in (0..16).step_by(V::LANES) {
                    // SAFETY: 16 floats each, and the level is checked by the test.
                    unsafe { exp(V::load(from.as_ptr().add(lane))).store(to.as_mut_ptr().add(lane)) }
                }
            }
        }
    }

    #[test]
    fn exp_is_close_and_the_same_at_every_level() {
        let step = if cfg!(miri) { 700 } else { 7 };
        let x: Vec<f32> = (-8700..8800).step_by(step).map(|x| x as f32 * 0.01).collect();
        let x = &x[..x.len() / 16 * 16];
        let mut first = vec![0.0; x.len()];
        // SAFETY: plain Rust runs everywhere.
        unsafe { run_at(Simd::Scalar, Exp(x, &mut first)) };
        for (x, y) in x.iter().zip(&first) {
            let exact = f64::from(*x).exp();
            assert!((f64::from(*y) / exact - 1.0).abs() < 2.5e-7, "exp({x}) = {exact}, not {y}");
        }
        for simd in Simd::ALL.into_iter().filter(|simd| simd.supported()) {
            let mut y = vec![0.0; x.len()];
            // SAFETY: the level is supported.
            unsafe { run_at(simd, Exp(x, &mut y)) };
            assert!(y.iter().zip(&first).all(|(a, b)| a.to_bits() == b.to_bits()), "{simd}");
        }
    }
}
