//! The images of a study, read once: tiles to learn from, tiles to tune by, tiles to test on.
//!
//! Test tiles carry what is known of them: the label image and, for synthetic specimens, the true foci.

mod labelled;
mod masks;
mod parts;
mod specimens;
#[cfg(test)]
mod tests;

use crate::StudyError;
use crate::spec::{StudySpec, TileSize};
use crate::study::{Event, Observer, StudyRequest};
use foci_image::{
    Dataset, DatasetOptions, Fingerprint, ImageError, LabelImage, LeftOut, Loader, Plane, Split,
    SplitOptions, Workers, split_by_group,
};
use foci_measure::frequency::LEAST_SIDE;
use foci_train::{Example, Seen, Task, Tiles, check_objects};
use masks::{class_weights, example, numbered, object_class_weights};
use parts::{Parts, split};
use serde::{Deserialize, Serialize};
pub(crate) use specimens::SPECIMENS;
use specimens::specimens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Groups of fields that a study needs at least: one each to train, tune and test on.
const LEAST_GROUPS: usize = 3;
/// Test groups from which a difference has an interval.
const LEAST_COMPARED: usize = 2;

/// What the plan says of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedData {
    /// The folder, or `specimens` for those that the study makes.
    pub source: String,
    /// How the images were read: tiles, channel, page.
    pub reading: DatasetOptions,
    /// Width and height of the largest tile.
    pub tile: TileSize,
    /// Names of the fields in each part.
    pub split: SplitNames,
    /// The fold that is held out, from 0.
    pub fold: usize,
    /// Fields that were found and not used, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Guesses and oddities.
    pub notes: Vec<String>,
    /// What the cross-entropy of each class counts; empty where the task has no classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weights: Vec<f64>,
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
    /// Held-out fields of other kinds than those trained on, which are measured besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

impl PlannedData {
    /// Size for which costs are given.
    pub fn largest_tile(&self) -> TileSize {
        self.tile
    }

    /// What a reader should know of the data, in sentences.
    pub fn lines(&self) -> Vec<String> {
        remarks(&self.left_out, &self.notes)
    }
}

/// A tile of a test field.
#[derive(Debug, Clone)]
pub(crate) struct TestTile {
    pub name: String,
    /// Name of its field or, where fields have siblings, of their group: differences are paired by it, since siblings
    /// are no independent evidence.
    pub field: String,
    pub plane: Plane,
    pub labels: Option<LabelImage>,
    /// The class of each object, where it is one of the study's.
    pub classes: BTreeMap<u32, usize>,
    /// True positions of foci in pixels of the tile, where the specimen has them.
    pub truth: Option<Vec<(f64, f64)>>,
}

/// All images of a study.
#[derive(Debug)]
pub(crate) struct Data {
    pub planned: PlannedData,
    pub tiles: Tiles,
    /// The field of each tile to train on, by its place in the dataset.
    fields_of_training: Vec<usize>,
    pub test: Vec<TestTile>,
    /// Of held-out fields of other kinds than those trained on.
    pub others: Vec<TestTile>,
}

