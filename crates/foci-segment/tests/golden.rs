//! Agreement with SciPy and scikit-image: values from `golden/make.py`.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

use foci_image::components::{Connectivity, connected_components, remove_small_objects};
use foci_image::{LabelImage, Plane};
use foci_segment::filter::{gaussian, morphological_gradient};
use foci_segment::maxima::regional_maxima;
use foci_segment::watershed::watershed;
use foci_segment::{Levels, threshold};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn plane(case: &Value, key: &str) -> Plane {
    let data: Vec<f32> = numbers(case, key).into_iter().map(|value| value as f32).collect();
    let width = case["width"].as_u64().unwrap() as usize;
    Plane { width, height: data.len() / width, data }
}

fn labels(case: &Value, key: &str) -> LabelImage {
    let Plane { width, height, data } = plane(case, key);
    LabelImage { width, height, data: data.into_iter().map(|value| value as u32).collect() }
}

#[test]
fn filters_and_thresholds_are_those_of_scipy_and_scikit_image() {
    for case in cases() {
        let image = plane(&case, "image");
        let smooth = gaussian(&image, 1.2).unwrap();
        for (found, expected) in smooth.data.iter().step_by(5).zip(numbers(&case, "gaussian")) {
            assert!((f64::from(*found) - expected).abs() < 1e-3, "{found} {expected}");
        }
        assert_eq!(morphological_gradient(&image), plane(&case, "gradient"));
        let levels = Levels::of(&image);
        assert_eq!(threshold::otsu(&levels), case["otsu"].as_f64().unwrap());
        // scikit-image lists every level that is its own middle, without what lies behind the point.
        let isodata = threshold::ridler_calvard(&levels).floor();
        assert!(numbers(&case, "isodata").iter().any(|known| known.floor() == isodata), "{isodata} {case}");
    }
}

#[test]
fn maxima_floods_and_components_are_those_of_scipy_and_scikit_image() {
    for case in cases() {
        let seeds = labels(&case, "seeds");
        assert_eq!(regional_maxima(&plane(&case, "smooth")), seeds);
        let relief = Levels::of(&plane(&case, "relief"));
        assert_eq!(watershed(&relief, &seeds).unwrap(), labels(&case, "watershed"));
        let image = plane(&case, "image");
        let otsu = case["otsu"].as_f64().unwrap();
        let data = image.data.iter().map(|&value| u32::from(f64::from(value) > otsu)).collect();
        let mask = LabelImage { data, ..labels(&case, "seeds") };
        let mut four = connected_components(&mask, Connectivity::Four);
        assert_eq!(four, labels(&case, "four"));
        assert_eq!(connected_components(&mask, Connectivity::Eight), labels(&case, "eight"));
        remove_small_objects(&mut four, 9);
        assert_eq!(four, labels(&case, "large"));
    }
}
