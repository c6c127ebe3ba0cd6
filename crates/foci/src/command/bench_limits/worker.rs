//! Another process of this program that takes one step, and the memory that it takes for it.

use anyhow::{Context, anyhow};
use foci_engine::{Mode, PlanOptions, Shape};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// A process of this program that has a net ready.
pub struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a process for the net in a model folder.
    pub fn start(net: &Path, shape: Shape, options: PlanOptions) -> anyhow::Result<Worker> {
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let mode = if options.mode == Mode::Training { "training" } else { "inference" };
        let mut command = Command::new(program);
        command.arg("bench").arg("--worker").arg(mode).arg("--net").arg(net);
        command.arg("--size").arg(format!("{}x{}", shape.h, shape.w)).arg("--batch").arg(shape.n.to_string());
        command.arg("--threads").arg(options.threads.to_string());
        if options.exact {
            command.arg("--exact");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start another process of the program")?;
        let (requests, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(requests), Some(answers)) = (requests, answers) else {
            return Err(anyhow!("the process has no standard input and output"));
        };
        let mut worker = Worker { child, requests, answers: BufReader::new(answers) };
        worker.answer()?;
        Ok(worker)
    }

    /// Bytes that the first step took above those held before, and its seconds.
    pub fn take_step(&mut self) -> anyhow::Result<(u64, f64)> {
        let before = self.held("VmRSS")?;
        let clock = Instant::now();
        writeln!(self.requests, "run 0")?;
        self.answer()?;
        Ok((self.held("VmHWM")?.saturating_sub(before), clock.elapsed().as_secs_f64()))
    }

    fn answer(&mut self) -> anyhow::Result<()> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(anyhow!("the process that was to take a step ended; there may be too little memory")),
            _ => Ok(()),
        }
    }

    /// A figure of the process's memory, from Linux's /proc (proc(5)), which counts in KiB.
    fn held(&self, what: &str) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path)
            .with_context(|| format!("{path}: without it memory cannot be measured; leave out --verify"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
        let kibibytes: Option<u64> =
            line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
        Ok(1024 * kibibytes.with_context(|| format!("{path} has no {what}"))?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends by itself with its input; this only hastens it, and there is nobody to be told of a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
