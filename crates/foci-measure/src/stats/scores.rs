//! The scores of two nets on the same fields, with several seeds each.

use crate::MeasureError;
use crate::measure::Better;

/// A table of fields x seeds for each of two nets, complete and finite.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedScores {
    fields: usize,
    seeds: usize,
    /// Field by field, seed by seed.
    a: Vec<f64>,
    b: Vec<f64>,
}

impl PairedScores {
    /// `a[field][seed]` and `b[field][seed]`. Fields must be the same for both nets, in the same order; every field
    /// needs all seeds. At least two fields.
    ///
    /// A diverged run is entered with [`crate::Measure::worst`], never left out.
    pub fn new(a: &[Vec<f64>], b: &[Vec<f64>]) -> Result<Self, MeasureError> {
        if a.len() != b.len() {
            return Err(MeasureError::FieldsDiffer { a: a.len(), b: b.len() });
        }
        if a.len() < 2 {
            return Err(MeasureError::TooFewFields { found: a.len() });
        }
        let seeds = a[0].len().max(1);
        for (net, rows) in [('a', a), ('b', b)] {
            for (field, row) in rows.iter().enumerate() {
                if row.len() != seeds {
                    return Err(MeasureError::RaggedScores { net, field, found: row.len(), expected: seeds });
                }
                if let Some(seed) = row.iter().position(|value| !value.is_finite()) {
                    return Err(MeasureError::BadScore { net, field, seed, value: row[seed] });
                }
            }
        }
        Ok(Self { fields: a.len(), seeds, a: a.concat(), b: b.concat() })
    }

    /// Number of fields, at least 2.
    pub fn fields(&self) -> usize {
        self.fields
    }

    /// Number of seeds, at least 1.
    pub fn seeds(&self) -> usize {
        self.seeds
    }

    /// Differences `a - b`, field by field, seed by seed.
    pub fn differences(&self) -> Vec<f64> {
        self.a.iter().zip(&self.b).map(|(a, b)| a - b).collect()
    }

    /// Mean difference of each field over its seeds.
    pub fn field_differences(&self) -> Vec<f64> {
        self.differences()
            .chunks_exact(self.seeds)
            .map(|row| row.iter().sum::<f64>() / self.seeds as f64)
            .collect()
    }

    /// Probability that a run of `a` is better than a run of `b` on the same field: the share of all pairs of a seed of
    /// `a` and a seed of `b`, averaged over fields; equal scores count one half (Agarwal et al. 2021, "Deep
    /// reinforcement learning at the edge of the statistical precipice", equation 2). Depends on ranks only, so it does
    /// not matter how bad the floor of a diverged run is.
    pub fn probability_a_better(&self, better: Better) -> f64 {
        let mut sum = 0.0;
        for (a, b) in self.a.chunks_exact(self.seeds).zip(self.b.chunks_exact(self.seeds)) {
            for a in a {
                for b in b {
                    let (good, bad) = if better == Better::Higher { (a, b) } else { (b, a) };
                    sum += if good > bad { 1.0 } else { f64::from(u8::from(good == bad)) * 0.5 };
                }
            }
        }
        sum / (self.fields * self.seeds * self.seeds) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probability_counts_all_pairs_of_seeds() {
        // Field 0: a 1, 3 against b 2, 3: wins 3 > 2; ties 3 = 3; losses 1 < 2, 1 < 3: (1 + 0.5) / 4.
        // Field 1: a 5, 5 against b 0, 0: 1. Mean (0.375 + 1) / 2.
        let scores =
            PairedScores::new(&[vec![1.0, 3.0], vec![5.0, 5.0]], &[vec![2.0, 3.0], vec![0.0, 0.0]]).unwrap();
        assert_eq!(scores.probability_a_better(Better::Higher), 0.6875);
        assert_eq!(scores.probability_a_better(Better::Lower), 0.3125);
        assert_eq!(scores.field_differences(), [-0.5, 5.0]);
    }

    #[test]
    fn holes_and_infinities_are_named() {
        let fine = vec![vec![1.0, 2.0], vec![3.0, 4.0]];
        let ragged = vec![vec![1.0, 2.0], vec![3.0]];
        let infinite = vec![vec![1.0, 2.0], vec![3.0, f64::INFINITY]];
        assert!(matches!(
            PairedScores::new(&fine, &ragged),
            Err(MeasureError::RaggedScores { net: 'b', field: 1, found: 1, expected: 2 })
        ));
        assert!(matches!(
            PairedScores::new(&infinite, &fine),
            Err(MeasureError::BadScore { field: 1, seed: 1, .. })
        ));
        assert!(matches!(
            PairedScores::new(&fine[..1], &fine),
            Err(MeasureError::FieldsDiffer { a: 1, b: 2 })
        ));
        assert!(matches!(
            PairedScores::new(&fine[..1], &fine[..1]),
            Err(MeasureError::TooFewFields { found: 1 })
        ));
        assert!(PairedScores::new(&[vec![], vec![]], &[vec![], vec![]]).is_err());
    }
}
