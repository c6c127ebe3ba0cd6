//! TIFF: pages, sample kinds and layouts that microscopes and Fiji write.
//!
//! Unsigned and signed integers and floats of 8 to 64 bits, interleaved or one plane for each channel,
//! in strips or tiles. A page with a colour table gives the numbers behind the table, since Fiji writes
//! plain 8-bit counts that way as soon as a lookup table is chosen for the display.

use std::io::Cursor;
use std::path::Path;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::common::{FileFormat, MAXIMUM_SAMPLES, Raster, Samples, check_size};
use crate::ImageError;

/// No microscope stack that is worked on page by page has more; a loop of pages ends here too.
const MAXIMUM_PAGES: usize = 1 << 16;

/// Photometric interpretation of a page with a colour table, and of grey where 0 is black.
const COLOUR_TABLE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;

/// Decodes page `page`, from 0.
pub(super) fn decode(path: &Path, bytes: &[u8], page: usize) -> Result<Raster, ImageError> {
    decode_as(path, bytes, page, true)
}

fn decode_as(path: &Path, bytes: &[u8], page: usize, may_be_a_table: bool) -> Result<Raster, ImageError> {
    let unreadable = |error: tiff::TiffError| ImageError::unreadable(path, "TIFF", error);
    // Told as such, even where nothing else of the file holds together.
    if page == 0
        && let Some((width, height)) = declared_size(bytes)
    {
        check_size(path, bytes.len(), width, height, 1)?;
    }
    let mut limits = Limits::default();
    limits.decoding_buffer_size = 8 * MAXIMUM_SAMPLES;
    limits.intermediate_buffer_size = 8 * MAXIMUM_SAMPLES;
    // Tables of strips: eight bytes for each row of the tallest image.
    limits.ifd_value_size = 16 << 20;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(unreadable)?.with_limits(limits);
    let pages = count_pages(path, bytes)?;
    if page >= pages {
        return Err(ImageError::NoSuchPage { path: path.to_path_buf(), asked: page, pages });
    }
    decoder.seek_to_image(page).map_err(unreadable)?;
    let photometric: Option<u16> =
        decoder.find_tag_unsigned(Tag::PhotometricInterpretation).map_err(unreadable)?;
    if photometric == Some(COLOUR_TABLE) {
        // A directory that names it twice would be taken for a colour table again, and again.
        if !may_be_a_table {
            return Err(ImageError::unreadable(
                path,
                "TIFF",
                "a directory that says twice how to read colours",
            ));
        }
        let grey = decoder.ifd_pointer().and_then(|at| as_grey(bytes, at.0));
        let grey = grey.ok_or_else(|| ImageError::unreadable(path, "TIFF", "a damaged directory"))?;
        let mut raster = decode_as(path, &grey, page, false)?;
        raster.notes.push("has a colour table: the numbers behind it are used");
        return Ok(raster);
    }
    let (width, height) = decoder.dimensions().map_err(unreadable)?;
    let (width, height) = (width as usize, height as usize);
    let colour = decoder.colortype().map_err(unreadable)?;
    let channels = usize::from(colour.num_samples()).max(1);
    check_size(path, bytes.len(), width, height, channels)?;

    let mut result = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut result).map_err(unreadable)?;
    let bits = colour.bit_depth();
    let float = matches!(result, DecodingResult::F16(_) | DecodingResult::F32(_) | DecodingResult::F64(_));
    let samples = samples(result);
    let samples = match (&samples, bits) {
        (Samples::U8(packed), 1..=7) => Samples::U8(unpack(packed, width * channels, height, bits)),
        _ => samples,
    };
    if samples.len() != width * height * channels {
        let reason = format!("{} samples for {width} x {height} x {channels}", samples.len());
        return Err(ImageError::unreadable(path, "TIFF", reason));
    }
    let samples = if layout.planes > 1 { interleave(samples, channels) } else { samples };
    let (colours, rgb) = match colour {
        ColorType::Gray(_) | ColorType::GrayA(_) => (1, false),
        ColorType::RGB(_) | ColorType::YCbCr(_) | ColorType::RGBA(_) => (3, true),
        _ => (channels, false),
    };
    let notes = Vec::new();
    let format = FileFormat::Tiff;
    Ok(Raster { format, width, height, channels, colours, rgb, bits, float, pages, page, samples, notes })
}

