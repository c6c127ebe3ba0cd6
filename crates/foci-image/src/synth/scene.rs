//! One specimen from options to image and truth: the stages in the order in which light passes them.

use super::camera::expose;
use super::chromatin::{Emission, add_spot, emit, grain};
use super::layout::{CellClass, place};
use super::optics::{gaussian_blur, wide_blur};
use super::options::{SpecimenOptions, SynthError};
use super::random::{Random, Stage};
use super::raster::{self, Raster, touching_pairs};
use crate::bilinear::enlarged;
use crate::{LabelImage, Plane};

/// Blur of what lies out of focus, in units of the point spread.
const DEFOCUS: f64 = 2.7;

/// Widths of the haze in pixels and the share of each, from the far tail of the point spread to light from far out
/// of focus; fitted to the light around NIH3T3 nuclei (a quarter of their own at the outline, 8 % 12 pixels away).
const HAZE: [(f64, f64); 3] = [(6.0, 0.4), (18.0, 0.4), (60.0, 0.2)];

/// Size of the clouds in the background and the bins in which they are drawn, in pixels.
const CLOUD: f64 = 60.0;
const CLOUD_BIN: usize = 16;

/// A focus as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Focus {
    /// Column of its centre; whole numbers are pixel centres.
    pub x: f64,
    /// Row of its centre.
    pub y: f64,
    /// Height of its peak above the chromatin around it, in counts, after the point spread and before noise.
    pub brightness: f64,
    /// Label of its nucleus.
    pub nucleus: u32,
}

/// A cell as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its label in the label image.
    pub label: u32,
    /// What it looks like.
    pub class: CellClass,
    /// Column of the centroid of its visible pixels.
    pub x: f64,
    /// Row of the centroid.
    pub y: f64,
    /// Visible pixels.
    pub area: usize,
    /// Number of its foci within the field.
    pub foci: usize,
    /// Whether it lies out of focus.
    pub defocused: bool,
    /// Labels of the nuclei that it touches (see [`touching_pairs`]).
    pub touching: Vec<u32>,
}

/// An image of nuclei and everything that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Specimen {
    /// Raw counts, whole numbers from 0 to 2^bits - 1.
    pub image: Plane,
    /// The same field without noise, rounding and saturation: expected counts.
    pub expected: Plane,
    /// 0 is background; labels are consecutive, each one is 4-connected.
    pub labels: LabelImage,
    /// All foci, ordered by nucleus.
    pub foci: Vec<Focus>,
    /// All cells; `cells[k]` has label k + 1.
    pub cells: Vec<Cell>,
    /// Pairs of labels a < b that touch: a dark boundary of 1 to 3 pixels lies between them, half-way.
    pub touching: Vec<(u32, u32)>,
}

/// Makes a specimen. The result depends on the options only.
///
/// # Errors
/// [`SynthError::Option`] where an option is outside its range.
pub fn generate(options: &SpecimenOptions) -> Result<Specimen, SynthError> {
    options.check()?;
    let (width, height) = (options.width, options.height);
    let stage = |stage| Random::new(options.seed, stage);
    let mut nuclei = place(options, &mut stage(Stage::Layout));
    let raster = raster::draw(width, height, options.boundary_width, &mut nuclei);
    let emission = emit(options, &nuclei, &raster, &mut stage(Stage::Texture), &mut stage(Stage::Foci));
    let mut field = stage(Stage::Field);
    let brightness = field.log_normal(1.0, options.brightness_spread);
    let light = Light::new(options, brightness, &mut field);

    let spots = emission.spots.clone();
    let mut expected = image(options, emission, &raster, &mut stage(Stage::Debris));
    for (at, value) in expected.iter_mut().enumerate() {
        *value *= light.at((at % width) as f64, (at / width) as f64) as f32;
    }
    let image = expose(&expected, options, &mut stage(Stage::Camera));
    for value in &mut expected {
        *value = *value * options.counts as f32 + options.offset as f32;
    }

    let foci: Vec<Focus> = spots
        .iter()
        .map(|spot| {
            let spread =
                if nuclei[spot.nucleus].defocused { DEFOCUS } else { 1.0 } * options.point_spread_sigma;
            let own = spot.sigma * spot.sigma;
            let seen = spot.peak * own / (own + spread * spread);
            let counts = seen * (1.0 - options.haze) * light.at(spot.x, spot.y) * options.counts;
            Focus { x: spot.x, y: spot.y, brightness: counts, nucleus: spot.nucleus as u32 + 1 }
        })
        .collect();
    let labels = LabelImage { width, height, data: raster.labels };
    let touching = touching_pairs(&labels);
    let mut cells: Vec<Cell> = nuclei
        .iter()
        .enumerate()
        .map(|(index, nucleus)| Cell {
            label: index as u32 + 1,
            class: nucleus.class,
            x: 0.0,
            y: 0.0,
            area: 0,
            foci: spots.iter().filter(|spot| spot.nucleus == index).count(),
            defocused: nucleus.defocused,
            touching: Vec::new(),
        })
        .collect();
    for (at, label) in labels.data.iter().enumerate().filter(|(_, label)| **label > 0) {
        let cell = &mut cells[*label as usize - 1];
        cell.area += 1;
        cell.x += (at % width) as f64;
        cell.y += (at / width) as f64;
    }
    for cell in &mut cells {
        cell.x /= cell.area as f64;
        cell.y /= cell.area as f64;
    }
    for &(a, b) in &touching {
        cells[a as usize - 1].touching.push(b);
        cells[b as usize - 1].touching.push(a);
    }
    Ok(Specimen {
        image: Plane { width, height, data: image },
        expected: Plane { width, height, data: expected },
        labels,
        foci,
        cells,
        touching,
    })
}

