//! Grey levels: an image as whole numbers from 0 to 65,535.
//!
//! Histograms and floods need levels that can be counted. An image of whole numbers (camera counts) whose largest value is less than
//! 65,536 above its smallest keeps them: level = value - smallest. Any other image is divided into 65,536 steps of one size from its
//! smallest to its largest value; what lies within a step of another value is then equal to it.

use foci_image::Plane;

/// Number of levels.
pub const LEVELS: usize = 1 << 16;

/// An image of grey levels; the value of level `l` is `lowest + l * step`.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` levels, row by row.
    pub data: Vec<u16>,
    /// The value of level 0.
    pub lowest: f64,
    /// What a level adds to the value.
    pub step: f64,
}

impl Levels {
    /// The levels of an image. Values that are not finite (which no reader of images lets pass) become level 0 or the last.
    pub fn of(plane: &Plane) -> Self {
        let finite = || plane.data.iter().copied().filter(|value| value.is_finite());
        let lowest = f64::from(finite().fold(f32::INFINITY, f32::min));
        let highest = f64::from(finite().fold(f32::NEG_INFINITY, f32::max));
        let (lowest, span) = if lowest <= highest { (lowest, highest - lowest) } else { (0.0, 0.0) };
        let last = (LEVELS - 1) as f64;
        let counts = span <= last && plane.data.iter().all(|value| value.fract() == 0.0);
        let step = if counts || span == 0.0 { 1.0 } else { span / last };
        // Of counts the quotient is exact, so rounding (by cutting off, which is fast) changes nothing.
        let level = |&value: &f32| ((f64::from(value) - lowest) / step + 0.5) as u16;
        let data = plane.data.iter().map(level).collect();
        Self { width: plane.width, height: plane.height, data, lowest, step }
    }

    /// The same image upside down: the highest level becomes 0. For floods that begin at bright places.
    pub fn inverted(mut self) -> Self {
        let highest = self.data.iter().copied().max().unwrap_or(0);
        self.data.iter_mut().for_each(|level| *level = highest - *level);
        self.lowest += f64::from(highest) * self.step;
        self.step = -self.step;
        self
    }

    /// Another image in whole steps of the levels of this one: each value becomes that of the nearest level, also of levels below the
    /// lowest and above the highest.
    pub fn round(&self, plane: &Plane) -> Plane {
        let nearest =
            |&value: &f32| self.value(((f64::from(value) - self.lowest) / self.step).round()) as f32;
        Plane { width: plane.width, height: plane.height, data: plane.data.iter().map(nearest).collect() }
    }

    /// How many pixels have each level, up to the highest that occurs.
    pub fn histogram(&self) -> Vec<u64> {
        let highest = self.data.iter().copied().max().unwrap_or(0);
        let mut counts = vec![0; usize::from(highest) + 1];
        self.data.iter().for_each(|&level| counts[usize::from(level)] += 1);
        counts
    }

    /// The value at a place between levels.
    pub(crate) fn value(&self, level: f64) -> f64 {
        self.lowest + level * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &[f32]) -> Levels {
        Levels::of(&Plane { width: data.len(), height: 1, data: data.to_vec() })
    }

    #[test]
    fn counts_are_kept_and_other_values_divided() {
        let counts = of(&[130.0, 65_000.0, 131.0]);
        assert_eq!((&counts.data[..], counts.lowest, counts.step), (&[0, 64_870, 1][..], 130.0, 1.0));
        let floats = of(&[-1.0, 0.5, 2.0]);
        assert_eq!(floats.data, [0, 32_768, 65_535]);
        assert!((floats.value(65_535.0) - 2.0).abs() < 1e-12);
        // Counts of more than 16 bits.
        assert_eq!(of(&[0.0, 131_070.0, 2.0]).data, [0, 65_535, 1]);
        assert_eq!(of(&[0.25, 0.25]).data, [0, 0]);
        assert_eq!(of(&[]).histogram(), [0]);
        assert_eq!(of(&[f32::NAN, f32::INFINITY, 3.0]).data.len(), 3);
    }

    #[test]
    fn upside_down_values_stay() {
        let levels = of(&[3.0, 5.0, 10.0]).inverted();
        assert_eq!(levels.data, [7, 5, 0]);
        assert_eq!(levels.value(5.0), 5.0);
        assert_eq!(of(&[3.0, 5.0, 5.0]).histogram(), [1, 0, 2]);
        let other = Plane { width: 4, height: 1, data: vec![4.4, 4.6, -2.2, 90.0] };
        assert_eq!(of(&[3.0, 5.0]).round(&other).data, [4.0, 5.0, -2.0, 90.0]);
    }
}
