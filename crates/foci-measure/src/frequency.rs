//! Original and reconstruction compared frequency by frequency, in cycles per pixel.
//!
//! Both images have their mean removed, are multiplied by a Hann window and Fourier transformed together (one as the real,
//! one as the imaginary part of a single complex transform). With `A` the spectrum of the original and `B` that of the
//! reconstruction, three questions are asked of every ring of frequencies:
//!
//! - **Correlation** `Re sum A conj(B) / sqrt(sum |A|^2 sum |B|^2)`: is what the reconstruction shows there *the same
//!   structure*? Fourier ring correlation: Saxton and Baumeister 1982, J. Microscopy 127:127; for fluorescence microscopy
//!   Nieuwenhuizen et al. 2013, Nature Methods 10:557. It does not see attenuation: an image blurred without noise still
//!   correlates perfectly wherever rounding leaves it anything at all.
//! - **Transfer** `Re sum conj(A) B / sum |A|^2`: how much of the original's amplitude arrives, by least squares; the
//!   modulation transfer of an instrument. A Gaussian blur of standard deviation s has `exp(-2 pi^2 s^2 f^2)`.
//! - **Error** `sum |B - A|^2 / sum |A|^2`, gathered in octaves ([`BandError`]).
//!
//! Rings are one frequency bin of the shorter side wide and end at 0.5, the Nyquist frequency along an axis; the corners
//! of the spectrum beyond it belong to no ring. The window is the periodic Hann window: it mixes each frequency with its
//! direct neighbours only, so that a sharp end of the spectrum stays sharp to a bin. The power in a ring outweighs its
//! rounding error as long as it is at least 1e-24 of the mean power.

pub use crate::bands::{BAND_EDGES, BandError};
pub use crate::cutoff::cutoff;
use crate::{ImageView, MeasureError, bands, view};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Shortest side, in pixels, with a few bins in the lowest band.
pub const LEAST_SIDE: usize = 64;

/// Power below this share of the mean power is rounding.
const NEGLIGIBLE: f64 = 1e-24;

/// One ring of frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ring {
    /// Middle of the ring, in cycles per pixel.
    pub frequency: f64,
    /// Fourier ring correlation, -1 to 1. Where neither image has any power: 1; where only one has: 0.
    pub correlation: f64,
    /// Share of the original's amplitude that arrives. Where neither image has any power: 1; where only the
    /// reconstruction has: 0.
    pub transfer: f64,
}

/// What the spectra of an original and its reconstruction say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrequencyAnalysis {
    /// Rings from one bin up to 0.5 cycles per pixel.
    pub rings: Vec<Ring>,
    /// Detail cut-off: where the correlation falls to 0.5, in cycles per pixel; 0.5 if it never does.
    pub cutoff: f64,
    /// Where the transfer falls to 0.5, in cycles per pixel; 0.5 if it never does.
    pub transfer_cutoff: f64,
    /// Error by octave, from coarse to fine.
    pub bands: Vec<BandError>,
    /// Mean of the reconstruction minus mean of the original: the error at frequency 0, which no band holds.
    pub offset: f64,
}

/// Power sums of one group of frequencies.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Power {
    pub original: f64,
    pub reconstruction: f64,
    pub cross: f64,
    pub error: f64,
}

impl Power {
    fn add(&mut self, weight: f64, a: Complex<f64>, b: Complex<f64>) {
        self.original += weight * a.norm_sqr();
        self.reconstruction += weight * b.norm_sqr();
        self.cross += weight * (a.re * b.re + a.im * b.im);
        self.error += weight * (b - a).norm_sqr();
    }
}

