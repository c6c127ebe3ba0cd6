//! Reading image files into planes and label images.
//!
//! The format is recognised by content, not by extension. Sizes are checked before memory is taken, and a
//! file that ends early is an error, never a half-grey image.

mod channel;
mod common;
mod jpeg;
mod labels;
mod tiff;

use std::path::Path;

use crate::{ImageError, Plane};

pub use channel::ChannelChoice;
pub use common::{FileFormat, MAXIMUM_SAMPLES};
pub use labels::read_labels;

pub(crate) use common::decode;
pub(crate) use labels::{hexadecimal, labels_with_hash};

/// What was found in an image file, and how it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageInfo {
    /// File format.
    pub format: FileFormat,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Samples per pixel, opacity included.
    pub channels: usize,
    /// Bits of a sample.
    pub bits: u8,
    /// Whether samples are floating-point numbers.
    pub float: bool,
    /// Pages in the file.
    pub pages: usize,
    /// Page that was read, from 0.
    pub page: usize,
    /// What was guessed and should be told: one sentence for each guess, without the file's name.
    pub notes: Vec<String>,
}

/// Reads one channel of the first page as raw counts. A guess about channel or page is told in
/// [`ImageInfo::notes`].
pub fn read_plane(path: &Path, channel: ChannelChoice) -> Result<(Plane, ImageInfo), ImageError> {
    read_plane_page(path, channel, None)
}

/// As [`read_plane`], from a page chosen from 0 (`None`: the first, with a note if there are more).
pub fn read_plane_page(
    path: &Path,
    channel: ChannelChoice,
    page: Option<usize>,
) -> Result<(Plane, ImageInfo), ImageError> {
    let bytes = std::fs::read(path).map_err(|source| ImageError::read(path, source))?;
    plane_from_bytes(path, &bytes, channel, page)
}

/// As [`read_plane_page`], from the file's content; `path` serves for messages only.
pub fn plane_from_bytes(
    path: &Path,
    bytes: &[u8],
    channel: ChannelChoice,
    page: Option<usize>,
) -> Result<(Plane, ImageInfo), ImageError> {
    let raster = decode(path, bytes, page)?;
    let (plane, channel_note) = channel::choose(path, &raster, channel)?;
    let mut notes = Vec::new();
    if page.is_none() && raster.pages > 1 {
        notes.push(format!("has {} pages: the first is used; choose another by its number", raster.pages));
    }
    notes.extend(raster.notes.iter().map(|note| note.to_string()));
    notes.extend(channel_note.map(str::to_string));
    if let Some(at) = plane.data.iter().position(|v| !v.is_finite()) {
        return Err(ImageError::NotFinite {
            path: path.to_path_buf(),
            x: at % plane.width,
            y: at / plane.width,
            value: plane.data[at],
            count: plane.data.iter().filter(|v| !v.is_finite()).count(),
        });
    }
    let info = ImageInfo {
        format: raster.format,
        width: plane.width,
        height: plane.height,
        channels: raster.channels,
        bits: raster.bits,
        float: raster.float,
        pages: raster.pages,
        page: raster.page,
        notes,
    };
    Ok((plane, info))
}
