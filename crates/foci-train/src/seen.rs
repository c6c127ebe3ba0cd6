//! What the images were like that a model has learnt from, and whether others fit.
//!
//! A model answers any image. One with another depth, with channels of which one has to be chosen where there was none to choose, or with objects of another size, is answered without having been learnt from, and who
//! reads the answer should know.

use crate::shown::{LIMITS, Scales};
use crate::tiles::Example;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Share of the objects that lie below the lower and above the upper end of the range of sizes.
const TAIL: f64 = 0.05;

/// The images of a training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Bits of a sample in the files, each depth once, in ascending order.
    pub bits: Vec<u8>,
    /// Whether the files had channels that differ, of which one was chosen; `None` if only some had, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub several_channels: Option<bool>,
    /// Sizes of nine tenths of the objects, as diameters of circles of their areas, in pixels; only of a model for instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diameters_px: Option<[f64; 2]>,
}

impl Seen {
    /// With the sizes of the objects in `examples`.
    pub(crate) fn with_objects(mut self, examples: &[Example]) -> Seen {
        let diameters = sorted_diameters_px(examples);
        let at =
            |share: f64| diameters.get((share * diameters.len().saturating_sub(1) as f64).round() as usize);
        self.diameters_px = at(TAIL).zip(at(1.0 - TAIL)).map(|(&low, &high)| [low, high]);
        self
    }

    /// What to say of a file with so many bits; nothing if such were learnt from, or if nobody knows.
    pub fn remark_on_bits(&self, bits: u8) -> Option<String> {
        let known = self.bits.is_empty() || self.bits.contains(&bits);
        let words: Vec<String> = self.bits.iter().map(u8::to_string).collect();
        (!known).then(|| {
            format!("files of {bits} bits, but the model has learnt from files of {} bits; see whether its answers are right", words.join(" and "))
        })
    }

    /// What to say of a file whose channels differ, or don't; nothing if such were learnt from, or if nobody knows.
    pub fn remark_on_channels(&self, several: bool) -> Option<String> {
        match (self.several_channels?, several) {
            (false, true) => Some(
                "files of several channels, but the model has learnt from files of one; see whether the right one is used (--channel)".into(),
            ),
            (true, false) => Some(
                "files of one channel, but the model has learnt from one of several channels; see whether it shows the same".into(),
            ),
            _ => None,
        }
    }

    /// What to say of objects of these diameters in images shown at `scales`, or to a model that knows none; nothing if their median is shown at one of the sizes
    /// learnt from, or if nobody knows.
    pub fn remark_on_sizes(&self, diameters_px: &mut [f64], scales: Option<&Scales>) -> Option<String> {
        let [low, high] = self.diameters_px?;
        diameters_px.sort_by(f64::total_cmp);
        let median = *diameters_px.get(diameters_px.len() / 2)?;
        let as_they_are = Scales::default();
        let factors = scales.unwrap_or(&as_they_are).factors();
        let shown_px: Vec<f64> = factors.iter().map(|factor| factor * median).collect();
        if shown_px.iter().any(|size| (low..=high).contains(size)) {
            return None;
        }
        let side = match (shown_px.iter().any(|&size| size < low), shown_px.iter().any(|&size| size > high)) {
            (true, true) => "smaller and larger",
            (true, false) => "smaller",
            (false, _) => "larger",
        };
        let shown_px: Vec<String> = shown_px.iter().map(|size| format!("{size:.0}")).collect();
        // Two digits are all that a median is worth.
        let [least, most] = LIMITS;
        let factor = ((low * high).sqrt() / median).clamp(least, most);
        let digits = if factor < 1.0 { 2 } else { 1 };
        let flag = scales.map_or(String::new(), |_| format!(", about --scales {factor:.digits$}"));
        Some(format!(
            "the objects found are shown {} pixels across (median), {side} than those that the model has learnt from ({low:.0} to {high:.0}); bring the images to the scale of those trained on{flag}, or train with images like these",
            shown_px.join(", ")
        ))
    }
}

