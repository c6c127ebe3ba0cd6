//! Which files a data folder holds, and which layout that makes.
//!
//! Nothing is opened here: only names are looked at, so what is found depends on nothing but the folder's
//! listing, sorted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Layout;
use crate::ImageError;

/// Extensions that are taken for images.
const EXTENSIONS: [&str; 6] = ["png", "tif", "tiff", "jpg", "jpeg", "bmp"];
/// Ends of names that Cellpose gives to masks; the longer one first, since it ends in the shorter.
const CELLPOSE_MASKS: [&str; 2] = ["_cp_masks", "_masks"];
/// Ends of names that Cellpose gives to pictures of its results, which are not fields.
const CELLPOSE_RESULTS: [&str; 3] = ["_flows", "_cp_output", "_outlines"];

/// The files of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFiles {
    /// File name without extension (or folder name).
    pub name: String,
    /// The image file.
    pub path: PathBuf,
    /// Its label image, or a folder with one file for each object.
    pub mask: Option<PathBuf>,
    /// Table of true foci.
    pub foci: Option<PathBuf>,
    /// Table of cells.
    pub cells: Option<PathBuf>,
}

/// The files of a data folder that can be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFiles {
    /// Fields, in the order of their names.
    pub fields: Vec<FieldFiles>,
    /// Which files were passed over.
    pub notes: Vec<String>,
    /// A note on masks that the folder would have if the one above it were given.
    pub masks_beside: Option<String>,
}

/// The files of a data folder.
pub(crate) struct Found {
    pub layout: Layout,
    pub fields: Vec<FieldFiles>,
    pub notes: Vec<String>,
    pub masks_beside: Option<String>,
    pub problems: Vec<ImageError>,
}

impl Found {
    fn nothing(layout: Layout) -> Self {
        Self { layout, fields: Vec::new(), notes: Vec::new(), masks_beside: None, problems: Vec::new() }
    }
}

/// Finds the fields of a data folder, in the order of their names.
pub(crate) fn scan(root: &Path) -> Result<Found, ImageError> {
    if !root.is_dir() {
        return Err(ImageError::NotAFolder { path: root.to_path_buf() });
    }
    let inner = root.join("images");
    let mut found = if inner.is_dir() && !image_files(&inner)?.is_empty() {
        beside(&inner, root)?
    } else {
        let here = image_files(root)?;
        let folders: Vec<PathBuf> =
            entries(root)?.into_iter().filter(|p| p.join("images").is_dir()).collect();
        if here.is_empty() && !folders.is_empty() {
            folder_per_image(&folders)?
        } else if here.is_empty() {
            return Err(ImageError::EmptyFolder { path: root.to_path_buf(), found: what_else(root)? });
        } else if here.iter().any(|path| cellpose_base(&stem(path)).is_some()) {
            cellpose(&here)
        } else {
            beside(root, root)?
        }
    };
    for field in &mut found.fields {
        let table =
            |kind: &str| Some(root.join(kind).join(format!("{}.csv", field.name))).filter(|p| p.is_file());
        field.foci = table("foci");
        field.cells = table("cells");
    }
    Ok(found)
}

/// Images in `images`; masks of the same name in `masks/` of the data folder, if there is one.
fn beside(images: &Path, root: &Path) -> Result<Found, ImageError> {
    let mut found = Found::nothing(Layout::Flat);
    let files = unique(image_files(images)?, &mut found.problems);
    let folder = root.join("masks");
    let mut masks = BTreeMap::new();
    if folder.is_dir() {
        found.layout = Layout::ImagesAndMasks;
        masks = unique(image_files(&folder)?, &mut found.problems);
    } else if images != root {
        found.layout = Layout::ImagesAndMasks;
    } else if let Some(masks) =
        root.parent().map(|parent| parent.join("masks")).filter(|masks| masks.is_dir())
    {
        found.masks_beside =
            Some(format!("{} lies beside this folder: give the folder above to use it", masks.display()));
    }
    for (name, path) in files {
        let mask = masks.remove(&name);
        found.fields.push(FieldFiles { name, path, mask, foci: None, cells: None });
    }
    without_image(masks, &mut found.problems);
    Ok(found)
}

