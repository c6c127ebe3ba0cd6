//! By what a dataset can be known again: counts, sizes, intensities, hashes, split.
//!
//! A fingerprint goes into the plan of a study. It names no folder, so the same images give the same
//! fingerprint wherever they lie, and any change of one file, tile or split changes `sha256`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::{Intensity, LeftOut};
use crate::read::hexadecimal;
use crate::{Dataset, Field, Split, Tile};

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

impl Fingerprint {
    /// The fingerprint of a dataset, and of a split of it.
    pub fn of(dataset: &Dataset, split: Option<&Split>) -> Self {
        let fields = &dataset.fields;
        let names = |indices: &[usize]| -> Vec<String> {
            indices.iter().filter_map(|&index| Some(fields.get(index)?.name.clone())).collect()
        };
        let split = split.map(|split| SplitPrint {
            train: names(&split.train),
            validation: names(&split.validation),
            test: names(&split.test),
        });
        let count = |keys: &mut dyn Iterator<Item = String>| {
            let mut counts = BTreeMap::new();
            keys.for_each(|key| *counts.entry(key).or_insert(0) += 1);
            counts
        };
        let mut bits = BTreeMap::new();
        fields.iter().for_each(|field| *bits.entry(field.bits).or_insert(0) += 1);
        Self {
            sha256: whole(dataset, split.as_ref()),
            fields: fields.len(),
            tiles: dataset.tiles.len(),
            masks: fields.iter().filter(|field| field.mask.is_some()).count(),
            objects: fields.iter().filter_map(|field| field.objects).sum(),
            groups: fields.iter().map(|field| &field.group).collect::<BTreeSet<_>>().len(),
            sizes: count(&mut fields.iter().map(|field| format!("{}x{}", field.width, field.height))),
            tile_sizes: count(&mut dataset.tiles.iter().map(|tile| format!("{}x{}", tile.w, tile.h))),
            bits,
            intensity: medians(fields),
            left_out: dataset.left_out.clone(),
            images: fields.iter().map(FieldPrint::of).collect(),
            split,
        }
    }
}

impl FieldPrint {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            group: field.group.clone(),
            width: field.width,
            height: field.height,
            bits: field.bits,
            objects: field.objects,
            sha256: field.sha256.clone(),
            mask_sha256: field.mask_sha256.clone(),
            intensity: field.intensity,
        }
    }
}

/// Hash over everything that decides what a study computes with: one line for each field, tile and part.
/// Names are quoted, so that no name can pass for the end of a line.
fn whole(dataset: &Dataset, split: Option<&SplitPrint>) -> String {
    let mut hash = Sha256::new();
    for field in &dataset.fields {
        let mask = field.mask_sha256.as_deref().unwrap_or("none");
        let (low, high) = (field.normalisation.low, field.normalisation.high);
        hash.update(format!(
            "field {:?} {:?} {} {mask} {low} {high}\n",
            field.name, field.group, field.sha256
        ));
        if let Some(classes) = &field.classes {
            hash.update(format!("classes {}\n", classes.line()));
        }
        if let Some(foci) = &field.foci_sha256 {
            hash.update(format!("foci {foci}\n"));
        }
    }
    for tile in &dataset.tiles {
        let Tile { name, field, x, y, w, h } = tile;
        hash.update(format!("tile {name:?} {field} {x} {y} {w} {h}\n"));
    }
    if let Some(split) = split {
        let SplitPrint { train, validation, test } = split;
        hash.update(format!("split {train:?} {validation:?} {test:?}\n"));
    }
    hexadecimal(&hash.finalize())
}

fn medians(fields: &[Field]) -> Intensity {
    let median = |measure: &dyn Fn(&Intensity) -> f64| {
        let mut values: Vec<f64> = fields.iter().map(|field| measure(&field.intensity)).collect();
        values.sort_by(f64::total_cmp);
        match values.len() {
            0 => 0.0,
            n => (values[(n - 1) / 2] + values[n / 2]) / 2.0,
        }
    };
    Intensity {
        minimum: median(&|i| i.minimum),
        low: median(&|i| i.low),
        median: median(&|i| i.median),
        high: median(&|i| i.high),
        maximum: median(&|i| i.maximum),
        mean: median(&|i| i.mean),
        saturated: median(&|i| i.saturated),
        sharpness: median(&|i| i.sharpness),
    }
}
