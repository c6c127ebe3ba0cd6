//! `results.json`: the report of whatever is accepted is made.
#![no_main]

use foci_study::results::Results;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut results) = serde_json::from_slice::<Results>(bytes) {
        // Names of runs become names of files, which the system may not allow.
        results.optics.clear();
        let folder = Path::new("/nowhere");
        foci_study::report_again(&results, folder).expect("a report");
        let _ = foci_study::report::summary_text(&results);
        let _ = foci_study::explain(&results, folder, "unet.psnr");
        let _ = foci_study::explain(&results, folder, "unet:fcn.psnr");
    }
});
