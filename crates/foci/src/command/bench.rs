//! `foci bench`: how fast the kernels, or a whole net, run on this machine, as a share of what it can do.

use crate::arguments::BenchArguments;
use crate::exit::Failure;

/// Runs the command.
pub fn run(_flags: &BenchArguments, _threads: Option<usize>) -> Result<(), Failure> {
    Err(Failure::working(anyhow::anyhow!("not there yet")))
}