fn cellpose(files: &[PathBuf]) -> Found {
    let mut found = Found::nothing(Layout::Cellpose);
    let (masks, others): (Vec<_>, Vec<_>) =
        files.iter().cloned().partition(|path| cellpose_base(&stem(path)).is_some());
    let mut masks = {
        let mut by_base = BTreeMap::new();
        for path in masks {
            if let Some(base) = cellpose_base(&stem(&path)) {
                insert(&mut by_base, base.to_string(), path, &mut found.problems);
            }
        }
        by_base
    };
    let others = unique(others, &mut found.problems);
    let mut results = 0;
    for (name, path) in &others {
        let result_of = CELLPOSE_RESULTS.iter().find_map(|end| name.strip_suffix(end));
        if result_of.is_some_and(|base| others.contains_key(base)) {
            results += 1;
            continue;
        }
        // Cellpose's own training set names images `000_img` and masks `000_masks`.
        let base = name.strip_suffix("_img").filter(|base| masks.contains_key(*base)).unwrap_or(name);
        let mask = masks.remove(base);
        let name = base.to_string();
        found.fields.push(FieldFiles { name, path: path.clone(), mask, foci: None, cells: None });
    }
    found.fields.sort_by(|a, b| a.name.cmp(&b.name));
    if results > 0 {
        found
            .notes
            .push(format!("{results} file(s) hold flows or outlines written by Cellpose: passed over"));
    }
    without_image(masks, &mut found.problems);
    found
}

fn folder_per_image(folders: &[PathBuf]) -> Result<Found, ImageError> {
    let mut found = Found::nothing(Layout::FolderPerImage);
    for folder in folders {
        let name = file_name(folder);
        let mut images = image_files(&folder.join("images"))?.into_iter();
        let mask = Some(folder.join("masks")).filter(|masks| masks.is_dir());
        let mask = match mask {
            // A field without any object has an empty folder of masks.
            Some(masks) => {
                Some(masks.clone()).filter(|_| image_files(&masks).is_ok_and(|files| !files.is_empty()))
            }
            None => None,
        };
        match (images.next(), images.next()) {
            (Some(path), None) => {
                found.fields.push(FieldFiles { name, path, mask, foci: None, cells: None });
            }
            (Some(first), Some(second)) => found.problems.push(ImageError::SameName { name, first, second }),
            (None, _) => found.problems.push(ImageError::EmptyFolder {
                path: folder.join("images"),
                found: "it should hold one".to_string(),
            }),
        }
    }
    Ok(found)
}

fn cellpose_base(stem: &str) -> Option<&str> {
    CELLPOSE_MASKS.iter().find_map(|end| stem.strip_suffix(end)).filter(|base| !base.is_empty())
}

fn unique(files: Vec<PathBuf>, problems: &mut Vec<ImageError>) -> BTreeMap<String, PathBuf> {
    let mut by_name = BTreeMap::new();
    for path in files {
        insert(&mut by_name, stem(&path), path, problems);
    }
    by_name
}

fn insert(
    by_name: &mut BTreeMap<String, PathBuf>,
    name: String,
    path: PathBuf,
    problems: &mut Vec<ImageError>,
) {
    match by_name.get(&name) {
        Some(first) => problems.push(ImageError::SameName { name, first: first.clone(), second: path }),
        None => {
            by_name.insert(name, path);
        }
    }
}

fn without_image(masks: BTreeMap<String, PathBuf>, problems: &mut Vec<ImageError>) {
    let count = masks.len();
    if let Some(path) = masks.into_values().next() {
        problems.push(ImageError::MaskWithoutImage { path, count });
    }
}

/// Says what a folder without images holds instead.
fn what_else(root: &Path) -> Result<String, ImageError> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut folders = Vec::new();
    for path in entries(root)? {
        if path.is_dir() {
            folders.push(file_name(&path));
        } else {
            let kind =
                path.extension().map_or("no extension".to_string(), |e| format!(".{}", e.to_string_lossy()));
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let mut parts: Vec<String> =
        kinds.iter().map(|(kind, count)| format!("{count} file(s) with {kind}")).collect();
    if !folders.is_empty() {
        let more = if folders.len() > 3 { ", .." } else { "" };
        parts.push(format!(
            "{} folder(s): {}{more}",
            folders.len(),
            folders[..folders.len().min(3)].join(", ")
        ));
    }
    Ok(if parts.is_empty() { "it is empty".to_string() } else { parts.join(", ") })
}

/// The files of a data folder of any layout. Nothing is opened.
///
/// # Errors
/// Whatever keeps a folder of such names from being used: two files that would be the same field, a mask without its
/// image.
pub fn field_files(root: &Path) -> Result<FolderFiles, ImageError> {
    let Found { fields, notes, masks_beside, problems, .. } = scan(root)?;
    match ImageError::all(problems) {
        Some(problem) => Err(problem),
        None => Ok(FolderFiles { fields, notes, masks_beside }),
    }
}

/// Image files of a folder (by extension), sorted by name; hidden files are passed over.
pub(crate) fn image_files(folder: &Path) -> Result<Vec<PathBuf>, ImageError> {
    Ok(entries(folder)?.into_iter().filter(|path| has_image_extension(path) && path.is_file()).collect())
}

/// What a folder holds apart from hidden files, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ImageError> {
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

/// Whether a file is named like an image.
pub(crate) fn has_image_extension(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
