//! Images whose measures can be worked out by hand.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::{Normal, Picture, white_noise};
use foci_measure::contrast::LEAST_CONTRAST;
use foci_measure::matching::match_spots;
use foci_measure::measure::Measure;
use foci_measure::meter::MeterOptions;
use foci_measure::psnr::{CAP_DECIBELS, mean_squared_error, psnr, psnr_capped};
use foci_measure::spots::{NoiseRegion, SpotOptions, detect, detect_with};
use foci_measure::touching::{TouchingOptions, touching_pairs};
use foci_measure::{
    FrequencyAnalyser, ImageView, LabelView, MeasureError, Point, ReconstructionMeter, boundary_contrast,
    field_values,
};
use std::f64::consts::PI;

/// Dots of standard deviation 1.6 px at jittered places of a grid, on noise.
fn dots(width: usize, height: usize, noise: f64, seed: u64) -> (Picture, Vec<Point>) {
    let mut normal = Normal::new(seed);
    let mut places = Vec::new();
    for y in (20..height - 16).step_by(24) {
        for x in (20..width - 16).step_by(24) {
            places.push(Point {
                x: x as f64 + 6.0 * normal.uniform() - 3.0,
                y: y as f64 + 6.0 * normal.uniform() - 3.0,
            });
        }
    }
    let ground = white_noise(width, height, 0.1, noise, seed + 1);
    let picture = ground.map(|i, value| {
        let at = Point { x: (i % width) as f64, y: (i / width) as f64 };
        let light = |place: &Point| 0.5 * (-place.distance(at).powi(2) / (2.0 * 1.6 * 1.6)).exp();
        f64::from(value) + places.iter().map(light).sum::<f64>()
    });
    (picture, places)
}

#[test]
fn an_identical_image_has_the_best_value_of_every_measure() {
    let (picture, truth) = dots(160, 130, 0.01, 1);
    let labels: Vec<u32> = (0..160 * 130).map(|i| if i % 160 < 80 { 1 } else { 2 }).collect();
    // A dark seam between the two halves.
    let picture =
        picture.map(|i, value| f64::from(value) + if (78..82).contains(&(i % 160)) { 0.0 } else { 0.3 });
    let mut meter = ReconstructionMeter::new(160, 130).unwrap();
    let labels = LabelView::new(160, 130, &labels).unwrap();
    let reference = meter.reference(picture.view(), Some(labels)).unwrap().with_truth(truth);
    let found = meter.measure(&reference, picture.view()).unwrap();
    assert_eq!(psnr(picture.view(), picture.view(), 1.0).unwrap(), f64::INFINITY);
    for measure in Measure::RECONSTRUCTION
        .into_iter()
        .filter(|m| !matches!(m, Measure::TrueFociRecall | Measure::TrueFociPrecision))
    {
        let value = found.value(measure).unwrap_or_else(|| panic!("{measure:?} has no value"));
        assert!((value - measure.best()).abs() < 1e-12, "{measure:?}: {value}");
    }
    assert_eq!(found.psnr, CAP_DECIBELS);
    assert!(found.frequency.unwrap().rings.iter().all(|ring| (ring.correlation - 1.0).abs() < 1e-12));
}

#[test]
fn known_noise_has_the_known_error() {
    let original = white_noise(256, 200, 0.5, 0.2, 3);
    let noise = white_noise(256, 200, 0.0, 0.05, 4);
    let noisy = original.map(|i, value| f64::from(value) + f64::from(noise.data[i]));
    // -20 log10(0.05) = 26.02 dB; the standard error of the variance is sqrt(2 / 51200) = 0.6 % = 0.03 dB.
    assert!((psnr(original.view(), noisy.view(), 1.0).unwrap() - 26.0206).abs() < 0.1);
    assert!((psnr(original.view(), noisy.view(), 2.0).unwrap() - 32.0412).abs() < 0.1);
    // Error power 0.0025 over signal power 0.04 in every band, and a correlation of 1 / sqrt(1 + 1/16).
    let analysis = FrequencyAnalyser::new(256, 200).unwrap().analyse(original.view(), noisy.view()).unwrap();
    for band in &analysis.bands[1..] {
        assert!((band.relative_error.unwrap() / 0.0625 - 1.0).abs() < 0.15, "{band:?}");
    }
    let fine = &analysis.rings[50..];
    let mean = fine.iter().map(|ring| ring.correlation).sum::<f64>() / fine.len() as f64;
    assert!((mean - 1.0 / 1.0625f64.sqrt()).abs() < 0.01, "{mean}");
}

