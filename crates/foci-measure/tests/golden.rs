//! Agreement with NumPy, SciPy and scikit-image: values from `golden/make.py`.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::Picture;
use foci_measure::measure::Better;
use foci_measure::ms_ssim::structural_similarity;
use foci_measure::psnr::psnr;
use foci_measure::stats::{ComparisonOptions, Scores, Subject, compare};
use foci_measure::wavelet::atrous;
use foci_measure::{FrequencyAnalyser, ssim};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/golden.json")).unwrap()
}

/// The formula of `make.py`.
fn images(width: usize, height: usize) -> (Picture, Picture) {
    let noise = |x: usize, y: usize, salt: u64| {
        let mixed = (x as u64 * 73_856_093) ^ (y as u64 * 19_349_663) ^ (salt * 83_492_791);
        ((mixed.wrapping_mul(2_654_435_761) & 0xffff_ffff) >> 16) as f64 / 65_536.0 - 0.5
    };
    let a = move |x: usize, y: usize| {
        let (fx, fy) = (x as f64, y as f64);
        0.5 + 0.3 * (0.21 * fx + 0.1 * fy).sin()
            + 0.15 * (0.9 * fx).sin() * (0.7 * fy).cos()
            + 0.1 * noise(x, y, 1)
    };
    let b = move |x: usize, y: usize| 0.9 * a(x, y) + 0.02 + 0.08 * noise(x, y, 2);
    (Picture::from_fn(width, height, a), Picture::from_fn(width, height, b))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn close(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = number(expected);
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{what}: {found}, golden {expected}"
    );
}

fn cases() -> Vec<(Value, Picture, Picture)> {
    let golden = golden();
    let cases = golden["cases"].as_array().unwrap();
    let with_images = |case: &Value| {
        let side = |key: &str| case[key].as_u64().unwrap() as usize;
        let (a, b) = images(side("width"), side("height"));
        (case.clone(), a, b)
    };
    cases.iter().map(with_images).collect()
}

#[test]
fn psnr_and_ssim_are_those_of_scikit_image() {
    for (case, a, b) in cases() {
        close(psnr(a.view(), b.view(), 1.0).unwrap(), &case["psnr"], 1e-7, "PSNR");
        close(ssim::ssim(a.view(), b.view(), 1.0).unwrap(), &case["ssim"], 1e-7, "SSIM");
    }
}

#[test]
fn ms_ssim_is_the_direct_computation() {
    for (case, a, b) in cases() {
        let found = structural_similarity(a.view(), b.view(), 1.0).unwrap();
        assert_eq!(found.scales as u64, case["scales"].as_u64().unwrap());
        close(found.ms_ssim, &case["ms_ssim"], 1e-6, "MS-SSIM");
    }
}

#[test]
fn rings_and_bands_are_those_of_two_separate_transforms() {
    for (case, a, b) in cases().into_iter().filter(|(case, ..)| !case["rings"].as_array().unwrap().is_empty())
    {
        let analysis =
            FrequencyAnalyser::new(a.width, a.height).unwrap().analyse(a.view(), b.view()).unwrap();
        let rings = case["rings"].as_array().unwrap();
        assert_eq!(analysis.rings.len(), rings.len());
        for (found, expected) in analysis.rings.iter().zip(rings) {
            close(found.frequency, &expected[0], 1e-12, "frequency");
            close(found.correlation, &expected[1], 1e-6, "correlation");
            close(found.transfer, &expected[2], 1e-6, "transfer");
        }
        for (found, expected) in analysis.bands.iter().zip(case["bands"].as_array().unwrap()) {
            close(found.relative_error.unwrap(), expected, 1e-6, "band error");
        }
    }
}

#[test]
fn wavelet_planes_are_those_of_a_direct_convolution() {
    for (case, a, _) in cases() {
        let split = atrous(a.view(), 3);
        for (plane, expected) in split.planes.iter().zip(case["planes"].as_array().unwrap()) {
            for (place, value) in case["places"].as_array().unwrap().iter().zip(expected.as_array().unwrap())
            {
                let at = place[1].as_u64().unwrap() as usize * a.width + place[0].as_u64().unwrap() as usize;
                close(f64::from(plane[at]), value, 1e-6, "plane");
            }
        }
    }
}

#[test]
fn one_seed_is_the_paired_t_test() {
    let paired = &golden()["paired"];
    let column = |key: &str| -> Vec<Vec<f64>> {
        paired[key].as_array().unwrap().iter().map(|value| vec![number(value)]).collect()
    };
    let scores = Scores::new(&[column("a"), column("b")]).unwrap();
    let found = compare(&scores, [0, 1], Better::Higher, &ComparisonOptions::default()).unwrap();
    assert_eq!(found.subject, Subject::TrainedNets);
    let (low, high) = (number(&paired["interval"][0]), number(&paired["interval"][1]));
    assert!((found.interval[0] - low).abs() < 1e-3 * (high - low));
    assert!((found.interval[1] - high).abs() < 1e-3 * (high - low));
    assert!((found.p / number(&paired["p"]) - 1.0).abs() < 1e-3);
}
