//! Plan, runs, comparison and report.
//!
//! [`run`] takes a [`StudyRequest`] from its specification to its report; each step is a module, in this order:
//! [`spec`] (what a person decided), [`data`], [`plan`] (what follows from it), `execute` (trials and runs),
//! `learning_rate` (what the trials say), `measure`, `timing`, `compare`, `difference`, [`claim`], [`results`], `pictures`, [`report`].
//! [`forecast::forecast`] says beforehand what it will take and what it can see; [`report_again`] and [`explain`] read what it left.
//!
//! This crate has no numerics of its own: nets are trained by `foci-train` and measured by `foci-measure`.
#![forbid(unsafe_code)]

mod again;
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
mod trace;
mod transfer;

pub use again::{read_results, report_again};
pub use error::StudyError;
pub use measure::{FieldMeasures, TileMeasures};
pub use optics::RunOptics;
pub use spec::{ClaimSpec, StudySpec, TileSize};
pub use study::{Event, Observer, StudyRequest, run};
pub use trace::explain;
