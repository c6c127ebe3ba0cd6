//! Plan, runs, comparison and report.
#![forbid(unsafe_code)]

pub mod report;
pub mod results;
