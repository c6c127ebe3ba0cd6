//! How a net is shown intensities: as they are, or as their square root.
//!
//! The noise of counted photons grows as the square root of their number, so that of a bright object hides the whole of a dim one. A square
//! root makes that noise the same everywhere (Anscombe 1948, "The transformation of Poisson, binomial and negative-binomial data") and a dim object beside
//! bright ones three times as high. It is taken of normalised values `x` (0 at the 1st percentile of the image, 1 at the 99.8th), which know nothing of a camera's
//! offset:
//!
//! ```text
//! y = (sqrt(max(x + f, 0)) - sqrt(f)) / (sqrt(1 + f) - sqrt(f)),    f = 0.05
//! ```
//!
//! 0 and 1 stay what they are. The floor `f` keeps the noise of the background from being all that is seen: it is what background has of the range in the median image of the
//! 2018 Data Science Bowl, where it makes this the square root of counts.

use crate::tiles::{Example, Tiles};
use serde::{Deserialize, Serialize};

/// What is added before the root, in units of the normalised range.
const FLOOR: f32 = 0.05;

/// How a net is shown intensities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intensities {
    /// As they are.
    #[default]
    Linear,
    /// As their square root: dim objects beside bright ones.
    SquareRoot,
}

impl Intensities {
    /// Whether they are shown as they are.
    pub fn are_linear(&self) -> bool {
        *self == Intensities::Linear
    }

    /// Makes normalised values what the net is shown.
    pub(crate) fn show(self, values: &mut [f32]) {
        if self == Intensities::SquareRoot {
            let (zero, one) = (FLOOR.sqrt(), (1.0 + FLOOR).sqrt());
            values.iter_mut().for_each(|x| *x = ((*x + FLOOR).max(0.0).sqrt() - zero) / (one - zero));
        }
    }

    /// The images of a run as the net is shown them.
    pub(crate) fn shown(self, mut tiles: Tiles) -> Tiles {
        let examples = tiles.training.iter_mut().chain(&mut tiles.validation);
        examples.for_each(|Example { image, .. }| self.show(&mut image.data));
        tiles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_range_is_shown_as_a_fifth_and_its_ends_stay() {
        let mut values = [-1.0, -0.05, 0.0, 0.1, 1.0, 4.0];
        Intensities::SquareRoot.show(&mut values);
        // Roots of 0.05, 0.15, 1.05 and 4.05: 0.22361, 0.38730, 1.02470, 2.01246.
        let expected = [-0.27913, -0.27913, 0.0, 0.20434, 1.0, 2.23303];
        assert!(values.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-4), "{values:?}");
        let mut values = [-1.0, 0.3];
        Intensities::Linear.show(&mut values);
        assert_eq!(values, [-1.0, 0.3]);
    }
}
