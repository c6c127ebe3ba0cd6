//! What all file formats are decoded to: samples as stored, side by side for each pixel.
//!
//! Each file format is decoded in a file of its own.

use std::path::Path;

use super::{bmp, jpeg, png, tiff};
use crate::ImageError;

/// What is noted of an image whose pixels are numbers of colours.
pub(super) const COLOUR_TABLE: &str = "has a colour table: its colours are used, not the numbers behind them";

/// Largest product of width, height and channels that is decoded at once: 2^28, or 1 GiB as `f32`.
pub const MAXIMUM_SAMPLES: usize = 1 << 28;

/// File formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Portable Network Graphics.
    Png,
    /// Tagged Image File Format, BigTIFF included.
    Tiff,
    /// JPEG.
    Jpeg,
    /// Windows bitmap.
    Bmp,
}

impl FileFormat {
    /// The name people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Tiff => "TIFF",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
        }
    }

    /// Recognises a format by the first bytes of the file.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if TIFF.iter().any(|magic| bytes.starts_with(magic)) {
            Some(Self::Tiff)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"BM") {
            Some(Self::Bmp)
        } else {
            None
        }
    }
}

/// Samples as stored in the file. Every integer of up to 32 bits and every float is exact in `F64`.
pub(crate) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    F64(Vec<f64>),
}

impl Samples {
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    pub fn at(&self, index: usize) -> f64 {
        match self {
            Self::U8(v) => f64::from(v[index]),
            Self::U16(v) => f64::from(v[index]),
            Self::U32(v) => f64::from(v[index]),
            Self::F64(v) => v[index],
        }
    }

    /// Channel `c` of `channels` as raw counts.
    pub fn channel(&self, c: usize, channels: usize) -> Vec<f32> {
        match self {
            Self::U8(v) => v.iter().skip(c).step_by(channels).map(|&v| f32::from(v)).collect(),
            Self::U16(v) => v.iter().skip(c).step_by(channels).map(|&v| f32::from(v)).collect(),
            Self::U32(v) => v.iter().skip(c).step_by(channels).map(|&v| v as f32).collect(),
            Self::F64(v) => v.iter().skip(c).step_by(channels).map(|&v| v as f32).collect(),
        }
    }
}

/// A decoded page: `samples[(y * width + x) * channels + c]`.
pub(crate) struct Raster {
    pub format: FileFormat,
    pub width: usize,
    pub height: usize,
    /// Samples per pixel, opacity included.
    pub channels: usize,
    /// Channels that carry light: without opacity.
    pub colours: usize,
    /// Whether the channels are red, green and blue, and not just several.
    pub rgb: bool,
    pub bits: u8,
    pub float: bool,
    pub pages: usize,
    pub page: usize,
    pub samples: Samples,
    pub notes: Vec<&'static str>,
}

impl Raster {
    /// The only page of a file of integers: grey or red, green and blue, with opacity or without.
    pub fn of_integers(
        format: FileFormat,
        [width, height]: [usize; 2],
        channels: usize,
        bits: u8,
        samples: Samples,
    ) -> Raster {
        let colours = if channels >= 3 { 3 } else { 1 };
        let (float, pages, page, notes) = (false, 1, 0, Vec::new());
        let rgb = colours == 3;
        Raster { format, width, height, channels, colours, rgb, bits, float, pages, page, samples, notes }
    }
}

/// Samples that any file may claim, however short it is: the 32 MiB at most that they take are no danger.
const ALWAYS_ALLOWED: usize = 1 << 22;
/// A byte of a file stands for no more samples than these. Deflate makes 1032 bytes of one, each of eight samples at most; LZW
/// and Zstandard make more.
const MOST_SAMPLES_PER_BYTE: usize = 1 << 17;

/// Rejects sizes of nothing, sizes beyond [`MAXIMUM_SAMPLES`] and those that a file of so many bytes cannot hold, before
/// memory is taken.
pub(crate) fn check_size(
    path: &Path,
    file_bytes: usize,
    width: usize,
    height: usize,
    channels: usize,
) -> Result<(), ImageError> {
    if width == 0 || height == 0 {
        return Err(ImageError::NoPixels { path: path.to_path_buf(), width, height });
    }
    let can_hold = file_bytes.saturating_mul(MOST_SAMPLES_PER_BYTE).max(ALWAYS_ALLOWED);
    match width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels)) {
        Some(samples) if samples <= MAXIMUM_SAMPLES && samples > can_hold => Err(ImageError::Unreadable {
            path: path.to_path_buf(),
            format: "image",
            reason: format!("it claims {width} x {height} pixels and has {file_bytes} bytes"),
        }),
        Some(samples) if samples <= MAXIMUM_SAMPLES => Ok(()),
        _ => Err(ImageError::TooLarge {
            path: path.to_path_buf(),
            width,
            height,
            channels,
            limit: MAXIMUM_SAMPLES,
        }),
    }
}

/// Decodes one page of a file.
pub(crate) fn decode(path: &Path, bytes: &[u8], page: Option<usize>) -> Result<Raster, ImageError> {
    let Some(format) = FileFormat::of(bytes) else {
        let found = match bytes {
            [] => "the file is empty".to_string(),
            _ => format!("it starts with {:02x?}", &bytes[..bytes.len().min(4)]),
        };
        return Err(ImageError::UnknownFormat { path: path.to_path_buf(), found });
    };
    match (format, page) {
        (FileFormat::Tiff, _) => tiff::decode(path, bytes, page.unwrap_or(0)),
        (_, Some(asked @ 1..)) => Err(ImageError::NoSuchPage { path: path.to_path_buf(), asked, pages: 1 }),
        (FileFormat::Png, _) => png::decode(path, bytes),
        (FileFormat::Jpeg, _) => jpeg::decode(path, bytes),
        (FileFormat::Bmp, _) => bmp::decode(path, bytes),
    }
}

/// As [`decode`], except that the only page of a file serves for any other: there is no choice.
pub(crate) fn decode_or_only(path: &Path, bytes: &[u8], page: Option<usize>) -> Result<Raster, ImageError> {
    match decode(path, bytes, page) {
        Err(ImageError::NoSuchPage { pages: 1, .. }) => decode(path, bytes, None),
        other => other,
    }
}