/// Diameters of all objects in `examples` ([`diameters_px`]), in ascending order.
pub fn sorted_diameters_px(examples: &[Example]) -> Vec<f64> {
    let labels = examples.iter().filter_map(|example| example.labels.as_ref());
    let mut diameters: Vec<f64> = labels.flat_map(|labels| diameters_px(&labels.data)).collect();
    diameters.sort_by(f64::total_cmp);
    diameters
}

/// Diameters of circles of the areas of the objects in a label image, in pixels, in the order of labels.
pub fn diameters_px(labels: &[u32]) -> Vec<f64> {
    let mut areas: BTreeMap<u32, usize> = BTreeMap::new();
    for run in labels.chunk_by(|a, b| a == b).filter(|run| run[0] != 0) {
        *areas.entry(run[0]).or_default() += run.len();
    }
    areas.into_values().map(|area| (4.0 * area as f64 / std::f64::consts::PI).sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_image::{LabelImage, Plane};

    #[test]
    fn diameters_are_those_of_circles() {
        let found = diameters_px(&[0, 7, 7, 0, 7, 2]);
        // Label 2 has one pixel, label 7 three: 2 by the root of pi, and the root of three times that.
        let expected = [1.0, 3f64.sqrt()].map(|roots| roots * std::f64::consts::FRAC_2_SQRT_PI);
        assert!(
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9),
            "{found:?}"
        );
    }

    #[test]
    fn what_does_not_fit_is_told_and_what_does_is_not() {
        let mut labels = LabelImage::zeros(40, 10);
        // Ten objects of 4 x 4 pixels.
        for at in 0..400 {
            labels.data[at] = if at / 40 < 4 { (at % 40) as u32 / 4 + 1 } else { 0 };
        }
        let examples = [Example::labelled(Plane::zeros(40, 10), labels)];
        let seen = Seen { bits: vec![8, 16], several_channels: Some(false), diameters_px: None }
            .with_objects(&examples);
        assert_eq!(
            seen.diameters_px.map(|[low, high]| (low - 4.5135).abs() < 1e-3 && low == high),
            Some(true)
        );
        let remark =
            |sizes: &mut [f64], scales: &str| seen.remark_on_sizes(sizes, Some(&scales.parse().unwrap()));
        assert_eq!(seen.remark_on_bits(16), None);
        assert!(seen.remark_on_bits(32).unwrap().contains("8 and 16 bits"));
        assert!(remark(&mut [2.0, 30.0, 3.0], "1").unwrap().contains("3 pixels across (median), smaller"));
        let larger = remark(&mut [9.0], "1").unwrap();
        assert!(larger.contains("larger") && larger.contains("--scales 0.50,"), "{larger}");
        // A model that cannot be shown other sizes is not asked to.
        let as_they_are = seen.remark_on_sizes(&mut [9.0], None).unwrap();
        assert!(as_they_are.contains("larger") && !as_they_are.contains("--scales"), "{as_they_are}");
        assert_eq!(remark(&mut [seen.diameters_px.unwrap()[0]], "1"), None);
        assert_eq!(remark(&mut [], "1"), None);
        // Objects of twice the size that are shown at half of it, among other sizes.
        assert_eq!(remark(&mut [2.0 * seen.diameters_px.unwrap()[0]], "0.5,1"), None);
        assert!(
            remark(&mut [9.0], "2,1").unwrap().contains("shown 9, 18 pixels across (median), larger than")
        );
        assert!(
            remark(&mut [9.0], "0.1,1").unwrap().contains("1, 9 pixels across (median), smaller and larger")
        );
        assert_eq!(Seen::default().remark_on_bits(12), None);
        assert_eq!((seen.remark_on_channels(false), Seen::default().remark_on_channels(true)), (None, None));
        assert!(seen.remark_on_channels(true).unwrap().contains("has learnt from files of one"));
        let of_colour = Seen { several_channels: Some(true), ..Seen::default() };
        assert!(of_colour.remark_on_channels(false).unwrap().contains("files of one channel"));
    }
}
