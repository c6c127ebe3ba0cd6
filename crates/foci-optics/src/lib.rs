//! A net on the optical bench: probes in, figures out.
//!
//! A [`Subject`] (a trained model, or a net with random weights) is turned into a system that images scenes, put before the
//! measures of [`foci_measure::optics`] on some [`Grounds`], and looked into: what its centre sees, what its
//! deepest layer does when the image moves, what each layer is good for. [`characterise`] does all of it, in this order;
//! of a net that nobody has trained only what its layout decides.
#![forbid(unsafe_code)]

mod bench;
mod error;
mod field;
mod figures;
mod grounds;
mod middle;
mod subject;

pub use bench::{Bench, Characterisation, Deepest, Resolution, Structure, characterise};
pub use error::OpticsError;
pub use figures::{Figure, KEYS, figures, numbers};
pub use grounds::Grounds;
pub use middle::{Use, UseOfTheMiddle};
pub use subject::Subject;
