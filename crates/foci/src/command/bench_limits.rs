//! `foci bench --limits`: the largest image, the largest batch and the greatest depth that train within a given memory, and
//! the largest image that is predicted; by the memory plan, and on request by really running there and just above.
//!
//! A run of the check is another process of this program ([`bench_worker`](crate::command::bench_worker)) that takes one step;
//! its memory is the most that it ever held above what it held before it had the net. At the size that fits this must not
//! exceed the memory asked for by more than [`SLACK`] and [`BESIDES`]; at the next size it must exceed it.

use crate::exit::Failure;
use crate::progress::Progress;
use crate::terminal;
use anyhow::anyhow;
use foci_engine::{Mode, PlanOptions, Shape};
use foci_net::Net;
use foci_net::memory::{MemoryPlan, largest_image};
use serde::Serialize;
use std::fmt::Write;
use worker::Worker;

mod worker;

/// What a process may hold beside what is planned, as a part of it and in bytes: pages that are cut up; code and stacks that a
/// step touches, and for nets of hundreds of layers the plan itself.
const SLACK: f64 = 0.01;
const BESIDES: f64 = 8e6;
/// Sides of images are multiples of so many pixels, as the plan's are.
const SIDE_STEP: usize = 16;
/// Bytes of a GiB.
const GIB: f64 = (1_u64 << 30) as f64;
/// Times that layers are repeated, and images in a batch, at most: far beyond what anyone trains.
const MOST_TIMES: usize = 500;
const MOST_IMAGES: usize = 1 << 20;

/// What grows until the memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grows {
    /// The side of one square image to train on.
    TrainingSide,
    /// Images of the given size in a batch to train on.
    TrainingBatch,
    /// Layers of the net, at the given size and batch.
    TrainingLayers,
    /// The side of one square image to predict.
    PredictionSide,
}

impl Grows {
    const ALL: [Grows; 4] =
        [Grows::TrainingSide, Grows::TrainingBatch, Grows::TrainingLayers, Grows::PredictionSide];

    fn words(self) -> &'static str {
        match self {
            Grows::TrainingSide => "largest square image to train on, pixels",
            Grows::TrainingBatch => "largest batch to train on",
            Grows::TrainingLayers => "most layers to train",
            Grows::PredictionSide => "largest square image to predict, pixels",
        }
    }

    fn mode(self) -> Mode {
        if self == Grows::PredictionSide { Mode::Inference } else { Mode::Training }
    }
}

/// One amount that is run.
#[derive(Debug, Clone, Serialize)]
struct Point {
    /// Pixels, images or layers, as the limit says.
    amount: usize,
    /// Bytes that the plan counts.
    planned_bytes: u64,
    /// The most that a process held above its start; missing if nothing was run.
    measured_bytes: Option<u64>,
    /// Seconds from the request to the end of the first step, memory fetched.
    seconds: Option<f64>,
    #[serde(skip)]
    net: Net,
    #[serde(skip)]
    shape: Shape,
}

/// A limit of a net: the greatest amount within the memory, and the next.
#[derive(Debug, Serialize)]
struct Limit {
    gibibytes: f64,
    grows: Grows,
    fits: Point,
    above: Option<Point>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Limits {
    net: String,
    weights: u64,
    threads: usize,
    image: [usize; 2],
    batch: usize,
    limits: Vec<Limit>,
}

/// What is asked for.
pub struct Request<'a> {
    pub net: Net,
    /// Size and batch for the limits in which they do not grow.
    pub shape: Shape,
    pub exact: bool,
    pub threads: usize,
    pub gibibytes: &'a [f64],
    pub verify: bool,
    pub json: bool,
}

/// Runs the command.
pub fn run(request: &Request) -> Result<(), Failure> {
    let mut limits = Vec::new();
    for &gibibytes in request.gibibytes {
        if !(gibibytes.is_finite() && gibibytes > 0.0) {
            return Err(Failure::input(anyhow!("--limits {gibibytes} is no memory; give GiB above 0")));
        }
        limits.extend(Grows::ALL.into_iter().filter_map(|grows| request.limit(grows, gibibytes)));
    }
    let mut wrong = Vec::new();
    if request.verify {
        wrong = request.verify_all(&mut limits)?;
    }
    let Shape { n, h, w } = request.shape;
    let found = Limits {
        net: request.net.name.clone(),
        weights: request.net.weights(),
        threads: request.threads,
        image: [h, w],
        batch: n,
        limits,
    };
    if request.json {
        terminal::print_json(&found)?;
    } else {
        terminal::print(&table(&found, request.verify))?;
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Working(anyhow!(wrong.join("\n")))) }
}

