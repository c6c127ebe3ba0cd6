//! Simulated studies that vary as a real one does.
//!
//! What varies comes from `golden/variance.json` (`tools/variance.py` on the study of the article): for each measure and arm the
//! variances between seeds and of the rest, how luck goes together from measure to measure, and for each test field how
//! far every arm's score lies from that arm's mean. Fields are drawn from these with replacement, which keeps their
//! shape: two kinds of cells, so two clusters.

use super::Normal;
use foci_measure::measure::Better;
use foci_measure::stats::{ComparisonOptions, PairedComparison, Scores, compare, holm};
use serde_json::Value;

/// What varies in one measure.
#[derive(Clone)]
pub struct Varies {
    /// Standard deviation of each arm's level from seed to seed.
    pub seeds: Vec<f64>,
    /// Standard deviation of each arm's single score.
    pub rest: Vec<f64>,
    /// How far the arms lie from their means in a field; one of these for each field, drawn with replacement. Empty: all arms
    /// have the same profile, as a net has that is compared with itself.
    pub profiles: Vec<Vec<f64>>,
}

/// A kind of study.
#[derive(Clone)]
pub struct World {
    pub fields: usize,
    pub seeds: usize,
    pub measures: Vec<Varies>,
    /// Arms that are compared with each other.
    pub tasks: Vec<Vec<usize>>,
    /// Lower triangles that make the luck of seeds, and the rest, go together from measure to measure.
    pub together: [Vec<Vec<f64>>; 2],
    /// The rest has the tails of Student's t with 3 degrees of freedom.
    pub heavy: bool,
}

/// One comparison of a simulated study.
#[derive(Clone)]
pub struct Compared {
    pub measure: usize,
    pub truth: f64,
    pub found: PairedComparison,
    /// p after Holm's adjustment for all comparisons of the study.
    pub adjusted: f64,
    /// Differences of the two arms, field by field with all seeds each; and the scores of both.
    pub differences: Vec<Vec<f64>>,
    pub arms: [Vec<Vec<f64>>; 2],
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/variance.json")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn table(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(number).collect()).collect()
}

/// The lower triangle whose product with its transpose is the matrix (Cholesky); what rounding makes negative is 0.
fn triangle(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let size = matrix.len();
    let mut lower = vec![vec![0.0; size]; size];
    for i in 0..size {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let left: f64 = matrix[i][j] - sum;
            lower[i][j] = if i == j {
                left.max(0.0).sqrt()
            } else if lower[j][j] > 1e-9 {
                left / lower[j][j]
            } else {
                0.0
            };
        }
    }
    lower
}

impl World {
    /// The study of the article: seven arms in two tasks, six measures, 66 comparisons.
    pub fn article(seeds: usize, fields: usize) -> Self {
        let golden = golden();
        let of = |measure: &Value| {
            let deviations = |key: &str| -> Vec<f64> {
                measure["arms"].as_array().unwrap().iter().map(|arm| number(&arm[key]).sqrt()).collect()
            };
            Varies {
                seeds: deviations("seeds"),
                rest: deviations("rest"),
                profiles: table(&measure["profiles"]),
            }
        };
        let correlations = &golden["correlations"];
        Self {
            fields,
            seeds,
            measures: golden["measures"].as_array().unwrap().iter().map(of).collect(),
            tasks: table(&golden["tasks"])
                .iter()
                .map(|task| task.iter().map(|arm| *arm as usize).collect())
                .collect(),
            together: ["seeds", "rest"].map(|key| triangle(&table(&correlations[key]))),
            heavy: false,
        }
    }

    /// One net of the article against itself under another name, in six measures.
    pub fn against_itself(arm: usize, seeds: usize, fields: usize) -> Self {
        let mut world = Self::article(seeds, fields);
        for varies in &mut world.measures {
            *varies = Varies {
                seeds: vec![varies.seeds[arm]; 2],
                rest: vec![varies.rest[arm]; 2],
                profiles: vec![],
            };
        }
        Self { tasks: vec![vec![0, 1]], ..world }
    }

