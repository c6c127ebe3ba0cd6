//! What a segmentation is worth: measures of a predicted label image against the true one.
//!
//! Everything about objects follows from one table, the [`overlap::Overlaps`]; outlines need the images as well. [`measure_labels`]
//! takes all measures of an image, [`LABEL_MEASURES`] has their names, units and directions.
//!
//! - [`matching`]: objects found at an intersection over union of 0.5 to 0.95: AP, precision, recall, F1, panoptic quality, the score
//!   of the Data Science Bowl;
//! - [`foreground`]: Dice, intersection over union, aggregated Jaccard index;
//! - [`boundary`]: boundary F-measure;
//! - [`classes`]: classes of pixels over many images, and whole images told apart by a score;
//! - [`object_classes`]: classes of objects, of those that were found and of all;
//! - [`pairs`], [`contour`], [`errors`]: Rand index, "Jaccard index" of pairs, Hausdorff distance, normalised sum of distances, split,
//!   merged, spurious and missing objects, as Coelho, Shariff and Murphy (ISBI 2009) define them;
//! - [`shape`]: area, perimeter, eccentricity, solidity and brightness of each object;
//! - [`bounds`]: the rectangle around each object;
//! - [`distance`]: the exact Euclidean distance transform that outlines need.
//!
//! The measures of a set of images are the means over its images: each image counts the same, however many objects it holds.
//!
//! ```
//! use foci_measure::{LabelView, measure_labels};
//! let truth = [0, 1, 1, 0, 2, 2];
//! let predicted = [0, 1, 1, 1, 0, 0];
//! let view = |labels| LabelView::new(6, 1, labels);
//! let measured = measure_labels(view(&truth)?, view(&predicted)?)?;
//! assert_eq!(measured.at(0.5).unwrap().recall(), 0.5);
//! assert_eq!(measured.errors.missing, 1);
//! # Ok::<(), foci_measure::MeasureError>(())
//! ```

pub mod boundary;
pub mod bounds;
pub mod classes;
pub mod contour;
pub mod distance;
pub mod errors;
pub mod foreground;
pub mod matching;
pub mod object_classes;
pub mod overlap;
pub mod pairs;
pub mod shape;

pub use overlap::Overlaps;

use crate::measure::Better;
use crate::{LabelView, MeasureError};
use boundary::{BOUNDARY_TOLERANCE_PX, boundary_f};
use contour::{OutlineDistances, outline_distances};
use errors::ObjectErrors;
use foreground::{Foreground, aggregated_jaccard};
use matching::{ObjectMatch, bowl_score, match_objects, thresholds};
use pairs::PixelPairs;
use std::collections::BTreeMap;

/// All measures of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelMeasures {
    /// Number of true objects.
    pub true_objects: usize,
    /// Number of predicted objects.
    pub predicted_objects: usize,
    /// Objects found at each of [`matching::thresholds`].
    pub matches: [ObjectMatch; 10],
    /// Score of the Data Science Bowl.
    pub bowl_score: f64,
    /// Areas of the foreground.
    pub foreground: Foreground,
    /// Aggregated Jaccard index.
    pub aggregated_jaccard: f64,
    /// Boundary F-measure with a tolerance of [`BOUNDARY_TOLERANCE_PX`].
    pub boundary_f: f64,
    /// Pairs of pixels.
    pub pairs: PixelPairs,
    /// Distances of outlines; `None` without true objects.
    pub outlines: Option<OutlineDistances>,
    /// Objects that are wrong.
    pub errors: ObjectErrors,
}

/// Measures a predicted label image against the true one.
///
/// # Errors
/// [`MeasureError::SizesDiffer`].
pub fn measure_labels(truth: LabelView, predicted: LabelView) -> Result<LabelMeasures, MeasureError> {
    let overlaps = Overlaps::new(truth, predicted)?;
    let mut matches = [ObjectMatch { matched: 0, invented: 0, missed: 0, iou_sum: 0.0 }; 10];
    for (found, threshold) in matches.iter_mut().zip(thresholds()) {
        *found = match_objects(&overlaps, threshold)?;
    }
    Ok(LabelMeasures {
        true_objects: overlaps.true_objects(),
        predicted_objects: overlaps.predicted_objects(),
        matches,
        bowl_score: bowl_score(&overlaps),
        foreground: Foreground::new(&overlaps),
        aggregated_jaccard: aggregated_jaccard(&overlaps),
        boundary_f: boundary_f(truth, predicted, BOUNDARY_TOLERANCE_PX)?,
        pairs: PixelPairs::new(&overlaps),
        outlines: outline_distances(truth, predicted, &overlaps)?,
        errors: ObjectErrors::new(&overlaps),
    })
}

