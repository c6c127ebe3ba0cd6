//! A training that shall end by itself ends when its validation loss no longer falls, at the same step after an
//! interruption, too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::run;
use foci_net::{Architecture, Net, solve};
use foci_train::{TrainError, TrainingPlan, read_log};

fn net() -> Net {
    solve::for_weights(&Architecture::shipped("fcn").unwrap(), 5_000, 1, 1).unwrap()
}

fn plan(patience: u32, learning_rate: f64) -> TrainingPlan {
    TrainingPlan {
        patience,
        learning_rate,
        validate_every: 2,
        checkpoint_every: 2,
        ..common::plan(1000, 2, 24)
    }
}

#[test]
fn a_run_that_learns_nothing_ends_after_three_waits() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    // Too small a rate to lower any loss by a thousandth: the first validation stays the best.
    let through = run(&net(), &plan(1, 1e-9), folders[0].path(), u64::MAX).unwrap();
    assert_eq!(through.model.recipe.training.steps, 8);
    let log = read_log(&folders[0].path().join("metrics.jsonl")).unwrap();
    let rate = |step: u64| log.iter().find(|line| line.step == step).unwrap().learning_rate;
    for (step, wanted) in [(4, 1e-9), (6, 1e-10), (8, 1e-11)] {
        assert!((rate(step) / wanted - 1.0).abs() < 1e-9, "{} at step {step}", rate(step));
    }

    assert!(matches!(
        run(&net(), &plan(1, 1e-9), folders[1].path(), 5),
        Err(TrainError::Interrupted { step: 5 })
    ));
    let resumed = run(&net(), &plan(1, 1e-9), folders[1].path(), u64::MAX).unwrap();
    assert_eq!(resumed.model.recipe.training.steps, 8);
    assert_eq!(through.model.parameters.values, resumed.model.parameters.values);
    // One that has ended stays as it is.
    let again = run(&net(), &plan(1, 1e-9), folders[1].path(), u64::MAX).unwrap();
    assert_eq!(again.model.recipe.training.steps, 8);
}

#[test]
fn a_run_that_learns_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&net(), &plan(5, 3e-3), folder.path(), u64::MAX).unwrap().model.recipe.training;
    assert!(ended.steps > 20 && ended.steps < 1000, "{} steps", ended.steps);
    let log = read_log(&folder.path().join("metrics.jsonl")).unwrap();
    let first = log.iter().find_map(|line| line.validation_loss).unwrap();
    assert!(ended.validation_loss.unwrap() < 0.8 * first);
}
