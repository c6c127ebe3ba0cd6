//! Which spots of a reference were found again: one-to-one pairs, recall and precision.
//!
//! All pairs within the tolerance are taken in order of their distance, nearest first (ties by the order of the lists), as
//! long as both spots are free. This greedy matching pairs fewer spots than the best possible one only
//! where spots stand closer together than twice the tolerance; then it still never pairs a spot past a nearer free one,
//! which is how a person would match them.

use crate::{MeasureError, Point};
use serde::{Deserialize, Serialize};

/// Tolerance in pixels that suits chromocentres of 3 to 8 pixels: a spot that moved by its own radius is another spot.
pub const TOLERANCE_PX: f64 = 3.0;

/// The outcome of a matching.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpotMatch {
    /// Index in the reference and index in the found list, nearest pair first.
    pub pairs: Vec<(usize, usize)>,
    /// How many spots there were.
    pub counts: SpotCounts,
}

/// How many spots there were, were found, and were both. Counts of several tiles add up to those of their field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotCounts {
    /// Spots of the reference.
    pub reference: usize,
    /// Spots found.
    pub found: usize,
    /// Spots of the reference that were found.
    pub matched: usize,
}

impl std::iter::Sum for SpotCounts {
    fn sum<I: Iterator<Item = SpotCounts>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, other| Self {
            reference: sum.reference + other.reference,
            found: sum.found + other.found,
            matched: sum.matched + other.matched,
        })
    }
}

impl SpotCounts {
    /// Share of the reference spots that were found, 0 to 1; `None` without reference spots.
    pub fn recall(&self) -> Option<f64> {
        (self.reference > 0).then(|| self.matched as f64 / self.reference as f64)
    }

    /// Share of the found spots that are in the reference, 0 to 1; 0 if nothing was found.
    ///
    /// `None` without reference spots, as for the recall: whether a field has a value must depend on the field, never on
    /// the net, or two nets would be compared over different fields. Spots invented in an empty field
    /// are counted by [`SpotCounts::invented`].
    pub fn precision(&self) -> Option<f64> {
        (self.reference > 0).then(|| self.matched as f64 / self.found.max(1) as f64)
    }

    /// Harmonic mean of recall and precision, `2 TP / (reference + found)`; `None` without reference spots.
    pub fn f1(&self) -> Option<f64> {
        (self.reference > 0).then(|| 2.0 * self.matched as f64 / (self.reference + self.found) as f64)
    }

    /// Found spots without a partner in the reference.
    pub fn invented(&self) -> usize {
        self.found - self.matched
    }
}

/// Pairs spots one to one, nearest first, none further apart than `tolerance_px`.
pub fn match_spots(
    reference: &[Point],
    found: &[Point],
    tolerance_px: f64,
) -> Result<SpotMatch, MeasureError> {
    if !(tolerance_px.is_finite() && tolerance_px >= 0.0) {
        let allowed = "a distance in pixels, 0 or more";
        return Err(MeasureError::BadOption { name: "the spot tolerance", value: tolerance_px, allowed });
    }
    let mut by_row: Vec<usize> = (0..found.len()).collect();
    by_row.sort_by(|&i, &j| found[i].y.total_cmp(&found[j].y));
    let mut near = Vec::new();
    for (r, place) in reference.iter().enumerate() {
        let first = by_row.partition_point(|&f| found[f].y < place.y - tolerance_px);
        let rows = by_row[first..].iter().take_while(|&&f| found[f].y <= place.y + tolerance_px);
        near.extend(rows.map(|&f| (place.distance(found[f]), r, f)).filter(|&(far, ..)| far <= tolerance_px));
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let (mut free_reference, mut free_found) = (vec![true; reference.len()], vec![true; found.len()]);
    let mut pairs = Vec::new();
    for (_, r, f) in near {
        if free_reference[r] && free_found[f] {
            free_reference[r] = false;
            free_found[f] = false;
            pairs.push((r, f));
        }
    }
    let counts = SpotCounts { reference: reference.len(), found: found.len(), matched: pairs.len() };
    Ok(SpotMatch { pairs, counts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(places: &[(f64, f64)]) -> Vec<Point> {
        places.iter().map(|&(x, y)| Point { x, y }).collect()
    }

    #[test]
    fn nearest_first_and_one_to_one() {
        // Found spot 0 lies between both reference spots, nearer to the second; the first finds nothing else.
        let reference = points(&[(10.0, 10.0), (14.0, 10.0), (50.0, 50.0)]);
        let found = points(&[(12.5, 10.0), (90.0, 5.0)]);
        let matched = match_spots(&reference, &found, 3.0).unwrap();
        assert_eq!(matched.pairs, [(1, 0)]);
        assert_eq!(matched.counts.recall(), Some(1.0 / 3.0));
        assert_eq!(matched.counts.precision(), Some(0.5));
        assert_eq!(matched.counts.f1(), Some(0.4));
        assert_eq!(matched.counts.invented(), 1);
    }

    #[test]
    fn empty_lists() {
        let some = points(&[(1.0, 1.0)]);
        let nothing_found = match_spots(&some, &[], 2.0).unwrap().counts;
        assert_eq!((nothing_found.recall(), nothing_found.precision()), (Some(0.0), Some(0.0)));
        let nothing_there = match_spots(&[], &some, 2.0).unwrap().counts;
        assert_eq!(
            (nothing_there.recall(), nothing_there.precision(), nothing_there.f1()),
            (None, None, None)
        );
        assert_eq!(nothing_there.invented(), 1);
        assert!(match_spots(&some, &some, f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn every_pair_is_near_and_used_once(
            a in prop::collection::vec((0.0..40.0, 0.0..40.0), 0..30),
            b in prop::collection::vec((0.0..40.0, 0.0..40.0), 0..30),
            tolerance in 0.0..6.0,
        ) {
            let (a, b) = (points(&a), points(&b));
            let matched = match_spots(&a, &b, tolerance).unwrap();
            let (mut seen_a, mut seen_b) = (vec![false; a.len()], vec![false; b.len()]);
            for &(i, j) in &matched.pairs {
                prop_assert!(a[i].distance(b[j]) <= tolerance);
                prop_assert!(!seen_a[i] && !seen_b[j]);
                seen_a[i] = true;
                seen_b[j] = true;
            }
            // Nothing is left that could still be paired.
            for i in (0..a.len()).filter(|&i| !seen_a[i]) {
                prop_assert!((0..b.len()).filter(|&j| !seen_b[j]).all(|j| a[i].distance(b[j]) > tolerance));
            }
            let back = match_spots(&b, &a, tolerance).unwrap();
            prop_assert_eq!(back.pairs.len(), matched.pairs.len());
        }
    }
}
