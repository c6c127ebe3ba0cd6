//! What can keep a net from being characterised.

use foci_engine::EngineError;
use foci_image::Interrupted;
use foci_image::synth::SynthError;
use foci_measure::MeasureError;
use foci_train::TrainError;

/// Failure on the optical bench.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpticsError {
    /// The net does not turn one image into one image.
    #[error(
        "net `{net}` reads {channels_in} channels and gives {channels_out}; the optical bench tests nets that read one \
         channel and give one"
    )]
    Channels {
        /// The net.
        net: String,
        /// Channels that it reads.
        channels_in: usize,
        /// Channels that it gives.
        channels_out: usize,
    },
    /// No image is large enough to put a probe in.
    #[error(
        "none of {images} images has room for a window of {side} x {side} pixels; give larger ones, or none for synthetic ones"
    )]
    NoRoom {
        /// Images given.
        images: usize,
        /// Side of the window.
        side: usize,
    },
    /// A measure could not be taken.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The net could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model could not be read.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The synthetic specimen could not be made.
    #[error(transparent)]
    Specimen(#[from] SynthError),
    /// Whoever watched asked for the end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl OpticsError {
    /// True if the fault lies in what was given.
    pub fn is_unusable_input(&self) -> bool {
        match self {
            OpticsError::Channels { .. } | OpticsError::NoRoom { .. } => true,
            OpticsError::Train(error) => error.is_unusable_input(),
            _ => false,
        }
    }
}
