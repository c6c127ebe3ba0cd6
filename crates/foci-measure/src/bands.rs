//! The error by frequency band: which sizes of structure a reconstruction gets wrong.
//!
//! Five octaves, in cycles per pixel: 0-1/32, 1/32-1/16, 1/16-1/8, 1/8-1/4, 1/4-1/2. In each, the power of the error over the
//! power of the original, `sum |B - A|^2 / sum |A|^2`, with the window and means of [`crate::frequency`]. 0 is perfect;
//! 1 is what a reconstruction with nothing in that band gets; 2 what unrelated structure of the same power gets. A spot
//! that is d pixels across lives mainly below 1/d, so foci of 3 to 8 pixels are decided in the bands above 1/16.

use crate::frequency::Power;
use serde::{Deserialize, Serialize};

/// Edges of the bands in cycles per pixel; a band holds its lower edge, the last one also its upper.
pub const BAND_EDGES: [f64; 6] = [0.0, 1.0 / 32.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0 / 2.0];

/// Error in one band of frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BandError {
    /// Lower edge in cycles per pixel.
    pub low: f64,
    /// Upper edge in cycles per pixel.
    pub high: f64,
    /// Power of the error over power of the original; `None` where the original has no power.
    pub relative_error: Option<f64>,
    /// Share of the original's power that lies in this band: how much it weighs in the picture, 0 to 1.
    pub original_share: f64,
}

/// Index of the band that holds a frequency; `None` beyond 0.5 cycles per pixel.
pub(crate) fn band_of(frequency: f64) -> Option<usize> {
    let last = BAND_EDGES.len() - 2;
    if frequency == BAND_EDGES[last + 1] {
        return Some(last);
    }
    BAND_EDGES[1..].iter().position(|&edge| frequency < edge)
}

/// Errors from the power sums of the bands.
pub(crate) fn band_errors(powers: &[Power], negligible: f64) -> Vec<BandError> {
    let total: f64 = powers.iter().map(|power| power.original).sum();
    let error = |(index, power): (usize, &Power)| BandError {
        low: BAND_EDGES[index],
        high: BAND_EDGES[index + 1],
        relative_error: (power.original > negligible).then(|| power.error / power.original),
        original_share: if total > 0.0 { power.original / total } else { 0.0 },
    };
    powers.iter().enumerate().map(error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_to_the_band_above_except_nyquist() {
        assert_eq!(band_of(0.0), Some(0));
        assert_eq!(band_of(1.0 / 32.0), Some(1));
        assert_eq!(band_of(0.2499), Some(3));
        assert_eq!(band_of(0.5), Some(4));
        assert_eq!(band_of(0.51), None);
    }
}
