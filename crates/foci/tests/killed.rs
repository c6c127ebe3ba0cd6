//! A study that is killed at a hundred random moments and resumed each time ends with the same bits as one that was
//! never killed.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]
// The signal that no program can catch.
#![cfg(unix)]

mod common;

use common::{Workplace, foci, images_in, json, lasting_results};
use foci_image::crop::{below, generator};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often it is killed.
const KILLS: usize = 100;

const STUDY: &str = r#"
name = "killed"
weights = 5_000
seeds = 2

[specimens]
fields = 8
width = 128
height = 128

[training]
steps = 300
batch = 2
crop = 64

[tuning]
learning_rates = [1e-3, 3e-3]
steps = 30

[optics]
seeds = 0

[[arm]]
net = "fcn"
[[arm]]
net = "unet"
"#;

/// Every file that is in its place can be read by whoever it is for; what has no name yet is passed over.
fn assert_whole(folder: &Path) {
    for path in images_in(folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert_whole(&path);
        } else if !name.starts_with(".foci-") {
            let bytes = fs::read(&path).unwrap();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => drop(json(&String::from_utf8(bytes).unwrap())),
                Some("safetensors") => {
                    // The length of the head stands before it, and the head tells how much follows.
                    let head = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
                    let tensors = json(std::str::from_utf8(&bytes[8..8 + head]).unwrap());
                    let ends =
                        tensors.as_object().unwrap().values().filter_map(|t| t["data_offsets"][1].as_u64());
                    assert_eq!(bytes.len(), 8 + head + ends.max().unwrap() as usize, "{name}");
                }
                Some("png") => {
                    let plane = || foci_image::read_plane(&path, foci_image::ChannelChoice::Guess);
                    assert!(foci_image::read_labels(&path).is_ok() || plane().is_ok(), "{name}");
                }
                Some("html") => {
                    assert!(bytes.ends_with(b"</html>\n") || bytes.ends_with(b"</html>"), "{name}")
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_study_killed_a_hundred_times_ends_with_the_same_bits() {
    let place = Workplace::new();
    fs::write(place.path("study.toml"), STUDY).unwrap();
    let study = place.text("study.toml");
    let clock = Instant::now();
    foci(&["study", &study, "--out", &place.text("whole")]).succeeds();
    // Long enough to come past the beginning, short enough to be killed in every phase.
    let longest = clock.elapsed().as_millis() as usize / 4;

    let mut random = generator(14, 0);
    let (mut killed, mut ends) = (0, 0);
    let (mut before_any_run, mut after_some) = (0, 0);
    while killed < KILLS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_foci"))
            .args(["study", &study, "--resume", "--out", &place.text("parts")])
            .env("FOCI_THREADS", "2")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(below(&mut random, longest) as u64));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "it failed by itself");
                ends += 1;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
                let is_measured = place.path("parts/runs/fcn-seed0/measures.json").exists();
                *if is_measured { &mut after_some } else { &mut before_any_run } += 1;
            }
        }
        if place.path("parts").exists() {
            assert_whole(&place.path("parts"));
        }
        // One that is done is begun again, so that its first moments are tried as often as its last.
        if ends == 1 {
            assert_same(&place);
            fs::remove_dir_all(place.path("parts")).unwrap();
            ends = 0;
        }
    }
    assert!(
        before_any_run > 5 && after_some > 5,
        "{before_any_run} kills before a run was measured, {after_some} after"
    );
    foci(&["study", &study, "--resume", "--out", &place.text("parts")]).succeeds();
    assert_same(&place);
    let left: Vec<_> = images_in(&place.path("parts"))
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "what was killed left {left:?} behind");
}

fn assert_same(place: &Workplace) {
    assert_eq!(lasting_results(&place.path("whole")), lasting_results(&place.path("parts")));
    for run in images_in(&place.path("whole/runs")) {
        let name = run.file_name().unwrap();
        for file in ["model.safetensors", "recipe.json", "metrics.jsonl"] {
            let parts = place.path("parts/runs").join(name).join(file);
            assert!(fs::read(run.join(file)).unwrap() == fs::read(parts).unwrap(), "{name:?} {file}");
        }
    }
}
