//! How far chance may carry a mean difference whose variance has several parts, each known by an estimate alone.
//!
//! The mean difference of two arms varies because fields differ and because seeds do. Every seed is scored on every
//! field, so the two are *crossed*: a lucky seed is lucky on all fields, and its luck is not averaged away by more fields.
//! Fields tell their part well, two or three seeds tell theirs badly, and how large each part is decides how heavy the tails
//! of the difference are. This is the Behrens-Fisher problem. What is known of the parts is written down as a distribution:
//!
//! ```text
//! variance V = sum over parts of  freedom * estimate / chi-square(freedom + 2)      weighted by V itself
//! p(distance) = mean over V of P(|Z| > distance / sqrt V)
//! ```
//!
//! This is the posterior of the parts under the prior `V / product of squared parts`: for two parts the one that makes
//! Bayesian intervals cover as often as they say (Ghosh and Kim 2001, Canadian Journal of Statistics 29:5). With one part p
//! is that of Student's t; with any number of parts the limits agree to first order with those of Welch (1947, Biometrika
//! 34:28), `z (1 + (1 + z^2) / 4 * sum of share^2 / freedom)`. It differs from Welch's and Satterthwaite's where there are but one or two
//! degrees of freedom: those take the shares of the parts for known, so three seeds that by chance lie close together give a
//! standard error that is too small and degrees of freedom that are too many at the same time. Here it stays possible that
//! their part is larger than it looks. `docs/statistics.md` has the rates of both.
//!
//! **The rest**, what is neither field nor seed, is in the means of fields and in those of seeds. It is taken off once, from the
//! part of the fields, which is never below zero.

use crate::stats::distribution::{normal_tail, root};
use crate::stats::variance::Part;

/// p-values are not followed below this: no family is so large that it matters.
const LEAST_P: f64 = 1e-10;

/// Logarithm of what may be left out at either end of the distribution of a part, beside its highest density.
const DEPTH: f64 = 28.0;

/// Values of the variance that are told apart while it grows by a factor of e.
const PER_LOGARITHM: f64 = 40.0;

/// Share of the whole below which a value of the variance is left out.
const NEGLIGIBLE: f64 = 1e-13;

/// What is known of the variance of a mean difference: possible standard deviations, each with its weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    possible: Vec<(f64, f64)>,
}

impl Chance {
    /// From the part of the fields, in which the variance `rest` of the mean is counted too, and those of the seeds, in
    /// which it is counted once more. `None` if no part has a variance.
    pub fn new(fields: Part, seeds: &[Part], rest: f64) -> Option<Self> {
        // Seeds that agree to the last digit have no rest to take off.
        let rest = if seeds.iter().any(|part| part.variance > 0.0) { rest } else { 0.0 };
        let mut possible: Vec<(f64, f64)> =
            values(fields).into_iter().map(|(value, weight)| ((value - rest).max(0.0), weight)).collect();
        for part in seeds.iter().filter(|part| part.variance > 0.0) {
            let values = values(*part);
            let with = |&(sum, weight): &(f64, f64)| {
                values.iter().map(move |(value, other)| (sum + value, weight * other)).collect::<Vec<_>>()
            };
            possible = possible.iter().flat_map(with).collect();
        }
        Self::gathered(&possible)
    }

    /// Values that are close to each other become one, with their weight and their mean: of tens of thousands a thousand is left.
    fn gathered(possible: &[(f64, f64)]) -> Option<Self> {
        let above_zero = || possible.iter().filter(|(variance, _)| *variance > 0.0);
        let most = above_zero().map(|(variance, _)| *variance).fold(0.0, f64::max);
        let place = |variance: f64| ((most / variance).ln() * PER_LOGARITHM) as usize;
        let mut gathered: Vec<(f64, f64)> = Vec::new();
        let mut whole = 0.0;
        for &(variance, weight) in above_zero() {
            let place = place(variance);
            if gathered.len() <= place {
                gathered.resize(place + 1, (0.0, 0.0));
            }
            let by_variance = variance * weight;
            gathered[place].0 += variance * by_variance;
            gathered[place].1 += by_variance;
            whole += by_variance;
        }
        let kept = gathered.into_iter().filter(|(_, weight)| *weight > NEGLIGIBLE * whole);
        let possible: Vec<(f64, f64)> =
            kept.map(|(sum, weight)| ((sum / weight).sqrt(), weight / whole)).collect();
        (!possible.is_empty()).then_some(Self { possible })
    }

    /// Two-sided p-value of a mean at `distance` >= 0 from zero, at least 1e-10.
    pub fn p_value(&self, distance: f64) -> f64 {
        self.tail(distance).clamp(LEAST_P, 1.0)
    }

    /// The distance whose p-value is `alpha`, 0 < alpha < 1: what chance exceeds with that probability.
    pub fn reach(&self, alpha: f64) -> f64 {
        let mean: f64 = self.possible.iter().map(|(deviation, weight)| deviation * weight).sum();
        let (mut low, mut high) = (mean, 2.0 * mean);
        while self.tail(low) < alpha {
            (low, high) = (low / 2.0, low);
        }
        while self.tail(high) > alpha {
            (low, high) = (high, 2.0 * high);
        }
        // Far enough out a tail is 0 in floating point; any number below all logarithms will do.
        let excess = |log: f64| (self.tail(log.exp()) / alpha).ln().max(-1e3);
        root([low.ln(), high.ln()], excess).exp()
    }

    fn tail(&self, distance: f64) -> f64 {
        let tail = |(deviation, weight): &(f64, f64)| weight * normal_tail(distance / deviation);
        self.possible.iter().map(tail).sum()
    }
}

