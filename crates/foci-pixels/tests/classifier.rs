//! The classifier as a whole: what it learns, that it is the same whatever the threads, and what it makes of bad input.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

use foci_image::{Interrupted, Plane, Workers};
use foci_pixels::{Example, ForestOptions, PixelClassifier, PixelError, TrainingOptions};
use std::fs;

/// Two textures of one mean and one variance: stripes four pixels apart, and a chequerboard of squares two pixels wide.
/// `is_striped` says where which is; `phase` moves both.
fn textures(
    width: usize,
    height: usize,
    phase: usize,
    is_striped: impl Fn(usize, usize) -> bool,
) -> (Plane, Vec<u8>) {
    let pixel = |at: usize| {
        let (x, y) = (at % width, at / width);
        let (across, down) = ((x + phase) / 2 % 2, (y + phase) / 2 % 2);
        let bright = if is_striped(x, y) { across } else { across ^ down };
        (bright as f32, u8::from(is_striped(x, y)))
    };
    let (data, classes) = (0..width * height).map(pixel).unzip();
    (Plane { width, height, data }, classes)
}

/// Few trees and scales, which the tests that are about something else do with.
fn small(classes: usize) -> TrainingOptions {
    TrainingOptions {
        scales_px: vec![1.0, 3.5],
        most_per_class: 500,
        forest: ForestOptions { trees: 10, ..ForestOptions::default() },
        ..TrainingOptions::new(classes)
    }
}

fn trained(options: &TrainingOptions, threads: usize) -> Result<PixelClassifier, PixelError> {
    let (plane, classes) = textures(96, 150, 0, |x, _| x < 48);
    let example = Example::new(plane, classes).unwrap();
    PixelClassifier::train(&[example], options, 7, &mut Workers::new(threads))
}

#[test]
fn textures_of_one_brightness_are_told_apart() {
    let classifier = trained(&TrainingOptions::new(2), 2).unwrap();
    // Elsewhere, and moved by a pixel.
    let (plane, classes) = textures(120, 100, 1, |x, y| (x / 60 + y / 50) % 2 == 0);
    let found = classifier.predict(&plane, &mut Workers::new(2)).unwrap();
    let pixels = plane.data.len();
    assert_eq!(found.len(), 2 * pixels);
    let (mut right, mut counted) = (0, 0);
    for at in 0..pixels {
        let (x, y) = (at % 120, at / 120);
        assert!((found[at] + found[pixels + at] - 1.0).abs() < 1e-5);
        // What is which is open within a few pixels of where they meet.
        if x.abs_diff(60) > 5 && y.abs_diff(50) > 5 {
            counted += 1;
            right += usize::from((found[pixels + at] > 0.5) == (classes[at] == 1));
        }
    }
    assert!(f64::from(right as u32) > 0.98 * f64::from(counted as u32), "{right} of {counted}");
}

#[test]
fn the_same_bits_whatever_the_threads_and_from_the_file() {
    let (plane, _) = textures(70, 131, 1, |x, y| x > y);
    let folder = tempfile::tempdir().unwrap();
    let classifier = trained(&small(2), 1).unwrap();
    let expected = classifier.predict(&plane, &mut Workers::new(1)).unwrap();
    let file = folder.path().join("1");
    classifier.save(&file).unwrap();
    for threads in [2, 3] {
        let other = trained(&small(2), threads).unwrap();
        assert_eq!(other.predict(&plane, &mut Workers::new(threads)).unwrap(), expected);
        other.save(&folder.path().join("other")).unwrap();
        assert_eq!(fs::read(folder.path().join("other")).unwrap(), fs::read(&file).unwrap());
    }
    let loaded = PixelClassifier::load(&file).unwrap();
    assert_eq!(loaded.predict(&plane, &mut Workers::new(2)).unwrap(), expected);
    assert_eq!((loaded.classes(), loaded.bank().scales_px()), (2, [1.0, 3.5].as_slice()));
    // An image of no rows or columns has no probabilities.
    assert!(loaded.predict(&Plane::zeros(0, 7), &mut Workers::new(1)).unwrap().is_empty());
}

