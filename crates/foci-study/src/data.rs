//! The images of a study, read once: tiles to learn from, tiles to tune by, tiles to test on.
//!
//! Test tiles carry what is known of them: the label image and, for synthetic specimens, the true foci.

use crate::StudyError;
use crate::spec::{StudySpec, TileSize};
use crate::study::{Event, Observer, StudyRequest};
use foci_image::synth::{SpecimenOptions, write_specimens};
use foci_image::{
    ChannelChoice, Dataset, DatasetOptions, Fingerprint, LabelImage, Loader, Plane, SplitOptions,
    split_by_group,
};
use foci_train::Tiles;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the plan says of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedData {
    /// The folder, or `specimens` for those that the study makes.
    pub source: String,
    /// Width and height of the largest tile.
    pub tile: TileSize,
    /// Names of the fields in each part.
    pub split: SplitNames,
    /// Fields that were found and not used, with the reason.
    pub left_out: Vec<foci_image::LeftOut>,
    /// Guesses and oddities.
    pub notes: Vec<String>,
    /// By what the data can be known again.
    pub fingerprint: Fingerprint,
}

/// Names of the fields in each part of the split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitNames {
    /// Fields to learn from.
    pub training: Vec<String>,
    /// Fields on which learning rates are chosen.
    pub validation: Vec<String>,
    /// Fields that are measured once, at the end.
    pub test: Vec<String>,
}

impl PlannedData {
    /// Size for which costs are given.
    pub fn largest_tile(&self) -> TileSize {
        self.tile
    }

    /// What a reader should know of the data, in sentences.
    pub fn lines(&self) -> Vec<String> {
        let left_out =
            self.left_out.iter().map(|field| format!("{} is left out: {}", field.name, field.reason));
        left_out.chain(self.notes.iter().cloned()).collect()
    }
}

/// A tile of a test field.
#[derive(Debug, Clone)]
pub(crate) struct TestTile {
    pub name: String,
    /// Name of its field; differences are paired by field.
    pub field: String,
    pub plane: Plane,
    pub labels: Option<LabelImage>,
    /// True positions of foci in pixels of the tile, where the specimen has them.
    pub truth: Option<Vec<(f64, f64)>>,
}

/// All images of a study.
#[derive(Debug)]
pub(crate) struct Data {
    pub planned: PlannedData,
    pub tiles: Tiles,
    pub test: Vec<TestTile>,
}

impl Data {
    /// Reads the images that the request names, or makes specimens in the output folder.
    pub fn open(request: &StudyRequest, observer: &mut dyn Observer) -> Result<Data, StudyError> {
        let spec = &request.spec;
        let folder = match &request.data {
            Some(folder) => folder.clone(),
            None => specimens(spec, &request.out, observer)?,
        };
        let options = DatasetOptions {
            tile: spec.tile.map(|tile| (tile.width, tile.height)),
            channel: request.channel,
            ..DatasetOptions::default()
        };
        let dataset = Dataset::open(&folder, &options)?;
        let split = split_by_group(
            &dataset,
            &SplitOptions {
                folds: spec.split.folds,
                fold: spec.split.fold,
                seed: spec.split.seed,
                ..SplitOptions::default()
            },
        )?;
        let names =
            |fields: &[usize]| fields.iter().map(|&field| dataset.fields[field].name.clone()).collect();
        let largest =
            |side: fn(&foci_image::Tile) -> usize| dataset.tiles.iter().map(side).max().unwrap_or(1);
        let planned = PlannedData {
            source: request.data.as_ref().map_or("specimens".into(), |folder| folder.display().to_string()),
            tile: TileSize { width: largest(|tile| tile.w), height: largest(|tile| tile.h) },
            split: SplitNames {
                training: names(&split.train),
                validation: names(&split.validation),
                test: names(&split.test),
            },
            left_out: dataset.left_out.clone(),
            notes: dataset.notes.clone(),
            fingerprint: Fingerprint::of(&dataset, Some(&split)),
        };
        for line in planned.lines() {
            observer.event(Event::Note(&line));
        }
        let summary = format!(
            "{} fields, {} tiles: {} fields to train on, {} to tune on, {} to test on",
            dataset.fields.len(),
            dataset.tiles.len(),
            split.train.len(),
            split.validation.len(),
            split.test.len()
        );
        observer.event(Event::Note(&summary));
        let mut data = Data { planned, tiles: Tiles::default(), test: Vec::new() };
        let mut loader = Loader::new(&dataset);
        for (index, tile) in dataset.tiles.iter().enumerate() {
            if split.train.contains(&tile.field) {
                data.tiles.training.push(loader.tile(index)?);
            } else if split.validation.contains(&tile.field) {
                data.tiles.validation.push(loader.tile(index)?);
            } else if split.test.contains(&tile.field) {
                data.test.push(TestTile {
                    name: tile.name.clone(),
                    field: dataset.fields[tile.field].name.clone(),
                    plane: loader.tile(index)?,
                    labels: loader.tile_labels(index)?,
                    truth: loader
                        .tile_foci(index)?
                        .map(|foci| foci.iter().map(|focus| (focus.x, focus.y)).collect()),
                });
            }
        }
        data.check(&folder, spec)?;
        Ok(data)
    }

