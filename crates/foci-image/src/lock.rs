//! A folder that one process at a time writes to.
//!
//! The lock is the system's own (`flock`, `LockFileEx`), taken on a small file in the folder: it ends with the process
//! that holds it, however that ends, so what a dead process left behind is no lock. The file says who holds it, for
//! the second one to read.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use crate::ImageError;
use crate::disk::{self, Step};

/// Name of the file, one of those that no reader takes for a result ([`crate::is_unfinished`]).
const LOCK: &str = ".foci-lock.part";
/// How often a lock is tried for that was given back, with its file, in the moment between opening and locking it.
const TRIES: usize = 10;

/// The right to write to a folder, given back when it is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Locks a folder that is there.
    ///
    /// # Errors
    /// [`ImageError::InUse`] if another process, or another lock of this one, has it; [`ImageError::Write`] if the folder
    /// cannot be written to.
    pub fn take(folder: &Path) -> Result<FolderLock, ImageError> {
        FolderLock::by_file(folder.join(LOCK), folder)
    }

    /// Locks a folder that is not there yet by a file beside it; the folder above is there.
    ///
    /// # Errors
    /// As [`FolderLock::take`].
    pub(crate) fn beside(folder: &Path) -> Result<FolderLock, ImageError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        FolderLock::by_file(folder.with_file_name(format!(".foci-{name}.lock.part")), folder)
    }

    /// True for a file by which a process that is alive locks a folder.
    pub(crate) fn is_held(path: &Path) -> bool {
        let is_lock = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("lock.part"));
        is_lock && File::open(path).is_ok_and(|file| file.try_lock().is_err())
    }

    fn by_file(path: PathBuf, folder: &Path) -> Result<FolderLock, ImageError> {
        let failed = |source| ImageError::Write { path: path.clone(), source };
        for _ in 0..TRIES {
            disk::attempt(Step::Create, &path).map_err(failed)?;
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(ImageError::InUse { folder: folder.into(), holder: holder(&mut file) });
                }
                // Some network disks have no locks; what is written there is whole all the same.
                Err(TryLockError::Error(source)) if has_no_locks(&source) => {}
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            if !is_at(&file, &path) {
                continue;
            }
            let lock = FolderLock { path: path.clone(), _file: file };
            lock.sign().map_err(failed)?;
            return Ok(lock);
        }
        Err(failed(std::io::Error::other("its lock comes and goes")))
    }

    /// Writes who holds the lock, over what an earlier holder may have left.
    fn sign(&self) -> std::io::Result<()> {
        let mut file = &self._file;
        file.set_len(0)?;
        file.rewind()?;
        disk::write(&mut file, format!("process {}\n", std::process::id()).as_bytes(), &self.path)
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is still locked; a file that stays is unlocked by the end of this value all the same.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// True if the disk knows no locks (`ENOSYS`, `EOPNOTSUPP`, or Linux's `ENOLCK`, which is number 37).
fn has_no_locks(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::Unsupported
        || (cfg!(target_os = "linux") && error.raw_os_error() == Some(37))
}

/// What the holder wrote; on systems where a locked file cannot be read, nothing is known of it.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(100).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_string(),
        _ => "a process that does not say which it is".into(),
    }
}

/// True if the open file is still the one of that name: its last holder may have removed it in the meantime.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Elsewhere it is never removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_what_a_dead_process_left_is_no_lock() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(LOCK);
        // As a process that was killed leaves it: a longer number than any other.
        std::fs::write(&file, "process 99999999999\n").unwrap();
        let first = FolderLock::take(place.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("process {}\n", std::process::id()));
        let second = FolderLock::take(place.path()).unwrap_err().to_string();
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        assert!(!file.exists(), "nothing stays behind");
        drop(FolderLock::take(place.path()).unwrap());
        assert!(matches!(FolderLock::take(&place.path().join("none")), Err(ImageError::Write { .. })));
    }

    #[test]
    fn of_many_that_ask_at_once_one_at_a_time_has_it() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let place = tempfile::tempdir().unwrap();
        let (inside, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut mine = 0;
                    while mine < 100 {
                        let Ok(lock) = FolderLock::take(place.path()) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::sleep(std::time::Duration::from_micros(20));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                        mine += 1;
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 400);
    }
}
