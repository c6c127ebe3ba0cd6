//! All measures of one tile at once.
//!
//! A study measures the same original against the reconstructions of many runs. What depends on the original alone (its
//! spots, their thresholds, the touching pairs) is worked out once, as a [`Reference`]; the memory of the
//! transforms is kept in the [`ReconstructionMeter`], which serves all images of one size.

use crate::contrast::{BoundaryContrast, LEAST_CONTRAST, boundary_contrast};
use crate::frequency::{FrequencyAnalyser, FrequencyAnalysis};
use crate::matching::{SpotCounts, SpotMatch, TOLERANCE_PX, match_spots};
use crate::measure::Measure;
use crate::ms_ssim::structural_similarity;
use crate::psnr::psnr_capped;
use crate::spots::{Spot, SpotOptions, SpotThresholds, detect, detect_with};
use crate::summary::mean;
use crate::touching::{TouchingOptions, TouchingPair, touching_pairs};
use crate::view::expect_size;
use crate::{ImageView, LabelView, MeasureError, Point};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a meter measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeterOptions {
    /// Span of intensities that counts as full scale: 1 for percentile-normalised images.
    pub range: f64,
    /// How spots are found.
    pub spots: SpotOptions,
    /// How far a spot may move and still be the same, in pixels.
    pub tolerance_px: f64,
    /// When nuclei count as touching.
    pub touching: TouchingOptions,
    /// Contrast that a seam needs in the original.
    pub least_contrast: f64,
}

impl Default for MeterOptions {
    fn default() -> Self {
        Self {
            range: 1.0,
            spots: SpotOptions::default(),
            tolerance_px: TOLERANCE_PX,
            touching: TouchingOptions::default(),
            least_contrast: LEAST_CONTRAST,
        }
    }
}

/// An original and what is known of it.
#[derive(Debug, Clone)]
pub struct Reference<'a> {
    image: ImageView<'a>,
    flat: bool,
    /// Spots of the original.
    pub spots: Vec<Spot>,
    /// Thresholds that reconstructions are searched with.
    pub thresholds: SpotThresholds,
    /// Pairs of touching nuclei; `None` without labels.
    pub touching: Option<Vec<TouchingPair>>,
    /// True places of the foci, where they are known.
    pub truth: Option<Vec<Point>>,
}

impl Reference<'_> {
    /// Adds the true places of the foci, for specimens that have them; spots are then matched against both.
    pub fn with_truth(mut self, foci: Vec<Point>) -> Self {
        self.truth = Some(foci);
        self
    }
}

/// What one reconstruction is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReconstructionMeasures {
    /// Peak signal-to-noise ratio in decibels, at most [`crate::psnr::CAP_DECIBELS`].
    pub psnr: f64,
    /// Structural similarity.
    pub ssim: f64,
    /// Multi-scale structural similarity.
    pub ms_ssim: f64,
    /// Correlation, transfer and error over frequency; `None` for a constant original.
    pub frequency: Option<FrequencyAnalysis>,
    /// Spots of the original against those of the reconstruction.
    pub foci: SpotMatch,
    /// Spots of the reconstruction.
    pub spots: Vec<Spot>,
    /// True foci against the spots of the reconstruction, where the truth is known.
    pub true_foci: Option<SpotMatch>,
    /// Contrast between touching nuclei; `None` without labels.
    pub boundary: Option<BoundaryContrast>,
}

impl ReconstructionMeasures {
    /// All measures that have a value, by their key in `results.json`.
    ///
    /// Which ones have a value depends on the original only, never on the reconstruction.
    pub fn values(&self) -> BTreeMap<&'static str, f64> {
        let value = |measure: Measure| Some((measure.key(), self.value(measure)?));
        Measure::RECONSTRUCTION.into_iter().filter_map(value).collect()
    }

    /// One measure; `None` where the original has nothing to measure (no foci, no touching nuclei, no structure), and for measures of
    /// objects and classes.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Psnr => Some(self.psnr),
            Measure::Ssim => Some(self.ssim),
            Measure::MsSsim => Some(self.ms_ssim),
            Measure::DetailCutoff => Some(self.frequency.as_ref()?.cutoff),
            Measure::TransferCutoff => Some(self.frequency.as_ref()?.transfer_cutoff),
            Measure::BandError(band) => self.frequency.as_ref()?.bands.get(usize::from(band))?.relative_error,
            Measure::FociRecall => self.foci.counts.recall(),
            Measure::FociPrecision => self.foci.counts.precision(),
            Measure::FociF1 => self.foci.counts.f1(),
            Measure::TrueFociRecall => self.true_foci.as_ref()?.counts.recall(),
            Measure::TrueFociPrecision => self.true_foci.as_ref()?.counts.precision(),
            Measure::BoundaryContrast => self.boundary.as_ref()?.kept,
            _ => None,
        }
    }
}

