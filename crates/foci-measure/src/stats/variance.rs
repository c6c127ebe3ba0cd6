//! How far chance may carry a mean difference whose variance has several parts, each estimated by itself.
//!
//! The mean difference of two arms varies because fields differ and because seeds do. Every seed is scored on every
//! field, so the two are *crossed*: a lucky seed is lucky on all fields, and its luck is not averaged away by more fields.
//! Fields give `f - 1` degrees of freedom, seeds hardly any ([`crate::stats::seeds`]). The usual way out, one
//! standard error with the degrees of freedom of Satterthwaite (1946), takes those from the same few seeds: if by chance they lie
//! close together, the standard error is too small and the degrees of freedom are too many at the same time (with 20 fields and
//! 3 seeds 1.4, 2.6 and 5.3 times as many false findings as promised at .05, .05/6 and .05/60). Here
//! each part keeps its own Student quantile instead (Banerjee 1960, Calcutta Statistical Association Bulletin 10:63): with level `alpha`,
//!
//! ```text
//! reach^2 = sum over parts of variance * t(alpha, freedom)^2
//! ```
//!
//! is exceeded with probability `alpha` at most, whatever the true sizes of the parts: the tail of the normal distribution is
//! convex in the squared limit, so the tail at a weighted mean of limits is at most the mean of the tails, each of
//! which is `alpha`. This holds at every level, in the far tail too, where the adjustment for many comparisons looks.

use crate::stats::distribution::{root, student_tail, upper_quantile};

/// p-values are not followed below this: no family is so large that it matters.
const LEAST_P: f64 = 1e-30;

/// One part of the variance of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Estimate of the variance that this part gives the mean, in the squared unit of the measure.
    pub variance: f64,
    /// Degrees of freedom of the estimate.
    pub freedom: f64,
}

/// The part that comes from the fields, and from whatever is neither field nor seed: the sample variance of the fields'
/// mean differences over the number of fields. `differences` field by field with `seeds` values each; needs two fields.
pub fn field_part(differences: &[f64], seeds: usize) -> Part {
    let fields = (differences.len() / seeds) as f64;
    let means: Vec<f64> =
        differences.chunks_exact(seeds).map(|row| row.iter().sum::<f64>() / seeds as f64).collect();
    let mean = means.iter().sum::<f64>() / fields;
    let square = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (fields - 1.0);
    Part { variance: square / fields, freedom: fields - 1.0 }
}

/// Standard error: root of the sum of all parts.
pub fn standard_error(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.variance).sum::<f64>().sqrt()
}

/// The distance from the truth that a mean exceeds with probability `alpha` at most, 0 < alpha < 1.
pub fn reach(parts: &[Part], alpha: f64) -> f64 {
    let limit =
        |part: &Part| part.variance * upper_quantile(alpha, |t| student_tail(t, part.freedom)).powi(2);
    parts.iter().filter(|part| part.variance > 0.0).map(limit).sum::<f64>().sqrt()
}

/// Two-sided p-value of a mean at `distance` from zero: the level whose [`reach`] is `distance`, at least 1e-30.
/// At least one part must have a variance above zero.
pub fn p_value(parts: &[Part], distance: f64) -> f64 {
    // With one number of degrees of freedom for all parts the answer would be Student's, so it lies between those.
    let in_units = distance / standard_error(parts);
    let tails = parts
        .iter()
        .filter(|part| part.variance > 0.0)
        .map(|part| student_tail(in_units, part.freedom).clamp(LEAST_P, 1.0));
    let (low, high) = tails.fold((1.0f64, LEAST_P), |(low, high), tail| (low.min(tail), high.max(tail)));
    if high >= 1.0 || high <= low * (1.0 + 1e-12) {
        return high;
    }
    root([low.ln(), high.ln()], |level| (reach(parts, level.exp()) / distance).ln()).exp()
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
        // Fisher and Yates: t of 5 % with 5 degrees of freedom is 2.570582.
        let parts = [Part { variance: 4.0, freedom: 5.0 }];
        assert!((reach(&parts, 0.05) - 2.0 * 2.570_582).abs() < 1e-5);
        assert!((p_value(&parts, 2.0 * 2.570_582) - 0.05).abs() < 1e-7);
    }

    #[test]
    fn each_part_keeps_its_quantile() {
        // t of 5 %: 12.706205 with 1 and 2.093024 with 19 degrees of freedom.
        let parts = [Part { variance: 0.5, freedom: 1.0 }, Part { variance: 2.0, freedom: 19.0 }];
        let expected = (0.5 * 12.706_205f64.powi(2) + 2.0 * 2.093_024f64.powi(2)).sqrt();
        assert!((reach(&parts, 0.05) - expected).abs() < 1e-4);
        assert!((p_value(&parts, expected) - 0.05).abs() < 1e-6);
    }

    #[test]
    fn p_has_no_floor_that_a_family_meets() {
        let parts = [Part { variance: 1.0, freedom: 19.0 }, Part { variance: 0.01, freedom: 3.0 }];
        let values = [0.0, 1.0, 5.0, 50.0, 5e3, 5e12].map(|distance| p_value(&parts, distance));
        assert_eq!(values[0], 1.0);
        assert!(values.windows(2).all(|pair| pair[1] < pair[0]), "{values:?}");
        assert!(values[4] < 1e-9 && values[5] >= 1e-30);
    }
}
