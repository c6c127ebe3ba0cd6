//! The same plan gives the same bits: with any number of threads and any vector instructions, stopped and resumed, in
//! another folder, with the images moved and listed in another order. And a study that is resumed with something else
//! says what.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, images_in, json, lasting_results, press_ctrl_c, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const STUDY: &str = r#"
name = "same-bits"
weights = 5_000
seeds = 2

[training]
steps = 20
batch = 2
crop = 64

[tuning]
learning_rates = [1e-3, 3e-3]
steps = 6

[optics]
seeds = 1

[[arm]]
net = "fcn"
[[arm]]
net = "NET"
[[arm]]
net = "unet"
input_noise = 0.1
"#;

/// The study on the images in `data`, with its results in `out`.
fn study(place: &Workplace, data: &str, out: &str) -> Command {
    study_of(place, "study.toml", data, out)
}

fn study_of(place: &Workplace, file: &str, data: &str, out: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foci"));
    command.args(["study", &place.text(file), "--data", &place.text(data), "--out", &place.text(out)]);
    command.env("FOCI_THREADS", "2").stdout(Stdio::null());
    command
}

/// Everything of a study that must be the same: its results and the files of its runs, by name.
fn lasting(out: &Path) -> (Value, BTreeMap<String, Vec<u8>>) {
    let mut files = BTreeMap::new();
    for part in ["runs", "tuning"] {
        for run in fs::read_dir(out.join(part)).unwrap() {
            let run = run.unwrap().path();
            for file in ["model.safetensors", "net.json", "recipe.json", "metrics.jsonl", "optics.json"] {
                let name = format!("{part}/{}/{file}", run.file_name().unwrap().display());
                files.extend(fs::read(run.join(file)).ok().map(|bytes| (name, bytes)));
            }
        }
    }
    let mut plan = json(&fs::read_to_string(out.join("plan.json")).unwrap());
    // Where the images lay; what they are is in the fingerprint.
    plan["data"]["source"] = Value::Null;
    files.insert("plan.json".into(), plan.to_string().into_bytes());
    (lasting_results(out), files)
}

fn assert_same(whole: &Path, other: &Path) {
    let ((results, files), (other_results, other_files)) = (lasting(whole), lasting(other));
    assert_eq!(results, other_results, "results.json of {}", other.display());
    assert_eq!(files.keys().collect::<Vec<_>>(), other_files.keys().collect::<Vec<_>>());
    for (name, bytes) in &files {
        assert!(*bytes == other_files[name], "{name} of {} differs", other.display());
    }
    assert!(files.keys().filter(|name| name.ends_with("model.safetensors")).count() >= 6);
}

/// The same images in a folder that lists them in another order: they were put there the other way round.
fn moved(place: &Workplace, from: &str, to: &str) {
    let order = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    for part in ["images", "masks", "foci"] {
        let (from, to) = (place.path(from).join(part), place.path(to).join(part));
        fs::create_dir_all(&to).unwrap();
        let mut names = order(&from);
        names.sort();
        for name in names.iter().rev() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    fs::copy(place.path(from).join("images.csv"), place.path(to).join("images.csv")).unwrap();
}

#[test]
fn a_study_gives_the_same_bits_however_it_is_run() {
    let place = Workplace::new();
    foci(&["data", "synth", "--count", "8", "--size", "192x192", "--out", &place.text("data")]).succeeds();
    moved(&place, "data", "elsewhere");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../../nets/atrous.toml"), place.path("net.toml")).unwrap();
    fs::write(place.path("study.toml"), STUDY.replace("NET", &place.text("net.toml"))).unwrap();
    run(&mut study(&place, "data", "whole")).succeeds();
    let whole = place.path("whole");

    run(study(&place, "elsewhere", "one-thread").env("FOCI_THREADS", "1")).succeeds();
    assert_same(&whole, &place.path("one-thread"));
    for simd in ["avx2", "avx512"] {
        let output = study(&place, "data", simd).env("FOCI_SIMD", simd).output().unwrap();
        if output.status.success() {
            assert_same(&whole, &place.path(simd));
        } else {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("this CPU cannot run"), "{said}");
            println!("skipped: {simd}, which this processor does not have");
        }
    }

    assert!(place.path("whole/runs/fcn-seed0/optics.json").exists());
    // Plain Rust is twenty times as slow, so it gets a smaller study.
    let text = fs::read_to_string(place.path("study.toml")).unwrap();
    let smaller = text.replace("steps = 20", "steps = 3").replace("steps = 6", "steps = 1");
    fs::write(place.path("small.toml"), smaller.replace("seeds = 1", "seeds = 0")).unwrap();
    run(&mut study_of(&place, "small.toml", "data", "small")).succeeds();
    run(study_of(&place, "small.toml", "data", "scalar").env("FOCI_THREADS", "3").env("FOCI_SIMD", "scalar"))
        .succeeds();
    assert_same(&place.path("small"), &place.path("scalar"));

    // Stopped by Ctrl-C again and again, each time after one more file; with the images in either place.
    let mut stops = 0;
    loop {
        let data = if stops % 2 == 0 { "data" } else { "elsewhere" };
        let mut child = study(&place, data, "parts").arg("--resume").stderr(Stdio::null()).spawn().unwrap();
        let before = count_files(&place.path("parts"));
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if count_files(&place.path("parts")) > before {
                break None;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        if ended.is_none() {
            press_ctrl_c(&child);
        }
        let status = child.wait().unwrap();
        if status.success() {
            break;
        }
        assert_eq!(status.code(), Some(130));
        stops += 1;
        assert!(stops < 300, "it does not get anywhere");
    }
    assert!(stops > 5, "it was stopped {stops} times only");
    assert_same(&whole, &place.path("parts"));
    what_has_changed_is_said(&place);
}

/// Files in a folder and the folders in it.
fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    // A lock, and what is being written, is no file yet.
    let entries = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    entries.map(|entry| if entry.path().is_dir() { count_files(&entry.path()) } else { 1 }).sum()
}

/// A study that is resumed with other data, another net file or another version says so and stops.
fn what_has_changed_is_said(place: &Workplace) {
    let refused = |words: &[&str], data: &str| {
        run(study(place, data, "whole").arg("--resume")).fails_with(2, words);
    };
    let before = lasting(&place.path("whole"));

    let first = images_in(&place.path("elsewhere/images")).remove(0);
    fs::copy(images_in(&place.path("elsewhere/images")).remove(1), &first).unwrap();
    refused(&["another study", "fingerprint"], "elsewhere");

    let net = fs::read_to_string(place.path("net.toml")).unwrap();
    fs::write(place.path("net.toml"), net.replacen("\"relu\"", "\"elu\"", 1)).unwrap();
    let changed = fs::read_to_string(place.path("net.toml")).unwrap();
    assert_ne!(net, changed);
    refused(&["another study", "arms[1]"], "data");
    fs::write(place.path("net.toml"), net).unwrap();

    let plan = fs::read_to_string(place.path("whole/plan.json")).unwrap();
    let version = format!("\"foci\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(plan.contains(&version));
    fs::write(place.path("whole/plan.json"), plan.replace(&version, "\"foci\": \"0.0.9\"")).unwrap();
    refused(&["another study", "foci", "0.0.9"], "data");
    fs::write(place.path("whole/plan.json"), plan).unwrap();
    assert_eq!(before, lasting(&place.path("whole")), "nothing was touched");
}
