//! Each degradation against what its formula says of a point, a flat field, a line or a grating.

use std::f64::consts::{PI, TAU};

use super::*;

fn point(side: usize) -> Plane {
    let mut plane = Plane::zeros(side, side);
    plane.data[side / 2 * side + side / 2] = 1.0;
    plane
}

/// A plane of values by coordinates from its centre.
fn drawn(width: usize, height: usize, value: impl Fn(f64, f64) -> f64) -> Plane {
    let (middle_x, middle_y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    let at = |index: usize| ((index % width) as f64 - middle_x, (index / width) as f64 - middle_y);
    let data = (0..width * height).map(|index| {
        let (x, y) = at(index);
        value(x, y) as f32
    });
    Plane { width, height, data: data.collect() }
}

/// Something without symmetry, positive and negative.
fn uneven(width: usize, height: usize) -> Plane {
    drawn(width, height, |x, y| 0.4 + (0.9 * x + 0.3).sin() * (0.5 * y - 1.0).cos() + 0.01 * (x * y))
}

fn sum(plane: &Plane) -> f64 {
    plane.data.iter().map(|&value| f64::from(value)).sum()
}

fn centre(plane: &Plane) -> f64 {
    plane.at(plane.width / 2, plane.height / 2).into()
}

/// Largest difference of two planes within `radius` of the centre.
fn difference(a: &Plane, b: &Plane, radius: f64) -> f64 {
    let inside = drawn(a.width, a.height, |x, y| if x.hypot(y) <= radius { 1.0 } else { 0.0 });
    let apart = |((a, b), inside): ((&f32, &f32), &f32)| f64::from((a - b).abs() * inside);
    a.data.iter().zip(&b.data).zip(&inside.data).map(apart).fold(0.0, f64::max)
}

#[test]
fn strength_zero_changes_nothing_and_sizes_are_kept() {
    for (width, height) in [(0, 0), (1, 1), (3, 2), (2, 3), (1, 9), (40, 25)] {
        let plane = uneven(width, height);
        for kind in Degradation::ALL {
            assert_eq!(kind.apply(&plane, 0, 1), plane);
            for strength in 1..=Degradation::STRENGTHS + 1 {
                let worse = kind.apply(&plane, strength, 1);
                assert_eq!((worse.width, worse.height), (width, height), "{kind:?}");
                assert_eq!(worse.data.len(), width * height, "{kind:?}");
                assert!(worse.data.iter().all(|value| value.is_finite()), "{kind:?}");
                assert_eq!(worse, kind.apply(&plane, strength, 1), "{kind:?}");
                assert_eq!(
                    worse == kind.apply(&plane, strength, 2),
                    kind != Degradation::Noise || width == 0
                );
                let brightest = plane.data.iter().copied().fold(0.0, f32::max);
                let clips = kind != Degradation::Saturation || f64::from(brightest) > kind.amount(strength);
                assert!(worse != plane || width * height < 2 || !clips, "{kind:?} {strength} did nothing");
            }
        }
    }
}

#[test]
fn a_flat_field_stays_flat_where_light_only_changes_place() {
    let flat = drawn(50, 31, |_, _| 0.5);
    for kind in [
        Degradation::Blur,
        Degradation::Defocus,
        Degradation::Haze,
        Degradation::Rotation,
        Degradation::PixelSize,
    ] {
        for strength in 1..=Degradation::STRENGTHS {
            assert!(difference(&kind.apply(&flat, strength, 0), &flat, 100.0) < 2e-6, "{kind:?} {strength}");
        }
    }
}

#[test]
fn mirrored_borders_keep_all_light() {
    let plane = uneven(37, 23);
    for kind in [Degradation::Blur, Degradation::Defocus, Degradation::Haze] {
        for strength in 1..=Degradation::STRENGTHS {
            let ratio = sum(&kind.apply(&plane, strength, 0)) / sum(&plane);
            assert!((ratio - 1.0).abs() < 1e-5, "{kind:?} {strength}: {ratio}");
        }
    }
}

#[test]
fn names_are_those_of_files_and_amounts_grow_worse() {
    for kind in Degradation::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        let nothing = kind.amount(0);
        let from_nothing: Vec<f64> =
            (1..=5).map(|strength| (kind.amount(strength) - nothing).abs()).collect();
        let rising = matches!(kind, Degradation::Saturation) || from_nothing.is_sorted_by(|a, b| a < b);
        assert!(rising && from_nothing[0] > 0.0, "{kind:?}");
        assert_eq!(kind.amount(9), kind.amount(Degradation::STRENGTHS));
        assert!(kind.words().contains(", "));
    }
}

