//! Contrast across the boundary of touching nuclei: does the reconstruction still show that they are two?
//!
//! For each pair of touching objects ([`crate::touching`]) the intensities along all lines across the seam are averaged
//! into one profile, so that camera noise hardly matters. In the profile of the *original* three places are
//! chosen: the valley, the lowest place within half the gap and one pixel of the middle, and on each side of it the
//! brightest place. With the intensities there,
//!
//! ```text
//! side     = min(side a, side b)
//! contrast = (side - valley) / max(side + valley, 0.02)      clamped to 0..1, no unit
//! ```
//!
//! This is Michelson's contrast (Michelson 1927, Studies in Optics), as for the bars of a resolution target; the darker side
//! counts, because a dim nucleus beside a bright one is lost first. It needs an intensity scale whose zero means
//! "no light": percentile normalisation puts the background there. Values that fall below it are still possible, so the
//! denominator has a floor of 2 % of full scale and the result is clamped.
//!
//! The *same three places* are read in the reconstruction, with no new search: noise in the reconstruction cannot make a
//! valley of its own, and a valley that moved away is a boundary in the wrong place. The ratio of both contrasts is
//! what an optician calls contrast transfer. [`BoundaryContrast::kept`] is the sum of the reconstruction's contrasts over the
//! sum of the original's, over all pairs whose original contrast is at least `least_contrast`: a mean of the ratios,
//! weighted by the original contrast, so that hardly visible seams do not dominate. 1 is all kept, 0 is a merged pair;
//! above 1 is overshoot.

use crate::touching::{Bounds, TouchingPair};
use crate::{ImageView, MeasureError, Point, view};
use serde::{Deserialize, Serialize};

/// Smallest denominator of the contrast, in units of full scale.
const DARKEST_SUM: f64 = 0.02;

/// Contrast that a seam needs in the original to be counted: below it there is no valley worth keeping.
pub const LEAST_CONTRAST: f64 = 0.05;

/// Contrast of one pair, in the original and in the reconstruction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairContrast {
    /// Smaller label.
    pub a: u32,
    /// Larger label.
    pub b: u32,
    /// Middle of the seam: where to crop.
    pub centre: Point,
    /// Extent of the seam.
    pub bounds: Bounds,
    /// Contrast in the original, 0 to 1.
    pub original: f64,
    /// Contrast in the reconstruction at the same places, 0 to 1.
    pub reconstruction: f64,
}

impl PairContrast {
    /// Share of the contrast that was kept; `None` if the original has none.
    pub fn kept(&self) -> Option<f64> {
        (self.original > 0.0).then(|| self.reconstruction / self.original)
    }
}

/// Contrast of all touching pairs of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundaryContrast {
    /// Every pair, in order of the labels, with or without a visible valley.
    pub pairs: Vec<PairContrast>,
    /// How many pairs have a valley in the original.
    pub measurable: usize,
    /// Share of boundary contrast kept; `None` without a measurable pair.
    pub kept: Option<f64>,
}

/// Compares the contrast across seams; `least_contrast` is usually [`LEAST_CONTRAST`].
///
/// The pairs come from [`crate::touching::touching_pairs`] on the labels of the same image.
pub fn boundary_contrast(
    original: ImageView,
    reconstruction: ImageView,
    pairs: &[TouchingPair],
    least_contrast: f64,
) -> Result<BoundaryContrast, MeasureError> {
    original.same_size(&reconstruction, "the reconstruction")?;
    for pair in pairs {
        let (width, height) = (pair.bounds.right + 1, pair.bounds.bottom + 1);
        if width > original.width() || height > original.height() {
            view::expect_size(
                original.width(),
                original.height(),
                width,
                height,
                "the image under these labels",
            )?;
        }
    }
    let contrasts = pairs.iter().filter_map(|pair| pair_contrast(original, reconstruction, pair));
    Ok(BoundaryContrast::of(contrasts.collect(), least_contrast))
}

