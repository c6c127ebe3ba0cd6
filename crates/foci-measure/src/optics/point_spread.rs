//! Point spread: what becomes of a weak point.
//!
//! A point is a Gaussian of standard deviation `spread` and peak `contrast`, drawn on a site at several positions between
//! pixels. Its response is (image of site and point - image of the site) / contrast; the probe itself is what a system
//! that changes nothing answers. The peak of a response is looked for within [`CORE`] spreads of the true place;
//! a point whose peak is below [`LOST`] of the probe's is lost. Of the others:
//!
//! - width: full width at half maximum, pixels, along the row and the column through the highest pixel. Peak and crossings of
//!   half its height lie on parabolas through the logarithms of three pixels, so that a Gaussian of spread s
//!   has sqrt(8 ln 2) s = 2.3548 s wherever between pixels it stands;
//! - added blur: sqrt(max(0, (width_x^2 + width_y^2) / 2 - probe_width^2)), pixels; widths of Gaussians add in squares;
//! - gain: peak of the response / peak of the probe; a Gaussian blur of standard deviation b has s^2 / (s^2 + b^2);
//! - central energy: sum of response^2 within [`CENTRE`] spreads of the true place / sum in the whole window, the
//!   encircled energy of optics (Born and Wolf, Principles of Optics, section 8.5.2) with the amplitude squared, since
//!   responses may be negative;
//! - side lobe: greatest |response| farther than [`CORE`] spreads from the true place / peak;
//! - stray detail: share of the fine detail of the response that lies far from the point (formula and reasons:
//!   [`stray`](mod@crate::optics::stray)), of those points that have a width;
//! - displacement: from the true place to the centroid of the positive response within [`CORE`] spreads of it, pixels.
//!   What leaves the core does not count, so that a shift by one spread is told one hundredth too small, and
//!   whole pixels make the core's border ragged, which displaces a response of twice the probe's variance by up to 0.03.
//!
//! Full width at half maximum is the usual figure of a microscope: Cole et al. 2011, Nature Protocols 6:1929.

pub use crate::optics::point::{CENTRE, CORE, LOST};
use crate::optics::point::{Figures, probe_width};
use crate::optics::response::{Ground, check_sites, check_spread, expect};
use crate::optics::{Brightness, Range, Scene, Site, System};
use crate::{ImageView, Point};
use serde::{Deserialize, Serialize};

/// Side of the averaged response, pixels.
pub const RESPONSE_SIDE: usize = 33;

/// Which points are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointSettings {
    /// Standard deviation of the point, pixels; at least 0.7.
    pub spread: f64,
    /// Peaks of the points, normalised intensity.
    pub contrasts: Vec<f64>,
    /// Positions between pixels along each axis: 0, 1/n .. (n-1)/n pixels beside the middle of the site.
    pub offsets: usize,
}

impl Default for PointSettings {
    fn default() -> Self {
        Self { spread: 1.0, contrasts: vec![0.05, 0.2, 0.5], offsets: 3 }
    }
}

/// Response to points of one contrast on sites of one brightness, over sites and positions between pixels. All but
/// the gain is over the points that are not lost, and absent if all are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointCondition {
    /// Where the points stand.
    pub brightness: Brightness,
    /// Peak of the points, normalised intensity.
    pub contrast: f64,
    /// Full width at half maximum along x, pixels; without those that stay above half up to the border.
    pub width_x: Option<Range>,
    /// Full width at half maximum along y, pixels; without those that stay above half up to the border.
    pub width_y: Option<Range>,
    /// Full width at half maximum of the blur that was added to the probe, pixels.
    pub added_blur: Option<Range>,
    /// Peak of the response as a share of the probe's peak, lost points included.
    pub gain: Range,
    /// Share of the squared response that lies in the centre, 0 to 1.
    pub central_energy: Option<Range>,
    /// Greatest response outside the core as a share of the peak.
    pub side_lobe: Option<Range>,
    /// Distance of the centroid from the true place, pixels.
    pub displacement: Option<Range>,
    /// Share of the fine detail that lies far from the point, 0 to 1.
    pub stray_detail: Option<Range>,
    /// Number of points lost, of `gain.count`.
    pub lost: usize,
}

/// Response to a weak point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointSpread {
    /// One for each brightness that occurs and each contrast: dim first, contrasts in the order asked for.
    pub conditions: Vec<PointCondition>,
    /// Full width at half maximum of the probe itself, pixels, mean over axes and positions.
    pub probe_width: f64,
    /// Mean response, over all sites, to the point in the middle of its pixel, at the middle contrast of the list; row by
    /// row, the point in the middle; 1 is the probe's peak.
    pub response: Vec<f32>,
    /// Side of `response`, pixels.
    pub side: usize,
}