/// Values that the variance of a part may have, `freedom * estimate / chi-square(freedom + 2)`, with their probabilities.
///
/// The logarithm of chi-square has a smooth density that falls off on both sides, for which the trapezoidal rule at a step of one
/// standard deviation gives p to four digits.
fn values(part: Part) -> Vec<(f64, f64)> {
    if part.variance <= 0.0 {
        return vec![(0.0, 1.0)];
    }
    let freedom = part.freedom;
    let step = (2.0 / (freedom + 2.0)).sqrt();
    // Density by the logarithm, times the variance: what counts in the end.
    let density = |log: f64| 0.5 * (freedom * log - log.exp());
    let top = freedom.ln();
    let counts = |log: &f64| density(*log) > density(top) - DEPTH;
    let below = (1..).map(|k| top - f64::from(k) * step).take_while(counts);
    let above = (0..).map(|k| top + f64::from(k) * step).take_while(counts);
    let weight = |log: f64| (density(log) - density(top) + log - top).exp();
    let places: Vec<f64> = below.chain(above).collect();
    let whole: f64 = places.iter().map(|&log| weight(log)).sum();
    places.iter().map(|&log| (freedom * part.variance / log.exp(), weight(log) / whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::distribution::student_tail;

    fn part(variance: f64, freedom: f64) -> Part {
        Part { variance, freedom }
    }

    #[test]
    fn one_part_alone_is_students_t() {
        for freedom in [1.0, 2.0, 3.7, 19.0, 200.0] {
            let chance = Chance::new(part(4.0, freedom), &[], 0.0).unwrap();
            for t in [0.0, 0.5, 2.0, 5.0, 20.0] {
                let expected = student_tail(t, freedom);
                let found = chance.p_value(2.0 * t);
                let close = (found / expected.max(LEAST_P) - 1.0).abs() < 1e-4;
                assert!(close, "t {t}, {freedom} degrees of freedom: {found} for {expected}");
            }
        }
        // Fisher and Yates: t of 5 % with 2 degrees of freedom is 4.302653.
        let seeds = Chance::new(part(0.0, 19.0), &[part(1.0, 2.0)], 0.0).unwrap();
        assert!((seeds.reach(0.05) - 4.302_653).abs() < 1e-4);
    }

    #[test]
    fn two_parts_are_a_mixture_of_sums_of_two_ts() {
        // Weight V shares the parts out: with probability share the part keeps its degrees of freedom and the other has two
        // more. Two parts of variance 1 with 2 degrees each: T(2) + sqrt(1/2) T(4), by SciPy (see make.py).
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/golden.json")).unwrap();
        for row in golden["parts"].as_array().unwrap() {
            let [a, a_freedom, b, b_freedom, distance, expected] =
                std::array::from_fn(|index| row[index].as_f64().unwrap());
            let found =
                Chance::new(part(a, a_freedom), &[part(b, b_freedom)], 0.0).unwrap().p_value(distance);
            assert!((found / expected - 1.0).abs() < 1e-4, "{row}: {found}");
        }
    }

    #[test]
    fn many_degrees_of_freedom_give_the_limit_of_welch() {
        // Shares .5, .3, .2 of 1 with 200, 100, 400 degrees: sum share^2 / freedom = .00225; z = 1.959964:
        // z (1 + (1 + z^2) / 4 * .00225) = 1.965302; what is left out is of the order of 10 * .00225^2.
        let chance = Chance::new(part(0.5, 200.0), &[part(0.3, 100.0), part(0.2, 400.0)], 0.0).unwrap();
        assert!((chance.reach(0.05) - 1.965_302).abs() < 1e-4, "{}", chance.reach(0.05));
    }

    #[test]
    fn the_rest_is_taken_off_the_fields_once() {
        // 1000 degrees of freedom: as good as known. 3 - 1 + 0.5 + 0.5 = 3; z = 1.96.
        let seeds = [part(0.5, 1e3), part(0.5, 1e3)];
        let chance = Chance::new(part(3.0, 1e3), &seeds, 1.0).unwrap();
        assert!((chance.reach(0.05) / (3f64.sqrt() * 1.959_964) - 1.0).abs() < 2e-3);
        // Fields that hold nothing but rest leave the seeds alone.
        let rest_only = Chance::new(part(0.1, 1e3), &seeds, 1.0).unwrap();
        assert!((rest_only.reach(0.05) / 1.959_964 - 1.0).abs() < 2e-3);
        // Seeds that agree exactly have no rest to take off; without any variance there is nothing to say.
        let agreeing = [part(0.0, 2.0); 2];
        assert_eq!(Chance::new(part(1.0, 19.0), &agreeing, 5.0), Chance::new(part(1.0, 19.0), &[], 0.0));
        assert_eq!(Chance::new(part(0.0, 19.0), &agreeing, 0.0), None);
    }

    #[test]
    fn reach_and_p_value_are_one_statement() {
        let chance = Chance::new(part(1.0, 19.0), &[part(0.5, 2.0), part(2.0, 3.7)], 0.3).unwrap();
        for alpha in [0.9, 0.3, 0.05, 1e-3, 1e-6] {
            assert!((chance.p_value(chance.reach(alpha)) / alpha - 1.0).abs() < 1e-8, "{alpha}");
        }
        let far = [0.0, 1.0, 5.0, 50.0, 1e9].map(|distance| chance.p_value(distance));
        assert!(
            (far[0] - 1.0).abs() < 1e-9 && far.windows(2).all(|pair| pair[1] < pair[0]) && far[4] == LEAST_P,
            "{far:?}"
        );
    }
}
