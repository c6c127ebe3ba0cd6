//! The kernels of a layer at the points of a tile, G g Gᵀ, laid out as 36 taps of the direct convolution.

use super::matrices::G;
use super::{IN, POINTS};
use crate::conv::pack::Packed;
use crate::simd::Simd;
use crate::vector::{Kernel, Vector, run_at};
use crate::view::LANES;

/// The kernels of 16 output channels, tap by tap.
type Taps = [[f64; LANES]; 9];

/// Packs `weight(output channel, input channel, position)` of 3x3 kernels, row by row, and the bias, into
/// `packed`, which has [`POINTS`] taps. Computed in f64 and rounded once.
pub(super) fn pack(
    simd: Simd,
    packed: &mut Packed,
    weight: impl Fn(usize, usize, usize) -> f32,
    bias: Option<&[f32]>,
) {
    packed.put_bias(bias);
    // SAFETY: the level is that of the pool that the layer was made for.
    unsafe { run_at(simd, Packing { packed, weight }) }
}

struct Packing<'a, W> {
    packed: &'a mut Packed,
    weight: W,
}

impl<W: Fn(usize, usize, usize) -> f32> Kernel for Packing<'_, W> {
    /// Plain loops over lanes, which become vectors of the level.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Packed { groups, valid, channels_out, weights, .. } = self.packed;
        let to = weights.as_mut_slice();
        for group in groups {
            let lanes = group.blocks * LANES;
            let (mut start, mut first) = (group.weights, 0);
            for &valid in &*valid {
                for i in 0..valid {
                    for block in 0..group.blocks {
                        let o = (group.block + block) * LANES;
                        let mut taps: Taps = [[0.0; LANES]; 9];
                        for lane in 0..LANES.min(*channels_out - o) {
                            for tap in 0..9 {
                                taps[tap][lane] = f64::from((self.weight)(o + lane, first + i, tap));
                            }
                        }
                        let at = start + i * lanes + block * LANES;
                        points(&taps, &mut to[at..], valid * lanes);
                    }
                }
                start += POINTS * valid * lanes;
                first += valid;
            }
        }
    }
}

/// G g Gᵀ, one point every `stride` floats of `to`.
#[inline(always)]
fn points(taps: &Taps, to: &mut [f32], stride: usize) {
    let mut half = [[[0.0f64; LANES]; 3]; IN];
    for point in 0..IN {
        for b in 0..3 {
            for a in 0..3 {
                for lane in 0..LANES {
                    half[point][b][lane] += G[point][a] * taps[a * 3 + b][lane];
                }
            }
        }
    }
    for point in 0..POINTS {
        let (half, factors) = (&half[point / IN], &G[point % IN]);
        let to = &mut to[point * stride..][..LANES];
        for lane in 0..LANES {
            let sum = factors[0] * half[0][lane] + factors[1] * half[1][lane] + factors[2] * half[2][lane];
            to[lane] = sum as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_points_are_the_corner_taps() {
        let taps: Taps = std::array::from_fn(|tap| [(tap + 1) as f64; LANES]);
        let mut to = vec![f32::NAN; POINTS * LANES];
        points(&taps, &mut to, LANES);
        let point = |at: usize| &to[at * LANES..][..LANES];
        // The point 0 is the first tap over 4 in each direction, infinity the last.
        assert_eq!(point(0), [1.0 / 16.0; LANES]);
        assert_eq!(point(35), [9.0; LANES]);
        // At 1 in both directions, the sum of all taps over 36.
        assert_eq!(point(7), [45.0 / 36.0; LANES]);
    }
}
