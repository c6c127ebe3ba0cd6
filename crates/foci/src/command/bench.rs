//! `foci bench`: how fast the kernels, or a whole net, run on this machine, as a share of what it can do.
//!
//! The peak is measured in the same run, in between the kernels: on a shared machine it moves. Layers of a net one by
//! one are in [`bench_profile`].

use crate::arguments::{BenchArguments, WorkerMode};
use crate::command::bench_limits::{self, Request};
use crate::command::{bench_growth, bench_profile, bench_worker, inspect};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal;
use foci_engine::{Mode, PlanOptions, Shape, time};
use foci_kernels::Compute;
use foci_kernels::bench::{ConvCase, Speed, conv};
use serde::Serialize;
use std::fmt::Write;

/// Repetitions of each kernel; the median counts.
const REPETITIONS: usize = 7;
/// Channels in and out, and dilation, of the convolutions that are timed.
const CASES: [(usize, usize, usize); 7] =
    [(1, 16, 1), (16, 16, 1), (32, 32, 1), (32, 32, 8), (64, 32, 1), (64, 64, 1), (16, 1, 1)];

/// One row of the table of kernels.
#[derive(Serialize)]
struct Row {
    /// Products summed one by one; otherwise the way that nets use, by Winograd's tiles where that pays.
    direct: bool,
    channels_in: usize,
    channels_out: usize,
    dilation: usize,
    peak_gigaflops: f64,
    forward: Pass,
    gradient_by_input: Pass,
    gradient_by_weights: Pass,
}

/// One pass of a convolution.
#[derive(Serialize)]
struct Pass {
    gigaflops: f64,
    share_of_peak: f64,
    seconds: f64,
}

impl From<Speed> for Pass {
    fn from(speed: Speed) -> Pass {
        Pass { gigaflops: speed.gigaflops, share_of_peak: speed.share_of_peak, seconds: speed.seconds }
    }
}

/// Speed of a whole net.
#[derive(Serialize)]
struct NetSpeed {
    net: String,
    weights: u64,
    training_seconds: f64,
    prediction_seconds: f64,
    training_gigaflops: f64,
    share_of_peak: f64,
}

/// Runs the command.
pub fn run(flags: &BenchArguments, threads: Option<usize>) -> Result<(), Failure> {
    let (h, w) = terminal::height_and_width(&flags.size)?;
    let compute = terminal::compute(threads)?;
    if let Some(net) = &flags.net {
        let shape = Shape { n: flags.batch, h, w };
        if let Some(mode) = flags.worker {
            let mode = match mode {
                WorkerMode::Training => Mode::Training,
                WorkerMode::Inference => Mode::Inference,
            };
            let options = PlanOptions { exact: flags.arithmetic.exact, ..PlanOptions::new(mode) };
            return bench_worker::run(&inspect::load(net, flags.weights)?, shape, options, &compute);
        }
        if !flags.limits.is_empty() {
            terminal::stop_on_interrupt()?;
            let (exact, threads) = (flags.arithmetic.exact, compute.threads());
            let net = inspect::load(net, flags.weights)?;
            let (gibibytes, verify, json) = (&flags.limits[..], flags.verify, flags.json);
            return bench_limits::run(&Request { net, shape, exact, threads, gibibytes, verify, json });
        }
        if flags.profile || flags.growth {
            let (net, exact) = (inspect::load(net, flags.weights)?, flags.arithmetic.exact);
            if flags.growth {
                terminal::stop_on_interrupt()?;
                return bench_growth::run(&net, shape, exact, flags.json, &compute);
            }
            return bench_profile::run(&net, shape, exact, flags.json, &compute);
        }
        return net_speed(net, shape, flags, &compute);
    }
    terminal::stop_on_interrupt()?;
    let ways: &[bool] = if flags.arithmetic.exact { &[true] } else { &[true, false] };
    let cases: Vec<_> = ways.iter().flat_map(|&exact| CASES.map(|case| (exact, case))).collect();
    let mut rows = Vec::with_capacity(cases.len());
    let mut progress = Progress::phase("timing convolutions", flags.json);
    for &(exact, (channels_in, channels_out, dilation)) in &cases {
        progress.reach(rows.len(), cases.len());
        terminal::go_on()?;
        let case = ConvCase { channels_in, channels_out, h, w, kernel: 3, dilation, exact };
        let speed = conv(&compute, case, REPETITIONS).map_err(Failure::input)?;
        rows.push(Row {
            direct: exact,
            channels_in,
            channels_out,
            dilation,
            peak_gigaflops: speed.peak_gigaflops,
            forward: speed.forward.into(),
            gradient_by_input: speed.backward_data.into(),
            gradient_by_weights: speed.backward_weights.into(),
        });
    }
    progress.finish();
    if flags.json { terminal::print_json(&rows) } else { terminal::print(&table(&rows, &compute, (h, w))) }
}

