//! A study tells of every phase, can be stopped in each, and goes on from there to the same results.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use foci_image::DatasetOptions;
use foci_kernels::{Compute, Simd};
use foci_study::{Event, Observer, StudyError, StudyRequest, StudySpec, run};

const STUDY: &str = r#"
name = "stopped"
weights = 2_000
seeds = 1

[specimens]
fields = 6
width = 96
height = 96

[split]
folds = 3
fold = 0

[training]
steps = 4
batch = 1
crop = 64

[tuning]
learning_rates = [1e-3]
steps = 2

[[arm]]
net = "fcn"
"#;

/// Phases in the order in which they come.
const PHASES: [&str; 9] = [
    "making specimens",
    "reading images",
    "loading tiles",
    "looking for foci and boundaries in the test tiles",
    "fcn, seed 0: predicting the test tiles",
    "fcn, seed 0: measuring",
    "timing the nets",
    "testing nets like instruments",
    "taking pictures",
];

/// Notes the phases, and stops the study in the middle of one.
#[derive(Default)]
struct Watcher {
    phases: Vec<String>,
    ended: Vec<String>,
    stop_in: Option<&'static str>,
    stop: bool,
}

impl Observer for Watcher {
    fn event(&mut self, event: Event) {
        if let Event::Phase { what, done, all } = event {
            if done == 0 {
                self.phases.push(what.to_string());
            }
            if done == all {
                self.ended.push(what.to_string());
            }
            self.stop |= self.stop_in == Some(what) && done > 0;
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop
    }
}

#[test]
fn a_study_can_be_stopped_in_every_phase_and_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let study = |out: &str, watcher: &mut Watcher, threads: usize| {
        let request = StudyRequest {
            spec: StudySpec::parse(STUDY, "stopping").unwrap(),
            data: None,
            reading: DatasetOptions::default(),
            out: place.path().join(out),
            resume: true,
            command: "foci study".into(),
        };
        run(&request, &Compute::new(threads, Simd::best()).unwrap(), watcher)
    };
    for phase in PHASES {
        let mut watcher = Watcher { stop_in: Some(phase), ..Watcher::default() };
        let stopped = study("stopped", &mut watcher, 2).unwrap_err();
        assert!(matches!(stopped, StudyError::Interrupted { .. }), "in '{phase}': {stopped}");
        assert_eq!(watcher.phases.last().unwrap(), phase);
        assert_eq!(place.path().join("stopped/specimens").exists(), phase != PHASES[0]);
        assert!(!place.path().join("stopped/report.html").exists());
    }
    let resumed = study("stopped", &mut Watcher::default(), 2).unwrap();

    let mut watcher = Watcher::default();
    let whole = study("whole", &mut watcher, 1).unwrap();
    watcher.phases.dedup();
    assert_eq!(watcher.phases, PHASES);
    watcher.ended.dedup();
    assert_eq!(watcher.ended, PHASES);
    assert_eq!(whole.runs[0].metrics, resumed.runs[0].metrics);
    assert_eq!(whole.data, resumed.data);
    assert_eq!(whole.comparisons, resumed.comparisons);
}
