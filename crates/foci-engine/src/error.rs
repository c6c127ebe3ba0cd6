//! What can go wrong between a net and its numbers: every failure of this crate, with the sizes involved.

use foci_net::memory::PlanError;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A slice does not have as many values as the shapes demand.
    #[error("{what} has {found} values, but {expected} are needed; pass a slice of exactly that length")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Values needed.
        expected: usize,
        /// Values passed.
        found: usize,
    },
    /// The net and the shape cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Memory for the net at this shape is not to be had.
    #[error(
        "net `{net}` on {n} image(s) of {h}x{w} needs {bytes} bytes{}; {}",
        .limit.map_or_else(String::new, |limit| format!(", but only {limit} may be used")),
        fits(*.fitting)
    )]
    Memory {
        /// The net.
        net: String,
        /// Images at a time.
        n: usize,
        /// Height of the image.
        h: usize,
        /// Width of the image.
        w: usize,
        /// Bytes needed.
        bytes: u64,
        /// Bytes allowed by the caller, where that was the reason.
        limit: Option<u64>,
        /// Height and width of the largest image of about the same aspect that would fit, one at a time.
        fitting: Option<(usize, usize)>,
    },
    /// Something was asked of a session that its mode or options do not provide.
    #[error("{what}; {remedy}")]
    Unavailable {
        /// What was asked.
        what: String,
        /// How to get it.
        remedy: &'static str,
    },
    /// The remembered state of an optimiser does not fit.
    #[error("state of the optimiser: `{name}` {reason}; the checkpoint belongs to another run")]
    State {
        /// The part of the state.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// A file of tensors cannot be understood.
    #[error("{file}: not a safetensors file: {reason}; it may be damaged or cut short")]
    Damaged {
        /// The file or what stands for it.
        file: String,
        /// What the reader said.
        reason: String,
    },
    /// A tensor is missing, superfluous or has the wrong shape or type.
    #[error("{file}: tensor `{tensor}`: {reason}")]
    Tensor {
        /// The file or what stands for it.
        file: String,
        /// Its name.
        tensor: String,
        /// What does not fit.
        reason: String,
    },
}

fn fits(size: Option<(usize, usize)>) -> String {
    match size {
        Some((h, w)) => {
            format!("one image of {h}x{w} would fit: use smaller images or tiles, or fewer at a time")
        }
        None => "not even one image of 16x16 would fit: use a smaller net or more memory".to_owned(),
    }
}

/// Complains if a slice has the wrong length.
pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), EngineError> {
    if expected == found { Ok(()) } else { Err(EngineError::Length { what, expected, found }) }
}