/// What is negligible is so beside the whole image: counts of another unit change nothing, bright or dim.
#[test]
fn frequencies_have_no_unit_of_intensity() {
    let (original, noise) = (white_noise(128, 96, 0.5, 0.2, 3), white_noise(128, 96, 0.0, 0.05, 4));
    let noisy = original.map(|i, value| f64::from(value) + f64::from(noise.data[i]));
    let mut analyser = FrequencyAnalyser::new(128, 96).unwrap();
    let expected = analyser.analyse(original.view(), noisy.view()).unwrap();
    for unit in [2.0_f64.powi(-40), 2.0_f64.powi(40)] {
        let [a, b] = [&original, &noisy].map(|picture| picture.map(|_, value| unit * f64::from(value)));
        let found = analyser.analyse(a.view(), b.view()).unwrap();
        // Powers of two cost no bits.
        assert_eq!((&found.rings, &found.bands), (&expected.rings, &expected.bands));
    }
}

#[test]
fn a_constant_offset_is_an_offset_and_no_band_error() {
    let original = white_noise(128, 96, 0.5, 0.1, 5);
    let lifted = original.map(|_, value| f64::from(value) + 0.25);
    let analysis = FrequencyAnalyser::new(128, 96).unwrap().analyse(original.view(), lifted.view()).unwrap();
    assert!((analysis.offset - 0.25).abs() < 1e-6);
    assert!(analysis.bands.iter().all(|band| band.relative_error.unwrap() < 1e-10));
    assert_eq!(analysis.cutoff, 0.5);
    assert!((mean_squared_error(original.view(), lifted.view()).unwrap() - 0.0625).abs() < 1e-6);
}

/// The part of a picture below a frequency, by a direct sum over its waves.
fn waves(side: usize, below: f64, seed: u64) -> Picture {
    let mut normal = Normal::new(seed);
    let mut data = vec![0.5f64; side * side];
    let half = side as i64 / 2;
    for ky in -half + 1..half {
        for kx in 0..half {
            let (amplitude, phase) = (0.002 * normal.draw(), 2.0 * PI * normal.uniform());
            let frequency = ((kx * kx + ky * ky) as f64).sqrt() / side as f64;
            if frequency > 0.0 && frequency < below {
                // cos(p + u + v) = cos(p + u) cos v - sin(p + u) sin v, so that the sines are needed once per axis.
                let angle = |k: i64, i: usize| 2.0 * PI * (k * i as i64) as f64 / side as f64;
                let across: Vec<(f64, f64)> = (0..side).map(|x| (phase + angle(kx, x)).sin_cos()).collect();
                for y in 0..side {
                    let (sin, cos) = angle(ky, y).sin_cos();
                    let row = &mut data[y * side..(y + 1) * side];
                    row.iter_mut().zip(&across).for_each(|(v, (s, c))| *v += amplitude * (c * cos - s * sin));
                }
            }
        }
    }
    Picture { width: side, height: side, data: data.iter().map(|&v| v as f32).collect() }
}

#[test]
fn an_ideal_low_pass_has_its_edge_as_cut_off() {
    let whole = waves(96, 0.5, 7);
    let mut analyser = FrequencyAnalyser::new(96, 96).unwrap();
    for edge in [0.11, 0.2, 0.333] {
        let analysis = analyser.analyse(whole.view(), waves(96, edge, 7).view()).unwrap();
        assert!((analysis.cutoff - edge).abs() <= 1.0 / 96.0, "edge {edge}: {}", analysis.cutoff);
        assert!(
            (analysis.transfer_cutoff - edge).abs() <= 1.0 / 96.0,
            "edge {edge}: {}",
            analysis.transfer_cutoff
        );
        assert!((analysis.bands[0].relative_error.unwrap()) < 1e-9);
        // Nothing of the finest octave arrives below an edge of 0.25: the error is the signal itself.
        let finest = analysis.bands[4].relative_error.unwrap();
        assert!(if edge < 0.24 { (finest - 1.0).abs() < 1e-6 } else { finest < 1.0 });
    }
}

