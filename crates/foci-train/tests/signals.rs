//! The look at the gradients changes nothing, is there at every validation, and comes out alike after an interruption.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::run;
use foci_net::{Architecture, solve};
use foci_train::{TrainError, TrainingPlan, read_log};

fn plan(gradient_batches: u32) -> TrainingPlan {
    TrainingPlan {
        seed: 3,
        validate_every: 3,
        checkpoint_every: 2,
        gradient_batches,
        ..common::plan(9, 2, 24)
    }
}

#[test]
fn looking_changes_no_weight_and_survives_an_interruption() {
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 5_000, 1, 1).unwrap();
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let blind = run(&net, &plan(0), folders[0].path(), 100).unwrap();
    let looked = run(&net, &plan(3), folders[1].path(), 100).unwrap();
    assert_eq!(blind.model.parameters.values, looked.model.parameters.values);

    // Two steps beyond the first look, one beyond the last checkpoint.
    assert!(matches!(run(&net, &plan(3), folders[2].path(), 5), Err(TrainError::Interrupted { step: 5 })));
    run(&net, &plan(3), folders[2].path(), 100).unwrap();
    let log = |number: usize| read_log(&folders[number].path().join("metrics.jsonl")).unwrap();
    assert_eq!(log(1), log(2));
    assert!(log(0).iter().all(|line| line.layers.is_empty()));

    let looks: Vec<_> = log(1).into_iter().filter(|line| !line.layers.is_empty()).collect();
    assert_eq!(looks.iter().map(|line| line.step).collect::<Vec<_>>(), [3, 6, 9]);
    for line in &looks {
        let layers: Vec<&str> = line.layers.iter().map(|signal| signal.layer.as_str()).collect();
        assert_eq!(layers, ["enc1", "enc2", "enc3", "bottom", "dec3", "dec2", "dec1", "out"]);
        for signal in &line.layers {
            assert!(signal.gradient > 0.0 && signal.update > 0.0 && signal.update < 1.0, "{signal:?}");
            assert!(signal.signal_to_noise.is_some_and(|ratio| ratio.is_finite()), "{signal:?}");
        }
    }
}

#[test]
fn one_batch_cannot_tell_signal_from_noise() {
    let error = plan(1).check().unwrap_err().to_string();
    assert!(error.contains("gradient batches"), "{error}");
}
