//! What glows: the thickness and texture of the chromatin, nucleoli, and foci at known sub-pixel places, all
//! before any optics. A typical nucleus emits 1 per pixel.

use super::layout::{CellClass, Nucleus};
use super::optics::gaussian_blur;
use super::options::SpecimenOptions;
use super::random::Random;
use super::raster::Raster;
use crate::bilinear::enlarged;

/// Grain of the chromatin as seen in the real fields: the autocorrelation inside U2OS nuclei falls to one half
/// over 5 pixels, of which the point spread is only a small part; a second, weaker part is four times as wide.
const FINE_GRAIN: f64 = 2.4;
const COARSE_GRAIN: f64 = 10.0;
const COARSE_BIN: usize = 4;

/// Pixels between the edge of a label and the first light of its nucleus.
const OUTLINE_MARGIN: f64 = 0.6;

/// Foci keep this distance from the edge of their nucleus, in pixels.
const FOCUS_DEPTH: f32 = 2.5;

/// A focus as drawn: a Gaussian spot in emission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Standard deviation of the object itself, in pixels.
    pub(crate) sigma: f64,
    /// Peak of the emission above its surroundings.
    pub(crate) peak: f64,
    /// Index of the nucleus.
    pub(crate) nucleus: usize,
}

/// Two sheets of emission: in the focal plane, and out of it.
pub(crate) struct Emission {
    pub(crate) sharp: Vec<f32>,
    pub(crate) defocused: Vec<f32>,
    pub(crate) spots: Vec<Spot>,
}

/// Lets every nucleus of `raster` glow.
pub(crate) fn emit(
    options: &SpecimenOptions,
    nuclei: &[Nucleus],
    raster: &Raster,
    texture: &mut Random,
    places: &mut Random,
) -> Emission {
    let mut base = chromatin(nuclei, raster, texture);
    for (index, nucleus) in nuclei.iter().enumerate() {
        dig_nucleoli(nucleus, index, raster, &mut base, places);
    }
    let mut emission = Emission { sharp: base, defocused: vec![0.0; raster.labels.len()], spots: Vec::new() };
    for (at, label) in raster.labels.iter().enumerate() {
        if *label > 0 && nuclei[*label as usize - 1].defocused {
            emission.defocused[at] = std::mem::take(&mut emission.sharp[at]);
        }
    }
    for (index, nucleus) in nuclei.iter().enumerate() {
        for spot in choose_foci(options, nucleus, index, raster, places) {
            let sheet = if nucleus.defocused { &mut emission.defocused } else { &mut emission.sharp };
            add_spot(sheet, raster.width, raster.height, spot.x, spot.y, spot.sigma, spot.peak);
            emission.spots.push(spot);
        }
    }
    emission
}

/// Thickness of a nucleus at `depth` pixels from its edge, relative to a typical one. Widefield light of NIH3T3
/// nuclei follows an ellipsoid (sqrt(1 - (1 - d/b)^2), b the short semi-axis); the U2OS fields show flat discs
/// with a rim some 8 pixels wide. Labels reach a little beyond: people draw outlines around the light.
fn thickness(nucleus: &Nucleus, depth: f64) -> f64 {
    let short = nucleus.outline.short;
    let dome = |width: f64| {
        let depth = ((depth - OUTLINE_MARGIN) / width).clamp(0.0, 1.0);
        (1.0 - (1.0 - depth).powi(2)).sqrt()
    };
    match nucleus.class {
        CellClass::Few => 0.83 * dome(8.0f64.min(short)) + 0.22 * dome(short),
        CellClass::Many => 1.4 * dome(short),
        CellClass::Mitotic => 1.2 * dome(short),
    }
}

/// White noise blurred to unit variance: the grain that chromatin is made of.
pub(crate) fn grain(width: usize, height: usize, sigma: f64, random: &mut Random) -> Vec<f32> {
    let mut noise: Vec<f32> = (0..width * height).map(|_| random.rough_normal()).collect();
    gaussian_blur(&mut noise, width, height, sigma);
    // A Gaussian blur leaves 1 / (4 pi sigma^2) of the variance of white noise.
    let gain = (2.0 * sigma * std::f64::consts::PI.sqrt()) as f32;
    noise.iter_mut().for_each(|value| *value *= gain);
    noise
}

