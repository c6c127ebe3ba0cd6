//! Two-point resolution: how far apart two points must be to be seen as two.
//!
//! Two equal Gaussian points of standard deviation `spread` are drawn on a site, `distance` pixels apart along x, y or
//! the diagonal between them. Of their response, (image of site and points - image of the site) / contrast, a peak
//! is looked for around each true place, within half the distance and at most two spreads. They are seen as two if the peaks
//! are two pixels, both at least a tenth as high as the probe, and the response on the line between them falls at some
//! place to at least 26.4 % below the mean of the peaks: Rayleigh's dip (Rayleigh 1879, Phil. Mag. 8:261; Born and Wolf,
//! Principles of Optics, section 8.6.2).
//!
//! The resolution is the smallest distance from which on all greater distances tested are seen. Two Gaussians
//! of standard deviation s, each 1 high, have the valley 2 exp(-d^2 / 8 s^2) and the peaks 1 + exp(-d^2 / 2 s^2)
//! at their places, so that it is 2.80 s, in steps of the distances tested.

use crate::optics::interpolate::sample;
use crate::optics::peak::peak_near;
use crate::optics::response::{Ground, check_ascending, check_sites, check_spread};
use crate::optics::{Brightness, Range, Scene, Site, System, rayleigh};
use crate::{ImageView, MeasureError, Point};
use serde::{Deserialize, Serialize};

/// Least height of either peak, as a share of the probe's.
const LOST: f64 = 0.1;
/// How far from its true place a peak is looked for, in spreads.
const REACH: f64 = 2.0;
/// Step along the line between the peaks, pixels.
const STEP: f64 = 0.25;
/// Directions from one point to the other, degrees from the x axis.
const DIRECTIONS: [f64; 3] = [0.0, 45.0, 90.0];

/// Which points are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwoPointSettings {
    /// Standard deviation of each point, pixels; at least 0.7.
    pub spread: f64,
    /// Peaks of the points, normalised intensity.
    pub contrasts: Vec<f64>,
    /// Distances tested, pixels; ascending. The greatest must be so large that the probe itself is seen as two.
    pub distances: Vec<f64>,
}

impl Default for TwoPointSettings {
    fn default() -> Self {
        // Finely where good instruments differ, by whole pixels where bad ones do.
        let fine = (2..=16).map(|halves| f64::from(halves) / 2.0);
        let distances = fine.chain((9..=16).map(f64::from)).collect();
        Self { spread: 1.0, contrasts: vec![0.1, 0.3], distances }
    }
}

/// Resolution of points of one contrast on sites of one brightness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwoPointCondition {
    /// Where the points stand.
    pub brightness: Brightness,
    /// Peak of the points, normalised intensity.
    pub contrast: f64,
    /// Smallest distance that is seen as two, pixels, over those sites and directions where there is one.
    pub distance: Option<Range>,
    /// Number of sites and directions where not even the greatest distance is seen as two.
    pub unresolved: usize,
}

/// Two-point resolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwoPoints {
    /// One for each brightness that occurs and each contrast: dim first, contrasts in the order asked for.
    pub conditions: Vec<TwoPointCondition>,
    /// The smallest distance at which the probe itself is seen as two, pixels, mean over directions.
    pub ideal: f64,
}

/// Measures how far apart `system` needs two points on `sites` to be.
///
/// # Errors
/// Those of the system; [`MeasureError`] if there are no sites, the points do not fit on them, or a setting is out of its
/// range.
pub fn two_points<S: System>(
    system: &mut S,
    sites: &[Site],
    settings: &TwoPointSettings,
) -> Result<TwoPoints, S::Error> {
    let TwoPointSettings { spread, ref contrasts, ref distances } = *settings;
    check_spread(spread)?;
    check_ascending("a distance of two points", distances)?;
    let greatest = distances[distances.len() - 1];
    let side = (greatest + 8.0 * spread).ceil() as usize + 1;
    check_sites("the two-point resolution", sites, side, contrasts)?;
    let ideal = ideal(side, spread, distances)?;

    let mut conditions = Vec::new();
    for brightness in Brightness::ALL {
        let mut smallest = vec![Vec::new(); contrasts.len()];
        for site in sites.iter().filter(|site| site.brightness == brightness) {
            let ground = Ground::new(system, site)?;
            for (smallest, &contrast) in smallest.iter_mut().zip(contrasts) {
                for degrees in DIRECTIONS {
                    let seen = |distance| {
                        let places = places(ground.middle(), distance, degrees);
                        let draw = |scene: &mut Scene, contrast| add_points(scene, places, spread, contrast);
                        let response = ground.response(system, contrast, draw)?;
                        Ok::<_, S::Error>(seen_as_two(ground.view(&response)?, places, spread))
                    };
                    smallest.push(rayleigh::smallest_seen(distances, seen)?);
                }
            }
        }
        for (smallest, &contrast) in smallest.iter().zip(contrasts).filter(|(tried, _)| !tried.is_empty()) {
            let distance = Range::of(smallest.iter().copied().flatten());
            let unresolved = smallest.iter().filter(|distance| distance.is_none()).count();
            conditions.push(TwoPointCondition { brightness, contrast, distance, unresolved });
        }
    }
    Ok(TwoPoints { conditions, ideal })
}

