//! Laws that hold for any image.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::{Picture, white_noise};
use foci_measure::measure::{Better, Measure};
use foci_measure::psnr::{mean_squared_error, psnr_capped};
use foci_measure::ssim::ssim;
use foci_measure::stats::{ComparisonOptions, Scores, compare};
use foci_measure::{FrequencyAnalyser, ReconstructionMeter};
use proptest::prelude::*;

fn image() -> impl Strategy<Value = Picture> {
    (64usize..100, 64usize..90, 0u64..1000, 0.01f64..0.5, 0.0f64..3.0).prop_map(
        |(w, h, seed, sigma, blur)| {
            let noise = white_noise(w, h, 0.4, sigma, seed);
            if blur > 0.5 { noise.blurred(blur) } else { noise }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn errors_are_symmetric_and_bounded(a in image(), seed in 0u64..100) {
        let noise = white_noise(a.width, a.height, 0.0, 0.1, seed);
        let b = a.map(|i, v| f64::from(v) + f64::from(noise.data[i]));
        let (forth, back) = (ssim(a.view(), b.view(), 1.0).unwrap(), ssim(b.view(), a.view(), 1.0).unwrap());
        prop_assert!((forth - back).abs() < 1e-12);
        prop_assert!((-1.0..=1.0).contains(&forth));
        let error = mean_squared_error(a.view(), b.view()).unwrap();
        prop_assert_eq!(error, mean_squared_error(b.view(), a.view()).unwrap());
        prop_assert!((psnr_capped(a.view(), b.view(), 1.0).unwrap() + 10.0 * error.log10()).abs() < 1e-9);
    }

    #[test]
    fn spectra_keep_their_laws(a in image(), gain in 0.1f64..2.0, offset in -0.5f64..0.5) {
        let b = a.map(|_, v| gain * f64::from(v) + offset);
        let analysis = FrequencyAnalyser::new(a.width, a.height).unwrap().analyse(a.view(), b.view()).unwrap();
        let share: f64 = analysis.bands.iter().map(|band| band.original_share).sum();
        prop_assert!((share - 1.0).abs() < 1e-9);
        // Correlation ignores the gain, transfer is the gain, and the error is (1 - gain)^2 in every band. Fine rings
        // of a blurred image hold nothing but the rounding of f32.
        for ring in analysis.rings.iter().filter(|ring| ring.frequency < 0.05) {
            prop_assert!((ring.correlation - 1.0).abs() < 1e-4);
            prop_assert!((ring.transfer - gain).abs() < 1e-3);
        }
        prop_assert!((analysis.bands[0].relative_error.unwrap() - (1.0 - gain).powi(2)).abs() < 1e-3);
    }

    #[test]
    fn every_measure_stays_between_worst_and_best(a in image(), b_seed in 0u64..50, mix in 0.0f64..1.0) {
        let other = white_noise(a.width, a.height, 0.4, 0.3, b_seed);
        let b = a.map(|i, v| (1.0 - mix) * f64::from(v) + mix * f64::from(other.data[i]));
        let mut meter = ReconstructionMeter::new(a.width, a.height).unwrap();
        let reference = meter.reference(a.view(), None).unwrap();
        for (key, value) in meter.measure(&reference, b.view()).unwrap().values() {
            let measure = Measure::from_key(key).unwrap();
            prop_assert!(value.is_finite());
            if measure.better() == Better::Higher && measure != Measure::TransferCutoff {
                // Structural similarity is a correlation: against noise it scatters about its worst, 0.
                let least = if matches!(measure, Measure::Ssim | Measure::MsSsim) { -1.0 } else { measure.worst() };
                prop_assert!(value >= least - 1e-9 && value <= measure.best() + 1e-9, "{} {}", key, value);
            } else {
                prop_assert!(value >= 0.0);
            }
        }
    }

    #[test]
    fn comparisons_are_antisymmetric_and_free_of_nan(
        table in prop::collection::vec(prop::collection::vec((-3i32..4, -3i32..4), 3), 2..7),
        seeds in 1usize..4,
    ) {
        let pick = |which: fn(&(i32, i32)) -> i32| -> Vec<Vec<f64>> {
            table.iter().map(|row| row[..seeds].iter().map(|pair| f64::from(which(pair))).collect()).collect()
        };
        let (a, b) = (pick(|p| p.0), pick(|p| p.1));
        let options = ComparisonOptions::default();
        let of = |a: &[Vec<f64>], b: &[Vec<f64>]| {
            compare(&Scores::new(&[a.to_vec(), b.to_vec()]).unwrap(), [0, 1], Better::Higher, &options).unwrap()
        };
        let (forth, back) = (of(&a, &b), of(&b, &a));
        prop_assert!(forth.interval[0] <= forth.difference && forth.difference <= forth.interval[1]);
        prop_assert!(forth.p > 0.0 && forth.p <= 1.0);
        prop_assert!((forth.difference + back.difference).abs() < 1e-12);
        prop_assert!((forth.interval[0] + back.interval[1]).abs() < 1e-9);
        prop_assert!((forth.p - back.p).abs() < 1e-6);
        prop_assert!((forth.probability_a_better + back.probability_a_better - 1.0).abs() < 1e-12);
        // The interval and the p-value are one statement.
        let excludes = forth.interval[0] > 0.0 || forth.interval[1] < 0.0;
        prop_assert!(excludes == (forth.p < 0.05) || (forth.p - 0.05).abs() < 1e-6);
    }
}
