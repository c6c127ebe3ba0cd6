//! A data folder read by several threads: the same result whatever their number, and an end when asked for.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

// Each test file is a program of its own and uses a part of this.
#[allow(dead_code)]
mod support;

use foci_image::{Dataset, DatasetOptions, ImageError, Interrupted, Workers};
use support::{field, image, mask};
use tempfile::tempdir;

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempdir().unwrap();
    for seed in 0..9 {
        image(folder.path(), &format!("images/f{seed}.png"), &field(20 + seed as usize, 10, seed));
        mask(folder.path(), &format!("masks/f{seed}.png"), 20 + seed as usize, 10);
    }
    let tiles = DatasetOptions { tile: Some((10, 5)), ..DatasetOptions::default() };
    let read = |threads: usize| {
        let mut workers = Workers::new(threads);
        let dataset = Dataset::open(folder.path(), &tiles, &mut workers).unwrap();
        let tiles = dataset.each_tile(&mut workers, |loader, tile| {
            Ok::<_, ImageError>((loader.tile(tile)?, loader.tile_labels(tile)?))
        });
        (dataset.fields, dataset.tiles, dataset.notes, tiles.unwrap())
    };
    let one = read(1);
    assert_eq!((one.0.len(), one.1.len(), one.3.len()), (9, 36, 36));
    assert_eq!(one, read(4));
}

#[test]
fn reading_ends_when_its_watcher_says_so() {
    let folder = tempdir().unwrap();
    for seed in 0..20 {
        image(folder.path(), &format!("f{seed}.png"), &field(20, 10, seed));
    }
    let mut most = 0;
    let mut workers = Workers::new(2).watched_by(|done, all| {
        most = done;
        assert_eq!(all, 20);
        if done < 3 { Ok(()) } else { Err(Interrupted) }
    });
    let ended = Dataset::open(folder.path(), &DatasetOptions::default(), &mut workers);
    assert!(matches!(ended, Err(ImageError::Interrupted(_))));
    drop(workers);
    assert_eq!(most, 3);
}
