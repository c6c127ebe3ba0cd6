//! The kernels of a layer at the points of a tile, G g Gᵀ, laid out as 36 taps of the direct convolution.

use super::matrices::G;
use super::{IN, POINTS};
use crate::conv::pack::Packed;
use crate::view::LANES;

/// The kernels of 16 output channels, tap by tap.
type Taps = [[f64; LANES]; 9];

/// Packs `weight(output channel, input channel, position)` of 3x3 kernels, row by row, and the bias, into `packed`, which has
/// [`POINTS`] taps. Computed in f64 and rounded once.
pub(super) fn pack(packed: &mut Packed, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
    packed.put_bias(bias);
    let (channels_out, valid) = (packed.channels_out, &packed.valid);
    let to = packed.weights.as_mut_slice();
    for group in &packed.groups {
        let lanes = group.blocks * LANES;
        let (mut start, mut first) = (group.weights, 0);
        for valid in valid {
            for i in 0..*valid {
                for block in 0..group.blocks {
                    let o = (group.block + block) * LANES;
                    let mut taps: Taps = [[0.0; LANES]; 9];
                    for (tap, values) in taps.iter_mut().enumerate() {
                        for (lane, value) in values.iter_mut().take(channels_out - o).enumerate() {
                            *value = f64::from(weight(o + lane, first + i, tap));
                        }
                    }
                    for (point, values) in points(&taps).iter().enumerate() {
                        let at = start + (point * valid + i) * lanes + block * LANES;
                        to[at..at + LANES].copy_from_slice(values);
                    }
                }
            }
            start += POINTS * valid * lanes;
            first += valid;
        }
    }
}

/// G g Gᵀ.
fn points(taps: &Taps) -> [[f32; LANES]; POINTS] {
    let mut half = [[[0.0f64; LANES]; 3]; IN];
    for (half, factors) in half.iter_mut().zip(&G) {
        for (at, factor) in factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            for (b, half) in half.iter_mut().enumerate() {
                for lane in 0..LANES {
                    half[lane] += factor * taps[at * 3 + b][lane];
                }
            }
        }
    }
    let mut result = [[0.0; LANES]; POINTS];
    for (point, result) in result.iter_mut().enumerate() {
        let (half, factors) = (&half[point / IN], &G[point % IN]);
        for lane in 0..LANES {
            let sum = factors[0] * half[0][lane] + factors[1] * half[1][lane] + factors[2] * half[2][lane];
            result[lane] = sum as f32;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_points_are_the_corner_taps() {
        let taps: Taps = std::array::from_fn(|tap| [(tap + 1) as f64; LANES]);
        let points = points(&taps);
        // The point 0 is the first tap over 4 in each direction, infinity the last.
        assert_eq!(points[0], [1.0 / 16.0; LANES]);
        assert_eq!(points[35], [9.0; LANES]);
        // At 1 in both directions, the sum of all taps over 36.
        assert_eq!(points[7], [45.0 / 36.0; LANES]);
    }
}