/// What the probe itself would give.
fn ideal(side: usize, spread: f64, distances: &[f64]) -> Result<f64, MeasureError> {
    let mut sum = 0.0;
    for degrees in DIRECTIONS {
        let seen = |distance| {
            let middle = (side / 2) as f64;
            let places = places(Point { x: middle, y: middle }, distance, degrees);
            let mut scene = Scene::flat(side, side, 0.0);
            add_points(&mut scene, places, spread, 1.0);
            Ok::<_, MeasureError>(seen_as_two(scene.view()?, places, spread))
        };
        sum += rayleigh::smallest_seen(distances, seen)?.ok_or(MeasureError::BadOption {
            name: "the greatest distance of two points",
            value: distances[distances.len() - 1],
            allowed: "so large that the probe itself is seen as two: 4 times its spread",
        })?;
    }
    Ok(sum / DIRECTIONS.len() as f64)
}

/// Where two points stand whose middle is `middle`.
fn places(middle: Point, distance: f64, degrees: f64) -> [Point; 2] {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    [-0.5, 0.5]
        .map(|side| Point { x: middle.x + side * distance * cosine, y: middle.y + side * distance * sine })
}

fn add_points(scene: &mut Scene, places: [Point; 2], spread: f64, contrast: f64) {
    for place in places {
        scene.add_point(place, spread, contrast);
    }
}

/// Whether a response, in which each point was 1 high, shows two.
fn seen_as_two(response: ImageView<'_>, places: [Point; 2], spread: f64) -> bool {
    let reach = (0.5 * places[0].distance(places[1])).min(REACH * spread);
    let [first, second] = places.map(|place| peak_near(response, place, reach));
    if first.height.min(second.height) < LOST {
        return false;
    }
    let [from, to] = [first, second].map(|peak| Point { x: peak.x as f64, y: peak.y as f64 });
    // One pixel for both gives a line without length, and no valley on it.
    let steps = (from.distance(to) / STEP).ceil().max(1.0);
    let value = |step: usize| {
        let share = step as f64 / steps;
        sample(response, Point { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) })
    };
    let valley = (0..=steps as usize).map(value).fold(f64::INFINITY, f64::min);
    from != to && valley <= (1.0 - rayleigh::DIP) * 0.5 * (first.height + second.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::analytic::{blur, erase, flat_site, identity};

    fn measured(
        mut system: impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError>,
        settings: &TwoPointSettings,
    ) -> TwoPoints {
        let sites = [flat_site(49, 0.1, Brightness::Dim), flat_site(49, 0.8, Brightness::Bright)];
        two_points(&mut system, &sites, settings).unwrap()
    }

    /// Distance of two Gaussians at which the valley is 73.6 % of the peaks, by bisection on the formula.
    fn analytic(spread: f64) -> f64 {
        let valley = |d: f64| {
            let square = (d / spread).powi(2);
            2.0 * (-square / 8.0).exp() / (1.0 + (-square / 2.0).exp())
        };
        let (mut low, mut high) = (spread, 8.0 * spread);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if valley(middle) > 0.736 { low = middle } else { high = middle }
        }
        low
    }

    fn near(found: &TwoPoints, expected: f64, step: f64) {
        assert_eq!(found.conditions.len(), 4);
        for condition in &found.conditions {
            let range = condition.distance.unwrap();
            assert_eq!((range.count, condition.unresolved), (3, 0));
            for distance in [range.least, range.most] {
                assert!((distance - expected).abs() <= step, "{expected}: {range:?}");
            }
        }
    }

    #[test]
    fn what_changes_nothing_resolves_as_the_formula_says() {
        let found = measured(identity(), &TwoPointSettings::default());
        near(&found, analytic(1.0), 0.5);
        assert!((found.ideal - analytic(1.0)).abs() <= 0.5);
        assert_eq!(found.conditions[0].distance.unwrap().mean, found.ideal);
    }

    #[test]
    fn a_blur_worsens_the_resolution_as_variances_add() {
        for sigma in [1.0f64, 2.0] {
            let found = measured(blur(sigma), &TwoPointSettings::default());
            near(&found, analytic(1.0) * (1.0 + sigma * sigma).sqrt(), 0.5);
            assert!((found.ideal - analytic(1.0)).abs() <= 0.5);
        }
    }

    #[test]
    fn finer_steps_come_closer_to_the_formula() {
        let distances = (20..=160).map(|steps| f64::from(steps) * 0.1).collect();
        let settings =
            TwoPointSettings { distances, contrasts: vec![0.2, 0.4], ..TwoPointSettings::default() };
        let found = measured(blur(1.0), &settings);
        near(&found, analytic(2f64.sqrt()), 0.1);
    }

    #[test]
    fn what_erases_or_merges_resolves_nothing() {
        let found = measured(erase(), &TwoPointSettings::default());
        for condition in &found.conditions {
            assert_eq!((condition.distance, condition.unresolved), (None, 3));
        }
        let found = measured(blur(7.0), &TwoPointSettings::default());
        assert!(found.conditions.iter().all(|condition| condition.unresolved == 3));
    }

    #[test]
    fn distances_that_cannot_be_used_are_refused() {
        let mut system = identity();
        let sites = [flat_site(49, 0.1, Brightness::Dim)];
        for distances in [vec![], vec![1.0, 2.0], vec![4.0, 3.0]] {
            let settings = TwoPointSettings { distances, ..TwoPointSettings::default() };
            let found = two_points(&mut system, &sites, &settings);
            assert!(matches!(found, Err(MeasureError::BadOption { .. })), "{found:?}");
        }
        let small = [flat_site(24, 0.1, Brightness::Dim)];
        let found = two_points(&mut system, &small, &TwoPointSettings::default());
        assert!(matches!(found, Err(MeasureError::TooSmall { least: 25, .. })), "{found:?}");
    }
}
