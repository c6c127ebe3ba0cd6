//! Files that are either whole or not there.
//!
//! Everything is written to a temporary file in the target's own folder, flushed to the disk, and only
//! then renamed over the target: a reader never sees half a file, whatever moment the power fails.

use std::path::Path;

use crate::disk::{self, Step};
use crate::{FolderLock, ImageError};

/// Begin and end of the names of files that are not whole yet.
const UNFINISHED: (&str, &str) = (".foci-", ".part");

/// True for the name of what [`write_whole`] and [`FolderLock`] leave behind if the program is killed: nothing that a
/// reader takes for a file.
pub fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}

/// Whether a folder holds anything but what a killed program had begun to write.
///
/// # Errors
/// What the system says if it cannot be read.
pub fn holds_files(folder: &Path) -> std::io::Result<bool> {
    let is_file = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map_or(true, |entry| !is_unfinished(&entry.file_name()))
    };
    Ok(std::fs::read_dir(folder)?.any(is_file))
}

/// Writes `bytes` to `path` as a whole: temporary file beside it, sync, rename. An existing file is
/// replaced; on error it is unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
    let failed = |source| ImageError::Write { path: path.to_path_buf(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    // A temporary file is private by default; the finished file should be as readable as any other.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    disk::attempt(Step::Create, path).map_err(failed)?;
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    disk::write(&mut file, bytes, path).map_err(failed)?;
    disk::attempt(Step::Sync, path).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    disk::attempt(Step::Rename, path).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The rename itself is only safe once the folder is on the disk; not every system can sync a folder,
    // and where it cannot, the file is still whole.
    #[cfg(unix)]
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Removes what killed programs left unfinished in a folder, not in those in it. Only for who holds its lock: what another
/// process is about to finish has such names too. What cannot be removed stays; it does no harm.
pub fn remove_unfinished(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_unfinished(&entry.file_name()) && !FolderLock::is_held(&entry.path()) {
            let _ = disk::remove_file(&entry.path());
        }
    }
}

/// Makes a folder as a whole: `fill` writes into a hidden folder beside it, which is then renamed.
///
/// The folder must not exist yet, or be empty. If `fill` fails or the program is killed, no half-filled folder of that
/// name is left behind; remains of an earlier attempt are removed first. What would keep the folder from being put in
/// its place (it is not empty, or is where a disk is mounted, or is the current folder) is found before any work.
pub fn write_whole_folder<T, E: From<ImageError>>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let failed = |source| ImageError::Write { path: folder.to_path_buf(), source };
    let Some(name) = folder.file_name() else {
        let reason = "it has no name of its own; name a folder in it";
        return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, reason)).into());
    };
    let fresh = folder.with_file_name(format!(".{}.part", name.to_string_lossy()));
    if let Some(above) = folder.parent() {
        disk::create_folder(above).map_err(failed)?;
    }
    // Two that make the same folder would each remove what the other has made so far.
    let _lock = FolderLock::beside(folder)?;
    let was_there = folder.exists();
    if was_there {
        disk::attempt(Step::Remove, folder).map_err(failed)?;
        std::fs::remove_dir(folder).map_err(failed)?;
    }
    if fresh.exists() {
        disk::attempt(Step::Remove, &fresh).map_err(failed)?;
        std::fs::remove_dir_all(&fresh).map_err(failed)?;
    }
    disk::create_folder(&fresh).map_err(failed)?;
    let filled = match fill(&fresh) {
        Ok(filled) => filled,
        Err(error) => {
            // The first error is the one to tell; a folder that cannot be removed is hidden and replaced next time.
            let _ = std::fs::remove_dir_all(&fresh);
            if was_there {
                let _ = std::fs::create_dir(folder);
            }
            return Err(error);
        }
    };
    disk::attempt(Step::Rename, folder).map_err(failed)?;
    // Fails, as it should, if somebody has put something there in the meantime.
    std::fs::rename(&fresh, folder).map_err(failed)?;
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interrupted;

    #[test]
    fn what_keeps_a_folder_from_its_place_is_found_before_the_work() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("specimens");
        std::fs::create_dir(&folder).unwrap();
        // An empty folder stays if the work fails, and is filled if it does not.
        let failed = write_whole_folder(&folder, |_| Err::<(), _>(Interrupted.into()));
        assert!(matches!(failed, Err(ImageError::Interrupted(_))) && folder.is_dir());
        write_whole_folder(&folder, |fresh| write_whole(&fresh.join("a"), b"1")).unwrap();
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), b"1");
        for taken in [folder.as_path(), Path::new("."), Path::new("/")] {
            let mut begun = false;
            let error = write_whole_folder(taken, |_| {
                begun = true;
                Ok::<_, ImageError>(())
            });
            assert!(error.is_err() && !begun, "{}", taken.display());
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_killed_programs_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let _lock = FolderLock::take(place.path()).unwrap();
        std::fs::create_dir(place.path().join("runs")).unwrap();
        for name in [
            ".foci-Ab3.part",
            ".foci-specimens.lock.part",
            "runs/.foci-9xY.part",
            "model.json",
            ".foci-notes",
            "b.part",
        ] {
            std::fs::write(place.path().join(name), "x").unwrap();
        }
        remove_unfinished(place.path());
        let left = |folder: &Path| {
            let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(left(place.path()), [".foci-lock.part", ".foci-notes", "b.part", "model.json", "runs"]);
        assert_eq!(left(&place.path().join("runs")), [".foci-9xY.part"]);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        // The target is a folder that is not empty, so the rename must fail.
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("old"), b"old").unwrap();
        let error = write_whole(&path, b"new").unwrap_err().to_string();
        assert!(error.contains("taken") && error.contains("unchanged"), "{error}");
        assert_eq!(std::fs::read(path.join("old")).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named_with_advice() {
        let error = write_whole(Path::new("/nowhere/at/all.txt"), b"x").unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all.txt") && error.contains("Create the folder"), "{error}");
    }
}
