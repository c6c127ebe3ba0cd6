//! How uncertain the mean difference is, from the rows and columns of the table.
//!
//! Every seed is scored on every field, so fields and seeds are *crossed*: a lucky seed is lucky on all fields. With mean
//! squares of fields, seeds and the rest (two-way analysis of variance without replication, both effects random),
//!
//! ```text
//! Var(mean) = (MS_fields + MS_seeds - MS_rest) / (fields * seeds)
//! ```
//!
//! where the mean squares of fields and seeds are taken to be at least `MS_rest`, so that an estimate below zero of either
//! spread counts as none. Its degrees of freedom are Satterthwaite's (1946, Biometrics Bulletin 2:110). With one
//! seed, only the spread of the fields is known; the result then speaks of these two trained nets, not of their architectures.
//!
//! With several folds, each with runs of its own, seed `s` of one fold is another run than seed `s` of the next. The formula still
//! holds: the column mean of a seed then averages independent runs, and it is the spread of those column means that is measured.

/// Uncertainty of a mean over fields and seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanUncertainty {
    /// Mean of all differences.
    pub mean: f64,
    /// Standard error of that mean.
    pub standard_error: f64,
    /// Degrees of freedom of the standard error, at least 1.
    pub freedom: f64,
}

/// Standard error of the mean of `differences`, given field by field with `seeds` values each. Needs two fields.
pub fn mean_uncertainty(differences: &[f64], seeds: usize) -> MeanUncertainty {
    let fields = differences.len() / seeds;
    let (f, s) = (fields as f64, seeds as f64);
    let mean = differences.iter().sum::<f64>() / (f * s);
    let field_means: Vec<f64> =
        differences.chunks_exact(seeds).map(|row| row.iter().sum::<f64>() / s).collect();
    let of_seed = |seed: usize| (0..fields).map(|field| differences[field * seeds + seed]).sum::<f64>() / f;
    let seed_means: Vec<f64> = (0..seeds).map(of_seed).collect();
    let square = |value: f64| value * value;
    let field_square = s * field_means.iter().map(|m| square(m - mean)).sum::<f64>() / (f - 1.0);
    if seeds == 1 {
        return MeanUncertainty { mean, standard_error: (field_square / f).sqrt(), freedom: f - 1.0 };
    }
    let seed_square = f * seed_means.iter().map(|m| square(m - mean)).sum::<f64>() / (s - 1.0);
    let rest = |i: usize| differences[i] - field_means[i / seeds] - seed_means[i % seeds] + mean;
    let rest_freedom = (f - 1.0) * (s - 1.0);
    let rest_square = (0..differences.len()).map(|i| square(rest(i))).sum::<f64>() / rest_freedom;
    let (field_square, seed_square) = (field_square.max(rest_square), seed_square.max(rest_square));
    let total = field_square + seed_square - rest_square;
    let spread = square(field_square) / (f - 1.0)
        + square(seed_square) / (s - 1.0)
        + square(rest_square) / rest_freedom;
    let freedom = if spread > 0.0 { square(total) / spread } else { f - 1.0 };
    MeanUncertainty {
        mean,
        standard_error: (total / (f * s)).sqrt(),
        freedom: freedom.max((f - 1.0).min(s - 1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_the_paired_t_test() {
        // 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 3.
        let found = mean_uncertainty(&[1.0, 2.0, 3.0, 6.0], 1);
        assert_eq!((found.mean, found.freedom), (3.0, 3.0));
        assert!((found.standard_error - (14.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn hand_computed_table() {
        // Rows (1, 3), (2, 8): grand mean 3.5, rows 2 and 5, columns 1.5 and 5.5.
        // MS fields 2 * (2.25 + 2.25) = 9; MS seeds 2 * (4 + 4) = 16; rests all 1 in size: MS rest 4.
        let found = mean_uncertainty(&[1.0, 3.0, 2.0, 8.0], 2);
        assert_eq!(found.mean, 3.5);
        assert!((found.standard_error - (21.0f64 / 4.0).sqrt()).abs() < 1e-12);
        assert!((found.freedom - 441.0 / (81.0 + 256.0 + 16.0)).abs() < 1e-12);
    }
}
