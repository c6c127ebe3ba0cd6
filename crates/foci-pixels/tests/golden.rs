//! Agreement with SciPy and scikit-image: values from `golden/make.py`.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

use foci_image::Plane;
use foci_pixels::FeatureBank;
use foci_pixels::features::SCALES_PX;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn features_are_those_of_scipy_and_scikit_image() {
    let golden: Value = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    assert_eq!(numbers(&golden["scales"]), SCALES_PX);
    let step = golden["step"].as_u64().unwrap() as usize;
    let bank = FeatureBank::new(&SCALES_PX).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let data: Vec<f32> = numbers(&case["image"]).into_iter().map(|value| value as f32).collect();
        let width = case["width"].as_u64().unwrap() as usize;
        let plane = Plane { width, height: data.len() / width, data };
        let found = bank.of_rows(&plane, 0..plane.height);
        let expected = case["features"].as_array().unwrap();
        assert_eq!(expected.len(), bank.features());
        let features = found.chunks_exact(plane.data.len()).zip(expected).zip(bank.names());
        for ((found, expected), name) in features {
            let expected = numbers(expected);
            assert_eq!(expected.len(), found.len().div_ceil(step));
            let span = expected.iter().fold(0.0_f64, |span, value| span.max(value.abs()));
            for (found, expected) in found.iter().step_by(step).zip(&expected) {
                // Single precision: pixels of a few hundred, whose differences at 10 px are a few hundredths.
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-4 * span.max(0.2), "{name}: {found} {expected}");
            }
        }
    }
}
