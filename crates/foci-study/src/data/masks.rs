//! What tasks that are learnt from masks ask of the data.

use crate::StudyError;
use crate::spec::StudySpec;
use foci_image::{Dataset, ImageError, Loader, Split};
use foci_train::{Example, Task, Tiles, balanced_weights, class_counts};
use std::path::Path;

/// A tile to learn from, with its labels where the task needs them.
pub(super) fn example(loader: &mut Loader, task: Task, index: usize) -> Result<Example, ImageError> {
    let labels = if task.needs_masks() { loader.tile_labels(index)? } else { None };
    Ok(Example { image: loader.tile(index)?, labels })
}

/// Takes the fields without a mask out of the split; says which.
pub(super) fn keep_fields_with_mask(
    dataset: &Dataset,
    split: &mut Split,
    folder: &Path,
) -> Result<Option<String>, StudyError> {
    let has_mask = |field: &usize| dataset.fields[*field].mask.is_some();
    let parts = [("train", &mut split.train), ("tune", &mut split.validation), ("test", &mut split.test)];
    let mut without = Vec::new();
    for (part, fields) in parts {
        without.extend(
            fields.iter().filter(|field| !has_mask(field)).map(|&field| dataset.fields[field].name.clone()),
        );
        fields.retain(has_mask);
        if fields.is_empty() {
            return Err(StudyError::Data {
                folder: folder.into(),
                reason: format!(
                    "no field to {part} on has a mask, which this task is learnt from; add masks, or choose the task 'reconstruct'"
                ),
            });
        }
    }
    let first = without.first().cloned();
    Ok(first.map(|first| format!("{} field(s) have no mask and are left out, first {first}", without.len())))
}

/// What each class counts in training, by how often it occurs.
pub(super) fn class_weights(tiles: &Tiles, spec: &StudySpec, folder: &Path) -> Result<Vec<f64>, StudyError> {
    let refuse = |reason: String| StudyError::Data { folder: folder.into(), reason };
    let counts = class_counts(tiles.training.iter().chain(&tiles.validation));
    let mut counts = counts.map_err(|error| refuse(error.to_string()))?;
    let (found, named) = (counts.len(), spec.classes.len());
    if found > named {
        return Err(refuse(format!(
            "masks have values up to {}, but the study names {named} classes; name one for each value from 0 on",
            found - 1
        )));
    }
    counts.resize(named, 0);
    Ok(balanced_weights(&counts))
}
