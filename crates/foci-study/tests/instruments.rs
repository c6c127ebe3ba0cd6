//! A study looks at gradients, tests its nets like instruments and makes test images worse; a study that goes on reads what
//! is there and comes to the same; nets and tiles that cannot be tested cost nothing.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use foci_image::DatasetOptions;
use foci_kernels::{Compute, Simd};
use foci_study::results::{Results, Verdict};
use foci_study::{Event, Observer, StudyError, StudyRequest, StudySpec, run};
use std::path::Path;

const STUDY: &str = r#"
name = "instruments"
weights = 5_000
seeds = 2

[specimens]
fields = 6
width = 176
height = 160

[split]
folds = 3
fold = 0

[training]
steps = 20
batch = 1
crop = 64

[tuning]
learning_rates = [3e-3]
steps = 2

[optics]
seeds = 1

[stress]
kinds = ["noise", "dim"]
seeds = 1

[[arm]]
net = "fcn"
[[arm]]
net = "atrous"

[[claim]]
id = "shifts"
statement = "One seed decides nothing."
all = [{ optics = "shift_error", more = "fcn", less = "atrous" }]

[[claim]]
id = "middle"
statement = "Two seeds may."
all = [{ gradient = "fcn", smaller = ["enc1"], larger = ["out"] }]
"#;

/// Ends the study at a phase whose name holds these words.
struct Watcher(Option<&'static str>, bool);

impl Observer for Watcher {
    fn event(&mut self, event: Event) {
        if let (Event::Phase { what, .. }, Some(words)) = (event, self.0) {
            self.1 |= what.contains(words);
        }
    }
    fn stop_requested(&self) -> bool {
        self.1
    }
}

fn study(text: &str, out: &Path, stop_at: Option<&'static str>) -> Result<Results, StudyError> {
    let request = StudyRequest {
        spec: StudySpec::parse(text, "instruments").unwrap(),
        data: None,
        reading: DatasetOptions::default(),
        out: out.into(),
        resume: true,
        command: "foci study".into(),
    };
    run(&request, &Compute::new(2, Simd::best()).unwrap(), &mut Watcher(stop_at, false))
}

#[test]
fn a_study_that_goes_on_finds_the_same_figures() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("parts");
    for words in ["testing nets", "seeing where nets break"] {
        let stopped = study(STUDY, &out, Some(words)).unwrap_err();
        assert!(matches!(stopped, StudyError::Interrupted { .. }), "{words}: {stopped}");
    }
    let parts = study(STUDY, &out, None).unwrap();
    let whole = study(STUDY, &place.path().join("whole"), None).unwrap();
    assert_eq!(parts.optics, whole.optics);
    assert_eq!(parts.stress, whole.stress);
    assert_eq!(parts.signals, whole.signals);

    // Of what the bench found one file is lost: it is found again, and the other is read.
    let file = |net: &str| out.join("runs").join(format!("{net}-seed0")).join("optics.json");
    let kept = std::fs::metadata(file("atrous")).unwrap().modified().unwrap();
    std::fs::remove_file(file("fcn")).unwrap();
    std::fs::remove_file(out.join("results.json")).unwrap();
    assert_eq!(study(STUDY, &out, None).unwrap().optics, whole.optics);
    assert_eq!(std::fs::metadata(file("atrous")).unwrap().modified().unwrap(), kept);
    assert!(file("fcn").exists());

    let nets: Vec<&str> = whole.optics.iter().map(|run| run.net.as_str()).collect();
    assert_eq!(nets, ["fcn", "atrous"], "one seed of each");
    assert!(whole.optics.iter().all(|run| run.figures.contains_key("contrast_half")));
    let kinds: Vec<(&str, &str)> =
        whole.stress.iter().map(|run| (run.net.as_str(), run.kind.name())).collect();
    assert_eq!(kinds, [("fcn", "noise"), ("atrous", "noise"), ("fcn", "dim"), ("atrous", "dim")]);
    for run in &whole.stress {
        let strengths: Vec<usize> = run.points.iter().map(|point| point.strength).collect();
        assert_eq!(strengths, [0, 1, 2, 3, 4, 5]);
        assert!(run.points.iter().all(|point| point.metrics.contains_key("psnr")));
        assert_eq!(run.points[0].amount, None);
    }
    // All runs are looked at, ten times each.
    assert_eq!(whole.signals.len(), 4);
    assert!(whole.signals.iter().all(|run| run.looks.len() == 10));

    assert_eq!(whole.claims[0].verdict, Verdict::Undecided);
    assert!(whole.claims[0].evidence.contains("one seed"), "{}", whole.claims[0].evidence);
    assert!(whole.claims[1].evidence.contains("2 seeds"), "{}", whole.claims[1].evidence);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for words in ["As instruments", "What each layer hears", "Where they break"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn tiles_without_room_for_probes_are_noted_and_cost_no_study() {
    let place = tempfile::tempdir().unwrap();
    let small = STUDY.replace("width = 176", "width = 96").replace("height = 160", "height = 96");
    let found = study(&small, &place.path().join("small"), None).unwrap();
    assert!(found.optics.is_empty() && !found.stress.is_empty());
    let page = std::fs::read_to_string(place.path().join("small/report.html")).unwrap();
    assert!(page.contains("no tile has room for a window of 160 pixels"));
    assert!(found.claims[0].evidence.contains("not tested like an instrument"));
}

#[test]
fn claims_about_layers_and_figures_that_are_not_there_are_refused_before_any_work() {
    let place = tempfile::tempdir().unwrap();
    let layer = STUDY.replace("smaller = [\"enc1\"]", "smaller = [\"enc9\"]");
    let error = study(&layer, &place.path().join("layer"), None).unwrap_err();
    assert!(error.to_string().contains("enc9") && error.to_string().contains("bottom"), "{error}");
    assert!(error.is_unusable_input() && !place.path().join("layer").exists());
    for (from, to, words) in [
        ("shift_error", "shift_eror", "shift_eror"),
        ("more = \"fcn\", less = \"atrous\"", "more = \"fcn\"", "a clause is"),
        ("kinds = [\"noise\", \"dim\"]", "kinds = []", "stress.kinds"),
        ("kinds = [\"noise\", \"dim\"]", "kinds = [\"fog\"]", "fog"),
    ] {
        let error = StudySpec::parse(&STUDY.replace(from, to), "study").unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
