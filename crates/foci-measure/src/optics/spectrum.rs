//! The spectrum of a map, and the share of its power that lies near the multiples of a frequency.
//!
//! Power is the square of the absolute value of the two-dimensional discrete Fourier transform, in squares of the map's unit.
//! What the grid energy is, and why, stands in `periodic`, which asks for it.

use crate::ImageView;
use crate::frequency::{hann, transpose};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Standard deviation of what is taken for rounding, by the largest value of a map.
const ROUNDING: f64 = 1e-5;

/// Power by frequency.
pub(super) struct Spectrum {
    width: usize,
    height: usize,
    /// Power, `width` lines of `height` frequencies.
    power: Vec<f64>,
    /// Power in each bin of what is taken for rounding.
    rounding: f64,
}

impl Spectrum {
    /// The spectrum of a map without its mean, under a Hann window.
    pub fn of(map: ImageView<'_>) -> Spectrum {
        let (width, height) = (map.width(), map.height());
        let (window_x, window_y) = (hann(width), hann(height));
        let weight = |i: usize| window_x[i % width] * window_y[i / width];
        let weights: f64 = (0..width * height).map(weight).sum();
        // From the first value, so that a constant map has no power at all.
        let first = f64::from(map.data()[0]);
        let values = || map.data().iter().map(|&value| f64::from(value) - first).enumerate();
        // The constant whose removal leaves nothing at frequency 0.
        let mean = values().map(|(i, value)| weight(i) * value).sum::<f64>() / weights;
        let mut rows: Vec<Complex<f64>> =
            values().map(|(i, value)| Complex::new(weight(i) * (value - mean), 0.0)).collect();
        let mut columns = rows.clone();
        let mut planner = FftPlanner::new();
        planner.plan_fft_forward(width).process(&mut rows);
        transpose(&rows, &mut columns, width, height);
        planner.plan_fft_forward(height).process(&mut columns);
        let largest = map.data().iter().fold(0.0, |largest: f64, &value| largest.max(f64::from(value).abs()));
        let squares: f64 = (0..width * height).map(|i| weight(i).powi(2)).sum();
        Spectrum {
            width,
            height,
            power: columns.iter().map(Complex::norm_sqr).collect(),
            rounding: (ROUNDING * largest).powi(2) * squares,
        }
    }

    /// The grid energy at one period, at least 2 and at most a quarter of the shorter side.
    pub fn energy(&self, period: usize) -> f64 {
        let (along_x, along_y) = (Place::all(self.width, period), Place::all(self.height, period));
        let (mut excess, mut most) = (0.0, 0.0);
        for (x, line) in along_x.iter().zip(self.power.chunks_exact(self.height)) {
            for (y, power) in along_y.iter().zip(line) {
                if x.multiple == 0 && y.multiple == 0 {
                    continue;
                }
                let white = x.white * y.white;
                let core = if x.core && y.core { 1.0 } else { 0.0 };
                excess += power * (core - white);
                most += (power + self.rounding) * (1.0 - white);
            }
        }
        // No power, not even of rounding: a map of zeros.
        if most == 0.0 { 0.0 } else { excess.max(0.0) / most }
    }
}

/// Where a frequency lies among the multiples of `1 / period`, along one axis.
struct Place {
    /// The nearest multiple, on either side of 0.
    multiple: usize,
    /// In the core around it.
    core: bool,
    /// Share of the bins around that multiple that are in the core.
    white: f64,
}

impl Place {
    fn all(length: usize, period: usize) -> Vec<Place> {
        let place = |bin: usize| {
            // Both halves of the axis alike: borders belong to the higher multiple.
            let multiples = (bin.min(length - bin) * period) as f64 / length as f64;
            let nearest = (multiples + 0.5).floor();
            // Bins on the border of a core belong to it, whatever the last bit of the quotient.
            Place { multiple: nearest as usize, core: (multiples - nearest).abs() <= 0.25 + 1e-9, white: 0.0 }
        };
        let mut places: Vec<Place> = (0..length).map(place).collect();
        let mut counts = vec![(0.0, 0.0); period];
        for place in &places {
            let (bins, core) = &mut counts[place.multiple];
            *bins += 1.0;
            *core += if place.core { 1.0 } else { 0.0 };
        }
        for place in &mut places {
            let (bins, core) = counts[place.multiple];
            place.white = core / bins;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_that_of_the_windowed_map() {
        let values: Vec<f32> = (0..12 * 8).map(|i| ((i * 37) % 11) as f32 / 10.0).collect();
        let spectrum = Spectrum::of(ImageView::new(12, 8, &values).unwrap());
        let (window_x, window_y) = (hann(12), hann(8));
        let weight = |i: usize| window_x[i % 12] * window_y[i / 12];
        let weighted = values.iter().enumerate().map(|(i, &value)| weight(i) * f64::from(value));
        let mean = weighted.sum::<f64>() / (0..96).map(weight).sum::<f64>();
        let square = |(i, &value): (usize, &f32)| (weight(i) * (f64::from(value) - mean)).powi(2);
        // Parseval.
        let expected = 96.0 * values.iter().enumerate().map(square).sum::<f64>();
        assert!((spectrum.power.iter().sum::<f64>() / expected - 1.0).abs() < 1e-12);
        assert!(spectrum.power[0] < 1e-20 * expected);
    }

    #[test]
    fn places_are_the_same_on_both_halves_of_an_axis() {
        let places = Place::all(16, 4);
        let seen: Vec<(usize, bool)> = places.iter().map(|place| (place.multiple, place.core)).collect();
        let half = [(0, true), (0, true), (1, false), (1, true), (1, true), (1, true), (2, false), (2, true)];
        assert_eq!(seen[..8], half);
        assert_eq!(seen[8], (2, true));
        assert!((1..8).all(|bin| seen[bin] == seen[16 - bin]));
        // 3 of 3 bins around 0, 3 of 4 around the first multiple, 3 of 5 around the last.
        assert_eq!([places[0].white, places[4].white, places[8].white], [1.0, 0.75, 0.6]);
    }
}