/// Measures the response of `system` to weak points on `sites`.
///
/// # Errors
/// Those of the system; [`MeasureError`](crate::MeasureError) if there are no sites, they have fewer than
/// [`RESPONSE_SIDE`] pixels on a side (or too few for a wide point), or a setting is out of its range.
pub fn point_spread<S: System>(
    system: &mut S,
    sites: &[Site],
    settings: &PointSettings,
) -> Result<PointSpread, S::Error> {
    let PointSettings { spread, ref contrasts, offsets } = *settings;
    check_spread(spread)?;
    let least = RESPONSE_SIDE.max(2 * (CORE * spread).ceil() as usize + 5);
    check_sites("the point spread", sites, least, contrasts)?;
    expect(offsets > 0, "the number of positions between pixels", 0.0, "at least 1")?;

    let mut conditions = Vec::new();
    let mut sum = vec![0.0; RESPONSE_SIDE * RESPONSE_SIDE];
    for brightness in Brightness::ALL {
        let mut points = vec![Vec::new(); contrasts.len()];
        for site in sites.iter().filter(|site| site.brightness == brightness) {
            let ground = Ground::new(system, site)?;
            let middle = ground.middle();
            for position in 0..offsets * offsets {
                let beside = |steps: usize| steps as f64 / offsets as f64;
                let (right, below) = (beside(position % offsets), beside(position / offsets));
                let at = Point { x: middle.x + right, y: middle.y + below };
                let draw = |scene: &mut Scene, contrast| scene.add_point(at, spread, contrast);
                for (index, &contrast) in contrasts.iter().enumerate() {
                    let response = ground.response(system, contrast, draw)?;
                    let view = ground.view(&response)?;
                    points[index].push(Figures::of(view, at, spread));
                    if position == 0 && index == contrasts.len() / 2 {
                        add_window(&mut sum, view, middle);
                    }
                }
            }
        }
        for (points, &contrast) in points.iter().zip(contrasts) {
            conditions.extend(condition(brightness, contrast, points));
        }
    }
    let response = sum.iter().map(|value| (value / sites.len() as f64) as f32).collect();
    Ok(PointSpread { conditions, probe_width: probe_width(spread), response, side: RESPONSE_SIDE })
}

/// Adds the pixels around `middle`, which is the middle of a pixel, to those of the averaged response.
fn add_window(sum: &mut [f64], image: ImageView<'_>, middle: Point) {
    let half = RESPONSE_SIDE / 2;
    let (left, top) = (middle.x as usize - half, middle.y as usize - half);
    for (y, row) in sum.chunks_exact_mut(RESPONSE_SIDE).enumerate() {
        for (value, &here) in row.iter_mut().zip(&image.row(top + y)[left..]) {
            *value += f64::from(here);
        }
    }
}

