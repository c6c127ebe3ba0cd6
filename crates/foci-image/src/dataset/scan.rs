//! Which files a data folder holds, and which layout that makes.

use std::path::{Path, PathBuf};

use crate::ImageError;

/// Extensions that are taken for images.
pub(crate) const EXTENSIONS: [&str; 6] = ["png", "tif", "tiff", "jpg", "jpeg", "bmp"];

/// Image files of a folder, sorted by name; hidden files are passed over.
pub(crate) fn image_files(folder: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let mut files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| is_image(path) && path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// What a folder holds apart from hidden files, sorted by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let failed = |source| ImageError::read(folder, source);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}
