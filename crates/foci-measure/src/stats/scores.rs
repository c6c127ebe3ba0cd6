//! The scores of all arms of a study in one measure: on the same fields, with several seeds each.

use crate::MeasureError;
use crate::measure::Better;

/// A table of fields x seeds for each arm, complete and finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    fields: usize,
    seeds: usize,
    /// For each arm: field by field, seed by seed.
    arms: Vec<Vec<f64>>,
}

impl Scores {
    /// `arms[arm][field][seed]`. Fields must be the same for all arms, in the same order; every field needs all seeds. At
    /// least two fields. Give all arms of the study, not only those to compare: what is known of the spread between
    /// seeds comes from all of them.
    ///
    /// A diverged run is entered with [`crate::Measure::worst`], never left out.
    pub fn new(arms: &[Vec<Vec<f64>>]) -> Result<Self, MeasureError> {
        let first = arms.first().map_or(&[][..], Vec::as_slice);
        if first.len() < 2 {
            return Err(MeasureError::TooFewFields { found: first.len() });
        }
        let seeds = first[0].len().max(1);
        for (arm, rows) in arms.iter().enumerate() {
            if rows.len() != first.len() {
                return Err(MeasureError::FieldsDiffer { arm, found: rows.len(), expected: first.len() });
            }
            for (field, row) in rows.iter().enumerate() {
                if row.len() != seeds {
                    return Err(MeasureError::RaggedScores { arm, field, found: row.len(), expected: seeds });
                }
                if let Some(seed) = row.iter().position(|value| !value.is_finite()) {
                    return Err(MeasureError::BadScore { arm, field, seed, value: row[seed] });
                }
            }
        }
        let arms_flat = arms.iter().map(|rows| rows.concat()).collect();
        Ok(Self { fields: first.len(), seeds, arms: arms_flat })
    }

    /// Number of arms, at least 1.
    pub fn arms(&self) -> usize {
        self.arms.len()
    }

    /// Number of fields, at least 2.
    pub fn fields(&self) -> usize {
        self.fields
    }

    /// Number of seeds, at least 1.
    pub fn seeds(&self) -> usize {
        self.seeds
    }

    /// Differences `a - b` of two arms, field by field, seed by seed.
    pub(crate) fn differences(&self, [a, b]: [usize; 2]) -> Vec<f64> {
        self.arms[a].iter().zip(&self.arms[b]).map(|(a, b)| a - b).collect()
    }

    /// Scores of an arm, field by field, with all seeds each.
    pub(crate) fn rows(&self, arm: usize) -> impl Iterator<Item = &[f64]> {
        self.arms[arm].chunks_exact(self.seeds)
    }

    /// Mean score of each seed of an arm over all fields.
    pub(crate) fn seed_means(&self, arm: usize) -> Vec<f64> {
        let of_seed = |seed: usize| self.arms[arm][seed..].iter().step_by(self.seeds).sum::<f64>();
        (0..self.seeds).map(|seed| of_seed(seed) / self.fields as f64).collect()
    }

    /// Probability that a run of `a` is better than a run of `b` on the same field: the share of all pairs of a seed of
    /// `a` and a seed of `b`, averaged over fields; equal scores count one half (Agarwal et al. 2021, "Deep
    /// reinforcement learning at the edge of the statistical precipice", equation 2). Depends on ranks only, so it does
    /// not matter how bad the floor of a diverged run is.
    pub(crate) fn probability_a_better(&self, [a, b]: [usize; 2], better: Better) -> f64 {
        let mut sum = 0.0;
        for (a, b) in self.rows(a).zip(self.rows(b)) {
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
            Scores::new(&[vec![vec![1.0, 3.0], vec![5.0, 5.0]], vec![vec![2.0, 3.0], vec![0.0, 0.0]]])
                .unwrap();
        assert_eq!(scores.probability_a_better([0, 1], Better::Higher), 0.6875);
        assert_eq!(scores.probability_a_better([0, 1], Better::Lower), 0.3125);
        assert_eq!(scores.differences([0, 1]), [-1.0, 0.0, 5.0, 5.0]);
        assert_eq!(scores.seed_means(0), [3.0, 4.0]);
    }

    #[test]
    fn holes_and_infinities_are_named() {
        let fine = vec![vec![1.0, 2.0], vec![3.0, 4.0]];
        let ragged = vec![vec![1.0, 2.0], vec![3.0]];
        let infinite = vec![vec![1.0, 2.0], vec![3.0, f64::INFINITY]];
        assert!(matches!(
            Scores::new(&[fine.clone(), ragged]),
            Err(MeasureError::RaggedScores { arm: 1, field: 1, found: 1, expected: 2 })
        ));
        assert!(matches!(
            Scores::new(&[infinite, fine.clone()]),
            Err(MeasureError::BadScore { arm: 0, field: 1, seed: 1, .. })
        ));
        assert!(matches!(
            Scores::new(&[fine.clone(), fine[..1].to_vec()]),
            Err(MeasureError::FieldsDiffer { arm: 1, found: 1, expected: 2 })
        ));
        assert!(matches!(Scores::new(&[fine[..1].to_vec()]), Err(MeasureError::TooFewFields { found: 1 })));
        assert!(matches!(Scores::new(&[]), Err(MeasureError::TooFewFields { found: 0 })));
        assert!(Scores::new(&[vec![vec![], vec![]]]).is_err());
    }
}
