//! What `foci predict` can be told.

use super::{ArithmeticArguments, Channel};
use clap::Args;
use foci_train::Scales;
use std::path::PathBuf;

/// Flags of `foci predict`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci predict my-model my-images --out predicted\n  foci predict watershed my-images --smallest 2500 --out labels"
)]
pub struct PredictArguments {
    /// Model folder (a net's or a pixel classifier's); or a method that learns nothing, which outlines objects: otsu, ridler-calvard, mean-threshold, watershed,
    /// watershed-gradient. Of objects it writes label images (32-bit TIFF), outlines/NAME.png and objects/NAME.csv
    #[arg(value_name = "MODEL|METHOD")]
    pub model: PathBuf,
    /// Images, or folders of images
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the predicted images
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Objects: remove those of fewer square pixels of the image [default: as a model's training chose; methods: 0, which keeps all]
    #[arg(long, value_name = "PIXELS")]
    pub smallest: Option<usize>,
    /// Objects: count the foci in each, spots of 4 to 8 pixels across that stand out from the texture around them; a column of objects/NAME.csv, and rings in
    /// outlines/NAME.png
    #[arg(long)]
    pub foci: bool,
    /// Watersheds: standard deviation of the Gaussian before seeds are looked for, in pixels; about a seventh of the
    /// width of an object [default: 12]
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub sigma: Option<f64>,
    /// Nets: show each image in its four mirror images and average the answers, which takes four times as long
    #[arg(long)]
    pub flips: bool,
    /// Nets for objects or classes: show each image at these sizes and average the answers, so 0.5 for objects twice as large as those learnt from, or 0.7,1,1.4
    /// for objects of all sizes [default: 1]
    #[arg(long, value_name = "FACTOR,..")]
    pub scales: Option<Scales>,
    /// Nets: cut images into tiles of at most so many pixels on a side; the result is the same, to the last bit [default: only where memory is short]
    #[arg(long, value_name = "PIXELS")]
    pub tile: Option<usize>,
    /// Objects and classes: write label images as 16-bit PNG instead of 32-bit TIFF; refused above 65,535 objects in an image
    #[arg(long)]
    pub png: bool,
    /// Channel of colour images to use [default: as said in training, else guessed; either is told]
    #[arg(long)]
    pub channel: Option<Channel>,
    /// Page of multi-page files, from 0 [default: as said in training, else the first; either is told]
    #[arg(long, value_name = "N")]
    pub page: Option<usize>,
    /// How convolutions are computed
    #[command(flatten)]
    pub arithmetic: ArithmeticArguments,
    /// Go on after a failure or Ctrl-C: predictions that are there are kept, whichever model made them, and the rest
    /// are made. Without it foci refuses to begin where one is there; none is ever replaced or half written
    #[arg(long)]
    pub resume: bool,
    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
}
