//! Training with dropout and heads: the model is the net that was asked for, and an interruption changes no bit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::run;
use foci_net::{Architecture, Net, Normalisation, Regularisation, solve};
use foci_train::{Model, TrainError, TrainingPlan, read_log};

fn net() -> Net {
    let architecture = Architecture::shipped("unet").unwrap().with(None, Some(Normalisation::Group));
    solve::for_weights(&architecture, 5_000, 1, 1).unwrap()
}

fn plan(regularisation: Regularisation) -> TrainingPlan {
    TrainingPlan {
        seed: 3,
        validate_every: 3,
        checkpoint_every: 2,
        gradient_batches: 2,
        regularisation,
        ..common::plan(9, 2, 24)
    }
}

const ALL: Regularisation = Regularisation { dropout: 0.2, skip_dropout: 0.5, deep_supervision: true };

#[test]
fn a_regularised_run_ends_at_the_same_bits_after_an_interruption() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let through = run(&net(), &plan(ALL), folders[0].path(), 100).unwrap();
    let stopped = run(&net(), &plan(ALL), folders[1].path(), 5);
    assert!(matches!(stopped, Err(TrainError::Interrupted { step: 5 })));
    let resumed = run(&net(), &plan(ALL), folders[1].path(), 100).unwrap();
    assert_eq!(through.model.parameters.values, resumed.model.parameters.values);
    let log = |number: usize| read_log(&folders[number].path().join("metrics.jsonl")).unwrap();
    assert_eq!(log(0), log(1));

    // What is saved is the net itself: no dropout, no head, and as many weights as were asked for.
    let saved = Model::load(folders[0].path()).unwrap();
    assert_eq!(saved.net, net());
    assert_eq!(saved.parameters.values.len() as u64, net().weights());
    let layers: Vec<String> =
        log(0).last().unwrap().layers.iter().map(|signal| signal.layer.clone()).collect();
    assert_eq!(layers, ["enc1", "enc2", "enc3", "bottom", "dec3", "dec2", "dec1", "out"]);
}

#[test]
fn each_kind_of_regularisation_makes_another_run() {
    let weights = |regularisation: Regularisation| {
        let folder = tempfile::tempdir().unwrap();
        run(&net(), &plan(regularisation), folder.path(), 100).unwrap().model.parameters.values
    };
    let plain = weights(Regularisation::default());
    let kinds = [
        Regularisation { dropout: 0.2, ..Regularisation::default() },
        Regularisation { skip_dropout: 0.5, ..Regularisation::default() },
        Regularisation { deep_supervision: true, ..Regularisation::default() },
    ];
    for kind in kinds {
        let found = weights(kind);
        assert!(found != plain && found.iter().all(|value| value.is_finite()), "{kind:?}");
    }
}
