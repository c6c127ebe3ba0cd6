//! Edge response, and the smallest gap that stays visible.
//!
//! Edge: a step from `dark` to `bright`, blurred by a Gaussian of standard deviation `spread`, on a flat scene, at several
//! angles and positions between pixels. Its profile is the image on the line across the edge through the middle, sampled
//! every 0.1 pixels (windowed sinc) out to a quarter of the side. The levels of both plateaus are
//! the means of the profile from an eighth of the side on; an edge is lost if they differ, in the right direction, by less
//! than a tenth of the step drawn. Of the others:
//!
//! - width: distance over which the profile rises from 10 to 90 % of its step, pixels, nearest to the middle, between
//!   samples by straight lines. A Gaussian edge has 2 x 1.28155 s = 2.5631 s (Smith 1997, The Scientist and Engineer's Guide to
//!   Digital Signal Processing, chapter 25);
//! - overshoot: greatest excess of the profile beyond its plateaus / its step: 0.09 for a filter that stops sharply at one
//!   frequency (Gibbs), 0 for a blur.
//!
//! Gap: two bright half planes with a dark gap of width w between them, blurred likewise, the middle of the gap in the
//! middle of a pixel. It is visible if the least value of the profile within w / 2 + 1 pixels of the middle is at
//! least 26.4 % (Rayleigh's dip) of the step drawn below the mean of both plateaus. After a total blur of standard
//! deviation s the dip is 2 Phi(w / 2 s) - 1 of the step, with Phi the normal distribution: gaps from 0.674 s on are
//! visible. The smallest gap is that from which on all greater ones tested are.

use crate::optics::profile::{Profile, beside};
use crate::optics::response::{check_ascending, check_spread, expect};
use crate::optics::{Range, Scene, System, image, rayleigh};
use crate::{ImageView, MeasureError, Point};
use serde::{Deserialize, Serialize};

/// Which edges and gaps are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeSettings {
    /// Lower level, normalised intensity.
    pub dark: f64,
    /// Higher level, normalised intensity.
    pub bright: f64,
    /// Standard deviation of the blur of the edges drawn, pixels; at least 0.7.
    pub spread: f64,
    /// Directions across the edge, degrees from the x axis.
    pub angles_degrees: Vec<f64>,
    /// Distances of the edge from the middle of a pixel, pixels, at least 0 and below 1.
    pub offsets: Vec<f64>,
    /// Widths of gaps tested, pixels; ascending.
    pub gaps: Vec<f64>,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            dark: 0.1,
            bright: 0.7,
            spread: 1.0,
            angles_degrees: vec![0.0, 90.0, 45.0],
            offsets: vec![0.0, 0.25, 0.5, 0.75],
            gaps: (1..=24).map(|halves| f64::from(halves) / 2.0).collect(),
        }
    }
}

/// What becomes of edges and gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeResponse {
    /// 10-90 % width, pixels, over angles and positions of the edges not lost; absent if all are.
    pub width: Option<Range>,
    /// Overshoot as a share of the step of the image, over the same edges.
    pub overshoot: Option<Range>,
    /// Number of angles and positions at which the edge is lost.
    pub lost: usize,
    /// 10-90 % width of the edge drawn, pixels.
    pub ideal_width: f64,
    /// Smallest visible gap, pixels, over those angles where there is one.
    pub gap: Option<Range>,
    /// Number of angles at which not even the greatest gap is visible.
    pub unseen: usize,
    /// Smallest gap visible in the scene itself, pixels, mean over angles; absent if there is an angle without one.
    pub ideal_gap: Option<f64>,
}

