//! The pixel classifier: features and a forest, from images to the probability of each class at each pixel.
//!
//! Images go through it in bands of rows, so that memory does not grow with the image and threads have something to share. A
//! band's result does not depend on which others there are.

use crate::example::draw;
use crate::features::SCALES_PX;
use crate::{Example, FeatureBank, ForestOptions, PixelError, RandomForest};
use foci_image::{Plane, Workers};
use std::ops::Range;

/// Rows of a band.
const BAND: usize = 64;

/// How a classifier learns.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingOptions {
    /// Classes, numbered from 0; each must occur.
    pub classes: usize,
    /// Standard deviations of the filters, in pixels.
    pub scales_px: Vec<f64>,
    /// Most pixels of each class that are learnt from.
    pub most_per_class: usize,
    /// How the forest grows.
    pub forest: ForestOptions,
}

/// Pixels of each class that are learnt from, unless said otherwise: a minute's worth. Twenty times as many take four times as long and are worth a little more
/// (docs/results/dsb2018.md).
pub const PIXELS_OF_CLASS: usize = 20_000;

impl TrainingOptions {
    /// For so many classes, at [`SCALES_PX`], from up to [`PIXELS_OF_CLASS`] pixels of each.
    pub fn new(classes: usize) -> Self {
        let (scales_px, forest) = (SCALES_PX.to_vec(), ForestOptions::default());
        Self { classes, scales_px, most_per_class: PIXELS_OF_CLASS, forest }
    }
}

/// A classifier that has been trained.
#[derive(Debug, Clone)]
pub struct PixelClassifier {
    bank: FeatureBank,
    forest: RandomForest,
}

impl PixelClassifier {
    /// Learns from examples. Up to `most_per_class` pixels of each class are drawn, so that rare classes are seen; in the
    /// probabilities a pixel counts for as many as it stands for, so that they are those of the images as they are.
    ///
    /// The watcher of `workers` counts twice: bands of images, whose features are computed, and then trees.
    ///
    /// # Errors
    /// [`PixelError::Classes`] unless there are 2 to 256; [`PixelError::Class`], [`PixelError::NoPixels`] and
    /// [`PixelError::NotFinite`] for what the examples hold; [`PixelError::Zero`], [`PixelError::Scale`] and [`PixelError::Scales`]
    /// for options; [`PixelError::Interrupted`].
    pub fn train(
        examples: &[Example],
        options: &TrainingOptions,
        seed: u64,
        workers: &mut Workers,
    ) -> Result<Self, PixelError> {
        let bank = FeatureBank::new(&options.scales_px)?;
        if !(2..=256).contains(&options.classes) {
            return Err(PixelError::Classes { found: options.classes });
        }
        if options.most_per_class == 0 {
            return Err(PixelError::Zero { what: "the number of pixels of each class" });
        }
        for (number, example) in examples.iter().enumerate() {
            check_finite(example.plane(), || format!("example {number}"))?;
        }
        let drawn = draw(examples, options.classes, options.most_per_class, seed)?;
        let (features, classes) = features_of(&bank, examples, &drawn.pixels, workers)?;
        let forest = RandomForest::train(&features, &classes, &drawn.weights, options.forest, seed, workers)?;
        Ok(Self { bank, forest })
    }

    /// A classifier of parts that were read; they must belong together.
    pub(crate) fn from_parts(bank: FeatureBank, forest: RandomForest) -> Self {
        Self { bank, forest }
    }

    /// Its filters.
    pub fn bank(&self) -> &FeatureBank {
        &self.bank
    }

    /// Its trees.
    pub fn forest(&self) -> &RandomForest {
        &self.forest
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.forest.classes()
    }

    /// The probability of each class at each pixel, [classes, height, width]. The image must be normalised as the examples were.
    ///
    /// # Errors
    /// [`PixelError::NotFinite`]; [`PixelError::Interrupted`].
    pub fn predict(&self, plane: &Plane, workers: &mut Workers) -> Result<Vec<f32>, PixelError> {
        check_finite(plane, || "the image".to_string())?;
        let bands: Vec<Range<usize>> = bands(plane.height).collect();
        let found = workers.map(&bands, |rows| {
            self.forest.probabilities(&self.bank.of_rows(plane, rows.clone()), rows.len() * plane.width)
        })?;
        let pixels = plane.data.len();
        let mut out = vec![0.0; self.classes() * pixels];
        for (rows, found) in bands.iter().zip(&found).filter(|(_, found)| !found.is_empty()) {
            let length = rows.len() * plane.width;
            for (class, values) in found.chunks_exact(length).enumerate() {
                let start = class * pixels + rows.start * plane.width;
                out[start..start + length].copy_from_slice(values);
            }
        }
        Ok(out)
    }
}

/// The rows of an image, band by band.
fn bands(height: usize) -> impl Iterator<Item = Range<usize>> {
    (0..height).step_by(BAND).map(move |start| start..(start + BAND).min(height))
}

/// The features, [features, pixels], and the classes of the pixels drawn from examples.
fn features_of(
    bank: &FeatureBank,
    examples: &[Example],
    drawn: &[Vec<u32>],
    workers: &mut Workers,
) -> Result<(Vec<f32>, Vec<u8>), PixelError> {
    let mut work = Vec::new();
    for (example, pixels) in examples.iter().zip(drawn) {
        let plane = example.plane();
        for rows in bands(plane.height) {
            let before = |row: usize| pixels.partition_point(|&pixel| (pixel as usize) < row * plane.width);
            let here = &pixels[before(rows.start)..before(rows.end)];
            if !here.is_empty() {
                work.push((plane, rows, here));
            }
        }
    }
    let found = workers.map(&work, |(plane, rows, pixels)| {
        let features = bank.of_rows(plane, rows.clone());
        let first = rows.start * plane.width;
        let of_feature = |values: &[f32]| -> Vec<f32> {
            pixels.iter().map(|&pixel| values[pixel as usize - first]).collect()
        };
        let picked = features.chunks_exact(rows.len() * plane.width).map(of_feature);
        Ok::<Vec<Vec<f32>>, PixelError>(picked.collect())
    })?;
    let features = (0..bank.features()).flat_map(|feature| found.iter().flat_map(move |band| &band[feature]));
    let classes = examples
        .iter()
        .zip(drawn)
        .flat_map(|(example, pixels)| pixels.iter().map(|&pixel| example.classes()[pixel as usize]));
    Ok((features.copied().collect(), classes.collect()))
}

fn check_finite(plane: &Plane, image: impl Fn() -> String) -> Result<(), PixelError> {
    match plane.data.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (x, y) = (at % plane.width, at / plane.width);
            Err(PixelError::NotFinite { image: image(), x, y, value: plane.data[at] })
        }
    }
}
