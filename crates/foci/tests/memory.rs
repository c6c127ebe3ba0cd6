//! The memory that a process really needs is the memory that was planned: every shipped net, three sizes, training and
//! prediction, each in a process of its own whose largest size the system knows.
//!
//! `cargo test --release -p foci --test memory -- --nocapture` prints the figures.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use foci_engine::{MemoryPlan, Mode, PlanOptions, Shape};
use foci_net::{Architecture, solve};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const SIZES: [(usize, usize); 3] = [(128, 160), (256, 336), (512, 672)];
const WEIGHTS: u64 = 20_000;
const THREADS: usize = 2;
/// Of the plan, and besides: pages of code and stacks that a first step touches (measured: 1 to 2 MB).
const PART: f64 = 0.03;
const BESIDES: f64 = 8e6;

/// The most that a process ever held, in bytes: the line `VmHWM` of Linux's `/proc/PID/status` (proc(5)).
fn largest(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

/// `foci bench --worker`, which allocates nothing for the net until it is told to run it.
struct Worker {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(net: &Path, (h, w): (usize, usize), mode: &str, exact: bool) -> Worker {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foci"));
        command.args(["bench", "--worker", mode, "--size", &format!("{h}x{w}"), "--net"]).arg(net);
        command.args(["--weights", &WEIGHTS.to_string(), "--threads", &THREADS.to_string()]);
        command.args(exact.then_some("--exact"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Worker { child, answers }
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line
    }

    /// Bytes that two steps need.
    fn bytes(mut self) -> f64 {
        assert!(self.answer().contains("ready"));
        let idle = largest(self.child.id()).unwrap();
        let mut commands = self.child.stdin.take().unwrap();
        commands.write_all(b"run 1\n").unwrap();
        assert!(self.answer().contains("seconds"));
        let bytes = largest(self.child.id()).unwrap() - idle;
        drop(commands);
        assert!(self.child.wait().unwrap().success());
        bytes
    }
}

#[test]
fn a_process_needs_the_memory_that_was_planned() {
    if largest(std::process::id()).is_none() {
        eprintln!("skipped: this system does not say how large a process was at most");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nets");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), Architecture::shipped_names().count());
    let mut wrong = Vec::new();
    for file in &files {
        let architecture = Architecture::load(file.to_str().unwrap()).unwrap();
        let net = solve::for_weights(&architecture, WEIGHTS, 1, 1).unwrap();
        for (h, w) in SIZES {
            for (word, mode) in [("training", Mode::Training), ("inference", Mode::Inference)] {
                // Direct convolutions keep other weights and other scratch; one net will do.
                for exact in [false, true].into_iter().filter(|exact| !exact || net.name == "unet") {
                    let options = PlanOptions { threads: THREADS, exact, ..PlanOptions::new(mode) };
                    let plan = MemoryPlan::new(&net, Shape { n: 1, h, w }, options).unwrap();
                    let planned = plan.bytes.total() as f64;
                    let found = Worker::start(file, (h, w), word, exact).bytes();
                    let line = format!(
                        "{:20} {h} x {w} {word:9} {}: {:.1} MB planned, {:.1} MB needed",
                        net.name,
                        if exact { "exact" } else { "     " },
                        planned / 1e6,
                        found / 1e6
                    );
                    eprintln!("{line}");
                    if (found - planned).abs() > PART * planned + BESIDES {
                        wrong.push(line);
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "more than 3 % and 8 MB apart:\n{}", wrong.join("\n"));
}