    /// Two arms and six measures that have nothing to do with each other: standard deviations of the difference from
    /// field to field, of each arm from seed to seed, of a score.
    pub fn plain([between_fields, between_seeds, rest]: [f64; 3], seeds: usize, fields: usize) -> Self {
        // A long fixed sample of the normal distribution, made to have mean 0 and the deviation asked for; another for each
        // measure.
        let mut normal = Normal::new(11);
        let mut varies = || {
            let sample: Vec<f64> = (0..2000).map(|_| normal.draw()).collect();
            let mean = sample.iter().sum::<f64>() / 2000.0;
            let deviation = (sample.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 2000.0).sqrt();
            let profile = |value: &f64| vec![between_fields * (value - mean) / deviation, 0.0];
            let profiles = sample.iter().map(profile).collect();
            Varies { seeds: vec![between_seeds; 2], rest: vec![rest; 2], profiles }
        };
        let apart: Vec<Vec<f64>> =
            (0..6).map(|i| (0..6).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
        Self {
            fields,
            seeds,
            measures: (0..6).map(|_| varies()).collect(),
            tasks: vec![vec![0, 1]],
            together: [apart.clone(), apart],
            heavy: false,
        }
    }

    /// Runs one study; the levels of neighbouring arms are `planted` standard deviations of a seed and a score apart.
    pub fn study(&self, planted: f64, normal: &mut Normal) -> Vec<Compared> {
        let scores = self.scores(planted, normal);
        let mut all = Vec::new();
        for (measure, arms) in scores.iter().enumerate() {
            for task in &self.tasks {
                let tables: Vec<Vec<Vec<f64>>> = task.iter().map(|&arm| arms[arm].clone()).collect();
                let checked = Scores::new(&tables).unwrap();
                for a in 0..task.len() {
                    for b in a + 1..task.len() {
                        let options = ComparisonOptions::default();
                        let found = compare(&checked, [a, b], Better::Higher, &options).unwrap();
                        let [first, second] = [&tables[a], &tables[b]];
                        let difference =
                            |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
                        all.push(Compared {
                            measure,
                            truth: planted * self.unit(measure) * (task[a] as f64 - task[b] as f64),
                            found,
                            adjusted: found.p,
                            differences: first.iter().zip(second).map(difference).collect(),
                            arms: [first.clone(), second.clone()],
                        });
                    }
                }
            }
        }
        let p: Vec<f64> = all.iter().map(|compared| compared.found.p).collect();
        all.iter_mut().zip(holm(&p)).for_each(|(compared, adjusted)| compared.adjusted = adjusted);
        all
    }

    fn unit(&self, measure: usize) -> f64 {
        let Varies { seeds, rest, .. } = &self.measures[measure];
        seeds.iter().chain(rest).sum::<f64>() / seeds.len() as f64
    }

    /// `[measure][arm][field][seed]`.
    fn scores(&self, planted: f64, normal: &mut Normal) -> Vec<Vec<Vec<Vec<f64>>>> {
        let arms = self.measures[0].seeds.len();
        let places: Vec<f64> = (0..self.fields).map(|_| normal.uniform()).collect();
        let mut scores: Vec<Vec<Vec<Vec<f64>>>> = (0..self.measures.len())
            .map(|measure| {
                let level = |arm: usize| planted * self.unit(measure) * arm as f64;
                let of_arm = |arm: usize| -> Vec<Vec<f64>> {
                    let row = |place: &f64| vec![level(arm) + self.profile(measure, arm, *place); self.seeds];
                    places.iter().take(self.fields_of(measure)).map(row).collect()
                };
                (0..arms).map(of_arm).collect()
            })
            .collect();
        for arm in 0..arms {
            for seed in 0..self.seeds {
                let luck = self.drawn(0, normal);
                for field in 0..self.fields {
                    let rest = self.drawn(1, normal);
                    for (measure, varies) in self.measures.iter().enumerate() {
                        if let Some(row) = scores[measure][arm].get_mut(field) {
                            row[seed] += varies.seeds[arm] * luck[measure] + varies.rest[arm] * rest[measure];
                        }
                    }
                }
            }
        }
        scores
    }

    /// Some fields have no value in a measure; as many as in the article.
    fn fields_of(&self, measure: usize) -> usize {
        let most = self.measures.iter().map(|varies| varies.profiles.len()).max().unwrap();
        let own = self.measures[measure].profiles.len();
        if most == 0 { self.fields } else { (self.fields * own).div_ceil(most) }
    }

    fn profile(&self, measure: usize, arm: usize, place: f64) -> f64 {
        let profiles = &self.measures[measure].profiles;
        // Fields differ by more than nets do, whatever the nets; that must cancel.
        let level = 100.0 * place;
        profiles.get((place * profiles.len() as f64) as usize).map_or(level, |profile| level + profile[arm])
    }

    /// One number for each measure, of variance 1.
    fn drawn(&self, which: usize, normal: &mut Normal) -> Vec<f64> {
        let independent: Vec<f64> = self.measures.iter().map(|_| normal.draw()).collect();
        let mix = |row: &Vec<f64>| row.iter().zip(&independent).map(|(a, b)| a * b).sum::<f64>();
        let mixed = self.together[which].iter().map(mix);
        if self.heavy && which == 1 {
            // Student's t with 3 degrees of freedom has the variance 3.
            mixed
                .map(|value| {
                    let square: f64 = (0..3).map(|_| normal.draw().powi(2)).sum();
                    value / (square / 3.0).sqrt() / 3f64.sqrt()
                })
                .collect()
        } else {
            mixed.collect()
        }
    }
}
