//! The parts of the variance of a mean difference, as the scores show them.
//!
//! A table of fields x seeds has three: between fields, between seeds, and the rest, which is neither (Searle, Casella, McCulloch
//! 1992, "Variance Components", section 4.3). What they mean for the difference is said in [`crate::stats::chance`].

use crate::stats::scores::Scores;

/// One part of the variance of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Estimate of the variance that this part gives the mean, in the squared unit of the measure.
    pub variance: f64,
    /// Degrees of freedom of the estimate.
    pub freedom: f64,
}

/// Sample variance; `None` for a single value.
pub(crate) fn variance(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.len() > 1).then(|| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0))
}

/// The part that comes from the fields, and from whatever is neither field nor seed: the sample variance of the fields'
/// mean differences over the number of fields. `differences` field by field with `seeds` values each; needs two fields.
pub fn field_part(differences: &[f64], seeds: usize) -> Part {
    let fields = (differences.len() / seeds) as f64;
    let means: Vec<f64> =
        differences.chunks_exact(seeds).map(|row| row.iter().sum::<f64>() / seeds as f64).collect();
    // Scores have two fields at least.
    Part { variance: variance(&means).unwrap_or_default() / fields, freedom: fields - 1.0 }
}

/// The variance that the rest of an arm's scores gives its mean: the mean square of what neither field nor seed explains, over the
/// number of scores. 0 with one seed, where it cannot be told from the fields.
pub(crate) fn rest_of_mean(scores: &Scores, arm: usize) -> f64 {
    let (fields, seeds) = (scores.fields(), scores.seeds());
    let of_seeds = scores.seed_means(arm);
    let level = of_seeds.iter().sum::<f64>() / seeds as f64;
    let square = |row: &[f64]| {
        let of_field = row.iter().sum::<f64>() / seeds as f64;
        let rests = row.iter().zip(&of_seeds).map(|(score, of_seed)| score - of_field - of_seed + level);
        rests.map(|rest| rest * rest).sum::<f64>()
    };
    let freedom = (fields - 1) * (seeds - 1);
    if freedom == 0 {
        return 0.0;
    }
    scores.rows(arm).map(square).sum::<f64>() / freedom as f64 / (fields * seeds) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_alone_give_the_paired_t_test() {
        // 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 3.
        let part = field_part(&[1.0, 2.0, 3.0, 6.0], 1);
        assert!((part.variance - 14.0 / 3.0 / 4.0).abs() < 1e-12 && part.freedom == 3.0);
        // Two seeds: field means 2 and 5, variance 4.5, over 2 fields.
        assert_eq!(field_part(&[1.0, 3.0, 2.0, 8.0], 2), Part { variance: 2.25, freedom: 1.0 });
    }

    #[test]
    fn the_rest_is_what_neither_field_nor_seed_explains() {
        // Fields 10 and 20 higher, seeds 0 and 4 higher: nothing is left. One score 4 higher leaves 1, -1, -1, 1 with one
        // degree of freedom: 4, of the mean of four scores 1.
        let exact = vec![vec![10.0, 14.0], vec![20.0, 24.0]];
        let disturbed = vec![vec![10.0, 14.0], vec![20.0, 28.0]];
        let scores = Scores::new(&[exact, disturbed]).unwrap();
        assert!(rest_of_mean(&scores, 0).abs() < 1e-12);
        assert!((rest_of_mean(&scores, 1) - 1.0).abs() < 1e-12);
        let one_seed = Scores::new(&[vec![vec![1.0], vec![5.0]]]).unwrap();
        assert_eq!(rest_of_mean(&one_seed, 0), 0.0);
    }
}
