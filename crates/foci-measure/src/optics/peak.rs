//! Height and width of a peak that stands between pixels.
//!
//! Both come from parabolas through the logarithms of three neighbouring pixels, which are exact for a sampled Gaussian
//! (Guo 2011, IEEE Signal Process. Mag. 28(5):134), where straight lines would tell a width up to a tenth wrong at
//! a standard deviation of one pixel.

use crate::{ImageView, Point};
use std::f64::consts::LN_2;

/// Values below this share of a peak are raised to it before a logarithm is taken. A sampled Gaussian of spread 0.7 or
/// more has larger ones wherever they count; the floor keeps a zero or an undershoot beside the peak from deciding.
const LOGARITHM_FLOOR: f64 = 0.01;

/// A peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Peak {
    /// Column of the highest pixel.
    pub x: usize,
    /// Row of the highest pixel.
    pub y: usize,
    /// Height between pixels; not above 0 if no pixel is.
    pub height: f64,
}

/// The highest pixel among the one nearest to `at`, which lies in the image, and those at most `radius` pixels from it.
/// The first in reading order if there are several.
pub(super) fn peak_near(image: ImageView<'_>, at: Point, radius: f64) -> Peak {
    let bound = |from: f64, length: usize| from.clamp(0.0, (length - 1) as f64) as usize;
    let (width, height) = (image.width(), image.height());
    let (mut x, mut y) = (bound(at.x.round(), width), bound(at.y.round(), height));
    for row in bound((at.y - radius).ceil(), height)..=bound((at.y + radius).floor(), height) {
        for column in bound((at.x - radius).ceil(), width)..=bound((at.x + radius).floor(), width) {
            let near = at.distance(Point { x: column as f64, y: row as f64 }) <= radius;
            if near && image.row(row)[column] > image.row(y)[x] {
                (x, y) = (column, row);
            }
        }
    }
    let top = f64::from(image.row(y)[x]);
    if top <= 0.0 {
        return Peak { x, y, height: top };
    }
    let logarithm = |x: usize, y: usize| f64::from(image.row(y)[x]).max(LOGARITHM_FLOOR * top).ln();
    let mut height = top.ln();
    if x > 0 && x + 1 < width {
        height += rise([logarithm(x - 1, y), logarithm(x, y), logarithm(x + 1, y)]);
    }
    if y > 0 && y + 1 < image.height() {
        height += rise([logarithm(x, y - 1), logarithm(x, y), logarithm(x, y + 1)]);
    }
    Peak { x, y, height: height.exp() }
}

/// How far the parabola through three values rises above the middle one; 0 if that one is not the highest.
fn rise([before, here, after]: [f64; 3]) -> f64 {
    let (slope, bend) = (0.5 * (after - before), 0.5 * (after + before) - here);
    if here < before || here < after || bend == 0.0 { 0.0 } else { -slope * slope / (4.0 * bend) }
}

/// Full width at half maximum along a line whose highest pixel, above 0, is `peak`; `None` if it does not fall to half on
/// both sides.
pub(super) fn full_width(line: &[f64], peak: usize) -> Option<f64> {
    let mut logarithms: Vec<f64> =
        line.iter().map(|value| value.max(LOGARITHM_FLOOR * line[peak]).ln()).collect();
    let last = logarithms.len() - 1;
    if peak == 0 || peak == last {
        return None;
    }
    let top = logarithms[peak] + rise([logarithms[peak - 1], logarithms[peak], logarithms[peak + 1]]);
    let right = half_width(&logarithms, peak, top - LN_2)?;
    logarithms.reverse();
    let left = half_width(&logarithms, last - peak, top - LN_2)?;
    Some(left + right)
}

/// From the peak's pixel to where the line falls to `half`, towards growing index: on the parabola through the last
/// pixel above, the one before it and the first pixel not above.
fn half_width(logarithms: &[f64], peak: usize, half: f64) -> Option<f64> {
    let beyond = (peak + 1..logarithms.len()).find(|&i| logarithms[i] <= half)?;
    let [inside, here, outside] = [beyond - 2, beyond - 1, beyond].map(|i| logarithms[i]);
    let (slope, bend) = (0.5 * (outside - inside), 0.5 * (outside + inside) - here);
    // The one zero of excess + slope t + bend t^2 with 0 < t <= 1. The peak's pixel is above half by more than rounding:
    // above a floor of 1 %, a parabola rises by at most (ln 100) / 8 < ln 2 over its middle value.
    let excess = here - half;
    let root = (slope * slope - 4.0 * bend * excess).max(0.0).sqrt();
    Some((beyond - 1 - peak) as f64 + 2.0 * excess / (root - slope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Scene;

    #[test]
    fn the_height_of_a_gaussian_does_not_depend_on_where_it_stands() {
        for (x, y) in [(10.0, 9.0), (10.5, 9.25), (9.7, 9.5)] {
            let mut scene = Scene::flat(21, 19, 0.0);
            scene.add_point(Point { x, y }, 1.0, 0.3);
            let peak = peak_near(scene.view().unwrap(), Point { x: 9.0, y: 9.0 }, 3.0);
            assert!((peak.height - 0.3).abs() < 1e-5, "{peak:?}");
            assert!((peak.x as f64 - x).abs() <= 0.5 && (peak.y as f64 - y).abs() <= 0.5);
        }
    }

    #[test]
    fn a_peak_out_of_reach_or_below_nothing_is_not_made_up() {
        let mut scene = Scene::flat(21, 19, -0.25);
        scene.add_point(Point { x: 16.0, y: 9.0 }, 1.0, 1.0);
        let peak = peak_near(scene.view().unwrap(), Point { x: 4.2, y: 9.4 }, 2.0);
        assert_eq!((peak.x, peak.y, peak.height), (4, 9, -0.25));
        // On the slope: the highest pixel within reach, without a rise towards the summit.
        let slope = peak_near(scene.view().unwrap(), Point { x: 14.0, y: 9.0 }, 1.0);
        assert_eq!(slope.x, 15);
        assert!((slope.height - f64::from(scene.view().unwrap().row(9)[15])).abs() < 1e-6);
    }

    #[test]
    fn an_undershoot_beside_a_narrow_peak_gives_a_width_and_a_plateau_none() {
        // By hand, with the floor of 1 %: ln t-parabola -4.605 t^2, half at sqrt(ln 2 / ln 100) = 0.38796 on either side.
        let width = full_width(&[0.0, -0.2, 1.0, -0.2, 0.0], 2).unwrap();
        assert!((width - 2.0 * 0.387_96).abs() < 1e-4, "{width}");
        assert_eq!(full_width(&[0.1, 0.9, 1.0, 0.9, 0.8], 2), None);
        assert_eq!(full_width(&[1.0, 0.2, 0.1], 0), None);
    }
}
