//! Splits never part siblings, whatever the numbers.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use foci_image::dataset::{DatasetOptions, Intensity, Layout, Part};
use foci_image::{Dataset, Field, Normalisation, Split, SplitOptions, split_by_group};
use proptest::prelude::*;

fn dataset(fields: Vec<Field>) -> Dataset {
    Dataset {
        root: PathBuf::new(),
        layout: Layout::Flat,
        options: DatasetOptions::default(),
        fields,
        tiles: Vec::new(),
        left_out: Vec::new(),
        notes: Vec::new(),
        numbers: foci_image::Numbers::AsTheyAre,
    }
}

fn field(name: String, group: String) -> Field {
    let zero = 0.0;
    Field {
        name,
        group,
        path: PathBuf::new(),
        mask: None,
        foci: None,
        cells: None,
        classes: None,
        width: 1,
        height: 1,
        bits: 8,
        several_channels: false,
        whole: true,
        objects: None,
        range: None,
        in_pieces: Vec::new(),
        intensity: Intensity {
            minimum: zero,
            low: zero,
            median: zero,
            high: zero,
            maximum: zero,
            mean: zero,
            saturated: zero,
            sharpness: zero,
        },
        normalisation: Normalisation { low: 0.0, high: 1.0 },
        sha256: String::new(),
        foci_sha256: None,
        mask_sha256: None,
        part: None,
        fold: None,
    }
}

/// `gnf-0` .. and `ic100-0` .., each a group of its own.
fn two_collections(gnf: usize, ic100: usize) -> Dataset {
    let names = (0..gnf).map(|i| format!("gnf-{i}")).chain((0..ic100).map(|i| format!("ic100-{i}")));
    dataset(names.map(|name| field(name.clone(), name)).collect())
}

fn check_whole(split: &Split, dataset: &Dataset) {
    let mut all: Vec<usize> = [&split.train[..], &split.validation, &split.test].concat();
    all.sort_unstable();
    assert_eq!(all, (0..dataset.fields.len()).collect::<Vec<_>>());
    let groups = |part: &[usize]| -> BTreeSet<&str> {
        part.iter().map(|&i| dataset.fields[i].group.as_str()).collect()
    };
    let (train, validation, test) = (groups(&split.train), groups(&split.validation), groups(&split.test));
    assert!(train.is_disjoint(&validation) && train.is_disjoint(&test) && validation.is_disjoint(&test));
}

fn starting(dataset: &Dataset, part: &[usize], start: &str) -> usize {
    part.iter().filter(|&&i| dataset.fields[i].name.starts_with(start)).count()
}

#[test]
fn each_collection_gives_its_share() {
    let dataset = two_collections(50, 50);
    let split = split_by_group(&dataset, &SplitOptions::default()).unwrap();
    check_whole(&split, &dataset);
    // A fifth of 100, then a fifth of the 80 that remain.
    assert_eq!((split.test.len(), split.validation.len(), split.train.len()), (20, 16, 64));
    assert_eq!(starting(&dataset, &split.test, "gnf"), 10);
    assert_eq!(starting(&dataset, &split.validation, "gnf"), 8);
}

#[test]
fn folds_test_each_field_once() {
    let dataset = two_collections(7, 12);
    let mut tested = Vec::new();
    for fold in 0..5 {
        let options = SplitOptions { folds: 5, fold, seed: 9, ..SplitOptions::default() };
        let split = split_by_group(&dataset, &options).unwrap();
        check_whole(&split, &dataset);
        assert!((3..=4).contains(&split.test.len()));
        tested.extend(split.test);
    }
    tested.sort_unstable();
    assert_eq!(tested, (0..19).collect::<Vec<_>>());
}

#[test]
fn the_seed_decides_and_nothing_else() {
    let dataset = two_collections(20, 20);
    let with = |seed| split_by_group(&dataset, &SplitOptions { seed, ..SplitOptions::default() }).unwrap();
    assert_eq!(with(4), with(4));
    assert_ne!(with(4), with(5));
}

