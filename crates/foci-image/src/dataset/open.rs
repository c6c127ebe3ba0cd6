//! From a data folder to a dataset: every file is read once, measured, and used or left out by name.

use std::collections::BTreeMap;
use std::path::Path;

use super::scan::{FieldFiles, scan};
use super::table::{self, ImageRow, Place};
use super::tiles::{Plan, nothing_left};
use super::{Dataset, DatasetOptions, Field, LeftOut, Numbers, classes, quality};
use crate::components::{Connectivity, labels_in_pieces};
use crate::normalise::Normalisation;
use crate::read::{plane_from_bytes, sha256_of};
use crate::{ImageError, Workers};

/// One field read and measured, with the notes of its reader.
struct Measured {
    field: Field,
    notes: Vec<String>,
}

/// Reads a data folder as far as it can be read: the dataset of what is usable, and what is not.
pub(crate) fn survey(
    root: &Path,
    options: &DatasetOptions,
    workers: &mut Workers,
) -> Result<(Dataset, Vec<ImageError>), ImageError> {
    let found = scan(root)?;
    let mut rows = table::images(root, options)?;
    // A file that cannot be read is a finding among others here, and ends nothing.
    let measured = workers
        .map(&found.fields, |field| Ok::<_, ImageError>(measure(field, rows.get(&field.name), options)))?;

    let mut sizes = BTreeMap::new();
    let mut fields = Vec::new();
    let mut problems = found.problems;
    let mut by_note: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (found, result) in found.fields.iter().zip(measured) {
        match result {
            Ok(Measured { field, notes }) => {
                sizes.insert(field.name.clone(), Some((field.width, field.height)));
                for note in notes {
                    by_note.entry(note).or_default().push(field.name.clone());
                }
                fields.push(field);
            }
            Err(problem) => {
                sizes.insert(found.name.clone(), None);
                problems.push(problem);
            }
        }
    }
    let mut notes = found.notes;
    notes.extend(found.masks_beside);
    for (note, names) in by_note {
        notes.push(format!("{}: {note}", list(&names, sizes.len())));
    }

    let plan = Plan::new(root, options, &sizes)?;
    let mut dataset = Dataset {
        root: root.to_path_buf(),
        layout: found.layout,
        options: options.clone(),
        fields: Vec::new(),
        tiles: Vec::new(),
        left_out: Vec::new(),
        notes,
        numbers: Numbers::AsTheyAre,
    };
    let mut too_small = Vec::new();
    for mut field in fields {
        let row = rows.remove(&field.name);
        let tiles = plan.tiles(&field.name, (field.width, field.height), dataset.fields.len());
        if let Some(reason) = reason_to_leave_out(&field, row.as_ref(), options) {
            dataset.left_out.push(LeftOut { name: field.name, reason, tiles: tiles.len() });
        } else if tiles.is_empty() {
            let reason = plan.why_none(field.width, field.height);
            dataset.left_out.push(LeftOut { name: field.name.clone(), reason, tiles: 0 });
            too_small.push(field);
        } else {
            apply(&mut field, row);
            dataset.fields.push(field);
            dataset.tiles.extend(tiles);
        }
    }
    let strangers: Vec<String> = rows.into_keys().filter(|name| !sizes.contains_key(name)).collect();
    if !strangers.is_empty() {
        let count = strangers.len();
        dataset
            .notes
            .push(format!("images.csv names {count} image(s) that are not here, first {}", strangers[0]));
    }
    if dataset.fields.is_empty() && problems.is_empty() {
        problems.push(nothing_left(root, options, &too_small, &dataset.left_out));
    }
    dataset.note_oddities();
    Ok((dataset, problems))
}

fn reason_to_leave_out(field: &Field, row: Option<&ImageRow>, options: &DatasetOptions) -> Option<String> {
    let Intensities { minimum, maximum, saturated } = Intensities::of(field);
    if maximum <= minimum {
        Some(format!("blank: all its pixels are {minimum}"))
    } else if saturated > options.saturated_limit {
        Some(format!(
            "saturated: {:.0} % of its pixels are at {maximum} (limit {:.0} %)",
            100.0 * saturated,
            100.0 * options.saturated_limit
        ))
    } else if row.is_some_and(|row| row.place == Some(Place::Drop)) {
        Some("images.csv says so (split is drop)".to_string())
    } else {
        None
    }
}

struct Intensities {
    minimum: f64,
    maximum: f64,
    saturated: f64,
}

impl Intensities {
    fn of(field: &Field) -> Self {
        let intensity = &field.intensity;
        Self { minimum: intensity.minimum, maximum: intensity.maximum, saturated: intensity.saturated }
    }
}

fn apply(field: &mut Field, row: Option<ImageRow>) {
    let Some(row) = row else { return };
    if let Some(group) = row.group {
        field.group = group;
    }
    field.fold = row.fold;
    field.part = match row.place {
        Some(Place::In(part)) => Some(part),
        _ => None,
    };
}

