//! How large a difference must be for a study to see it, before the study is run.
//!
//! What a study sees depends on its size and on how the scores vary: between fields, between seeds, and by themselves. Those variances
//! come from a pilot or an earlier study ([`Scatter::of`]). From them, tables of variances are drawn as such a study would
//! estimate them, and each goes through the very steps of a comparison ([`crate::stats::chance`]): that gives the distances a
//! difference has to exceed, and the share of studies in which it does.
//!
//! A difference counts that is seen by itself: its p-value must be below the level over the number of comparisons, which is
//! what Holm's adjustment asks of the smallest one. Where others are seen too it asks less, so the true power is no lower.
//!
//! A pilot's variances are estimates, those of two or three seeds poor ones. What comes out is an order of magnitude: the
//! square root of a variance with two degrees of freedom is off by a factor of two or more in one case of four.

use crate::MeasureError;
use crate::stats::chance::Chance;
use crate::stats::distribution::{normal_distribution, root};
use crate::stats::random::Draws;
use crate::stats::scores::Scores;
use crate::stats::seeds::moderate;
use crate::stats::variance::{Part, field_part, rest_of_mean, variance};

/// Tables of variances that are drawn for one answer; it is known to some two hundredths then.
const TABLES: usize = 200;

/// Seed of the tables.
const SEED: u64 = 80;

/// The most seeds that [`seeds_needed`] considers.
pub const MOST_SEEDS: usize = 64;

/// The most fields that [`fields_needed`] considers.
pub const MOST_FIELDS: usize = 4096;

/// How the scores of two arms vary in one measure: variances, in the squared unit of the measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatter {
    /// Of the arms' true difference from field to field.
    pub fields: f64,
    /// Of each arm's level from seed to seed, on all fields alike.
    pub seeds: [f64; 2],
    /// Of each arm's single score, by what is neither field nor seed.
    pub rest: [f64; 2],
}

/// How large a study is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StudySize {
    /// Test fields, at least 2.
    pub fields: usize,
    /// Seeds of each arm, at least 2.
    pub seeds: usize,
    /// Arms that have the same task, at least 2.
    pub arms: usize,
    /// Comparisons that p-values are adjusted for, at least 1.
    pub comparisons: usize,
}

impl Scatter {
    /// What the scores of an earlier study or a pilot say; `None` with one seed. A variance that comes out below
    /// zero is 0.
    pub fn of(scores: &Scores, pair: [usize; 2]) -> Option<Self> {
        let (fields, seeds) = (scores.fields() as f64, scores.seeds() as f64);
        let of_mean = pair.map(|arm| rest_of_mean(scores, arm));
        let mut between_seeds = [0.0; 2];
        for ((between, arm), rest) in between_seeds.iter_mut().zip(pair).zip(of_mean) {
            *between = (variance(&scores.seed_means(arm))? - seeds * rest).max(0.0);
        }
        let part = field_part(&scores.differences(pair), scores.seeds());
        let between_fields = (part.variance - of_mean[0] - of_mean[1]).max(0.0) * fields;
        Some(Self {
            fields: between_fields,
            seeds: between_seeds,
            rest: of_mean.map(|rest| rest * fields * seeds),
        })
    }

    /// The mean of the variances of several pairs, as if there were one pair like them; `None` if there are none.
    pub fn mean(pairs: &[Self]) -> Option<Self> {
        let count = pairs.len() as f64;
        let of = |variance: &dyn Fn(&Self) -> f64| pairs.iter().map(variance).sum::<f64>() / count;
        (!pairs.is_empty()).then(|| Self {
            fields: of(&|pair| pair.fields),
            seeds: [of(&|pair| pair.seeds.iter().sum::<f64>() / 2.0); 2],
            rest: [of(&|pair| pair.rest.iter().sum::<f64>() / 2.0); 2],
        })
    }

    /// Of the mean difference in a study of this size: the parts of the fields, of the seeds of both arms, and of the rest of both.
    fn of_mean(&self, size: StudySize) -> (f64, [f64; 2], [f64; 2]) {
        let (fields, seeds) = (size.fields as f64, size.seeds as f64);
        (
            self.fields / fields,
            self.seeds.map(|value| value / seeds),
            self.rest.map(|value| value / fields / seeds),
        )
    }
}

/// What a study of one size sees of differences between two arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Power {
    /// Distances that a difference has to exceed, one for each table.
    reaches: Vec<f64>,
    /// Standard deviation of the mean difference.
    deviation: f64,
}

