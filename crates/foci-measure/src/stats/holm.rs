//! Adjustment of p-values for the number of comparisons.

/// Holm's step-down adjustment (Holm 1979, Scandinavian J. Statistics 6:65), in the order given: the smallest of m p-values is
/// multiplied by m, the next by m - 1, and so on; none is below its predecessor, none above 1.
///
/// The chance that any true "no difference" among the m gets an adjusted p below 5 % is at most 5 %, however the
/// comparisons depend on each other.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hand_computed() {
        // Sorted .01 .02 .03 .5: times 4, 3, 2, 1 = .04 .06 .06 .5.
        let adjusted = holm(&[0.03, 0.5, 0.01, 0.02]);
        for (found, expected) in adjusted.iter().zip([0.06, 0.5, 0.04, 0.06]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!(holm(&[]).is_empty());
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn never_below_the_p_value_and_in_the_same_order(p in prop::collection::vec(0.0f64..=1.0, 1..20)) {
            let adjusted = holm(&p);
            for i in 0..p.len() {
                prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
