//! Test images with known properties, and simulated studies.
#![allow(dead_code)] // every test binary uses some of these

pub mod studies;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// An owned image.
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub data: Vec<f32>,
}

/// Property tests print their input; the size and the first value are enough to find it again.
impl std::fmt::Debug for Picture {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "{}x{} from {}", self.width, self.height, self.data[0])
    }
}

impl Picture {
    pub fn from_fn(width: usize, height: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let data = (0..width * height).map(|i| value(i % width, i / width) as f32).collect();
        Self { width, height, data }
    }

    pub fn view(&self) -> foci_measure::ImageView<'_> {
        foci_measure::ImageView::new(self.width, self.height, &self.data).unwrap()
    }

    pub fn map(&self, change: impl Fn(usize, f32) -> f64) -> Self {
        let data = self.data.iter().enumerate().map(|(i, &value)| change(i, value) as f32).collect();
        Self { data, ..*self }
    }

    /// Gaussian blur, directly, mirrored at the border.
    pub fn blurred(&self, sigma: f64) -> Self {
        let reach = (4.0 * sigma).ceil() as i64;
        let weights: Vec<f64> =
            (-reach..=reach).map(|i| (-(i * i) as f64 / (2.0 * sigma * sigma)).exp()).collect();
        let total: f64 = weights.iter().sum();
        let fold = |i: i64, n: usize| {
            let last = n as i64 - 1;
            let folded = i.rem_euclid(2 * last);
            folded.min(2 * last - folded) as usize
        };
        let pass = |from: &Picture, dx: i64, dy: i64| {
            Picture::from_fn(self.width, self.height, |x, y| {
                let taps = weights.iter().enumerate().map(|(k, weight)| {
                    let offset = k as i64 - reach;
                    let (sx, sy) =
                        (fold(x as i64 + offset * dx, self.width), fold(y as i64 + offset * dy, self.height));
                    weight * f64::from(from.data[sy * self.width + sx])
                });
                taps.sum::<f64>() / total
            })
        };
        pass(&pass(self, 1, 0), 0, 1)
    }
}

/// Standard normal numbers (Box and Muller).
pub struct Normal {
    source: ChaCha8Rng,
}

impl Normal {
    pub fn new(seed: u64) -> Self {
        Self { source: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub fn uniform(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn draw(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// White noise of standard deviation `sigma` around `level`.
pub fn white_noise(width: usize, height: usize, level: f64, sigma: f64, seed: u64) -> Picture {
    let mut normal = Normal::new(seed);
    let data = (0..width * height).map(|_| (level + sigma * normal.draw()) as f32).collect();
    Picture { width, height, data }
}
