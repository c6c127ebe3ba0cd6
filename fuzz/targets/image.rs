//! Image files: PNG, TIFF, JPEG, BMP, any page, any channel.
#![no_main]

use foci_image::ChannelChoice;
use foci_image::read::plane_from_bytes;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    for page in [None, Some(1)] {
        if let Ok((plane, info)) = plane_from_bytes(Path::new("image"), bytes, ChannelChoice::Guess, page) {
            assert_eq!(plane.data.len(), info.width * info.height);
            assert!(plane.data.iter().all(|value| value.is_finite()));
        }
    }
});
