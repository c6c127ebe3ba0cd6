//! JPEG, if it is whole.
//!
//! The decoder fills what a cut-off file lacks with grey and says nothing; an image that is half grey
//! would then be measured as if it had been taken so. So the markers are followed to the end of the image
//! here first (ISO/IEC 10918-1, annex B), and codes of pixels that cannot be are errors. What nobody can see
//! is a file whose codes end too early and whose end is in its place: codes have no checksum.

use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::common::{FileFormat, Raster, Samples, check_size};
use crate::ImageError;

/// Longest side: the decoder counts blocks of pixels in 16 bits, rounded up.
const MOST_SIDE: usize = 65_500;

/// Decodes a whole file: grey as one channel, all else as red, green and blue.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Raster, ImageError> {
    let unreadable = |error: DecodeErrors| ImageError::unreadable(path, FileFormat::Jpeg.name(), error);
    let without = || ImageError::unreadable(path, FileFormat::Jpeg.name(), "a header without a size");
    check_whole(path, bytes)?;
    // Cameras write headers that the standard forbids and everything reads.
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(unreadable)?;
    let (width, height) = decoder.dimensions().ok_or_else(without)?;
    let refuse = |reason: String| Err(ImageError::unreadable(path, FileFormat::Jpeg.name(), reason));
    let components = decoder.info().map_or(0, |info| info.components);
    if !matches!(components, 1 | 3 | 4) {
        return refuse(format!("it has {components} components, and 1, 3 or 4 are known"));
    }
    if width > MOST_SIDE || height > MOST_SIDE {
        return refuse(format!("{width} x {height} pixels, and {MOST_SIDE} a side are the most"));
    }
    let (space, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    check_size(path, bytes.len(), width, height, channels)?;
    decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(space));
    let mut data = vec![0; width * height * channels];
    decoder.decode_into(&mut data).map_err(unreadable)?;
    Ok(Raster::of_integers(FileFormat::Jpeg, [width, height], channels, 8, Samples::U8(data)))
}

/// An error unless the markers lead from the first scan to an end-of-image marker.
fn check_whole(path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
    let cut =
        |at: usize| ImageError::unreadable(path, "JPEG", format!("cut off: no end of image after byte {at}"));
    let mut at = 2; // after the start-of-image marker
    let mut in_scan = false;
    loop {
        let Some(&byte) = bytes.get(at) else { return Err(cut(at.min(bytes.len()))) };
        if byte != 0xff {
            if !in_scan {
                return Err(ImageError::unreadable(path, "JPEG", format!("no marker at byte {at}")));
            }
            at += 1;
            continue;
        }
        let Some(&marker) = bytes.get(at + 1) else { return Err(cut(at)) };
        match marker {
            0xff => at += 1, // fill byte before a marker
            0xd9 if in_scan => return Ok(()),
            // A stuffed zero and restart markers belong to the scan; 0x01 stands alone.
            0x00 | 0xd0..=0xd7 | 0x01 => at += 2,
            // Between scans there may be tables, comments and what applications keep; anything else is damage.
            _ if in_scan && !matches!(marker, 0xc4 | 0xda..=0xdd | 0xe0..=0xef | 0xfe) => {
                let reason = format!("marker {marker:02x} among the pixels, at byte {at}");
                return Err(ImageError::unreadable(path, "JPEG", reason));
            }
            0xd9 => return Err(ImageError::unreadable(path, "JPEG", "it ends before any scan")),
            _ => {
                let (Some(&high), Some(&low)) = (bytes.get(at + 2), bytes.get(at + 3)) else {
                    return Err(cut(at));
                };
                in_scan |= marker == 0xda;
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
            }
        }
    }
}
