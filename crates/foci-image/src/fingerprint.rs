//! By what a dataset can be known again: counts, sizes, intensities, hashes, split.
//!
//! A fingerprint goes into the plan of a study. It names no folder, so the same images give the same
//! fingerprint wherever they lie, and any change of one file, tile or split changes `sha256`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::{Intensity, LeftOut};

/// Fingerprint of a dataset, and of its split where there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// SHA-256 over names, sizes, hashes and tiles of all fields used and over the split, hexadecimal.
    pub sha256: String,
    /// Fields used.
    pub fields: usize,
    /// Tiles used.
    pub tiles: usize,
    /// Fields with a mask.
    pub masks: usize,
    /// Objects in all masks.
    pub objects: usize,
    /// Number of groups of siblings.
    pub groups: usize,
    /// Number of fields of each `width x height`.
    pub sizes: BTreeMap<String, usize>,
    /// Number of tiles of each `width x height`.
    pub tile_sizes: BTreeMap<String, usize>,
    /// Number of fields of each bit depth.
    pub bits: BTreeMap<u8, usize>,
    /// Median over fields of each measure of intensity.
    pub intensity: Intensity,
    /// Fields found but not used.
    pub left_out: Vec<LeftOut>,
    /// Each field used.
    pub images: Vec<FieldPrint>,
    /// Names of the fields in each part, if split.
    pub split: Option<SplitPrint>,
}

/// One field in a fingerprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldPrint {
    /// Name of the field.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bits of a sample.
    pub bits: u8,
    /// Objects in its mask.
    pub objects: Option<usize>,
    /// SHA-256 of the image file.
    pub sha256: String,
    /// SHA-256 of the mask.
    pub mask_sha256: Option<String>,
    /// Intensities in raw counts.
    pub intensity: Intensity,
}

/// Names of the fields in each part of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitPrint {
    /// Fields to learn from.
    pub train: Vec<String>,
    /// Fields to tune by.
    pub validation: Vec<String>,
    /// Fields touched once.
    pub test: Vec<String>,
}
