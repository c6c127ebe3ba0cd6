//! Bright spots, such as heterochromatin foci, found by the correlation of wavelet planes.
//!
//! Olivo-Marin 2002, "Extraction of spots in biological images using multiscale products", Pattern Recognition 35:1989.
//! The image is split into à trous planes ([`crate::wavelet`]). In each plane only the values above
//! `k * sigma` are kept, `sigma = MAD / 0.6745` being the robust spread of that plane. The kept planes are multiplied: a
//! spot is bright at several scales *at the same place*, noise is not. Connected regions (8 neighbours) of a positive
//! product are the spots; their place is the centroid weighted by the product, to a fraction of a pixel.
//!
//! Three choices are ours:
//! - **Planes 2 and 3** of the transform (structures of about 4 and 8 pixels) suit chromocentres of 3 to 8 pixels; plane 1
//!   holds little but camera noise at usual sampling.
//! - **Where the spread is measured**: by default in the foreground only, the pixels whose smoothed value is above the mean
//!   of the image. Over the whole image the dark background decides, and then most of a nucleus is "significant";
//!   measured in the foreground, a spot has to stand out from the texture of the nuclei. No mask is needed for it.
//! - **Whose threshold**: a reconstruction must be searched with the thresholds of its *original* ([`detect_with`]). A blurred
//!   image has a smaller spread, so with thresholds of its own ([`detect`]) it lowers the bar for itself and
//!   loses fewer spots than an eye does.
//!
//! Two spots whose regions touch are reported as one; the method does not split them. In nuclei with a sharp border and no
//! chromocentres (U2OS) a part of the spots are bright places along that border: structure that a reconstruction can
//! keep or lose, but not heterochromatin. (A roundness rule on the Hessian, as Lowe 2004 uses for keypoints, was tried and
//! does not tell the two apart: it dropped 18 % of the spots at the border and 12 % of those inside.)

use crate::summary::robust_spread;
use crate::wavelet::{Planes, atrous};
use crate::{ImageView, MeasureError, Point};
use serde::{Deserialize, Serialize};

/// Which pixels tell how much a wavelet plane fluctuates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseRegion {
    /// Pixels whose smoothed value is above the mean of the image: a mean threshold, nuclei in most fluorescence images.
    Foreground,
    /// Every pixel, as in the paper.
    Whole,
}

/// How spots are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpotOptions {
    /// First wavelet plane of the product, counted from 1 (taps 1 pixel apart).
    pub first_plane: usize,
    /// Last wavelet plane of the product, at most 8.
    pub last_plane: usize,
    /// Threshold `k` in standard deviations of a plane; 3 in the paper.
    pub threshold: f64,
    /// Regions with fewer pixels are noise.
    pub least_area: usize,
    /// Regions with more pixels are edges or debris, not spots.
    pub largest_area: usize,
    /// Where the standard deviation is measured.
    pub noise_region: NoiseRegion,
}

impl Default for SpotOptions {
    /// Chromocentres of 3 to 8 pixels.
    fn default() -> Self {
        Self {
            first_plane: 2,
            last_plane: 3,
            threshold: 3.0,
            least_area: 4,
            largest_area: 150,
            noise_region: NoiseRegion::Foreground,
        }
    }
}

impl SpotOptions {
    fn check(&self) -> Result<(), MeasureError> {
        let bad = |name, value, allowed| Err(MeasureError::BadOption { name, value, allowed });
        if self.first_plane == 0 || self.first_plane > self.last_plane {
            return bad(
                "the first wavelet plane",
                self.first_plane as f64,
                "at least 1 and not after the last",
            );
        }
        if self.last_plane > 8 {
            return bad("the last wavelet plane", self.last_plane as f64, "at most 8");
        }
        if !(self.threshold.is_finite() && self.threshold > 0.0) {
            return bad("the spot threshold", self.threshold, "a number of standard deviations above 0");
        }
        Ok(())
    }
}

/// A bright spot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Centroid, in pixels.
    pub at: Point,
    /// How many times over its thresholds the brightest pixel is (geometric mean over the planes), at least 1.
    pub strength: f64,
    /// Pixels of the region.
    pub area: usize,
}

/// What a value in each plane must exceed, in units of intensity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpotThresholds {
    /// One for each plane of the product, from `first_plane` to `last_plane`.
    pub planes: Vec<f64>,
}

/// Estimates the thresholds of an image.
pub fn thresholds(image: ImageView, options: &SpotOptions) -> Result<SpotThresholds, MeasureError> {
    options.check()?;
    Ok(estimate(image, &atrous(image, options.last_plane), options))
}

