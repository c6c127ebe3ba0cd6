//! The report: one self-contained HTML file, pictures first.

mod input;

pub use input::{Curve, PictureSet, Reconstruction, Region, ReportInput};
