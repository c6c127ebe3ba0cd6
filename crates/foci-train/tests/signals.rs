//! The look at the gradients changes nothing, is there at every validation, and comes out alike after an interruption.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use foci_image::Plane;
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, Net, solve};
use foci_train::{Observer, Outcome, Tiles, TrainError, TrainingPlan, read_log, train};
use std::cell::Cell;
use std::path::Path;

/// Asks for the end after so many steps.
struct Patience(Cell<u64>);

impl Observer for Patience {
    fn step_done(&mut self, _: u64, _: u64, _: f64) {
        self.0.set(self.0.get().saturating_sub(1));
    }
    fn stop_requested(&self) -> bool {
        self.0.get() == 0
    }
}

fn plan(gradient_batches: u32) -> TrainingPlan {
    TrainingPlan {
        seed: 3,
        validate_every: 3,
        checkpoint_every: 2,
        gradient_batches,
        ..common::plan(9, 2, 24)
    }
}

fn tiles() -> Tiles {
    let plane = |seed: usize| Plane {
        width: 32,
        height: 32,
        data: (0..32 * 32).map(|i| ((i * (7919 + seed)) % 101) as f32 / 100.0).collect(),
    };
    Tiles { training: vec![plane(0), plane(1)], validation: vec![plane(2)], ..Tiles::default() }
}

fn run(net: &Net, plan: &TrainingPlan, folder: &Path, steps: u64) -> Result<Outcome, TrainError> {
    let compute = Compute::new(2, Simd::Scalar).unwrap();
    train(net, plan, &tiles(), folder, &compute, &mut Patience(Cell::new(steps)))
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
