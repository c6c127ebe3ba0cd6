//! A session: a net made runnable at one shape.
//!
//! Everything is planned and allocated when it is built (see [`foci_net::memory`]); forward and backward then allocate
//! nothing, and do the same operations in the same order every time. Nodes run in the order of the net, backward in
//! reverse. What each node does with which part of the arena is worked out beforehand, in [`operations`].

mod limits;
mod operations;
mod reading;
mod replacing;

use std::sync::Arc;

use foci_kernels::{Arena, Compute, Simd};
use foci_net::Net;
use foci_net::memory::{Bytes, MemoryPlan, Mode, PlanOptions, Shape};

use crate::error::{EngineError, check_length};
use crate::parameters::{Gradients, Layout, Parameters};
use crate::watch::{Part, Pass, Unwatched, Watch};
use limits::{obtainable, out_of_memory, zeros};
use operations::Operation;
pub use reading::FeatureMap;
pub use replacing::Replaced;

/// What a session provides beyond forward and backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Mode, gradient of the input, values kept for reading, exact sums. The number of threads is that of the compute that the
    /// session is built for, whatever it says here.
    pub plan: PlanOptions,
    /// Refuse to allocate more than so many bytes (see [`Bytes`] for what counts).
    pub memory_limit: Option<u64>,
}

impl SessionOptions {
    /// The least that `mode` needs, without a limit.
    pub fn new(mode: Mode) -> SessionOptions {
        SessionOptions { plan: PlanOptions::new(mode), memory_limit: None }
    }
}

/// How far the last pass came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Built,
    Forward,
    Backward,
}

/// A net at one shape, with all memory that it needs.
pub struct Session {
    net: String,
    ids: Vec<String>,
    plan: MemoryPlan,
    arena: Arena,
    operations: Vec<Operation>,
    layout: Arc<Layout>,
    gradients: Gradients,
    input_length: usize,
    output: Vec<f32>,
    device: (usize, Simd),
    has_parameters: bool,
    progress: Progress,
}

impl Session {
    /// Plans and allocates everything for `net` at `shape`; the weights are missing until
    /// [`Session::set_parameters`].
    ///
    /// # Errors
    /// [`EngineError::Plan`] for an empty or absurd shape, [`EngineError::Memory`] if there is not enough memory.
    pub fn new(net: &Net, shape: Shape, mode: Mode, compute: &Compute) -> Result<Session, EngineError> {
        Session::with_options(net, shape, SessionOptions::new(mode), compute)
    }

    /// As [`Session::new`], with options.
    ///
    /// # Errors
    /// As [`Session::new`]; also if more bytes than `options.memory_limit` are needed.
    pub fn with_options(
        net: &Net,
        shape: Shape,
        options: SessionOptions,
        compute: &Compute,
    ) -> Result<Session, EngineError> {
        let planned = PlanOptions { threads: compute.threads(), ..options.plan };
        let plan = MemoryPlan::new(net, shape, planned)?;
        let bytes = plan.bytes.total();
        let mode = options.plan.mode;
        if let Some(limit) = options.memory_limit.filter(|&limit| bytes > limit) {
            return Err(out_of_memory(net, &plan, Some(limit), limit));
        }
        let arena = Arena::new(plan.arena_floats)
            .map_err(|_| out_of_memory(net, &plan, options.memory_limit, obtainable(bytes)))?;
        let pixels = shape.n * shape.h * shape.w;
        let channels_out = net.nodes.last().map_or(0, |node| node.channels);
        let output = zeros(pixels * channels_out)
            .ok_or_else(|| out_of_memory(net, &plan, options.memory_limit, obtainable(bytes)))?;
        let layout = Arc::new(Layout::new(net));
        let operations = operations::build(net, &plan, &layout, compute);
        let count = if mode == Mode::Training { layout.count() } else { 0 };
        Ok(Session {
            net: net.name.clone(),
            ids: net.nodes.iter().map(|node| node.id.clone()).collect(),
            arena,
            operations,
            gradients: Gradients { values: vec![0.0; count], layout: Arc::clone(&layout) },
            layout,
            input_length: pixels * net.nodes.first().map_or(0, |node| node.channels),
            output,
            device: (compute.threads(), compute.simd()),
            has_parameters: false,
            progress: Progress::Built,
            plan,
        })
    }

    /// The memory plan that the session follows.
    pub fn plan(&self) -> &MemoryPlan {
        &self.plan
    }

    /// Bytes planned, by purpose.
    pub fn bytes(&self) -> &Bytes {
        &self.plan.bytes
    }

    /// Bytes really allocated for the arena, for the layers' weights, and for the scratch of `compute`, which all
    /// sessions that it runs share.
    pub fn allocated_bytes(&self, compute: &Compute) -> u64 {
        (self.arena.bytes() + compute.scratch_bytes()) as u64 + self.layer_bytes()
    }

    /// Bytes of the weights in the order in which the kernels read them.
    pub(crate) fn layer_bytes(&self) -> u64 {
        self.operations.iter().map(|operation| operation.own_bytes() as u64).sum()
    }

    /// Fills the arena with what is not a number; for tests that nothing is read before it was written.
    #[doc(hidden)]
    pub fn poison(&mut self) {
        for buffer in 0..self.plan.buffers.len() {
            self.arena.values_mut(&operations::view(&self.plan, buffer)).fill(f32::NAN);
        }
        self.progress = Progress::Built;
    }

