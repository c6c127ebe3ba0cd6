//! Study files.
#![no_main]

use foci_study::StudySpec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(spec) = StudySpec::parse(text, "study.toml") {
        assert!(spec.check().is_ok() && !spec.arms.is_empty());
    }
});
