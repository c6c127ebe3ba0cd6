//! Where the time of a step goes: each node and pass by itself, held against what the machine can do.
//!
//! Bytes that really move cannot be counted without the processor's own counters. What can be told from the memory plan
//! is how many must move at least ([`mod@needs`]); divided by the bandwidth of a copy, measured in the same run, they say
//! how long a part would take if memory were all that it waits for.

mod needs;

use foci_kernels::{Compute, peak};
use foci_net::Net;
use foci_net::memory::{Mode, PlanOptions, Shape};

use crate::error::EngineError;
use crate::timing::middle;
use crate::trial::Trial;
use crate::watch::{Part, Stopwatch, Unwatched, Watch};
use needs::Need;

/// Milliseconds of each measurement of the peak, one before every step.
const PEAK_MILLISECONDS: f64 = 20.0;
/// Copies before the first step and as many after the last.
const COPIES: usize = 5;
/// Norm to which gradients are clipped.
const CLIP_NORM: f64 = 1.0;

/// The parts of a training step, or of a forward pass, and what the machine could do meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Median seconds of a whole step.
    pub seconds: f64,
    /// In the order of the net; then what belongs to no node.
    pub rows: Vec<ProfileRow>,
    /// Median peak of multiply-adds in registers, in billions of operations per second.
    pub peak_gigaflops: f64,
    /// Median bandwidth of copying a large array, in billions of bytes per second (read and written).
    pub copy_gigabytes: f64,
}

/// One part of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileRow {
    /// What it is.
    pub part: Part,
    /// Id of its node; empty if it belongs to none.
    pub node: String,
    /// Median seconds.
    pub seconds: f64,
    /// Operations of a direct convolution (two for each multiply-add); 0 if it is none.
    pub operations: f64,
    /// Bytes that must move at least: each map that it reads once and each that it leaves to others once (both if it adds
    /// to what is there), and the weights.
    pub bytes: u64,
}

/// Profiles `net` at `shape` on a grey ramp as image and target: a step not counted, then `repeats` (at least one) that
/// are; `reached` is told before each how many are done, and of how many.
///
/// # Errors
/// As [`Session::with_options`](crate::Session::with_options).
pub fn profile(
    net: &Net,
    shape: Shape,
    options: PlanOptions,
    compute: &Compute,
    repeats: usize,
    reached: &mut dyn FnMut(usize, usize),
) -> Result<Profile, EngineError> {
    let mut copies = vec![peak::gigabytes(compute, COPIES)];
    let mut trial = Trial::new(net, shape, options, compute)?;
    let mut stopwatch = Stopwatch::new();
    let mut peaks = Vec::new();
    step(&mut trial, options.mode, compute, &mut Unwatched)?;
    for done in 0..repeats.max(1) {
        reached(1 + done, 1 + repeats.max(1));
        peaks.push(peak::gigaflops(compute, PEAK_MILLISECONDS));
        stopwatch.time(|watch| step(&mut trial, options.mode, compute, watch))?;
    }
    let needs = needs::all(net, trial.session());
    drop(trial);
    copies.push(peak::gigabytes(compute, COPIES));
    let seconds = stopwatch.step();
    let rows = stopwatch.parts().filter_map(|(part, seconds)| {
        // What moves nothing, such as a convolution of the image that hands no gradient on, is no part.
        let &Need { operations, bytes } = needs.get(&part)?;
        let node = match part {
            Part::Node(node, _) => net.nodes[node].id.clone(),
            _ => String::new(),
        };
        Some(ProfileRow { part, node, seconds, operations, bytes })
    });
    Ok(Profile {
        seconds,
        rows: rows.collect(),
        peak_gigaflops: middle(&mut peaks),
        copy_gigabytes: copies.iter().sum::<f64>() / copies.len() as f64,
    })
}

fn step(trial: &mut Trial, mode: Mode, compute: &Compute, watch: &mut impl Watch) -> Result<(), EngineError> {
    match mode {
        Mode::Training => trial.watched_step(compute, Some(CLIP_NORM), watch).map(|_| ()),
        Mode::Inference => trial.watched_infer(compute, watch),
    }
}
