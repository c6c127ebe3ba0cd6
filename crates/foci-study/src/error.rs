//! What can end a study, in words that say where and what to do next.

use foci_image::synth::SynthError;
use foci_image::{ImageError, Interrupted};
use foci_train::TrainError;
use std::path::{Path, PathBuf};

/// Failure of a study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The specification cannot be used.
    #[error("{place}: {reason}")]
    Spec {
        /// File, with the line if it is known.
        place: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// The output folder holds something already.
    #[error("{folder} is already in use: {reason}", folder = folder.display())]
    OutputInUse {
        /// The folder.
        folder: PathBuf,
        /// What is in it and what to do.
        reason: String,
    },
    /// The data do not suffice for the study.
    #[error("{folder}: {reason}", folder = folder.display())]
    Data {
        /// The data folder.
        folder: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },
    /// An architecture cannot be brought to the budget, or is wrong.
    #[error("net of arm '{arm}': {reason}")]
    Net {
        /// The arm.
        arm: String,
        /// What is wrong.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the study's own folder holds something else than this version writes.
    #[error("{path} cannot be understood: {reason}; delete it and go on with --resume", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The study was asked to stop.
    #[error("interrupted; what was done is saved in {folder}, and --resume goes on from there", folder = folder.display())]
    Interrupted {
        /// The output folder.
        folder: PathBuf,
    },
    /// Training failed.
    #[error("arm '{arm}', seed {seed}: {source}")]
    Train {
        /// The arm.
        arm: String,
        /// The seed.
        seed: u64,
        /// Why.
        source: Box<TrainError>,
    },
    /// Reading or writing images failed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Specimens could not be made.
    #[error(transparent)]
    Specimens(#[from] SynthError),
    /// A measure could not be taken.
    #[error("measuring {tile}: {reason}")]
    Measure {
        /// The tile.
        tile: String,
        /// Why.
        reason: String,
    },
    /// The study has no number of that name.
    #[error("the study has no number '{name}'; write {known}")]
    NoNumber {
        /// What was asked for.
        name: String,
        /// How names are made up, with what the study has.
        known: String,
    },
    /// The report could not be made.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
}

impl From<Interrupted> for StudyError {
    fn from(interrupted: Interrupted) -> StudyError {
        StudyError::Image(interrupted.into())
    }
}

impl StudyError {
    /// True if nothing failed: whoever watched asked for the end.
    pub fn is_interruption(&self) -> bool {
        match self {
            StudyError::Interrupted { .. }
            | StudyError::Image(ImageError::Interrupted(_))
            | StudyError::Specimens(SynthError::Interrupted(_)) => true,
            StudyError::Train { source, .. } => matches!(**source, TrainError::Interrupted { .. }),
            _ => false,
        }
    }

    /// An interruption as one of the study in `out`, which says how to go on; other errors as they are.
    pub(crate) fn of_study(self, out: &Path) -> StudyError {
        if self.is_interruption() { StudyError::Interrupted { folder: out.into() } } else { self }
    }

    /// True if the fault lies in what the user gave, and nothing was computed.
    pub fn is_unusable_input(&self) -> bool {
        match self {
            StudyError::Spec { .. }
            | StudyError::OutputInUse { .. }
            | StudyError::Data { .. }
            | StudyError::Net { .. }
            | StudyError::NoNumber { .. } => true,
            StudyError::Image(error) | StudyError::Specimens(SynthError::Write(error)) => {
                !matches!(error, ImageError::Write { .. })
            }
            StudyError::Specimens(_) => true,
            StudyError::Train { source, .. } => source.is_unusable_input(),
            _ => false,
        }
    }
}
