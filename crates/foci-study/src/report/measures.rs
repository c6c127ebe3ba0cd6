//! What each measure means, in words for a reader who knows microscopes better than statistics.
//!
//! Names, units and directions are those of [`foci_measure::Measure`]; what is added here is how values are written
//! and what they mean. A measure that foci does not know is shown all the same, under its own key, and
//! without a claim about which direction is better.

use super::format;
use crate::measure::{IOU_OF, TOLD};
use foci_measure::Measure as Known;
use foci_measure::measure::Better;

/// How values of a measure are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A number with so many decimals.
    Decimals(usize),
    /// A share of one, shown in percent with so many decimals.
    Percent(usize),
    /// Three significant digits.
    Significant,
}

/// A measure and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Which one of those that foci knows, if it is one.
    pub known: Option<Known>,
    /// Key in `metrics`.
    pub key: String,
    /// Name at the head of a row.
    pub name: String,
    /// Name that fits a column of a terminal, where the measure is shown there.
    pub short: String,
    /// Unit of values; empty for plain numbers.
    pub unit: &'static str,
    /// One or two sentences without jargon.
    pub explanation: &'static str,
    /// Which way is better; `None` if nobody has said.
    pub better: Option<Better>,
    style: Style,
}

fn style(known: Known) -> Style {
    match known {
        Known::DetailCutoff | Known::TransferCutoff => Style::Decimals(3),
        Known::Psnr => Style::Decimals(2),
        Known::Ssim | Known::MsSsim => Style::Decimals(4),
        Known::BandError(_) => Style::Significant,
        Known::FociRecall
        | Known::FociPrecision
        | Known::FociF1
        | Known::TrueFociRecall
        | Known::TrueFociPrecision
        | Known::BoundaryContrast
        | Known::ToldApart => Style::Percent(1),
        Known::Split | Known::Merged | Known::Spurious | Known::Missing => Style::Decimals(1),
        Known::MeanAp
        | Known::Ap50
        | Known::Ap70
        | Known::Ap90
        | Known::PanopticQuality
        | Known::ForegroundIou
        | Known::BoundaryF
        | Known::ClassAp50
        | Known::MeanIou
        | Known::MeanDice => Style::Decimals(3),
    }
}

