//! Do two nets differ? Paired comparison over fields and seeds, with intervals that hold for few of both.
//!
//! A study scores every net with several seeds on the same test fields: a table of fields x seeds for each net. Fields differ
//! far more among themselves than nets do, so only differences on the same field mean anything; and one
//! trained net says little about its architecture, so seeds count as much as fields.
//!
//! - [`scores`]: the table, checked;
//! - [`mod@compare`]: difference, interval, p-value, probability of improvement;
//! - [`bootstrap`]: resampling of fields and seeds;
//! - [`seeds`]: how far an arm's runs scatter from seed to seed, in the light of all arms;
//! - [`variance`]: how far chance may carry the mean difference;
//! - [`mod@holm`]: adjustment for the number of comparisons.
//!
//! # How often nothing is taken for something
//!
//! Holm's adjustment looks far into the tail: among sixty comparisons, the smallest p-value must be below .05/60. So the rate
//! of false findings is counted there as well, in simulated studies of seven arms that are equally good (4000 studies for
//! each line; `table_of_rates` in `tests/coverage.rs`). The rate over the promised one, 1 or less being right, at
//! .05, .05/6 and .05/60; on average over all pairs, which is what bounds the chance of any false finding in a family, and in
//! brackets for pairs with the first arm:
//!
//! | fields x seeds | standard deviations (fields, seeds, rest) | all arms scatter alike | first arm's seeds scatter 3 times as much |
//! |---|---|---|---|
//! | 20 x 3 | .5, .3, .3 | 0.26 0.03 0.00 (0.27 0.03 0.00) | 0.42 0.24 0.06 (1.04 0.80 0.20) |
//! | 20 x 3 | .1, .3, .1 | 0.30 0.04 0.00 (0.31 0.05 0.00) | 0.45 0.26 0.17 (1.15 0.89 0.60) |
//! | 10 x 2 | .5, .3, .3 | 0.20 0.02 0.00 (0.17 0.01 0.00) | 0.34 0.08 0.00 (0.78 0.22 0.00) |
//! | 10 x 2 | .1, .3, .1 | 0.32 0.10 0.00 (0.26 0.04 0.00) | 0.47 0.20 0.00 (1.03 0.50 0.00) |
//! | 10 x 3 | .5, .3, .3 | 0.23 0.02 0.00 (0.21 0.02 0.00) | 0.33 0.11 0.00 (0.78 0.34 0.00) |
//! | 10 x 3 | .1, .3, .1 | 0.27 0.04 0.00 (0.25 0.03 0.00) | 0.41 0.20 0.03 (1.00 0.66 0.10) |
//! | 5 x 3 | .5, .3, .3 | 0.18 0.01 0.00 (0.17 0.02 0.00) | 0.26 0.05 0.00 (0.58 0.18 0.00) |
//! | 5 x 3 | .1, .3, .1 | 0.24 0.03 0.00 (0.24 0.03 0.00) | 0.40 0.21 0.01 (1.00 0.69 0.05) |
//!
//! At .05/60 only a few findings are counted even at the promised rate (70 over all pairs, 20 with the first arm).
//!
//! The price is power with few seeds: with 20 fields, 3 seeds and standard deviations .5, .3, .3, a difference of ten times the
//! standard deviation that seeds give it is found at .05/60 in 95 % of studies of seven arms and in 90 % of those of
//! four. An arm that scatters three times as much as the others has it found in 70 %. With two
//! seeds and 10 fields it is 20 %.
//!
//! What three runs cannot tell: if *one* arm scatters ten times as much as all others and its runs happen to lie close
//! together, its pairs are found about five times too often at .05/60 (1.5 times over all pairs of seven arms); and a failure that
//! strikes one run in ten goes unseen in most studies.
//!
//! All randomness comes from an explicit seed (ChaCha8), so equal input gives equal output.

pub mod bootstrap;
pub mod compare;
mod distribution;
pub mod holm;
mod interval;
mod random;
pub mod scores;
pub mod seeds;
pub mod variance;

pub(crate) use distribution::normal_distribution;

pub use compare::{ComparisonOptions, PairedComparison, Subject, compare};
pub use holm::holm;
pub use interval::mean_interval;
pub use scores::Scores;
