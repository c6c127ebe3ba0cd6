//! Location and spread of a list of numbers, with the definitions written down.
//!
//! All functions return `None` for an empty list and expect finite values.

/// Turns a median absolute deviation into the standard deviation of a normal distribution: the 75th percentile of N(0, 1).
pub const MAD_TO_SIGMA: f64 = 0.6745;

/// Arithmetic mean, summed in the order given.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation (divided by n - 1); `None` for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let sum: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (values.len() > 1).then(|| (sum / (values.len() - 1) as f64).sqrt())
}

/// Median: the middle value, or the mean of the two middle values.
pub fn median(values: &[f64]) -> Option<f64> {
    percentile(values, 50.0)
}

/// Median absolute deviation from the median, not scaled; divide by [`MAD_TO_SIGMA`] for a standard deviation.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    median(&values.iter().map(|value| (value - centre).abs()).collect::<Vec<_>>())
}

/// Percentile, `percent` in 0..=100 (values outside are clamped): linear interpolation between the order statistics at
/// position `percent / 100 * (n - 1)`. Definition 7 of Hyndman and Fan 1996, the default of NumPy and R.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    percentile_of_sorted(&sorted, percent)
}

/// [`percentile`] of values that are already in ascending order.
pub fn percentile_of_sorted(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// Median of `f32` values by selection instead of sorting; reorders the slice. For an even count, the mean of the middle two.
pub(crate) fn median_in_place(values: &mut [f32]) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    if !even {
        return Some(upper);
    }
    below.iter().copied().max_by(f32::total_cmp).map(|lower| 0.5 * (lower + upper))
}

/// Standard deviation of `f32` values by the median absolute deviation, which outliers do not change; reorders and changes the slice. 0 of none.
pub(crate) fn robust_spread(values: &mut [f32]) -> f64 {
    let centre = median_in_place(values).unwrap_or(0.0);
    values.iter_mut().for_each(|value| *value = (*value - centre).abs());
    f64::from(median_in_place(values).unwrap_or(0.0)) / MAD_TO_SIGMA
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hand_computed_values() {
        let values = [7.0, 1.0, 3.0, 2.0];
        assert_eq!(mean(&values), Some(3.25));
        assert_eq!(median(&values), Some(2.5));
        // Deviations from 2.5: 4.5, 1.5, 0.5, 0.5; their median is 1.
        assert_eq!(median_absolute_deviation(&values), Some(1.0));
        // numpy.percentile([1, 2, 3, 7], 90) = 3 + 0.7 * 4.
        assert!((percentile(&values, 90.0).unwrap() - 5.8).abs() < 1e-12);
        assert_eq!(percentile(&values, 0.0), Some(1.0));
        assert_eq!(percentile(&values, 100.0), Some(7.0));
        // Squared deviations from 3.25: 14.0625, 5.0625, 0.0625, 1.5625, together 20.75.
        assert!((standard_deviation(&values).unwrap() - (20.75f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn empty_lists_have_no_value() {
        assert_eq!(mean(&[]), None);
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(standard_deviation(&[1.0]), None);
        assert_eq!(median_in_place(&mut []), None);
    }

    proptest! {
        #[test]
        fn selection_agrees_with_sorting(values in prop::collection::vec(-100i32..100, 1..60)) {
            let exact: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let mut single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            prop_assert_eq!(median_in_place(&mut single).map(f64::from), median(&exact));
        }
    }
}
