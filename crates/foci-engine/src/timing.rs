//! How long a net takes at a shape: one training step, and one inference.

use std::time::Instant;

use foci_kernels::Compute;
use foci_net::Net;
use foci_net::memory::{Mode, PlanOptions, Shape};

use crate::error::EngineError;
use crate::trial::Trial;

/// Measured times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Median of whole training steps: forward, loss, backward, clipping, Adam, weights set.
    pub train_seconds: f64,
    /// Median of forward passes of a session for inference.
    pub infer_seconds: f64,
}

/// Times `net` at `shape` on a grey ramp as image and target: a step not counted, then the median of `repeats` (at
/// least one), for training and for inference; by direct convolutions only if `exact`. `reached` is told before each step
/// how many are done, and of how many.
///
/// # Errors
/// As [`Session::new`](crate::Session::new).
pub fn time(
    net: &Net,
    shape: Shape,
    exact: bool,
    compute: &Compute,
    repeats: usize,
    reached: &mut dyn FnMut(usize, usize),
) -> Result<Timing, EngineError> {
    let all = 2 * (1 + repeats.max(1));
    let mut done = 0;
    let mut count = || {
        reached(done, all);
        done += 1;
    };
    let options = |mode| PlanOptions { exact, ..PlanOptions::new(mode) };
    let mut training = Trial::new(net, shape, options(Mode::Training), compute)?;
    let train_seconds = median(repeats, &mut count, || training.step(compute, Some(1.0)).map(|_| ()))?;
    // One at a time, so that timing needs no more memory than training.
    drop(training);
    let mut inference = Trial::new(net, shape, options(Mode::Inference), compute)?;
    let infer_seconds = median(repeats, &mut count, || inference.infer(compute))?;
    Ok(Timing { train_seconds, infer_seconds })
}

fn median(
    repeats: usize,
    count: &mut impl FnMut(),
    mut run: impl FnMut() -> Result<(), EngineError>,
) -> Result<f64, EngineError> {
    count();
    run()?;
    let mut seconds = Vec::with_capacity(repeats.max(1));
    for _ in 0..repeats.max(1) {
        count();
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(middle(&mut seconds))
}

/// The median; the higher of the middle two of an even number, 0 of none.
pub(crate) fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
