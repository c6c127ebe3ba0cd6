//! How long a net takes at a shape: one training step, and one inference.

use std::time::Instant;

use foci_kernels::Compute;
use foci_net::Net;
use foci_net::memory::{Mode, Shape};

use crate::error::EngineError;
use crate::loss::{Loss, MeanSquaredError};
use crate::optimiser::{Adam, Optimiser, clip_gradient_norm};
use crate::parameters::Parameters;
use crate::session::Session;

/// Measured times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Median of whole training steps: weights set, forward, loss, backward, clipping, Adam.
    pub train_seconds: f64,
    /// Median of forward passes of a session for inference.
    pub infer_seconds: f64,
}

/// Times `net` at `shape` on a grey ramp as image and target: a step not counted, then the median of `repeats` (at
/// least one), for training and for inference.
///
/// # Errors
/// As [`Session::new`].
pub fn time(net: &Net, shape: Shape, compute: &Compute, repeats: usize) -> Result<Timing, EngineError> {
    let mut parameters = Parameters::he(net, 0);
    let mut session = Session::new(net, shape, Mode::Training, compute)?;
    let pixels = shape.n * shape.h * shape.w;
    let ramp = |node: Option<&foci_net::Node>| -> Vec<f32> {
        let channels = node.map_or(0, |node| node.channels);
        (0..pixels * channels).map(|i| (i % 251) as f32 / 250.0).collect()
    };
    let (input, target) = (ramp(net.nodes.first()), ramp(net.nodes.last()));
    let mut d_output = vec![0.0; target.len()];
    let mut adam = Adam::new(parameters.values.len(), 0.0);
    let train_seconds = median(repeats, || {
        session.set_parameters(&parameters)?;
        MeanSquaredError.evaluate(session.forward(compute, &input)?, &target, &mut d_output)?;
        let gradients = session.backward(compute, &d_output)?;
        clip_gradient_norm(&mut gradients.values, 1.0);
        adam.step(&mut parameters.values, &gradients.values, 1e-3)
    })?;
    // One at a time, so that timing needs no more memory than training.
    drop(session);
    let mut session = Session::new(net, shape, Mode::Inference, compute)?;
    session.set_parameters(&parameters)?;
    let infer_seconds = median(repeats, || session.forward(compute, &input).map(|_| ()))?;
    Ok(Timing { train_seconds, infer_seconds })
}

fn median(repeats: usize, mut run: impl FnMut() -> Result<(), EngineError>) -> Result<f64, EngineError> {
    run()?;
    let mut seconds = Vec::with_capacity(repeats.max(1));
    for _ in 0..repeats.max(1) {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}
