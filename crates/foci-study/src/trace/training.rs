//! Numbers of how the nets learned: the trials that chose a learning rate, the losses of the runs, what each layer heard, and
//! what the factors of a study change.

use super::seeds_table;
use crate::execute::{TRIALS, run_folder};
use crate::learning_rate::Choice;
use crate::report::{factor_pairs, table};
use crate::results::{NetSummary, Results, RunSignals, Trial};
use foci_measure::summary::mean;
use foci_train::LayerSignal;
use std::fmt::Write;
use std::path::Path;

/// The learning rate of a net: every trial with the folder of its first seed.
pub(super) fn learning_rate(net: &NetSummary) -> Option<String> {
    let choice = Choice::of(&net.trials)?;
    let name = &net.name;
    let mut text = format!(
        "{name}.learning_rate = {}\n\nChosen by trials on validation images: crates/foci-study/src/learning_rate.rs says how. Those of\n\
         {} steps decide; validation losses seed by seed:\n\n",
        choice.chosen, choice.steps
    );
    let seeds = net.trials.iter().map(|trial| trial.validation_losses.len()).max().unwrap_or(0);
    let heads = ["learning rate", "steps"].into_iter().map(String::from);
    let heads = heads.chain((0..seeds).map(|seed| format!("seed {seed}"))).chain(["folder".to_string()]);
    let mut rows = vec![heads.collect::<Vec<_>>()];
    rows.extend(net.trials.iter().enumerate().map(|(place, trial)| {
        let mut row = vec![trial.learning_rate.to_string(), trial.steps.to_string()];
        row.extend(
            trial
                .validation_losses
                .iter()
                .map(|loss| loss.map_or("diverged".to_string(), |loss| loss.to_string())),
        );
        row.push(trial_folder(name, &net.trials, place));
        row
    }));
    let _ = write!(text, "{}", table(&rows));
    Some(text)
}

/// The folder of a trial's first seed: a rate that was tried before is in its second round.
fn trial_folder(net: &str, trials: &[Trial], place: usize) -> String {
    let same_rate = |trial: &Trial| trial.learning_rate.total_cmp(&trials[place].learning_rate).is_eq();
    let first = trials.iter().position(same_rate).unwrap_or(place);
    format!("{}/{net}-{first}", TRIALS[usize::from(first != place)])
}

/// Losses at the end of each run of a net.
pub(super) fn loss(results: &Results, net: &str) -> Option<String> {
    let curves: Vec<_> = results.curves.iter().filter(|curve| curve.net == net).collect();
    let log = |seed| run_folder(Path::new(""), net, seed).join("metrics.jsonl").display().to_string();
    let mut rows = vec![["seed", "last step", "training", "validation", "from"].map(String::from).to_vec()];
    rows.extend(curves.iter().map(|curve| {
        let last = |points: &[(u64, f64)]| points.last().map_or("none".into(), |(_, loss)| loss.to_string());
        let step = curve.training.last().map_or("none".into(), |(step, _)| step.to_string());
        let diverged = if curve.diverged { ", diverged" } else { "" };
        vec![
            curve.seed.to_string(),
            step + diverged,
            last(&curve.training),
            last(&curve.validation),
            log(curve.seed),
        ]
    }));
    let text = format!(
        "{net}.loss: the learning curves, here their last points\n\n\
         Every point of a curve is a line of the run's log, which crates/foci-train/src/run.rs writes; losses are defined in\n\
         crates/foci-engine/src/loss.rs. The report averages training losses over short runs of steps.\n\n"
    );
    (!curves.is_empty()).then(|| text + &table(&rows))
}

/// What one layer of a net heard at each look, averaged over seeds as the report shows it.
pub(super) fn layer(results: &Results, net: &str, layer: &str) -> Option<String> {
    let runs: Vec<&RunSignals> = results.signals.iter().filter(|run| run.net == net).collect();
    let steps: Vec<u64> =
        runs.iter().max_by_key(|run| run.looks.len())?.looks.iter().map(|look| look.step).collect();
    let signals = |step: u64| -> Vec<&LayerSignal> {
        let looks = runs.iter().filter_map(|run| run.looks.iter().find(|look| look.step == step));
        looks.filter_map(|look| look.layers.iter().find(|signal| signal.layer == layer)).collect()
    };
    let average = |step: u64, value: fn(&LayerSignal) -> Option<f64>| {
        let values =
            signals(step).into_iter().filter_map(value).filter(|value| *value > 0.0 && value.is_finite());
        let logarithms: Vec<f64> = values.map(f64::ln).collect();
        mean(&logarithms).map_or("none".to_string(), |mean| format!("{:.4e}", mean.exp()))
    };
    let mut rows =
        vec![["step", "seeds", "gradient", "signal to noise", "update"].map(String::from).to_vec()];
    for step in steps {
        let seeds = signals(step).len();
        if seeds > 0 {
            rows.push(vec![
                step.to_string(),
                seeds.to_string(),
                average(step, |signal| Some(signal.gradient)),
                average(step, |signal| signal.signal_to_noise),
                average(step, |signal| Some(signal.update)),
            ]);
        }
    }
    let text = format!(
        "{net}.layer.{layer}: what the layer heard at each validation, geometric means over seeds\n\n\
         Gradient and update are relative to the layer's weights; looked at in crates/foci-engine/src/watch.rs, written to\n\
         metrics.jsonl of each run, seed by seed in results.json under signals.\n\n"
    );
    (rows.len() > 1).then(|| text + &table(&rows))
}

/// What a change of a setting does to a net: the pairs of arms and seeds behind a row of the tables of factors.
pub(super) fn factor(results: &Results, net: &str, change: &str) -> Option<String> {
    let pairs = factor_pairs(results, net, change);
    let mut text = format!(
        "{net}.factor.{change}: arms that differ in this one setting, seed by seed\n\n\
         Averaged by crates/foci-study/src/report/factors.rs with the interval of Student's t\n\
         (crates/foci-measure/src/stats); ratios as logarithms.\n"
    );
    for (title, pairs) in &pairs {
        let rows = pairs.iter().map(|pair| {
            vec![
                pair.seed.to_string(),
                pair.arms[0].to_string(),
                pair.values[0].to_string(),
                pair.arms[1].to_string(),
                pair.values[1].to_string(),
            ]
        });
        let heads = ["seed", "arm with it", "value", "arm without it", "value"].map(String::from).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
        let _ = write!(text, "\n{title}:\n\n{}", table(&rows));
    }
    (!pairs.is_empty()).then_some(text)
}

/// Gradients in the middle of a net by those outside, run by run.
pub(super) fn middle(results: &Results, net: &str) -> Option<String> {
    let runs = results.middle.iter().filter(|run| run.net == net);
    let rows: Vec<_> = runs
        .filter_map(|run| {
            let log = run_folder(Path::new(""), net, run.seed).join("metrics.jsonl").display().to_string();
            Some((run.seed, run.gradient?, log))
        })
        .collect();
    let value = mean(&rows.iter().map(|(_, value, _)| value.ln()).collect::<Vec<_>>())?.exp();
    let text = format!(
        "{net}.middle = {value}, the geometric mean over seeds\n\n\
         Gradient relative to the weights of the layers on the coarsest scale, by that of the layers at full resolution:\n\
         crates/foci-study/src/middle.rs.\n\n"
    );
    Some(text + &seeds_table("middle", &rows))
}
