//! The specimens of a study without data: made once, in its output folder.

use crate::StudyError;
use crate::spec::StudySpec;
use crate::study::{Event, Observer};
use foci_image::synth::{SpecimenOptions, write_specimens};
use foci_image::{Workers, write_whole_folder};
use std::path::{Path, PathBuf};

/// Folder of the specimens that a study makes, in its output folder.
pub(crate) const SPECIMENS: &str = "specimens";

/// Makes the specimens of a study in its output folder, unless a part of the study did before.
pub(super) fn specimens(
    spec: &StudySpec,
    out: &Path,
    threads: usize,
    observer: &mut dyn Observer,
) -> Result<PathBuf, StudyError> {
    let Some(wanted) = spec.specimens else {
        let reason = "it has no [specimens] to make, so it needs images: add --data DIR".into();
        return Err(StudyError::Spec { place: format!("study '{}'", spec.name), reason });
    };
    let folder = out.join(SPECIMENS);
    let options = SpecimenOptions {
        width: wanted.width,
        height: wanted.height,
        nucleus_scale: wanted.nucleus_scale,
        seed: wanted.seed,
        ..SpecimenOptions::default()
    };
    if folder.exists() {
        return if are_those(&folder, wanted.fields, &options) {
            Ok(folder)
        } else {
            let reason =
                "it holds other specimens than the study asks for; choose another folder with --out".into();
            Err(StudyError::OutputInUse { folder, reason })
        };
    }
    observer.event(Event::Note(&format!(
        "making {} synthetic specimens in {}",
        wanted.fields,
        folder.display()
    )));
    let mut workers =
        Workers::new(threads).watched_by(|done, all| observer.phase("making specimens", done, all));
    write_whole_folder(&folder, |fresh| write_specimens(fresh, wanted.fields, &options, &mut workers))?;
    Ok(folder)
}

/// True if a folder holds `fields` specimens made with these options, by its own record.
fn are_those(folder: &Path, fields: usize, options: &SpecimenOptions) -> bool {
    let record = std::fs::read(folder.join("specimens.json")).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
    record["count"] == fields
        && serde_json::to_value(options).is_ok_and(|options| record["options"] == options)
}