impl BoundaryContrast {
    /// The share kept by any list of pairs: those of one image, or of all tiles of a field.
    pub fn of(pairs: Vec<PairContrast>, least_contrast: f64) -> Self {
        let visible = || pairs.iter().filter(|pair| pair.original >= least_contrast && pair.original > 0.0);
        let before: f64 = visible().map(|pair| pair.original).sum();
        let after: f64 = visible().map(|pair| pair.reconstruction).sum();
        let measurable = visible().count();
        Self { measurable, kept: (measurable > 0).then(|| after / before), pairs }
    }
}

/// `None` if the lines are too short for a place on either side of the valley.
fn pair_contrast(
    original: ImageView,
    reconstruction: ImageView,
    pair: &TouchingPair,
) -> Option<PairContrast> {
    let before = profile(original, pair);
    let places = choose(&before, pair.half_gap + 1.0)?;
    let after = profile(reconstruction, pair);
    Some(PairContrast {
        a: pair.a,
        b: pair.b,
        centre: pair.centre,
        bounds: pair.bounds,
        original: contrast(&before, places),
        reconstruction: contrast(&after, places),
    })
}

/// Mean intensity `t` pixels from the middle of the seam.
#[derive(Debug, Clone, Copy)]
struct Step {
    t: f64,
    value: f64,
}

/// Mean over the lines, from far inside `a` to far inside `b`; steps that fewer than half of the lines reach are left out,
/// because the mean of other lines is not comparable.
fn profile(image: ImageView, pair: &TouchingPair) -> Vec<Step> {
    let furthest =
        |into: fn(&crate::touching::SeamLine) -> usize| pair.lines.iter().map(into).max().unwrap_or(0);
    let (into_a, into_b) = (furthest(|line| line.into_a) as i64, furthest(|line| line.into_b) as i64);
    let mut steps = Vec::new();
    for t in -into_a..=into_b {
        let reaches = |line: &&crate::touching::SeamLine| {
            if t < 0 { line.into_a as i64 >= -t } else { line.into_b as i64 >= t }
        };
        let values = pair.lines.iter().filter(reaches).filter_map(|line| image.sample(line.place(t as f64)));
        let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
        if count * 2 >= pair.lines.len() {
            steps.push(Step { t: t as f64, value: sum / count as f64 });
        }
    }
    steps
}

/// Indices into a profile.
#[derive(Debug, Clone, Copy)]
struct Places {
    side_a: usize,
    valley: usize,
    side_b: usize,
}

fn choose(profile: &[Step], half_width: f64) -> Option<Places> {
    let inner = 1..profile.len().checked_sub(1)?;
    let in_seam = inner.filter(|&i| profile[i].t.abs() <= half_width);
    let valley = in_seam.min_by(|&i, &j| profile[i].value.total_cmp(&profile[j].value))?;
    let brightest = |i: &usize, j: &usize| profile[*i].value.total_cmp(&profile[*j].value);
    Some(Places {
        side_a: (0..valley).max_by(brightest)?,
        valley,
        side_b: (valley + 1..profile.len()).max_by(brightest)?,
    })
}

fn contrast(profile: &[Step], places: Places) -> f64 {
    let side = profile[places.side_a].value.min(profile[places.side_b].value);
    let valley = profile[places.valley].value;
    ((side - valley) / (side + valley).max(DARKEST_SUM)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_pair_is_a_share_of_the_original() {
        let pair = |original, reconstruction| PairContrast {
            a: 1,
            b: 2,
            centre: Point { x: 0.0, y: 0.0 },
            bounds: Bounds { left: 0, top: 0, right: 0, bottom: 0 },
            original,
            reconstruction,
        };
        assert_eq!(pair(0.5, 0.125).kept(), Some(0.25));
        assert_eq!(pair(0.0, 0.125).kept(), None);
        // Of several pairs it is the share of their sum; one without contrast counts nowhere, even where none is too faint.
        let contrast = BoundaryContrast::of(vec![pair(0.5, 0.125), pair(0.0, 0.3), pair(0.25, 0.25)], 0.0);
        assert_eq!((contrast.measurable, contrast.kept), (2, Some(0.5)));
        assert_eq!(BoundaryContrast::of(vec![pair(0.0, 0.3)], 0.0).kept, None);
    }
}
