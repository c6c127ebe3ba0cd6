//! Stray detail: fine detail that a point leaves where the point is not.
//!
//! Where dilated convolutions come apart into interleaved grids (gridding: Yu, Koltun, Funkhouser 2017, Dilated Residual
//! Networks), an output pixel and its neighbours are computed from different pixels. What is one smooth tail in a lens is
//! then a grain over the whole receptive field: pixels next to each other that have nothing to do with each other.
//! A halo, however bright, is no such thing, and neither is a wide point.
//!
//! The fine part `f` of a response is what the smallest binomial filter, `[1 2 1] / 4` along each axis, takes out of it; at
//! spatial frequencies `u`, `v` (cycles per pixel) that is the share `1 - cos^2(pi u) cos^2(pi v)` of the amplitude: none at 0, all
//! at the finest. With `r` the distance from the true place of the point,
//!
//! ```text
//! stray detail = sum of f^2 at r > R / sum of f^2
//! ```
//!
//! `R` is four standard deviations of the point as the system shows it, `4 width / sqrt(8 ln 2)` with its full width at half
//! maximum, and at least four of the probe: so that a blur, which makes a wide response, has no stray detail. No unit:
//!
//! - 0: whatever is fine belongs to the point, as in the identity and under any Gaussian blur;
//! - `n a^2 / (1 + n a^2)`: `n` copies of the point, far from it and each other, `a` times as high;
//! - towards 1: all fine detail is grain far from the point.

use crate::optics::point::{CORE, probe_width};
use crate::{ImageView, Point};

/// Stray detail of the response to a point at `at` that is `width` pixels wide at half of its height, from a probe of standard
/// deviation `spread`; nothing of a response without any fine detail.
pub(super) fn stray_detail(response: ImageView<'_>, at: Point, spread: f64, width: f64) -> Option<f64> {
    let own = width / probe_width(1.0);
    let radius = CORE * own.max(spread);
    let (mut all, mut stray) = (0.0, 0.0);
    for (y, row) in fine(response).chunks_exact(response.width()).enumerate() {
        for (x, &value) in row.iter().enumerate() {
            let square = value * value;
            all += square;
            if (Point { x: x as f64, y: y as f64 }).distance(at) > radius {
                stray += square;
            }
        }
    }
    (all > 0.0).then(|| stray / all)
}

/// What the binomial filter takes out of an image; at the border its pixels are repeated.
fn fine(image: ImageView<'_>) -> Vec<f64> {
    let (width, height) = (image.width(), image.height());
    let smooth = |before: f64, here: f64, after: f64| (before + 2.0 * here + after) / 4.0;
    let along_rows = |y: usize| {
        let row = image.row(y);
        let at = |x: usize| f64::from(row[x]);
        (0..width).map(move |x| smooth(at(x.saturating_sub(1)), at(x), at((x + 1).min(width - 1))))
    };
    let rows: Vec<f64> = (0..height).flat_map(along_rows).collect();
    let from_column = |y: usize, x: usize| {
        let at = |y: usize| rows[y * width + x];
        f64::from(image.row(y)[x]) - smooth(at(y.saturating_sub(1)), at(y), at((y + 1).min(height - 1)))
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| from_column(y, x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 97;
    const MIDDLE: Point = Point { x: 48.0, y: 48.0 };

    fn response(value: impl Fn(f64, f64) -> f64) -> Vec<f32> {
        let place = |i: usize| ((i % SIDE) as f64 - MIDDLE.x, (i / SIDE) as f64 - MIDDLE.y);
        (0..SIDE * SIDE).map(place).map(|(x, y)| value(x, y) as f32).collect()
    }

    fn stray(width: f64, value: impl Fn(f64, f64) -> f64) -> Option<f64> {
        stray_detail(ImageView::new(SIDE, SIDE, &response(value)).unwrap(), MIDDLE, 1.0, width)
    }

    fn gaussian(x: f64, y: f64, spread: f64) -> f64 {
        (-0.5 * (x * x + y * y) / (spread * spread)).exp()
    }

    #[test]
    fn the_filter_takes_out_what_its_formula_says() {
        let (u, v) = (0.2, 0.35);
        let wave = |x: f64, y: f64| (std::f64::consts::TAU * (u * x + v * y)).cos();
        let values = response(wave);
        let found = fine(ImageView::new(SIDE, SIDE, &values).unwrap());
        let share = |f: f64| (std::f64::consts::PI * f).cos().powi(2);
        for (x, y) in [(30, 40), (31, 50), (60, 47)] {
            let expected = (1.0 - share(u) * share(v)) * wave(x as f64 - 48.0, y as f64 - 48.0);
            assert!((found[y * SIDE + x] - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn points_of_any_width_and_halos_have_none() {
        // The fine part of a wide Gaussian goes as its Laplacian, of whose squares 113 e^-16 = 1.3e-5 lie beyond four
        // standard deviations; of one of a pixel somewhat more.
        for (spread, most) in [(0.7, 5e-4), (1.0, 5e-4), (2.0, 5e-5), (3.5, 2e-5)] {
            let found = stray(2.354_82 * spread, |x, y| gaussian(x, y, spread)).unwrap();
            assert!(found < most, "{spread}: {found}");
        }
        // A halo with four times the energy of the point.
        let halo = stray(2.5, |x, y| gaussian(x, y, 1.0) + 0.2 * gaussian(x, y, 10.0)).unwrap();
        assert!(halo < 2e-3, "{halo}");
        assert_eq!(stray(3.0, |_, _| 0.5), None);
    }

    #[test]
    fn copies_count_with_their_squares() {
        for (height, distance) in [(0.2, 16.0), (0.5, 12.0), (-0.3, 16.0)] {
            let copies = |x: f64, y: f64| -> f64 {
                let steps = [-1.0, 0.0, 1.0].map(|step| step * distance);
                let each = steps.iter().flat_map(|&dx| steps.map(|dy| (dx, dy)));
                each.filter(|&at| at != (0.0, 0.0)).map(|(dx, dy)| gaussian(x - dx, y - dy, 1.0)).sum()
            };
            let found = stray(2.354_82, |x, y| gaussian(x, y, 1.0) + height * copies(x, y)).unwrap();
            let expected = 8.0 * height * height / (1.0 + 8.0 * height * height);
            assert!((found - expected).abs() < 1e-3, "{height}: {found} for {expected}");
        }
    }
}
