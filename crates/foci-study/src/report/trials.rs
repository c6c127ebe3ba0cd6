//! The table of trials: which learning rates each net tried, the loss that each led to, and which was chosen.
//!
//! A row is a net, or a round of a net where there are two. The rows of a net stand together, so that one sees in a column
//! what more steps made of a rate.

use super::format;
use super::tables::Plain;
use crate::learning_rate::Choice;
use crate::results::{NetSummary, Results, Trial};
use serde::Serialize;

/// The trials of a study.
#[derive(Debug, Default, Serialize)]
pub struct Trials {
    /// Steps of a trial, round by round; none if no net has trials.
    pub rounds: Vec<u64>,
    /// Trainings of each rate.
    pub seeds: usize,
    /// Rates and losses.
    pub table: Plain,
}

/// Gathers the trials of all nets.
pub fn gather(results: &Results) -> Trials {
    let trials = || results.nets.iter().flat_map(|net| &net.trials);
    let mut rounds: Vec<u64> = trials().map(|trial| trial.steps).collect();
    rounds.sort_unstable();
    rounds.dedup();
    let mut rates: Vec<f64> = trials().map(|trial| trial.learning_rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    if rates.is_empty() {
        return Trials::default();
    }
    let mut heads = vec!["net".to_string()];
    heads.extend((rounds.len() > 1).then(|| "steps".to_string()));
    heads.extend(rates.iter().map(|rate| format::tick(*rate)));
    heads.push("chosen".into());
    let rows = results.nets.iter().flat_map(|net| {
        let at_edge = edge(net).is_some();
        rows(net, &rounds, &rates).into_iter().map(move |row| (at_edge, row))
    });
    let rows = rows.collect();
    let seeds = trials().map(|trial| trial.validation_losses.len()).max().unwrap_or(0);
    Trials { rounds, seeds, table: Plain { heads, rows } }
}

/// The rows of a net: one for each round that it came to, and one that says so if it has no trials.
fn rows(net: &NetSummary, rounds: &[u64], rates: &[f64]) -> Vec<Vec<String>> {
    let choice = Choice::of(&net.trials);
    let last = choice.map_or(rounds[0], |choice| choice.steps);
    let row = |steps: u64| {
        let of_round: Vec<&Trial> = net.trials.iter().filter(|trial| trial.steps == steps).collect();
        let mut row = vec![net.name.clone()];
        row.extend((rounds.len() > 1).then(|| format::count(steps)));
        row.extend(rates.iter().map(|rate| {
            let is_it = |trial: &&Trial| trial.learning_rate.total_cmp(rate).is_eq();
            match of_round.iter().find(|trial| is_it(trial)) {
                Some(trial) => loss(trial),
                None if net.trials.iter().any(|trial| is_it(&trial)) => format::MISSING.into(),
                None => "not tried".into(),
            }
        }));
        row.push(match choice {
            Some(choice) if steps == last => chosen(net, &choice),
            Some(_) => going_on(net, last),
            None => format::MISSING.into(),
        });
        row
    };
    rounds.iter().filter(|steps| **steps <= last).map(|steps| row(*steps)).collect()
}

fn loss(trial: &Trial) -> String {
    let seeds = trial.validation_losses.len();
    match trial.validation_loss {
        Some(loss) => format::significant(loss, 3),
        None if seeds == 1 => "diverged".into(),
        None => {
            let diverged = trial.validation_losses.iter().filter(|loss| loss.is_none()).count();
            format!("{diverged} of {seeds} diverged")
        }
    }
}

/// The rates that came into the round of so many steps.
fn going_on(net: &NetSummary, steps: u64) -> String {
    let mut rates: Vec<f64> =
        net.trials.iter().filter(|trial| trial.steps == steps).map(|trial| trial.learning_rate).collect();
    rates.sort_by(f64::total_cmp);
    let rates: Vec<String> = rates.into_iter().map(format::tick).collect();
    let rates: Vec<&str> = rates.iter().map(String::as_str).collect();
    format!("for the second round: {}", format::listed(&rates))
}

/// The rate chosen, why if it is not the one with the lowest loss, and a warning if there may be better ones beyond.
fn chosen(net: &NetSummary, choice: &Choice) -> String {
    let rate = format::tick(choice.chosen);
    let words = match choice.best {
        Some(best) if best == choice.chosen => rate,
        Some(best) => format!("{rate}, not told apart from the best, {}", format::tick(best)),
        None => format!("{rate}, for want of a better one"),
    };
    edge(net).map_or(words.clone(), |end| format!("{words} ⚠ the best is the {end} tried"))
}

/// Which end of the rates tried the best one of a net is; `None` if it lies between two others, or none was tried.
pub fn edge(net: &NetSummary) -> Option<&'static str> {
    let rates: Vec<f64> = net.trials.iter().map(|trial| trial.learning_rate).collect();
    Choice::of(&net.trials)?.edge(&rates)
}
