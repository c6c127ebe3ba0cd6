//! Synthetic fluorescence specimens with known truth.
//!
//! A specimen is made the way a microscope makes an image: nuclei are placed and given chromatin, nucleoli and
//! foci (`layout`, `raster`, `chromatin`); their light passes the point spread, haze and uneven illumination
//! (`optics`, `scene`); the camera counts photons (`camera`). What was placed is the truth: label image, foci at
//! sub-pixel coordinates, class of every cell. Same options, same bytes.
//!
//! Coordinates: x to the right, y down, in pixels, the centre of the top left pixel at (0, 0).

mod camera;
mod chromatin;
mod layout;
mod optics;
mod options;
mod random;
mod raster;
mod scene;
mod shape;
#[cfg(test)]
mod tests;
mod write;

pub use layout::CellClass;
pub(crate) use optics::gaussian_blur;
pub use optics::point_spread_sigma;
pub use options::{SpecimenKind, SpecimenOptions, SynthError};
pub(crate) use random::{Random, Stage};
pub use raster::touching_pairs;
pub use scene::{Cell, Focus, Specimen, generate};
pub use write::{WrittenSpecimen, write_specimens};
