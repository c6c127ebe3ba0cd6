//! How far the runs of one arm scatter from seed to seed, when there are only two or three of them.
//!
//! Two or three seeds tell little: their own variance has one or two degrees of freedom, and once in a hundred times three runs
//! lie so close together that their variance comes out a hundred times too small. A difference then looks
//! certain that is nothing but luck. What helps is that a study has other arms: how far *their* seeds scatter says what is usual for
//! this measure on these fields. So each arm's variance is moderated by that of the others (Smyth 2004, Statistical
//! Applications in Genetics and Molecular Biology 3:3), with degrees of freedom `d0`:
//!
//! ```text
//! moderated = (d0 others + d own) / (d0 + d)      d = seeds - 1
//! ```
//!
//! It is not assumed that all arms scatter alike; a small `d0` allows for arms that do not. Smyth estimates it from thousands of genes; a
//! study has a handful of arms, so it is set, to 2: under the model that this stands for (variances as the inverse
//! of a chi-square with 2 degrees of freedom) one arm in ten scatters with more than three times the usual standard deviation. In the
//! article's study the PSNR of seven arms has a `d0` of 1.8 by Smyth's estimate. It falls further where
//! - the others are few: `1 / d0 = 1 / 2 + 1 / (d (arms - 1))`, the scatter of the arms and the error of the estimate;
//! - the arm scatters visibly more than the others (more than [`DOUBT`] times their variance): `d0` shrinks by the
//!   ratio, and the variance is the arm's own, so that a net that fails now and then is judged by its own runs.
//!
//! The mean of the others is one of values cut at [`DOUBT`] times the median, so that one diverged run of one arm does not make every
//! comparison of the study undecided.
//!
//! Runs of two arms with the same seed count as independent. They share the order of their batches, if anything; that would make
//! the difference vary less than is taken here.

use crate::stats::scores::Scores;
use crate::stats::variance::{Part, variance};

/// Degrees of freedom that many other arms are worth.
pub const OTHERS_FREEDOM: f64 = 2.0;

/// A variance this many times another is no longer taken to be like it. Equal variances of three seeds have such a ratio
/// in one case of seven (`1 / (1 + 6)`, the F distribution with 2 and 2 degrees of freedom).
pub const DOUBT: f64 = 6.0;

/// Variance of the mean score of each arm that comes from its seeds; `None` with one seed.
pub(crate) fn seed_parts(scores: &Scores) -> Option<Vec<Part>> {
    let seeds = scores.seeds() as f64;
    let of_mean = |arm: usize| Some(variance(&scores.seed_means(arm))? / seeds);
    let own: Vec<f64> = (0..scores.arms()).map(of_mean).collect::<Option<_>>()?;
    Some(moderate(&own, seeds - 1.0))
}

/// Each of the variances, of `freedom` degrees of freedom, in the light of all others.
pub(crate) fn moderate(own: &[f64], freedom: f64) -> Vec<Part> {
    let part = |(arm, &variance): (usize, &f64)| {
        moderated(variance, freedom, [&own[..arm], &own[arm + 1..]].concat())
    };
    own.iter().enumerate().map(part).collect()
}

/// The variance of an arm with `freedom` degrees of freedom in the light of those of the others.
fn moderated(own: f64, freedom: f64, mut others: Vec<f64>) -> Part {
    if others.is_empty() {
        return Part { variance: own, freedom };
    }
    let count = others.len() as f64;
    others.sort_unstable_by(f64::total_cmp);
    // The lower of the two middle values: of two others, one may have a diverged run.
    let limit = DOUBT * others[(others.len() - 1) / 2];
    let usual = others.iter().map(|value| value.min(limit)).sum::<f64>() / count;
    let weight = 1.0 / (1.0 / OTHERS_FREEDOM + 1.0 / (freedom * count));
    if own > DOUBT * usual {
        return Part { variance: own, freedom: weight * DOUBT * usual / own + freedom };
    }
    Part { variance: (weight * usual + freedom * own) / (weight + freedom), freedom: weight + freedom }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_others_count_for_little_and_many_for_two_degrees() {
        // One other arm, two degrees of freedom each: d0 = 1 / (1/2 + 1/2) = 1; (1 * 4 + 2 * 1) / 3 = 2.
        assert_eq!(moderated(1.0, 2.0, vec![4.0]), Part { variance: 2.0, freedom: 3.0 });
        // Six others: d0 = 1 / (1/2 + 1/12) = 12/7; (12/7 * 4 + 2) / (26/7) = 62/26.
        let many = moderated(1.0, 2.0, vec![4.0; 6]);
        assert!((many.variance - 62.0 / 26.0).abs() < 1e-12 && (many.freedom - 26.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn others_lower_only_what_may_be_like_them() {
        // (1 * 1 + 2 * 4) / 3.
        assert_eq!(moderated(4.0, 2.0, vec![1.0]), Part { variance: 3.0, freedom: 3.0 });
        // Ten times the doubtful ratio: d0 = 1/10.
        let outlier = moderated(60.0, 2.0, vec![1.0]);
        assert!(outlier.variance == 60.0 && (outlier.freedom - 2.1).abs() < 1e-12);
        // Others without any spread (every run found every focus) say nothing of one that has some.
        assert_eq!(moderated(1.0, 2.0, vec![0.0; 4]), Part { variance: 1.0, freedom: 2.0 });
        assert_eq!(moderated(1.0, 2.0, vec![]), Part { variance: 1.0, freedom: 2.0 });
    }

    #[test]
    fn one_arm_with_a_diverged_run_does_not_spoil_the_others() {
        // Cut at 6 times the median 1: mean (1 + 1 + 6) / 3.
        let usual = 8.0 / 3.0;
        let weight = 1.0 / (0.5 + 1.0 / 6.0);
        let found = moderated(1.0, 2.0, vec![1.0, 1e6, 1.0]);
        assert!((found.variance - (weight * usual + 2.0) / (weight + 2.0)).abs() < 1e-12);
    }

    #[test]
    fn seeds_are_averaged_over_fields_first() {
        // Seed means 2 and 4: variance 2, of the mean of two seeds 1. The other arm has none.
        let arm = vec![vec![1.0, 5.0], vec![3.0, 3.0]];
        let parts = seed_parts(&Scores::new(&[arm, vec![vec![0.0, 0.0]; 2]]).unwrap()).unwrap();
        assert_eq!(parts[0], Part { variance: 1.0, freedom: 1.0 });
        // d0 = 1 / (1/2 + 1) = 2/3: (2/3 * 2 + 0) / (5/3) = 0.8, halved.
        assert!((parts[1].variance - 0.4).abs() < 1e-12);
        assert!(seed_parts(&Scores::new(&[vec![vec![1.0], vec![2.0]]]).unwrap()).is_none());
    }
}