#[test]
fn a_gaussian_blur_has_the_gaussian_transfer() {
    let original = white_noise(256, 256, 0.5, 0.1, 8);
    let sigma = 1.2;
    let blurred = original.blurred(sigma);
    let analysis =
        FrequencyAnalyser::new(256, 256).unwrap().analyse(original.view(), blurred.view()).unwrap();
    for ring in analysis.rings.iter().filter(|ring| ring.frequency > 0.03) {
        let expected = (-2.0 * PI * PI * sigma * sigma * ring.frequency.powi(2)).exp();
        assert!((ring.transfer - expected).abs() < 0.02, "{ring:?}, expected {expected}");
    }
    // exp(-2 pi^2 s^2 f^2) = 1/2 at f = sqrt(ln 2 / 2) / (pi s) = 0.1562.
    assert!((analysis.transfer_cutoff - 0.1562).abs() < 0.005, "{}", analysis.transfer_cutoff);
    // Without noise the correlation does not see the blur.
    assert!(analysis.cutoff > 0.45, "{}", analysis.cutoff);
}

#[test]
fn unrelated_noise_carries_no_detail() {
    let (a, b) = (white_noise(128, 128, 0.5, 0.1, 9), white_noise(128, 128, 0.5, 0.1, 10));
    let mut analyser = FrequencyAnalyser::new(128, 128).unwrap();
    assert!(analyser.analyse(a.view(), b.view()).unwrap().cutoff < 0.05);
    let grey = Picture::from_fn(128, 128, |_, _| 0.5);
    let nothing = analyser.analyse(a.view(), grey.view()).unwrap();
    assert_eq!((nothing.cutoff, nothing.transfer_cutoff), (0.0, 0.0));
    assert!(nothing.bands.iter().all(|band| (band.relative_error.unwrap() - 1.0).abs() < 1e-12));
    assert_eq!(
        analyser.analyse(grey.view(), a.view()),
        Err(MeasureError::Flat { measure: "the frequency analysis" })
    );
}

#[test]
fn dots_at_known_places_are_all_found() {
    for noise in [0.0, 0.01, 0.03] {
        let (picture, places) = dots(260, 200, noise, 11);
        let options = SpotOptions { noise_region: NoiseRegion::Whole, ..SpotOptions::default() };
        let (spots, _) = detect(picture.view(), &options).unwrap();
        let found: Vec<Point> = spots.iter().map(|spot| spot.at).collect();
        let matched = match_spots(&places, &found, 1.0).unwrap();
        assert_eq!(matched.counts.recall(), Some(1.0), "noise {noise}");
        assert!(
            matched.counts.precision().unwrap() > 0.97,
            "noise {noise}: {} invented",
            matched.counts.invented()
        );
        let far = matched.pairs.iter().map(|&(r, f)| places[r].distance(found[f])).fold(0.0, f64::max);
        assert!(far < if noise > 0.02 { 0.7 } else { 0.35 }, "noise {noise}: {far} px off");
    }
}

#[test]
fn blur_loses_spots_and_its_own_threshold_hides_that() {
    let (picture, _) = dots(260, 200, 0.02, 12);
    let options = SpotOptions { noise_region: NoiseRegion::Whole, ..SpotOptions::default() };
    let (original, thresholds) = detect(picture.view(), &options).unwrap();
    let blurred = picture.blurred(8.0);
    let found = detect_with(blurred.view(), &thresholds, &options).unwrap();
    assert!(original.len() > 50);
    assert!(found.len() * 10 < original.len(), "{} of {}", found.len(), original.len());
    let (own, lower) = detect(blurred.view(), &options).unwrap();
    assert!(lower.planes.iter().zip(&thresholds.planes).all(|(low, high)| low < high));
    assert!(own.len() >= found.len());
}

