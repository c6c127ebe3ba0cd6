//! The real images that foci is measured on: read from where they lie, skipped where they are not.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use foci_image::dataset::{DatasetOptions, Layout};
use foci_image::{Dataset, Fingerprint, Loader, SplitOptions, Workers, check, split_by_group};

fn folder(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("FOCI_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let folder = data.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not here; set FOCI_DATA to the folder of real images", folder.display());
    None
}

#[test]
fn coelho2009_gives_400_tiles_of_which_two_blank_fields_take_eight() {
    let Some(folder) = folder("coelho2009") else { return };
    let options = DatasetOptions { tile: Some((672, 512)), ..DatasetOptions::default() };
    let report = check(&folder, &options, &mut Workers::default()).unwrap();
    let left_out: Vec<&str> = report.left_out.iter().map(|left| left.name.as_str()).collect();
    assert_eq!(left_out, ["gnf-31", "gnf-43"]);
    assert!(report.left_out.iter().all(|left| left.reason.starts_with("blank") && left.tiles == 4));
    assert!(report.usable && report.layout == Layout::ImagesAndMasks);
    let print = &report.fingerprint;
    // 100 fields and 400 tiles, less the blank ones; 97 masks with 4031 nuclei (README of the data).
    assert_eq!((print.fields, print.tiles, print.masks, print.objects), (98, 392, 97, 4031));
    let note = |part: &str| report.notes.iter().find(|note| note.contains(part)).cloned();
    assert!(note("no fine detail").unwrap().starts_with("ic100-25: "), "{:?}", report.notes);
    assert!(note("no mask").unwrap().starts_with("ic100-25: "));
    let text = report.to_string();
    assert!(text.contains("left out  gnf-31: blank: all its pixels are 0"), "{text}");
}

#[test]
fn coelho2009_has_the_tiles_intensities_and_hashes_of_its_tables() {
    let Some(folder) = folder("coelho2009") else { return };
    let cut = DatasetOptions { tile: Some((672, 512)), ..DatasetOptions::default() };
    let listed = DatasetOptions { tiles_csv: Some("tiles_672x512.csv".into()), ..DatasetOptions::default() };
    let cut = Dataset::open(&folder, &cut, &mut Workers::default()).unwrap();
    let listed = Dataset::open(&folder, &listed, &mut Workers::default()).unwrap();
    assert_eq!(cut.tiles, listed.tiles);
    assert_eq!(Fingerprint::of(&cut, None).sha256, Fingerprint::of(&listed, None).sha256);

    // images.csv, written with other software: gnf-00,..,min 0,median 2,..,max 202 with 43 nuclei.
    let first = cut.fields.iter().find(|field| field.name == "gnf-00").unwrap();
    let i = &first.intensity;
    assert_eq!((i.minimum, i.median, i.maximum, first.objects), (0.0, 2.0, 202.0, Some(43)));
    assert_eq!((first.width, first.height, first.bits, first.fold), (1349, 1030, 8, Some(0)));
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    for field in &cut.fields {
        let line = format!("{}  ./images/{}.png", field.sha256, field.name);
        assert!(sums.contains(&line), "{line}");
    }

    // Column fold of images.csv: K mod 5 of the field's number, so fold 0 tests 20 fields.
    let split = split_by_group(&cut, &SplitOptions { folds: 5, ..SplitOptions::default() }).unwrap();
    assert!(split.test.iter().all(|&i| cut.fields[i].name.ends_with(['0', '5'])));
    assert_eq!((split.test.len(), split.validation.len(), split.train.len()), (20, 16, 62));

    let mut loader = Loader::new(&cut);
    let tile = loader.tile(1).unwrap();
    let labels = loader.tile_labels(1).unwrap().unwrap();
    assert_eq!((tile.width, tile.height), (672, 512));
    // tiles_672x512.csv: gnf-00-t1 touches 11 nuclei.
    assert_eq!(labels.objects(), 11);
    let field = cut.load_raw(0).unwrap();
    let scale = cut.fields[0].normalisation;
    assert_eq!(tile.at(5, 7), (field.at(674 + 5, 3 + 7) - scale.low) / (scale.high - scale.low));
}

#[test]
fn dsb2018_is_split_by_its_table_and_drops_what_it_says() {
    let Some(folder) = folder("dsb2018_fluo") else { return };
    let dataset = Dataset::open(&folder, &DatasetOptions::default(), &mut Workers::default()).unwrap();
    assert_eq!(dataset.left_out.len(), 7);
    let split = split_by_group(&dataset, &SplitOptions::default()).unwrap();
    // README: train, val, test, drop = 468, 66, 53, 7.
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (468, 66, 53));
}
