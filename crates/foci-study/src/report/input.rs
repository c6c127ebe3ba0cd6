//! What the report shows beside `results.json`: pictures, and what the optical bench drew.

use crate::optics::RunOptics;
use crate::results::Results;
use foci_image::Plane;

/// Everything that the report shows. What is empty beside the results is left out.
#[derive(Debug)]
pub struct ReportInput<'a> {
    /// The figures.
    pub results: &'a Results,
    /// A few held-out tiles, as each net reconstructs them; the tiles with the most nuclei first.
    pub pictures: Vec<PictureSet>,
    /// A few test images with what each net found in them, the worst first; of studies of objects or classes.
    pub judged: Vec<JudgedSet>,
    /// What the optical bench found, run by run.
    pub optics: Vec<RunOptics>,
}

/// One held-out tile and what each net made of it.
#[derive(Debug)]
pub struct PictureSet {
    /// Name of the tile.
    pub tile: String,
    /// The tile, normalised so that 0 is dark and 1 is bright.
    pub original: Plane,
    /// Reconstructions by the first seed, as name of the arm and picture, in the order of the study.
    pub reconstructions: Vec<Reconstruction>,
    /// A region with foci, if there is one.
    pub foci: Option<Region>,
    /// A region with a boundary between touching nuclei, if there is one.
    pub boundary: Option<Region>,
}

/// A tile as one net gives it back.
#[derive(Debug)]
pub struct Reconstruction {
    /// Name of the arm.
    pub net: String,
    /// The picture, same size and scale as the original.
    pub plane: Plane,
    /// Measures of this very tile, as in `results.json`.
    pub metrics: std::collections::BTreeMap<String, f64>,
}

/// A part of one test image and what each net found there.
#[derive(Debug)]
pub struct JudgedSet {
    /// Name of the tile.
    pub tile: String,
    /// Width of the tile in pixels.
    pub width: usize,
    /// Height of the tile in pixels.
    pub height: usize,
    /// The part that is shown.
    pub region: Region,
    /// The image: red, green and blue of each pixel of the region.
    pub image: Vec<u8>,
    /// The image with what is true.
    pub truth: Vec<u8>,
    /// The name and the colour of each class that is laid over images: red, green and blue; none where outlines are drawn.
    pub classes: Vec<(String, [u8; 3])>,
    /// What each net found, by its first seed, in the order of the study; then a method without a net, if there is any.
    pub answers: Vec<JudgedAnswer>,
}

/// What one net found.
#[derive(Debug)]
pub struct JudgedAnswer {
    /// Name of the arm, or of the method.
    pub net: String,
    /// Whether it is an arm.
    pub is_net: bool,
    /// The image with what was found: red, green and blue of each pixel of the region.
    pub pixels: Vec<u8>,
    /// How many outlines are wrong in the whole tile, by what is wrong.
    pub faults: std::collections::BTreeMap<&'static str, usize>,
    /// Measures of this very tile, as in `results.json`.
    pub metrics: std::collections::BTreeMap<String, f64>,
}

/// A rectangle in pixels of the tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}
