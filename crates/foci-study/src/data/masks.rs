//! What tasks that are learnt from masks ask of the data.

use crate::StudyError;
use crate::spec::StudySpec;
use foci_image::dataset::ObjectClasses;
use foci_image::{Dataset, ImageError, LabelImage, Loader, Split};
use foci_train::{Example, NO_CLASS, Task, Tiles, balanced_weights, class_counts, object_class_counts};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A tile to learn from, with its labels where the task needs them, and with the classes of its objects where they are known and among
/// `classes`.
pub(super) fn example(
    dataset: &Dataset,
    loader: &mut Loader,
    task: Task,
    classes: &[String],
    index: usize,
) -> Result<Example, ImageError> {
    let labels = if task.needs_masks() { loader.tile_labels(index)? } else { None };
    let named = dataset.fields[dataset.tiles[index].field].classes.as_ref();
    let object_classes = match (&labels, named) {
        (Some(labels), Some(named)) => of_pixels(labels, named, classes),
        _ => Vec::new(),
    };
    Ok(Example { image: loader.tile(index)?, labels, object_classes })
}

/// The number of the class of each pixel's object.
fn of_pixels(labels: &LabelImage, named: &ObjectClasses, classes: &[String]) -> Vec<u8> {
    let numbers = numbered(labels, named, classes);
    let number = |label: &u32| numbers.get(label).and_then(|&number| u8::try_from(number).ok());
    labels.data.iter().map(|label| number(label).unwrap_or(NO_CLASS)).collect()
}

/// The number of the class of each object, where it is known and among `classes`.
pub(super) fn numbered(
    labels: &LabelImage,
    named: &ObjectClasses,
    classes: &[String],
) -> BTreeMap<u32, usize> {
    let objects: BTreeSet<u32> = labels.data.iter().copied().filter(|label| *label != 0).collect();
    let number = |label: u32| {
        let place = classes.iter().position(|class| Some(class.as_str()) == named.of(label))?;
        Some((label, place))
    };
    objects.into_iter().filter_map(number).collect()
}

/// What each class of objects counts in training, by how many pixels its objects have.
pub(super) fn object_class_weights(
    tiles: &Tiles,
    spec: &StudySpec,
    column: &str,
    folder: &Path,
) -> Result<Vec<f64>, StudyError> {
    let counts = object_class_counts(&tiles.training, spec.classes.len());
    match counts.iter().position(|count| *count == 0) {
        None => Ok(balanced_weights(&counts)),
        Some(missing) => Err(StudyError::Data {
            folder: folder.into(),
            reason: format!(
                "no object to train on is of the class '{}' in column '{column}' of cells/NAME.csv or images.csv; name classes that occur",
                spec.classes[missing]
            ),
        }),
    }
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
