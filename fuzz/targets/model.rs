//! Models: weights of a small net, and recipes.
#![no_main]

use foci_engine::Parameters;
use foci_net::{Architecture, Net, solve};
use foci_train::Recipe;
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
    if let Ok(parameters) = Parameters::from_safetensors(net(), bytes, "model.safetensors") {
        assert!(parameters.values.iter().all(|value| value.is_finite()));
    }
    let _ = serde_json::from_slice::<Recipe>(bytes);
});
