//! The budget solver: widths with which a net costs what it may cost.
//!
//! Nets are comparable only at equal budgets, and widths are whole numbers, so the solver first finds the scale
//! at which all widths together come nearest, then adjusts single layers until the budget is met within
//! [`TOLERANCE`]. Of all widths that it finds it takes those with the least *cost*: for each layer the square of
//! how far it is from its share (in tenths, as a logarithm). Any number of channels takes the time and memory that
//! it holds, so no width is better than its neighbours. Nothing is random, and no clock is read: the same file and budget give the same net everywhere.

mod search;

use thiserror::Error;

use crate::architecture::Architecture;
use crate::error::NetError;
use crate::graph::Net;
use crate::ties::WidthGroup;
use search::Search;

/// How near a budget must be met, relative to it: 0.5 %.
pub const TOLERANCE: f64 = 0.005;

/// A budget that an architecture cannot meet.
#[derive(Debug, Error)]
pub enum SolveError {
    /// No widths near the given proportions meet the budget.
    #[error(
        "net `{net}` cannot have {wanted} {unit} within {} %: the nearest it can have is {nearest} (widths {widths}); \
         ask for that, or change the relative widths in its file",
        TOLERANCE * 100.0
    )]
    NotReachable {
        /// Name of the net.
        net: String,
        /// What was counted.
        unit: &'static str,
        /// The budget.
        wanted: f64,
        /// The nearest count found.
        nearest: f64,
        /// The widths that have it, as "enc1 4, enc2 8".
        widths: String,
    },
    /// A budget that is no positive number.
    #[error("a budget of {wanted} {unit} is none; ask for a number above zero")]
    NoBudget {
        /// What was to be counted.
        unit: &'static str,
        /// The budget.
        wanted: f64,
    },
    /// The net itself does not resolve.
    #[error(transparent)]
    Net(#[from] NetError),
}

/// The net of `architecture` with `weights` trainable numbers, within [`TOLERANCE`].
///
/// # Errors
/// [`SolveError::NotReachable`] names the nearest count.
pub fn for_weights(
    architecture: &Architecture,
    weights: u64,
    channels_in: usize,
    channels_out: usize,
) -> Result<Net, SolveError> {
    for_budget(architecture, "weights", weights as f64, |net| net.weights() as f64, channels_in, channels_out)
}

/// The net of `architecture` for which `measure` gives `budget`, within [`TOLERANCE`].
///
/// `measure` may count anything that grows with the widths: multiply-adds per pixel, bytes to train.
/// `unit` names it in errors. It is called some ten thousand times.
///
/// # Errors
/// [`SolveError::NotReachable`] names the nearest count.
pub fn for_budget(
    architecture: &Architecture,
    unit: &'static str,
    budget: f64,
    measure: impl Fn(&Net) -> f64,
    channels_in: usize,
    channels_out: usize,
) -> Result<Net, SolveError> {
    if !(budget.is_finite() && budget > 0.0) {
        return Err(SolveError::NoBudget { unit, wanted: budget });
    }
    let groups = architecture.widths();
    let smallest: Vec<usize> = groups.iter().map(WidthGroup::fewest).collect();
    // What is wrong with the net itself, its channels in and out included, is said before the search.
    architecture.resolve(&smallest, channels_in, channels_out)?;
    let mut search = Search::new(architecture, budget, measure, channels_in, channels_out);
    match search.run() {
        Some(widths) => Ok(architecture.resolve(&widths, channels_in, channels_out)?),
        None => {
            let (nearest, widths) = search.nearest();
            let named =
                groups.iter().zip(widths).take(20).map(|(group, width)| {
                    format!("{} {width}", group.layers.first().map_or("", String::as_str))
                });
            let widths = named.collect::<Vec<_>>().join(", ");
            Err(SolveError::NotReachable {
                net: architecture.name().to_owned(),
                unit,
                wanted: budget,
                nearest,
                widths,
            })
        }
    }
}