/// The measures of a field from those of its tiles, by their key in `results.json`.
///
/// What is counted is pooled: spots and touching pairs are those of all tiles together, so that a tile with two spots does not
/// weigh as much as one with fifty. Everything else is the mean over the tiles that have a value. `least_contrast` as in
/// [`MeterOptions`].
pub fn field_values(tiles: &[ReconstructionMeasures], least_contrast: f64) -> BTreeMap<&'static str, f64> {
    let foci: SpotCounts = tiles.iter().map(|tile| tile.foci.counts).sum();
    let true_foci: SpotCounts =
        tiles.iter().filter_map(|tile| tile.true_foci.as_ref()).map(|m| m.counts).sum();
    let pairs =
        tiles.iter().filter_map(|tile| tile.boundary.as_ref()).flat_map(|boundary| boundary.pairs.clone());
    let boundary = BoundaryContrast::of(pairs.collect(), least_contrast);
    let of_tiles =
        |measure: Measure| mean(&tiles.iter().filter_map(|tile| tile.value(measure)).collect::<Vec<_>>());
    let value = |measure: Measure| match measure {
        Measure::FociRecall => foci.recall(),
        Measure::FociPrecision => foci.precision(),
        Measure::FociF1 => foci.f1(),
        Measure::TrueFociRecall => true_foci.recall(),
        Measure::TrueFociPrecision => true_foci.precision(),
        Measure::BoundaryContrast => boundary.kept,
        other => of_tiles(other),
    };
    let keyed = |measure: Measure| Some((measure.key(), value(measure)?));
    Measure::RECONSTRUCTION.into_iter().filter_map(keyed).collect()
}

/// Measures reconstructions of one size; holds the memory that all of them need.
pub struct ReconstructionMeter {
    options: MeterOptions,
    width: usize,
    height: usize,
    analyser: FrequencyAnalyser,
}

impl ReconstructionMeter {
    /// A meter with the default options, for images of at least 64x64 pixels.
    pub fn new(width: usize, height: usize) -> Result<Self, MeasureError> {
        Self::with_options(width, height, MeterOptions::default())
    }

    /// A meter with other options.
    pub fn with_options(width: usize, height: usize, options: MeterOptions) -> Result<Self, MeasureError> {
        Ok(Self { analyser: FrequencyAnalyser::new(width, height)?, options, width, height })
    }

    /// Works out what depends on the original alone: spots, thresholds, and, with labels, the touching pairs.
    pub fn reference<'a>(
        &self,
        image: ImageView<'a>,
        labels: Option<LabelView>,
    ) -> Result<Reference<'a>, MeasureError> {
        expect_size(image.width(), image.height(), self.width, self.height, "the original")?;
        let touching = match labels {
            Some(labels) => {
                expect_size(labels.width(), labels.height(), self.width, self.height, "the label image")?;
                Some(touching_pairs(labels, &self.options.touching)?)
            }
            None => None,
        };
        let (spots, thresholds) = detect(image, &self.options.spots)?;
        let first = image.data()[0];
        let flat = image.data().iter().all(|&value| value == first);
        Ok(Reference { image, flat, spots, thresholds, touching, truth: None })
    }

    /// Measures one reconstruction of that original.
    pub fn measure(
        &mut self,
        reference: &Reference,
        reconstruction: ImageView,
    ) -> Result<ReconstructionMeasures, MeasureError> {
        let (original, options) = (reference.image, &self.options);
        original.same_size(&reconstruction, "the reconstruction")?;
        let similarity = structural_similarity(original, reconstruction, options.range)?;
        let spots = detect_with(reconstruction, &reference.thresholds, &options.spots)?;
        let found = places(&spots);
        let against = |truth: &[Point]| match_spots(truth, &found, options.tolerance_px);
        Ok(ReconstructionMeasures {
            psnr: psnr_capped(original, reconstruction, options.range)?,
            ssim: similarity.ssim,
            ms_ssim: similarity.ms_ssim,
            foci: against(&places(&reference.spots))?,
            true_foci: reference.truth.as_deref().map(against).transpose()?,
            boundary: match &reference.touching {
                Some(pairs) => {
                    Some(boundary_contrast(original, reconstruction, pairs, options.least_contrast)?)
                }
                None => None,
            },
            frequency: match reference.flat {
                false => Some(self.analyser.analyse(original, reconstruction)?),
                true => None,
            },
            spots,
        })
    }
}

fn places(spots: &[Spot]) -> Vec<Point> {
    spots.iter().map(|spot| spot.at).collect()
}
