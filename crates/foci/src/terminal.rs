//! What every command shares: threads, Ctrl-C, and printing results on standard output.

use crate::exit::Failure;
use anyhow::Context;
use foci_image::Interrupted;
use foci_kernels::{Compute, Simd};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();

/// As many threads as asked for, or one per core.
pub fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The worker threads.
pub fn compute(asked: Option<usize>) -> Result<Compute, Failure> {
    let simd = Simd::detect().map_err(Failure::input)?;
    Compute::new(threads(asked), simd).map_err(Failure::working)
}

/// From now on Ctrl-C asks for an orderly stop; a second one ends the program at once. Either loses nothing that was
/// written before, since files are put in their place only when they are whole.
pub fn stop_on_interrupt() -> Result<(), Failure> {
    let set = || {
        ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::SeqCst) {
                tell("stopped at once; what was saved before is whole");
                std::process::exit(130);
            }
            tell("stopping in good order; press Ctrl-C again to stop at once");
        })
        .map_err(|error| error.to_string())
    };
    HANDLER
        .get_or_init(set)
        .clone()
        .map_err(|error| Failure::working(anyhow::anyhow!("cannot listen for Ctrl-C: {error}")))
}

/// Prints a line on standard error, in place of a bar that may be there; the bar comes back by itself. A reader that has
/// hung up is no failure.
pub fn tell(line: &str) {
    let mut out = std::io::stderr();
    let clear = if out.is_terminal() { "\r\x1b[2K" } else { "" };
    let _ = writeln!(out, "{clear}{line}");
}

/// True after Ctrl-C.
pub fn stop_requested() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// An error after Ctrl-C.
pub fn go_on() -> Result<(), Interrupted> {
    if stop_requested() { Err(Interrupted) } else { Ok(()) }
}

/// Prints a result on standard output. A reader that hangs up (as `head` does) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Working(anyhow::Error::new(error).context("cannot write to standard output")))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON on standard output.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let json =
        serde_json::to_string_pretty(value).context("cannot print as JSON").map_err(Failure::Working)?;
    print(&(json + "\n"))
}

/// More pixels than any image has on a side, few enough that areas and bytes can be counted.
const MOST_SIDE: usize = 1 << 20;

/// Reads `HEIGHTxWIDTH`.
pub fn height_and_width(text: &str) -> Result<(usize, usize), Failure> {
    let parsed =
        text.split_once(['x', 'X']).and_then(|(h, w)| Some((h.trim().parse().ok()?, w.trim().parse().ok()?)));
    match parsed {
        Some((h, w)) if h > MOST_SIDE || w > MOST_SIDE => Err(Failure::input(anyhow::anyhow!(
            "'{text}' is too large; a side has {MOST_SIDE} pixels at most"
        ))),
        Some((h, w)) if h > 0 && w > 0 => Ok((h, w)),
        _ => Err(Failure::input(anyhow::anyhow!(
            "'{text}' is not a size; write HEIGHTxWIDTH in pixels, for example 512x672"
        ))),
    }
}