/// The file with the directory at `at` saying grey instead of colour table: the decoder knows no colour
/// tables, and the numbers behind the table are all that is wanted.
fn as_grey(bytes: &[u8], at: u64) -> Option<Vec<u8>> {
    let little = bytes.starts_with(b"II");
    let short = |at: usize| short(bytes, at);
    // In BigTIFF (version 43) counts and values take 8 bytes instead of 2 and 4.
    let (count, entry, value) = if short(2)? == 43 { (8, 20, 12) } else { (2, 12, 8) };
    let start = usize::try_from(at).ok()?.checked_add(count)?;
    let entries = bytes.len().checked_sub(start)? / entry;
    let found = (0..entries.min(usize::from(u16::MAX)))
        .map(|index| start + index * entry)
        .find(|&at| short(at) == Some(Tag::PhotometricInterpretation.to_u16()))?;
    let mut grey = bytes.to_vec();
    let said = if little { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    grey.get_mut(found + value..found + value + 2)?.copy_from_slice(&said);
    Some(grey)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(if bytes.starts_with(b"II") { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
}

/// Width and height that the first directory of a TIFF (not of a BigTIFF) claims, where it holds them as 32-bit numbers.
fn declared_size(bytes: &[u8]) -> Option<(usize, usize)> {
    const CLASSIC: u16 = 42;
    const LONG: u16 = 4;
    let long = |at: usize| {
        let (first, second) =
            (usize::from(short(bytes, at)?), usize::from(short(bytes, at.checked_add(2)?)?));
        Some(if bytes.starts_with(b"II") { second << 16 | first } else { first << 16 | second })
    };
    let start = long(4).filter(|_| short(bytes, 2) == Some(CLASSIC))?;
    let entries = usize::from(short(bytes, start)?);
    let value = |tag: Tag| {
        let entry = (0..entries).map(|index| start + 2 + 12 * index);
        let at =
            entry.take_while(|&at| at < bytes.len()).find(|&at| short(bytes, at) == Some(tag.to_u16()))?;
        if short(bytes, at + 2)? == LONG { long(at + 8) } else { None }
    };
    Some((value(Tag::ImageWidth)?, value(Tag::ImageLength)?))
}

fn count_pages(path: &Path, bytes: &[u8]) -> Result<usize, ImageError> {
    let unreadable = |error: tiff::TiffError| ImageError::unreadable(path, "TIFF", error);
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut pages = 1;
    while decoder.more_images() {
        decoder.next_image().map_err(unreadable)?;
        pages += 1;
        if pages > MAXIMUM_PAGES {
            let reason = format!("more than {MAXIMUM_PAGES} pages");
            return Err(ImageError::unreadable(path, "TIFF", reason));
        }
    }
    Ok(pages)
}

fn samples(result: DecodingResult) -> Samples {
    fn wide<T: Into<f64>>(values: Vec<T>) -> Samples {
        Samples::F64(values.into_iter().map(Into::into).collect())
    }
    match result {
        DecodingResult::U8(v) => Samples::U8(v),
        DecodingResult::U16(v) => Samples::U16(v),
        DecodingResult::U32(v) => Samples::U32(v),
        DecodingResult::U64(v) => Samples::F64(v.into_iter().map(|v| v as f64).collect()),
        DecodingResult::I64(v) => Samples::F64(v.into_iter().map(|v| v as f64).collect()),
        DecodingResult::F16(v) => Samples::F64(v.into_iter().map(|v| f64::from(v.to_f32())).collect()),
        DecodingResult::F32(v) => wide(v),
        DecodingResult::F64(v) => Samples::F64(v),
        DecodingResult::I8(v) => wide(v),
        DecodingResult::I16(v) => wide(v),
        DecodingResult::I32(v) => wide(v),
    }
}

/// Samples of fewer than 8 bits, packed from the high end of each byte; each row begins a new byte.
fn unpack(packed: &[u8], row: usize, height: usize, bits: u8) -> Vec<u8> {
    let stride = (row * usize::from(bits)).div_ceil(8);
    let mask = (1u16 << bits) - 1;
    let mut out = Vec::with_capacity(row * height);
    for line in packed.chunks(stride.max(1)).take(height) {
        for sample in 0..row {
            let bit = sample * usize::from(bits);
            let (first, second) = (line.get(bit / 8), line.get(bit / 8 + 1));
            let Some(&first) = first else { break };
            let pair = u16::from_be_bytes([first, second.copied().unwrap_or(0)]);
            out.push((pair >> (16 - bit % 8 - usize::from(bits)) & mask) as u8);
        }
    }
    out
}

/// One plane after another becomes sample after sample.
fn interleave(samples: Samples, channels: usize) -> Samples {
    fn mixed<T: Copy>(values: &[T], channels: usize) -> Vec<T> {
        let pixels = values.len() / channels;
        (0..pixels).flat_map(|pixel| (0..channels).map(move |c| values[c * pixels + pixel])).collect()
    }
    match samples {
        Samples::U8(v) => Samples::U8(mixed(&v, channels)),
        Samples::U16(v) => Samples::U16(mixed(&v, channels)),
        Samples::U32(v) => Samples::U32(mixed(&v, channels)),
        Samples::F64(v) => Samples::F64(mixed(&v, channels)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_samples_are_taken_apart_row_by_row() {
        // Two rows of three 2-bit samples: 1, 2, 3 and 3, 0, 1; the rest of each byte is padding.
        assert_eq!(unpack(&[0b01_10_11_00, 0b11_00_01_11], 3, 2, 2), [1, 2, 3, 3, 0, 1]);
        // Nine 1-bit samples need two bytes for a row.
        assert_eq!(unpack(&[0b1000_0001, 0b1000_0000], 9, 1, 1), [1, 0, 0, 0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn planes_are_interleaved() {
        let Samples::U8(mixed) = interleave(Samples::U8(vec![1, 2, 3, 10, 20, 30]), 2) else { panic!() };
        assert_eq!(mixed, [1, 10, 2, 20, 3, 30]);
    }
}