impl Request<'_> {
    fn options(&self, grows: Grows) -> PlanOptions {
        PlanOptions { exact: self.exact, threads: self.threads, ..PlanOptions::new(grows.mode()) }
    }

    /// What is run for a pixel side, a number of images or a number of times that layers are repeated, with the bytes of the
    /// plan; `None` where there is no such thing.
    fn point(&self, grows: Grows, number: usize) -> Option<Point> {
        let (net, shape) = match grows {
            Grows::TrainingSide | Grows::PredictionSide => {
                (self.net.clone(), Shape { n: 1, h: number, w: number })
            }
            Grows::TrainingBatch => (self.net.clone(), Shape { n: number, ..self.shape }),
            Grows::TrainingLayers => (self.net.deepened(number).ok()?, self.shape),
        };
        let amount = if grows == Grows::TrainingLayers { net.layers() } else { number };
        let planned_bytes = MemoryPlan::new(&net, shape, self.options(grows)).ok()?.bytes.total();
        Some(Point { amount, planned_bytes, measured_bytes: None, seconds: None, net, shape })
    }

    /// The greatest amount within the memory; `None` if not even the least fits.
    fn limit(&self, grows: Grows, gibibytes: f64) -> Option<Limit> {
        let bytes = (gibibytes * GIB) as u64;
        let (number, step) = match grows {
            Grows::TrainingSide | Grows::PredictionSide => {
                (largest_image(&self.net, self.options(grows), bytes, 1.0)?.0, SIDE_STEP)
            }
            Grows::TrainingBatch => (greatest(1, MOST_IMAGES, |n| self.fits(grows, n, bytes))?, 1),
            Grows::TrainingLayers => (greatest(1, MOST_TIMES, |times| self.fits(grows, times, bytes))?, 1),
        };
        let (fits, above) = (self.point(grows, number)?, self.point(grows, number + step));
        Some(Limit { gibibytes, grows, fits, above })
    }

    fn fits(&self, grows: Grows, number: usize, bytes: u64) -> bool {
        self.point(grows, number).is_some_and(|point| point.planned_bytes <= bytes)
    }

    /// Runs every point; returns what is not as the plan says.
    fn verify_all(&self, limits: &mut [Limit]) -> Result<Vec<String>, Failure> {
        let all = 2 * limits.len();
        let mut progress = Progress::phase(&format!("running {} at its limits", self.net.name), self.json);
        let mut wrong = Vec::new();
        for (index, limit) in limits.iter_mut().enumerate() {
            let (grows, most) = (limit.grows, limit.gibibytes * GIB);
            for (place, point) in [Some(&mut limit.fits), limit.above.as_mut()].into_iter().enumerate() {
                progress.reach(2 * index + place, all);
                terminal::go_on()?;
                let Some(point) = point else { continue };
                let measured = self.measure(point, grows)? as f64;
                let as_planned =
                    if place == 0 { measured <= most * (1.0 + SLACK) + BESIDES } else { measured > most };
                if !as_planned {
                    wrong.push(format!(
                        "{}, {} GiB: {} {} took {:.3} GiB, which the plan did not foresee ({:.3})",
                        self.net.name,
                        limit.gibibytes,
                        grows.words(),
                        point.amount,
                        measured / GIB,
                        point.planned_bytes as f64 / GIB
                    ));
                }
            }
        }
        progress.finish();
        Ok(wrong)
    }

    /// Runs one step of a point in a process of its own; returns the bytes that it took.
    fn measure(&self, point: &mut Point, grows: Grows) -> Result<u64, Failure> {
        let place = tempfile::tempdir().map_err(Failure::working)?;
        foci_image::write_whole(&place.path().join("net.json"), point.net.to_json(None).as_bytes())
            .map_err(Failure::working)?;
        let mut worker =
            Worker::start(place.path(), point.shape, self.options(grows)).map_err(Failure::Working)?;
        let (bytes, seconds) = worker.take_step().map_err(Failure::Working)?;
        (point.measured_bytes, point.seconds) = (Some(bytes), Some(seconds));
        Ok(bytes)
    }
}

/// The greatest number from `least` to `most` for which `fits`, which none above it does.
fn greatest(least: usize, most: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if !fits(least) {
        return None;
    }
    let (mut good, mut bad) = (least, most + 1);
    while bad - good > 1 {
        // Doubling first, so that no absurd size is planned on the way.
        let middle = (2 * good).min(good + (bad - good) / 2).max(good + 1);
        if fits(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

fn table(found: &Limits, verified: bool) -> String {
    let Limits { net, weights, threads, image: [h, w], batch, limits } = found;
    let mut text = format!(
        "{net} with {weights} weights, {threads} threads; batches of {h} x {w}, depth at {batch} of them\n"
    );
    for grows in Grows::ALL {
        let _ = writeln!(text, "\n{}", grows.words());
        for limit in limits.iter().filter(|limit| limit.grows == grows) {
            for (point, sign) in [(Some(&limit.fits), "fits "), (limit.above.as_ref(), "above")] {
                let Some(point) = point.filter(|_| verified || sign == "fits ") else { continue };
                let _ = write!(
                    text,
                    "  {:>4} GiB  {sign} {:>6}  planned {:6.3} GiB",
                    limit.gibibytes,
                    point.amount,
                    point.planned_bytes as f64 / GIB
                );
                if let (Some(bytes), Some(seconds)) = (point.measured_bytes, point.seconds) {
                    let pixels = (point.shape.n * point.shape.h * point.shape.w) as f64 / 1e6;
                    let _ = write!(
                        text,
                        "  took {:6.3} GiB  {seconds:6.1} s, {:.2} s per megapixel",
                        bytes as f64 / GIB,
                        seconds / pixels
                    );
                }
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_number_is_found() {
        for limit in [1, 2, 3, 7, 100, 500] {
            assert_eq!(greatest(1, 500, |n| n <= limit), Some(limit));
        }
        assert_eq!(greatest(1, 500, |_| false), None);
        assert_eq!(greatest(1, 500, |_| true), Some(500));
    }
}
