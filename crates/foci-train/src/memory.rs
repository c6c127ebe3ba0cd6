//! How much memory may be used: what the system says is free, so that a net that is too large ends in a
//! message and not in the system killing the program.

use foci_engine::{EngineError, PlanOptions, Session, SessionOptions, Shape};
use foci_kernels::Compute;
use foci_net::Net;

/// A session that refuses to need more memory than is free beside the `promised` bytes: those of other sessions, which the
/// system counts as free until they are used.
///
/// # Errors
/// As [`Session::with_options`]; the message names the bytes and the largest image that would fit.
pub(crate) fn session(
    net: &Net,
    shape: Shape,
    plan: PlanOptions,
    compute: &Compute,
    promised: u64,
) -> Result<Session, EngineError> {
    let options =
        SessionOptions { plan, memory_limit: free_bytes().map(|free| free.saturating_sub(promised)) };
    Session::with_options(net, shape, options, compute)
}

/// Whether a plan of the net for one image fits into the memory that is free, of which `among` want the same.
pub(crate) fn fits(net: &Net, (height, width): (usize, usize), plan: PlanOptions, among: usize) -> bool {
    net.bytes(height, width, plan).is_ok_and(|needed| has_room(needed, among))
}

/// Whether there is room for so many bytes in the memory that is free, of which `among` want as many. What is not known is found out by trying.
pub(crate) fn has_room(bytes: u64, among: usize) -> bool {
    free_bytes().is_none_or(|free| bytes <= free / among.max(1) as u64)
}

/// Bytes of memory that are free for a program; unknown (and then not limited) on systems that do not say.
fn free_bytes() -> Option<u64> {
    free_in(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// The line `MemAvailable` of Linux's `/proc/meminfo` (proc(5)), which counts in KiB.
fn free_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_to_others_is_not_free() {
        let architecture = foci_net::Architecture::load("fcn").unwrap();
        let net = foci_net::solve::for_weights(&architecture, 5_000, 1, 1).unwrap();
        let compute = Compute::new(1, foci_kernels::Simd::Scalar).unwrap();
        let shape = Shape { n: 1, h: 16, w: 16 };
        let of = |promised| {
            let plan = PlanOptions::new(foci_engine::Mode::Inference);
            session(&net, shape, plan, &compute, promised).map(|_| ())
        };
        of(0).unwrap();
        assert!(has_room(1, 2));
        if free_bytes().is_some() {
            assert!(!has_room(u64::MAX, 1) && !has_room(1, usize::MAX));
            assert!(matches!(of(u64::MAX), Err(EngineError::Memory { .. })));
        }
    }

    #[test]
    fn the_line_of_free_memory_is_found() {
        assert_eq!(free_in("MemTotal:  100 kB\nMemAvailable:   24 kB\n"), Some(24 * 1024));
        assert_eq!(free_in("MemTotal:  100 kB\n"), None);
        assert_eq!(free_in("MemAvailable: much kB\n"), None);
    }
}
