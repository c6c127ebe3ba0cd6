//! Do two nets differ? Paired comparison over fields and seeds, with intervals that hold for few of both.
//!
//! A study scores every net with several seeds on the same test fields: a table of fields x seeds for each net. Fields differ
//! far more among themselves than nets do, so only differences on the same field mean anything; and one
//! trained net says little about its architecture, so seeds count as much as fields.
//!
//! - [`scores`]: the table, checked;
//! - [`mod@compare`]: difference, interval, p-values, probability of improvement;
//! - [`bootstrap`]: resampling of fields and seeds;
//! - [`variance`]: how uncertain the mean difference is, from an analysis of variance;
//! - [`permutation`]: sign flips over fields;
//! - [`mod@holm`]: adjustment for the number of comparisons.
//!
//! All randomness comes from an explicit seed (ChaCha8), so equal input gives equal output.

pub mod bootstrap;
pub mod compare;
mod distribution;
pub mod holm;
pub mod permutation;
mod random;
pub mod scores;
pub mod variance;

pub use compare::{ComparisonOptions, PairedComparison, compare};
pub use holm::holm;
pub use scores::PairedScores;
