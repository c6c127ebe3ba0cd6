//! Fields divided into training, validation and test, without ever parting siblings.
//!
//! What is divided are groups: tiles of one field, neighbouring fields of one slide, sections of one
//! stack look alike, and a net tested on a sibling of what it has learned from is tested on its memory.

use serde::{Deserialize, Serialize};

/// How to divide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitOptions {
    /// Share of the groups that is held out for the test, when `folds` is 0 or 1 (between 0 and 1).
    pub test_share: f64,
    /// Share of the groups that remain after the test, used to tune and to stop (between 0 and 1).
    pub validation_share: f64,
    /// Number of folds of a cross-validation; 0 or 1 for a single split.
    pub folds: usize,
    /// Which fold is the test, from 0.
    pub fold: usize,
    /// Seed of the shuffle.
    pub seed: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { test_share: 0.2, validation_share: 0.2, folds: 0, fold: 0, seed: 0 }
    }
}

/// Indices into [`crate::Dataset::fields`], each ascending; no field is in two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Fields to learn from.
    pub train: Vec<usize>,
    /// Fields to tune by.
    pub validation: Vec<usize>,
    /// Fields touched once, at the end.
    pub test: Vec<usize>,
}