/// Illumination: brightest near the middle, falling with the square of the distance to `1 - uneven_light` in the
/// farthest corner; times the brightness of the field.
struct Light {
    brightness: f64,
    x: f64,
    y: f64,
    fall: f64,
}

impl Light {
    fn new(options: &SpecimenOptions, brightness: f64, random: &mut Random) -> Self {
        let (width, height) = (options.width as f64 - 1.0, options.height as f64 - 1.0);
        let (x, y) = (random.between(0.3, 0.7) * width, random.between(0.3, 0.7) * height);
        let farthest = x.max(width - x).powi(2) + y.max(height - y).powi(2);
        Self { brightness, x, y, fall: options.uneven_light / farthest }
    }

    fn at(&self, x: f64, y: f64) -> f64 {
        self.brightness * (1.0 - self.fall * ((x - self.x).powi(2) + (y - self.y).powi(2)))
    }
}

/// Light per pixel at the camera under even illumination: (1 - haze) * point spread (x) emission
/// + haze * wide blur (x) emission + background.
fn image(options: &SpecimenOptions, emission: Emission, raster: &Raster, random: &mut Random) -> Vec<f32> {
    let (width, height) = (options.width, options.height);
    let Emission { mut sharp, mut defocused, .. } = emission;
    let all: Vec<f32> = sharp.iter().zip(&defocused).map(|(a, b)| a + b).collect();
    let specks = options.specks * (width * height) as f64 * 1e-6;
    for _ in 0..random.poisson(specks) as usize {
        add_specks(&mut sharp, raster, random);
    }
    gaussian_blur(&mut sharp, width, height, options.point_spread_sigma);
    if defocused.iter().any(|value| *value > 0.0) {
        gaussian_blur(&mut defocused, width, height, DEFOCUS * options.point_spread_sigma);
    }
    let mut light = background(options, random);
    let direct = (1.0 - options.haze) as f32;
    for ((value, a), b) in light.iter_mut().zip(&sharp).zip(&defocused) {
        *value += direct * (a + b);
    }
    if options.haze > 0.0 {
        for (sigma, share) in HAZE {
            let weight = (options.haze * share) as f32;
            for (value, haze) in light.iter_mut().zip(wide_blur(&all, width, height, sigma)) {
                *value += weight * haze;
            }
        }
    }
    light
}

/// A small group of faint specks (debris, unbound dye) outside the nuclei; not foci, and not in the truth.
fn add_specks(sheet: &mut [f32], raster: &Raster, random: &mut Random) {
    let (width, height) = (raster.width, raster.height);
    let (x, y) = (random.between(0.0, width as f64 - 1.0), random.between(0.0, height as f64 - 1.0));
    let group = 1 + random.poisson(0.7) as usize;
    for _ in 0..group {
        let (x, y) = (x + 6.0 * random.normal(), y + 6.0 * random.normal());
        let (sigma, peak) = (random.between(0.9, 2.4), random.log_normal(0.1, 0.8));
        let inside = x >= 0.0 && y >= 0.0 && x < width as f64 - 0.5 && y < height as f64 - 0.5;
        if inside && raster.labels[y.round() as usize * width + x.round() as usize] == 0 {
            add_spot(sheet, width, height, x, y, sigma, peak);
        }
    }
}

/// Uneven background: a level, a slope across the field, clouds, and blurred bodies far above or below the focal plane.
fn background(options: &SpecimenOptions, random: &mut Random) -> Vec<f32> {
    let (width, height) = (options.width, options.height);
    let (sine, cosine) = random.between(0.0, std::f64::consts::TAU).sin_cos();
    let slope = random.between(0.0, 0.6) / (width as f64).hypot(height as f64);
    let level = random.log_normal(options.background, 0.6);
    let (w, h) = (width.div_ceil(CLOUD_BIN), height.div_ceil(CLOUD_BIN));
    let clouds = grain(w, h, CLOUD / CLOUD_BIN as f64, random);
    let mut light = enlarged(&clouds, w, h, CLOUD_BIN, width, height);
    for (at, value) in light.iter_mut().enumerate() {
        let (x, y) = ((at % width) as f64, (at / width) as f64);
        let along = (x - 0.5 * width as f64) * cosine + (y - 0.5 * height as f64) * sine;
        let cloud = (0.4 * f64::from(*value)).exp();
        *value = (level * (1.0 + slope * along) * cloud) as f32;
    }
    // 3 bodies per million pixels at the haze of the U2OS fields, 6 at that of the NIH3T3 fields.
    let bodies = 60.0 * options.haze.min(0.1) * (width * height) as f64 * 1e-6;
    for _ in 0..random.poisson(bodies) as usize {
        let (x, y) = (random.between(0.0, width as f64), random.between(0.0, height as f64));
        let sigma = random.between(12.0, 26.0) * options.nucleus_scale;
        add_spot(&mut light, width, height, x, y, sigma, random.log_normal(0.15, 0.6));
    }
    light
}
