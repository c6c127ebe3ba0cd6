//! What each measure means, in words for a reader who knows microscopes better than statistics.
//!
//! The catalogue holds the measures that foci knows. A measure it does not know is shown all the same,
//! under its own key, and without a claim about which direction is better.

use super::format;

/// Which way a measure improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Larger values are better.
    Higher,
    /// Smaller values are better.
    Lower,
    /// Nobody has said.
    Unknown,
}

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
    /// Key in `metrics`.
    pub key: String,
    /// Name at the head of a row.
    pub name: String,
    /// Name that fits a column of a terminal.
    pub short: String,
    /// Unit of values; empty for plain numbers.
    pub unit: &'static str,
    /// One or two sentences without jargon.
    pub explanation: &'static str,
    /// Which way is better.
    pub better: Better,
    style: Style,
}

/// Words shared by the bands.
const BAND: &str = "The error within one band of spatial frequency (in cycles per pixel), relative to the original's power there: 0 is \
     perfect, 1 is what a picture with nothing in that band gets. Low bands hold whole nuclei, high bands hold foci, edges \
     and noise.";

/// Measures in the order in which they are shown: detail first.
const CATALOGUE: &[(&str, &str, &str, &str, Better, Style, &str)] = &[
    (
        "detail_cutoff",
        "Detail cut-off",
        "cut-off",
        "cycles/pixel",
        Better::Higher,
        Style::Decimals(3),
        "The finest pattern that the reconstruction still shares with the original, like the resolution limit of an \
         objective: the spatial frequency at which their Fourier ring correlation falls below one half. 0.5 is the limit \
         of the camera's pixels, and no picture can carry more.",
    ),
    (
        "transfer_cutoff",
        "Contrast transfer cut-off",
        "transfer",
        "cycles/pixel",
        Better::Higher,
        Style::Decimals(3),
        "The spatial frequency at which the reconstruction passes only half of the original's amplitude, as on the \
         modulation transfer curve of a lens.",
    ),
    (
        "foci_recall",
        "Foci kept",
        "foci",
        "",
        Better::Higher,
        Style::Percent(1),
        "Of the bright spots (heterochromatin foci) in the original, the share that can still be found in the \
         reconstruction.",
    ),
    (
        "foci_precision",
        "Foci that are real",
        "foci real",
        "",
        Better::Higher,
        Style::Percent(1),
        "Of the bright spots found in the reconstruction, the share that were in the original; the rest are inventions \
         of the net.",
    ),
    (
        "foci_f1",
        "Foci, both ways",
        "foci F1",
        "",
        Better::Higher,
        Style::Percent(1),
        "The harmonic mean of foci kept and foci that are real: high only if both are.",
    ),
    (
        "true_foci_recall",
        "True foci found",
        "true found",
        "",
        Better::Higher,
        Style::Percent(1),
        "Where the specimen is synthetic and the true foci are known: the share of them that can be found in the \
         reconstruction.",
    ),
    (
        "true_foci_precision",
        "Found foci that are true",
        "found true",
        "",
        Better::Higher,
        Style::Percent(1),
        "Where the specimen is synthetic and the true foci are known: of the bright spots found in the reconstruction, the \
         share that are true.",
    ),
    (
        "boundary_contrast",
        "Boundary contrast kept",
        "boundary",
        "",
        Better::Higher,
        Style::Percent(1),
        "The contrast of the dark seam between touching nuclei, as a share of its contrast in the original. At \
         100\u{a0}% the nuclei are as well separated as they were; at 0\u{a0}% they have run together.",
    ),
    (
        "psnr",
        "PSNR",
        "PSNR",
        "dB",
        Better::Higher,
        Style::Decimals(2),
        "Peak signal-to-noise ratio: how small the error is beside the brightest signal. Each 6\u{a0}dB halve the \
         error. It averages over the whole tile, so dark background counts as much as foci.",
    ),
    (
        "ssim",
        "SSIM",
        "SSIM",
        "",
        Better::Higher,
        Style::Decimals(4),
        "Structural similarity: do small neighbourhoods have the same brightness, contrast and pattern? 1 means \
         identical.",
    ),
    (
        "ms_ssim",
        "MS-SSIM",
        "MS-SSIM",
        "",
        Better::Higher,
        Style::Decimals(4),
        "Structural similarity at five magnifications, from fine grain to whole nuclei, weighted as people see. 1 means \
         identical.",
    ),
    (
        "band_error_below_1_32",
        "Error, frequencies below 1/32",
        "err <1/32",
        "",
        Better::Lower,
        Style::Significant,
        BAND,
    ),
    (
        "band_error_1_32",
        "Error, frequencies 1/32 to 1/16",
        "err 1/32",
        "",
        Better::Lower,
        Style::Significant,
        BAND,
    ),
    (
        "band_error_1_16",
        "Error, frequencies 1/16 to 1/8",
        "err 1/16",
        "",
        Better::Lower,
        Style::Significant,
        BAND,
    ),
    (
        "band_error_1_8",
        "Error, frequencies 1/8 to 1/4",
        "err 1/8",
        "",
        Better::Lower,
        Style::Significant,
        BAND,
    ),
    (
        "band_error_1_4",
        "Error, frequencies 1/4 to 1/2",
        "err 1/4",
        "",
        Better::Lower,
        Style::Significant,
        BAND,
    ),
];

/// What is known of a measure; every key has an answer.
pub fn describe(key: &str) -> Measure {
    if let Some(&(key, name, short, unit, better, style, explanation)) =
        CATALOGUE.iter().find(|row| row.0 == key)
    {
        return Measure {
            key: key.into(),
            name: name.into(),
            short: short.into(),
            unit,
            explanation,
            better,
            style,
        };
    }
    let words = key.replace(['_', '-'], " ");
    Measure {
        key: key.into(),
        name: words.clone(),
        short: words,
        unit: "",
        explanation: "This report knows no description of this measure.",
        better: Better::Unknown,
        style: Style::Significant,
    }
}

/// Sorts keys as the catalogue does; keys that it does not hold follow, by name.
pub fn in_order<'k>(keys: impl IntoIterator<Item = &'k str>) -> Vec<Measure> {
    let mut keys: Vec<&str> = keys.into_iter().collect();
    keys.sort_by_key(|key| (CATALOGUE.iter().position(|row| row.0 == *key).unwrap_or(CATALOGUE.len()), *key));
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
            Better::Higher => "higher is better",
            Better::Lower => "lower is better",
            Better::Unknown => "",
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
        assert_eq!(describe("alpha").better, Better::Unknown);
        assert_eq!(describe("band_error_1_8").better, Better::Lower);
        assert_eq!(describe("my_measure").name, "my measure");
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
