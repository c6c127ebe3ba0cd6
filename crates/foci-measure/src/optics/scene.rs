//! A scene: an image that probes are drawn into.
//!
//! Probes are sampled at pixel centres. All are smooth on the scale of a pixel, as everything is that came through a
//! microscope, so that sampling does not alias them: points and edges are Gaussians of standard deviation `spread`, at
//! least 0.7 pixels, and a grating is a sinusoid below the Nyquist frequency.

use crate::stats::normal_distribution;
use crate::{ImageView, MeasureError, Point};
use std::ops::Range;

/// Points are drawn so many spreads far: beyond, exp(-16^2 / 2) = 2^-184 of the peak is less than half the smallest `f32`, and
/// changes no pixel.
const POINT_REACH: f64 = 16.0;

/// An image that probes are drawn into.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Scene {
    /// A scene of one intensity.
    pub fn flat(width: usize, height: usize, level: f64) -> Scene {
        Scene { width, height, data: vec![level as f32; width * height] }
    }

    /// A copy of an image.
    pub fn of(image: ImageView<'_>) -> Scene {
        Scene { width: image.width(), height: image.height(), data: image.data().to_vec() }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The middle of the scene; between pixels where a side is even.
    pub fn centre(&self) -> Point {
        Point { x: (self.width - 1) as f64 / 2.0, y: (self.height - 1) as f64 / 2.0 }
    }

    /// The scene as an image.
    ///
    /// # Errors
    /// [`MeasureError`] if it has no pixels or a probe was not finite.
    pub fn view(&self) -> Result<ImageView<'_>, MeasureError> {
        ImageView::new(self.width, self.height, &self.data)
    }

    /// Adds to every pixel what `probe` says of its centre.
    pub fn add(&mut self, probe: impl Fn(Point) -> f64) {
        self.add_to([0..self.width, 0..self.height], probe);
    }

    /// Adds to the pixels of some columns and rows what `probe` says of their centres.
    fn add_to(&mut self, [columns, rows]: [Range<usize>; 2], probe: impl Fn(Point) -> f64) {
        for y in rows {
            for x in columns.clone() {
                let value = &mut self.data[y * self.width + x];
                *value = (f64::from(*value) + probe(Point { x: x as f64, y: y as f64 })) as f32;
            }
        }
    }

    /// Adds a point: a Gaussian of standard deviation `spread` whose peak is `contrast`.
    pub fn add_point(&mut self, at: Point, spread: f64, contrast: f64) {
        let around = |middle: f64, side: usize| {
            let reach = POINT_REACH * spread;
            let first = (middle - reach).ceil().max(0.0) as usize;
            first..((middle + reach).floor() + 1.0).clamp(0.0, side as f64) as usize
        };
        self.add_to([around(at.x, self.width), around(at.y, self.height)], |here| {
            let distance = here.distance(at) / spread;
            contrast * (-0.5 * distance * distance).exp()
        });
    }

    /// Adds a sinusoid of amplitude `amplitude`: its crests are `1 / frequency` pixels apart, and `angle` (radians, from
    /// the x axis) is the direction across them. `phase` is that at the middle of the scene.
    pub fn add_grating(&mut self, frequency: f64, angle: f64, phase: f64, amplitude: f64) {
        let (centre, turns) = (self.centre(), std::f64::consts::TAU * frequency);
        let (sine, cosine) = angle.sin_cos();
        self.add(|here| {
            let along = (here.x - centre.x) * cosine + (here.y - centre.y) * sine;
            amplitude * (turns * along + phase).cos()
        });
    }

    /// Adds an edge: `step` is reached far on the side of growing x cos `angle` + y sin `angle`, half of it at `at`, blurred
    /// by a Gaussian of standard deviation `spread`.
    pub fn add_edge(&mut self, at: Point, angle: f64, spread: f64, step: f64) {
        let (sine, cosine) = angle.sin_cos();
        self.add(|here| {
            let along = (here.x - at.x) * cosine + (here.y - at.y) * sine;
            step * normal_distribution(along / spread)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, PI};

    #[test]
    fn probes_have_the_heights_and_places_that_were_asked_for() {
        let mut scene = Scene::flat(21, 11, 0.25);
        scene.add_point(Point { x: 12.0, y: 4.0 }, 1.5, 0.5);
        let at = |scene: &Scene, x: usize, y: usize| f64::from(scene.data[y * 21 + x]);
        assert!((at(&scene, 12, 4) - 0.75).abs() < 1e-6);
        // One and a half pixels beside it: exp(-1/2).
        let half = (at(&scene, 13, 4) - 0.25) / 0.5;
        assert!((half - (-0.5f64 / 2.25).exp()).abs() < 1e-6);

        // What is left out far from a point changes no bit, and a point outside is no error.
        for at in [Point { x: 20.3, y: 35.9 }, Point { x: -12.0, y: 4.0 }, Point { x: 500.0, y: -90.0 }] {
            let (mut near, mut whole) = (Scene::flat(50, 40, 0.0), Scene::flat(50, 40, 0.0));
            near.add_point(at, 0.7, 0.9);
            whole.add(|here| {
                let distance = here.distance(at) / 0.7;
                0.9 * (-0.5 * distance * distance).exp()
            });
            assert_eq!(near, whole);
        }

        let mut edge = Scene::flat(21, 11, 0.0);
        edge.add_edge(Point { x: 10.0, y: 5.0 }, 0.0, 1.0, 0.8);
        assert!((at(&edge, 10, 0) - 0.4).abs() < 1e-6);
        assert!((at(&edge, 20, 3) - 0.8).abs() < 1e-6 && at(&edge, 0, 3).abs() < 1e-6);
        // Phi(1) = 0.841345.
        assert!((at(&edge, 11, 7) / 0.8 - 0.841_345).abs() < 1e-4);

        let mut grating = Scene::flat(21, 11, 0.5);
        grating.add_grating(0.25, FRAC_PI_2, PI, 0.1);
        assert!((at(&grating, 3, 5) - 0.4).abs() < 1e-6, "a trough in the middle row");
        assert!((at(&grating, 3, 7) - 0.6).abs() < 1e-6 && (at(&grating, 9, 6) - 0.5).abs() < 1e-6);
    }
}
