//! What all file formats are decoded to: samples as stored, side by side for each pixel.
//!
//! PNG, JPEG and BMP are decoded here through the `image` crate; TIFF, which has many more kinds of
//! samples, has its own file.

use std::io::Cursor;
use std::path::Path;

use image::codecs::{bmp::BmpDecoder, jpeg::JpegDecoder, png::PngDecoder};
use image::{ImageDecoder, Limits};

use crate::ImageError;

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
    if format == FileFormat::Tiff {
        return super::tiff::decode(path, bytes, page.unwrap_or(0));
    }
    if let Some(asked @ 1..) = page {
        return Err(ImageError::NoSuchPage { path: path.to_path_buf(), asked, pages: 1 });
    }
    let unreadable = |error: image::ImageError| ImageError::unreadable(path, format.name(), error);
    let cursor = Cursor::new(bytes);
    match format {
        FileFormat::Png => {
            // The header comes first in every PNG; a size of nothing is told as such.
            if let Some((width, height)) = png_size(bytes) {
                check_size(path, bytes.len(), width, height, 1)?;
            }
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(8 * MAXIMUM_SAMPLES as u64);
            let decoder = PngDecoder::with_limits(cursor, limits).map_err(unreadable)?;
            // Bytes 24 and 25 hold depth and kind; depths below 8 bits were spread over 0..=255.
            let (bits, kind) = (bytes[24], bytes[25]);
            let mut raster = through_image(path, bytes.len(), decoder, format)?;
            if kind == 0 && bits < 8 {
                raster.unspread(bits);
            }
            if kind == 3 {
                raster.notes.push("has a colour table: its colours are used, not the numbers behind them");
            }
            Ok(raster)
        }
        FileFormat::Jpeg => {
            super::jpeg::check_whole(path, bytes)?;
            through_image(path, bytes.len(), JpegDecoder::new(cursor).map_err(unreadable)?, format)
        }
        _ => through_image(path, bytes.len(), BmpDecoder::new(cursor).map_err(unreadable)?, format),
    }
}

/// As [`decode`], except that the only page of a file serves for any other: there is no choice.
pub(crate) fn decode_or_only(path: &Path, bytes: &[u8], page: Option<usize>) -> Result<Raster, ImageError> {
    match decode(path, bytes, page) {
        Err(ImageError::NoSuchPage { pages: 1, .. }) => decode(path, bytes, None),
        other => other,
    }
}

fn png_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    (bytes.get(12..16)? == b"IHDR").then_some((number(16)?, number(20)?))
}

fn through_image(
    path: &Path,
    file_bytes: usize,
    decoder: impl ImageDecoder,
    format: FileFormat,
) -> Result<Raster, ImageError> {
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let colour = decoder.color_type();
    let channels = usize::from(colour.channel_count());
    check_size(path, file_bytes, width, height, channels)?;
    let mut bytes = vec![0; width * height * usize::from(colour.bytes_per_pixel())];
    decoder.read_image(&mut bytes).map_err(|error| ImageError::unreadable(path, format.name(), error))?;
    let (bits, samples) = if usize::from(colour.bytes_per_pixel()) == 2 * channels {
        let samples = bytes.chunks_exact(2).map(|two| u16::from_ne_bytes([two[0], two[1]])).collect();
        (16, Samples::U16(samples))
    } else {
        (8, Samples::U8(bytes))
    };
    let colours = if colour.has_alpha() { channels - 1 } else { channels };
    let rgb = colours == 3;
    let notes = Vec::new();
    Ok(Raster {
        format,
        width,
        height,
        channels,
        colours,
        rgb,
        bits,
        float: false,
        pages: 1,
        page: 0,
        samples,
        notes,
    })
}

impl Raster {
    /// Takes 8-bit samples that a decoder has spread over 0..=255 back to the numbers in the file.
    fn unspread(&mut self, bits: u8) {
        let step = 255 / ((1u16 << bits) - 1) as u8;
        if let Samples::U8(samples) = &mut self.samples {
            for sample in samples {
                *sample /= step;
            }
        }
        self.bits = bits;
    }
}
