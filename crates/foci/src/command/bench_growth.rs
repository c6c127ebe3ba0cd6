//! `foci bench --growth`: how seconds and memory of a net grow with the image and with its depth.
//!
//! The net is timed on images of half the sides that were asked for, on those, and on twice those; and at that size with every
//! hidden layer once, twice and four times ([`foci_net::Net::deepened`]). All of them take turns and the median of a point's
//! turns counts, so that a machine which is slow for a while is slow for all. Bytes are those of the memory plan.

use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal;
use anyhow::anyhow;
use foci_engine::{Mode, PlanOptions, Shape, time};
use foci_kernels::Compute;
use foci_measure::summary::median;
use foci_net::Net;
use foci_net::memory::MemoryPlan;
use serde::Serialize;
use std::fmt::Write;

/// Turns of each point.
const TURNS: usize = 3;
/// Steps of a point in its turn; their median is the time of the turn.
const STEPS: usize = 3;
/// Times that layers are repeated; 1 is the net itself.
const DEPTHS: [usize; 3] = [1, 2, 4];

/// One size and depth, with what it costs.
#[derive(Serialize)]
struct Point {
    layers: usize,
    /// Height and width, pixels.
    image: [usize; 2],
    train_bytes: u64,
    infer_bytes: u64,
    seconds_per_step: f64,
    seconds_per_prediction: f64,
    #[serde(skip)]
    net: Net,
    #[serde(skip)]
    shape: Shape,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Growth {
    net: String,
    weights: u64,
    threads: usize,
    batch: usize,
    /// Half the sides, the sides, twice the sides.
    by_size: Vec<Point>,
    /// Layers once, twice, four times.
    by_depth: Vec<Point>,
}

/// Runs the command for `net` at `shape`.
pub fn run(net: &Net, shape: Shape, exact: bool, json: bool, compute: &Compute) -> Result<(), Failure> {
    let Shape { n, h, w } = shape;
    if h.min(w) < 16 {
        return Err(Failure::input(anyhow!("--size {h}x{w} is too small to halve; give at least 16x16")));
    }
    let shapes = [Shape { n, h: h / 2, w: w / 2 }, shape, Shape { n, h: 2 * h, w: 2 * w }];
    let point = |net: Net, shape| Point::planned(net, shape, exact, compute);
    let mut by_size = Vec::new();
    for shape in shapes {
        by_size.push(point(net.clone(), shape)?);
    }
    let mut by_depth = Vec::new();
    for times in DEPTHS {
        by_depth.push(point(net.deepened(times).map_err(Failure::input)?, shape)?);
    }
    let mut progress = Progress::phase(&format!("timing {} as it grows", net.name), json);
    let points = by_size.iter_mut().chain(&mut by_depth);
    time_in_turns(points.collect(), exact, compute, &mut progress)?;
    progress.finish();
    let growth = Growth {
        net: net.name.clone(),
        weights: net.weights(),
        threads: compute.threads(),
        batch: n,
        by_size,
        by_depth,
    };
    if json { terminal::print_json(&growth) } else { terminal::print(&table(&growth)) }
}

impl Point {
    fn planned(net: Net, shape: Shape, exact: bool, compute: &Compute) -> Result<Point, Failure> {
        let bytes = |mode| {
            let options = PlanOptions { exact, threads: compute.threads(), ..PlanOptions::new(mode) };
            MemoryPlan::new(&net, shape, options).map(|plan| plan.bytes.total()).map_err(Failure::input)
        };
        let (train_bytes, infer_bytes) = (bytes(Mode::Training)?, bytes(Mode::Inference)?);
        Ok(Point {
            layers: net.layers(),
            image: [shape.h, shape.w],
            train_bytes,
            infer_bytes,
            seconds_per_step: 0.0,
            seconds_per_prediction: 0.0,
            net,
            shape,
        })
    }

    fn megapixels(&self) -> f64 {
        (self.shape.n * self.shape.h * self.shape.w) as f64 / 1e6
    }
}

fn time_in_turns(
    mut points: Vec<&mut Point>,
    exact: bool,
    compute: &Compute,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let all = TURNS * points.len();
    let mut turns = vec![Vec::with_capacity(TURNS); points.len()];
    for turn in 0..TURNS {
        for (place, point) in points.iter().enumerate() {
            progress.reach(turn * points.len() + place, all);
            terminal::go_on()?;
            let timing = time(&point.net, point.shape, exact, compute, STEPS, &mut |_, _| {});
            turns[place].push(timing.map_err(Failure::input)?);
        }
    }
    for (point, turns) in points.iter_mut().zip(&turns) {
        let middle = |seconds: Vec<f64>| median(&seconds).unwrap_or_default();
        point.seconds_per_step = middle(turns.iter().map(|turn| turn.train_seconds).collect());
        point.seconds_per_prediction = middle(turns.iter().map(|turn| turn.infer_seconds).collect());
    }
    Ok(())
}

fn table(growth: &Growth) -> String {
    let Growth { net, weights, threads, batch, by_size, by_depth } = growth;
    let mut text = format!("{net} with {weights} weights, {threads} threads, batches of {batch}\n");
    for (title, points, own) in [("by size", by_size, 1), ("by depth", by_depth, 0)] {
        let _ = writeln!(
            text,
            "\n{title}\n{:>11}  {:>6}  {:>24}  {:>24}  {:>20}  {:>20}",
            "image", "layers", "s per step", "s per megapixel", "training MiB", "prediction MiB"
        );
        for point in points {
            let against = |value: fn(&Point) -> f64| value(point) / points.get(own).map_or(1.0, value);
            let pair = |step: f64, prediction: f64| format!("{step:.4} / {prediction:.4}");
            let bytes =
                |bytes: u64, times: f64| format!("{:.1} ({times:.2}x)", bytes as f64 / (1 << 20) as f64);
            let _ = writeln!(
                text,
                "{:>11}  {:>6}  {:>24}  {:>24}  {:>20}  {:>20}",
                format!("{} x {}", point.image[0], point.image[1]),
                point.layers,
                format!("{:.4} ({:.2}x)", point.seconds_per_step, against(|point| point.seconds_per_step)),
                pair(
                    point.seconds_per_step / point.megapixels(),
                    point.seconds_per_prediction / point.megapixels()
                ),
                bytes(point.train_bytes, against(|point| point.train_bytes as f64)),
                bytes(point.infer_bytes, against(|point| point.infer_bytes as f64)),
            );
        }
    }
    text.push_str(
        "\nSeconds per megapixel: of a training step / of a prediction. Bytes by the memory plan.\n",
    );
    text
}
