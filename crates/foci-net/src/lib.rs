//! A network architecture as data: parse, check, count, solve for a budget.
#![forbid(unsafe_code)]

mod architecture;
mod count;
mod error;
mod graph;
mod json;
mod link;
pub mod memory;
mod parse;
pub mod solve;
mod suggest;

pub use architecture::Architecture;
pub use error::{NetError, Problem};
pub use graph::{
    Activation, MAX_CHANNELS, MAX_DILATION, MAX_NODES, MAX_SCALE, Net, Node, Op, PoolKind, UpsampleMode,
};
pub use json::MemoryCost;
pub use link::WidthGroup;
