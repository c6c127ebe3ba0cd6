//! What a data folder is good for, told before anything is computed with it.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::dataset::{Layout, LeftOut, survey};
use crate::{DatasetOptions, Fingerprint, ImageError, Workers};

/// Report of [`check`]: [`fmt::Display`] for a person, [`Serialize`] for machines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The folder as it was given.
    pub folder: String,
    /// Its layout.
    pub layout: Layout,
    /// Whether the folder can be used as it is.
    pub usable: bool,
    /// What cannot be used and keeps the folder from being used, each with what to do.
    pub problems: Vec<String>,
    /// Fields found but not used, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Fingerprint of what is usable.
    pub fingerprint: Fingerprint,
}

/// Looks at all files of a data folder without changing any. Errors are those of the folder as a whole
/// (it is missing, it is empty, a table is wrong); what is wrong with single files is in the report. The watcher
/// of the workers counts fields.
pub fn check(
    root: &Path,
    options: &DatasetOptions,
    workers: &mut Workers,
) -> Result<CheckReport, ImageError> {
    let (mut dataset, problems) = survey(root, options, workers)?;
    // Nothing is known here of what the masks are for.
    dataset.notes.extend(dataset.note_on_pieces());
    Ok(CheckReport {
        folder: root.display().to_string(),
        layout: dataset.layout,
        usable: problems.is_empty(),
        problems: problems.iter().map(ImageError::to_string).collect(),
        fingerprint: Fingerprint::of(&dataset, None),
        left_out: dataset.left_out,
        notes: dataset.notes,
    })
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = &self.fingerprint;
        let layout = match self.layout {
            Layout::Flat => "a folder of images",
            Layout::ImagesAndMasks => "images and masks side by side",
            Layout::Cellpose => "Cellpose (x and x_masks)",
            Layout::FolderPerImage => "one folder for each image",
        };
        let sizes = |sizes: &std::collections::BTreeMap<String, usize>| {
            let mut sizes: Vec<(&String, &usize)> = sizes.iter().collect();
            // Most frequent first; equal ones stay in the order of the map.
            sizes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let more =
                if sizes.len() > 4 { format!(" and {} more sizes", sizes.len() - 4) } else { String::new() };
            let each: Vec<String> =
                sizes.iter().take(4).map(|(size, count)| format!("{count} of {size}")).collect();
            format!("{}{more}", each.join(", "))
        };
        let bits: Vec<String> = print.bits.keys().map(|bits| format!("{bits} bits")).collect();
        writeln!(f, "{}: {layout}", self.folder)?;
        if print.fields > 0 {
            writeln!(f, "  fields    {} ({}), {}", print.fields, sizes(&print.sizes), bits.join(" and "))?;
            writeln!(f, "  tiles     {} ({})", print.tiles, sizes(&print.tile_sizes))?;
            writeln!(f, "  siblings  {} group(s) that stay together", print.groups)?;
            writeln!(f, "  masks     {} with {} objects", print.masks, print.objects)?;
            let i = &print.intensity;
            writeln!(
                f,
                "  counts    median field: {} to {}, 1 % below {:.0}, 99.8 % below {:.0}",
                i.minimum, i.maximum, i.low, i.high
            )?;
            writeln!(f, "  sha256    {}", print.sha256)?;
        }
        for left in &self.left_out {
            writeln!(f, "  left out  {}: {}", left.name, left.reason)?;
        }
        for note in &self.notes {
            writeln!(f, "  note      {note}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  problem   {problem}")?;
        }
        write!(f, "  {}", if self.usable { "usable" } else { "not usable until the problems are solved" })
    }
}
