//! What targets share.

use foci_net::{Architecture, Net, solve};
use std::sync::OnceLock;

/// The smallest net of which weights and checkpoints can be read.
pub fn tiny_net() -> &'static Net {
    static NET: OnceLock<Net> = OnceLock::new();
    NET.get_or_init(|| {
        let architecture = Architecture::parse(include_str!("../tiny.toml"), "tiny.toml").expect("a net");
        solve::for_weights(&architecture, 39, 1, 1).expect("its weights")
    })
}
