//! Outlining objects, from end to end: a small net learns discs, finds others, and a run that was stopped ends at the same bits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use common::{plan, run_on};
use foci_image::{LabelImage, Plane};
use foci_kernels::{Compute, Simd};
use foci_measure::LabelView;
use foci_measure::labels::Overlaps;
use foci_measure::labels::matching::match_objects;
use foci_net::{Architecture, Net, solve};
use foci_train::{Example, LossKind, Model, Predictor, Task, Tiles, TrainError, TrainingPlan};

const SIDE: usize = 64;

/// Bright discs on dark ground with some noise, the first two touching; places and sizes depend on the seed.
fn example(seed: usize) -> Example {
    let mut state = seed as u64 * 0x9E37_79B9 + 1;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let first = (14.0 + 4.0 * random(), 16.0 + 4.0 * random(), 7.0 + 2.0 * random());
    let second = (first.0 + 15.0, first.1 + 3.0 * random(), 7.0 + 2.0 * random());
    let third = (16.0 + 30.0 * random(), 46.0 + 4.0 * random(), 6.0 + 3.0 * random());
    let mut labels = LabelImage::zeros(SIDE, SIDE);
    for (number, (x, y, radius)) in (1..).zip([first, second, third]) {
        for at in 0..SIDE * SIDE {
            let distance = ((at % SIDE) as f64 - x).hypot((at / SIDE) as f64 - y);
            if distance <= radius && labels.data[at] == 0 {
                labels.data[at] = number;
            }
        }
    }
    let data = labels.data.iter().map(|&label| if label == 0 { 0.1 } else { 0.8 } + 0.1 * random() as f32);
    Example::labelled(Plane { width: SIDE, height: SIDE, data: data.collect() }, labels)
}

fn tiles() -> Tiles {
    Tiles {
        training: (0..8).map(example).collect(),
        validation: (100..104).map(example).collect(),
        ..Tiles::default()
    }
}

fn net() -> Net {
    solve::for_weights(&Architecture::shipped("unet").unwrap(), 6_000, 1, foci_segment::targets::CHANNELS)
        .unwrap()
}

fn for_instances(steps: u64) -> TrainingPlan {
    TrainingPlan {
        task: Task::Instances,
        loss: LossKind::Objects,
        learning_rate: 1e-2,
        largest_scale: 1.3,
        checkpoint_every: 1,
        ..plan(steps, 4, 48)
    }
}

/// Discs that a model finds of 24 that it has not seen, and those that it misses or invents.
fn found_and_missed(model: &Model, compute: &Compute, shown: impl Fn(Example) -> Example) -> (usize, usize) {
    let mut predictor = Predictor::new(model, compute);
    let (mut found, mut missed) = (0, 0);
    for seed in 200..208 {
        let Example { image, labels, .. } = shown(example(seed));
        let objects = predictor.objects_raw(&image).unwrap();
        let truth = labels.unwrap();
        let [truth, objects] =
            [&truth, &objects].map(|of| LabelView::new(image.width, image.height, &of.data).unwrap());
        let overlaps = Overlaps::new(truth, objects).unwrap();
        let matched = match_objects(&overlaps, 0.5).unwrap();
        found += matched.matched;
        missed += matched.missed + matched.invented;
    }
    (found, missed)
}

#[test]
fn discs_are_learnt_and_touching_ones_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    run_on(&tiles(), &net(), &for_instances(300), folder.path(), u64::MAX).unwrap();
    let model = Model::load(folder.path()).unwrap();
    assert!(model.recipe.objects.is_some_and(|options| (0.1..=0.4).contains(&options.prominence)));
    let (found, missed) = found_and_missed(&model, &compute, |example| example);
    assert!(found >= 20 && missed <= 6, "{found} found, {missed} missed or invented");
    let refused = Predictor::new(&model, &compute).predict(&example(1).image);
    assert!(matches!(refused, Err(TrainError::OtherTask { .. })));
}

/// The same discs, each pixel three by three, and one row and column more.
fn magnified(example: Example) -> Example {
    let side = 3 * SIDE + 1;
    let from = |at: usize| (at / side / 3).min(SIDE - 1) * SIDE + (at % side / 3).min(SIDE - 1);
    let Example { image, labels, .. } = example;
    let data = |at: usize| image.data[from(at)];
    let labels = labels.unwrap();
    let label = |at: usize| labels.data[from(at)];
    Example::labelled(
        Plane { width: side, height: side, data: (0..side * side).map(data).collect() },
        LabelImage { width: side, height: side, data: (0..side * side).map(label).collect() },
    )
}

#[test]
fn binned_pixels_teach_as_much_of_objects_three_times_as_large() {
    let folder = tempfile::tempdir().unwrap();
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    let of = |examples: Vec<Example>| examples.into_iter().map(magnified).collect();
    let Tiles { training, validation, .. } = tiles();
    let large = Tiles { training: of(training), validation: of(validation), ..Tiles::default() };
    let plan = TrainingPlan { binning: 3, ..for_instances(300) };
    run_on(&large, &net(), &plan, folder.path(), u64::MAX).unwrap();
    let model = Model::load(folder.path()).unwrap();
    assert_eq!(model.recipe.training.plan.binning, 3);
    // Sizes and labels are those of the images.
    assert!(model.recipe.seen.diameters_px.is_some_and(|[low, _]| low > 30.0));
    let (found, missed) = found_and_missed(&model, &compute, magnified);
    assert!(found >= 20 && missed <= 6, "{found} found, {missed} missed or invented");
}

#[test]
fn a_run_that_was_stopped_ends_at_the_same_bits() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let plan = for_instances(6);
    let tiles = tiles();
    let whole = run_on(&tiles, &net(), &plan, folders[0].path(), u64::MAX).unwrap();
    assert!(matches!(
        run_on(&tiles, &net(), &plan, folders[1].path(), 3),
        Err(TrainError::Interrupted { step: 3 })
    ));
    let resumed = run_on(&tiles, &net(), &plan, folders[1].path(), u64::MAX).unwrap();
    assert_eq!(whole.model.parameters.values, resumed.model.parameters.values);
    assert_eq!(whole.model.recipe.objects, resumed.model.recipe.objects);
}

#[test]
fn images_without_labels_and_nets_of_one_channel_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = common::tiles();
    let plan = TrainingPlan { crop: 32, ..for_instances(2) };
    let refused = run_on(&images, &net(), &plan, folder.path(), u64::MAX).unwrap_err();
    assert!(refused.to_string().contains("no label image"), "{refused}");
    let single = solve::for_weights(&Architecture::shipped("unet").unwrap(), 6_000, 1, 1).unwrap();
    let refused = run_on(&images, &single, &plan, folder.path(), u64::MAX).unwrap_err();
    assert!(refused.to_string().contains("must give 4 channels"), "{refused}");
}
