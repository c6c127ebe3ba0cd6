//! Nuclei under a real microscope: Coelho et al. 2009, read from where they lie; skipped without them.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

mod common;

use common::Picture;
use foci_measure::summary::percentile;
use foci_measure::{LabelView, ReconstructionMeter};
use std::path::PathBuf;
use std::time::Instant;

fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = std::env::var_os("FOCI_DATA").map_or_else(beside, PathBuf::from).join("coelho2009");
    if !found.join("images").is_dir() {
        eprintln!("skipped: no real images in {}; set FOCI_DATA", found.display());
        return None;
    }
    Some(found)
}

/// The upper left tile of 672x512 pixels, normalised by percentiles 1 and 99.8 of the field.
fn tile(folder: &std::path::Path, name: &str) -> (Picture, Vec<u32>) {
    let field = image::open(folder.join(format!("images/{name}.png"))).unwrap().into_luma8();
    let all: Vec<f64> = field.as_raw().iter().map(|&v| f64::from(v)).collect();
    let (low, high) = (percentile(&all, 1.0).unwrap(), percentile(&all, 99.8).unwrap());
    let masks = image::open(folder.join(format!("masks/{name}.png"))).unwrap().into_luma16();
    let (left, top) = (2, 3);
    let picture = Picture::from_fn(672, 512, |x, y| {
        (f64::from(field.get_pixel(x as u32 + left, y as u32 + top).0[0]) - low) / (high - low)
    });
    let label = |i: u32| u32::from(masks.get_pixel(i % 672 + left, i / 672 + top).0[0]);
    (picture, (0..672 * 512).map(label).collect())
}

#[test]
fn blur_costs_foci_and_boundaries_of_real_nuclei() {
    let Some(folder) = folder() else { return };
    let mut meter = ReconstructionMeter::new(672, 512).unwrap();
    let (mut foci, mut seams) = (0, 0);
    for name in ["gnf-00", "gnf-15", "ic100-06", "ic100-15", "ic100-30"] {
        let (picture, labels) = tile(&folder, name);
        let labels = LabelView::new(672, 512, &labels).unwrap();
        let reference = meter.reference(picture.view(), Some(labels)).unwrap();
        let measured: Vec<_> = [0.7, 2.0, 4.0]
            .iter()
            .map(|&sigma| {
                let blurred = picture.blurred(sigma);
                let start = Instant::now();
                let measured = meter.measure(&reference, blurred.view()).unwrap();
                println!(
                    "{name} blur {sigma}: {:.3} s {:.3?}",
                    start.elapsed().as_secs_f64(),
                    measured.values()
                );
                measured
            })
            .collect();
        let boundary = measured[0].boundary.as_ref().unwrap();
        println!(
            "{name}: {} spots, {} pairs, {} measurable",
            reference.spots.len(),
            boundary.pairs.len(),
            boundary.measurable
        );
        foci += reference.spots.len();
        seams += boundary.measurable;
        assert!(measured[0].foci.counts.recall() > measured[1].foci.counts.recall());
        assert!(measured[1].foci.counts.recall() >= measured[2].foci.counts.recall());
        assert!(
            measured[0].foci.counts.recall().unwrap() > 0.6
                && measured[2].foci.counts.recall().unwrap() < 0.2
        );
        let kept: Vec<f64> = measured.iter().filter_map(|m| m.boundary.as_ref().unwrap().kept).collect();
        assert!(kept.windows(2).all(|pair| pair[0] > pair[1]), "{kept:?}");
        let transfer: Vec<f64> =
            measured.iter().map(|m| m.frequency.as_ref().unwrap().transfer_cutoff).collect();
        // sqrt(ln 2 / 2) / (pi sigma) = 0.0937 for 2 px and 0.0469 for 4 px.
        assert!((transfer[1] - 0.0937).abs() < 0.01 && (transfer[2] - 0.0469).abs() < 0.01, "{transfer:?}");
    }
    assert!(foci > 100, "{foci} spots in five tiles");
    assert!(seams >= 3, "{seams} seams with a valley in five tiles");
}
