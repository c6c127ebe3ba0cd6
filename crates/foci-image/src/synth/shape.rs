//! The outline of one nucleus: an ellipse, bent like a bean and rippled by a few harmonics, with a distance to
//! it that is true to first order. Everything else (labels, touching boundaries, thickness) is read off that distance.

use super::random::Random;

/// Highest harmonic of the outline, counted from 2 (1 would only shift it).
const HARMONICS: usize = 5;

/// A smooth closed outline in the field; coordinates in pixels, pixel centres at whole numbers.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    pub(crate) x: f64,
    pub(crate) y: f64,
    cosine: f64,
    sine: f64,
    /// Semi-axes, `long >= short`.
    pub(crate) long: f64,
    pub(crate) short: f64,
    /// Sag of the long axis in units of `short`; 0 is an ellipse, 0.5 a bean.
    bend: f64,
    /// Cosine and sine amplitude of harmonic 2, 3, ...
    ripple: [(f64, f64); HARMONICS],
}

/// Statistics from which outlines are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShapeStatistics {
    /// Median area in pixels and standard deviation of its logarithm.
    pub(crate) area: (f64, f64),
    /// Median ratio of the axes and standard deviation of its logarithm.
    pub(crate) elongation: (f64, f64),
    /// Share of beans.
    pub(crate) beans: f64,
    /// Size of the ripple.
    pub(crate) ripple: f64,
    /// Share of lobed nuclei, with more than three times that ripple.
    pub(crate) lobed: f64,
}

impl Outline {
    /// An outline drawn from `statistics`, centred on the origin.
    pub(crate) fn draw(random: &mut Random, statistics: &ShapeStatistics) -> Self {
        let area = random.log_normal(statistics.area.0, statistics.area.1);
        let ratio = random.log_normal(statistics.elongation.0, statistics.elongation.1).max(1.04);
        let short = (area / (std::f64::consts::PI * ratio)).sqrt();
        let (sine, cosine) = random.between(0.0, std::f64::consts::TAU).sin_cos();
        let bean = random.uniform() < statistics.beans;
        let sag = random.between(0.25, 0.55);
        // A short ellipse that is bent looks like a triangle, which nuclei are not.
        let slender = ((ratio - 1.0) / 0.6).min(1.0);
        let bend = slender * if bean { sag } else { 0.1 * random.normal().clamp(-2.0, 2.0) };
        let lobed = random.uniform() < statistics.lobed;
        let mut ripple = [(0.0, 0.0); HARMONICS];
        for (index, pair) in ripple.iter_mut().enumerate() {
            // Amplitudes fall with the square of the harmonic, as on a membrane under tension; slower and from
            // three times the height in a lobed nucleus.
            let wave = 2.0 / (index + 2) as f64;
            let size = statistics.ripple * if lobed { 3.0 * wave.powf(1.5) } else { wave * wave };
            let mut amplitude = || size * random.normal().clamp(-2.0, 2.0);
            *pair = (amplitude(), amplitude());
        }
        Self { x: 0.0, y: 0.0, cosine, sine, long: short * ratio, short, bend, ripple }
    }

    /// A plain circle, of which every distance is known.
    #[cfg(test)]
    pub(crate) fn circle(x: f64, y: f64, radius: f64) -> Self {
        let ripple = [(0.0, 0.0); HARMONICS];
        Self { x, y, cosine: 1.0, sine: 0.0, long: radius, short: radius, bend: 0.0, ripple }
    }

    /// The same outline elsewhere.
    pub(crate) fn moved_to(&self, x: f64, y: f64) -> Self {
        Self { x, y, ..self.clone() }
    }

    /// A radius that encloses the outline.
    pub(crate) fn reach(&self) -> f64 {
        let ripple: f64 = self.ripple.iter().map(|(c, s)| c.hypot(*s)).sum();
        self.long.hypot(self.bend * self.short) * (1.0 + ripple)
    }

    /// Coordinates along and across the long axis, relative to the centre, in pixels.
    pub(crate) fn axes(&self, x: f64, y: f64) -> (f64, f64) {
        let (dx, dy) = (x - self.x, y - self.y);
        (dx * self.cosine + dy * self.sine, dy * self.cosine - dx * self.sine)
    }