fn measure(
    found: &FieldFiles,
    row: Option<&ImageRow>,
    options: &DatasetOptions,
) -> Result<Measured, ImageError> {
    let bytes = std::fs::read(&found.path).map_err(|source| ImageError::read(&found.path, source))?;
    let sha256 = sha256_of(&bytes);
    let (plane, info) = plane_from_bytes(&found.path, &bytes, options.channel, options.page)?;
    drop(bytes);
    let intensity = quality::intensity(&plane, &info);
    let normalisation =
        Normalisation::from_percentiles(intensity.minimum, intensity.low, intensity.high, intensity.maximum);
    let foci_sha256 = match &found.foci {
        Some(table) => {
            let bytes = std::fs::read(table).map_err(|source| ImageError::read(table, source))?;
            Some(sha256_of(&bytes))
        }
        None => None,
    };
    let mut field = Field {
        name: found.name.clone(),
        group: found.name.clone(),
        path: found.path.clone(),
        mask: found.mask.clone(),
        foci: found.foci.clone(),
        cells: found.cells.clone(),
        classes: classes::of_field(found, row, options.class_column.as_deref())?,
        width: plane.width,
        height: plane.height,
        bits: info.bits,
        several_channels: info.several_channels,
        whole: plane.data.iter().all(|value| value.fract() == 0.0),
        objects: None,
        range: None,
        in_pieces: Vec::new(),
        intensity,
        normalisation,
        sha256,
        foci_sha256,
        mask_sha256: None,
        part: None,
        fold: None,
    };
    let mut notes = info.notes;
    if let Some(labelled) = found.labelled(options.page, (field.width, field.height))? {
        notes.extend(labelled.notes);
        field.objects = Some(labelled.labels.objects());
        let least = labelled.labels.data.iter().min();
        field.range = least.map(|&least| [least, labelled.labels.largest()]);
        field.in_pieces = labels_in_pieces(&labelled.labels, Connectivity::Eight);
        field.mask_sha256 = Some(labelled.sha256);
    }
    Ok(Measured { field, notes })
}

impl Dataset {
    /// Adds notes about fields that differ from the others.
    fn note_oddities(&mut self) {
        let names = |wanted: &dyn Fn(&Field) -> bool| -> Vec<String> {
            self.fields.iter().filter(|field| wanted(field)).map(|field| field.name.clone()).collect()
        };
        let all = self.fields.len();
        let mut notes = Vec::new();
        let unmasked = names(&|field| field.mask.is_none());
        if !unmasked.is_empty() && unmasked.len() < all {
            notes.push(format!("{}: no mask; used where none is needed", list(&unmasked, all)));
        }
        let open = names(&|field| field.part.is_none());
        if !open.is_empty() && open.len() < all {
            let advice = "learnt from; write drop there to leave them out";
            notes.push(format!("{}: no split in images.csv, as others have; {advice}", list(&open, all)));
        }
        let empty = names(&|field| field.objects == Some(0));
        if !empty.is_empty() {
            let masked = self.fields.iter().filter(|field| field.mask.is_some()).count();
            let advice = match empty.len() == masked {
                true => "nothing can be learnt of objects or classes; were the masks exported as numbers?",
                false => "used as background",
            };
            notes.push(format!("{}: no objects in the mask; {advice}", list(&empty, all)));
        }
        let saturated = names(&|field| field.intensity.saturated > quality::SATURATED_NOTE);
        if !saturated.is_empty() {
            let limit = 100.0 * quality::SATURATED_NOTE;
            let advice = "used; expose for less time when you can";
            notes.push(format!(
                "{}: more than {limit} % of the pixels are saturated; {advice}",
                list(&saturated, all)
            ));
        }
        let blurred = names(&|field| field.intensity.sharpness < quality::BLURRED);
        if !blurred.is_empty() {
            let advice = "out of focus or empty? used; look at it";
            notes.push(format!("{}: no fine detail beyond camera noise; {advice}", list(&blurred, all)));
        }
        let mut depths: BTreeMap<u8, Vec<String>> = BTreeMap::new();
        for field in &self.fields {
            depths.entry(field.bits).or_default().push(field.name.clone());
        }
        if depths.len() > 1 {
            let each: Vec<String> =
                depths.iter().map(|(bits, names)| format!("{bits} bits in {}", list(names, all))).collect();
            let advice = "each is scaled by its own percentiles, but check that all were exported alike";
            notes.push(format!("bit depths differ: {}; {advice}", each.join(", ")));
        }
        if all == 1 {
            let advice = "to train and test, add fields that were taken separately";
            notes.push(format!(
                "only one field, {}: nothing is left to test on; {advice}",
                self.fields[0].name
            ));
        }
        self.notes.extend(notes);
    }
}

/// Names for a person: one by name, few by names, many by number and the first.
fn list(names: &[String], all: usize) -> String {
    match names {
        _ if names.len() == all && all > 3 => format!("all {all} fields"),
        [] => String::new(),
        [_, _, _, _, ..] => format!("{} of {all} fields (first {})", names.len(), names[0]),
        _ => names.join(", "),
    }
}