    /// Takes over weights and biases; to be called again after each step of an optimiser.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if they are those of another net, [`EngineError::Length`] if their number is wrong.
    pub fn set_parameters(&mut self, parameters: &Parameters) -> Result<(), EngineError> {
        let same = Arc::ptr_eq(&self.layout, &parameters.layout) || self.layout.fits(&parameters.layout);
        if !same {
            return Err(EngineError::Unavailable {
                what: format!(
                    "the parameters are those of net `{}`, not of `{}`",
                    parameters.layout.net, self.net
                ),
                remedy: "make or read the parameters for this very net",
            });
        }
        check_length("the list of parameters", self.layout.count(), parameters.values.len())?;
        for operation in &mut self.operations {
            operation.pack(&self.layout, &parameters.values);
        }
        self.has_parameters = true;
        self.progress = Progress::Built;
        Ok(())
    }

    /// Draws what the dropouts of the net drop from now on: in the forward pass number `step` of the run with this seed, and
    /// on its way back. Until it is called for the first time nothing is dropped, and nothing ever is in inference.
    pub fn draw_dropout(&mut self, seed: u64, step: u64) {
        for (operation, id) in self.operations.iter_mut().zip(&self.ids) {
            operation.draw(id, seed, step);
        }
    }

    /// Computes the output [N, C, H, W] for `input` [N, C, H, W].
    ///
    /// # Errors
    /// [`EngineError::Length`] if the input does not fit the shape; [`EngineError::Unavailable`] if no parameters have
    /// been set or `compute` is not of the kind that the session was built for.
    pub fn forward(&mut self, compute: &Compute, input: &[f32]) -> Result<&[f32], EngineError> {
        self.watched_forward(compute, input, &mut Unwatched)
    }

    /// As [`Session::forward`], with someone who is told of each node.
    pub(crate) fn watched_forward(
        &mut self,
        compute: &Compute,
        input: &[f32],
        watch: &mut impl Watch,
    ) -> Result<&[f32], EngineError> {
        self.check_input(compute, input)?;
        for (node, operation) in self.operations.iter_mut().enumerate() {
            operation.forward(compute, &mut self.arena, input, &mut self.output);
            watch.done(Part::Node(node, Pass::Forward));
        }
        self.progress = Progress::Forward;
        Ok(&self.output)
    }

    /// The index of a node.
    fn position(&self, id: &str) -> Result<usize, EngineError> {
        let found = self.ids.iter().position(|known| known == id);
        found.ok_or_else(|| self.unavailable(&format!("has no node `{id}`"), "name a node of the net"))
    }

    fn check_input(&self, compute: &Compute, input: &[f32]) -> Result<(), EngineError> {
        check_length("the input", self.input_length, input.len())?;
        self.check_device(compute)?;
        if !self.has_parameters {
            return Err(self.unavailable("has no parameters", "call set_parameters first"));
        }
        Ok(())
    }

    /// The output of the last forward pass; zeros before it.
    pub fn output(&self) -> &[f32] {
        &self.output
    }

    /// Computes the derivatives of a loss by all parameters from its derivative by the output of the last forward
    /// pass, `d_output` [N, C, H, W]. The gradients may be changed, such as by clipping.
    ///
    /// # Errors
    /// [`EngineError::Length`] if `d_output` does not fit; [`EngineError::Unavailable`] if the session is for inference
    /// only, or no forward pass came before.
    pub fn backward(&mut self, compute: &Compute, d_output: &[f32]) -> Result<&mut Gradients, EngineError> {
        self.watched_backward(compute, d_output, &mut Unwatched)
    }

    /// As [`Session::backward`], with someone who is told of each pass of each node.
    pub(crate) fn watched_backward(
        &mut self,
        compute: &Compute,
        d_output: &[f32],
        watch: &mut impl Watch,
    ) -> Result<&mut Gradients, EngineError> {
        if self.plan.options.mode != Mode::Training {
            return Err(self.unavailable("is for inference only", "build it with Mode::Training"));
        }
        check_length("the gradient of the output", self.output.len(), d_output.len())?;
        self.check_device(compute)?;
        if self.progress != Progress::Forward {
            return Err(
                self.unavailable("has no forward pass to go back through", "call forward before backward")
            );
        }
        for node in (0..self.operations.len()).rev() {
            for &piece in &self.plan.nodes[node].again {
                let maker = self.plan.pieces[piece].node;
                self.operations[maker].make_again(compute, &mut self.arena, piece);
                watch.done(Part::Node(maker, Pass::Again));
            }
            let (operation, gradients) = (&mut self.operations[node], &mut self.gradients.values);
            operation.backward_weights(compute, &self.arena, &self.layout, gradients);
            watch.done(Part::Node(node, Pass::GradientByWeights));
            operation.backward_data(compute, &mut self.arena, d_output);
            watch.done(Part::Node(node, Pass::GradientByInput));
        }
        self.progress = Progress::Backward;
        Ok(&mut self.gradients)
    }

    /// The gradients of the last backward pass; empty in inference.
    pub fn gradients(&self) -> &Gradients {
        &self.gradients
    }

    fn check_device(&self, compute: &Compute) -> Result<(), EngineError> {
        if self.device == (compute.threads(), compute.simd()) {
            return Ok(());
        }
        let (threads, simd) = self.device;
        let what = format!(
            "was built for {threads} threads and {simd}, not for {} and {}",
            compute.threads(),
            compute.simd()
        );
        Err(self.unavailable(&what, "build a session for each kind of compute"))
    }

    fn unavailable(&self, what: &str, remedy: &'static str) -> EngineError {
        EngineError::Unavailable { what: format!("the session of net `{}` {what}", self.net), remedy }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("net", &self.net)
            .field("shape", &self.plan.shape)
            .field("options", &self.plan.options)
            .finish_non_exhaustive()
    }
}
