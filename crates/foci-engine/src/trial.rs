//! A trial: one net on one made-up image, step by step, to be timed or to be held against another framework.
//!
//! The image is a grey ramp that is its own target, the weights are those of seed 0: two trials of one net at one
//! shape compute the same numbers, and what one of them wrote down another program can repeat.

use foci_kernels::Compute;
use foci_net::memory::{Mode, PlanOptions, Shape};
use foci_net::{Net, Node};

use crate::error::EngineError;
use crate::loss::{Loss, MeanSquaredError};
use crate::optimiser::{Adam, Optimiser, clip_gradient_norm};
use crate::parameters::Parameters;
use crate::session::{Session, SessionOptions};
use crate::tensors::{NamedTensor, to_safetensors};
use crate::watch::{Part, Unwatched, Watch};

/// Learning rate of the steps.
const LEARNING_RATE: f32 = 1e-3;

/// A net with everything that a step of training, or an inference, needs.
#[derive(Debug)]
pub struct Trial {
    shape: Shape,
    mode: Mode,
    channels: (usize, usize),
    parameters: Parameters,
    session: Session,
    input: Vec<f32>,
    target: Vec<f32>,
    d_output: Vec<f32>,
    adam: Adam,
}

impl Trial {
    /// Plans and allocates all memory for `net` at `shape`.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn new(net: &Net, shape: Shape, plan: PlanOptions, compute: &Compute) -> Result<Trial, EngineError> {
        let (parameters, mode) = (Parameters::he(net, 0), plan.mode);
        let options = SessionOptions { plan, memory_limit: None };
        let mut session = Session::with_options(net, shape, options, compute)?;
        session.set_parameters(&parameters)?;
        let of = |node: Option<&Node>| node.map_or(0, |node| node.channels);
        let channels = (of(net.nodes.first()), of(net.nodes.last()));
        let pixels = shape.n * shape.h * shape.w;
        let ramp = |count: usize| -> Vec<f32> { (0..count).map(|i| (i % 251) as f32 / 250.0).collect() };
        let target = if mode == Mode::Training { ramp(pixels * channels.1) } else { Vec::new() };
        Ok(Trial {
            shape,
            mode,
            channels,
            d_output: vec![0.0; target.len()],
            adam: Adam::new(parameters.values.len(), 0.0),
            input: ramp(pixels * channels.0),
            target,
            parameters,
            session,
        })
    }

    /// One whole training step: forward, mean squared error, backward, clipping of the gradient to norm `clip`, Adam,
    /// weights taken over by the session. Returns the loss before the step.
    ///
    /// # Errors
    /// [`EngineError::Length`] if the trial was built for inference: it has no target then.
    pub fn step(&mut self, compute: &Compute, clip: Option<f64>) -> Result<f64, EngineError> {
        self.watched_step(compute, clip, &mut Unwatched)
    }

    /// As [`Trial::step`], with someone who is told of each part.
    pub(crate) fn watched_step(
        &mut self,
        compute: &Compute,
        clip: Option<f64>,
        watch: &mut impl Watch,
    ) -> Result<f64, EngineError> {
        let output = self.session.watched_forward(compute, &self.input, watch)?;
        let loss = MeanSquaredError.evaluate(output, &self.target, &mut self.d_output)?;
        watch.done(Part::Loss);
        let gradients = self.session.watched_backward(compute, &self.d_output, watch)?;
        if let Some(norm) = clip {
            clip_gradient_norm(&mut gradients.values, norm);
        }
        self.adam.step(&mut self.parameters.values, &gradients.values, LEARNING_RATE)?;
        watch.done(Part::Optimiser);
        self.session.set_parameters(&self.parameters)?;
        watch.done(Part::Weights);
        Ok(loss)
    }

    /// One forward pass.
    ///
    /// # Errors
    /// As [`Session::forward`].
    pub fn infer(&mut self, compute: &Compute) -> Result<(), EngineError> {
        self.watched_infer(compute, &mut Unwatched)
    }

    /// As [`Trial::infer`], with someone who is told of each node.
    pub(crate) fn watched_infer(
        &mut self,
        compute: &Compute,
        watch: &mut impl Watch,
    ) -> Result<(), EngineError> {
        self.session.watched_forward(compute, &self.input, watch).map(|_| ())
    }

    /// The session that it runs.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Computes forward (and backward, if built for training) and returns all that went in and came out as the bytes
    /// of a safetensors file: `input` and `output` [N, C, H, W], parameters `<id>.weight` and `<id>.bias`; in training
    /// also `target` and `gradient.<id>.weight`, `gradient.<id>.bias`.
    ///
    /// # Errors
    /// As [`Session::forward`].
    pub fn record(&mut self, compute: &Compute) -> Result<Vec<u8>, EngineError> {
        let image = |name: &str, channels: usize, values: &[f32]| NamedTensor {
            name: name.to_owned(),
            shape: vec![self.shape.n, channels, self.shape.h, self.shape.w],
            values: values.to_vec(),
        };
        let mut tensors = self.parameters.named_tensors();
        tensors.push(image("input", self.channels.0, &self.input));
        let output = self.session.forward(compute, &self.input)?;
        tensors.push(image("output", self.channels.1, output));
        if self.mode == Mode::Training {
            MeanSquaredError.evaluate(output, &self.target, &mut self.d_output)?;
            tensors.push(image("target", self.channels.1, &self.target));
            let gradients = self.session.backward(compute, &self.d_output)?;
            tensors.extend(gradients.named_tensors().into_iter().map(|mut tensor| {
                tensor.name.insert_str(0, "gradient.");
                tensor
            }));
        }
        to_safetensors(&tensors)
    }
}
