//! A run that was interrupted goes on to the same bits as one that was not, and threads do not matter.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, lasting_results, press_ctrl_c, wait_for};
use std::fs;
use std::process::{Command, Stdio};

const STUDY: &str = r#"
name = "small"
weights = 5_000
seeds = 1

[specimens]
fields = 10
width = 128
height = 128

[training]
steps = 40
batch = 2
crop = 64

[tuning]
learning_rates = [3e-3]
steps = 10

[[arm]]
net = "fcn"
[[arm]]
net = "unet"
"#;

#[test]
fn a_study_stopped_by_ctrl_c_resumes_to_the_same_bits() {
    let place = Workplace::new();
    fs::write(place.path("study.toml"), STUDY).unwrap();
    let study = place.text("study.toml");
    foci(&["study", &study, "--out", &place.text("whole")]).succeeds();

    let mut child = Command::new(env!("CARGO_BIN_EXE_foci"))
        .args(["study", &study, "--threads", "1", "--out", &place.text("parts")])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Interrupt in the middle of the first run of the second net.
    let log = place.path("parts/runs/unet-seed0/metrics.jsonl");
    let lines = || fs::read_to_string(&log).map_or(0, |text| text.lines().count());
    wait_for("the middle of the run", 120, || lines() >= 3);
    press_ctrl_c(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!place.path("parts/results.json").exists());

    foci(&["study", &study, "--out", &place.text("parts")]).fails_with(2, &["--resume"]);
    foci(&["study", &study, "--steps", "41", "--out", &place.text("parts"), "--resume"])
        .fails_with(2, &["spec.training.steps", "40", "41"]);
    foci(&["study", &study, "--exact", "--out", &place.text("parts"), "--resume"])
        .fails_with(2, &["spec.training.exact", "false there, true now"]);
    // A plan from before there was a choice of these.
    let plan = fs::read_to_string(place.path("parts/plan.json")).unwrap();
    assert!(plan.contains("\"exact\": false"), "{plan}");
    let mut older: serde_json::Value = serde_json::from_str(&plan).unwrap();
    older["spec"]["training"].as_object_mut().unwrap().remove("exact");
    older["spec"]["tuning"].as_object_mut().unwrap().remove("seeds");
    fs::write(place.path("parts/plan.json"), older.to_string()).unwrap();
    foci(&["study", &study, "--out", &place.text("parts"), "--resume"]).succeeds();

    for run in ["fcn-seed0", "unet-seed0"] {
        let bytes =
            |study: &str| fs::read(place.path(&format!("{study}/runs/{run}/model.safetensors"))).unwrap();
        assert!(bytes("whole") == bytes("parts"), "{run} differs");
    }
    let results = |study: &str| lasting_results(&place.path(study));
    assert_eq!(results("whole"), results("parts"));
    assert!(place.path("parts/report.html").exists());
}

#[test]
fn a_training_killed_at_any_moment_resumes_to_the_same_bits() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let train = |out: &str, extra: &[&str]| {
        let (data, out) = (place.text("data"), place.text(out));
        let mut arguments = vec![
            "train",
            "--net",
            "fcn",
            "--weights",
            "5000",
            "--steps",
            "60",
            "--batch",
            "2",
            "--crop",
            "64",
        ];
        arguments.extend(["--data", &data, "--out", &out]);
        arguments.extend(extra);
        let mut command = Command::new(env!("CARGO_BIN_EXE_foci"));
        command.args(arguments).stderr(Stdio::null()).stdout(Stdio::null());
        command
    };
    assert!(train("whole", &[]).status().unwrap().success());
    // Killed in the middle, each time a little later: after so many lines of the log.
    for lines in [1, 14, 31] {
        let mut child = train("parts", &["--resume"]).spawn().unwrap();
        let log = place.path("parts/metrics.jsonl");
        wait_for("the moment to kill it", 120, || {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
            fs::read_to_string(&log).map_or(0, |log| log.lines().count()) >= lines
        });
        // A signal that no program can catch: nothing is tidied up.
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!place.path("parts/model.safetensors").exists());
    }
    // Another way of computing is another run.
    let refused = train("parts", &["--resume", "--exact"]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another plan"));
    assert!(train("parts", &["--resume", "--threads", "1"]).status().unwrap().success());
    for file in ["model.safetensors", "metrics.jsonl"] {
        let bytes = |run: &str| fs::read(place.path(run).join(file)).unwrap();
        assert!(bytes("whole") == bytes("parts"), "{file} differs");
    }
}
