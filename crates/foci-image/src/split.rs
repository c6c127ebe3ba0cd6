//! Fields divided into training, validation and test, without ever parting siblings.
//!
//! What is divided are groups: tiles of one field, neighbouring fields of one slide, sections of one
//! stack look alike, and a net tested on a sibling of what it has learned from is tested on its memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::crop::{below, generator};
use crate::dataset::Part;
use crate::dataset::quality::collection;
use crate::{Dataset, ImageError};

/// How to divide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitOptions {
    /// Share of the groups that is held out for the test, when `folds` is 0 or 1 (between 0 and 1).
    pub test_share: f64,
    /// Share of the groups that remain after the test, used to tune and to stop (between 0 and 1).
    pub validation_share: f64,
    /// Number of folds of a cross-validation; 0 or 1 for a single split.
    pub folds: usize,
    /// Which fold is the test, from 0.
    pub fold: usize,
    /// Seed of the shuffle.
    pub seed: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { test_share: 0.2, validation_share: 0.2, folds: 0, fold: 0, seed: 0 }
    }
}

/// Indices into [`crate::Dataset::fields`], each ascending; no field is in two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Fields to learn from.
    pub train: Vec<usize>,
    /// Fields to tune by.
    pub validation: Vec<usize>,
    /// Fields touched once, at the end.
    pub test: Vec<usize>,
}

/// Divides the fields of a dataset; tiles follow their field.
///
/// - `images.csv` with a column `split`: that is the split. Where it names no validation fields, they are
///   drawn from its training fields. Fields that it leaves open are learned from.
/// - otherwise with `folds` of 2 or more: the groups of one fold are the test. A column `fold` of `images.csv` says
///   which groups are in which; there must be as many as `folds` says.
/// - otherwise: `test_share` of the groups are the test.
///
/// Validation groups are drawn from what remains. All draws are stratified by collection (names that
/// differ in their number only, such as `gnf-00`, `gnf-01`): groups are shuffled within their collection,
/// the collections are laid end to end, and every k-th group is taken, so each collection gives its share.
pub fn split_by_group(dataset: &Dataset, options: &SplitOptions) -> Result<Split, ImageError> {
    for (name, share) in [("test", options.test_share), ("validation", options.validation_share)] {
        if !(0.0..1.0).contains(&share) {
            return Err(wrong(
                format!("a {name} share of {share} is not a share"),
                "Give a number from 0 up to, but not including, 1",
            ));
        }
    }
    let groups = groups(dataset, options.seed)?;
    let (mut rest, test): (Vec<Group>, Vec<Group>);
    let mut validation = Vec::new();
    if groups.iter().any(|group| group.part.is_some()) {
        let (tested, others) = groups.into_iter().partition(|group| group.part == Some(Part::Test));
        (test, rest) = (tested, others);
        (validation, rest) = rest.into_iter().partition(|group| group.part == Some(Part::Validation));
        if !validation.is_empty() {
            return finish(rest, validation, test);
        }
    } else if options.folds >= 2 && groups.iter().any(|group| group.fold.is_some()) {
        (test, rest) = by_column(groups, options)?;
    } else if options.folds >= 2 {
        check_fold(options.fold, options.folds)?;
        if groups.len() < options.folds {
            return Err(too_few(groups.len(), options.folds));
        }
        (test, rest) = take(groups, |index, _| index % options.folds == options.fold);
    } else {
        let count = share(options.test_share, groups.len());
        (test, rest) = take(groups, |index, all| evenly(index, all, count));
    }
    let count = share(options.validation_share, rest.len());
    let (drawn, rest) = take(rest, |index, all| evenly(index, all, count));
    validation.extend(drawn);
    finish(rest, validation, test)
}

/// Fields that must stay together.
struct Group {
    fields: Vec<usize>,
    fold: Option<usize>,
    part: Option<Part>,
}

