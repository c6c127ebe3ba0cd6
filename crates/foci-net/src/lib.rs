//! A network architecture as data: parse, check, count, solve for a budget.
#![forbid(unsafe_code)]

mod count;
mod error;
mod graph;
mod json;

pub use error::{NetError, Problem};
pub use graph::{
    Activation, MAX_CHANNELS, MAX_DILATION, MAX_NODES, MAX_SCALE, Net, Node, Op, PoolKind, UpsampleMode,
};
pub use json::MemoryCost;
