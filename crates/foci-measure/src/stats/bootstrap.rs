//! Resampling of fields and seeds.
//!
//! Fields are drawn with replacement, seeds are drawn with replacement, and the mean of the differences is taken over the crossing
//! of both (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1:386). One draw of seeds serves
//! all fields of a resample: seeds drawn afresh within every field would average the luck of a seed away, although it is
//! common to all fields, and intervals would come out too narrow. Pairs stay together, because only differences are drawn.

use crate::stats::random::Draws;

/// Means of `resamples` bootstrap tables, in ascending order. `differences` field by field with `seeds` values each.
pub fn resampled_means(differences: &[f64], seeds: usize, resamples: usize, seed: u64) -> Vec<f64> {
    let fields = differences.len() / seeds;
    let mut source = Draws::new(seed);
    let mut chosen_seeds = vec![0; seeds];
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            chosen_seeds.iter_mut().for_each(|chosen| *chosen = source.index(seeds));
            let mut sum = 0.0;
            for _ in 0..fields {
                let field = source.index(fields) * seeds;
                sum += chosen_seeds.iter().map(|chosen| differences[field + chosen]).sum::<f64>();
            }
            sum / differences.len() as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    means
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{mean, standard_deviation};

    #[test]
    fn spread_follows_the_seeds_when_only_seeds_differ() {
        // Every field has the differences -1 and 1: two seeds drawn give -1, 0, 1 with 1/4, 1/2, 1/4: variance 1/2,
        // however many fields there are. Seeds drawn within each field would give 1/2 / 50.
        let differences: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { -1.0 } else { 1.0 }).collect();
        let means = resampled_means(&differences, 2, 4000, 5);
        assert!(mean(&means).unwrap().abs() < 0.05);
        assert!((standard_deviation(&means).unwrap() - 0.5f64.sqrt()).abs() < 0.03);
    }

    #[test]
    fn spread_follows_the_fields_with_one_seed() {
        // Variance of the mean of n draws: plain variance (divided by n) over n. For -1, 1, -1, 1: 1 / 4.
        let means = resampled_means(&[-1.0, 1.0, -1.0, 1.0], 1, 4000, 6);
        assert!((standard_deviation(&means).unwrap() - 0.5).abs() < 0.03);
    }

    #[test]
    fn equal_seeds_give_equal_draws() {
        let values = [0.3, -0.2, 1.0, 0.7, 0.1, 0.0];
        assert_eq!(resampled_means(&values, 2, 50, 9), resampled_means(&values, 2, 50, 9));
        assert_ne!(resampled_means(&values, 2, 50, 9), resampled_means(&values, 2, 50, 10));
    }
}
