//! What the tests of the command line share: a folder that vanishes, and the program run in it.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A folder for one test.
pub struct Workplace(tempfile::TempDir);

impl Workplace {
    /// An empty one.
    pub fn new() -> Workplace {
        Workplace(tempfile::tempdir().unwrap())
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path in it, as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_string()
    }

    /// Makes small specimens in a folder of it.
    pub fn specimens(&self, name: &str, count: usize) {
        foci(&[
            "data",
            "synth",
            "--count",
            &count.to_string(),
            "--size",
            "128x128",
            "--out",
            &self.text(name),
        ])
        .succeeds();
    }
}

/// JSON that the program printed or wrote.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `results.json` of a study without what may differ when it is repeated: the clock, and where it was computed.
pub fn lasting_results(folder: &Path) -> Value {
    let mut results = json(&std::fs::read_to_string(folder.join("results.json")).unwrap());
    let timings = ["seconds", "seconds_per_step", "seconds_per_megapixel", "training_seconds"];
    for list in ["runs", "nets", "baselines"] {
        for entry in results.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            entry.as_object_mut().unwrap().retain(|key, _| !timings.contains(&key.as_str()));
        }
    }
    results.as_object_mut().unwrap().remove("circumstances").expect("where it was computed");
    results
}

/// What a run of the program printed, and how it ended.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Exit code 0.
    pub fn succeeds(&self) {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
    }

    /// The exit code, and words that standard error must hold.
    pub fn fails_with(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no '{word}' in: {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

/// Runs foci with two threads.
pub fn foci(arguments: &[&str]) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_foci")).args(arguments))
}

/// Runs any command, with two threads unless it has its own number.
pub fn run(command: &mut Command) -> Run {
    if command.get_envs().all(|(name, _)| name != "FOCI_THREADS") {
        command.env("FOCI_THREADS", "2");
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Waits until something is so, at most so many seconds.
pub fn wait_for(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now();
    while !is_so() {
        assert!(patience.elapsed() < Duration::from_secs(seconds), "{what} never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The signal that a terminal sends at Ctrl-C.
pub fn press_ctrl_c(child: &Child) {
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
}

/// The files in a folder, by name.
pub fn images_in(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
