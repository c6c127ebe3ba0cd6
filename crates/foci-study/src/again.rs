//! The report once more, from the files of a study alone: no images, no nets, nothing is computed anew.
//!
//! `results.json` is enough. What lies beside it is used where it is there: the drawings of the optical bench. Pictures of
//! tiles need the images; only the study itself takes them.

use crate::StudyError;
use crate::execute::{read_json, run_folder};
use crate::optics::{OPTICS, RunOptics};
use crate::report::{self, ReportInput};
use crate::results::Results;
use std::path::Path;

/// Name of the results in the folder of a study.
pub(crate) const RESULTS: &str = "results.json";

/// Reads the results of the study in `folder`.
///
/// # Errors
/// [`StudyError::Data`] if there are none, [`StudyError::Damaged`] if they cannot be understood.
pub fn read_results(folder: &Path) -> Result<Results, StudyError> {
    read_json(&folder.join(RESULTS))?.ok_or_else(|| StudyError::Data {
        folder: folder.into(),
        reason: format!("it holds no {RESULTS}; give the folder of a study that has come to its end, as `foci study --out` left it"),
    })
}

/// The report of the study in `folder`, without pictures of its tiles, as one HTML file.
///
/// # Errors
/// [`StudyError::Damaged`] or [`StudyError::File`] if a file of the study cannot be read, [`StudyError::Report`].
pub fn report_again(results: &Results, folder: &Path) -> Result<String, StudyError> {
    let mut optics = Vec::new();
    for run in &results.optics {
        let found = read_json(&run_folder(folder, &run.net, run.seed).join(OPTICS))?;
        optics.extend(found.map(|found| RunOptics { net: run.net.clone(), seed: run.seed, found }));
    }
    let input = ReportInput { results, pictures: Vec::new(), judged: Vec::new(), optics };
    Ok(report::render(&input)?)
}