fn net_speed(name: &str, shape: Shape, flags: &BenchArguments, compute: &Compute) -> Result<(), Failure> {
    let net = inspect::load(name, flags.weights)?;
    let before = foci_kernels::peak::gigaflops(compute, 100.0);
    let mut progress = Progress::phase(&format!("timing {}", net.name), flags.json);
    let mut reached = |done, all| progress.reach(done, all);
    let timing = time(&net, shape, flags.arithmetic.exact, compute, REPETITIONS, &mut reached);
    progress.finish();
    let timing = timing.map_err(Failure::input)?;
    let peak = (before + foci_kernels::peak::gigaflops(compute, 100.0)) / 2.0;
    // A training step is three passes of two operations for each multiply-add.
    let operations = 6.0 * net.macs_per_pixel() * (shape.n * shape.h * shape.w) as f64;
    let training_gigaflops = operations / timing.train_seconds / 1e9;
    let speed = NetSpeed {
        net: net.name.clone(),
        weights: net.weights(),
        training_seconds: timing.train_seconds,
        prediction_seconds: timing.infer_seconds,
        training_gigaflops,
        share_of_peak: training_gigaflops / peak,
    };
    if flags.json {
        return terminal::print_json(&speed);
    }
    terminal::print(&format!(
        "net            {} with {} weights, {} x {} x {}\ntraining step  {:.1} ms, {:.0} GFLOP/s, {:.0} % of the measured peak of {peak:.0}\nprediction     {:.1} ms\n",
        speed.net,
        speed.weights,
        shape.n,
        shape.h,
        shape.w,
        speed.training_seconds * 1e3,
        speed.training_gigaflops,
        speed.share_of_peak * 100.0,
        speed.prediction_seconds * 1e3
    ))
}

fn table(rows: &[Row], compute: &Compute, (h, w): (usize, usize)) -> String {
    let mut text =
        format!("3x3 convolutions on {h} x {w}, {} threads, {}\n", compute.threads(), compute.simd());
    let titles =
        ["direct", "as nets use them, by Winograd's tiles where that pays (more than 100 % is possible)"];
    for (title, direct) in titles.into_iter().zip([true, false]) {
        if !rows.iter().any(|row| row.direct == direct) {
            continue;
        }
        let _ = writeln!(
            text,
            "\n{title}\nchannels  dilation  {:>18}  {:>18}  {:>18}  peak",
            "forward", "by input", "by weights"
        );
        for row in rows.iter().filter(|row| row.direct == direct) {
            let pass =
                |pass: &Pass| format!("{:5.0} GFLOP/s {:3.0} %", pass.gigaflops, pass.share_of_peak * 100.0);
            let _ = writeln!(
                text,
                "{:>3} ->{:>3}  {:>8}  {:>18}  {:>18}  {:>18}  {:4.0}",
                row.channels_in,
                row.channels_out,
                row.dilation,
                pass(&row.forward),
                pass(&row.gradient_by_input),
                pass(&row.gradient_by_weights),
                row.peak_gigaflops
            );
        }
    }
    text
}
