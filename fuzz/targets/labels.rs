//! Label images.
#![no_main]

use foci_image::read::labels_from_bytes;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(labels) = labels_from_bytes(Path::new("labels"), bytes, None) {
        assert_eq!(labels.data.len(), labels.width * labels.height);
    }
});
