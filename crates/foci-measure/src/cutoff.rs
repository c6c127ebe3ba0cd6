//! Where a curve over frequency falls to one half: the finest detail that a reconstruction still carries.
//!
//! The curve is smoothed lightly, (1 2 1)/4 over neighbouring rings with the end rings repeated, because a single ring is
//! an average over few frequencies and may dip by chance. The cut-off is the *first* frequency at which the smoothed
//! curve is below 0.5, interpolated linearly between the two rings around it: structure that comes back beyond a gap
//! is not resolved detail. A curve that never falls has the cut-off 0.5, the Nyquist frequency; one that starts
//! below has 0. The threshold 0.5 is that of the correlation between an image and a *reference* without noise of its own
//! (for two equally noisy halves of the data it would be 1/7: Rosenthal and Henderson 2003, J. Mol. Biol. 333:721).

use crate::frequency::Ring;

/// Frequency, in cycles per pixel, at which the smoothed curve first falls below one half. `value` picks the curve.
pub fn cutoff(rings: &[Ring], value: impl Fn(&Ring) -> f64) -> f64 {
    const THRESHOLD: f64 = 0.5;
    const NYQUIST: f64 = 0.5;
    let last = rings.len().saturating_sub(1);
    let smooth = |i: usize| {
        let (before, after) = (i.saturating_sub(1), (i + 1).min(last));
        0.25 * (value(&rings[before]) + 2.0 * value(&rings[i]) + value(&rings[after]))
    };
    let Some(below) = (0..rings.len()).find(|&i| smooth(i) < THRESHOLD) else { return NYQUIST };
    let Some(above) = below.checked_sub(1) else { return 0.0 };
    let (high, low) = (smooth(above), smooth(below));
    let share = (high - THRESHOLD) / (high - low);
    rings[above].frequency + share * (rings[below].frequency - rings[above].frequency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[f64]) -> Vec<Ring> {
        let ring = |(i, &v): (usize, &f64)| Ring {
            frequency: (i + 1) as f64 / 100.0,
            correlation: v,
            transfer: 0.0,
        };
        values.iter().enumerate().map(ring).collect()
    }

    #[test]
    fn a_step_is_found_halfway() {
        // Smoothed: 1, 0.75, 0.25, 0: crosses between the second and the third ring.
        let found = cutoff(&curve(&[1.0, 1.0, 0.0, 0.0]), |ring| ring.correlation);
        assert!((found - 0.025).abs() < 1e-12);
    }

    #[test]
    fn a_single_dip_is_smoothed_away() {
        assert_eq!(cutoff(&curve(&[1.0, 1.0, 0.2, 1.0, 1.0]), |ring| ring.correlation), 0.5);
    }

    #[test]
    fn a_curve_that_starts_low_has_no_detail() {
        assert_eq!(cutoff(&curve(&[0.1, 0.2, 1.0, 1.0]), |ring| ring.correlation), 0.0);
        assert_eq!(cutoff(&[], |ring| ring.correlation), 0.5);
    }
}
