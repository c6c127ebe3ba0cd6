//! The report: one self-contained HTML file, pictures first.
//!
//! [`render`] turns the results of a study and its pictures into a page that needs no network, no fonts and no
//! script to be read; [`summary_text`] says the same in a few lines for a terminal. The page is a template
//! (`templates/report.html`) filled with texts that are escaped, drawings (`svg`) and
//! pictures (`pictures`, `raster`). Nothing is measured here: every figure comes from `results.json`.

mod answer;
mod curves;
mod factors;
mod facts;
mod findings;
mod forecast;
mod forest;
mod format;
mod heat;
mod input;
mod judged;
mod labels;
mod measures;
mod methods;
mod optics;
mod page;
mod palette;
mod pictures;
mod raster;
mod scatter;
mod stress;
mod summary;
mod svg;
mod tables;
#[cfg(test)]
mod tests;
mod transfer;
mod trials;

/// The pairs of runs behind a table of factors.
pub(crate) use factors::behind as factor_pairs;
/// A cost that lies in the runs of a net.
pub(crate) use findings::seconds_to_the_answer;
pub use forecast::forecast_text;
/// A number with a few significant digits, as evidence is told.
pub(crate) use format::significant;
pub use input::{JudgedAnswer, JudgedSet, PictureSet, Reconstruction, Region, ReportInput};
pub use summary::summary_text;
/// How words and rows of cells are put into lines.
pub(crate) use summary::{table, wrapped};

/// Name and plain words of the measure of this key.
pub(crate) fn measure_words(key: &str) -> (String, &'static str) {
    let measure = measures::describe(key);
    (measure.name, measure.explanation)
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A picture does not have the size of its tile.
    #[error(
        "the report cannot show tile '{tile}': the picture by {net} is {found}, but the tile is {wanted} pixels; \
         predict the tile again at its own size"
    )]
    PictureSize {
        /// Name of the tile.
        tile: String,
        /// Name of the arm.
        net: String,
        /// What was given.
        found: String,
        /// What was expected.
        wanted: String,
    },
    /// A picture could not be packed.
    #[error("the report cannot pack a picture as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// The template could not be filled; a fault of foci.
    #[error("the report's template failed (please report this as a fault of foci): {0}")]
    Template(#[from] minijinja::Error),
}

/// Makes the report as one HTML file.
///
/// # Errors
/// [`ReportError::PictureSize`] if a reconstruction does not have the size of its tile; the other errors do not
/// depend on the input.
pub fn render(input: &ReportInput) -> Result<String, ReportError> {
    let page = page::Page::prepare(input)?;
    let mut environment = minijinja::Environment::new();
    environment.add_template("report.html", include_str!("../../templates/report.html"))?;
    // The name of the template ends in .html, so all texts are escaped unless the template says otherwise.
    let page = minijinja::Value::from(minijinja::value::Serde(page));
    Ok(environment.get_template("report.html")?.render(page)?)
}
