//! What `foci data` can be told.

use super::{ImageArguments, ReadingArguments};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The commands of `foci data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Make synthetic specimens with known truth
    Synth(SynthArguments),
    /// Look through a data folder and say what foci sees in it
    Check(CheckArguments),
    /// Cut fields into tiles
    Tile(TileArguments),
    /// Lay objects of two classes into each other's fields, so that only the objects say which is which
    Transplant(TransplantArguments),
}

/// Flags of `foci data transplant`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  foci data transplant coelho2009 --object-classes cell_line --out exchanged\n  foci train --task instances --object-classes class --data exchanged --net unet --out teller"
)]
pub struct TransplantArguments {
    /// Data folder with masks
    pub folder: PathBuf,
    /// Column of images.csv that says of which class all objects of an image are; there must be two
    #[arg(long, value_name = "COLUMN")]
    pub object_classes: String,
    /// Folder for the fields: images, masks, and cells/NAME.csv with the class of what was laid in
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Objects of each class for a field, where there is room
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub each: usize,
    /// Lay objects in with their mean light all over: a control, in which no detail tells the classes apart
    #[arg(long)]
    pub flat: bool,
    /// Seed of what is taken and where it is laid
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Which part of each file is used
    #[command(flatten)]
    pub image: ImageArguments,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `foci data synth`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  foci data synth --count 12 --size 672x512 --out specimens")]
pub struct SynthArguments {
    /// Folder for the specimens
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Number of fields
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub count: usize,
    /// Size of a field in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "672x512")]
    pub size: foci_study::TileSize,
    /// Kind of nuclei: many foci, few, or both
    #[arg(long, default_value = "mixed")]
    pub kind: Kind,
    /// Seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}

/// Kinds of nuclei.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// Both kinds in one field
    Mixed,
    /// Nuclei with few foci
    Few,
    /// Nuclei with many foci
    Many,
}

/// Flags of `foci data check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  foci data check my-images --tile 672x512")]
pub struct CheckArguments {
    /// Data folder
    pub folder: PathBuf,
    /// How images are read
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `foci data tile`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  foci data tile my-images --tile 672x512 --out tiles")]
pub struct TileArguments {
    /// Data folder
    pub folder: PathBuf,
    /// Size of a tile in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "672x512")]
    pub tile: foci_study::TileSize,
    /// Folder for the tiles
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Which part of each file is used
    #[command(flatten)]
    pub image: ImageArguments,
    /// Print what was cut as JSON
    #[arg(long)]
    pub json: bool,
}
