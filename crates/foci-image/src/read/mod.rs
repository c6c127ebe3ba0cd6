//! Reading image files into planes and label images.
//!
//! The format is recognised by content, not by extension. Sizes are checked before memory is taken, and a
//! file that ends early is an error, never a half-grey image.

mod bmp;
mod channel;
mod common;
mod jpeg;
mod labels;
mod png;
mod tiff;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{ImageError, Plane};
use common::Raster;

pub use channel::ChannelChoice;
pub use common::{FileFormat, MAXIMUM_SAMPLES};
pub use labels::{labels_from_bytes, read_labels, sha256_of};

pub(crate) use labels::{Labelled, hexadecimal, labels_with_hash};

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
    /// Whether channels, opacity aside, differ anywhere, so that one had to be chosen.
    pub several_channels: bool,
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

/// Which part of an image file is the image: what was said of it, where something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Channel to use.
    pub channel: ChannelChoice,
    /// Page to use, from 0; the first, and a note that says so, if `None`.
    pub page: Option<usize>,
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

/// As [`read_plane_page`], from what is `said` of this file, or else of the `others`. What is said of the others does
/// not bind a file that leaves no choice: where there is one channel, or one page, that one is read.
pub fn read_plane_as_others(
    path: &Path,
    said: Reading,
    others: Reading,
) -> Result<(Plane, ImageInfo), ImageError> {
    let bytes = std::fs::read(path).map_err(|source| ImageError::read(path, source))?;
    let raster = match said.page {
        Some(_) => common::decode(path, &bytes, said.page)?,
        None => common::decode_or_only(path, &bytes, others.page)?,
    };
    let channel = match said.channel {
        ChannelChoice::Guess if raster.colours > 1 => others.channel,
        said => said,
    };
    plane_of(path, &raster, channel, said.page.or(others.page))
}

/// As [`read_plane_page`], from the file's content; `path` serves for messages only.
pub fn plane_from_bytes(
    path: &Path,
    bytes: &[u8],
    channel: ChannelChoice,
    page: Option<usize>,
) -> Result<(Plane, ImageInfo), ImageError> {
    plane_of(path, &common::decode(path, bytes, page)?, channel, page)
}

/// The channel of a decoded page, and what is to be told of the choice of both.
fn plane_of(
    path: &Path,
    raster: &Raster,
    channel: ChannelChoice,
    page: Option<usize>,
) -> Result<(Plane, ImageInfo), ImageError> {
    let (plane, channel_note) = channel::choose(path, raster, channel)?;
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
        several_channels: raster.colours > 1 && channel::first_difference(raster).is_some(),
        bits: raster.bits,
        float: raster.float,
        pages: raster.pages,
        page: raster.page,
        notes,
    };
    Ok((plane, info))
}
