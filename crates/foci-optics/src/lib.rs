//! A net on the optical bench: probes in, figures out.
//!
//! A [`Subject`] (a trained model, or a net with random weights) is turned into a system that images scenes, put before the
//! measures of [`foci_measure::optics`] on some [`Grounds`], and looked into: what its centre sees, what its
//! deepest layer does when the image moves, what each layer is good for.
#![forbid(unsafe_code)]

mod error;
mod field;
mod grounds;
mod middle;
mod subject;

pub use error::OpticsError;
pub use grounds::Grounds;
pub use middle::{Use, UseOfTheMiddle};
pub use subject::Subject;
