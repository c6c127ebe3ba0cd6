//! An image on a line across an edge or a gap, and what is told of it.

use crate::optics::interpolate::sample;
use crate::optics::rayleigh;
use crate::{ImageView, Point};

/// Distance of the samples, pixels.
const STEP: f64 = 0.1;
/// An edge with less than this share of the step drawn is lost.
const LOST: f64 = 0.1;

/// What is told of one edge.
pub(super) struct Edge {
    /// 10-90 % width, pixels.
    pub width: f64,
    /// Excess beyond the plateaus, as a share of the step of the image.
    pub overshoot: f64,
}

/// An image on a line.
pub(super) struct Profile {
    /// Samples from -reach to +reach, [`STEP`] pixels apart.
    values: Vec<f64>,
    /// Index of the sample at 0.
    zero: usize,
    /// Mean of the plateau on the negative side, and on the positive one.
    plateaus: [f64; 2],
}

impl Profile {
    /// On the line through `at` in the direction `angle`, out to a quarter of the side.
    pub fn across(image: ImageView<'_>, at: Point, angle: f64) -> Profile {
        let quarter = image.width() as f64 / 4.0;
        let zero = (quarter / STEP).floor() as usize;
        let place = |i: usize| (i as f64 - zero as f64) * STEP;
        let values: Vec<f64> = (0..=2 * zero).map(|i| sample(image, beside(at, angle, place(i)))).collect();
        let far = (0.5 * quarter / STEP).ceil() as usize;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let plateaus = [mean(&values[..=zero - far]), mean(&values[zero + far..])];
        Profile { values, zero, plateaus }
    }

    /// 10-90 % width and overshoot; `None` if the edge is lost. `step` is what was drawn.
    pub fn edge(&self, step: f64) -> Option<Edge> {
        let [low, high] = self.plateaus;
        if high - low < LOST * step {
            return None;
        }
        let risen: Vec<f64> = self.values.iter().map(|value| (value - low) / (high - low)).collect();
        let overshoot = risen.iter().fold(0.0f64, |most, &share| most.max(share - 1.0).max(-share));
        // The crossing of one half that is nearest to the middle, then outwards: ripples on the plateaus do not count.
        let crosses = |&i: &usize| risen[i] < 0.5 && risen[i + 1] >= 0.5;
        let half = (0..risen.len() - 1).filter(crosses).min_by_key(|i| i.abs_diff(self.zero))?;
        let tenth = (0..=half).rev().find(|&i| risen[i] <= 0.1)?;
        let nine_tenths = (half + 1..risen.len()).find(|&i| risen[i] >= 0.9)? - 1;
        let between = |i: usize, share: f64| i as f64 + (share - risen[i]) / (risen[i + 1] - risen[i]);
        Some(Edge { width: STEP * (between(nine_tenths, 0.9) - between(tenth, 0.1)), overshoot })
    }

    /// Whether a gap of this width in the middle is visible. `step` is what was drawn.
    pub fn shows_gap(&self, width: f64, step: f64) -> bool {
        let reach = ((0.5 * width + 1.0) / STEP).round() as usize;
        let inside = &self.values[self.zero - reach..=self.zero + reach];
        let least = inside.iter().copied().fold(f64::INFINITY, f64::min);
        0.5 * (self.plateaus[0] + self.plateaus[1]) - least >= rayleigh::DIP * step
    }
}

/// `distance` pixels from `at` in the direction `angle`.
pub(super) fn beside(at: Point, angle: f64, distance: f64) -> Point {
    Point { x: at.x + distance * angle.cos(), y: at.y + distance * angle.sin() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::Scene;

    #[test]
    fn ripples_on_the_plateaus_do_not_move_the_crossings() {
        let at = Point { x: 40.0, y: 40.0 };
        let mut scene = Scene::flat(81, 81, 0.0);
        scene.add_edge(at, 0.0, 1.0, 1.0);
        let plain = Profile::across(scene.view().unwrap(), at, 0.0).edge(1.0).unwrap();
        // Deep enough to cross every level once more, on the plateaus.
        // A bump and a dip in each, so that its mean stays.
        for (x, height) in [(23.0, 0.9), (27.0, -0.9), (53.0, 0.9), (57.0, -0.9)] {
            scene.add_point(Point { x, y: 40.0 }, 1.0, height);
        }
        let rippled = Profile::across(scene.view().unwrap(), at, 0.0).edge(1.0).unwrap();
        assert!((rippled.width / plain.width - 1.0).abs() < 0.02, "{} {}", rippled.width, plain.width);
        assert!(plain.overshoot < 1e-3 && (rippled.overshoot - 0.9).abs() < 0.01);
    }
}
