//! Pairs of pixels: do both label images agree on whether two pixels belong together?
//!
//! All n (n - 1) / 2 pairs of pixels of an image fall into four groups: `a` together in both images, `b` together in the
//! predicted image only, `c` together in the true image only, `d` apart in both. Background counts as one more object. Then
//!
//! - Rand index = (a + d) / (a + b + c + d) (Rand, JASA 1971), 0 to 1;
//! - the "Jaccard index" of Coelho, Shariff and Murphy (ISBI 2009) = (a + d) / (b + c + d), from 0 without an upper bound.
//!
//! The second is *not* intersection over union, and not the Jaccard index of pairs, a / (a + b + c): its numerator holds the pairs that
//! are apart in both. A perfect segmentation has (a + d) / d, which depends on how much of the image is background, so it
//! compares segmentations of one image only.

use super::Overlaps;

/// How the pairs of pixels of an image fall; exact for images of up to 2^32 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelPairs {
    /// `a`: together in both images.
    pub together: u128,
    /// `b`: together in the predicted image only.
    pub merged: u128,
    /// `c`: together in the true image only.
    pub parted: u128,
    /// `d`: apart in both images.
    pub apart: u128,
}

impl PixelPairs {
    /// Counts the pairs from the overlaps, without looking at any pair.
    pub fn new(overlaps: &Overlaps) -> Self {
        let pairs = |pixels: u64| u128::from(pixels) * u128::from(pixels.saturating_sub(1)) / 2;
        let together: u128 = overlaps.shared.iter().map(|cell| pairs(cell.pixels)).sum();
        let merged = overlaps.predicted.iter().map(|object| pairs(object.pixels)).sum::<u128>() - together;
        let parted = overlaps.truth.iter().map(|object| pairs(object.pixels)).sum::<u128>() - together;
        let all = pairs(overlaps.truth.iter().map(|object| object.pixels).sum());
        Self { together, merged, parted, apart: all - together - merged - parted }
    }

    /// Rand index, 0 to 1; 1 for an image of a single pixel, which has no pair to disagree on.
    pub fn rand(&self) -> f64 {
        let all = self.together + self.merged + self.parted + self.apart;
        if all == 0 { 1.0 } else { (self.together + self.apart) as f64 / all as f64 }
    }

    /// The "Jaccard index" of Coelho et al. 2009, 0 or more; `None` where all pixels are together in both images, as where both are
    /// empty.
    pub fn jaccard(&self) -> Option<f64> {
        let counted = self.merged + self.parted + self.apart;
        (counted > 0).then(|| (self.together + self.apart) as f64 / counted as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelView;

    #[test]
    fn six_pairs_of_four_pixels_by_hand() {
        // Pixels A B C D; truth {A B} {C} and D background, predicted {A} {B C} and D background.
        let [truth, predicted] = [[1, 1, 2, 0], [1, 2, 2, 0]];
        let view = |labels| LabelView::new(4, 1, labels).unwrap();
        let pairs = PixelPairs::new(&Overlaps::new(view(&truth), view(&predicted)).unwrap());
        // AB only in truth, BC only predicted, AC AD BD CD apart in both.
        assert_eq!(pairs, PixelPairs { together: 0, merged: 1, parted: 1, apart: 4 });
        assert_eq!((pairs.rand(), pairs.jaccard()), (4.0 / 6.0, Some(4.0 / 6.0)));
        let same = PixelPairs::new(&Overlaps::new(view(&truth), view(&truth)).unwrap());
        assert_eq!((same.rand(), same.jaccard()), (1.0, Some(6.0 / 5.0)));
        let empty = PixelPairs::new(&Overlaps::new(view(&[0; 4]), view(&[0; 4])).unwrap());
        assert_eq!((empty.rand(), empty.jaccard()), (1.0, None));
    }
}
