//! Training by Winograd's tiles ends where training by direct convolutions ends, within what another seed changes.
//!
//! Two trainings that round differently are two trainings: their weights drift apart. What must agree is how good they
//! become. The measure for that is in the test itself: the spread of direct trainings that differ in their seed alone.
//! `cargo test --release -p foci-train --test convergence -- --nocapture` prints the losses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use foci_image::synth::{SpecimenOptions, generate};
use foci_image::{Normalisation, Plane};
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, Net, solve};
use foci_train::{Observer, Outcome, Tiles, TrainingPlan, train};

const STEPS: u64 = 500;
const SEEDS: u64 = 3;

struct Nobody;

impl Observer for Nobody {
    fn step_done(&mut self, _: u64, _: u64, _: f64) {}
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Specimens with small nuclei, so that a crop shows a few.
fn planes(count: u64, first: u64) -> Vec<Plane> {
    let plane = |seed| {
        let options = SpecimenOptions {
            width: 128,
            height: 128,
            nucleus_scale: 0.5,
            seed,
            ..SpecimenOptions::default()
        };
        let mut plane = generate(&options).unwrap().image;
        Normalisation::of(&plane.data).apply_all(&mut plane.data);
        plane
    };
    (first..first + count).map(plane).collect()
}

fn plan(seed: u64, exact: bool) -> TrainingPlan {
    TrainingPlan { seed, exact, ..common::plan(STEPS, 2, 64) }
}

fn run(net: &Net, tiles: &Tiles, plan: &TrainingPlan, compute: &Compute) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    train(net, plan, tiles, folder.path(), compute, &mut Nobody).unwrap()
}

/// Validation losses at the end, direct and by tiles, for each seed.
fn losses(name: &str, tiles: &Tiles, compute: &Compute) -> (Vec<f64>, Vec<f64>) {
    let net = solve::for_weights(&Architecture::shipped(name).unwrap(), 8_000, 1, 1).unwrap();
    let pair = |seed| {
        let [direct, tiled] = [true, false].map(|exact| run(&net, tiles, &plan(seed, exact), compute));
        assert!(
            direct.model.parameters.values != tiled.model.parameters.values,
            "{name}: no tiles were used"
        );
        let loss = |outcome: &Outcome| outcome.model.recipe.training.validation_loss.unwrap();
        eprintln!(
            "{name}, seed {seed}: direct {:.3e} in {:.1} s, tiles {:.3e} in {:.1} s",
            loss(&direct),
            direct.seconds,
            loss(&tiled),
            tiled.seconds
        );
        (loss(&direct), loss(&tiled))
    };
    (0..SEEDS).map(pair).unzip()
}

#[test]
fn tiles_converge_as_direct_convolutions_do() {
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    let tiles = Tiles::of_planes(planes(8, 1), planes(16, 101));
    for name in ["unet", "atrous"] {
        let (direct, by_tiles) = losses(name, &tiles, &compute);
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let least = direct.iter().copied().fold(f64::INFINITY, f64::min);
        let most = direct.iter().copied().fold(0.0, f64::max);
        let (difference, spread) = (mean(&by_tiles) - mean(&direct), most - least);
        assert!(
            difference.abs() <= spread,
            "{name}: tiles end {difference:.1e} off, seeds {spread:.1e} apart"
        );
    }
}