/// All groups, shuffled within their collection, collections end to end.
fn groups(dataset: &Dataset, seed: u64) -> Result<Vec<Group>, ImageError> {
    let mut by_name: BTreeMap<&str, Group> = BTreeMap::new();
    for (index, field) in dataset.fields.iter().enumerate() {
        let group = by_name.entry(&field.group).or_insert_with(|| Group {
            fields: Vec::new(),
            fold: field.fold,
            part: field.part,
        });
        if group.part != field.part || group.fold != field.fold {
            let first = &dataset.fields[group.fields[0]].name;
            return Err(wrong(
                format!(
                    "{first} and {} are siblings (group {}), but images.csv puts them into different parts",
                    field.name, field.group
                ),
                "Give all images of a group the same split and fold",
            ));
        }
        group.fields.push(index);
    }
    let mut collections: BTreeMap<&str, Vec<Group>> = BTreeMap::new();
    for group in by_name.into_values() {
        let name = &dataset.fields[group.fields[0]].name;
        collections.entry(collection(name)).or_default().push(group);
    }
    let mut random = generator(seed, SPLIT_STREAM);
    let mut all = Vec::new();
    for (_, mut groups) in collections {
        // Fisher and Yates: each order is as likely as any other.
        for last in (1..groups.len()).rev() {
            groups.swap(last, below(&mut random, last + 1));
        }
        all.append(&mut groups);
    }
    Ok(all)
}

/// The stream of random numbers for splits, apart from those of training steps.
const SPLIT_STREAM: u64 = u64::MAX;

fn by_column(groups: Vec<Group>, options: &SplitOptions) -> Result<(Vec<Group>, Vec<Group>), ImageError> {
    let mut folds: Vec<usize> = groups.iter().filter_map(|group| group.fold).collect();
    folds.sort_unstable();
    folds.dedup();
    if options.folds != folds.len() {
        return Err(wrong(
            format!("{} folds are asked for, but images.csv has {}", options.folds, folds.len()),
            "Ask for as many folds as its column 'fold' has, or remove the column",
        ));
    }
    check_fold(options.fold, folds.len())?;
    let tested = folds[options.fold];
    Ok(groups.into_iter().partition(|group| group.fold == Some(tested)))
}

fn check_fold(fold: usize, folds: usize) -> Result<(), ImageError> {
    if fold < folds {
        return Ok(());
    }
    Err(wrong(format!("there is no fold {fold} among {folds}"), "Folds are counted from 0"))
}

/// Groups for which `chosen(index, number of groups)` holds, and the others; both keep their order.
fn take(groups: Vec<Group>, chosen: impl Fn(usize, usize) -> bool) -> (Vec<Group>, Vec<Group>) {
    let all = groups.len();
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for (index, group) in groups.into_iter().enumerate() {
        if chosen(index, all) { taken.push(group) } else { left.push(group) }
    }
    (taken, left)
}

/// Whether `index` is one of `count` evenly spread among `all`.
fn evenly(index: usize, all: usize, count: usize) -> bool {
    (index + 1) * count / all > index * count / all
}

/// Number of groups that a share is: rounded, at least one of several, never all.
fn share(share: f64, groups: usize) -> usize {
    if share == 0.0 || groups < 2 {
        return 0;
    }
    ((share * groups as f64).round() as usize).clamp(1, groups - 1)
}

fn finish(train: Vec<Group>, validation: Vec<Group>, test: Vec<Group>) -> Result<Split, ImageError> {
    let groups = train.len() + validation.len() + test.len();
    let fields = |groups: Vec<Group>| {
        let mut fields: Vec<usize> = groups.into_iter().flat_map(|group| group.fields).collect();
        fields.sort_unstable();
        fields
    };
    let split = Split { train: fields(train), validation: fields(validation), test: fields(test) };
    if split.train.is_empty() || groups < 2 {
        return Err(too_few(groups, 2));
    }
    Ok(split)
}

fn too_few(groups: usize, needed: usize) -> ImageError {
    wrong(
        format!("{groups} group(s) of siblings cannot be divided: at least {needed} are needed"),
        "Add fields that were taken separately; tiles of one field are no independent test",
    )
}

fn wrong(reason: String, next: &'static str) -> ImageError {
    ImageError::Split { reason, next }
}