impl Power {
    /// Power of a study in which a difference counts at `level` after adjustment.
    ///
    /// # Errors
    /// [`MeasureError::BadOption`] for a study that is too small to compare anything, or a level outside 0 to 0.5.
    pub fn new(scatter: &Scatter, size: StudySize, level: f64) -> Result<Self, MeasureError> {
        let least = [
            ("the number of fields", size.fields, 2),
            ("the number of seeds", size.seeds, 2),
            ("the number of arms", size.arms, 2),
            ("the number of comparisons", size.comparisons, 1),
        ];
        for (name, value, least) in least {
            if value < least {
                let allowed = if least == 2 { "at least 2" } else { "at least 1" };
                return Err(MeasureError::BadOption { name, value: value as f64, allowed });
            }
        }
        if !(level > 0.0 && level < 0.5) {
            return Err(MeasureError::BadOption {
                name: "the level",
                value: level,
                allowed: "above 0 and below 0.5",
            });
        }
        let (fields, seeds, rest) = scatter.of_mean(size);
        let alpha = level / size.comparisons as f64;
        let mut draws = Draws::new(SEED);
        let mut reach = || {
            let by_field = Part {
                variance: (fields + rest[0] + rest[1]) * draws.variance_ratio(size.fields - 1),
                freedom: (size.fields - 1) as f64,
            };
            // The other arms scatter like these two, in turns.
            let own: Vec<f64> = (0..size.arms)
                .map(|arm| (seeds[arm % 2] + rest[arm % 2]) * draws.variance_ratio(size.seeds - 1))
                .collect();
            let parts = moderate(&own, (size.seeds - 1) as f64);
            let freedom = (size.fields - 1) * (size.seeds - 1);
            let rest = rest.map(|rest| rest * draws.variance_ratio(freedom));
            Chance::new(by_field, &parts[..2], rest[0] + rest[1]).map_or(0.0, |chance| chance.reach(alpha))
        };
        let reaches = (0..TABLES).map(|_| reach()).collect();
        let deviation = (fields + seeds.iter().chain(&rest).sum::<f64>()).sqrt();
        Ok(Self { reaches, deviation })
    }

    /// Probability that a difference of this size is seen.
    pub fn of(&self, difference: f64) -> f64 {
        let size = difference.abs();
        if self.deviation == 0.0 {
            return f64::from(u8::from(size > 0.0));
        }
        let seen = |reach: &f64| {
            normal_distribution((size - reach) / self.deviation)
                + normal_distribution((-size - reach) / self.deviation)
        };
        self.reaches.iter().map(seen).sum::<f64>() / self.reaches.len() as f64
    }

    /// The smallest difference that is seen with probability `power`, above 0.5 and below 1; 0 where nothing varies.
    pub fn smallest_difference(&self, power: f64) -> f64 {
        if self.deviation == 0.0 {
            return 0.0;
        }
        let mut high = self.deviation;
        while self.of(high) < power {
            high *= 2.0;
        }
        root([0.0, high], |difference| self.of(difference) - power)
    }
}

/// The fewest seeds with which a study of this size otherwise sees a difference with probability `power`; `None` if [`MOST_SEEDS`] are not
/// enough: then fields are what is missing.
///
/// # Errors
/// As [`Power::new`].
pub fn seeds_needed(
    scatter: &Scatter,
    size: StudySize,
    difference: f64,
    [level, power]: [f64; 2],
) -> Result<Option<usize>, MeasureError> {
    fewest(MOST_SEEDS, |seeds| {
        Ok(Power::new(scatter, StudySize { seeds, ..size }, level)?.of(difference) >= power)
    })
}

/// The fewest fields, likewise; `None` if [`MOST_FIELDS`] are not enough: then seeds are what is missing.
///
/// # Errors
/// As [`Power::new`].
pub fn fields_needed(
    scatter: &Scatter,
    size: StudySize,
    difference: f64,
    [level, power]: [f64; 2],
) -> Result<Option<usize>, MeasureError> {
    fewest(MOST_FIELDS, |fields| {
        Ok(Power::new(scatter, StudySize { fields, ..size }, level)?.of(difference) >= power)
    })
}

