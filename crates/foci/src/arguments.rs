//! What can be typed: every command and flag, with the words that `--help` shows.
//!
//! These are raw flags. Each command turns them into a resolved value of its own before any work starts.

mod bench;
mod data;
mod predict;
mod training;

pub use bench::{BenchArguments, WorkerMode};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub use data::{CheckArguments, DataCommand, Kind, SynthArguments, TileArguments, TransplantArguments};
use foci_measure::Measure;
pub use predict::PredictArguments;
use std::path::PathBuf;
pub use training::{
    ActivationArgument, IntensitiesArgument, NormalisationArgument, TaskArgument, TrainArguments,
};

/// Test conv-nets the way you test a microscope.
///
/// foci finds out, with evidence, which convolutional architecture keeps the fine detail of your images
/// at an equal number of weights, and what it costs; then it trains the winner, runs it and measures it.
#[derive(Debug, Parser)]
#[command(name = "foci", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Start here:\n  foci study                          the whole experiment in small, on specimens it makes itself\n  foci study --data my-images         the same on your images\n  foci inspect unet --weights 60000   one net, counted"
)]
pub struct Arguments {
    /// Threads to use [default: all cores]
    #[arg(long, global = true, env = "FOCI_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare nets at an equal number of weights and write a report
    Study(StudyArguments),
    /// Write the report of a study again from its figures, or tell what is behind one of them
    Report(ReportArguments),
    /// Train one net, or a pixel classifier in its place
    Train(TrainArguments),
    /// Run a trained model, or a method that needs no training, on images
    Predict(PredictArguments),
    /// Measure predicted images, or label images, against the true ones
    Evaluate(EvaluateArguments),
    /// Show a net: its layers, weights, cost and receptive field
    Inspect(InspectArguments),
    /// Test nets like instruments: point spread, contrast, two points, edges, shifts, receptive field
    Optics(OpticsArguments),
    /// Make, check and cut data
    #[command(subcommand)]
    Data(DataCommand),
    /// Measure the speed of the kernels or of a net on this machine
    Bench(BenchArguments),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  foci completions bash > ~/.local/share/bash-completion/completions/foci"
    )]
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
}

/// Flags of `foci study`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci study\n  foci study --data my-images --tile 672x512 --out my-study\n  foci study studies/article.toml --data coelho2009 --out article\n  foci study --out my-study --resume\n  foci study --data my-images --plan-only --pilot my-pilot --smallest-difference psnr=1"
)]
pub struct StudyArguments {
    /// Study file (TOML) [default: studies/standard.toml for your images, studies/quick.toml without]
    #[arg(value_name = "SPEC.toml")]
    pub spec: Option<PathBuf>,
    /// Folder of images [default: synthetic specimens, made for the study]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Folder for everything the study writes [default: foci-study-1, -2, ...]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only these nets: arms of the study, shipped nets or files
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub nets: Vec<String>,
    /// Trainable weights of every net
    #[arg(long, value_name = "N")]
    pub weights: Option<u64>,
    /// Seeds of every net
    #[arg(long, value_name = "N")]
    pub seeds: Option<usize>,
    /// Optimiser steps of every run
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// How images are read
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// How convolutions are computed
    #[command(flatten)]
    pub arithmetic: ArithmeticArguments,
    /// Go on with a study that was interrupted
    #[arg(long)]
    pub resume: bool,
    /// Only say what the study would take and what it could see; nothing is written
    #[arg(long, conflicts_with = "resume")]
    pub plan_only: bool,
    /// Folder of a study that tells how scores vary between fields and seeds [default: what can be seen is not said]
    #[arg(long, value_name = "DIR", requires = "plan_only")]
    pub pilot: Option<PathBuf>,
    /// A difference to be seen, such as psnr=1: how many seeds or fields it needs (may be repeated)
    #[arg(long, value_name = "MEASURE=VALUE", requires = "pilot", value_parser = measure_and_value)]
    pub smallest_difference: Vec<(Measure, f64)>,
    /// Print results.json at the end instead of the summary
    #[arg(long)]
    pub json: bool,
}

/// Flags of `foci report`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci report my-study\n  foci report my-study --explain unet.psnr        the mean of a net\n  foci report my-study --explain unet:fcn.psnr    a difference of two\n  foci report my-study --explain unet.learning_rate    how it was chosen"
)]
pub struct ReportArguments {
    /// Folder of a study that has come to its end
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// File to write; without the images there are no pictures in it [default: figures.html in the folder]
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Tell the runs, the fields and the code behind this number of the report instead; its name shows there when the
    /// pointer rests on it
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["out", "json"])]
    pub explain: Option<String>,
    /// Print where the report is as JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads `MEASURE=VALUE`, a difference above zero.