fn chromatin(nuclei: &[Nucleus], raster: &Raster, random: &mut Random) -> Vec<f32> {
    let (width, height) = (raster.width, raster.height);
    let fine = grain(width, height, FINE_GRAIN, random);
    let (w, h) = (width.div_ceil(COARSE_BIN), height.div_ceil(COARSE_BIN));
    let coarse = grain(w, h, COARSE_GRAIN / COARSE_BIN as f64, random);
    let coarse = enlarged(&coarse, w, h, COARSE_BIN, width, height);
    // Nuclei differ in how condensed their chromatin is.
    let contrast: Vec<(f32, f32)> = nuclei
        .iter()
        .map(|nucleus| {
            let factor = random.log_normal(1.0, 0.18);
            let (fine, coarse) = match nucleus.class {
                CellClass::Few => (0.22, 0.11),
                CellClass::Many => (0.15, 0.08),
                CellClass::Mitotic => (0.25, 0.2),
            };
            ((fine * factor) as f32, (coarse * factor) as f32)
        })
        .collect();
    let mut base = vec![0f32; width * height];
    for at in 0..base.len() {
        if raster.labels[at] == 0 {
            continue;
        }
        let index = raster.labels[at] as usize - 1;
        let (fine_contrast, coarse_contrast) = contrast[index];
        let relief = (fine_contrast * fine[at] + coarse_contrast * coarse[at]).exp();
        let smooth = nuclei[index].brightness * thickness(&nuclei[index], f64::from(raster.depth[at]));
        base[at] = smooth as f32 * relief;
    }
    base
}

/// Nucleoli hold little DNA: soft dark patches, 0 to 4 in a nucleus.
fn dig_nucleoli(nucleus: &Nucleus, index: usize, raster: &Raster, base: &mut [f32], random: &mut Random) {
    if nucleus.class == CellClass::Mitotic {
        return;
    }
    let few = nucleus.class == CellClass::Few;
    let count = (random.uniform() * 4.5) as usize;
    for _ in 0..count {
        let angle = random.between(0.0, std::f64::consts::TAU);
        let reach = 0.65 * random.uniform().sqrt();
        let (x, y) = nucleus.outline.point(reach * angle.cos(), reach * angle.sin());
        let size = nucleus.outline.short * random.between(0.09, 0.2);
        let dark = if few { random.between(0.2, 0.5) } else { random.between(0.1, 0.25) };
        for_box(x, y, 1.6 * size, raster.width, raster.height, |at, dx, dy| {
            if raster.labels[at] as usize == index + 1 {
                // A flat floor with soft walls: exp(-(r / size)^4).
                let r = (dx * dx + dy * dy) / (size * size);
                base[at] *= (1.0 - dark * (-r * r).exp()) as f32;
            }
        });
    }
}

/// Draws number, size, contrast and place of the foci of one nucleus.
fn choose_foci(
    options: &SpecimenOptions,
    nucleus: &Nucleus,
    index: usize,
    raster: &Raster,
    random: &mut Random,
) -> Vec<Spot> {
    let room = (nucleus.outline.long * nucleus.outline.short / 2_000.0).min(1.6);
    let count = match nucleus.class {
        CellClass::Few => random.poisson(2.5 * room),
        CellClass::Many => (room * (24.0 + 7.0 * random.normal())).round().clamp(4.0, 60.0),
        CellClass::Mitotic => 0.0,
    };
    let spread = options.point_spread_sigma;
    let mut foci: Vec<Spot> = Vec::new();
    for _ in 0..count as usize {
        // Contrast after the point spread, relative to the chromatin around.
        let contrast = match nucleus.class {
            CellClass::Many => random.log_normal(0.68, 0.55),
            _ => random.between(0.35, 0.75),
        };
        let sigma = random.between(1.0, 1.9) * (1.0 + 0.25 * contrast.min(1.5));
        for _ in 0..30 {
            let angle = random.between(0.0, std::f64::consts::TAU);
            // Chromocentres lie in loose groups: a quarter of them next to another one.
            let near = random.uniform() < 0.25 && !foci.is_empty();
            let (x, y) = if near {
                let other = foci[(random.uniform() * foci.len() as f64) as usize];
                let away = random.between(2.5, 4.0) * spread.hypot(other.sigma.max(sigma));
                (other.x + away * angle.cos(), other.y + away * angle.sin())
            } else {
                let reach = random.uniform().sqrt();
                nucleus.outline.point(reach * angle.cos(), reach * angle.sin())
            };
            let Some(at) = pixel(x, y, raster.width, raster.height) else { continue };
            let inside = raster.labels[at] as usize == index + 1 && raster.depth[at] >= FOCUS_DEPTH;
            // Two equal Gaussians merge into one peak below 2 sigma (Sparrow), unequal ones sooner.
            let free = foci
                .iter()
                .all(|other| (other.x - x).hypot(other.y - y) >= 2.5 * spread.hypot(other.sigma.max(sigma)));
            if inside && free {
                let local = nucleus.brightness * thickness(nucleus, f64::from(raster.depth[at]));
                let lost = (sigma * sigma + spread * spread) / (sigma * sigma);
                foci.push(Spot { x, y, sigma, peak: contrast * local * lost, nucleus: index });
                break;
            }
        }
    }
    foci
}

