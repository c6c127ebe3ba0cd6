//! Plan, runs, comparison and report.
