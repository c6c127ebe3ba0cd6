//! `foci bench --profile`: where the time of a training step and of a prediction goes, layer by layer.

use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal;
use foci_engine::{Mode, Part, Pass, PlanOptions, Profile, ProfileRow, Shape, profile};
use foci_kernels::Compute;
use foci_net::Net;
use serde::Serialize;
use std::fmt::Write;

/// Steps of each kind; medians are shown.
const STEPS: usize = 7;
/// What the columns of the table mean.
const LEGEND: &str = "\
MB     bytes that must move at least: every map read once, every result written once, weights
GB/s   those bytes by the time; how many really move only counters of the processor could tell
copy   the time that they take at the bandwidth of a copy, and its share: near 100 %, memory is the
       limit; above, what is read was still in a cache
";

/// What `--json` prints.
#[derive(Serialize)]
struct Profiled {
    net: String,
    weights: u64,
    images: usize,
    height: usize,
    width: usize,
    threads: usize,
    simd: String,
    exact: bool,
    training: Step,
    prediction: Step,
}

/// A training step, or a prediction.
#[derive(Serialize)]
struct Step {
    seconds: f64,
    peak_gigaflops: f64,
    copy_gigabytes: f64,
    parts: Vec<Row>,
}

/// One part of a step; `node` is missing where it belongs to none, operations where it is no convolution.
#[derive(Serialize)]
struct Row {
    node: Option<String>,
    part: &'static str,
    seconds: f64,
    share: f64,
    gigaflops: Option<f64>,
    share_of_peak: Option<f64>,
    bytes: u64,
    gigabytes: f64,
    copy_seconds: f64,
    share_of_copy: f64,
}

/// Profiles a net and prints it.
pub fn run(net: &Net, shape: Shape, exact: bool, json: bool, compute: &Compute) -> Result<(), Failure> {
    let step = |mode| {
        let options = PlanOptions { exact, ..PlanOptions::new(mode) };
        let mut progress = Progress::phase(&format!("profiling {}", net.name), json);
        let mut reached = |done, all| progress.reach(done, all);
        let profiled = profile(net, shape, options, compute, STEPS, &mut reached);
        progress.finish();
        profiled.map(Step::from).map_err(Failure::input)
    };
    let profiled = Profiled {
        net: net.name.clone(),
        weights: net.weights(),
        images: shape.n,
        height: shape.h,
        width: shape.w,
        threads: compute.threads(),
        simd: compute.simd().to_string(),
        exact,
        training: step(Mode::Training)?,
        prediction: step(Mode::Inference)?,
    };
    if json { terminal::print_json(&profiled) } else { terminal::print(&table(&profiled)) }
}

impl From<Profile> for Step {
    fn from(profile: Profile) -> Step {
        let Profile { seconds, rows, peak_gigaflops, copy_gigabytes } = profile;
        let row = |row: &ProfileRow| {
            let operations = (row.operations > 0.0).then_some(row.operations);
            Row::new(
                (!row.node.is_empty()).then(|| row.node.clone()),
                word(row.part),
                (row.seconds, operations, row.bytes),
                (seconds, peak_gigaflops, copy_gigabytes),
            )
        };
        Step { parts: rows.iter().map(row).collect(), seconds, peak_gigaflops, copy_gigabytes }
    }
}

impl Row {
    fn new(
        node: Option<String>,
        part: &'static str,
        (seconds, operations, bytes): (f64, Option<f64>, u64),
        (whole, peak_gigaflops, copy_gigabytes): (f64, f64, f64),
    ) -> Row {
        let (time, copy_seconds) = (seconds.max(1e-9), bytes as f64 / 1e9 / copy_gigabytes);
        let gigaflops = operations.map(|operations| operations / time / 1e9);
        Row {
            node,
            part,
            seconds,
            share: seconds / whole,
            gigaflops,
            share_of_peak: gigaflops.map(|gigaflops| gigaflops / peak_gigaflops),
            bytes,
            gigabytes: bytes as f64 / time / 1e9,
            copy_seconds,
            share_of_copy: copy_seconds / time,
        }
    }
}

fn word(part: Part) -> &'static str {
    match part {
        Part::Node(_, Pass::Forward) => "forward",
        Part::Node(_, Pass::Again) => "again",
        Part::Node(_, Pass::GradientByWeights) => "by weights",
        Part::Node(_, Pass::GradientByInput) => "by input",
        Part::Loss => "loss",
        Part::Optimiser => "optimiser",
        Part::Weights => "weights set",
    }
}

fn table(profiled: &Profiled) -> String {
    let Profiled { net, weights, images, height, width, threads, simd, .. } = profiled;
    let how = if profiled.exact { ", direct convolutions only" } else { "" };
    let mut text = format!(
        "{net} with {weights} weights, {images} x {height} x {width}, {threads} threads, {simd}{how}\n"
    );
    for (title, step) in [("training step", &profiled.training), ("prediction", &profiled.prediction)] {
        let _ = writeln!(
            text,
            "\n{title}: {:.2} ms; peak {:.0} GFLOP/s, copy {:.1} GB/s\n\n{:18} {:11} {:>9} {:>7} {:>8} {:>6} {:>9} {:>7} {:>9} {:>6}",
            step.seconds * 1e3,
            step.peak_gigaflops,
            step.copy_gigabytes,
            "layer",
            "part",
            "ms",
            "share",
            "GFLOP/s",
            "peak",
            "MB",
            "GB/s",
            "copy ms",
            "copy"
        );
        let mut above = None;
        for row in &step.parts {
            let name = row.node.as_deref().filter(|_| row.node != above).unwrap_or_default();
            line(&mut text, name, row);
            above.clone_from(&row.node);
        }
        text.push('\n');
        for row in sums(step) {
            line(&mut text, "all layers", &row);
        }
    }
    text + "\n" + LEGEND
}

/// The parts of all layers together, by what they do.
fn sums(step: &Step) -> Vec<Row> {
    let kinds = [Pass::Forward, Pass::Again, Pass::GradientByWeights, Pass::GradientByInput];
    let sum = |part: &'static str| {
        let rows = || step.parts.iter().filter(|row| row.part == part && row.node.is_some());
        rows().next()?;
        let (seconds, bytes) = (rows().map(|row| row.seconds).sum(), rows().map(|row| row.bytes).sum());
        // No speed: pooling and the like take time, too, without operations that are counted.
        let whole = (step.seconds, step.peak_gigaflops, step.copy_gigabytes);
        Some(Row::new(None, part, (seconds, None, bytes), whole))
    };
    kinds.into_iter().filter_map(|pass| sum(word(Part::Node(0, pass)))).collect()
}

fn line(text: &mut String, name: &str, row: &Row) {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let gigaflops = row.gigaflops.map(|speed| format!("{speed:.0}")).unwrap_or_default();
    let short: String = name.chars().take(18).collect();
    let _ = writeln!(
        text,
        "{short:18} {:11} {:>9.3} {:>7} {gigaflops:>8} {:>6} {:>9.2} {:>7.1} {:>9.3} {:>6}",
        row.part,
        row.seconds * 1e3,
        format!("{:.1} %", row.share * 100.0),
        row.share_of_peak.map(percent).unwrap_or_default(),
        row.bytes as f64 / 1e6,
        row.gigabytes,
        row.copy_seconds * 1e3,
        percent(row.share_of_copy)
    );
}
