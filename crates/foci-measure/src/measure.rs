//! The measures by name: key, unit, which direction is better, and the value of a diverged run.
//!
//! A run whose loss became infinite has no images to measure, but it is a result and must not vanish from a comparison. It
//! enters with the [`Measure::worst`] value of every measure, in every field. Those values are below anything that
//! a net which learned something gets, so ranks and the probability of improvement are right whatever the exact floor;
//! the mean difference is large and its interval very wide, which is what a net that sometimes diverges deserves.

use crate::labels::{LABEL_MEASURES, LabelMeasure};
use serde::{Deserialize, Serialize};

/// Which values of a measure are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Larger values.
    Higher,
    /// Smaller values.
    Lower,
}

/// Everything that nets are compared by: measures of a reconstruction, of label images ([`crate::labels`]) and of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Peak signal-to-noise ratio, capped ([`crate::psnr`]).
    Psnr,
    /// Structural similarity ([`crate::ssim`]).
    Ssim,
    /// Multi-scale structural similarity ([`crate::ms_ssim`]).
    MsSsim,
    /// Frequency where the Fourier ring correlation falls to one half ([`crate::frequency`]).
    DetailCutoff,
    /// Frequency where the amplitude transfer falls to one half ([`crate::frequency`]).
    TransferCutoff,
    /// Relative error power in one octave, 0 (coarsest) to 4 (finest) ([`crate::frequency::BandError`]).
    BandError(u8),
    /// Share of the original's spots that are in the reconstruction ([`crate::matching`]).
    FociRecall,
    /// Share of the reconstruction's spots that are in the original ([`crate::matching`]).
    FociPrecision,
    /// Harmonic mean of both.
    FociF1,
    /// Share of the true spots that are in the reconstruction, where the truth is known.
    TrueFociRecall,
    /// Share of the reconstruction's spots that are true, where the truth is known.
    TrueFociPrecision,
    /// Share of the contrast between touching nuclei that was kept ([`crate::contrast`]).
    BoundaryContrast,
    /// AP of objects, mean over IoU 0.5 to 0.95 ([`crate::labels::matching`]).
    MeanAp,
    /// AP of objects at an IoU of 0.5.
    Ap50,
    /// AP of objects at an IoU of 0.7.
    Ap70,
    /// AP of objects at an IoU of 0.9.
    Ap90,
    /// Panoptic quality of objects at an IoU of 0.5.
    PanopticQuality,
    /// IoU of foreground and background ([`crate::labels::foreground`]).
    ForegroundIou,
    /// Boundary F-measure ([`crate::labels::boundary`]).
    BoundaryF,
    /// True objects found in parts ([`crate::labels::errors`]).
    Split,
    /// Objects found that hold several true ones.
    Merged,
    /// Objects found where there is none.
    Spurious,
    /// True objects that were not found.
    Missing,
    /// AP of objects at an IoU of 0.5 that are of the right class, mean over classes ([`crate::labels::object_classes`]).
    ClassAp50,
    /// Share of the objects found whose class is right, mean over classes.
    ToldApart,
    /// IoU of the classes of pixels, mean over the classes that a field has ([`crate::labels::classes`]).
    MeanIou,
    /// Dice of the classes of pixels, mean likewise.
    MeanDice,
}

impl Measure {
    /// The measures of a reconstruction, in the order in which a report shows them: detail first.
    pub const RECONSTRUCTION: [Measure; 16] = [
        Measure::DetailCutoff,
        Measure::TransferCutoff,
        Measure::FociRecall,
        Measure::FociPrecision,
        Measure::FociF1,
        Measure::TrueFociRecall,
        Measure::TrueFociPrecision,
        Measure::BoundaryContrast,
        Measure::Psnr,
        Measure::Ssim,
        Measure::MsSsim,
        Measure::BandError(0),
        Measure::BandError(1),
        Measure::BandError(2),
        Measure::BandError(3),
        Measure::BandError(4),
    ];

    /// Those measures of objects that nets are compared by; [`crate::labels::LABEL_MEASURES`] has more.
    pub const OBJECTS: [Measure; 11] = [
        Measure::MeanAp,
        Measure::Ap50,
        Measure::Ap70,
        Measure::Ap90,
        Measure::PanopticQuality,
        Measure::BoundaryF,
        Measure::ForegroundIou,
        Measure::Split,
        Measure::Merged,
        Measure::Spurious,
        Measure::Missing,
    ];

    /// Measures of the classes of objects.
    pub const OBJECT_CLASSES: [Measure; 2] = [Measure::ToldApart, Measure::ClassAp50];

    /// Measures of classes of pixels.
    pub const CLASSES: [Measure; 2] = [Measure::MeanIou, Measure::MeanDice];

    /// All measures, in the order in which a report shows them.
    pub fn all() -> impl Iterator<Item = Measure> {
        Self::RECONSTRUCTION.into_iter().chain(Self::OBJECTS).chain(Self::OBJECT_CLASSES).chain(Self::CLASSES)
    }

    /// The measure with this key in `results.json`.
    pub fn from_key(key: &str) -> Option<Measure> {
        Self::all().find(|measure| measure.key() == key)
    }

