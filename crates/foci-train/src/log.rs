//! The log of a run, `metrics.jsonl`: one JSON object per line, first for people who plot it.
//!
//! Lines are appended as the run goes on. A run that is killed may leave a torn last line, which no reader
//! takes for whole; on resuming, the log is cut back to the checkpoint and written anew.

use crate::TrainError;
use crate::signal::LayerSignal;
use foci_image::disk::GrowingFile;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is noted at a logged step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Steps taken so far.
    pub step: u64,
    /// Mean training loss since the line before; `None` if it was not finite.
    pub loss: Option<f64>,
    /// Loss on the validation crops; `None` at steps without validation or if it was not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Norm of the whole gradient before clipping; `None` if it was not finite.
    pub gradient_norm: Option<f64>,
    /// What each layer heard, at steps with validation where the plan asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerSignal>,
    /// The run ended here because the loss or the gradient was not finite.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub diverged: bool,
}

/// Reads the whole lines of a log; a torn last line is passed over.
///
/// # Errors
/// [`TrainError::Read`] if the file cannot be read.
pub fn read_log(path: &Path) -> Result<Vec<LogLine>, TrainError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| TrainError::Read { path: path.into(), source })?;
    Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect())
}

/// The open log of a run in progress.
pub(crate) struct Log {
    path: PathBuf,
    file: GrowingFile,
}

impl Log {
    /// Opens the log with the lines up to and including `step`, and drops later ones.
    pub fn open_at(path: &Path, step: u64) -> Result<Log, TrainError> {
        let kept: Vec<LogLine> = if path.exists() && step > 0 {
            read_log(path)?.into_iter().filter(|line| line.step <= step).collect()
        } else {
            Vec::new()
        };
        let mut text = String::new();
        for line in &kept {
            text.push_str(&to_json(line));
        }
        foci_image::write_whole(path, text.as_bytes())?;
        let file =
            GrowingFile::open(path).map_err(|source| TrainError::Write { path: path.into(), source })?;
        Ok(Log { path: path.into(), file })
    }

    /// Appends one line.
    pub fn append(&mut self, line: &LogLine) -> Result<(), TrainError> {
        self.file
            .append(to_json(line).as_bytes())
            .map_err(|source| TrainError::Write { path: self.path.clone(), source })
    }

    /// Flushes the log to the disk: a checkpoint must not outlive the lines before it.
    pub fn sync(&self) -> Result<(), TrainError> {
        self.file.sync().map_err(|source| TrainError::Write { path: self.path.clone(), source })
    }
}

fn to_json(line: &LogLine) -> String {
    // A struct of numbers and booleans always serialises; the fallback keeps the log readable all the same.
    serde_json::to_string(line).map(|json| json + "\n").unwrap_or_default()
}
