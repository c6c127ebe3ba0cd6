//! The hand-segmented fields of Coelho et al. 2009, read from where they lie; skipped without them.
//!
//! Expected are the cells that SciPy and scikit-image give for the same 19 fields:
//! `python tools/coelho2009.py coelho2009 --fold 0 --only foci`.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const KEYS: [(&str, f64); 8] = [
    ("rand", 100.0),
    ("pair_jaccard", 1.0),
    ("hausdorff", 1.0),
    ("normalised_sum_of_distances", 10.0),
    ("split", 1.0),
    ("merged", 1.0),
    ("spurious", 1.0),
    ("missing", 1.0),
];

fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = std::env::var_os("FOCI_DATA").map_or_else(beside, PathBuf::from).join("coelho2009");
    if !found.join("masks").is_dir() {
        eprintln!("skipped: no hand-segmented fields in {}; set FOCI_DATA", found.display());
        return None;
    }
    Some(found)
}

/// Copies every fifth field of both collections that has a mask.
fn copy_fold(from: &Path, to: &Path) {
    for part in ["images", "masks"] {
        fs::create_dir_all(to.join(part)).unwrap();
    }
    for (collection, number) in ["gnf", "ic100"].iter().flat_map(|c| (0..50).step_by(5).map(move |k| (c, k)))
    {
        let name = format!("{collection}-{number:02}.png");
        if from.join("masks").join(&name).is_file() {
            for part in ["images", "masks"] {
                fs::copy(from.join(part).join(&name), to.join(part).join(&name)).unwrap();
            }
        }
    }
}

/// Cells of U2OS and of NIH3T3.
fn cells(data: &str, method: &str, out: &str) -> [[f64; 8]; 2] {
    foci(&["predict", method, data, "--smallest", "2500", "--out", out]).succeeds();
    let run = foci(&["evaluate", "--truth", data, "--pred", out, "--json"]);
    run.succeeds();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let images = found["images"].as_array().unwrap();
    assert_eq!(images.len(), 19);
    ["gnf-", "ic100-"].map(|collection| {
        let own: Vec<_> =
            images.iter().filter(|image| image["name"].as_str().unwrap().starts_with(collection)).collect();
        KEYS.map(|(key, scale)| {
            let sum: f64 = own.iter().map(|image| image["metrics"][key].as_f64().unwrap()).sum();
            scale * sum / own.len() as f64
        })
    })
}

#[test]
fn classical_methods_have_the_cells_of_an_independent_program() {
    let Some(folder) = folder() else { return };
    let place = Workplace::new();
    copy_fold(&folder, &place.path("data"));
    // Thresholds are the same to the pixel, so only the last printed digit is open. Seeds of watersheds depend on how a smoothed value
    // that lies between two grey levels is rounded, and one seed more or less parts a nucleus.
    #[rustfmt::skip]
    let expected = [
        ("otsu", 0.0051, [[94.01, 2.36, 24.17, 0.58, 0.00, 0.70, 0.10, 4.50], [84.33, 2.05, 18.21, 1.62, 0.00, 2.78, 1.67, 7.11]]),
        ("ridler-calvard", 0.0051, [[94.10, 2.36, 23.99, 0.56, 0.00, 0.70, 0.10, 4.40], [84.29, 2.03, 18.61, 1.65, 0.00, 3.00, 1.89, 6.67]]),
        ("mean-threshold", 0.0051, [[97.13, 2.41, 12.77, 0.60, 0.00, 1.90, 0.40, 3.40], [83.27, 1.85, 19.15, 1.85, 0.00, 4.44, 2.11, 3.00]]),
        ("watershed", 0.5, [[91.94, 1.94, 31.46, 3.13, 10.40, 0.40, 1.10, 2.60], [78.42, 1.50, 19.15, 3.13, 1.11, 0.33, 10.00, 3.89]]),
    ];
    for (method, tolerance, cells_expected) in expected {
        let found = cells(&place.text("data"), method, &place.text(method));
        for (found, expected) in found.iter().zip(&cells_expected) {
            for ((key, _), (found, expected)) in KEYS.iter().zip(found.iter().zip(expected)) {
                assert!(
                    (found - expected).abs() <= tolerance,
                    "{method}, {key}: {found:.3}, but SciPy and scikit-image have {expected}"
                );
            }
        }
    }
}
