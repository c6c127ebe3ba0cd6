//! Defocus by geometrical optics: each point becomes an evenly lit disc.

use crate::Plane;
use crate::gaussian::mirrored;

/// Convolves with a disc of `radius` pixels (more than 0), with mirrored borders; the sum is kept.
pub(super) fn defocus(plane: &mut Plane, radius: f64) {
    let (width, height) = (plane.width, plane.height);
    let disc = Disc::new(radius);
    let reach = disc.reach;
    // Rows with their mirrored surroundings at left and right.
    let padded: Vec<Vec<f64>> = plane
        .data
        .chunks_exact(width)
        .map(|row| {
            let column = |index: usize| mirrored(index as isize - reach as isize, width);
            (0..width + 2 * reach).map(|index| f64::from(row[column(index)])).collect()
        })
        .collect();
    let mut sums = vec![0f64; width];
    for (y, row) in plane.data.chunks_exact_mut(width).enumerate() {
        sums.fill(0.0);
        for (down, weights) in disc.weights.chunks_exact(2 * reach + 1).enumerate() {
            let source = &padded[mirrored((y + down) as isize - reach as isize, height)];
            for (along, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                for (sum, value) in sums.iter_mut().zip(&source[along..]) {
                    *sum += weight * value;
                }
            }
        }
        for (value, sum) in row.iter_mut().zip(&sums) {
            *value = *sum as f32;
        }
    }
}

/// The disc in pixels: a square of `2 * reach + 1` weights each way that add up to 1.
struct Disc {
    reach: usize,
    weights: Vec<f64>,
}

impl Disc {
    fn new(radius: f64) -> Self {
        let reach = (radius - 0.5).max(0.0).ceil() as usize;
        let offsets = || (0..=2 * reach).map(|index| index as f64 - reach as f64);
        let mut weights: Vec<f64> =
            offsets().flat_map(|y| offsets().map(move |x| covered(radius, x, y))).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        Self { reach, weights }
    }
}

/// Area of the pixel centred at `(x, y)` that a disc about the origin covers: in strips along y, exact in each.
fn covered(radius: f64, x: f64, y: f64) -> f64 {
    const STRIPS: usize = 64;
    let strip = |index: usize| {
        let across = x - 0.5 + (index as f64 + 0.5) / STRIPS as f64;
        let half = (radius * radius - across * across).max(0.0).sqrt();
        ((y + 0.5).min(half) - (y - 0.5).max(-half)).max(0.0)
    };
    (0..STRIPS).map(strip).sum::<f64>() / STRIPS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covered_areas_add_up_to_the_disc() {
        for radius in [0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0] {
            let area: f64 =
                (-9..=9).flat_map(|y| (-9..=9).map(move |x| covered(radius, x.into(), y.into()))).sum();
            let expected = std::f64::consts::PI * radius * radius;
            println!("radius {radius}: area / (pi r^2) - 1 = {:.1e}", area / expected - 1.0);
            assert!((area / expected - 1.0).abs() < 2e-3, "{radius}: {area} {expected}");
        }
    }
}
