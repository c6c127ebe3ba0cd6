//! A folder belongs to one process at a time; Ctrl-C twice ends at once what once would end in order; long runs do not
//! grow.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]
// Signals, and what Linux tells of a process.
#![cfg(target_os = "linux")]

mod common;

use common::{Workplace, foci, press_ctrl_c, run, wait_for};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A training that has work for minutes, with seconds for each step.
fn slow(place: &Workplace, steps: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foci"));
    command.args([
        "train",
        "--net",
        "atrous",
        "--weights",
        "60000",
        "--exact",
        "--batch",
        "4",
        "--crop",
        "384",
    ]);
    command.args([
        "--data",
        &place.text("data"),
        "--out",
        &place.text("model"),
        "--steps",
        steps,
        "--resume",
    ]);
    command.env("FOCI_THREADS", "1").stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn the_second_process_says_who_holds_the_folder_and_a_dead_one_holds_nothing() {
    let place = Workplace::new();
    foci(&["data", "synth", "--count", "5", "--size", "400x400", "--out", &place.text("data")]).succeeds();
    let mut first = slow(&place, "3").spawn().unwrap();
    wait_for("the beginning of the first", 120, || place.path("model/run.json").exists());
    let who = format!("process {}", first.id());
    run(&mut slow(&place, "3")).fails_with(2, &["in use by another foci", &who, "--out"]);

    // Ctrl-C once asks for an end, and says how to have it at once.
    let mut lines = BufReader::new(first.stderr.take().unwrap()).lines();
    press_ctrl_c(&first);
    let mut heard = String::new();
    while !heard.contains("press Ctrl-C again") {
        heard += &lines.next().unwrap().unwrap();
    }
    // Twice ends it in the middle of a step.
    press_ctrl_c(&first);
    let pressed = Instant::now();
    assert_eq!(first.wait().unwrap().code(), Some(130));
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.iter().any(|line| line.contains("stopped at once")), "{rest:?}");
    assert!(pressed.elapsed() < Duration::from_secs(5));

    // It could not tidy up; what it left is no lock, and what it had saved is gone on from.
    assert!(place.path("model/.foci-lock.part").exists());
    run(&mut slow(&place, "3")).succeeds();
    assert!(place.path("model/model.safetensors").exists());
    assert!(!place.path("model/.foci-lock.part").exists());
}

#[test]
fn a_study_and_predictions_hold_their_folder_too() {
    let place = Workplace::new();
    place.specimens("data", 2);
    let out = place.text("out");
    let mut first = Command::new(env!("CARGO_BIN_EXE_foci"))
        .args(["study", "--out", &out])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lock = place.path("out/.foci-lock.part");
    let number = first.id().to_string();
    wait_for("the lock", 120, || fs::read_to_string(&lock).is_ok_and(|text| text.contains(&number)));
    foci(&["study", "--resume", "--out", &out]).fails_with(2, &["in use by another foci", &number]);
    foci(&["predict", "otsu", &place.text("data/images"), "--out", &out])
        .fails_with(2, &["in use by another foci", &number]);
    foci(&["train", "--net", "fcn", "--data", &place.text("data"), "--out", &out])
        .fails_with(2, &["is not empty and holds no training"]);
    first.kill().unwrap();
    first.wait().unwrap();
}

/// Kilobytes in memory and open files of a process.
fn size(process: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes = memory.trim().trim_end_matches(" kB").parse().ok()?;
    Some((kilobytes, fs::read_dir(format!("/proc/{process}/fd")).ok()?.count()))
}

#[test]
fn five_thousand_steps_take_no_more_memory_and_files_than_five_hundred() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let mut child = Command::new(env!("CARGO_BIN_EXE_foci"))
        .args(["train", "--net", "unet", "--weights", "5000", "--batch", "1", "--crop", "32"])
        .args(["--steps", "5000", "--data", &place.text("data"), "--out", &place.text("model")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = place.path("model/metrics.jsonl");
    let lines = || fs::read_to_string(&log).map_or(0, |text| text.lines().count());
    // A line every 50 steps: from 500 steps on it is looked at until it ends.
    wait_for("the 500th step", 120, || lines() >= 10);
    let early = size(child.id()).expect("what Linux tells");
    let (mut late, mut looks) = (early, 0);
    while child.try_wait().unwrap().is_none() {
        if let Some(now) = size(child.id()).filter(|_| lines() >= 90) {
            late = (late.0.max(now.0), late.1.max(now.1));
            looks += 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success() && looks > 10, "{looks} looks");
    assert!(late.0 <= early.0 + 2048, "{} kB after 500 steps, {} kB near 5000", early.0, late.0);
    assert!(late.1 <= early.1 + 1, "{} files open after 500 steps, {} near 5000", early.1, late.1);
}
