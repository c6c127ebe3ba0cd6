//! Held-out tiles as pictures: reduced, coloured by difference, cropped, and packed as PNG into the page.
//!
//! Whole tiles are reduced by area averaging. A difference map is reduced by the largest difference under each
//! dot instead, because averaging would cancel exactly the fine detail that is to be shown. Crops keep their pixels;
//! the page enlarges them without smoothing.

use super::input::{PictureSet, Reconstruction, Region};
use super::measures::{self, Measure};
use super::raster::{
    Picture, coloured, cut, difference_scale, extremes, grey, inside, largest, mean, reduce,
};
use super::{ReportError, format};
use foci_image::Plane;
use foci_measure::Measure as Known;
use serde::Serialize;

/// Pixels of all whole pictures together; keeps the page near 3 MB whatever the number of nets.
const PIXEL_BUDGET: f64 = 4.4e6;
/// Longest side of a whole tile on the page.
const LONGEST: f64 = 480.0;
/// One net's part in a set of pictures.
#[derive(Debug, Serialize)]
pub struct NetPicture {
    /// Name of the arm.
    pub net: String,
    /// Its place in the study.
    pub arm: usize,
    /// What it made of the tile.
    pub picture: Picture,
    /// Reconstruction minus original, in colour; crops have none.
    pub difference: Option<Picture>,
    /// Measures of this tile in words.
    pub caption: String,
}

/// An enlarged part of a tile.
#[derive(Debug, Serialize)]
pub struct Crop {
    /// `A` or `B`, as marked on the original.
    pub mark: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Region in pixels of the tile.
    pub width: usize,
    /// Region in pixels of the tile.
    pub height: usize,
    /// The original.
    pub original: Picture,
    /// Each net.
    pub nets: Vec<NetPicture>,
}

