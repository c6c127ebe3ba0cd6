//! A net that learns classes of pixels, one of them rare.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{plan, run_on};
use foci_image::{LabelImage, Plane};
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, solve};
use foci_train::{
    Example, LossKind, Model, Predictor, Task, Tiles, TrainError, TrainingPlan, balanced_weights,
    class_counts,
};

const SIDE: usize = 64;

/// A field of stripes (class 1) on a grey ground (class 0) with one bright speck of 3 x 3 pixels (class 2), 0.2 % of the pixels.
fn example(seed: usize) -> Example {
    let (x, y) = (5 + 7 * seed % 53, 4 + 11 * seed % 55);
    let class = |at: usize| {
        let (column, row) = (at % SIDE, at / SIDE);
        match () {
            () if column.abs_diff(x) <= 1 && row.abs_diff(y) <= 1 => 2,
            () if (row + seed) % 24 < 8 => 1,
            () => 0,
        }
    };
    let value = |at: usize| match class(at) {
        2 => 1.0,
        1 => 0.4 + 0.2 * (at % 2) as f32,
        _ => 0.3,
    };
    let labels = LabelImage { width: SIDE, height: SIDE, data: (0..SIDE * SIDE).map(class).collect() };
    let image = Plane { width: SIDE, height: SIDE, data: (0..SIDE * SIDE).map(value).collect() };
    Example::labelled(image, labels)
}

fn tiles() -> Tiles {
    Tiles {
        training: (0..24).map(example).collect(),
        validation: (100..104).map(example).collect(),
        classes: ["ground", "stripes", "speck"].map(String::from).to_vec(),
        ..Tiles::default()
    }
}

fn for_classes(steps: u64) -> TrainingPlan {
    let counts = class_counts(&tiles().training).unwrap();
    TrainingPlan {
        task: Task::Semantic,
        loss: LossKind::Classes,
        classes: counts.len(),
        class_weights: balanced_weights(&counts),
        rare_share: 0.5,
        appearance: 0.2,
        learning_rate: 1e-2,
        checkpoint_every: 1,
        ..plan(steps, 4, 32)
    }
}

#[test]
fn a_class_of_a_few_pixels_is_learnt_beside_large_ones() {
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 6_000, 1, 3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    run_on(&tiles(), &net, &for_classes(200), folder.path(), u64::MAX).unwrap();
    let model = Model::load(folder.path()).unwrap();
    assert_eq!(model.recipe.classes, ["ground", "stripes", "speck"]);
    let mut predictor = Predictor::new(&model, &compute);
    let (mut right, mut specks) = (0, 0);
    for seed in 200..208 {
        let Example { image, labels, .. } = example(seed);
        let map = predictor.classes_raw(&image).unwrap();
        let truth = labels.unwrap();
        right += map.classes.data.iter().zip(&truth.data).filter(|(found, truth)| found == truth).count();
        let found = |at: usize| truth.data[at] == 2 && map.classes.data[at] == 2;
        specks += usize::from((0..SIDE * SIDE).any(found));
    }
    // Eight images that it has not seen, each with one speck.
    assert!(
        right * 100 >= 88 * 8 * SIDE * SIDE && specks == 8,
        "{right} pixels right, {specks} specks found"
    );
    assert!(matches!(predictor.objects_raw(&example(1).image), Err(TrainError::OtherTask { .. })));

    // Training has chosen what is added to each class; the first keeps what it has.
    assert!(model.recipe.class_offsets.len() == 3 && model.recipe.class_offsets[0] == 0.0);
    let mut without = model.clone();
    without.recipe.class_offsets = vec![0.0, 0.0, -1e3];
    let found = Predictor::new(&without, &compute).classes_raw(&example(200).image).unwrap();
    assert!(!found.classes.data.contains(&2), "a class from which so much is taken is nowhere");
    assert!(found.of_class(2).1 < 1e-6);
    for offsets in [vec![0.0; 2], vec![0.0, 0.0, f32::MAX, 1.0]] {
        without.recipe.class_offsets = offsets;
        let elsewhere = tempfile::tempdir().unwrap();
        without.save(elsewhere.path()).unwrap();
        let refused = Model::load(elsewhere.path()).unwrap_err().to_string();
        assert!(refused.contains("to the logits of 3 classes; train the model again"), "{refused}");
    }
}

#[test]
fn a_run_that_was_stopped_ends_at_the_same_bits() {
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 6_000, 1, 3).unwrap();
    let plan = for_classes(6);
    let [whole, stopped] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let first = run_on(&tiles(), &net, &plan, whole.path(), u64::MAX).unwrap();
    assert!(matches!(
        run_on(&tiles(), &net, &plan, stopped.path(), 3),
        Err(TrainError::Interrupted { step: 3 })
    ));
    let second = run_on(&tiles(), &net, &plan, stopped.path(), u64::MAX).unwrap();
    assert_eq!(first.model.parameters.values, second.model.parameters.values);
    assert_eq!(first.model.recipe, second.model.recipe);
}