/// The smallest number from 2 to `most` that is enough, if more is never worse.
fn fewest(
    most: usize,
    enough: impl Fn(usize) -> Result<bool, MeasureError>,
) -> Result<Option<usize>, MeasureError> {
    let (mut below, mut high) = (1, 2);
    while !enough(high)? {
        if high >= most {
            return Ok(None);
        }
        (below, high) = (high, (2 * high).min(most));
    }
    while high - below > 1 {
        let middle = below + (high - below) / 2;
        if enough(middle)? { high = middle } else { below = middle }
    }
    Ok(Some(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: StudySize = StudySize { fields: 20, seeds: 3, arms: 2, comparisons: 1 };

    fn scatter(fields: f64, seeds: f64, rest: f64) -> Scatter {
        Scatter { fields, seeds: [seeds; 2], rest: [rest; 2] }
    }

    #[test]
    fn where_only_fields_vary_it_is_the_power_of_the_paired_t_test() {
        // By the noncentral t distribution (SciPy): 20 pairs see .6604 standard deviations with 80 %, and .8578 at .05/6.
        for (comparisons, expected) in [(1, 0.6604), (6, 0.8578)] {
            let power = Power::new(&scatter(1.0, 0.0, 0.0), StudySize { comparisons, ..SIZE }, 0.05).unwrap();
            let found = power.smallest_difference(0.8);
            assert!((found / expected - 1.0).abs() < 0.03, "{comparisons}: {found}");
        }
        // Half a standard deviation needs 34 pairs (power .808; 33 have .795).
        let needed = fields_needed(&scatter(1.0, 0.0, 0.0), SIZE, 0.5, [0.05, 0.8]).unwrap().unwrap();
        assert!(needed.abs_diff(34) <= 2, "{needed}");
    }

    #[test]
    fn where_only_seeds_vary_fields_do_not_help() {
        let seeds_only = scatter(0.0, 1.0, 0.0);
        assert_eq!(fields_needed(&seeds_only, SIZE, 2.0, [0.05, 0.8]).unwrap(), None);
        let needed = seeds_needed(&seeds_only, SIZE, 2.0, [0.05, 0.8]).unwrap().unwrap();
        // Welch's t-test of two samples that are two standard deviations apart needs 6 of each (SciPy: .88; 5 have .79).
        assert!((5..=7).contains(&needed), "{needed}");
    }

    #[test]
    fn pairs_are_taken_together_as_one_like_them() {
        let one = Scatter { fields: 1.0, seeds: [2.0, 6.0], rest: [0.0, 1.0] };
        let other = Scatter { fields: 3.0, seeds: [0.0, 4.0], rest: [2.0, 3.0] };
        // Both arms of the pair vary as the mean of all four do.
        let expected = Scatter { fields: 2.0, seeds: [3.0; 2], rest: [1.5; 2] };
        assert_eq!(Scatter::mean(&[one, other]), Some(expected));
        assert_eq!(Scatter::mean(&[]), None);
    }

    #[test]
    fn the_smallest_difference_is_seen_as_often_as_asked() {
        let power = Power::new(&scatter(0.01, 0.02, 0.03), SIZE, 0.05).unwrap();
        for asked in [0.51, 0.8, 0.999] {
            assert!((power.of(power.smallest_difference(asked)) - asked).abs() < 1e-9);
        }
    }

    #[test]
    fn without_scatter_everything_is_seen() {
        let power = Power::new(&scatter(0.0, 0.0, 0.0), SIZE, 0.05).unwrap();
        assert_eq!((power.of(0.0), power.of(1e-9), power.smallest_difference(0.8)), (0.0, 1.0, 0.0));
    }

    #[test]
    fn a_study_that_compares_nothing_is_refused() {
        for size in [
            StudySize { seeds: 1, ..SIZE },
            StudySize { fields: 1, ..SIZE },
            StudySize { comparisons: 0, ..SIZE },
        ] {
            assert!(matches!(
                Power::new(&scatter(1.0, 1.0, 1.0), size, 0.05),
                Err(MeasureError::BadOption { .. })
            ));
        }
        assert!(Power::new(&scatter(1.0, 1.0, 1.0), SIZE, 0.7).is_err());
    }

    #[test]
    fn the_fewest_is_found_and_what_is_never_enough_is_none() {
        for least in [2, 3, 7, 63, 64] {
            assert_eq!(fewest(64, |number| Ok(number >= least)).unwrap(), Some(least));
        }
        assert_eq!(fewest(64, |_| Ok(false)).unwrap(), None);
    }
}