/// A rectangle to mark on the original, in percent of the tile.
#[derive(Debug, Serialize)]
pub struct Mark {
    mark: &'static str,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// All pictures of one tile.
#[derive(Debug, Serialize)]
pub struct TileView {
    /// Name of the tile.
    pub tile: String,
    /// Size of the tile in pixels.
    pub width: usize,
    /// Size of the tile in pixels.
    pub height: usize,
    /// The whole tile.
    pub original: Picture,
    /// Whether it is shown smaller than it is.
    pub reduced: bool,
    /// Crops, as rectangles.
    pub marks: Vec<Mark>,
    /// Columns on a wide page: three or four, whichever leaves fewer places empty.
    pub columns: usize,
    /// Each net.
    pub nets: Vec<NetPicture>,
    /// Difference at the ends of the colour scale.
    pub scale: String,
    /// Enlarged parts.
    pub crops: Vec<Crop>,
}

/// Prepares all pictures; `arm` gives the place of a net in the study.
///
/// # Errors
/// [`ReportError::PictureSize`] if a picture does not fit its tile, [`ReportError::Png`] if a PNG cannot be written.
pub fn prepare(sets: &[PictureSet], arm: impl Fn(&str) -> usize) -> Result<Vec<TileView>, ReportError> {
    let pictures: usize = sets.iter().map(|set| 1 + 2 * set.reconstructions.len()).sum();
    let pixels_each = PIXEL_BUDGET / pictures.max(1) as f64;
    sets.iter().map(|set| tile(set, pixels_each, &arm)).collect()
}

fn tile(set: &PictureSet, pixels_each: f64, arm: &impl Fn(&str) -> usize) -> Result<TileView, ReportError> {
    let original = &set.original;
    check(set, "the original", original, original)?;
    let (width, height) = (original.width, original.height);
    let shrink = |longest: f64| (longest / width.max(height) as f64).min(1.0);
    let share = (pixels_each / (width * height) as f64).sqrt().min(shrink(LONGEST));

    let mut reduced = Vec::new();
    for one in &set.reconstructions {
        check(set, &one.net, original, &one.plane)?;
        let difference: Vec<f32> =
            one.plane.data.iter().zip(&original.data).map(|(new, old)| new - old).collect();
        let difference = Plane { width, height, data: difference };
        reduced.push((one, reduce(&one.plane, share, mean), reduce(&difference, share, largest)));
    }
    let scale = difference_scale(reduced.iter().map(|(_, _, difference)| difference));
    let nets = reduced
        .iter()
        .map(|(one, picture, difference)| {
            Ok(NetPicture {
                net: one.net.clone(),
                arm: arm(&one.net),
                picture: grey(picture, 0.0, 1.0)?,
                difference: Some(coloured(difference, scale)?),
                caption: caption(one),
            })
        })
        .collect::<Result<Vec<_>, ReportError>>()?;

    let mut marks = Vec::new();
    let mut crops = Vec::new();
    let wanted = [("A", "Foci", set.foci), ("B", "A boundary between touching nuclei", set.boundary)];
    for (mark, title, region) in wanted {
        let Some(region) = region.and_then(|region| inside(region, original)) else { continue };
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
        marks.push(Mark {
            mark,
            left: percent(region.x, width),
            top: percent(region.y, height),
            width: percent(region.width, width),
            height: percent(region.height, height),
        });
        crops.push(crop(set, mark, title, region, arm)?);
    }
    Ok(TileView {
        tile: set.tile.clone(),
        width,
        height,
        original: grey(&reduce(original, shrink(LONGEST), mean), 0.0, 1.0)?,
        reduced: share < 1.0,
        marks,
        columns: columns(nets.len() + 1),
        nets,
        scale: format::tick(scale),
        crops,
    })
}

/// Columns for a number of pictures.
fn columns(pictures: usize) -> usize {
    if pictures <= 4 {
        return pictures;
    }
    let empty = |columns: usize| pictures.next_multiple_of(columns) - pictures;
    if empty(3) < empty(4) { 3 } else { 4 }
}

/// Cuts one region out of the original and of every reconstruction; all share the grey scale of the original.
fn crop(
    set: &PictureSet,
    mark: &'static str,
    title: &'static str,
    region: Region,
    arm: &impl Fn(&str) -> usize,
) -> Result<Crop, ReportError> {
    let original = cut(&set.original, region);
    let (low, high) = extremes(&original);
    let nets = set
        .reconstructions
        .iter()
        .map(|one| {
            Ok(NetPicture {
                net: one.net.clone(),
                arm: arm(&one.net),
                picture: grey(&cut(&one.plane, region), low, high)?,
                difference: None,
                // The measures are those of the whole tile and would mislead under a part of it.
                caption: String::new(),
            })
        })
        .collect::<Result<Vec<_>, ReportError>>()?;
    Ok(Crop {
        mark,
        title,
        width: region.width,
        height: region.height,
        original: grey(&original, low, high)?,
        nets,
    })
}

fn caption(one: &Reconstruction) -> String {
    let part = |known: Known, write: fn(&Measure, f64) -> String| {
        let measure = measures::of(known);
        let value = write(&measure, *one.metrics.get(known.key())?);
        Some(format!("{} {value}", measure.short))
    };
    // A caption is narrow: only decibels need their unit to be understood.
    let parts: Vec<String> =
        [part(Known::Psnr, Measure::value_with_unit), part(Known::DetailCutoff, Measure::value)]
            .into_iter()
            .flatten()
            .collect();
    parts.join(", ")
}

fn check(set: &PictureSet, net: &str, original: &Plane, plane: &Plane) -> Result<(), ReportError> {
    let same = plane.width == original.width && plane.height == original.height;
    if same && plane.width > 0 && plane.height > 0 && plane.data.len() == plane.width * plane.height {
        return Ok(());
    }
    Err(ReportError::PictureSize {
        tile: set.tile.clone(),
        net: net.to_string(),
        found: format!("{}x{} with {} values", plane.width, plane.height, plane.data.len()),
        wanted: format!("{}x{}", original.width, original.height),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_pictures_are_filled() {
        assert_eq!([2, 4, 5, 7, 8, 9].map(columns), [2, 4, 3, 4, 4, 3]);
    }
}