#[test]
fn the_noise_that_counts_is_that_of_the_region() {
    // Noise in the bright half only, then in the dark half only.
    let noise = white_noise(128, 64, 0.0, 0.02, 31);
    let with_noise = |noisy: bool| {
        noise.map(|i, value| {
            let bright = i % 128 >= 64;
            let ground = if bright { 0.6 } else { 0.2 };
            ground + if bright == noisy { f64::from(value) } else { 0.0 }
        })
    };
    let thresholds = |noisy: bool, noise_region| {
        let options = SpotOptions { noise_region, ..SpotOptions::default() };
        foci_measure::spots::thresholds(with_noise(noisy).view(), &options).unwrap().planes
    };
    let above = |a: &[f64], b: &[f64], factor: f64| a.iter().zip(b).all(|(a, b)| *a > factor * b);
    let foreground = NoiseRegion::Foreground;
    assert!(above(&thresholds(true, foreground), &thresholds(false, foreground), 5.0));
    assert!(above(&thresholds(true, foreground), &thresholds(true, NoiseRegion::Whole), 1.5));
}

/// Two discs of radius 30 side by side, brightness `left` and `right`, with a seam of `valley` between them.
fn discs(left: f64, right: f64, valley: f64) -> (Picture, Vec<u32>) {
    let (width, height) = (140, 80);
    let inside = |x: usize, y: usize, centre: f64| (x as f64 - centre).hypot(y as f64 - 40.0) <= 30.5;
    let label = |x: usize, y: usize| match x {
        0..=68 if inside(x, y, 40.0) => 1,
        71.. if inside(x, y, 99.0) => 2,
        _ => 0,
    };
    let labels = (0..width * height).map(|i| label(i % width, i / width)).collect();
    let light = |x: usize, y: usize| match label(x, y) {
        1 => left,
        2 => right,
        _ if (66..=73).contains(&x) && (y as f64 - 40.0).abs() < 18.0 => valley,
        _ => 0.0,
    };
    (Picture::from_fn(width, height, light), labels)
}

#[test]
fn the_seam_of_two_discs_has_the_known_contrast() {
    let (picture, labels) = discs(0.8, 0.6, 0.2);
    let labels = LabelView::new(140, 80, &labels).unwrap();
    let options = TouchingOptions { least_lines: 4, ..TouchingOptions::default() };
    let pairs = touching_pairs(labels, &options).unwrap();
    assert_eq!(pairs.len(), 1);
    assert_eq!((pairs[0].a, pairs[0].b), (1, 2));
    assert!(pairs[0].centre.distance(Point { x: 69.5, y: 40.0 }) < 0.5, "{:?}", pairs[0].centre);
    let found = boundary_contrast(picture.view(), picture.view(), &pairs, LEAST_CONTRAST).unwrap();
    // The darker side counts: (0.6 - 0.2) / (0.6 + 0.2). Lines at the ends of the seam run a little aslant.
    assert!((found.pairs[0].original - 0.5).abs() < 0.02, "{:?}", found.pairs[0]);
    assert_eq!((found.measurable, found.kept), (1, Some(1.0)));

    // A seam filled up to 0.4 has the contrast 0.2 / 1.0, of 0.5 before.
    let filled = discs(0.8, 0.6, 0.4).0;
    let found = boundary_contrast(picture.view(), filled.view(), &pairs, LEAST_CONTRAST).unwrap();
    assert!((found.kept.unwrap() - 0.4).abs() < 0.03, "{:?}", found.kept);

    // Filled to the brim, nothing is kept; an original like that has nothing to keep.
    let brim = discs(0.8, 0.6, 0.7).0;
    assert_eq!(
        boundary_contrast(picture.view(), brim.view(), &pairs, LEAST_CONTRAST).unwrap().kept,
        Some(0.0)
    );
    assert_eq!(boundary_contrast(brim.view(), picture.view(), &pairs, LEAST_CONTRAST).unwrap().kept, None);
}

#[test]
fn objects_far_apart_or_at_a_corner_do_not_touch() {
    let at = |gap: usize| -> Vec<u32> {
        (0..80 * 40)
            .map(|i| {
                [(10..30, 1), (30 + gap..60, 2)]
                    .iter()
                    .find(|(r, _)| r.contains(&(i % 80)))
                    .map_or(0, |f| f.1)
            })
            .collect()
    };
    let count = |labels: &[u32], options: &TouchingOptions| {
        touching_pairs(LabelView::new(80, 40, labels).unwrap(), options).unwrap().len()
    };
    let options = TouchingOptions::default();
    assert_eq!([0, 1, 2, 3, 4].map(|gap| count(&at(gap), &options)), [1, 1, 1, 0, 0]);
    let corner: Vec<u32> = (0..80 * 40)
        .map(|i| match (i % 80 < 40, i / 80 < 20) {
            (true, true) => 1,
            (false, false) => 2,
            _ => 0,
        })
        .collect();
    assert_eq!(count(&corner, &options), 0);
    let wrong = TouchingOptions { gap_px: 0.0, ..options };
    assert!(touching_pairs(LabelView::new(80, 40, &corner).unwrap(), &wrong).is_err());
}