    /// Key in `results.json`.
    pub fn key(self) -> &'static str {
        match self {
            Measure::Psnr => "psnr",
            Measure::Ssim => "ssim",
            Measure::MsSsim => "ms_ssim",
            Measure::DetailCutoff => "detail_cutoff",
            Measure::TransferCutoff => "transfer_cutoff",
            Measure::BandError(0) => "band_error_below_1_32",
            Measure::BandError(1) => "band_error_1_32",
            Measure::BandError(2) => "band_error_1_16",
            Measure::BandError(3) => "band_error_1_8",
            Measure::BandError(_) => "band_error_1_4",
            Measure::FociRecall => "foci_recall",
            Measure::FociPrecision => "foci_precision",
            Measure::FociF1 => "foci_f1",
            Measure::TrueFociRecall => "true_foci_recall",
            Measure::TrueFociPrecision => "true_foci_precision",
            Measure::BoundaryContrast => "boundary_contrast",
            Measure::MeanAp => "mean_ap",
            Measure::Ap50 => "ap_50",
            Measure::Ap70 => "ap_70",
            Measure::Ap90 => "ap_90",
            Measure::PanopticQuality => "panoptic_quality",
            Measure::ForegroundIou => "iou",
            Measure::BoundaryF => "boundary_f",
            Measure::Split => "split",
            Measure::Merged => "merged",
            Measure::Spurious => "spurious",
            Measure::Missing => "missing",
            Measure::ClassAp50 => "class_ap_50",
            Measure::ToldApart => "told_apart",
            Measure::MeanIou => "mean_iou",
            Measure::MeanDice => "mean_dice",
        }
    }

    /// The measure of label images of this key, if it is one.
    fn of_labels(self) -> Option<&'static LabelMeasure> {
        LABEL_MEASURES.iter().find(|measure| measure.key == self.key())
    }

    /// What tables and reports call it, beginning with a small letter where it is a word.
    pub fn title(self) -> &'static str {
        match self {
            Measure::Psnr => "PSNR",
            Measure::Ssim => "SSIM",
            Measure::MsSsim => "MS-SSIM",
            Measure::DetailCutoff => "detail cut-off",
            Measure::TransferCutoff => "contrast transfer cut-off",
            Measure::BandError(0) => "error, frequencies below 1/32",
            Measure::BandError(1) => "error, frequencies 1/32 to 1/16",
            Measure::BandError(2) => "error, frequencies 1/16 to 1/8",
            Measure::BandError(3) => "error, frequencies 1/8 to 1/4",
            Measure::BandError(_) => "error, frequencies 1/4 to 1/2",
            Measure::FociRecall => "foci kept",
            Measure::FociPrecision => "foci that are real",
            Measure::FociF1 => "foci, both ways",
            Measure::TrueFociRecall => "true foci found",
            Measure::TrueFociPrecision => "found foci that are true",
            Measure::BoundaryContrast => "boundary contrast kept",
            Measure::ClassAp50 => "AP 0.50 with the right class, mean over classes",
            Measure::ToldApart => "objects told apart, mean over classes",
            Measure::MeanIou => "IoU, mean over classes",
            Measure::MeanDice => "Dice, mean over classes",
            _ => self.of_labels().map_or("", |measure| measure.title),
        }
    }

    /// Unit; empty for a pure number.
    pub fn unit(self) -> &'static str {
        match self {
            Measure::Psnr => "dB",
            Measure::DetailCutoff | Measure::TransferCutoff => "cycles/pixel",
            _ => self.of_labels().map_or("", |measure| measure.unit),
        }
    }

    /// Which direction is better.
    pub fn better(self) -> Better {
        match self {
            Measure::BandError(_) => Better::Lower,
            _ => self.of_labels().map_or(Better::Higher, |measure| measure.better),
        }
    }

    /// The value with which a diverged run enters: 0, for an error ten times the power of the original, for objects that
    /// are wrong a hundred.
    ///
    /// (0 dB is an error as large as the whole range; a flat grey image has 10 to 20 dB.)
    pub fn worst(self) -> f64 {
        match (self, self.better()) {
            (_, Better::Higher) => 0.0,
            (Measure::BandError(_), Better::Lower) => 10.0,
            (_, Better::Lower) => 100.0,
        }
    }

    /// The value of a reconstruction that is identical to its original, of labels that are the true ones.
    pub fn best(self) -> f64 {
        match self {
            Measure::Psnr => crate::psnr::CAP_DECIBELS,
            Measure::DetailCutoff | Measure::TransferCutoff => 0.5,
            _ if self.better() == Better::Lower => 0.0,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_distinct_and_found_again() {
        for measure in Measure::all() {
            assert_eq!(Measure::from_key(measure.key()), Some(measure));
            assert!(!measure.title().is_empty(), "{measure:?}");
            match measure.better() {
                Better::Higher => assert!(measure.worst() < measure.best()),
                Better::Lower => assert!(measure.worst() > measure.best()),
            }
        }
        assert_eq!(Measure::from_key("loss"), None);
    }

    #[test]
    fn units_are_those_of_the_definitions() {
        assert_eq!((Measure::Psnr.unit(), Measure::DetailCutoff.unit()), ("dB", "cycles/pixel"));
        assert_eq!((Measure::Ssim.unit(), Measure::MeanIou.unit()), ("", ""));
    }
}