#[test]
fn noise_has_the_deviation_asked_for_and_no_neighbours_in_common() {
    let (side, n) = (200, 40_000.0);
    let flat = drawn(side, side, |_, _| 0.5);
    for strength in 1..=Degradation::STRENGTHS {
        let sigma = Degradation::Noise.amount(strength);
        let noise: Vec<f64> = Degradation::Noise
            .apply(&flat, strength, 11)
            .data
            .iter()
            .map(|&value| f64::from(value) - 0.5)
            .collect();
        let mean = noise.iter().sum::<f64>() / n;
        let deviation = (noise.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let neighbours = noise.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / n / deviation.powi(2);
        println!("noise {sigma}: deviation {deviation:.5}, mean {mean:.5}, neighbours {neighbours:.4}");
        // Four standard errors of each.
        assert!((deviation / sigma - 1.0).abs() < 4.0 / (2.0 * n).sqrt());
        assert!(mean.abs() < 4.0 * sigma / n.sqrt() && neighbours.abs() < 4.0 / n.sqrt());
    }
}

#[test]
fn a_blurred_point_has_the_peak_of_its_gaussian() {
    for strength in 1..=Degradation::STRENGTHS {
        let sigma = Degradation::Blur.amount(strength);
        let blurred = Degradation::Blur.apply(&point(61), strength, 0);
        // One over the sum of the samples of a Gaussian, each way; 1 / (2 pi sigma^2) from sigma 1 on.
        let samples: f64 = (-40..=40).map(|k| (-0.5 * (f64::from(k) / sigma).powi(2)).exp()).sum();
        let (peak, expected) = (centre(&blurred), samples.powi(-2));
        println!("blur {sigma}: peak / expected - 1 = {:.1e}", peak / expected - 1.0);
        assert!((peak / expected - 1.0).abs() < 1e-3);
        assert!(sigma < 1.0 || (peak * TAU * sigma * sigma - 1.0).abs() < 1e-3);
        assert!((sum(&blurred) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_defocused_point_is_a_flat_disc() {
    for strength in 1..=Degradation::STRENGTHS {
        let radius = Degradation::Defocus.amount(strength);
        let worse = Degradation::Defocus.apply(&point(41), strength, 0);
        let top = 1.0 / (PI * radius * radius);
        let (mut inside, mut outside) = (0f64, 0f64);
        for (index, &value) in worse.data.iter().enumerate() {
            let distance = ((index % 41) as f64 - 20.0).hypot((index / 41) as f64 - 20.0);
            // Pixels that the rim does not touch.
            if distance + 0.5f64.sqrt() <= radius {
                inside = inside.max((f64::from(value) / top - 1.0).abs());
            } else if distance - 0.5f64.sqrt() >= radius {
                outside = outside.max(value.abs().into());
            }
        }
        println!("defocus {radius}: top off by {inside:.1e}, outside {outside:.1e}");
        assert!(inside < 1e-3 && outside == 0.0);
        assert!((sum(&worse) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn haze_takes_its_share_of_a_point() {
    for strength in 1..=Degradation::STRENGTHS {
        let share = Degradation::Haze.amount(strength);
        let hazy = Degradation::Haze.apply(&point(201), strength, 0);
        let rest = share / (TAU * HAZE_SIGMA * HAZE_SIGMA);
        let off = centre(&hazy) - (1.0 - share) - rest;
        println!("haze {share}: peak off by {off:.1e}, wide rest {rest:.1e}");
        assert!(off.abs() < 1e-6 && rest < 4e-4);
        assert!((sum(&hazy) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn dim_and_saturation_are_exact() {
    let plane = Plane { width: 5, height: 1, data: vec![-0.5, 0.0, 0.5, 1.0, 2.0] };
    assert_eq!(Degradation::Dim.apply(&plane, 1, 0).data, [-0.35, 0.0, 0.35, 0.7, 1.4]);
    assert_eq!(Degradation::Dim.apply(&plane, 5, 0).data, [-0.025, 0.0, 0.025, 0.05, 0.1]);
    assert_eq!(Degradation::Saturation.apply(&plane, 1, 0).data, [-0.5, 0.0, 0.5, 0.8, 0.8]);
    assert_eq!(Degradation::Saturation.apply(&plane, 5, 0).data, [-0.5, 0.0, 0.15, 0.15, 0.15]);
}

#[test]
fn rotation_leaves_a_disc_and_turns_a_line_clockwise() {
    let disc = drawn(121, 101, |x, y| 1.0 / (1.0 + (x.hypot(y) - 25.0).exp()));
    let start = 12.0f64;
    let line = drawn(121, 121, |x, y| {
        let (sine, cosine) = start.to_radians().sin_cos();
        (-0.5 * ((x * sine - y * cosine) / 1.5).powi(2)).exp()
    });
    for strength in 1..=Degradation::STRENGTHS {
        let degrees = Degradation::Rotation.amount(strength);
        let off = difference(&Degradation::Rotation.apply(&disc, strength, 0), &disc, 40.0);
        // Orientation from second moments about the centre; y down, so growing angles are clockwise.
        let turned = Degradation::Rotation.apply(&line, strength, 0);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (index, &value) in turned.data.iter().enumerate() {
            let (x, y) = ((index % 121) as f64 - 60.0, (index / 121) as f64 - 60.0);
            if x.hypot(y) <= 50.0 {
                xx += f64::from(value) * x * x;
                xy += f64::from(value) * x * y;
                yy += f64::from(value) * y * y;
            }
        }
        let angle = (0.5 * (2.0 * xy).atan2(xx - yy)).to_degrees();
        println!("rotation {degrees}: disc off by {off:.1e}, line at {angle:.3} degrees");
        assert!(off < 1e-2 && (angle - start - degrees).abs() < 0.02);
    }
}

#[test]
fn rotation_keeps_fine_detail() {
    // Half way between samples the kernel passes 1.003, 1.024 and 0.977 of these frequencies.
    let grating = |degrees: f64, frequency: f64| {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        drawn(121, 121, move |x, y| (TAU * frequency * (x * cosine + y * sine)).cos())
    };
    for strength in 1..=Degradation::STRENGTHS {
        let degrees = Degradation::Rotation.amount(strength);
        for (frequency, tolerance) in [(0.1, 0.01), (0.2, 0.03), (0.3, 0.03)] {
            let turned = Degradation::Rotation.apply(&grating(0.0, frequency), strength, 0);
            let off = difference(&turned, &grating(degrees, frequency), 50.0);
            println!("rotation {degrees}: grating of {frequency} cycles per pixel off by {off:.4}");
            assert!(off < tolerance);
        }
    }
}

#[test]
fn larger_pixels_bring_a_blob_nearer_and_make_it_smaller() {
    let blob = |x0: f64, y0: f64, sigma: f64| {
        drawn(161, 141, move |x, y| (-0.5 * ((x - x0).hypot(y - y0) / sigma).powi(2)).exp())
    };
    for strength in 1..=Degradation::STRENGTHS {
        let factor = Degradation::PixelSize.amount(strength);
        let worse = Degradation::PixelSize.apply(&blob(30.0, -20.0, 4.0), strength, 0);
        let expected = blob(30.0 / factor, -20.0 / factor, 4.0 / factor);
        // Beyond this radius lie mirror images.
        let off = difference(&worse, &expected, 60.0 / factor);
        println!("pixel size {factor}: blob off by {off:.4}");
        assert!(off < 0.01);
    }
}

#[test]
fn larger_pixels_keep_what_they_can_show_and_invent_nothing() {
    // Cycles per new pixel.
    for (frequency, kept, tolerance) in [(0.1, 1.0, 0.02), (0.25, 1.0, 0.03), (0.8, 0.0, 0.02)] {
        for strength in 1..=Degradation::STRENGTHS {
            let factor = Degradation::PixelSize.amount(strength);
            if frequency / factor > 0.5 {
                continue;
            }
            let grating = |frequency: f64| drawn(321, 41, move |x, _| (TAU * frequency * x).cos());
            let worse = Degradation::PixelSize.apply(&grating(frequency / factor), strength, 0);
            let mut expected = grating(frequency);
            expected.data.iter_mut().for_each(|value| *value *= kept);
            let off = difference(&worse, &expected, 150.0 / factor - 3.0);
            println!("pixel size {factor}: grating of {frequency} cycles per new pixel off by {off:.4}");
            assert!(off < tolerance);
        }
    }
}
