//! A network made runnable: forward, backward, losses, optimisers.
//!
//! ```
//! use foci_engine::{Adam, Loss, MeanSquaredError, Mode, Optimiser, Parameters, Session, Shape};
//! use foci_kernels::{Compute, Simd};
//! use foci_net::{Architecture, solve};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let compute = Compute::new(2, Simd::detect()?)?;
//! let net = solve::for_weights(&Architecture::shipped("unet")?, 5_000, 1, 1)?;
//! let mut parameters = Parameters::he(&net, 1);
//! let mut session = Session::new(&net, Shape { n: 1, h: 16, w: 16 }, Mode::Training, &compute)?;
//! let mut adam = Adam::new(parameters.values.len(), 0.0);
//! let image = vec![0.5; 16 * 16];
//! let mut d_output = vec![0.0; 16 * 16];
//! for _ in 0..3 {
//!     session.set_parameters(&parameters)?;
//!     let loss = MeanSquaredError.evaluate(session.forward(&compute, &image)?, &image, &mut d_output)?;
//!     assert!(loss.is_finite());
//!     let gradients = session.backward(&compute, &d_output)?;
//!     adam.step(&mut parameters.values, &gradients.values, 1e-3)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Session`] holds all memory of one net at one shape, placed by the [`MemoryPlan`] before anything runs.
//! [`Parameters`] and [`Gradients`] are flat lists in the order of the net's nodes, on which every [`Optimiser`]
//! works alike. This crate reads no files, draws no progress bars and starts no threads of its own.
#![forbid(unsafe_code)]

mod error;
mod loss;
mod normal;
mod optimiser;
mod parameters;
mod profile;
pub mod schedule;
mod session;
mod sums;
mod tensors;
mod timing;
mod trial;
mod watch;

pub use error::EngineError;
pub use foci_net::memory::{Bytes, MemoryPlan, Mode, PlanError, PlanOptions, Shape, largest_image};
pub use loss::{
    ByChannels, ChannelLoss, CrossEntropyDice, KnownCrossEntropy, Loss, MeanAbsoluteError, MeanSquaredError,
    softmax,
};
pub use optimiser::{Adam, AdamSettings, Optimiser, Sgd, clip_gradient_norm};
pub use parameters::{Gradients, Layer, LayerGradient, Layout, Parameters, Start};
pub use profile::{Profile, ProfileRow, profile};
pub use session::{FeatureMap, Replaced, Session, SessionOptions};
pub use tensors::NamedTensor;
pub use timing::{Timing, time};
pub use trial::Trial;
pub use watch::{Part, Pass};
