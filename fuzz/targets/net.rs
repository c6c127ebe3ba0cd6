//! Nets: architectures in TOML, resolved graphs in JSON, and what is counted of those that are accepted.
#![no_main]

use foci_net::memory::{Mode, PlanOptions};
use foci_net::{Architecture, Net, solve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(architecture) = Architecture::parse(text, "net.toml")
        && let Ok(net) = solve::for_weights(&architecture, 5_000, 1, 1)
    {
        check(&net);
    }
    if let Ok(net) = Net::from_json(text, "net.json") {
        check(&net);
    }
});

fn check(net: &Net) {
    let _ = (net.weights(), net.macs_per_pixel(), net.receptive_field(), net.layers());
    let _ = net.bytes(64, 64, PlanOptions::new(Mode::Training));
    let again = Net::from_json(&net.to_json(None), "written").expect("what is written is read");
    assert_eq!(again.weights(), net.weights());
}
