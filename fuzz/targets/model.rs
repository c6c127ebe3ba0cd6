//! Models: weights of a small net, and recipes.
#![no_main]

use foci_engine::Parameters;
use foci_fuzz::tiny_net;
use foci_train::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parameters) = Parameters::from_safetensors(tiny_net(), bytes, "model.safetensors") {
        assert!(parameters.values.iter().all(|value| value.is_finite()));
    }
    let _ = serde_json::from_slice::<Recipe>(bytes);
});
