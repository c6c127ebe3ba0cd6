//! Learning rates are tried with the seeds that the study asks for, the same for all, in one round or two, and trials
//! that are done are not done again.

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

/// Seed and steps of a training of the study.
fn trained(out: &Path, folder: &str) -> (u64, u64) {
    let text = std::fs::read_to_string(out.join(folder).join("recipe.json")).unwrap();
    let recipe: Value = serde_json::from_str(&text).unwrap();
    let plan = &recipe["training"]["plan"];
    (plan["seed"].as_u64().unwrap(), plan["steps"].as_u64().unwrap())
}

/// The study with three rates, two of which come into a second round.
fn two_rounds(rates: &str) -> String {
    STUDY
        .replace("[1e-3, 1e-2]", rates)
        .replace("seeds = 2", "seeds = 2\n[tuning.second_round]\nrates = 2\nsteps = 4")
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
    let seed = |folder: &str| trained(&out, folder).0;
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
    for key in ["seeds", "second_round"] {
        older["spec"]["tuning"].as_object_mut().unwrap().remove(key).unwrap();
    }
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

#[test]
fn the_best_rates_are_tried_longer_with_the_same_seeds_and_never_twice() {
    let place = tempfile::tempdir().unwrap();
    let text = two_rounds("[1e-3, 3e-3, 1e-2]");
    let out = place.path().join("parts");
    // Six trials are the first round of the first net; the third of its second round is stopped.
    let mut watcher = Watcher { stop_after: Some(8), ..Watcher::default() };
    study(&text, &out, &mut watcher).unwrap_err();
    assert_eq!(watcher.trials.len(), 9, "{:?}", watcher.trials);
    assert!(
        watcher.trials[6].starts_with("fcn, second-round trial of learning rate"),
        "{:?}",
        watcher.trials
    );
    assert!(watcher.trials[6].ends_with("1 of 2"), "{:?}", watcher.trials);
    let stopped = watcher.trials.pop().unwrap();

    let mut watcher = Watcher::default();
    let resumed = study(&text, &out, &mut watcher).unwrap();
    assert_eq!(watcher.trials.len(), 2 * (3 * 2 + 2 * 2) - 8, "{:?}", watcher.trials);
    assert_eq!(watcher.trials[0], stopped, "the trial that was stopped goes on");
    assert!(((watcher.done + watcher.skipped) / watcher.planned - 1.0).abs() < 1e-9);

    let mut watcher = Watcher::default();
    let whole = study(&text, &place.path().join("whole"), &mut watcher).unwrap();
    assert_eq!(watcher.trials.len(), 20);
    assert_eq!(watcher.skipped, 0.0);
    assert!((watcher.done / watcher.planned - 1.0).abs() < 1e-9);

    let rates = [0.001, 0.003, 0.01];
    for ((net, resumed), run) in whole.nets.iter().zip(&resumed.nets).zip(&whole.runs) {
        assert_eq!(net.trials, resumed.trials);
        let (first, second) = net.trials.split_at(3);
        assert!(first.iter().all(|trial| trial.steps == 2) && second.iter().all(|trial| trial.steps == 4));
        assert_eq!(first.iter().map(|trial| trial.learning_rate).collect::<Vec<_>>(), rates);
        assert_eq!(second.len(), 2);
        assert!(second.iter().any(|trial| trial.learning_rate == run.learning_rate), "{run:?}");
        for trial in second {
            let number = rates.iter().position(|rate| *rate == trial.learning_rate).unwrap();
            assert!(first[number].validation_losses != trial.validation_losses, "another training");
            for seed in ["", "-seed1"] {
                let [short, long] = ["tuning", "tuning/second-round"]
                    .map(|round| trained(&out, &format!("{round}/{}-{number}{seed}", net.name)));
                assert_eq!((short.1, long.1), (2, 4));
                assert_eq!(short.0, long.0, "the same seeds");
            }
        }
    }
    // A round more is another study.
    let error = study(&text.replace("steps = 4", "steps = 5"), &out, &mut Watcher::default()).unwrap_err();
    assert!(error.to_string().contains("tuning.second_round.steps: 4 there, 5 now"), "{error}");
}

#[test]
fn a_second_round_has_its_share_in_the_work() {
    let planned = |text: &str| {
        let place = tempfile::tempdir().unwrap();
        let mut watcher = Watcher { stop_after: Some(1), ..Watcher::default() };
        study(text, place.path(), &mut watcher).unwrap_err();
        watcher.planned
    };
    // Steps of a net: 3 rates with 2 seeds for 2 steps, 2 rates with 2 seeds for 4, and a run of 3.
    let one = STUDY.replace("[1e-3, 1e-2]", "[1e-3, 3e-3, 1e-2]");
    let ratio = planned(&two_rounds("[1e-3, 3e-3, 1e-2]")) / planned(&one);
    assert!((ratio - (12.0 + 16.0 + 3.0) / (12.0 + 3.0)).abs() < 1e-9, "{ratio}");
}

#[test]
fn rates_that_diverge_do_not_come_into_the_second_round() {
    let place = tempfile::tempdir().unwrap();
    let mut watcher = Watcher::default();
    let results = study(&two_rounds("[1e30, 1e-3, 1e25]"), place.path(), &mut watcher).unwrap();
    for (net, run) in results.nets.iter().zip(&results.runs) {
        let second: Vec<_> = net.trials.iter().filter(|trial| trial.steps == 4).collect();
        assert_eq!(second.len(), 1);
        assert_eq!((second[0].learning_rate, run.learning_rate), (0.001, 0.001));
    }
    // What is not tried is no work that remains.
    assert!(((watcher.done + watcher.skipped) / watcher.planned - 1.0).abs() < 1e-9);
    let report = std::fs::read_to_string(place.path().join("report.html")).unwrap();
    assert!(report.contains("The second round of trials of fcn had 1 instead of 2 learning rates"));
    // All of them: the smallest is taken, without a second round.
    let place = tempfile::tempdir().unwrap();
    let mut watcher = Watcher::default();
    let results = study(&two_rounds("[1e30, 1e20, 1e25]"), place.path(), &mut watcher).unwrap();
    assert!(results.nets.iter().all(|net| net.trials.len() == 3));
    assert!(results.runs.iter().all(|run| run.learning_rate == 1e20));
    assert!(((watcher.done + watcher.skipped) / watcher.planned - 1.0).abs() < 1e-9);
}