impl LabelMeasures {
    /// Objects found at one of [`matching::thresholds`]; `None` for any other.
    pub fn at(&self, threshold: f64) -> Option<&ObjectMatch> {
        thresholds().iter().position(|&known| known == threshold).map(|index| &self.matches[index])
    }

    /// Mean AP over [`matching::thresholds`], 0 to 1.
    pub fn mean_average_precision(&self) -> f64 {
        self.matches.iter().map(ObjectMatch::average_precision).sum::<f64>() / self.matches.len() as f64
    }

    /// The measures that have a value for this image, by key.
    pub fn values(&self) -> BTreeMap<&'static str, f64> {
        let value = |measure: &LabelMeasure| (measure.value)(self).map(|value| (measure.key, value));
        LABEL_MEASURES.iter().filter_map(value).collect()
    }
}

/// A measure by name. Which images have a value depends on the truth alone: outline distances need a true object, the pair "Jaccard"
/// two pixels that are apart in either image.
#[derive(Debug, Clone, Copy)]
pub struct LabelMeasure {
    /// Key in JSON.
    pub key: &'static str,
    /// What tables call it.
    pub title: &'static str,
    /// Unit; empty for a pure number.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// Its value for an image.
    pub value: fn(&LabelMeasures) -> Option<f64>,
}

const fn higher(
    key: &'static str,
    title: &'static str,
    value: fn(&LabelMeasures) -> Option<f64>,
) -> LabelMeasure {
    LabelMeasure { key, title, unit: "", better: Better::Higher, value }
}

const fn lower(
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    value: fn(&LabelMeasures) -> Option<f64>,
) -> LabelMeasure {
    LabelMeasure { key, title, unit, better: Better::Lower, value }
}

/// All measures of label images, in the order in which tables show them. Precision, recall, F1 and panoptic quality are those at an
/// intersection over union of 0.5.
pub const LABEL_MEASURES: [LabelMeasure; 28] = [
    higher("ap_50", "AP at IoU 0.50", |m| Some(m.matches[0].average_precision())),
    higher("ap_55", "AP at IoU 0.55", |m| Some(m.matches[1].average_precision())),
    higher("ap_60", "AP at IoU 0.60", |m| Some(m.matches[2].average_precision())),
    higher("ap_65", "AP at IoU 0.65", |m| Some(m.matches[3].average_precision())),
    higher("ap_70", "AP at IoU 0.70", |m| Some(m.matches[4].average_precision())),
    higher("ap_75", "AP at IoU 0.75", |m| Some(m.matches[5].average_precision())),
    higher("ap_80", "AP at IoU 0.80", |m| Some(m.matches[6].average_precision())),
    higher("ap_85", "AP at IoU 0.85", |m| Some(m.matches[7].average_precision())),
    higher("ap_90", "AP at IoU 0.90", |m| Some(m.matches[8].average_precision())),
    higher("ap_95", "AP at IoU 0.95", |m| Some(m.matches[9].average_precision())),
    higher("mean_ap", "mean AP", |m| Some(m.mean_average_precision())),
    higher("bowl_score", "Data Science Bowl score", |m| Some(m.bowl_score)),
    higher("precision", "precision", |m| Some(m.matches[0].precision())),
    higher("recall", "recall", |m| Some(m.matches[0].recall())),
    higher("f1", "F1", |m| Some(m.matches[0].f1())),
    higher("panoptic_quality", "panoptic quality", |m| Some(m.matches[0].panoptic_quality())),
    higher("aggregated_jaccard", "aggregated Jaccard index", |m| Some(m.aggregated_jaccard)),
    higher("dice", "Dice of the foreground", |m| Some(m.foreground.dice())),
    higher("iou", "IoU of the foreground", |m| Some(m.foreground.iou())),
    higher("boundary_f", "boundary F within 2 pixels", |m| Some(m.boundary_f)),
    higher("rand", "Rand index", |m| Some(m.pairs.rand())),
    higher("pair_jaccard", "pair \"Jaccard\" (a+d)/(b+c+d)", |m| m.pairs.jaccard()),
    lower("hausdorff", "Hausdorff distance", "pixels", |m| m.outlines.map(|outlines| outlines.hausdorff)),
    lower("normalised_sum_of_distances", "normalised sum of distances", "", |m| {
        m.outlines.map(|outlines| outlines.normalised_sum)
    }),
    lower("split", "split", "objects", |m| Some(m.errors.split as f64)),
    lower("merged", "merged", "objects", |m| Some(m.errors.merged as f64)),
    lower("spurious", "spurious", "objects", |m| Some(m.errors.spurious as f64)),
    lower("missing", "missing", "objects", |m| Some(m.errors.missing as f64)),
];