impl Data {
    /// Reads the images that the request names, on so many threads, or makes specimens in the output folder.
    pub fn open(
        request: &StudyRequest,
        threads: usize,
        observer: &mut dyn Observer,
    ) -> Result<Data, StudyError> {
        let spec = &request.spec;
        let folder = match &request.data {
            Some(folder) => folder.clone(),
            None => specimens(spec, &request.out, threads, observer)?,
        };
        let options = options(request);
        let mut dataset = open_folder(&folder, &options, threads, observer)?;
        read_masks_for(spec.task, &mut dataset);
        let Parts { split, others, fold, without_mask } = split(spec, &dataset, &folder)?;
        let mut notes = dataset.notes.clone();
        notes.extend(without_mask);
        if count_groups(&dataset, &split.test) < LEAST_COMPARED {
            notes.push(
                "Only one field is held out to test on, so no difference between nets has an interval and nothing is compared. Add fields, or hold out more of them.".into(),
            );
        }
        let names =
            |fields: &[usize]| fields.iter().map(|&field| dataset.fields[field].name.clone()).collect();
        let largest =
            |side: fn(&foci_image::Tile) -> usize| dataset.tiles.iter().map(side).max().unwrap_or(1);
        let planned = PlannedData {
            source: request.data.as_ref().map_or("specimens".into(), |folder| folder.display().to_string()),
            reading: options.clone(),
            tile: TileSize { width: largest(|tile| tile.w), height: largest(|tile| tile.h) },
            split: SplitNames {
                training: names(&split.train),
                validation: names(&split.validation),
                test: names(&split.test),
                others: names(&others),
            },
            fold,
            left_out: dataset.left_out.clone(),
            notes,
            class_weights: Vec::new(),
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
        let fingerprint = planned.fingerprint.sha256.clone();
        let classes = spec.classes.clone();
        let (seen, reading) = (seen(&dataset), options.reading());
        let tiles = Tiles { fingerprint, classes, seen, reading, ..Tiles::default() };
        let mut data =
            Data { planned, tiles, fields_of_training: Vec::new(), test: Vec::new(), others: Vec::new() };
        let mut workers =
            Workers::new(threads).watched_by(|done, all| observer.phase("loading tiles", done, all));
        for tile in dataset
            .each_tile(&mut workers, |loader, index| load(&dataset, spec, &split, &others, loader, index))?
        {
            match tile {
                Loaded::Training(field, example) => {
                    data.fields_of_training.push(field);
                    data.tiles.training.push(example);
                }
                Loaded::Validation(example) => data.tiles.validation.push(example),
                Loaded::Test(tile) => data.test.push(tile),
                Loaded::Other(tile) => data.others.push(tile),
                Loaded::Unused => {}
            }
        }
        data.check(&folder, spec)?;
        if spec.task == Task::Semantic {
            data.planned.class_weights = class_weights(&data.tiles, spec, &folder)?;
        } else if let Some(column) = &spec.object_classes {
            data.planned.class_weights = object_class_weights(&data.tiles, spec, column, &folder)?;
        }
        Ok(data)
    }

    /// Sees to it that there are objects where the task needs some, that crops fit into the tiles and that test tiles are large enough to be measured.
    fn check(&self, folder: &Path, spec: &StudySpec) -> Result<(), StudyError> {
        let refuse = |reason: String| Err(StudyError::Data { folder: folder.into(), reason });
        if let (Task::Instances, Err(error)) = (spec.task, check_objects(&self.tiles.training)) {
            return refuse(error.to_string());
        }
        let TileSize { width, height } = self.planned.tile;
        let crop = spec.training.crop;
        let least = spec.training.least_side();
        let fits = |example: &Example| example.holds(least);
        if !self.tiles.training.iter().any(fits) || !self.tiles.validation.iter().any(fits) {
            return refuse(format!(
                "the images (largest {width} x {height} pixels) are smaller than the training crop of {crop} x {crop} pixels{}; set a smaller training.crop in the study file",
                spec.training.blocks()
            ));
        }
        let fields = self.training_fields(least).len();
        let of_arms = spec.arms.iter().map(|arm| (format!("arm '{}'", arm.name), arm.labelled));
        let of_baselines = spec
            .baselines
            .iter()
            .map(|baseline| (format!("baseline '{}'", baseline.name()), baseline.labelled));
        let mut asks = of_arms.chain(of_baselines).filter_map(|(name, labelled)| Some((name, labelled?)));
        if let Some((name, labelled)) = asks.find(|(_, labelled)| *labelled > fields) {
            return refuse(format!(
                "{name} learns from the masks of {labelled} fields, and there are {fields} to train on with tiles that a crop of {crop} pixels fits into; set a smaller `labelled`"
            ));
        }
        let small = |tile: &&TestTile| tile.plane.width < LEAST_SIDE || tile.plane.height < LEAST_SIDE;
        match self.test.iter().find(small) {
            None => Ok(()),
            Some(TestTile { name, plane, .. }) => refuse(format!(
                "test tile {name} has {} x {} pixels; detail can be measured from {LEAST_SIDE} x {LEAST_SIDE} on, so leave small images out or use larger tiles",
                plane.width, plane.height
            )),
        }
    }
}

/// How many fields a study would be tested on, siblings counted as one; of specimens they are not made, and the number is a share.
pub(crate) fn count_test_fields(
    request: &StudyRequest,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<usize, StudyError> {
    let spec = &request.spec;
    let Some(folder) = &request.data else {
        let fields = spec.specimens.map_or(0, |specimens| specimens.fields);
        return Ok(fields.div_ceil(spec.split.folds.max(1)));
    };
    let dataset = open_folder(folder, &options(request), threads, observer)?;
    let Parts { split, .. } = split(spec, &dataset, folder)?;
    Ok(count_groups(&dataset, &split.test))
}

/// How many fields there are among these, siblings counted as one.
fn count_groups(dataset: &Dataset, fields: &[usize]) -> usize {
    fields.iter().map(|&field| dataset.fields[field].group.as_str()).collect::<BTreeSet<&str>>().len()
}

fn options(request: &StudyRequest) -> DatasetOptions {
    let tile = request.spec.tile.map(|tile| (tile.width, tile.height));
    DatasetOptions { tile, class_column: request.spec.object_classes.clone(), ..request.reading.clone() }
}

fn open_folder(
    folder: &Path,
    options: &DatasetOptions,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<Dataset, StudyError> {
    let mut workers =
        Workers::new(threads).watched_by(|done, all| observer.phase("reading images", done, all));
    Ok(Dataset::open(folder, options, &mut workers)?)
}

/// A tile as its part of the split needs it.
enum Loaded {
    Training(usize, Example),
    Validation(Example),
    Test(TestTile),
    Other(TestTile),
    /// Its field is in no part.
    Unused,
}

fn load(
    dataset: &Dataset,
    spec: &StudySpec,
    split: &Split,
    others: &[usize],
    loader: &mut Loader,
    index: usize,
) -> Result<Loaded, ImageError> {
    let tile = &dataset.tiles[index];
    let mut test = || {
        let truth = loader.tile_foci(index)?;
        let labels = loader.tile_labels(index)?;
        let named = dataset.fields[tile.field].classes.as_ref();
        Ok::<_, ImageError>(TestTile {
            name: tile.name.clone(),
            field: dataset.fields[tile.field].group.clone(),
            plane: loader.tile(index)?,
            classes: labels
                .as_ref()
                .zip(named)
                .map_or(BTreeMap::new(), |(labels, named)| numbered(labels, named, &spec.classes)),
            labels,
            truth: truth.map(|foci| foci.iter().map(|focus| (focus.x, focus.y)).collect()),
        })
    };
    Ok(if split.train.contains(&tile.field) {
        Loaded::Training(tile.field, example(dataset, loader, spec.task, &spec.classes, index)?)
    } else if split.validation.contains(&tile.field) {
        Loaded::Validation(example(dataset, loader, spec.task, &spec.classes, index)?)
    } else if split.test.contains(&tile.field) {
        Loaded::Test(test()?)
    } else if others.contains(&tile.field) {
        Loaded::Other(test()?)
    } else {
        Loaded::Unused
    })
}

/// Tiles to train a single net: all fields but a fifth, which are for validation, and but those that `images.csv` keeps
/// for the test, which are not touched. If the task needs labels, fields without a mask are left out; their names are returned. The
/// watcher of the workers counts fields.
///
/// # Errors
/// [`StudyError::Image`] if there are too few fields, a file has changed since, or the watcher ends the work.
pub fn training_tiles(
    dataset: &Dataset,
    task: Task,
    seed: u64,
    workers: &mut Workers,
) -> Result<(Tiles, Vec<String>), StudyError> {
    let split = split_by_group(
        dataset,
        &SplitOptions { test_share: 0.0, validation_share: 0.2, seed, ..SplitOptions::default() },
    )?;
    let fingerprint = Fingerprint::of(dataset, Some(&split)).sha256;
    let is_used = |field: usize| !task.needs_masks() || dataset.fields[field].mask.is_some();
    let classes = dataset.object_classes();
    let (seen, reading) = (seen(dataset), dataset.options.reading());
    let mut tiles = Tiles { fingerprint, classes: classes.clone(), seen, reading, ..Tiles::default() };
    let load = |loader: &mut Loader, index: usize| {
        let field = dataset.tiles[index].field;
        let is_validation = split.validation.contains(&field);
        // Of the others not even the file is read.
        if !is_used(field) || !(is_validation || split.train.contains(&field)) {
            return Ok(None);
        }
        Ok::<_, ImageError>(Some((is_validation, example(dataset, loader, task, &classes, index)?)))
    };
    for (is_validation, example) in dataset.each_tile(workers, load)?.into_iter().flatten() {
        if is_validation { &mut tiles.validation } else { &mut tiles.training }.push(example);
    }
    let fields = split.train.iter().chain(&split.validation);
    let without = fields.filter(|&&field| !is_used(field)).map(|&field| dataset.fields[field].name.clone());
    Ok((tiles, without.collect()))
}

/// Sees to it that the numbers of masks are loaded as the task takes them.
pub fn read_masks_for(task: Task, dataset: &mut Dataset) {
    match task {
        Task::Instances => dataset.tell_objects_apart(),
        Task::Semantic => dataset.tell_classes_apart(),
        Task::Reconstruct => {}
    }
}

/// What the files are like: bits of a sample, each depth once, and whether a channel had to be chosen.
fn seen(dataset: &Dataset) -> Seen {
    let bits: BTreeSet<u8> = dataset.fields.iter().map(|field| field.bits).collect();
    let several: BTreeSet<bool> = dataset.fields.iter().map(|field| field.several_channels).collect();
    Seen {
        bits: bits.into_iter().collect(),
        several_channels: several.first().copied().filter(|_| several.len() == 1),
        diameters_px: None,
    }
}

/// What a reader should know of a data folder, in sentences.
pub fn remarks(left_out: &[LeftOut], notes: &[String]) -> Vec<String> {
    let left_out = left_out.iter().map(|field| format!("{} is left out: {}", field.name, field.reason));
    left_out.chain(notes.iter().cloned()).collect()
}