#[test]
fn a_file_that_is_not_whole_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pixels.safetensors");
    trained(&small(2), 2).unwrap().save(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let refused = |bytes: &[u8], part: &str| {
        fs::write(&file, bytes).unwrap();
        let error = PixelClassifier::load(&file).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, PixelError::Damaged { .. }), "{text}");
        assert!(text.contains("pixels.safetensors") && text.contains(part), "{text}");
    };
    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        refused(&bytes[..length], "not a pixel classifier");
    }
    // The header is text: another version, and three scales where there are features of two.
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    refused(&replaced(r#"\"version\":1"#, r#"\"version\":9"#), "version 9");
    refused(&replaced("[1.0,3.5]", "[1,3,5.0]"), "21 features");
    refused(&replaced(r#"\"classes\":2"#, r#"\"classes\":3"#), "not whole");
    refused(&replaced("foci-pixels", "foci-nobody"), "foci-pixels");
    // Nodes are the numbers behind it: whatever one of them becomes, the file is refused, or leads to a leaf all the same.
    let (plane, _) = textures(16, 16, 0, |x, _| x < 8);
    for at in (bytes.len() / 20..bytes.len()).step_by(bytes.len() / 200 + 1) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        fs::write(&file, &changed).unwrap();
        if let Ok(classifier) = PixelClassifier::load(&file) {
            let found = classifier.predict(&plane, &mut Workers::new(1)).unwrap();
            assert!(found.iter().all(|probability| (0.0..=1.00001).contains(probability)), "byte {at}");
        }
    }
    let missing = PixelClassifier::load(&folder.path().join("none")).unwrap_err();
    assert!(matches!(missing, PixelError::Read { .. }) && missing.to_string().contains("none"));
}

#[test]
fn bad_examples_and_images_are_refused() {
    let (plane, classes) = textures(20, 16, 0, |x, _| x < 10);
    let train = |plane: &Plane, classes: &[u8], options: &TrainingOptions| {
        let good = Example::new(Plane::zeros(4, 4), vec![0; 16]).unwrap();
        let example = Example::new(plane.clone(), classes.to_vec()).unwrap();
        PixelClassifier::train(&[good, example], options, 7, &mut Workers::new(2)).map(|_| ()).unwrap_err()
    };
    let mut spoilt = plane.clone();
    spoilt.data[25] = f32::NAN;
    let error = train(&spoilt, &classes, &small(2));
    assert!(error.to_string().starts_with("pixel (5, 1) of example 1 is NaN"), "{error}");
    assert!(matches!(train(&plane, &classes, &small(3)), PixelError::NoPixels { class: 2, examples: 2 }));
    let error = train(&plane, &[vec![0; 319], vec![5]].concat(), &small(2));
    assert!(matches!(error, PixelError::Class { example: 1, x: 19, y: 15, class: 5, classes: 2 }), "{error}");
    for classes in [0, 1, 257] {
        assert!(matches!(train(&plane, &[0; 320], &small(classes)), PixelError::Classes { .. }));
    }
    let none = TrainingOptions { most_per_class: 0, ..small(2) };
    assert!(matches!(train(&plane, &classes, &none), PixelError::Zero { .. }));
    let wide = TrainingOptions { scales_px: vec![1e9], ..small(2) };
    assert!(matches!(train(&plane, &classes, &wide), PixelError::Scale { .. }));

    let classifier = trained(&small(2), 2).unwrap();
    let error = classifier.predict(&spoilt, &mut Workers::new(2)).unwrap_err();
    assert!(error.to_string().starts_with("pixel (5, 1) of the image is NaN"), "{error}");
    let mut interrupted = Workers::new(2).watched_by(|_, _| Err(Interrupted));
    assert!(matches!(classifier.predict(&plane, &mut interrupted), Err(PixelError::Interrupted(_))));
}