fn pixel(x: f64, y: f64, width: usize, height: usize) -> Option<usize> {
    let (x, y) = (x.round(), y.round());
    let inside = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
    inside.then(|| y as usize * width + x as usize)
}

/// Adds a Gaussian spot to a sheet of emission, sampled at the pixel centres.
pub(crate) fn add_spot(
    sheet: &mut [f32],
    width: usize,
    height: usize,
    x: f64,
    y: f64,
    sigma: f64,
    peak: f64,
) {
    for_box(x, y, 4.5 * sigma, width, height, |at, dx, dy| {
        sheet[at] += (peak * (-0.5 * (dx * dx + dy * dy) / (sigma * sigma)).exp()) as f32;
    });
}

/// Calls `each(index, dx, dy)` for the pixels within `reach` of (x, y) along both axes.
fn for_box(x: f64, y: f64, reach: f64, width: usize, height: usize, mut each: impl FnMut(usize, f64, f64)) {
    let range = |centre: f64, size: usize| {
        let low = (centre - reach).ceil().clamp(0.0, size as f64) as usize;
        low..(centre + reach + 1.0).floor().clamp(low as f64, size as f64) as usize
    };
    for row in range(y, height) {
        for column in range(x, width) {
            each(row * width + column, column as f64 - x, row as f64 - y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Stage;
    use super::*;

    #[test]
    fn grain_has_unit_variance() {
        let noise = grain(400, 300, 3.0, &mut Random::new(5, Stage::Texture));
        let variance = noise.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / noise.len() as f64;
        assert!((variance - 1.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn an_isolated_focus_has_the_requested_place_and_width_after_the_point_spread() {
        let (width, height) = (64, 48);
        let mut sheet = vec![0f32; width * height];
        add_spot(&mut sheet, width, height, 30.37, 22.81, 1.1, 2.0);
        gaussian_blur(&mut sheet, width, height, 1.3);
        let mut moments = [0f64; 5];
        for (at, value) in sheet.iter().enumerate() {
            let (x, y, v) = ((at % width) as f64, (at / width) as f64, f64::from(*value));
            for (moment, term) in moments.iter_mut().zip([v, v * x, v * y, v * x * x, v * y * y]) {
                *moment += term;
            }
        }
        let (x, y) = (moments[1] / moments[0], moments[2] / moments[0]);
        assert!((x - 30.37).abs() < 0.01 && (y - 22.81).abs() < 0.01, "{x} {y}");
        // Variances add: 1.1^2 + 1.3^2 = 2.90.
        assert!((moments[3] / moments[0] - x * x - 2.9).abs() < 0.03);
        assert!((moments[4] / moments[0] - y * y - 2.9).abs() < 0.03);
        // And the peak falls by the ratio of the variances, 2.0 * 1.21 / 2.90 = 0.834.
        let peak = sheet.iter().copied().fold(0.0, f32::max);
        assert!((peak - 0.834).abs() < 0.03, "{peak}");
    }
}
