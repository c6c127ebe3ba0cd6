//! Values between pixels.
//!
//! Straight lines between pixels are too coarse for edges and points of a spread near one pixel: they widen a Gaussian edge
//! of that spread by up to a tenth. What is smooth on the scale of a pixel is the sum over its samples times
//! sinc(t) = sin(pi t) / (pi t), cut short here by the Hann window cos^2(pi t / 12) (Harris 1978, Proc. IEEE 66:51) and divided
//! by the sum of the twelve weights: constants and ramps are exact, a Gaussian point of spread 1 is within 0.7 % of its
//! height, a Gaussian edge within 0.1 %.

use crate::{ImageView, Point};
use std::f64::consts::PI;

/// Pixels to either side of a coordinate that have a say in the value there.
const REACH: usize = 6;

/// Value between pixels; beyond the border the pixels of the border go on.
pub(super) fn sample(image: ImageView<'_>, at: Point) -> f64 {
    let (columns, across) = taps(at.x, image.width());
    let (rows, down) = taps(at.y, image.height());
    let mut sum = 0.0;
    for (row, weight) in rows.into_iter().zip(down) {
        let row = image.row(row);
        let along: f64 = columns.iter().zip(across).map(|(&x, weight)| weight * f64::from(row[x])).sum();
        sum += weight * along;
    }
    sum
}

/// The pixels around a coordinate and their weights.
fn taps(at: f64, length: usize) -> ([usize; 2 * REACH], [f64; 2 * REACH]) {
    let last = (length - 1) as f64;
    let at = at.clamp(0.0, last);
    let sinc = |t: f64| if t == 0.0 { 1.0 } else { (PI * t).sin() / (PI * t) };
    let (mut pixels, mut weights) = ([0; 2 * REACH], [0.0; 2 * REACH]);
    for tap in 0..2 * REACH {
        let pixel = at.floor() + tap as f64 - (REACH - 1) as f64;
        pixels[tap] = pixel.clamp(0.0, last) as usize;
        weights[tap] = sinc(at - pixel) * (0.5 * PI * (at - pixel) / REACH as f64).cos().powi(2);
    }
    let sum: f64 = weights.iter().sum();
    (pixels, weights.map(|weight| weight / sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Scene;

    #[test]
    fn ramps_are_exact() {
        let mut scene = Scene::flat(21, 19, 0.5);
        scene.add(|here| 0.25 * here.x - 0.125 * here.y);
        let value = sample(scene.view().unwrap(), Point { x: 9.3, y: 9.6 });
        assert!((value - (0.5 + 0.25 * 9.3 - 0.125 * 9.6)).abs() < 1e-4, "{value}");
    }

    #[test]
    fn a_gaussian_is_met_between_pixels_and_constants_and_pixels_are_exact() {
        let mut scene = Scene::flat(21, 19, 0.3);
        assert!((sample(scene.view().unwrap(), Point { x: 4.3, y: 0.8 }) - 0.3).abs() < 1e-7);
        let middle = Point { x: 10.0, y: 9.0 };
        scene.add_point(middle, 1.0, 1.0);
        let view = scene.view().unwrap();
        let mut worst = 0.0f64;
        for i in 0..400 {
            let at = Point { x: 8.0 + f64::from(i % 20) / 5.0, y: 7.0 + f64::from(i / 20) / 5.0 };
            let expected = 0.3 + (-0.5 * at.distance(middle).powi(2)).exp();
            worst = worst.max((sample(view, at) - expected).abs());
        }
        assert!(worst < 0.01, "{worst}");
        assert!((sample(view, Point { x: 11.0, y: 9.0 }) - f64::from(view.row(9)[11])).abs() < 1e-12);
        assert!((sample(view, Point { x: -3.0, y: 20.0 }) - f64::from(view.row(18)[0])).abs() < 1e-12);
    }
}
