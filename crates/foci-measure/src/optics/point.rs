//! What is told of the response to one point; the formulas are in [`point_spread`](mod@crate::optics::point_spread).

use crate::optics::peak::{Peak, full_width, peak_near};
use crate::optics::stray::stray_detail;
use crate::{ImageView, Point};
use std::f64::consts::LN_2;

/// Radius, in spreads, of what still belongs to a point.
pub const CORE: f64 = 4.0;
/// Radius, in spreads, within which the central energy is summed.
pub const CENTRE: f64 = 3.0;
/// A point with less than this share of the probe's peak is lost.
pub const LOST: f64 = 0.1;

/// Full width at half maximum of a Gaussian.
pub(super) fn probe_width(spread: f64) -> f64 {
    (8.0 * LN_2).sqrt() * spread
}

/// What is told of one point.
#[derive(Clone)]
pub(super) struct Figures {
    /// Peak as a share of the probe's.
    pub gain: f64,
    /// `None` if the point is lost.
    pub kept: Option<Kept>,
}

/// Units and formulas: [`point_spread`](mod@crate::optics::point_spread).
#[derive(Clone)]
pub(super) struct Kept {
    pub width_x: Option<f64>,
    pub width_y: Option<f64>,
    pub added_blur: Option<f64>,
    pub central_energy: f64,
    pub side_lobe: f64,
    pub displacement: f64,
    pub stray_detail: Option<f64>,
}

impl Figures {
    /// Of the response to a point at `at`. The probe has the height 1, for the response is divided by its contrast.
    pub fn of(response: ImageView<'_>, at: Point, spread: f64) -> Figures {
        let peak = peak_near(response, at, CORE * spread);
        Figures {
            gain: peak.height,
            kept: (peak.height >= LOST).then(|| Kept::of(response, peak, at, spread)),
        }
    }
}

impl Kept {
    fn of(response: ImageView<'_>, peak: Peak, at: Point, spread: f64) -> Kept {
        let (mut central, mut total, mut lobe) = (0.0, 0.0, 0.0f64);
        let (mut weight, mut moment_x, mut moment_y) = (0.0, 0.0, 0.0);
        for y in 0..response.height() {
            for (x, &value) in response.row(y).iter().enumerate() {
                let here = Point { x: x as f64, y: y as f64 };
                let (value, distance) = (f64::from(value), here.distance(at) / spread);
                total += value * value;
                if distance <= CENTRE {
                    central += value * value;
                }
                if distance > CORE {
                    lobe = lobe.max(value.abs());
                } else {
                    let positive = value.max(0.0);
                    weight += positive;
                    moment_x += positive * (here.x - at.x);
                    moment_y += positive * (here.y - at.y);
                }
            }
        }
        let row: Vec<f64> = response.row(peak.y).iter().map(|&value| f64::from(value)).collect();
        let column: Vec<f64> = (0..response.height()).map(|y| f64::from(response.row(y)[peak.x])).collect();
        let (width_x, width_y) = (full_width(&row, peak.x), full_width(&column, peak.y));
        let widths = width_x.zip(width_y);
        let added_blur =
            widths.map(|(x, y)| (0.5 * (x * x + y * y) - probe_width(spread).powi(2)).max(0.0).sqrt());
        Kept {
            width_x,
            width_y,
            added_blur,
            central_energy: central / total,
            side_lobe: lobe / peak.height,
            displacement: (moment_x / weight).hypot(moment_y / weight),
            stray_detail: widths.and_then(|(x, y)| stray_detail(response, at, spread, 0.5 * (x + y))),
        }
    }
}
