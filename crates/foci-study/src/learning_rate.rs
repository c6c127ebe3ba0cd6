//! Which learning rate a net is trained with, judged by short trials.
//!
//! Every rate is tried with the same seeds, so two rates are compared in pairs: same initial weights, same batches.
//! Losses differ by factors, hence their logarithms are averaged. The best rate is the one with the lowest mean over
//! the seeds; the chosen one is the smallest whose mean difference from the best is no greater than the standard
//! error of that difference: the one-standard-error rule (Breiman, Friedman, Olshen and Stone, Classification and
//! Regression Trees, 1984, section 3.4.3), applied to pairs. Short trials favour rates that are quick at first and
//! do worse in the long run, so where the trials cannot tell two rates apart, the smaller is taken.
//!
//! More seeds are no help where all of them agree on a rate because the trials are too short. So a study may ask for a
//! second round, as in successive halving (Karnin, Koren and Somekh, Almost optimal exploration in multi-armed bandits,
//! 2013; Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, 2016): the
//! rates that did best in short trials are tried anew in longer ones, and these alone decide. The first round errs
//! towards quick rates, that is, great ones. So the next smaller rate than its best one is always let into the second,
//! whatever place it took: otherwise the rate that is better in the long run might be out before it could show that.
//! Rates further down come in by their place alone; on those the short trials have the last word.
//!
//! With one seed there is no standard error, and the best rate is taken as it is. A rate with a trial that diverged
//! is out; if that leaves none, the smallest of all rates is taken and the runs show what becomes of it.

use crate::results::Trial;
use foci_measure::summary::{mean, standard_deviation};
use std::cmp::Ordering;

#[cfg(test)]
mod tests;

/// The rates that a second round tries, so many or as many as did not diverge, as their places among the trials of the
/// first: the best, the next smaller one, then the others by their mean logarithm of the loss.
pub(crate) fn finalists(first_round: &[Trial], rates: usize) -> Vec<usize> {
    let sound = |(place, trial)| Some((place, Sound::of(trial)?));
    let mut ranked: Vec<(usize, Sound)> = first_round.iter().enumerate().filter_map(sound).collect();
    ranked.sort_by(|(_, a), (_, b)| a.order(b));
    let Some(best) = ranked.first().map(|(_, sound)| sound.rate) else { return Vec::new() };
    let next_smaller =
        ranked.iter().map(|(_, sound)| sound.rate).filter(|rate| *rate < best).fold(0.0, f64::max);
    // The sort is stable: behind that rate the others stay as they were ranked.
    ranked[1..].sort_by_key(|(_, sound)| sound.rate != next_smaller);
    ranked.truncate(rates);
    let mut places: Vec<usize> = ranked.into_iter().map(|(place, _)| place).collect();
    places.sort_unstable();
    places
}

/// What the trials of one net led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    /// The rate with the lowest mean logarithm of the loss in the trials that decide; none if each of them has one that
    /// diverged.
    pub best: Option<f64>,
    /// The rate that the runs use.
    pub chosen: f64,
    /// Steps of the trials that decide: those of the last round.
    pub steps: u64,
}

impl Choice {
    /// The choice by the longest trials, which are those of the last round; none if no rate was tried.
    pub fn of(trials: &[Trial]) -> Option<Choice> {
        let smallest = trials.iter().map(|trial| trial.learning_rate).min_by(f64::total_cmp)?;
        let steps = trials.iter().map(|trial| trial.steps).max()?;
        let deciding = trials.iter().filter(|trial| trial.steps == steps);
        let sound: Vec<Sound> = deciding.filter_map(Sound::of).collect();
        let Some(best) = sound.iter().min_by(|a, b| a.order(b)) else {
            return Some(Choice { best: None, chosen: smallest, steps });
        };
        let close = sound.iter().filter(|sound| sound.is_close_to(best));
        let chosen = close.map(|sound| sound.rate).fold(best.rate, f64::min);
        Some(Choice { best: Some(best.rate), chosen, steps })
    }

    /// What a reader should know of a choice at an end of the rates that were tried: which end, and where to widen.
    pub fn notes(&self, arm: &str, rates: &[f64]) -> Vec<String> {
        let Some(ends) = ends(rates) else { return Vec::new() };
        let Some(best) = self.best else {
            return vec![format!(
                "No learning rate of {arm} came through the trials of {} steps without diverging; its runs use the smallest, {}. Widen tuning.learning_rates downwards.",
                self.steps, ends[0].0
            )];
        };
        let note = |(end, which, way)| {
            let what = match (best == end, self.chosen == end) {
                (true, true) => format!("The best learning rate of {arm}, which was chosen,"),
                (true, false) => {
                    format!("The best learning rate of {arm} in the trials of {} steps", self.steps)
                }
                (false, true) => format!("The learning rate chosen for {arm}"),
                (false, false) => return None,
            };
            Some(format!(
                "{what} is {end}, the {which} that was tried: the net might do better beyond. Widen tuning.learning_rates {way}."
            ))
        };
        ends.into_iter().filter_map(note).collect()
    }

    /// Which end of the rates that were tried the best one is, `smallest` or `greatest`; `None` if it lies between others.
    pub fn edge(&self, rates: &[f64]) -> Option<&'static str> {
        ends(rates)?.into_iter().find(|(end, ..)| self.best == Some(*end)).map(|(_, which, _)| which)
    }
}

/// The ends of the rates that were tried: the rate, which end it is, and where lies beyond; `None` if there is one rate only.
fn ends(rates: &[f64]) -> Option<[(f64, &'static str, &'static str); 2]> {
    let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let most = rates.iter().copied().fold(0.0, f64::max);
    (least < most).then_some([(least, "smallest", "downwards"), (most, "greatest", "upwards")])
}

/// A rate of which no trial diverged.
struct Sound {
    rate: f64,
    /// Logarithm of the validation loss, by seed.
    logarithms: Vec<f64>,
    /// Their mean.
    mean: f64,
}

impl Sound {
    fn of(trial: &Trial) -> Option<Sound> {
        // The logarithm of no loss at all is no number; that of the smallest one comes close.
        let logarithm = |loss: &Option<f64>| Some((*loss)?.max(f64::MIN_POSITIVE).ln());
        let logarithms: Vec<f64> = trial.validation_losses.iter().map(logarithm).collect::<Option<_>>()?;
        let mean = mean(&logarithms)?;
        Some(Sound { rate: trial.learning_rate, logarithms, mean })
    }

    /// The lower mean first, of equal ones the smaller rate.
    fn order(&self, other: &Sound) -> Ordering {
        self.mean.total_cmp(&other.mean).then(self.rate.total_cmp(&other.rate))
    }

    /// True if the trials do not tell this rate from the best one, seed by seed.
    fn is_close_to(&self, best: &Sound) -> bool {
        let pairs = self.logarithms.iter().zip(&best.logarithms);
        let differences: Vec<f64> = pairs.map(|(this, best)| this - best).collect();
        let seeds = differences.len() as f64;
        match (mean(&differences), standard_deviation(&differences)) {
            (Some(mean), Some(deviation)) => mean <= deviation / seeds.sqrt(),
            _ => false,
        }
    }
}
