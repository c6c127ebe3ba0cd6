//! The steps in which anything is put on the disk, and how each may fail.
//!
//! Every file and folder that foci writes goes through this module, so a test can let any single step fail as a real
//! disk would: no space left in the middle of a file, a folder that has become read-only, a quota that is used up.
//! What readers may rely on afterwards is in [`write_whole`](crate::write_whole) and
//! [`write_whole_folder`](crate::write_whole_folder).

use std::fs::{File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What is about to be done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A folder is made.
    Folder,
    /// A file is opened to be written.
    Create,
    /// Bytes are written; a failure comes after half of them.
    Write,
    /// What was written is flushed to the disk.
    Sync,
    /// A file or a folder gets its name.
    Rename,
    /// A file or a folder is removed.
    Remove,
}

/// Says of a step whether it fails, and why.
pub type Fault = fn(Step, &Path) -> Result<()>;

static FAULT: OnceLock<Fault> = OnceLock::new();

/// From now on and in the whole process, `fault` is asked before each step. For tests of what a failing disk does;
/// the first call counts, later ones change nothing.
pub fn fail_by(fault: Fault) {
    FAULT.get_or_init(|| fault);
}

/// Asks whether a step fails.
pub(crate) fn attempt(step: Step, path: &Path) -> Result<()> {
    FAULT.get().map_or(Ok(()), |fault| fault(step, path))
}

/// Writes bytes into an open file that is, or becomes, `path`.
pub(crate) fn write(file: &mut impl Write, bytes: &[u8], path: &Path) -> Result<()> {
    if let Err(error) = attempt(Step::Write, path) {
        file.write_all(&bytes[..bytes.len() / 2])?;
        return Err(error);
    }
    file.write_all(bytes)
}

/// Makes a folder, and those above it, where they are not there yet.
///
/// # Errors
/// What the system says.
pub fn create_folder(path: &Path) -> Result<()> {
    attempt(Step::Folder, path)?;
    std::fs::create_dir_all(path)
}

/// Removes a file; one that is not there is no failure.
///
/// # Errors
/// What the system says.
pub fn remove_file(path: &Path) -> Result<()> {
    attempt(Step::Remove, path)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file that grows piece by piece: the one kind that is not written as a whole. After a failure its last piece may be
/// torn, so its readers pass over what is no whole piece.
#[derive(Debug)]
pub struct GrowingFile {
    path: PathBuf,
    file: File,
}

impl GrowingFile {
    /// Opens a file that is there, to write behind what it holds.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> Result<GrowingFile> {
        attempt(Step::Create, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(GrowingFile { path: path.into(), file })
    }

    /// Writes one more piece.
    ///
    /// # Errors
    /// What the system says.
    pub fn append(&mut self, piece: &[u8]) -> Result<()> {
        write(&mut self.file, piece, &self.path)
    }

    /// Flushes all pieces to the disk: after a power failure they are still there.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> Result<()> {
        attempt(Step::Sync, &self.path)?;
        self.file.sync_all()
    }
}
