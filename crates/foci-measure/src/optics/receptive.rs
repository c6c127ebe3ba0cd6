//! The effective receptive field: how much of what a net could see it looks at.
//!
//! The theoretical receptive field says which pixels of the input *can* change a pixel of the output. How much each of them
//! does is the gradient of the output pixel by it, and that is concentrated in the middle (Luo, Li, Urtasun, Zemel 2016,
//! Understanding the Effective Receptive Field in Deep Convolutional Neural Networks, NeurIPS).
//!
//! Given are maps of that gradient, one for each place of a specimen, all with the place in the middle, at column and row
//! `side / 2`. The field is the mean of their absolute values. Its radii are those of the discs around the middle that
//! hold one half and 95 % of its sum. Pixels at the same distance are a ring. `C(r)` is the sum of all rings inside `r`
//! and half of that at `r`, whose pixels lie as much inside as outside; the middle counts whole. It is given at each
//! distance that occurs and linear in between, and the radius for a share `q` is the smallest `r` with `C(r) >= q` times
//! the sum of all pixels: 0 if the middle alone holds so much. A uniform disc of radius `R` has `R sqrt(q)`, a Gaussian
//! of standard deviation `s` has `s sqrt(-2 ln(1 - q))` (within 2 % from `s` = 3 on; with whole rings it would be up to
//! 7 % less). Radii are in pixels. The disc that holds 95 % is also given as a share of the area of the theoretical
//! field, a square: `pi radius_95^2 / theoretical^2`.

use crate::{ImageView, MeasureError};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Where a net looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectiveField {
    /// Radius of the disc that holds half of the field, in pixels.
    pub radius_half: f64,
    /// Radius of the disc that holds 95 % of the field, in pixels.
    pub radius_95: f64,
    /// Side of the theoretical receptive field, in pixels.
    pub theoretical: usize,
    /// Area of the disc that holds 95 % by the area of the theoretical field; no unit.
    pub share: f64,
    /// Mean absolute gradient, row by row, divided by its largest value; no unit.
    pub map: Vec<f32>,
    /// Side of the map, in pixels.
    pub side: usize,
}

/// The field that gradient maps of `side` x `side` pixels show; `theoretical` is the side of the theoretical one, in pixels.
///
/// # Errors
/// [`MeasureError`] if `theoretical` is 0, if a map has another size or values that are not finite, and if all values are 0
/// or there is no map.
pub fn effective_field(
    maps: &[Vec<f32>],
    side: usize,
    theoretical: usize,
) -> Result<EffectiveField, MeasureError> {
    if theoretical == 0 {
        let (name, allowed) = ("the side of the theoretical receptive field", "at least 1 pixel");
        return Err(MeasureError::BadOption { name, value: 0.0, allowed });
    }
    let mut mean = vec![0.0; side.saturating_mul(side)];
    for map in maps {
        let map = ImageView::new(side, side, map)?;
        for (sum, &value) in mean.iter_mut().zip(map.data()) {
            *sum += f64::from(value).abs() / maps.len() as f64;
        }
    }
    let largest = mean.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Err(MeasureError::Flat { measure: "the effective receptive field" });
    }
    let reached = cumulative(&mean, side);
    let sum: f64 = mean.iter().sum();
    let radius_95 = radius(&reached, 0.95 * sum);
    Ok(EffectiveField {
        radius_half: radius(&reached, 0.5 * sum),
        radius_95,
        theoretical,
        share: PI * radius_95 * radius_95 / (theoretical * theoretical) as f64,
        map: mean.iter().map(|value| (value / largest) as f32).collect(),
        side,
    })
}

/// Distances from the middle, growing, and the sum up to there, half of the ring at that distance included.
fn cumulative(map: &[f64], side: usize) -> Vec<(f64, f64)> {
    let middle = side / 2;
    let square = |i: usize| (i % side).abs_diff(middle).pow(2) + (i / side).abs_diff(middle).pow(2);
    let mut pixels: Vec<(usize, f64)> =
        map.iter().enumerate().map(|(i, &value)| (square(i), value)).collect();
    // A stable order: pixels at the same distance stay in that of the rows.
    pixels.sort_by_key(|&(square, _)| square);
    let mut inside = 0.0;
    let rings = pixels.chunk_by(|a, b| a.0 == b.0).map(|ring| {
        let here = ring.iter().map(|&(_, value)| value).sum::<f64>();
        let reached = inside + if ring[0].0 == 0 { here } else { here / 2.0 };
        inside += here;
        ((ring[0].0 as f64).sqrt(), reached)
    });
    rings.collect()
}