/// Transforms, windows and memory for images of one size; reused from image to image.
pub struct FrequencyAnalyser {
    width: usize,
    height: usize,
    along_rows: Arc<dyn Fft<f64>>,
    along_columns: Arc<dyn Fft<f64>>,
    window_x: Vec<f64>,
    window_y: Vec<f64>,
    /// Windowed images, `height` rows; after the first transform.
    rows: Vec<Complex<f64>>,
    /// The same transposed, `width` rows of `height` frequencies.
    columns: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl FrequencyAnalyser {
    /// Plans the transforms for images of `width` x `height` pixels, both at least [`LEAST_SIDE`].
    pub fn new(width: usize, height: usize) -> Result<Self, MeasureError> {
        if width.min(height) < LEAST_SIDE {
            return Err(MeasureError::TooSmall {
                measure: "the frequency analysis",
                least: LEAST_SIDE,
                width,
                height,
            });
        }
        let mut planner = FftPlanner::new();
        let (along_rows, along_columns) = (planner.plan_fft_forward(width), planner.plan_fft_forward(height));
        let scratch = along_rows.get_inplace_scratch_len().max(along_columns.get_inplace_scratch_len());
        let zero = Complex::new(0.0, 0.0);
        Ok(Self {
            width,
            height,
            along_rows,
            along_columns,
            window_x: hann(width),
            window_y: hann(height),
            rows: vec![zero; width * height],
            columns: vec![zero; width * height],
            scratch: vec![zero; scratch],
        })
    }

    /// Compares a reconstruction with its original, frequency by frequency.
    ///
    /// Fails if a size differs from the planned one, or if the original is constant.
    pub fn analyse(
        &mut self,
        original: ImageView,
        reconstruction: ImageView,
    ) -> Result<FrequencyAnalysis, MeasureError> {
        view::expect_size(original.width(), original.height(), self.width, self.height, "the original")?;
        original.same_size(&reconstruction, "the reconstruction")?;
        let first = original.data()[0];
        if original.data().iter().all(|&value| value == first) {
            return Err(MeasureError::Flat { measure: "the frequency analysis" });
        }
        self.load(original, reconstruction);
        self.transform();
        let (rings, bands) = self.gather();
        let total: f64 = rings.iter().map(|ring| ring.original).sum();
        let rings = self.ring_values(&rings, NEGLIGIBLE * total);
        Ok(FrequencyAnalysis {
            cutoff: cutoff(&rings, |ring| ring.correlation),
            transfer_cutoff: cutoff(&rings, |ring| ring.transfer),
            rings,
            bands: bands::band_errors(&bands, NEGLIGIBLE * total),
            offset: plain_mean(reconstruction) - plain_mean(original),
        })
    }

    /// Windowed original as the real part, windowed reconstruction as the imaginary part, each without its mean.
    fn load(&mut self, original: ImageView, reconstruction: ImageView) {
        let mean_a = self.windowed_mean(original);
        let mean_b = self.windowed_mean(reconstruction);
        for (y, row) in self.rows.chunks_exact_mut(self.width).enumerate() {
            let (a, b) = (original.row(y), reconstruction.row(y));
            for x in 0..self.width {
                let weight = self.window_y[y] * self.window_x[x];
                let (a, b) = (f64::from(a[x]) - mean_a, f64::from(b[x]) - mean_b);
                row[x] = Complex::new(weight * a, weight * b);
            }
        }
    }

    /// The constant whose removal leaves nothing at frequency 0 after windowing.
    fn windowed_mean(&self, image: ImageView) -> f64 {
        let mut sum = 0.0;
        for y in 0..self.height {
            let row = image.row(y).iter().zip(&self.window_x);
            sum += self.window_y[y] * row.map(|(&value, weight)| f64::from(value) * weight).sum::<f64>();
        }
        sum / (self.window_x.iter().sum::<f64>() * self.window_y.iter().sum::<f64>())
    }

    fn transform(&mut self) {
        self.along_rows.process_with_scratch(&mut self.rows, &mut self.scratch);
        transpose(&self.rows, &mut self.columns, self.width, self.height);
        self.along_columns.process_with_scratch(&mut self.columns, &mut self.scratch);
    }

    /// Sums the power over one half of the plane of frequencies; the other half is its mirror image.
    fn gather(&self) -> (Vec<Power>, Vec<Power>) {
        let (width, height) = (self.width, self.height);
        let shorter = width.min(height);
        let mut rings = vec![Power::default(); shorter / 2 + 1];
        let mut bands = vec![Power::default(); BAND_EDGES.len() - 1];
        for kx in 0..=width / 2 {
            // On the two lines that are their own mirror image both halves are visited.
            let weight = if kx == 0 || 2 * kx == width { 1.0 } else { 2.0 };
            let line = &self.columns[kx * height..(kx + 1) * height];
            let mirror_x = (width - kx) % width;
            let mirror = &self.columns[mirror_x * height..(mirror_x + 1) * height];
            let fx = kx as f64 / width as f64;
            for ky in 0..height {
                let fy = ky.min(height - ky) as f64 / height as f64;
                let frequency = (fx * fx + fy * fy).sqrt();
                // Ties go to the outer ring, and must not depend on the last bit of the square root.
                let ring = (frequency * shorter as f64 + 0.5 + 1e-9).floor() as usize;
                if ring >= rings.len() {
                    continue;
                }
                // For real images a and b, the transform of a + ib holds both: see Press et al., section 12.3.
                let here = line[ky];
                let there = mirror[(height - ky) % height].conj();
                let a = (here + there).scale(0.5);
                let difference = (here - there).scale(0.5);
                let b = Complex::new(difference.im, -difference.re);
                rings[ring].add(weight, a, b);
                if let Some(band) = bands::band_of(frequency) {
                    bands[band].add(weight, a, b);
                }
            }
        }
        (rings, bands)
    }

    fn ring_values(&self, rings: &[Power], negligible: f64) -> Vec<Ring> {
        let shorter = self.width.min(self.height) as f64;
        let values = rings.iter().enumerate().skip(1).map(|(index, power)| {
            let present = power.original > negligible;
            let shown = power.reconstruction > negligible;
            let (correlation, transfer) = match (present, shown) {
                (true, true) => (
                    power.cross / (power.original.sqrt() * power.reconstruction.sqrt()),
                    power.cross / power.original,
                ),
                (false, false) => (1.0, 1.0),
                _ => (0.0, 0.0),
            };
            Ring { frequency: index as f64 / shorter, correlation, transfer }
        });
        values.collect()
    }
}

/// Periodic Hann window: zero at pixel 0, one at the middle; its transform has three bins.
pub(crate) fn hann(length: usize) -> Vec<f64> {
    (0..length).map(|i| 0.5 - 0.5 * (TAU * i as f64 / length as f64).cos()).collect()
}

fn plain_mean(image: ImageView) -> f64 {
    let sum: f64 = (0..image.height()).map(|y| image.row(y).iter().map(|&v| f64::from(v)).sum::<f64>()).sum();
    sum / image.data().len() as f64
}

/// Transposes in blocks that fit the cache.
pub(crate) fn transpose(from: &[Complex<f64>], to: &mut [Complex<f64>], width: usize, height: usize) {
    const BLOCK: usize = 16;
    for y0 in (0..height).step_by(BLOCK) {
        for x0 in (0..width).step_by(BLOCK) {
            for x in x0..(x0 + BLOCK).min(width) {
                for y in y0..(y0 + BLOCK).min(height) {
                    to[x * height + y] = from[y * width + x];
                }
            }
        }
    }
}
