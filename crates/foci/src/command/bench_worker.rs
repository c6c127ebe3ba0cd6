//! `foci bench --worker`: a net that is timed on command, in turns with other programs.
//!
//! A comparison on a machine that others use too needs short turns, one side after the other, in one run. So the net
//! stays ready between turns: a line on standard input asks for work, a line of JSON answers. The first answer comes
//! before anything of the net has been allocated; the caller can then see what memory the program alone takes.

use crate::exit::Failure;
use crate::terminal;
use anyhow::anyhow;
use foci_engine::{Mode, PlanOptions, Shape, Trial};
use foci_kernels::{Compute, peak};
use foci_net::Net;
use serde::Serialize;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

/// Answers to the caller.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ready { version: &'static str, threads: usize, simd: String, weights: u64, macs_per_pixel: f64 },
    Run { seconds: Vec<f64>, loss: Option<f64> },
    Recorded { bytes: usize },
    Peak { gigaflops: f64 },
}

/// Obeys standard input until it ends.
pub fn run(net: &Net, shape: Shape, options: PlanOptions, compute: &Compute) -> Result<(), Failure> {
    say(&Answer::Ready {
        version: env!("CARGO_PKG_VERSION"),
        threads: compute.threads(),
        simd: compute.simd().to_string(),
        weights: net.weights(),
        macs_per_pixel: net.macs_per_pixel(),
    })?;
    let mut trial = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Failure::working)?;
        let (word, value) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let answer = match word {
            "peak" => Answer::Peak { gigaflops: peak::gigaflops(compute, number(word, value)?) },
            "run" => {
                let steps: usize = number(word, value)?;
                repeat(ready(&mut trial, net, shape, options, compute)?, options.mode, steps, compute)?
            }
            "record" => {
                let trial = ready(&mut trial, net, shape, options, compute)?;
                let bytes = trial.record(compute).map_err(Failure::working)?;
                foci_image::write_whole(Path::new(value), &bytes).map_err(Failure::working)?;
                Answer::Recorded { bytes: bytes.len() }
            }
            _ => return Err(Failure::input(anyhow!("'{line}' is none of: run N, record FILE, peak MS"))),
        };
        say(&answer)?;
    }
    Ok(())
}

/// The trial, built when it is first needed.
fn ready<'a>(
    trial: &'a mut Option<Trial>,
    net: &Net,
    shape: Shape,
    options: PlanOptions,
    compute: &Compute,
) -> Result<&'a mut Trial, Failure> {
    match trial {
        Some(trial) => Ok(trial),
        None => Ok(trial.insert(Trial::new(net, shape, options, compute).map_err(Failure::input)?)),
    }
}

/// One repetition that does not count, for caches are cold after another program's turn, then `steps` that do.
fn repeat(trial: &mut Trial, mode: Mode, steps: usize, compute: &Compute) -> Result<Answer, Failure> {
    let mut loss = None;
    let mut seconds = Vec::with_capacity(steps);
    for _ in 0..=steps {
        let start = Instant::now();
        match mode {
            Mode::Training => loss = Some(trial.step(compute, None).map_err(Failure::working)?),
            Mode::Inference => trial.infer(compute).map_err(Failure::working)?,
        }
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.remove(0);
    Ok(Answer::Run { seconds, loss })
}

fn number<T: std::str::FromStr>(word: &str, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| Failure::input(anyhow!("'{word}' needs a number, not '{value}'")))
}

fn say(answer: &Answer) -> Result<(), Failure> {
    let line = serde_json::to_string(answer).map_err(Failure::working)?;
    terminal::print(&(line + "\n"))
}
