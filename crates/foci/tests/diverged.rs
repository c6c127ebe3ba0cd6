//! A net that does not learn but explodes is a result like any other: kept, marked, counted and shown.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci};
use std::fs;

/// A learning rate at which a product of eight layers exceeds all numbers, and one of two does not.
const STUDY: &str = r#"
name = "exploding"
weights = 2_000
seeds = 2

[specimens]
fields = 10
width = 128
height = 128

[training]
steps = 8
batch = 2
crop = 64

[tuning]
learning_rates = [1e5]
steps = 4

[[arm]]
net = "fcn"
[[arm]]
name = "shallow"
net = "NET"
"#;

const SHALLOW: &str = r#"
name = "shallow"

[[layer]]
id = "middle"
op = "conv"
width = 16

[[layer]]
id = "out"
op = "conv"
"#;

#[test]
fn a_study_keeps_marks_and_shows_a_net_that_diverges() {
    let place = Workplace::new();
    fs::write(place.path("shallow.toml"), SHALLOW).unwrap();
    fs::write(place.path("study.toml"), STUDY.replace("NET", &place.text("shallow.toml"))).unwrap();
    let arguments = ["study", &place.text("study.toml"), "--out", &place.text("out")];
    let study = foci(&arguments);
    study.succeeds();
    assert!(study.stderr.contains("fcn, seed 0: diverged"), "{}", study.stderr);
    assert!(study.stdout.contains("Of 4 runs 2 diverged"), "{}", study.stdout);

    let text = fs::read_to_string(place.path("out/results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&text).unwrap();
    let runs = results["runs"].as_array().unwrap();
    let diverged: Vec<_> = runs.iter().map(|run| (run["net"].as_str(), run["diverged"].as_bool())).collect();
    let expected = [("fcn", true), ("shallow", false), ("fcn", true), ("shallow", false)];
    assert_eq!(diverged, expected.map(|(net, diverged)| (Some(net), Some(diverged))));
    for run in runs {
        let finite = run["metrics"].as_object().unwrap().values().all(|value| value.is_f64());
        assert!(finite, "a measure that is no number in {run}");
        assert!(run["steps"].as_u64().unwrap() <= 8);
        let folder =
            place.path("out/runs").join(format!("{}-seed{}", run["net"].as_str().unwrap(), run["seed"]));
        assert!(folder.join("model.safetensors").exists() && folder.join("measures.json").exists());
    }
    assert_eq!(results["nets"][0]["trials"][0]["validation_loss"], serde_json::Value::Null);
    assert!(!results["comparisons"].as_array().unwrap().is_empty());

    let report = fs::read_to_string(place.path("out/report.html")).unwrap();
    for words in ["2 of 2 runs diverged", "<td>diverged</td>", "<td>regular</td>"] {
        assert!(report.contains(words), "the report lacks '{words}'");
    }
    // What was kept can be read again.
    fs::remove_file(place.path("out/report.html")).unwrap();
    foci(&[&arguments[..], &["--resume"]].concat()).succeeds();
    assert!(place.path("out/report.html").exists());
}