#[test]
fn bad_input_is_an_error_that_says_what() {
    let fine = Picture::from_fn(100, 80, |x, y| (x * y % 7) as f64);
    let small = Picture::from_fn(9, 9, |_, _| 0.5);
    let message = |error: MeasureError| error.to_string();
    assert!(message(ImageView::new(3, 2, &[0.0; 5]).unwrap_err()).contains("6 values, but 5"));
    assert!(message(ImageView::new(0, 2, &[]).unwrap_err()).contains("empty"));
    let broken = [0.0, 1.0, 2.0, f32::NAN, 4.0, 5.0];
    assert!(message(ImageView::new(3, 2, &broken).unwrap_err()).contains("column 0, row 1"));
    assert!(message(psnr(fine.view(), small.view(), 1.0).unwrap_err()).contains("9x9"));
    assert!(psnr(fine.view(), fine.view(), 0.0).is_err());
    assert!(psnr_capped(fine.view(), fine.view(), f64::NAN).is_err());
    assert!(matches!(
        foci_measure::ssim::ssim(small.view(), small.view(), 1.0),
        Err(MeasureError::TooSmall { .. })
    ));
    assert!(FrequencyAnalyser::new(63, 100).is_err());
    assert!(FrequencyAnalyser::new(64, 64).unwrap().analyse(fine.view(), fine.view()).is_err());
    assert!(detect(fine.view(), &SpotOptions { first_plane: 0, ..SpotOptions::default() }).is_err());
    for threshold in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        assert!(detect(fine.view(), &SpotOptions { threshold, ..SpotOptions::default() }).is_err());
    }
    let mut meter = ReconstructionMeter::new(100, 80).unwrap();
    let reference = meter.reference(fine.view(), None).unwrap();
    assert!(meter.measure(&reference, small.view()).is_err());
    assert!(meter.reference(small.view(), None).is_err());
}

#[test]
fn a_blank_field_has_values_only_where_they_mean_something() {
    let blank = Picture::from_fn(80, 80, |_, _| 0.0);
    let guess = white_noise(80, 80, 0.0, 0.01, 13);
    let mut meter = ReconstructionMeter::new(80, 80).unwrap();
    let reference = meter.reference(blank.view(), None).unwrap();
    let values = meter.measure(&reference, guess.view()).unwrap().values();
    assert_eq!(values.keys().copied().collect::<Vec<_>>(), ["ms_ssim", "psnr", "ssim"]);
    assert!(values.values().all(|value| value.is_finite()));
}

#[test]
fn tiles_of_a_field_pool_their_counts_and_average_the_rest() {
    let (picture, _) = dots(160, 130, 0.01, 14);
    let options = SpotOptions { noise_region: NoiseRegion::Whole, ..SpotOptions::default() };
    let mut meter = ReconstructionMeter::with_options(
        160,
        130,
        MeterOptions { spots: options, ..MeterOptions::default() },
    )
    .unwrap();
    // The second tile keeps its upper half only: every dot is in it, the reference has those of both halves.
    let reference = meter.reference(picture.view(), None).unwrap();
    let halved = picture.map(|i, value| if i / 160 < 65 { f64::from(value) } else { 0.1 });
    let tiles = [picture.clone(), halved]
        .map(|reconstruction| meter.measure(&reference, reconstruction.view()).unwrap());
    let values = field_values(&tiles, LEAST_CONTRAST);
    let (all, kept) = (reference.spots.len(), tiles[1].foci.counts.matched);
    assert!(all > 20 && kept > 5 && kept < all);
    assert!((values["foci_recall"] - (all + kept) as f64 / (2 * all) as f64).abs() < 1e-12);
    assert!((values["psnr"] - (CAP_DECIBELS + tiles[1].psnr) / 2.0).abs() < 1e-9);
    assert!(!values.contains_key("boundary_contrast") && !values.contains_key("true_foci_recall"));
    assert!(field_values(&[], LEAST_CONTRAST).is_empty());
}
