//! The trials that choose the learning rate of a net: all rates for some steps and, if the study asks for a second
//! round, the best of them anew for more.
//!
//! Anew, not onwards: the schedule of the learning rate ends with the trial, so a longer trial is another training.
//! Nets have the same trials, but for one thing: a rate that diverged in the first round is not tried in the second,
//! and if too few are left, the net has so many trials less. None of those could have changed the choice.

use super::{Executor, Job, read_json, write_json};
use crate::StudyError;
use crate::learning_rate::finalists;
use crate::results::Trial;
use crate::study::{Event, Observer};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where the trials of the first and of the second round lie in the output folder. Names of trials end in a number or a seed,
/// so none of the first round is called like the folder of the second.
pub(crate) const TRIALS: [&str; 2] = ["tuning", "tuning/second-round"];

/// Trials of one length.
#[derive(Clone, Copy)]
struct Round {
    /// Optimiser steps of each trial.
    steps: u64,
    /// Where in the output folder its trials lie.
    folder: &'static str,
    /// What one of its trials is called.
    trial: &'static str,
}

/// What is kept of a trial that is done.
#[derive(Serialize, Deserialize)]
struct TrialRecord {
    learning_rate: f64,
    validation_loss: Option<f64>,
}

impl Executor<'_, '_> {
    /// All trials of an arm, in the order in which they were made.
    pub(super) fn tune(&self, index: usize, observer: &mut dyn Observer) -> Result<Vec<Trial>, StudyError> {
        let tuning = &self.plan.spec.tuning;
        let all: Vec<usize> = (0..tuning.learning_rates.len()).collect();
        let first = Round { steps: tuning.steps, folder: TRIALS[0], trial: "trial" };
        let mut trials = self.round(index, first, &all, observer)?;
        if let Some(second) = &tuning.second_round {
            let finalists = finalists(&trials, second.rates);
            let missing = (second.rates - finalists.len()) * tuning.seeds;
            if missing > 0 {
                self.skip(index, missing as u64 * second.steps, (), observer);
            }
            let second = Round { steps: second.steps, folder: TRIALS[1], trial: "second-round trial" };
            trials.extend(self.round(index, second, &finalists, observer)?);
        }
        Ok(trials)
    }

    /// The trials of some rates, given as their places in the study.
    fn round(
        &self,
        index: usize,
        round: Round,
        rates: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<Vec<Trial>, StudyError> {
        let tuning = &self.plan.spec.tuning;
        let try_rate = |number: &usize| {
            let losses = (0..tuning.seeds as u64)
                .map(|seed| self.trial(index, round, *number, seed, observer))
                .collect::<Result<_, _>>()?;
            Ok(Trial::new(tuning.learning_rates[*number], round.steps, losses))
        };
        rates.iter().map(try_rate).collect()
    }

    /// The validation loss of one trial; none if it diverged.
    fn trial(
        &self,
        index: usize,
        round: Round,
        number: usize,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Option<f64>, StudyError> {
        let arm = &self.plan.arms[index].arm;
        let tuning = &self.plan.spec.tuning;
        let rate = tuning.learning_rates[number];
        let plan = self.plan.trial(arm, seed, rate, round.steps);
        let folder = self.trial_folder(round, &arm.name, number, seed);
        let record = folder.join("trial.json");
        if let Some(TrialRecord { validation_loss, .. }) = read_json(&record)? {
            return Ok(self.skip(index, plan.steps, validation_loss, observer));
        }
        let which =
            if tuning.seeds > 1 { format!(", {} of {}", seed + 1, tuning.seeds) } else { String::new() };
        let what = format!("{}, {} of learning rate {rate}{which}", arm.name, round.trial);
        let job = Job { plan, folder: &folder, what: &what, number: seed, is_trial: true };
        let outcome = self.train(index, job, observer)?;
        let validation_loss = outcome.model.recipe.training.validation_loss;
        write_json(&record, &TrialRecord { learning_rate: rate, validation_loss })?;
        let words = validation_loss.map_or("diverged".into(), |loss| format!("validation loss {loss:.2e}"));
        observer.event(Event::Ended { outcome: &words });
        Ok(validation_loss)
    }

    /// The folder of a trial; that of the first seed is called as it was when there was no other, for studies begun then.
    fn trial_folder(&self, round: Round, arm: &str, number: usize, seed: u64) -> PathBuf {
        let seed = if seed == 0 { String::new() } else { format!("-seed{seed}") };
        self.out.join(round.folder).join(format!("{arm}-{number}{seed}"))
    }
}