/// One or two sentences without jargon; bands share theirs.
fn explanation(known: Known) -> &'static str {
    match known {
        Known::DetailCutoff => {
            "The finest pattern that the reconstruction still shares with the original, like the resolution limit of an \
         objective: the spatial frequency at which their Fourier ring correlation falls below one half. 0.5 is the limit \
         of the camera's pixels, and no picture can carry more."
        }
        Known::TransferCutoff => {
            "The spatial frequency at which the reconstruction passes only half of the original's amplitude, as on the \
         modulation transfer curve of a lens."
        }
        Known::FociRecall => {
            "Of the bright spots (heterochromatin foci) in the original, the share that can still be found in the \
         reconstruction."
        }
        Known::FociPrecision => {
            "Of the bright spots found in the reconstruction, the share that were in the original; the rest are inventions \
         of the net."
        }
        Known::FociF1 => "The harmonic mean of foci kept and foci that are real: high only if both are.",
        Known::TrueFociRecall => {
            "Where the specimen is synthetic and the true foci are known: the share of them that can be found in the \
         reconstruction."
        }
        Known::TrueFociPrecision => {
            "Where the specimen is synthetic and the true foci are known: of the bright spots found in the reconstruction, the \
         share that are true."
        }
        Known::BoundaryContrast => {
            "The contrast of the dark seam between touching nuclei, as a share of its contrast in the original. At \
         100\u{a0}% the nuclei are as well separated as they were; at 0\u{a0}% they have run together."
        }
        Known::Psnr => {
            "Peak signal-to-noise ratio: how small the error is beside the brightest signal. Each 6\u{a0}dB halve the \
         error. It averages over the whole tile, so dark background counts as much as foci."
        }
        Known::Ssim => {
            "Structural similarity: do small neighbourhoods have the same brightness, contrast and pattern? 1 means \
         identical."
        }
        Known::MsSsim => {
            "Structural similarity at five magnifications, from fine grain to whole nuclei, weighted as people see. 1 means \
         identical."
        }
        Known::BandError(_) => {
            "The error within one band of spatial frequency (in cycles per pixel), relative to the original's power there: 0 is \
     perfect, 1 is what a picture with nothing in that band gets. Low bands hold whole nuclei, high bands hold foci, edges \
     and noise."
        }
        Known::MeanAp => {
            "Average precision, TP / (TP + FP + FN) of objects, mean over ten thresholds of overlap (IoU 0.5 to 0.95): how many objects \
         are found, none invented, and how exactly they are outlined."
        }
        Known::Ap50 => {
            "Average precision where an object counts as found if it and the true one share half of the area that either has: are \
         the objects found and told apart, however roughly outlined?"
        }
        Known::Ap70 => "The same, for outlines that share 70\u{a0}% of the area.",
        Known::Ap90 => {
            "The same, for outlines that share 90\u{a0}% of the area: two people drawing the same objects hardly agree so well."
        }
        Known::PanopticQuality => {
            "Objects found (F1 at an IoU of 0.5) times the mean overlap of those found."
        }
        Known::BoundaryF => {
            "The share of outlines that lie within two pixels of a true one, and the other way round."
        }
        Known::ForegroundIou => "Overlap of all objects together, whether they are told apart or not.",
        Known::Split => "True objects of an image that were found in two or more parts.",
        Known::Merged => "Objects found in an image that hold two or more true ones.",
        Known::Spurious => "Objects found in an image where there is none.",
        Known::Missing => "True objects of an image that were not found.",
        Known::ToldApart => {
            "Of the objects that were found (IoU 0.5), the share whose class is right: of each class, then the mean, so that a rare class counts as much as a common one. By guessing it is about one divided by the number of classes."
        }
        Known::ClassAp50 => {
            "As AP at an IoU of 0.5, but an object of the wrong class counts as not found and as invented; mean over classes."
        }
        Known::MeanIou => {
            "Overlap of each class with the true one, shared area by area of either, and the mean over the classes that a field has."
        }
        Known::MeanDice => "As the mean IoU, with twice the shared area by the sum of both areas.",
    }
}

/// What is known of a measure; every key has an answer.
pub fn describe(key: &str) -> Measure {
    if let Some(known) = Known::from_key(key) {
        return of(known);
    }
    // Those of single classes.
    let of_class = |name: String, explanation: &'static str, style: Style| Measure {
        known: None,
        key: key.into(),
        short: name.clone(),
        name,
        unit: "",
        explanation,
        better: Some(Better::Higher),
        style,
    };
    if let Some(class) = key.strip_prefix(TOLD) {
        let explanation =
            "Of the objects of this class that were found, the share that was told to be of it.";
        return of_class(format!("{class} told right"), explanation, Style::Percent(1));
    }
    if let Some(class) = key.strip_prefix(IOU_OF) {
        let explanation = "Overlap of this class with the true one, over the fields that have it.";
        return of_class(format!("IoU of {class}"), explanation, Style::Decimals(3));
    }
    let words = key.replace(['_', '-'], " ");
    Measure {
        known: None,
        key: key.into(),
        name: words.clone(),
        short: words,
        unit: "",
        explanation: "This report knows no description of this measure.",
        better: None,
        style: Style::Significant,
    }
}

/// The words of a measure that foci knows.
pub fn of(known: Known) -> Measure {
    let title = known.title();
    let short = match known {
        Known::DetailCutoff => "cut-off",
        Known::FociRecall => "foci",
        Known::BoundaryContrast => "boundary",
        Known::Ap50 => "AP .5",
        Known::Ap70 => "AP .7",
        Known::Ap90 => "AP .9",
        Known::ToldApart => "told apart",
        Known::ClassAp50 => "class AP .5",
        Known::MeanIou => "mean IoU",
        Known::MeanDice => "mean Dice",
        _ => title,
    };
    Measure {
        known: Some(known),
        key: known.key().into(),
        name: title[..1].to_uppercase() + &title[1..],
        short: short.into(),
        unit: known.unit(),
        explanation: explanation(known),
        better: Some(known.better()),
        style: style(known),
    }
}

