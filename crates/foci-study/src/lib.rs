//! Plan, runs, comparison and report.
//!
//! [`run`] takes a [`StudyRequest`] from its specification to its report; each step is a module, in this order:
//! [`spec`] (what a person decided), [`data`], [`plan`] (what follows from it), `execute` (trials and runs),
//! `learning_rate` (what the trials say), `measure`, `timing`, `compare`, `difference`, [`claim`], [`results`], `pictures`, [`report`].
//! [`forecast::forecast`] says beforehand what it will take and what it can see.
//!
//! This crate has no numerics of its own: nets are trained by `foci-train` and measured by `foci-measure`.
#![forbid(unsafe_code)]

mod baseline;
pub mod claim;
mod compare;
pub mod data;
mod difference;
mod error;
mod execute;
pub mod forecast;
mod judged;
mod learning_rate;
mod measure;
mod middle;
mod optics;
mod pictures;
pub mod plan;
pub mod report;
pub mod results;
mod signals;
pub mod spec;
mod stress;
mod study;
mod timing;
mod transfer;

pub use error::StudyError;
pub use measure::{FieldMeasures, TileMeasures};
pub use optics::RunOptics;
pub use spec::{ClaimSpec, StudySpec, TileSize};
pub use study::{Event, Observer, StudyRequest, run};
