//! Checkpoints of a small net.
#![no_main]

use foci_net::{Architecture, Net, solve};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

fn net() -> &'static Net {
    static NET: OnceLock<Net> = OnceLock::new();
    NET.get_or_init(|| {
        let architecture = Architecture::parse(include_str!("../tiny.toml"), "tiny.toml").expect("a net");
        solve::for_weights(&architecture, 39, 1, 1).expect("its weights")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let _ = foci_train::fuzz_checkpoint(bytes, net());
});