/// Sorts keys as [`Known::all`] does; keys that it does not hold follow, by name.
pub fn in_order<'k>(keys: impl IntoIterator<Item = &'k str>) -> Vec<Measure> {
    let place = |key: &str| Known::all().position(|known| known.key() == key);
    let mut keys: Vec<&str> = keys.into_iter().collect();
    keys.sort_by_key(|key| (place(key).unwrap_or(usize::MAX), *key));
    keys.dedup();
    keys.into_iter().map(describe).collect()
}

impl Measure {
    /// A value without its unit (a percent sign belongs to the number).
    pub fn value(&self, value: f64) -> String {
        match self.style {
            Style::Decimals(decimals) => format::fixed(value, decimals),
            Style::Percent(decimals) => format::percent(value, decimals),
            Style::Significant => format::significant(value, 3),
        }
    }

    /// A value with its unit.
    pub fn value_with_unit(&self, value: f64) -> String {
        format::with_unit(&self.value(value), self.unit)
    }

    /// A difference of two values, with its sign; shares differ by percentage points.
    pub fn difference(&self, value: f64) -> String {
        match self.style {
            Style::Decimals(decimals) => format::signed(value, decimals),
            Style::Percent(decimals) => format::signed(100.0 * value, decimals),
            Style::Significant if value > 0.0 => format!("+{}", format::significant(value, 2)),
            Style::Significant => format::significant(value, 2),
        }
    }

    /// Unit of a difference.
    pub fn difference_unit(&self) -> &'static str {
        if matches!(self.style, Style::Percent(_)) { "points" } else { self.unit }
    }

    /// A 95 % interval of a difference, in words: `−0.27 to 0.35`.
    pub fn interval(&self, interval: [f64; 2]) -> String {
        let [low, high] = interval.map(|end| self.difference(end).trim_start_matches('+').to_string());
        format!("{low} to {high}")
    }

    /// The direction in words; empty where it is unknown.
    pub fn better_words(&self) -> &'static str {
        match self.better {
            Some(Better::Higher) => "higher is better",
            Some(Better::Lower) => "lower is better",
            None => "",
        }
    }
}

/// The period in pixels of a spatial frequency in cycles per pixel, in words: `2.0 pixels`.
pub fn period(cutoff: f64) -> Option<String> {
    (cutoff.is_finite() && cutoff > 0.0)
        .then(|| format::with_unit(&format::significant(1.0 / cutoff, 2), "pixels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_measures_come_first_and_unknown_ones_are_kept() {
        let keys: Vec<String> = in_order(["zeta", "psnr", "alpha", "detail_cutoff"])
            .into_iter()
            .map(|measure| measure.key)
            .collect();
        assert_eq!(keys, ["detail_cutoff", "psnr", "alpha", "zeta"]);
        assert_eq!(describe("alpha").better, None);
        assert_eq!(describe("band_error_1_8").better, Some(Better::Lower));
        assert_eq!(describe("my_measure").name, "my measure");
        assert_eq!(describe("psnr").name, "PSNR");
        assert_eq!(describe("foci_recall").name, "Foci kept");
        assert_eq!(describe("iou_of_nerve cell").name, "IoU of nerve cell");
    }

    #[test]
    fn differences_of_shares_are_points() {
        let recall = describe("foci_recall");
        assert_eq!(recall.value(0.5), "50.0\u{a0}%");
        assert_eq!(recall.difference(-0.123), "−12.3");
        assert_eq!(recall.difference_unit(), "points");
        assert_eq!(describe("psnr").interval([-0.5, 1.25]), "−0.50 to 1.25");
    }

    #[test]
    fn a_cutoff_is_also_a_period() {
        assert_eq!(period(0.5).as_deref(), Some("2.0\u{a0}pixels"));
        assert_eq!(period(0.0), None);
    }
}
