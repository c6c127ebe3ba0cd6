//! Do two nets differ? Paired comparison over fields and seeds, with intervals that hold for few of both.
//!
//! A study scores every net with several seeds on the same test fields: a table of fields x seeds for each net. Fields differ
//! far more among themselves than nets do, so only differences on the same field mean anything; and one
//! trained net says little about its architecture, so seeds count as much as fields.
//!
//! - [`scores`]: the table, checked;
//! - [`mod@compare`]: difference, interval, p-value, probability of improvement;
//! - [`seeds`]: how far an arm's runs scatter from seed to seed, in the light of all arms;
//! - [`variance`]: the parts of the variance of a mean difference;
//! - [`chance`]: how far chance may carry it, put together from these parts;
//! - [`mod@holm`]: adjustment for the number of comparisons;
//! - [`power`]: how large a difference must be to be seen.
//!
//! `docs/statistics.md` says in plain words what intervals and p-values mean, and how often they were right in simulated studies that
//! vary as a real one does (`tests/promise.rs`).
//!
//! All randomness comes from an explicit seed (ChaCha8), so equal input gives equal output.

pub mod chance;
pub mod compare;
mod distribution;
pub mod holm;
mod interval;
pub mod power;
mod random;
pub mod scores;
pub mod seeds;
pub mod variance;

pub(crate) use distribution::normal_distribution;

pub use compare::{ComparisonOptions, PairedComparison, Subject, compare, compare_with_fixed};
pub use holm::holm;
pub use interval::mean_interval;
pub use power::{Power, Scatter, StudySize, fields_needed, seeds_needed};
pub use scores::Scores;
