//! A folder of images understood as a dataset: fields, their tiles, and what was left out.
//!
//! A *field* is one image as the microscope took it; a *tile* is a rectangle of it. Fields come in the
//! order of their names, whatever order the file system lists them in.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{ChannelChoice, ImageError, Normalisation, Reading, Workers};

mod classes;
mod load;
mod objects;
mod open;
pub mod quality;
pub(crate) mod scan;
mod table;
pub mod tiles;

pub use classes::{ObjectClasses, classes_of_images, read_classes};
pub use load::{Loader, Point, read_points};
pub use objects::Numbers;
pub(crate) use open::survey;
pub use scan::{FieldFiles, FolderFiles, field_files};
pub use table::quoted;

/// How a data folder is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatasetOptions {
    /// Cut each field into centred tiles of this width and height that do not overlap; whole fields if
    /// `None`.
    pub tile: Option<(usize, usize)>,
    /// A table of tiles (columns `tile,image,x,y,w,h`) instead; a relative path is looked for in the data
    /// folder first.
    pub tiles_csv: Option<PathBuf>,
    /// Channel to use.
    pub channel: ChannelChoice,
    /// Page of multi-page TIFF files, from 0; the first, and a note that says so, if `None`.
    pub page: Option<usize>,
    /// Column of `images.csv` that names siblings.
    pub group_column: String,
    /// Column of `cells/NAME.csv` or of `images.csv` that names the classes of objects ([`ObjectClasses`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_column: Option<String>,
    /// Fields with more than this share of saturated pixels are left out.
    pub saturated_limit: f64,
}

impl Default for DatasetOptions {
    fn default() -> Self {
        Self {
            tile: None,
            tiles_csv: None,
            channel: ChannelChoice::Guess,
            page: None,
            group_column: "group".to_string(),
            class_column: None,
            saturated_limit: 0.5,
        }
    }
}

impl DatasetOptions {
    /// Which part of each file is used.
    pub fn reading(&self) -> Reading {
        Reading { channel: self.channel, page: self.page }
    }
}

/// Which layout a data folder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Images in the folder itself.
    Flat,
    /// `images/` and, for some or all of them, `masks/` with files of the same name.
    ImagesAndMasks,
    /// Cellpose: `x.tif` beside `x_masks.tif`.
    Cellpose,
    /// 2018 Data Science Bowl: `<name>/images/` and `<name>/masks/` with one object in each file.
    FolderPerImage,
}

/// A data folder as understood.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The folder.
    pub root: PathBuf,
    /// Its layout.
    pub layout: Layout,
    /// How it was read; loading reads it the same way.
    pub options: DatasetOptions,
    /// Fields to use, in the order of their names.
    pub fields: Vec<Field>,
    /// Tiles to use, in the order of fields and then as cut (row by row) or as listed.
    pub tiles: Vec<Tile>,
    /// Fields found but not used, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// What a person should know: guesses, oddities, and what to do about them.
    pub notes: Vec<String>,
    /// How the numbers of masks are loaded.
    pub numbers: Numbers,
}

impl Dataset {
    /// Reads a data folder: every file is opened once, measured and hashed.
    ///
    /// Fields that are blank or saturated, that `images.csv` drops, or that hold no tile are left out by
    /// name; whatever else cannot be used is an error that names the first file and what to do. The watcher of
    /// the workers counts fields.
    pub fn open(root: &Path, options: &DatasetOptions, workers: &mut Workers) -> Result<Self, ImageError> {
        let (dataset, problems) = survey(root, options, workers)?;
        match ImageError::all(problems) {
            None => Ok(dataset),
            Some(problem) => Err(problem),
        }
    }
}

/// One image as the microscope took it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// File name without extension (or folder name).
    pub name: String,
    /// Siblings share a group; a field on its own has its name as group.
    pub group: String,
    /// The image file.
    pub path: PathBuf,
    /// Its label image, or a folder with one file for each object; [`crate::read_labels`] takes either.
    pub mask: Option<PathBuf>,
    /// Table of true foci (columns `x`, `y` in pixels), for specimens that have it.
    pub foci: Option<PathBuf>,
    /// Table of cells, for specimens that have it.
    pub cells: Option<PathBuf>,
    /// Classes of the objects, if they were asked for and somebody says so.
    pub classes: Option<ObjectClasses>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bits of a sample in the file.
    pub bits: u8,
    /// Whether the file has channels that differ, of which one was chosen.
    pub several_channels: bool,
    /// Whether all values are whole numbers.
    pub whole: bool,
    /// Objects in the mask: numbers that it has, but for the background.
    pub objects: Option<usize>,
    /// The smallest and the largest number of the mask, background included.
    pub range: Option<[u32; 2]>,
    /// Numbers of the mask whose pixels lie in several pieces, in ascending order.
    pub in_pieces: Vec<u32>,
    /// Intensities in raw counts.
    pub intensity: Intensity,
    /// Scale of this field and all its tiles.
    pub normalisation: Normalisation,
    /// SHA-256 of the image file, hexadecimal.
    pub sha256: String,
    /// SHA-256 of the table of true foci, hexadecimal.
    pub foci_sha256: Option<String>,
    /// SHA-256 of the mask (of all files, for a folder), hexadecimal.
    pub mask_sha256: Option<String>,
    /// What `images.csv` says in its column `split`.
    pub part: Option<Part>,
    /// What `images.csv` says in its column `fold`.
    pub fold: Option<usize>,
}

/// Part of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To learn from.
    Train,
    /// To tune by.
    Validation,
    /// Touched once.
    Test,
}

impl Part {
    /// As `images.csv` names it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// Intensities of one field, in raw counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intensity {
    /// Smallest value.
    pub minimum: f64,
    /// 1st percentile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// 99.8th percentile.
    pub high: f64,
    /// Largest value.
    pub maximum: f64,
    /// Mean.
    pub mean: f64,
    /// Share of pixels at the largest value that the camera can give.
    pub saturated: f64,
    /// Fine detail beyond noise, see [`quality::sharpness`].
    pub sharpness: f64,
}

/// A rectangle of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Name: `<field>-t<k>`, or that of the field where it is whole.
    pub name: String,
    /// Index into [`Dataset::fields`].
    pub field: usize,
    /// Column of the left edge in the field.
    pub x: usize,
    /// Row of the top edge in the field.
    pub y: usize,
    /// Width in pixels.
    pub w: usize,
    /// Height in pixels.
    pub h: usize,
}

/// A field that was found but is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Name of the field.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Tiles that it would have given.
    pub tiles: usize,
}