    /// The field coordinates of a point given along and across the long axis in units of the semi-axes.
    pub(crate) fn point(&self, along: f64, across: f64) -> (f64, f64) {
        let u = along * self.long;
        let v = across * self.short + self.sag(u);
        (self.x + u * self.cosine - v * self.sine, self.y + u * self.sine + v * self.cosine)
    }

    fn sag(&self, u: f64) -> f64 {
        self.bend * self.short * ((u / self.long).powi(2) - 0.4)
    }

    /// Relative radius of the outline in the direction (cosine, sine), by the recurrence of multiple angles.
    fn radius(&self, cosine: f64, sine: f64) -> f64 {
        let (mut c, mut s) = (cosine, sine);
        let mut radius = 1.0;
        for (in_phase, out_of_phase) in self.ripple {
            (c, s) = (c * cosine - s * sine, s * cosine + c * sine);
            radius += in_phase * c + out_of_phase * s;
        }
        radius
    }

    /// Distance to the outline in pixels, positive inside: (radius - rho) / |gradient rho|, which is exact on the
    /// outline and true to first order near it; capped at the short semi-axis far inside.
    pub(crate) fn distance(&self, x: f64, y: f64) -> f64 {
        let (u, v) = self.axes(x, y);
        let straight = v - self.sag(u);
        let (p, q) = (u / self.long, straight / self.short);
        let rho = p.hypot(q);
        if rho < 1e-6 {
            return self.short;
        }
        let slope = -2.0 * self.bend * p * self.short / self.long;
        let along = (p / self.long + q / self.short * slope) / rho;
        let across = q / self.short / rho;
        ((self.radius(p / rho, q / rho) - rho) / along.hypot(across)).min(self.short)
    }

    /// `count` points on the outline.
    pub(crate) fn points(&self, count: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        (0..count).map(move |index| {
            let (sine, cosine) = (std::f64::consts::TAU * index as f64 / count as f64).sin_cos();
            let radius = self.radius(cosine, sine);
            self.point(radius * cosine, radius * sine)
        })
    }

    /// How deep the two outlines run into each other in pixels; negative is the gap between them.
    pub(crate) fn overlap(&self, other: &Self) -> f64 {
        let clearance = (self.x - other.x).hypot(self.y - other.y) - self.reach() - other.reach();
        // Farther apart than any clearance that is asked for.
        if clearance > 12.0 {
            return -clearance;
        }
        let deepest = |a: &Self, b: &Self| {
            a.points(72).map(|(x, y)| b.distance(x, y)).fold(f64::NEG_INFINITY, f64::max)
        };
        deepest(self, other).max(deepest(other, self))
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Stage;
    use super::*;

    #[test]
    fn distance_to_a_circle_is_exact() {
        let circle = Outline::circle(10.0, 20.0, 8.0);
        assert!((circle.distance(10.0, 20.0) - 8.0).abs() < 1e-9);
        assert!((circle.distance(13.0, 24.0) - 3.0).abs() < 1e-9);
        assert!((circle.distance(22.0, 20.0) + 4.0).abs() < 1e-9);
    }

    #[test]
    fn outline_points_lie_on_the_outline_of_any_shape() {
        let statistics = ShapeStatistics {
            area: (8000.0, 0.3),
            elongation: (1.5, 0.2),
            beans: 0.5,
            ripple: 0.03,
            lobed: 0.2,
        };
        let mut random = Random::new(11, Stage::Layout);
        for _ in 0..20 {
            let outline = Outline::draw(&mut random, &statistics).moved_to(300.0, 200.0);
            for (x, y) in outline.points(40) {
                assert!(outline.distance(x, y).abs() < 1e-6);
                assert!((x - 300.0).hypot(y - 200.0) <= outline.reach() + 1e-6);
            }
        }
    }

    #[test]
    fn overlap_of_circles_is_known() {
        let left = Outline::circle(0.0, 0.0, 10.0);
        assert!((left.overlap(&Outline::circle(17.0, 0.0, 10.0)) - 3.0).abs() < 1e-6);
        assert!((left.overlap(&Outline::circle(25.0, 0.0, 10.0)) + 5.0).abs() < 1e-6);
    }
}
