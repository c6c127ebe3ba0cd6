//! Prints the net.json of an architecture at a weight budget, for programs in other languages.
//!
//!     cargo run --release -p foci-net --example resolve -- unet 67000
//!     cargo run --release -p foci-net --example resolve -- my-net.toml 67000 3 2    # 3 channels in, 2 out

use std::io::Write;
use std::process::ExitCode;

use foci_net::{Architecture, solve};

fn main() -> ExitCode {
    match resolve(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(json) => match std::io::stdout().write_all(json.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(1),
        },
        Err(message) => {
            // Nothing is left to do if standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            ExitCode::from(2)
        }
    }
}

fn resolve(arguments: &[String]) -> Result<String, String> {
    let usage = "usage: resolve NET|FILE WEIGHTS [CHANNELS_IN CHANNELS_OUT]";
    let number = |index: usize, default: Option<usize>| match arguments.get(index) {
        Some(text) => text.parse::<usize>().map_err(|error| format!("`{text}`: {error}; {usage}")),
        None => default.ok_or_else(|| usage.to_owned()),
    };
    let name = arguments.first().ok_or(usage)?;
    let (weights, channels_in, channels_out) = (number(1, None)?, number(2, Some(1))?, number(3, Some(1))?);
    let architecture = Architecture::load(name).map_err(|error| error.to_string())?;
    let net = solve::for_weights(&architecture, weights as u64, channels_in, channels_out);
    net.map(|net| net.to_json(None)).map_err(|error| error.to_string())
}
