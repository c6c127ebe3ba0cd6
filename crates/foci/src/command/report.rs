//! `foci report`: a study's report once more from its figures, or what is behind one of them.

use crate::arguments::ReportArguments;
use crate::exit::Failure;
use crate::terminal;
use foci_image::FolderLock;
use std::path::PathBuf;

/// Name of the report without pictures; that with pictures, `report.html`, stays as it is.
const FIGURES: &str = "figures.html";

/// Runs the command.
pub fn run(flags: &ReportArguments) -> Result<(), Failure> {
    // What cannot be understood is unusable input here, where nothing is resumed.
    let results = foci_study::read_results(&flags.folder).map_err(Failure::input)?;
    if let Some(name) = &flags.explain {
        return terminal::print(&foci_study::explain(&results, &flags.folder, name)?);
    }
    let path: PathBuf = flags.out.clone().unwrap_or_else(|| flags.folder.join(FIGURES));
    let html = foci_study::report_again(&results, &flags.folder)?;
    let _lock = match flags.out {
        Some(_) => None,
        None => Some(FolderLock::take(&flags.folder)?),
    };
    foci_image::write_whole(&path, html.as_bytes())?;
    if flags.json {
        return terminal::print_json(&serde_json::json!({ "report": path }));
    }
    terminal::print(&format!(
        "{}\nreport   {}\n         without pictures: they need the images (foci study --resume takes them again)\n",
        foci_study::report::summary_text(&results),
        path.display()
    ))
}
