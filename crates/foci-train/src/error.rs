//! What can go wrong in a run, in words that say where and what to do next.

use std::io;
use std::path::PathBuf;

/// Failure of a training run or of a model folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A value of the plan cannot be used.
    #[error("{what}, but it is {value}")]
    Plan {
        /// The rule.
        what: String,
        /// The value that breaks it.
        value: String,
    },
    /// There is nothing to train on.
    #[error(
        "no {part} tiles of at least {crop} x {crop} pixels; use a smaller crop, less binning where pixels are binned, or add images"
    )]
    NoTiles {
        /// `training` or `validation`.
        part: &'static str,
        /// Side of the crop asked for.
        crop: usize,
    },
    /// An image has no labels of its size, but the task needs them.
    #[error(
        "an image of {width} x {height} pixels has no label image of its size, which this task needs; add its mask, or leave it out"
    )]
    NoLabels {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// A mask has a value that is no class.
    #[error(
        "a mask has the value {value}, but there are {classes} classes, 0 to {last}; if masks number objects, use --task instances, else give more classes",
        last = classes.saturating_sub(1)
    )]
    NoClass {
        /// Value of a pixel.
        value: u32,
        /// Number of classes.
        classes: usize,
    },
    /// All masks are of one class.
    #[error(
        "all pixels of all masks to train on have the value {value}, so there is nothing to tell apart; check the masks (foci data check)"
    )]
    OneClass {
        /// The value.
        value: u32,
    },
    /// A model was asked for what it does not do.
    #[error("the model was trained for the task '{}'; train one for what you ask of it", .task.name())]
    OtherTask {
        /// What it was trained for.
        task: crate::Task,
    },
    /// Tiles are too small for a net.
    #[error(
        "tiles of {side} pixels are too small for this net: with what it sees around each pixel it needs at least {least}"
    )]
    Tile {
        /// The smallest side.
        least: usize,
        /// The side asked for.
        side: usize,
    },
    /// An image is shown so large that it does not fit into memory.
    #[error(
        "shown at {factor} of its size an image is {width} x {height} pixels large and takes {:.1} GiB of memory, more than is free; give smaller --scales, or cut the image (foci data tile)",
        *.bytes as f64 / f64::from(1 << 30)
    )]
    Shown {
        /// The factor.
        factor: f64,
        /// Columns as shown.
        width: usize,
        /// Rows as shown.
        height: usize,
        /// Bytes that it takes.
        bytes: u64,
    },
    /// A net that looks at the whole image at once.
    #[error(
        "net `{net}` normalises its layers over the whole image, so an image in tiles would give something else; predict it whole, on a machine with more memory"
    )]
    Normalised {
        /// The net.
        net: String,
    },
    /// A folder that is no model, or not a whole one.
    #[error(
        "{folder} holds no model: {file} is missing; a model folder has net.json, recipe.json and model.safetensors, as foci train writes them at its end (one that was interrupted goes on with --resume)",
        folder = folder.display()
    )]
    NoModel {
        /// The folder.
        folder: PathBuf,
        /// The file that it lacks.
        file: &'static str,
    },
    /// A pixel classifier where a net is asked for.
    #[error(
        "{folder} holds a pixel classifier, and this is done with a net; name a folder that foci train wrote for one (--net)",
        folder = folder.display()
    )]
    NoNet {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}; free some space or choose another folder with --out, then go on with --resume", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A checkpoint or model file holds something else than expected.
    #[error("{path}: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The run was asked to stop; its checkpoint is written.
    #[error("interrupted at step {step}; what was done is saved, and --resume goes on from there")]
    Interrupted {
        /// Steps taken.
        step: u64,
    },
    /// An image file or folder failed.
    #[error(transparent)]
    Image(#[from] foci_image::ImageError),
    /// Label images cannot be compared.
    #[error(transparent)]
    Labels(#[from] foci_measure::MeasureError),
    /// Objects cannot be outlined.
    #[error(transparent)]
    Objects(#[from] foci_segment::SegmentError),
    /// A pixel classifier cannot learn or be used.
    #[error(transparent)]
    Pixels(foci_pixels::PixelError),
    /// The net cannot be used.
    #[error(transparent)]
    Net(#[from] foci_net::NetError),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] foci_engine::EngineError),
}

impl From<foci_image::Interrupted> for TrainError {
    fn from(interrupted: foci_image::Interrupted) -> TrainError {
        TrainError::Image(interrupted.into())
    }
}

impl From<foci_pixels::PixelError> for TrainError {
    fn from(error: foci_pixels::PixelError) -> TrainError {
        match error {
            foci_pixels::PixelError::Interrupted(interrupted) => interrupted.into(),
            error => TrainError::Pixels(error),
        }
    }
}

impl TrainError {
    /// True if the fault lies in what the user gave, and nothing was computed.
    pub fn is_unusable_input(&self) -> bool {
        matches!(
            self,
            TrainError::Plan { .. }
                | TrainError::NoTiles { .. }
                | TrainError::NoLabels { .. }
                | TrainError::NoClass { .. }
                | TrainError::OneClass { .. }
                | TrainError::Tile { .. }
                | TrainError::Shown { .. }
                | TrainError::Normalised { .. }
                | TrainError::Damaged { .. }
                | TrainError::NoModel { .. }
                | TrainError::NoNet { .. }
                | TrainError::Read { .. }
                | TrainError::Net(_)
                | TrainError::Pixels(_)
        ) || matches!(self, TrainError::Image(error) if !matches!(error, foci_image::ImageError::Write { .. }))
    }
}
