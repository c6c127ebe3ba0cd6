//! Ctrl-C while a command reads, makes or measures images: exit code 130, soon, and nothing half-written.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]
// When a program listens for Ctrl-C, Linux can tell.
#![cfg(target_os = "linux")]

mod common;

use common::{Run, Workplace, foci, images_in, press_ctrl_c, wait_for};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What no command may take to end: one image is far quicker even on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Starts foci on one thread, so that it has work for a while; presses Ctrl-C once it listens.
fn interrupted(arguments: &[&str]) -> Run {
    let child = Command::new(env!("CARGO_BIN_EXE_foci"))
        .args(arguments)
        .env("FOCI_THREADS", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("its listening for Ctrl-C", 60, || listens(child.id()));
    // Into the work, not only up to it.
    std::thread::sleep(Duration::from_millis(300));
    press_ctrl_c(&child);
    let pressed = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(pressed.elapsed() < SOON, "{arguments:?} took {:?} to end", pressed.elapsed());
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// True once a process catches the signal of Ctrl-C, which is number 2.
fn listens(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> 1 & 1 == 1)
}

/// A data folder that takes minutes to read: one specimen under thousands of names.
fn endless_data(place: &Workplace) -> String {
    foci(&["data", "synth", "--count", "1", "--size", "672x512", "--out", &place.text("one")]).succeeds();
    for folder in ["images", "masks"] {
        fs::create_dir_all(place.path("data").join(folder)).unwrap();
        let original = images_in(&place.path("one").join(folder)).remove(0);
        for number in 0..4000 {
            fs::hard_link(&original, place.path("data").join(folder).join(format!("{number:04}.png")))
                .unwrap();
        }
    }
    place.text("data")
}

#[test]
fn reading_a_data_folder_ends_at_ctrl_c() {
    let place = Workplace::new();
    let data = endless_data(&place);
    let out = place.text("out");
    for command in [
        &["data", "check", &data][..],
        &["data", "tile", &data, "--tile", "64x64", "--out", &out],
        &["train", "--net", "fcn", "--data", &data, "--out", &out],
        &["evaluate", "--truth", &place.text("data/images"), "--pred", &place.text("data/images")],
    ] {
        let run = interrupted(command);
        run.fails_with(130, &["interrupted"]);
        assert_eq!(run.stdout, "", "{command:?}");
        assert!(!place.path("out").exists(), "{command:?}");
    }
    let study = interrupted(&["study", "--data", &data, "--out", &out]);
    study.fails_with(130, &["interrupted", "--resume"]);
    assert!(images_in(&place.path("out")).is_empty());
}

#[test]
fn specimens_are_whole_or_not_there() {
    let place = Workplace::new();
    let run = interrupted(&["data", "synth", "--count", "4000", "--out", &place.text("out")]);
    run.fails_with(130, &["interrupted"]);
    assert!(images_in(place.path("out").parent().unwrap()).is_empty());
}
