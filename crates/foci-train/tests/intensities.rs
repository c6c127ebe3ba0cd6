//! Intensities shown as their square root: in training and whenever the model is used, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use common::{image, plan, run_on};
use foci_image::{LabelImage, Plane};
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, Net, solve};
use foci_segment::targets::CHANNELS;
use foci_train::{Example, Intensities, LossKind, Predictor, Task, Tiles, TrainError, TrainingPlan};

fn net() -> Net {
    solve::for_weights(&Architecture::shipped("unet").unwrap(), 4_000, 1, CHANNELS).unwrap()
}

fn shown(intensities: Intensities) -> TrainingPlan {
    TrainingPlan { task: Task::Instances, loss: LossKind::Objects, intensities, ..plan(4, 2, 16) }
}

/// The square root as it is documented.
fn by_hand(mut plane: Plane) -> Plane {
    let root = |x: f32| f64::from(x + 0.05).max(0.0).sqrt();
    let y = |x: f32| ((root(x) - root(0.0)) / (root(1.0) - root(0.0))) as f32;
    plane.data.iter_mut().for_each(|x| *x = y(*x));
    plane
}

fn tiles(of: impl Fn(Plane) -> Plane) -> Tiles {
    let example = |at: usize| {
        let mut labels = LabelImage::zeros(24, 20);
        labels.data[40 + at..60 + at].fill(1);
        // Some values lie below 0, as the darkest pixels of an image do.
        let mut plane = image(24, 20);
        plane.data.rotate_left(at);
        plane.data.iter_mut().for_each(|x| *x = 1.2 * *x - 0.1);
        Example::labelled(of(plane), labels)
    };
    Tiles { training: vec![example(0), example(7)], validation: vec![example(3)], ..Tiles::default() }
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_net_learns_and_answers_as_if_the_images_were_square_roots() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let run = |tiles: Tiles, how: Intensities, folder: usize| {
        run_on(&tiles, &net(), &shown(how), folders[folder].path(), u64::MAX).unwrap().model
    };
    let model = run(tiles(|plane| plane), Intensities::SquareRoot, 0);
    let of_roots = run(tiles(by_hand), Intensities::Linear, 1);
    let of_counts = run(tiles(|plane| plane), Intensities::Linear, 2);
    let values = &model.parameters.values;
    assert!(farthest(values, &of_roots.parameters.values) < 1e-4);
    assert!(farthest(values, &of_counts.parameters.values) > 1e-3, "it makes a difference");

    let compute = Compute::new(1, Simd::detect().unwrap()).unwrap();
    let mut linear = model.clone();
    linear.recipe.training.plan.intensities = Intensities::Linear;
    let maps =
        |model: &foci_train::Model, plane: &Plane| Predictor::new(model, &compute).maps(plane).unwrap();
    let plane = image(24, 20);
    let answer = maps(&model, &plane);
    assert!(farthest(&answer, &maps(&linear, &by_hand(plane.clone()))) < 1e-4);
    assert!(farthest(&answer, &maps(&linear, &plane)) > 1e-3);
}

#[test]
fn a_reconstruction_is_of_intensities_as_they_are() {
    let wrong = TrainingPlan { intensities: Intensities::SquareRoot, ..plan(4, 2, 16) };
    let folder = tempfile::tempdir().unwrap();
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 4_000, 1, 1).unwrap();
    let refused = run_on(&tiles(|plane| plane), &net, &wrong, folder.path(), u64::MAX);
    assert!(matches!(refused, Err(TrainError::Plan { .. })));
}