/// Finds spots with the thresholds of the image itself: for originals.
pub fn detect(image: ImageView, options: &SpotOptions) -> Result<(Vec<Spot>, SpotThresholds), MeasureError> {
    options.check()?;
    let planes = atrous(image, options.last_plane);
    let thresholds = estimate(image, &planes, options);
    Ok((find(image, &planes, &thresholds, options), thresholds))
}

/// Finds spots with thresholds from elsewhere: for reconstructions, with those of the original.
pub fn detect_with(
    image: ImageView,
    thresholds: &SpotThresholds,
    options: &SpotOptions,
) -> Result<Vec<Spot>, MeasureError> {
    options.check()?;
    let needed = options.last_plane - options.first_plane + 1;
    if thresholds.planes.len() != needed {
        return Err(MeasureError::BadOption {
            name: "the number of spot thresholds",
            value: thresholds.planes.len() as f64,
            allowed: "the number of planes in the product; take them from an original with the same options",
        });
    }
    Ok(find(image, &atrous(image, options.last_plane), thresholds, options))
}

/// Thresholds `k * MAD / 0.6745` of each plane.
///
/// An image without noise has a spread of 0 wherever it is flat; a thousandth of the largest value of the plane stands in
/// for it, so that ripples at the border of real structure do not count as spots.
fn estimate(image: ImageView, split: &Planes, options: &SpotOptions) -> SpotThresholds {
    let mean = image.data().iter().map(|&value| f64::from(value)).sum::<f64>() / image.data().len() as f64;
    let counts = |smooth: f32| options.noise_region == NoiseRegion::Whole || f64::from(smooth) > mean;
    let planes = split.planes[options.first_plane - 1..].iter().map(|plane| {
        let chosen = plane.iter().zip(&split.smooth).filter(|&(_, &smooth)| counts(smooth));
        let mut values: Vec<f32> = chosen.map(|(&value, _)| value).collect();
        let spread = robust_spread(&mut values);
        let largest = plane.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        options.threshold * spread.max(f64::from(largest) * 1e-3)
    });
    SpotThresholds { planes: planes.collect() }
}

fn find(image: ImageView, split: &Planes, thresholds: &SpotThresholds, options: &SpotOptions) -> Vec<Spot> {
    let planes: Vec<(&[f32], f64)> = split.planes[options.first_plane - 1..]
        .iter()
        .zip(&thresholds.planes)
        .map(|(plane, &threshold)| (plane.as_slice(), threshold))
        .collect();
    // Product of the planes in units of their thresholds; 0 where any of them is not above its own. A threshold of 0 comes
    // from a constant image only.
    let product = |i: usize| {
        let above =
            planes.iter().all(|(plane, threshold)| f64::from(plane[i]) > *threshold && *threshold > 0.0);
        let value = || planes.iter().map(|(plane, threshold)| f64::from(plane[i]) / threshold).product();
        if above { value() } else { 0.0 }
    };
    let mut product: Vec<f64> = (0..image.data().len()).map(product).collect();
    let mut spots = Vec::new();
    let mut region = Vec::new();
    for start in 0..product.len() {
        if product[start] > 0.0 {
            let spot =
                take_region(&mut product, image.width(), image.height(), start, &mut region, planes.len());
            if (options.least_area..=options.largest_area).contains(&spot.area) {
                spots.push(spot);
            }
        }
    }
    spots
}

/// Collects the region around `start` and clears it from the product.
pub(crate) fn take_region(
    product: &mut [f64],
    width: usize,
    height: usize,
    start: usize,
    open: &mut Vec<usize>,
    planes: usize,
) -> Spot {
    let (mut sum, mut sum_x, mut sum_y, mut peak, mut area) = (0.0, 0.0, 0.0, 0.0f64, 0);
    let mut take = |i: usize, open: &mut Vec<usize>| {
        let value = std::mem::replace(&mut product[i], 0.0);
        if value > 0.0 {
            sum += value;
            sum_x += value * (i % width) as f64;
            sum_y += value * (i / width) as f64;
            peak = peak.max(value);
            area += 1;
            open.push(i);
        }
    };
    take(start, open);
    while let Some(i) = open.pop() {
        let (x, y) = (i % width, i / width);
        for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                take(ny * width + nx, open);
            }
        }
    }
    Spot { at: Point { x: sum_x / sum, y: sum_y / sum }, strength: peak.powf(1.0 / planes as f64), area }
}
