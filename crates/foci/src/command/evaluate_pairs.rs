//! Which prediction belongs to which true image.

use crate::exit::Failure;
use foci_image::dataset::ObjectClasses;
use foci_image::{FieldFiles, FolderFiles, LabelImage, field_files, read_labels};
use foci_measure::{LabelView, MeasureError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A true image, with what is known of it, and its prediction.
pub struct Pair {
    pub name: String,
    pub truth: FieldFiles,
    pub predicted: PathBuf,
}

/// A pair with the file that holds the true labels.
pub struct Labelled {
    pub name: String,
    pub truth: PathBuf,
    pub predicted: PathBuf,
    /// The true classes of the objects, if they were asked for and somebody says so.
    pub classes: Option<ObjectClasses>,
}

impl Labelled {
    /// Reads both label images and measures one against the other; an error names both files and gives advice.
    pub fn measure<R>(
        &self,
        advice: &str,
        measure: impl FnOnce(LabelView, LabelView) -> Result<R, MeasureError>,
    ) -> Result<(R, [LabelImage; 2]), Failure> {
        let images = [read_labels(&self.truth)?, read_labels(&self.predicted)?];
        let view = |image: usize| {
            let LabelImage { width, height, data } = &images[image];
            LabelView::new(*width, *height, data)
        };
        let measured = view(0).and_then(|truth| measure(truth, view(1)?)).map_err(|error| {
            Failure::input(anyhow::anyhow!(
                "{} against {}: {error}{advice}",
                self.predicted.display(),
                self.truth.display()
            ))
        })?;
        Ok((measured, images))
    }
}

/// Pairs whose true labels are known. In a data folder with masks an image without one has no truth, and is told, as are those that were not predicted; in a
/// folder without any mask the images are the label images.
pub fn with_truth(
    folder: &Path,
    pairs: Vec<Pair>,
    not_predicted: usize,
    notes: &mut Vec<String>,
) -> Vec<Labelled> {
    let all = pairs.len() + not_predicted;
    let masks = pairs.iter().any(|pair| pair.truth.mask.is_some());
    let labelled: Vec<Labelled> = pairs
        .into_iter()
        .filter_map(|Pair { name, truth, predicted }| {
            let truth = if masks { truth.mask } else { Some(truth.path) };
            truth.map(|truth| Labelled { name, truth, predicted, classes: None })
        })
        .collect();
    if labelled.len() < all {
        notes.push(format!(
            "{}: {} of {all} images have no mask and are left out",
            folder.display(),
            all - labelled.len()
        ));
    }
    labelled
}

/// A true image without a prediction is an error, not a smaller mean.
pub fn has_no_prediction(truth: &Path, predicted: &Path) -> Failure {
    let name = truth.file_stem().unwrap_or_default().to_string_lossy();
    Failure::input(anyhow::anyhow!(
        "{} has no prediction: {} holds no image called {name}; predict it, or take it out of the true images",
        truth.display(),
        predicted.display()
    ))
}

/// Files of the same name in both folders; and true images that have neither a mask, where others have, nor a prediction: where labels are compared they have no part.
pub fn pairs(truth: &Path, predicted: &Path) -> Result<(Vec<Pair>, Vec<PathBuf>), Failure> {
    let files = field_files(truth)?;
    if let Some(note) = &files.masks_beside {
        eprintln!("{note}");
    }
    let truth_files = by_name(truth, files)?;
    let predicted_files = by_name(predicted, field_files(predicted)?)?;
    if truth_files.is_empty() {
        return Err(Failure::input(anyhow::anyhow!("{} holds no images", truth.display())));
    }
    let masks = truth_files.values().any(|truth| truth.mask.is_some());
    let (mut pairs, mut not_predicted) = (Vec::with_capacity(truth_files.len()), Vec::new());
    for (name, truth) in truth_files {
        match predicted_files.get(&name) {
            Some(other) => pairs.push(Pair { name, truth, predicted: other.path.clone() }),
            None if masks && truth.mask.is_none() => not_predicted.push(truth.path),
            None => return Err(has_no_prediction(&truth.path, predicted)),
        }
    }
    match not_predicted.first() {
        Some(first) if pairs.is_empty() => Err(has_no_prediction(first, predicted)),
        _ => Ok((pairs, not_predicted)),
    }
}

/// The fields of a folder by the names of their images; what the folder holds besides is told.
fn by_name(folder: &Path, files: FolderFiles) -> Result<BTreeMap<String, FieldFiles>, Failure> {
    files.notes.iter().for_each(|note| eprintln!("{}: {note}", folder.display()));
    let mut named: BTreeMap<String, FieldFiles> = BTreeMap::new();
    for field in files.fields {
        let name = field.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = named.get(&name) {
            return Err(Failure::input(anyhow::anyhow!(
                "{} and {} are of one name, so nothing says which prediction belongs to which; rename one of them",
                other.path.display(),
                field.path.display()
            )));
        }
        named.insert(name, field);
    }
    Ok(named)
}