/// Where the cumulative sum reaches what is wanted; the largest distance if it does not.
fn radius(reached: &[(f64, f64)], wanted: f64) -> f64 {
    let at = reached.partition_point(|&(_, sum)| sum < wanted);
    match (at.checked_sub(1).map(|before| reached[before]), reached.get(at)) {
        (Some((inner, less)), Some(&(outer, more))) => {
            inner + (outer - inner) * (wanted - less) / (more - less)
        }
        (Some((last, _)), None) => last,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(side: usize, value: impl Fn(f64) -> f64) -> Vec<f32> {
        let middle = (side / 2) as f64;
        let distance = |i: usize| ((i % side) as f64 - middle).hypot((i / side) as f64 - middle);
        (0..side * side).map(|i| value(distance(i)) as f32).collect()
    }

    #[test]
    fn a_point_has_no_extent() {
        for side in [1, 8, 9] {
            let field =
                effective_field(&[map(side, |r| if r == 0.0 { -3.0 } else { 0.0 })], side, 9).unwrap();
            assert_eq!((field.radius_half, field.radius_95, field.share), (0.0, 0.0, 0.0));
            assert_eq!(field.map[side / 2 * side + side / 2], 1.0);
        }
    }

    #[test]
    fn a_disc_and_a_gaussian_have_their_radii() {
        let near = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 0.02, "{found} instead of {expected}");
        };
        for radius in [10.5, 24.5] {
            let disc = effective_field(&[map(64, |r| f64::from(r <= radius))], 64, 50).unwrap();
            near(disc.radius_half, radius / 2.0f64.sqrt());
            near(disc.radius_95, radius * 0.95f64.sqrt());
            near(disc.share, PI * 0.95 * radius * radius / 2500.0);
        }
        for sigma in [3.0, 4.0, 7.0] {
            let gaussian = [map(63, |r| (-0.5 * (r / sigma) * (r / sigma)).exp())];
            let field = effective_field(&gaussian, 63, 63).unwrap();
            near(field.radius_half, sigma * (2.0 * 2.0f64.ln()).sqrt());
            near(field.radius_95, sigma * (2.0 * 20.0f64.ln()).sqrt());
        }
    }

    #[test]
    fn a_radius_between_two_rings_is_interpolated() {
        // Middle 1, its four neighbours 0.25 each: one half is reached in the middle. Half of the neighbours makes 1.5 at
        // distance 1, all of them 2 at the corners: 1.9 lies at four fifths of the way there.
        let field = effective_field(&[vec![0.0, 0.25, 0.0, 0.25, 1.0, -0.25, 0.0, 0.25, 0.0]], 3, 3).unwrap();
        assert_eq!(field.radius_half, 0.0);
        assert!((field.radius_95 - (1.0 + 0.8 * (2.0f64.sqrt() - 1.0))).abs() < 1e-12);
        // Nothing further out: the distance of the ring itself.
        let corner = effective_field(&[vec![1.0, 0.0, 0.0, 0.0]], 2, 2).unwrap();
        assert_eq!((corner.radius_half, corner.radius_95), (2.0f64.sqrt(), 2.0f64.sqrt()));
    }

    #[test]
    fn maps_are_averaged_without_their_signs() {
        let (a, b) = (vec![0.0, 0.0, 2.0, -4.0], vec![0.0, 1.0, -2.0, -4.0]);
        let field = effective_field(&[a, b], 2, 2).unwrap();
        assert_eq!(field.map, [0.0, 0.125, 0.5, 1.0]);
        assert!(matches!(effective_field(&[], 2, 2), Err(MeasureError::Flat { .. })));
        assert!(matches!(effective_field(&[vec![0.0; 4]], 2, 2), Err(MeasureError::Flat { .. })));
        assert!(matches!(effective_field(&[vec![1.0; 4]], 3, 2), Err(MeasureError::Length { .. })));
        assert!(matches!(effective_field(&[vec![1.0; 4]], 2, 0), Err(MeasureError::BadOption { .. })));
    }
}
