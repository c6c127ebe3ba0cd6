//! Files of pixel classifiers; those that are accepted must work.
#![no_main]

use foci_image::{Plane, Workers};
use foci_pixels::PixelClassifier;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(classifier) = PixelClassifier::from_bytes(bytes) {
        let plane = Plane { width: 6, height: 5, data: (0..30).map(|at| at as f32 / 30.0).collect() };
        let _ = classifier.predict(&plane, &mut Workers::new(1));
    }
});
