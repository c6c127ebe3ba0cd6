//! Which fields are for what.

use super::LEAST_GROUPS;
use super::masks::keep_fields_with_mask;
use crate::StudyError;
use crate::spec::{StudySpec, TransferSpec};
use foci_image::{Dataset, Split, SplitOptions, split_by_group};
use std::collections::BTreeSet;
use std::path::Path;

/// The fields of each part, and held-out ones of other kinds than those trained on.
pub(super) struct Parts {
    pub split: Split,
    pub others: Vec<usize>,
    /// The fold that is held out.
    pub fold: usize,
    /// What to say of fields that have no mask, if the task needs one.
    pub without_mask: Option<String>,
}

/// Divides the fields as the study says, in fewer folds if there are fewer groups of fields, and in those of `images.csv`
/// if it has any. Fields without a mask are in no part if the task needs masks.
pub(super) fn split(spec: &StudySpec, dataset: &Dataset, folder: &Path) -> Result<Parts, StudyError> {
    let groups: BTreeSet<&str> = dataset.fields.iter().map(|field| field.group.as_str()).collect();
    if groups.len() < LEAST_GROUPS {
        let reason = format!(
            "only {} usable field{} that are not siblings; a study needs at least {LEAST_GROUPS} (to train, tune and test on), and 10 or more for intervals that mean something",
            groups.len(),
            if groups.len() == 1 { "" } else { "s" }
        );
        return Err(StudyError::Data { folder: folder.into(), reason });
    }
    let named: BTreeSet<usize> = dataset.fields.iter().filter_map(|field| field.fold).collect();
    let folds = if named.is_empty() { spec.split.folds.min(groups.len()) } else { named.len() };
    let fold = spec.split.fold.min(folds - 1);
    let options = SplitOptions { folds, fold, seed: spec.split.seed, ..SplitOptions::default() };
    let mut split = split_by_group(dataset, &options)?;
    let others = match &spec.transfer {
        None => Vec::new(),
        Some(transfer) => keep_kind(transfer, dataset, &mut split, folder)?,
    };
    for (part, fields) in [("validation", &split.validation), ("test", &split.test)] {
        if fields.is_empty() {
            let reason = format!(
                "no field is left for {part}; the column 'split' of images.csv must say `{part}` for some fields, or be removed"
            );
            return Err(StudyError::Data { folder: folder.into(), reason });
        }
    }
    let without_mask =
        if spec.task.needs_masks() { keep_fields_with_mask(dataset, &mut split, folder)? } else { None };
    Ok(Parts { split, others, fold, without_mask })
}

/// Keeps the fields in the split that are to be trained on; returns the test fields that are not.
fn keep_kind(
    transfer: &TransferSpec,
    dataset: &Dataset,
    split: &mut Split,
    folder: &Path,
) -> Result<Vec<usize>, StudyError> {
    let own = |field: &usize| transfer.trains_on(&dataset.fields[*field].name);
    let others: Vec<usize> = split.test.iter().copied().filter(|field| !own(field)).collect();
    for part in [&mut split.train, &mut split.validation, &mut split.test] {
        part.retain(own);
    }
    let sizes = [
        ("training", split.train.len()),
        ("validation", split.validation.len()),
        ("test", split.test.len()),
        ("other", others.len()),
    ];
    match sizes.into_iter().find(|&(_, fields)| fields == 0) {
        None => Ok(others),
        Some((part, _)) => {
            let train_on = &transfer.train_on;
            let reason = format!(
                "transfer.train_on is '{train_on}', and that leaves no {part} fields; give the beginning of the names of some fields, for example 'gnf-*'"
            );
            Err(StudyError::Data { folder: folder.into(), reason })
        }
    }
}