/// The points of one condition together; `None` if no site has this brightness.
fn condition(brightness: Brightness, contrast: f64, points: &[Figures]) -> Option<PointCondition> {
    let kept = || points.iter().filter_map(|point| point.kept.as_ref());
    Some(PointCondition {
        brightness,
        contrast,
        width_x: Range::of(kept().filter_map(|point| point.width_x)),
        width_y: Range::of(kept().filter_map(|point| point.width_y)),
        added_blur: Range::of(kept().filter_map(|point| point.added_blur)),
        gain: Range::of(points.iter().map(|point| point.gain))?,
        central_energy: Range::of(kept().map(|point| point.central_energy)),
        side_lobe: Range::of(kept().map(|point| point.side_lobe)),
        displacement: Range::of(kept().map(|point| point.displacement)),
        stray_detail: Range::of(kept().filter_map(|point| point.stray_detail)),
        lost: points.len() - kept().count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MeasureError;
    use crate::optics::analytic::{blur, erase, flat_site, identity, lower, shift};

    const SIDE: usize = 49;

    fn measured(
        mut system: impl FnMut(ImageView<'_>) -> Result<Vec<f32>, MeasureError>,
        settings: &PointSettings,
    ) -> PointSpread {
        let sites = [flat_site(SIDE, 0.1, Brightness::Dim), flat_site(SIDE, 0.8, Brightness::Bright)];
        point_spread(&mut system, &sites, settings).unwrap()
    }

    fn near(range: &Option<Range>, expected: f64, tolerance: f64) {
        let range = range.as_ref().unwrap();
        assert!((range.least - expected).abs() <= tolerance, "{expected}: {range:?}");
        assert!((range.most - expected).abs() <= tolerance, "{expected}: {range:?}");
    }

    #[test]
    fn what_changes_nothing_shows_the_probe() {
        for spread in [0.8, 1.0, 1.7] {
            let found = measured(identity(), &PointSettings { spread, ..PointSettings::default() });
            assert_eq!(found.conditions.len(), 6);
            for condition in &found.conditions {
                near(&condition.width_x, 2.3548 * spread, 0.002 * spread);
                near(&condition.width_y, 2.3548 * spread, 0.002 * spread);
                near(&Some(condition.gain), 1.0, 1e-4);
                near(&condition.central_energy, 1.0, 1e-3);
                near(&condition.side_lobe, 0.0, 1e-3);
                near(&condition.displacement, 0.0, 1e-2);
                near(&condition.stray_detail, 0.0, 1e-3);
                near(&condition.added_blur, 0.0, 0.05);
                assert_eq!((condition.lost, condition.gain.count), (0, 9));
            }
        }
    }

    #[test]
    fn a_blur_widens_and_lowers_the_point_as_variances_add() {
        for sigma in [1.0, 1.5] {
            let found = measured(blur(sigma), &PointSettings::default());
            let variance = 1.0 + sigma * sigma;
            for condition in &found.conditions {
                near(&condition.width_x, 2.3548 * variance.sqrt(), 0.01);
                near(&condition.width_y, 2.3548 * variance.sqrt(), 0.01);
                near(&condition.added_blur, 2.3548 * sigma, 0.01 * sigma);
                near(&Some(condition.gain), 1.0 / variance, 0.002);
                // Of a squared Gaussian, 1 - exp(-r^2 / variance) lies within r = 3.
                near(&condition.central_energy, 1.0 - (-9.0 / variance).exp(), 0.02);
                near(&condition.displacement, 0.0, 0.03);
                near(&condition.stray_detail, 0.0, 1e-3);
            }
        }
    }

    #[test]
    fn a_shift_displaces_and_does_nothing_else() {
        let found = measured(shift(), &PointSettings::default());
        let lowered = measured(lower(), &PointSettings::default());
        for condition in found.conditions.iter().chain(&lowered.conditions) {
            near(&condition.displacement, 1.0, 0.02);
            near(&Some(condition.gain), 1.0, 1e-4);
            near(&condition.added_blur, 0.0, 0.05);
        }
        let row = &found.response[16 * 33..17 * 33];
        assert!((row[17] - 1.0).abs() < 1e-5 && (row[16] - row[18]).abs() < 1e-5);
    }

    #[test]
    fn points_are_shown_between_pixels_too() {
        // How far to the right of its middle each scene has its point: the centroid of what is brighter than the ground.
        let mut places = Vec::new();
        let mut system = |scene: ImageView<'_>| {
            let (mut weight, mut moment) = (0.0, 0.0);
            for (at, &value) in scene.data().iter().enumerate() {
                let above = f64::from(value) - 0.1;
                weight += above;
                moment += above * (at % SIDE) as f64;
            }
            if weight > 0.1 {
                places.push(moment / weight - (SIDE / 2) as f64);
            }
            Ok::<_, MeasureError>(scene.data().to_vec())
        };
        let settings = PointSettings { contrasts: vec![0.3], offsets: 3, ..PointSettings::default() };
        point_spread(&mut system, &[flat_site(SIDE, 0.1, Brightness::Dim)], &settings).unwrap();
        let thirds = |place: &f64| (0..3).find(|third| (place - f64::from(*third) / 3.0).abs() < 0.01);
        let found: Vec<_> = places.iter().map(|place| thirds(place).unwrap()).collect();
        assert_eq!(found, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn what_erases_loses_all_points() {
        let found = measured(erase(), &PointSettings::default());
        for condition in &found.conditions {
            assert_eq!((condition.lost, condition.gain.count, condition.gain.most), (9, 9, 0.0));
            assert_eq!((condition.width_x, condition.added_blur, condition.displacement), (None, None, None));
        }
        assert_eq!(found.response, vec![0.0; 33 * 33]);
    }

    #[test]
    fn the_averaged_response_is_that_to_the_point_in_the_middle() {
        let found = measured(identity(), &PointSettings { contrasts: vec![0.3], ..PointSettings::default() });
        assert_eq!((found.side, found.response.len()), (33, 33 * 33));
        assert!((found.response[16 * 33 + 16] - 1.0).abs() < 1e-5);
        assert!((f64::from(found.response[16 * 33 + 18]) - (-2f64).exp()).abs() < 1e-5);
        assert!((found.probe_width - 2.354_82).abs() < 1e-5);
    }

    #[test]
    fn sites_and_settings_that_cannot_be_used_are_refused() {
        let mut system = identity();
        let small = [flat_site(32, 0.1, Brightness::Dim)];
        let refused = point_spread(&mut system, &small, &PointSettings::default());
        assert!(matches!(refused, Err(MeasureError::TooSmall { least: 33, .. })));
        let sites = [flat_site(33, 0.1, Brightness::Dim)];
        assert!(point_spread(&mut system, &sites, &PointSettings::default()).is_ok());
        let settings = PointSettings { offsets: 0, ..PointSettings::default() };
        assert!(point_spread(&mut system, &sites, &settings).is_err());
    }
}