    fn check(&self, folder: &Path, spec: &StudySpec) -> Result<(), StudyError> {
        let few = |what: &str| {
            let reason = format!(
                "{what}; a study needs at least 3 fields with something in them (one each to train, tune and test on), and 10 or more for intervals that mean something"
            );
            Err(StudyError::Data { folder: folder.into(), reason })
        };
        if self.tiles.training.is_empty() || self.tiles.validation.is_empty() || self.test.is_empty() {
            let fields = self.planned.fingerprint.fields;
            return few(&format!("only {fields} usable field{}", if fields == 1 { "" } else { "s" }));
        }
        let crop = spec.training.crop;
        let fits = |plane: &Plane| plane.width >= crop && plane.height >= crop;
        if !self.tiles.training.iter().any(fits) || !self.tiles.validation.iter().any(fits) {
            let TileSize { width, height } = self.planned.tile;
            let reason = format!(
                "the images (largest {width} x {height} pixels) are smaller than the training crop of {crop} x {crop}; set a smaller training.crop in the study file"
            );
            return Err(StudyError::Data { folder: folder.into(), reason });
        }
        Ok(())
    }
}

/// Tiles to train a single net: all fields but a fifth, which are for validation. Also says what was noticed.
///
/// # Errors
/// [`StudyError::Image`] or [`StudyError::Data`] if the folder cannot be used.
pub fn training_tiles(
    folder: &Path,
    tile: Option<TileSize>,
    channel: ChannelChoice,
    seed: u64,
) -> Result<(Tiles, Vec<String>), StudyError> {
    let options = DatasetOptions {
        tile: tile.map(|tile| (tile.width, tile.height)),
        channel,
        ..DatasetOptions::default()
    };
    let dataset = Dataset::open(folder, &options)?;
    let split = split_by_group(
        &dataset,
        &SplitOptions { test_share: 0.0, validation_share: 0.2, seed, ..SplitOptions::default() },
    )?;
    let mut tiles = Tiles::default();
    let mut loader = Loader::new(&dataset);
    for (index, tile) in dataset.tiles.iter().enumerate() {
        let part =
            if split.train.contains(&tile.field) { &mut tiles.training } else { &mut tiles.validation };
        part.push(loader.tile(index)?);
    }
    let left_out =
        dataset.left_out.iter().map(|field| format!("{} is left out: {}", field.name, field.reason));
    Ok((tiles, left_out.chain(dataset.notes.iter().cloned()).collect()))
}

/// Makes the specimens of a study in its output folder, unless a part of the study did before.
fn specimens(spec: &StudySpec, out: &Path, observer: &mut dyn Observer) -> Result<PathBuf, StudyError> {
    let Some(wanted) = spec.specimens else {
        let reason = "it has no [specimens] to make, so it needs images: add --data DIR".into();
        return Err(StudyError::Spec { place: format!("study '{}'", spec.name), reason });
    };
    let folder = out.join("specimens");
    if folder.exists() {
        return Ok(folder);
    }
    observer.event(Event::Note(&format!(
        "making {} synthetic specimens in {}",
        wanted.fields,
        folder.display()
    )));
    let fresh = out.join(".specimens.new");
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| StudyError::File { action: "write", path, source }
    };
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).map_err(failed(&fresh))?;
    }
    let options = SpecimenOptions {
        width: wanted.width,
        height: wanted.height,
        nucleus_scale: wanted.nucleus_scale,
        seed: wanted.seed,
        ..SpecimenOptions::default()
    };
    write_specimens(&fresh, wanted.fields, &options)?;
    std::fs::rename(&fresh, &folder).map_err(failed(&folder))?;
    Ok(folder)
}
