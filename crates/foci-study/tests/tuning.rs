//! Learning rates are tried with the seeds that the study asks for, the same for all, and trials that are done are
//! not done again.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use foci_image::DatasetOptions;
use foci_kernels::{Compute, Simd};
use foci_net::memory::{Mode, PlanOptions};
use foci_study::results::Results;
use foci_study::{Event, Observer, StudyError, StudyRequest, StudySpec, run};
use serde_json::Value;
use std::path::Path;

const STUDY: &str = r#"
name = "tuned"
weights = 10_000
seeds = 1

[specimens]
fields = 6
width = 96
height = 96

[split]
folds = 3
fold = 0

[training]
steps = 3
batch = 1
crop = 64
exact = true

[tuning]
learning_rates = [1e-3, 1e-2]
steps = 2
seeds = 2

[[arm]]
net = "fcn"
[[arm]]
net = "unet"
"#;

/// Counts work and notes trials; stops the study when so many of them have ended.
#[derive(Default)]
struct Watcher {
    planned: f64,
    done: f64,
    skipped: f64,
    trials: Vec<String>,
    ended: usize,
    stop_after: Option<usize>,
}

impl Observer for Watcher {
    fn event(&mut self, event: Event) {
        match event {
            Event::Planned { work } => self.planned = work,
            Event::Progress { work } => self.done += work,
            Event::Skipped { work } => self.skipped += work,
            Event::Begins { what } if what.contains("trial") => self.trials.push(what.into()),
            Event::Ended { .. } => self.ended += 1,
            _ => {}
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop_after.is_some_and(|ended| self.ended >= ended)
    }
}

fn study(text: &str, out: &Path, watcher: &mut Watcher) -> Result<Results, StudyError> {
    let request = StudyRequest {
        spec: StudySpec::parse(text, "tuning").unwrap(),
        data: None,
        reading: DatasetOptions::default(),
        out: out.into(),
        resume: true,
        command: "foci study".into(),
    };
    run(&request, &Compute::new(2, Simd::best()).unwrap(), watcher)
}

#[test]
fn every_rate_is_tried_with_the_same_seeds_and_never_twice() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("parts");
    let mut watcher = Watcher { stop_after: Some(3), ..Watcher::default() };
    let stopped = study(STUDY, &out, &mut watcher).unwrap_err();
    assert!(matches!(stopped, StudyError::Interrupted { .. }), "{stopped}");
    assert_eq!(watcher.trials.len(), 4, "the fourth was stopped: {:?}", watcher.trials);

    let mut watcher = Watcher::default();
    let resumed = study(STUDY, &out, &mut watcher).unwrap();
    assert_eq!(watcher.trials.len(), 8 - 3, "{:?}", watcher.trials);
    assert!(watcher.skipped > 0.0);
    let counted = (watcher.done + watcher.skipped) / watcher.planned;
    assert!((counted - 1.0).abs() < 1e-9, "{counted} of the work is counted");

    let mut watcher = Watcher::default();
    let whole = study(STUDY, &place.path().join("whole"), &mut watcher).unwrap();
    assert_eq!(watcher.trials.len(), 8);
    assert_eq!(watcher.trials[1], "fcn, trial of learning rate 0.001, 2 of 2");
    assert!((watcher.done / watcher.planned - 1.0).abs() < 1e-9);
    for (whole, resumed) in whole.nets.iter().zip(&resumed.nets) {
        assert_eq!(whole.trials, resumed.trials);
        for trial in &whole.trials {
            let [Some(first), Some(second)] = trial.validation_losses[..] else {
                panic!("not two losses: {trial:?}")
            };
            assert!(first != second, "two seeds, two losses");
            assert!((trial.validation_loss.unwrap() / (first * second).sqrt() - 1.0).abs() < 1e-12);
        }
    }
    assert_eq!(whole.runs[0].learning_rate, resumed.runs[0].learning_rate);

    // Seeds by folder: the same for both rates and nets, and none of them that of a run.
    let seed = |folder: &str| {
        let text = std::fs::read_to_string(out.join(folder).join("recipe.json")).unwrap();
        let recipe: Value = serde_json::from_str(&text).unwrap();
        recipe["training"]["plan"]["seed"].as_u64().unwrap()
    };
    let [first, second] = [seed("tuning/fcn-0"), seed("tuning/fcn-0-seed1")];
    for arm in ["fcn-1", "unet-0", "unet-1"] {
        assert_eq!(seed(&format!("tuning/{arm}")), first);
        assert_eq!(seed(&format!("tuning/{arm}-seed1")), second);
    }
    assert!(first != second && seed("runs/fcn-seed0") < first.min(second));

    // Costs are those of the plan that was trained: with direct convolutions only.
    for net in &whole.nets {
        let text = std::fs::read_to_string(out.join(format!("runs/{}-seed0/net.json", net.name))).unwrap();
        let built = foci_net::Net::from_json(&text, "net.json").unwrap();
        let bytes =
            |mode, exact| built.bytes(96, 96, PlanOptions { exact, ..PlanOptions::new(mode) }).unwrap();
        for (mode, found) in [(Mode::Training, net.train_bytes), (Mode::Inference, net.infer_bytes)] {
            assert_eq!(found, bytes(mode, true));
            assert!(found < bytes(mode, false), "{}: no difference to be seen", net.name);
        }
    }
}

#[test]
fn a_study_from_before_trials_had_seeds_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let text = STUDY.replace("steps = 2\nseeds = 2", "steps = 2");
    let mut watcher = Watcher { stop_after: Some(4), ..Watcher::default() };
    study(&text, place.path(), &mut watcher).unwrap_err();
    let plan = place.path().join("plan.json");
    let mut older: Value = serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap();
    assert_eq!(older["spec"]["tuning"]["seeds"], 1);
    older["spec"]["tuning"].as_object_mut().unwrap().remove("seeds");
    std::fs::write(&plan, older.to_string()).unwrap();
    // Its trials are where they were.
    for trial in ["fcn-0", "fcn-1", "unet-0", "unet-1"] {
        assert!(place.path().join("tuning").join(trial).join("trial.json").exists());
    }
    let mut watcher = Watcher::default();
    let results = study(&text, place.path(), &mut watcher).unwrap();
    assert!(watcher.trials.is_empty(), "{:?}", watcher.trials);
    assert_eq!(results.nets[0].trials[1].validation_losses.len(), 1);
    // More seeds are another study.
    let error = study(STUDY, place.path(), &mut Watcher::default()).unwrap_err().to_string();
    assert!(error.contains("tuning.seeds"), "{error}");
}
