//! Measures of label images agree with StarDist, SciPy and scikit-image: values from `golden/make_labels.py`.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

use foci_measure::labels::distance::squared_distances;
use foci_measure::labels::matching::thresholds;
use foci_measure::labels::shape::shapes;
use foci_measure::{ImageView, LABEL_MEASURES, LabelMeasures, LabelView, measure_labels};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("golden/labels.json")).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn image(runs: &Value) -> Vec<u32> {
    let run = |run: &Value| vec![run[0].as_u64().unwrap() as u32; run[1].as_u64().unwrap() as usize];
    runs.as_array().unwrap().iter().flat_map(run).collect()
}

fn measured(case: &Value) -> LabelMeasures {
    let (truth, predicted) = (image(&case["truth"]), image(&case["predicted"]));
    let width = case["width"].as_u64().unwrap() as usize;
    let view = |labels| LabelView::new(width, truth.len() / width, labels).unwrap();
    measure_labels(view(&truth), view(&predicted)).unwrap()
}

/// `null` is what the libraries leave undefined; what foci says there is tested beside its definition.
fn close(found: f64, expected: &Value, tolerance: f64, what: &str) {
    if let Some(expected) = expected.as_f64() {
        assert!((found - expected).abs() <= tolerance, "{what}: {found}, but {expected}");
    }
}

#[test]
fn matches_are_those_of_stardist() {
    let (mut compared, mut halves) = (0, 0);
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let measured = measured(&case);
        let expected = case["matches"].as_array().unwrap();
        for ((found, threshold), expected) in measured.matches.iter().zip(thresholds()).zip(expected) {
            let counts = [found.matched, found.invented, found.missed];
            let same = (0..3).all(|i| expected[i].as_u64() == Some(counts[i] as u64));
            assert!(same, "{name} at {threshold}: {counts:?}, but {expected}");
            // Where there is nothing at all, StarDist says 0 and foci 1.
            if counts == [0; 3] {
                assert_eq!(
                    (found.average_precision(), found.f1(), found.panoptic_quality()),
                    (1.0, 1.0, 1.0)
                );
                continue;
            }
            // StarDist has intersection over union as 32-bit floats.
            close(found.average_precision(), &expected[3], 1e-12, name);
            close(found.precision(), &expected[4], 1e-12, name);
            close(found.recall(), &expected[5], 1e-12, name);
            close(found.f1(), &expected[6], 1e-12, name);
            close(found.panoptic_quality(), &expected[7], 1e-6, name);
            compared += counts[0];
        }
        let average = |expected: &Value| {
            // Nothing at all is 1, as above.
            let nothing = (0..3).all(|i| expected[i].as_u64() == Some(0));
            if nothing { 1.0 } else { expected[3].as_f64().unwrap() }
        };
        let mean = expected.iter().map(average).sum::<f64>() / 10.0;
        assert!((measured.mean_average_precision() - mean).abs() < 1e-12, "{name}");
        halves += measured.matches[0].matched - measured.matches[1].matched;
    }
    assert!(compared > 100, "{compared} matches are too few to say anything");
    assert!(halves >= 4, "objects that match at exactly one half are missing: {halves}");
}

#[test]
fn areas_and_boundaries_are_those_of_scipy_and_scikit_image() {
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let measured = measured(&case);
        close(measured.foreground.dice(), &case["dice"], 1e-12, name);
        close(measured.foreground.iou(), &case["iou"], 1e-12, name);
        close(measured.aggregated_jaccard, &case["aggregated_jaccard"], 1e-12, name);
        close(measured.boundary_f, &case["boundary_f"], 1e-12, name);
    }
}

#[test]
fn shapes_are_those_of_scikit_image() {
    let mut compared = 0;
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let truth = image(&case["truth"]);
        let width = case["width"].as_u64().unwrap() as usize;
        let columns: Vec<f32> = (0..truth.len()).map(|at| (at % width) as f32).collect();
        let labels = LabelView::new(width, truth.len() / width, &truth).unwrap();
        let found = shapes(labels, ImageView::new(width, truth.len() / width, &columns).unwrap()).unwrap();
        let expected = case["shapes"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (shape, expected) in found.iter().zip(expected) {
            assert_eq!(Some(u64::from(shape.label)), expected[0].as_u64(), "{name}");
            assert_eq!(Some(shape.area as u64), expected[1].as_u64(), "{name}");
            close(shape.centroid_x, &expected[2], 1e-9, name);
            close(shape.centroid_y, &expected[3], 1e-9, name);
            close(shape.perimeter, &expected[4], 1e-9, name);
            // The smaller eigenvalue of a line is a difference that cancels.
            close(shape.eccentricity, &expected[5], 1e-7, name);
            close(shape.mean_intensity, &expected[6], 1e-9, name);
            compared += 1;
        }
    }
    assert!(compared >= 40, "{compared} objects are too few to say anything");
}

#[test]
fn pairs_errors_and_outlines_are_those_of_their_definitions() {
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let measured = measured(&case);
        let pairs = measured.pairs;
        let pairs = [pairs.together, pairs.merged, pairs.parted, pairs.apart];
        for (found, expected) in pairs.iter().zip(case["pairs"].as_array().unwrap()) {
            assert_eq!(u64::try_from(*found).ok(), expected.as_u64(), "{name}: {pairs:?}");
        }
        let errors = measured.errors;
        let errors = [errors.split, errors.merged, errors.spurious, errors.missing];
        for (found, expected) in errors.iter().zip(case["errors"].as_array().unwrap()) {
            assert_eq!(Some(*found as u64), expected.as_u64(), "{name}: {errors:?}");
        }
        if let Some(outlines) = measured.outlines {
            close(outlines.hausdorff, &case["outlines"][0], 1e-9, name);
            close(outlines.normalised_sum, &case["outlines"][1], 1e-9, name);
        }
    }
}

#[test]
fn distances_are_those_of_scipy() {
    for case in cases() {
        let (truth, width) = (image(&case["truth"]), case["width"].as_u64().unwrap() as usize);
        if truth.iter().all(|&label| label == 0) {
            continue; // SciPy has no distance from an empty set.
        }
        let squared = squared_distances(width, truth.len() / width, |index| truth[index] != 0);
        let some = squared.iter().step_by(7).map(|&distance| Some(distance));
        let expected = case["distance_from_truth"].as_array().unwrap().iter().map(Value::as_u64);
        assert!(some.eq(expected), "{}", case["name"]);
    }
}

#[test]
fn every_measure_has_a_name_of_its_own_and_a_perfect_result_is_the_best() {
    let case = &cases()[0];
    let truth = image(&case["truth"]);
    let view = LabelView::new(56, 44, &truth).unwrap();
    let (perfect, other) = (measure_labels(view, view).unwrap().values(), measured(case).values());
    assert_eq!(perfect.len(), LABEL_MEASURES.len());
    for measure in LABEL_MEASURES {
        let (best, worse) = (perfect[measure.key], other[measure.key]);
        match measure.better {
            foci_measure::measure::Better::Higher => assert!(best >= worse, "{}", measure.key),
            foci_measure::measure::Better::Lower => assert!(best == 0.0 && worse >= 0.0, "{}", measure.key),
        }
    }
}