/// Measures what `system` makes of edges and gaps on scenes of `side` x `side` pixels.
///
/// # Errors
/// Those of the system; [`MeasureError`] if a setting is out of its range or the plateaus would lie in the edges.
pub fn edge_response<S: System>(
    system: &mut S,
    side: usize,
    settings: &EdgeSettings,
) -> Result<EdgeResponse, S::Error> {
    check(side, settings)?;
    let step = settings.bright - settings.dark;
    let mut edges = Vec::new();
    let (mut gaps, mut ideal_gaps) = (Vec::new(), Vec::new());
    for &degrees in &settings.angles_degrees {
        let angle = degrees.to_radians();
        for &offset in &settings.offsets {
            let at = beside(middle(side), angle, offset);
            let mut scene = Scene::flat(side, side, settings.dark);
            scene.add_edge(at, angle, settings.spread, step);
            let response = image(system, scene.view()?)?;
            edges.push(Profile::across(ImageView::new(side, side, &response)?, at, angle).edge(step));
        }
        gaps.push(rayleigh::smallest_seen(&settings.gaps, |width| {
            let scene = gap_scene(side, angle, width, settings);
            let response = image(system, scene.view()?)?;
            let profile = Profile::across(ImageView::new(side, side, &response)?, middle(side), angle);
            Ok::<_, S::Error>(profile.shows_gap(width, step))
        })?);
        ideal_gaps.push(rayleigh::smallest_seen(&settings.gaps, |width| {
            let scene = gap_scene(side, angle, width, settings);
            let profile = Profile::across(scene.view()?, middle(side), angle);
            Ok::<_, MeasureError>(profile.shows_gap(width, step))
        })?);
    }
    let kept = || edges.iter().flatten();
    let ideal_gaps: Option<Vec<f64>> = ideal_gaps.into_iter().collect();
    Ok(EdgeResponse {
        width: Range::of(kept().map(|edge| edge.width)),
        overshoot: Range::of(kept().map(|edge| edge.overshoot)),
        lost: edges.len() - kept().count(),
        ideal_width: 2.0 * 1.281_551_565_5 * settings.spread,
        gap: Range::of(gaps.iter().copied().flatten()),
        unseen: gaps.iter().filter(|gap| gap.is_none()).count(),
        ideal_gap: ideal_gaps.and_then(Range::of).map(|range| range.mean),
    })
}

fn check(side: usize, settings: &EdgeSettings) -> Result<(), MeasureError> {
    let EdgeSettings { dark, bright, spread, angles_degrees, offsets, gaps } = settings;
    check_spread(*spread)?;
    expect(bright > dark, "the bright side of an edge", *bright, "brighter than the dark one")?;
    expect(!angles_degrees.is_empty(), "the number of angles", 0.0, "at least 1")?;
    expect(!offsets.is_empty(), "the number of positions between pixels", 0.0, "at least 1")?;
    for &offset in offsets {
        expect(
            (0.0..1.0).contains(&offset),
            "the offset of an edge",
            offset,
            "at least 0 and below 1 pixel",
        )?;
    }
    check_ascending("the width of a gap", gaps)?;
    // An eighth of the side takes half a gap and its blur.
    let least = (8.0 * (0.5 * gaps[gaps.len() - 1] + 4.0 * spread)).ceil() as usize;
    if side < least {
        return Err(MeasureError::TooSmall {
            measure: "the edge response",
            least,
            width: side,
            height: side,
        });
    }
    Ok(())
}

/// The middle of the pixel in the middle.
fn middle(side: usize) -> Point {
    Point { x: (side / 2) as f64, y: (side / 2) as f64 }
}

