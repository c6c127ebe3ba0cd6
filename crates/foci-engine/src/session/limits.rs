//! When memory does not suffice: how much there is, and which image it would do for.

use foci_net::Net;
use foci_net::memory::{MemoryPlan, Shape, largest_image};

use crate::error::EngineError;

/// The error for a plan that needs more than `available` bytes, with the largest image that these do for.
pub(super) fn out_of_memory(net: &Net, plan: &MemoryPlan, limit: Option<u64>, available: u64) -> EngineError {
    let Shape { n, h, w } = plan.shape;
    let fitting = largest_image(net, plan.options, available, w as f64 / h as f64);
    EngineError::Memory { net: net.name.clone(), n, h, w, bytes: plan.bytes.total(), limit, fitting }
}

/// About how many bytes the system would hand out in one piece, found by asking for ever fewer.
pub(super) fn obtainable(refused: u64) -> u64 {
    let mut bytes = refused / 2;
    while bytes > 0 {
        let asked = usize::try_from(bytes).unwrap_or(usize::MAX);
        if Vec::<u8>::new().try_reserve_exact(asked).is_ok() {
            return bytes;
        }
        bytes /= 2;
    }
    0
}

/// Zeros, or none if there is no memory for them.
pub(super) fn zeros(count: usize) -> Option<Vec<f32>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).ok()?;
    values.resize(count, 0.0);
    Some(values)
}
