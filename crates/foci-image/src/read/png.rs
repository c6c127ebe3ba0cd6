//! Portable Network Graphics.

use std::io::Cursor;
use std::path::Path;

use png::{BitDepth, ColorType, Limits, Transformations};

use super::common::{COLOUR_TABLE, FileFormat, MAXIMUM_SAMPLES, Raster, Samples, check_size};
use crate::ImageError;

/// Decodes a whole file; samples of fewer than 8 bits are the numbers in the file.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Raster, ImageError> {
    let unreadable = |error: png::DecodingError| ImageError::unreadable(path, FileFormat::Png.name(), error);
    // The header comes first in every PNG; a size of nothing is told as such.
    if let Some((width, height)) = size(bytes) {
        check_size(path, bytes.len(), width, height, 1)?;
    }
    let mut decoder =
        png::Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 8 * MAXIMUM_SAMPLES });
    // Colours of a table, and whole bytes.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let (stored, kind) = (info.bit_depth as u8, info.color_type);
    let (colour, depth) = reader.output_color_type();
    let channels = colour.samples();
    check_size(path, bytes.len(), width, height, channels)?;
    let too_large = || ImageError::unreadable(path, FileFormat::Png.name(), "more pixels than memory");
    let mut data = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
    reader.next_frame(&mut data).map_err(unreadable)?;
    let (bits, samples) = if depth == BitDepth::Sixteen {
        let samples = data.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
        (16, Samples::U16(samples))
    } else if kind == ColorType::Grayscale && stored < 8 {
        // They were spread over 0..=255.
        let step = 255 / ((1u16 << stored) - 1) as u8;
        (stored, Samples::U8(data.into_iter().map(|sample| sample / step).collect()))
    } else {
        (8, Samples::U8(data))
    };
    let mut raster = Raster::of_integers(FileFormat::Png, [width, height], channels, bits, samples);
    if kind == ColorType::Indexed {
        raster.notes.push(COLOUR_TABLE);
    }
    Ok(raster)
}

fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    (bytes.get(12..16)? == b"IHDR").then_some((number(16)?, number(20)?))
}