fn measure_and_value(text: &str) -> Result<(Measure, f64), String> {
    let (key, value) = text.split_once('=').ok_or("write MEASURE=VALUE, for example psnr=1")?;
    let measure = Measure::from_key(key.trim()).ok_or_else(|| {
        let keys: Vec<&str> = Measure::all().map(Measure::key).collect();
        format!("there is no measure '{key}'; choose among {}", keys.join(", "))
    })?;
    match value.trim().parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok((measure, value)),
        _ => Err(format!("'{value}' is no difference above zero")),
    }
}

/// How images are read, the same for every command that reads a data folder.
#[derive(Debug, Clone, Args)]
pub struct ReadingArguments {
    /// Cut fields into tiles of this size
    #[arg(long, value_name = "WIDTHxHEIGHT", conflicts_with = "tiles")]
    pub tile: Option<foci_study::TileSize>,
    /// Table of tiles instead (CSV with columns tile,image,x,y,w,h)
    #[arg(long, value_name = "FILE.csv")]
    pub tiles: Option<PathBuf>,
    /// Which part of each file is used
    #[command(flatten)]
    pub image: ImageArguments,
}

/// Which part of an image file is the image.
#[derive(Debug, Clone, Args)]
pub struct ImageArguments {
    /// Channel of colour images to use [default: guessed, and told]
    #[arg(long)]
    pub channel: Option<Channel>,
    /// Page of multi-page files, from 0 [default: the first, and told]
    #[arg(long, value_name = "N")]
    pub page: Option<usize>,
}

/// How convolutions are computed.
#[derive(Debug, Clone, Copy, Args)]
pub struct ArithmeticArguments {
    /// Direct convolutions only, no Winograd's tiles: errors about 1e-6 of the largest value instead of 1e-5, for up to
    /// three times the time. A model trained so is always used so
    #[arg(long)]
    pub exact: bool,
}

/// Channel of a colour image.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Channel {
    /// The red channel
    Red,
    /// The green channel
    Green,
    /// The blue channel
    Blue,
    /// Weighted sum of all three
    Luminance,
}

/// Flags of `foci evaluate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci evaluate --truth my-images --pred predicted\n  foci evaluate --truth my-images --pred labels     label images against the masks of my-images"
)]
pub struct EvaluateArguments {
    /// Folder of true images; its masks and tables of true foci, where it has them, are used as in a study. For label
    /// images a data folder with masks, or a folder of label images
    #[arg(long, value_name = "DIR")]
    pub truth: PathBuf,
    /// Folder of predicted images, or label images, with the same names
    #[arg(long, value_name = "DIR")]
    pub pred: PathBuf,
    /// What the predicted files are [default: classes beside a folder of that name, else labels where they hold 32-bit unsigned integers, else images]
    #[arg(long = "as", value_name = "KIND")]
    pub kind: Option<Predicted>,
    /// Objects: measure as well whether their classes are right. COLUMN of cells/NAME.csv (a line for each object, column label)
    /// or of images.csv (one class for all objects of an image) has the true ones
    #[arg(long, value_name = "COLUMN")]
    pub object_classes: Option<String>,
    /// Which part of each file is used
    #[command(flatten)]
    pub image: ImageArguments,
    /// Print the measures as JSON
    #[arg(long)]
    pub json: bool,
}

/// What predicted files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Predicted {
    /// Intensities, as a net gives back that reconstructs
    Images,
    /// Numbers of objects, 0 for background
    Labels,
    /// Numbers of classes
    Classes,
}

/// Flags of `foci inspect`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci inspect atrous --weights 67000\n  foci inspect my-net.toml --json > net.json"
)]
pub struct InspectArguments {
    /// Shipped net, net file or model folder; `list` names the shipped nets
    #[arg(value_name = "NET|MODEL")]
    pub net: String,
    /// Image size for the bytes
    #[arg(long, value_name = "HEIGHTxWIDTH", default_value = "512x672")]
    pub size: String,
    /// Trainable weights of an architecture [default: 60000]
    #[arg(long, value_name = "N")]
    pub weights: Option<u64>,
    /// How convolutions are computed
    #[command(flatten)]
    pub arithmetic: ArithmeticArguments,
    /// Print the resolved net as JSON
    #[arg(long)]
    pub json: bool,
}

/// Flags of `foci optics`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  foci optics my-study/runs/unet-seed0 my-study/runs/fcn-seed0\n  foci optics my-model --data my-images\n  foci optics fcn fcn-blur        untrained: what the layout of the net decides"
)]
pub struct OpticsArguments {
    /// Model folders; or shipped nets and net files, of which only what needs no training is measured
    #[arg(value_name = "MODEL|NET", required = true)]
    pub subjects: Vec<String>,
    /// Folder of images to put probes on [default: a synthetic field]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Which part of each file is used
    #[command(flatten)]
    pub image: ImageArguments,
    /// Trainable weights of nets that are no models [default: 60000]
    #[arg(long, value_name = "N")]
    pub weights: Option<u64>,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}
