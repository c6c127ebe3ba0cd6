//! A network made runnable: forward, backward, losses, optimisers.
#![forbid(unsafe_code)]

mod error;
mod loss;
mod normal;
mod optimiser;
mod parameters;
pub mod schedule;
mod session;
mod sums;
mod tensors;

pub use error::EngineError;
pub use foci_net::memory::{Bytes, MemoryPlan, Mode, PlanError, PlanOptions, Shape, largest_image};
pub use loss::{Loss, MeanAbsoluteError, MeanSquaredError};
pub use optimiser::{Adam, AdamSettings, Optimiser, Sgd, clip_gradient_norm};
pub use parameters::{Gradients, Layer, LayerGradient, Layout, Parameters};
pub use session::{FeatureMap, Session, SessionOptions};
pub use tensors::NamedTensor;