fn gap_scene(side: usize, angle: f64, width: f64, settings: &EdgeSettings) -> Scene {
    let (at, step) = (middle(side), settings.bright - settings.dark);
    let mut scene = Scene::flat(side, side, settings.bright);
    scene.add_edge(beside(at, angle, -0.5 * width), angle, settings.spread, -step);
    scene.add_edge(beside(at, angle, 0.5 * width), angle, settings.spread, step);
    scene
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optics::analytic::{blur, erase, identity};

    const SIDE: usize = 96;

    fn measured(
        mut system: impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError>,
        settings: &EdgeSettings,
    ) -> EdgeResponse {
        edge_response(&mut system, SIDE, settings).unwrap()
    }

    /// The smallest gap of a total blur that is among the gaps tested; Phi by Simpson's rule over its density.
    fn analytic_gap(blur: f64, gaps: &[f64]) -> f64 {
        let dip = |width: f64| {
            let (end, parts) = (0.5 * width / blur, 200);
            let density = |i: usize| (-0.5 * (end * i as f64 / parts as f64).powi(2)).exp();
            let weight = |i: usize| {
                if i == 0 || i == parts {
                    1.0
                } else if i % 2 == 1 {
                    4.0
                } else {
                    2.0
                }
            };
            let sum: f64 = (0..=parts).map(|i| weight(i) * density(i)).sum();
            2.0 * sum * end / parts as f64 / 3.0 / std::f64::consts::TAU.sqrt()
        };
        *gaps.iter().find(|&&width| dip(width) >= 0.264).unwrap()
    }

    #[test]
    fn what_changes_nothing_shows_the_edge_and_the_gap_that_were_drawn() {
        let settings = EdgeSettings::default();
        let found = measured(identity(), &settings);
        let width = found.width.unwrap();
        assert_eq!((width.count, found.lost), (12, 0));
        assert!((found.ideal_width - 2.563_1).abs() < 1e-4);
        for width in [width.least, width.most] {
            assert!((width / 2.563_1 - 1.0).abs() < 0.005, "{width}");
        }
        assert!(found.overshoot.unwrap().most < 1e-3);
        let gap = found.gap.unwrap();
        let expected = analytic_gap(1.0, &settings.gaps);
        assert_eq!((gap.least, gap.most, gap.count, found.unseen), (expected, expected, 3, 0));
        assert_eq!(found.ideal_gap, Some(expected));
    }

    #[test]
    fn a_blur_widens_edge_and_gap_as_variances_add() {
        let gaps: Vec<f64> = (4..=40).map(|tenths| f64::from(tenths) / 10.0).collect();
        let settings = EdgeSettings { gaps, ..EdgeSettings::default() };
        for sigma in [1.0f64, 2.0] {
            let found = measured(blur(sigma), &settings);
            let total = (1.0 + sigma * sigma).sqrt();
            let width = found.width.unwrap();
            for width in [width.least, width.most] {
                assert!((width / (2.563_1 * total) - 1.0).abs() < 0.005, "{width}");
            }
            assert!(found.overshoot.unwrap().most < 1e-4);
            let (gap, expected) = (found.gap.unwrap(), analytic_gap(total, &settings.gaps));
            assert!(gap.least >= expected - 0.1001 && gap.most <= expected + 0.1001, "{expected}: {gap:?}");
        }
    }

    #[test]
    fn sharpening_overshoots_by_what_it_adds() {
        // Twice the scene less its blur: at z of the edge, 2 Phi(z) - Phi(z / sqrt 2), greatest where
        // 2 exp(-z^2 / 2) = exp(-z^2 / 4) / sqrt 2, that is z^2 = 4 ln(2 sqrt 2).
        let mut blurred = blur(1.0);
        let sharpen = move |scene: ImageView<'_>| {
            let blurred = blurred(scene)?;
            Ok(scene.data().iter().zip(blurred).map(|(value, blurred)| 2.0 * value - blurred).collect())
        };
        let found = measured(sharpen, &EdgeSettings::default());
        let z = (4.0 * 8f64.sqrt().ln()).sqrt();
        let normal = crate::stats::normal_distribution;
        let expected = 2.0 * normal(z) - normal(z / 2f64.sqrt()) - 1.0;
        let overshoot = found.overshoot.unwrap();
        assert!((overshoot.mean / expected - 1.0).abs() < 0.03, "{expected}: {overshoot:?}");
        assert!(found.width.unwrap().most < found.ideal_width);
    }

    #[test]
    fn what_erases_or_inverts_shows_neither() {
        let invert = |scene: ImageView<'_>| Ok(scene.data().iter().map(|value| 1.0 - value).collect());
        for found in [measured(erase(), &EdgeSettings::default()), measured(invert, &EdgeSettings::default())]
        {
            assert_eq!((found.width, found.overshoot, found.lost), (None, None, 12));
            assert_eq!((found.gap, found.unseen, found.ideal_gap), (None, 3, Some(1.0)));
        }
    }

    #[test]
    fn settings_that_cannot_be_used_are_refused() {
        let mut system = identity();
        let plain = EdgeSettings::default();
        let found = edge_response(&mut system, 79, &plain);
        assert!(matches!(found, Err(MeasureError::TooSmall { least: 80, .. })), "{found:?}");
        for settings in [
            EdgeSettings { bright: 0.1, ..plain.clone() },
            EdgeSettings { offsets: vec![1.0], ..plain.clone() },
            EdgeSettings { angles_degrees: vec![], ..plain.clone() },
            EdgeSettings { gaps: vec![2.0, 1.0], ..plain },
        ] {
            let found = edge_response(&mut system, SIDE, &settings);
            assert!(matches!(found, Err(MeasureError::BadOption { .. })), "{found:?}");
        }
    }
}
