//! Checkpoints of a small net.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = foci_train::fuzz_checkpoint(bytes, foci_fuzz::tiny_net());
});
