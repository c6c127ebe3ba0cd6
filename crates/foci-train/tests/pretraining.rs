//! Trainings that begin with the weights of a model of another task.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use common::{plan, run, tiles};
use foci_engine::Parameters;
use foci_image::LabelImage;
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, Net, Regularisation, solve};
use foci_train::{
    LossKind, Model, Observer, Outcome, Pretrained, Task, Tiles, TrainError, Training, TrainingPlan,
};
use std::path::Path;

/// Asks for the end after so many steps.
struct Until(u64);

impl Observer for Until {
    fn step_done(&mut self, _: u64, _: u64, _: f64) {
        self.0 -= 1;
    }
    fn stop_requested(&self) -> bool {
        self.0 == 0
    }
}

fn net(architecture: &str) -> Net {
    solve::for_weights(&Architecture::shipped(architecture).unwrap(), 6_000, 1, 1).unwrap()
}

/// A U-Net after a few steps as an autoencoder.
fn autoencoder(folder: &Path) -> Model {
    run(&net("unet"), &plan(4, 2, 32), folder, u64::MAX).unwrap().model
}

/// The images with a square outlined in each.
fn outlined() -> Tiles {
    let mut tiles = tiles();
    for example in tiles.training.iter_mut().chain(&mut tiles.validation) {
        let mut labels = LabelImage::zeros(32, 32);
        for at in (0..32 * 32).filter(|at| (8..20).contains(&(at % 32)) && (6..22).contains(&(at / 32))) {
            labels.data[at] = 1;
        }
        example.labels = Some(labels);
    }
    tiles
}

fn for_instances(pretrained: &Pretrained, steps: u64) -> TrainingPlan {
    TrainingPlan {
        task: Task::Instances,
        loss: LossKind::Objects,
        pretrained: Some(pretrained.sha256().to_owned()),
        checkpoint_every: 1,
        ..plan(steps, 2, 32)
    }
}

fn fine_tune(
    pretrained: Option<&Pretrained>,
    net: &Net,
    plan: &TrainingPlan,
    folder: &Path,
    stop_after: u64,
) -> Result<Outcome, TrainError> {
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    let training = Training::new(net, plan).pretrained(pretrained);
    training.run(&outlined(), folder, &compute, &mut Until(stop_after))
}

/// Ids of the layers whose weights differ.
fn changed(one: &Parameters, other: &Parameters) -> Vec<String> {
    let differs = |id: &&String| one.weight(id) != other.weight(id);
    let ids: Vec<String> = one.layout.layers.iter().map(|layer| layer.id.clone()).collect();
    ids.iter().filter(differs).cloned().collect()
}

#[test]
fn all_layers_but_the_last_begin_as_the_model_ended() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = autoencoder(before.path());
    let pretrained = Pretrained::of(&model);
    let net = model.net.giving(Task::Instances.channels(0)).unwrap();
    // A step so small that no weight moves; heads are there in training alone.
    let plan = TrainingPlan {
        learning_rate: 1e-30,
        regularisation: Regularisation { deep_supervision: true, ..Regularisation::default() },
        ..for_instances(&pretrained, 1)
    };
    let begun = fine_tune(Some(&pretrained), &net, &plan, after.path(), 9).unwrap().model;
    let last = net.nodes[net.last_layer().unwrap()].id.clone();
    assert_eq!(changed(&model.parameters, &begun.parameters), [last]);
    // The model says what it began with.
    let recipe = Model::load(after.path()).unwrap().recipe;
    assert_eq!(recipe.training.plan.pretrained.as_deref(), Some(pretrained.sha256()));
    // From random weights, all layers differ.
    let other = tempfile::tempdir().unwrap();
    let random = fine_tune(None, &net, &TrainingPlan { pretrained: None, ..plan }, other.path(), 9).unwrap();
    assert_eq!(
        changed(&model.parameters, &random.model.parameters).len(),
        model.parameters.layout.layers.len()
    );
}

#[test]
fn a_training_that_was_stopped_ends_at_the_same_bits() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let model = autoencoder(folders[0].path());
    let pretrained = Pretrained::of(&model);
    let net = model.net.giving(Task::Instances.channels(0)).unwrap();
    let plan = for_instances(&pretrained, 5);
    let whole = fine_tune(Some(&pretrained), &net, &plan, folders[1].path(), 9).unwrap();
    let stopped = fine_tune(Some(&pretrained), &net, &plan, folders[2].path(), 2);
    assert!(matches!(stopped, Err(TrainError::Interrupted { step: 2 })));
    let resumed = fine_tune(Some(&pretrained), &net, &plan, folders[2].path(), 9).unwrap();
    assert_eq!(resumed.model.parameters, whole.model.parameters);
}

#[test]
fn other_weights_than_the_plan_s_and_other_nets_are_refused() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = autoencoder(folder.path());
    let pretrained = Pretrained::of(&model);
    let plan = for_instances(&pretrained, 1);
    let told = |pretrained: Option<&Pretrained>, net: &Net, plan: &TrainingPlan| {
        fine_tune(pretrained, net, plan, out.path(), 9).unwrap_err().to_string()
    };
    let channels = Task::Instances.channels(0);
    let net_of_model = model.net.giving(channels).unwrap();
    assert!(told(None, &net_of_model, &plan).contains("weights to begin with"));
    let without = TrainingPlan { pretrained: None, ..plan.clone() };
    assert!(told(Some(&pretrained), &net_of_model, &without).contains("weights to begin with"));
    let other = net("fcn").giving(channels).unwrap();
    let error = told(Some(&pretrained), &other, &plan);
    assert!(error.contains("a model of the same net") && error.contains("fcn with"), "{error}");
}

#[test]
fn the_last_layer_begins_anew_for_another_task_of_as_many_channels() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let model = autoencoder(folders[0].path());
    let first = Pretrained::of(&model);
    let net = model.net.giving(Task::Instances.channels(0)).unwrap();
    let outliner =
        fine_tune(Some(&first), &net, &for_instances(&first, 2), folders[1].path(), 9).unwrap().model;
    let second = Pretrained::of(&outliner);
    let still = |plan: TrainingPlan| TrainingPlan { learning_rate: 1e-30, ..plan };
    // Four classes of pixels, of which two occur.
    let of_classes = TrainingPlan {
        task: Task::Semantic,
        classes: 4,
        loss: LossKind::Classes,
        ..still(for_instances(&second, 1))
    };
    let last = net.nodes[net.last_layer().unwrap()].id.clone();
    let folder = folders[2].path();
    let begun = fine_tune(Some(&second), &net, &of_classes, &folder.join("classes"), 9).unwrap().model;
    assert_eq!(changed(&outliner.parameters, &begun.parameters), [last]);
    // For the same task it goes on.
    let again = still(for_instances(&second, 1));
    let again = fine_tune(Some(&second), &net, &again, &folder.join("objects"), 9).unwrap().model;
    assert!(changed(&outliner.parameters, &again.parameters).is_empty());
}