#[test]
fn columns_of_the_table_are_honoured() {
    let mut dataset = two_collections(10, 0);
    dataset.fields[3].part = Some(Part::Test);
    dataset.fields[7].part = Some(Part::Validation);
    let options = SplitOptions::default();
    let split = split_by_group(&dataset, &options).unwrap();
    assert_eq!((&split.test[..], &split.validation[..]), (&[3][..], &[7][..]));
    // Without validation fields in the table, they are drawn: a fifth of 9 is 1.8, rounded 2.
    dataset.fields[7].part = None;
    let split = split_by_group(&dataset, &options).unwrap();
    check_whole(&split, &dataset);
    assert_eq!((&split.test[..], split.validation.len()), (&[3][..], 2));

    let mut dataset = two_collections(10, 0);
    for (index, field) in dataset.fields.iter_mut().enumerate() {
        field.fold = Some(10 + index % 2);
    }
    let fold =
        |fold, folds| split_by_group(&dataset, &SplitOptions { fold, folds, ..SplitOptions::default() });
    assert_eq!(fold(1, 2).unwrap().test, [1, 3, 5, 7, 9]);
    assert_eq!(fold(0, 2).unwrap().test, [0, 2, 4, 6, 8]);
    // A single net that is to be used learns from all folds: nobody asked for one to be held out.
    let all = SplitOptions { test_share: 0.0, ..SplitOptions::default() };
    let split = split_by_group(&dataset, &all).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (8, 2, 0));
    assert!(fold(0, 5).unwrap_err().to_string().contains("images.csv has 2"));
    assert!(fold(2, 2).unwrap_err().to_string().contains("no fold 2"));
}

#[test]
fn what_cannot_be_split_is_told() {
    let options = SplitOptions::default();
    let one = two_collections(1, 0);
    let text = split_by_group(&one, &options).unwrap_err().to_string();
    assert!(text.contains("1 group(s)") && text.contains("taken separately"), "{text}");
    let mut siblings = two_collections(4, 0);
    siblings.fields.iter_mut().for_each(|field| field.group = "one slide".to_string());
    assert!(split_by_group(&siblings, &options).is_err());
    siblings.fields[2].part = Some(Part::Test);
    let text = split_by_group(&siblings, &options).unwrap_err().to_string();
    assert!(text.contains("gnf-0 and gnf-2 are siblings"), "{text}");
    let many = SplitOptions { folds: 9, ..options.clone() };
    assert!(split_by_group(&two_collections(8, 0), &many).is_err());
    for share in [-0.1, 1.0, f64::NAN] {
        let wrong = SplitOptions { test_share: share, ..options.clone() };
        assert!(split_by_group(&two_collections(8, 0), &wrong).is_err());
    }
}

proptest! {
    #[test]
    fn siblings_are_never_parted(
        groups in prop::collection::vec((0usize..12, prop::bool::ANY), 2..60),
        seed: u64, folds in 0usize..4, fold in 0usize..4,
        test_share in 0.0..0.99f64, validation_share in 0.0..0.99f64,
    ) {
        let fields = groups.iter().enumerate().map(|(index, (group, collection))| {
            let start = if *collection { "a" } else { "b" };
            field(format!("{start}-{index}"), format!("group {group}"))
        });
        let dataset = dataset(fields.collect());
        let options = SplitOptions { test_share, validation_share, folds, fold, seed };
        let count = groups.iter().map(|(group, _)| group).collect::<BTreeSet<_>>().len();
        match split_by_group(&dataset, &options) {
            Ok(split) => {
                check_whole(&split, &dataset);
                prop_assert!(!split.train.is_empty());
                prop_assert!(folds >= 2 || split.test.is_empty() == (test_share == 0.0));
            }
            Err(_) => prop_assert!(count < 2 || count < folds || (folds >= 2 && fold >= folds)),
        }
    }
}
