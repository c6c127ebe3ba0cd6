//! Reading label images: numbers that name objects, not intensities.
//!
//! A label image is one file, or a folder with one file for each object (2018 Data Science Bowl), which is
//! merged: the first file, in order of names, is object 1; where objects overlap the first one keeps the
//! pixel, and that is told.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::channel::first_difference;
use super::common::{FileFormat, Raster, Samples, decode_or_only};
use crate::dataset::scan::image_files;
use crate::{ImageError, LabelImage};

/// A label image with the hash of the file or files it came from.
pub(crate) struct Labelled {
    pub labels: LabelImage,
    pub sha256: String,
    /// What a person should know of the files: the same words for all images.
    pub notes: Vec<String>,
}

/// Reads labels from an 8-, 16- or 32-bit grey PNG, TIFF or BMP, or merges a folder with one file for each
/// object. Colour-coded pictures of labels are rejected.
pub fn read_labels(path: &Path) -> Result<LabelImage, ImageError> {
    labels_with_hash(path, None).map(|labelled| labelled.labels)
}

/// As [`read_labels`], with the hash; from page `page` if the file has several.
pub(crate) fn labels_with_hash(path: &Path, page: Option<usize>) -> Result<Labelled, ImageError> {
    if path.is_dir() {
        return merged(path);
    }
    let bytes = std::fs::read(path).map_err(|source| ImageError::read(path, source))?;
    let labels = labels_from_bytes(path, &bytes, page)?;
    Ok(Labelled { labels, sha256: sha256_of(&bytes), notes: Vec::new() })
}

fn merged(folder: &Path) -> Result<Labelled, ImageError> {
    let files = image_files(folder)?;
    let mut hash = Sha256::new();
    let mut merged: Option<(LabelImage, PathBuf)> = None;
    let mut oddities = Oddities::default();
    for (object, file) in (1..).zip(&files) {
        let bytes = std::fs::read(file).map_err(|source| ImageError::read(file, source))?;
        hash.update(Sha256::digest(&bytes));
        let one = labels_from_bytes(file, &bytes, None)?;
        let (all, first) =
            merged.get_or_insert_with(|| (LabelImage::zeros(one.width, one.height), file.clone()));
        if (one.width, one.height) != (all.width, all.height) {
            return Err(ImageError::MaskSize {
                mask: file.clone(),
                mask_size: (one.width, one.height),
                image: first.clone(),
                image_size: (all.width, all.height),
            });
        }
        let (mut pixels, mut kept) = (0, 0);
        for (label, _) in all.data.iter_mut().zip(&one.data).filter(|(_, inside)| **inside != 0) {
            pixels += 1;
            if *label == 0 {
                *label = object;
                kept += 1;
            }
        }
        oddities.see(pixels, kept);
    }
    match merged {
        Some((labels, _)) => {
            Ok(Labelled { labels, sha256: hexadecimal(&hash.finalize()), notes: oddities.notes() })
        }
        None => Err(ImageError::EmptyFolder {
            path: folder.to_path_buf(),
            found: "a folder of masks without one".to_string(),
        }),
    }
}

/// What is odd about the files of a folder with one object in each.
#[derive(Default)]
struct Oddities {
    overlap: bool,
    is_hidden: bool,
    is_empty: bool,
}

impl Oddities {
    /// Sees an object of so many pixels, of which it keeps so many.
    fn see(&mut self, pixels: usize, kept: usize) {
        self.is_empty |= pixels == 0;
        self.overlap |= kept < pixels;
        self.is_hidden |= pixels > 0 && kept == 0;
    }

    fn notes(&self) -> Vec<String> {
        let told = [
            (
                self.overlap,
                "masks of objects overlap: a pixel that several have is given to the first file by name",
            ),
            (
                self.is_hidden,
                "masks of objects lie wholly under others (the same object twice?): they are lost",
            ),
            (self.is_empty, "files of masks are empty: they hold no object"),
        ];
        told.into_iter().filter(|(is_so, _)| *is_so).map(|(_, note)| note.to_owned()).collect()
    }
}

/// As [`read_labels`], from the content of one file, from page `page` if it has several; `path` serves for messages only.
pub fn labels_from_bytes(path: &Path, bytes: &[u8], page: Option<usize>) -> Result<LabelImage, ImageError> {
    if FileFormat::of(bytes) == Some(FileFormat::Jpeg) {
        return Err(ImageError::LossyLabels { path: path.to_path_buf() });
    }
    // One mask may serve all pages of its image.
    let raster = decode_or_only(path, bytes, page)?;
    if let Some(pixel) = first_difference(&raster) {
        let value = |c: usize| raster.samples.at(pixel * raster.channels + c.min(raster.colours - 1)) as f32;
        return Err(ImageError::ColourLabels {
            path: path.to_path_buf(),
            x: pixel % raster.width,
            y: pixel / raster.width,
            red: value(0),
            green: value(1),
            blue: value(2),
        });
    }
    let data = numbers(path, &raster)?;
    Ok(LabelImage { width: raster.width, height: raster.height, data })
}

fn numbers(path: &Path, raster: &Raster) -> Result<Vec<u32>, ImageError> {
    let step = raster.channels;
    match &raster.samples {
        Samples::U8(v) => Ok(v.iter().step_by(step).map(|&v| u32::from(v)).collect()),
        Samples::U16(v) => Ok(v.iter().step_by(step).map(|&v| u32::from(v)).collect()),
        Samples::U32(v) => Ok(v.iter().step_by(step).copied().collect()),
        Samples::F64(v) => {
            let mut out = Vec::with_capacity(v.len() / step);
            for (pixel, &value) in v.iter().step_by(step).enumerate() {
                // NaN fails the range test as well.
                if !(0.0..=f64::from(u32::MAX)).contains(&value) || value.fract() != 0.0 {
                    return Err(ImageError::BadLabel {
                        path: path.to_path_buf(),
                        x: pixel % raster.width,
                        y: pixel / raster.width,
                        value,
                    });
                }
                out.push(value as u32);
            }
            Ok(out)
        }
    }
}

/// SHA-256 of these bytes, hexadecimal.
pub fn sha256_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
