//! Images as files: what a plane of numbers is written as.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use png::{BitDepth, ColorType};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};

use crate::whole::write_whole;
use crate::{ImageError, LabelImage, Plane};

/// PNG bytes of an 8-bit grey image; values are rounded to the nearest of 0..=255 and clipped there.
pub fn encode_png_grey8(plane: &Plane) -> Result<Vec<u8>, ImageError> {
    let bytes: Vec<u8> = plane.data.iter().map(|&v| v.round() as u8).collect();
    encode_grey(&bytes, plane.width, plane.height, BitDepth::Eight)
}

/// PNG bytes of a 16-bit grey image; values are rounded to the nearest of 0..=65535 and clipped there.
pub fn encode_png_grey16(plane: &Plane) -> Result<Vec<u8>, ImageError> {
    let bytes: Vec<u8> = plane.data.iter().flat_map(|&v| (v.round() as u16).to_be_bytes()).collect();
    encode_grey(&bytes, plane.width, plane.height, BitDepth::Sixteen)
}

/// PNG bytes of an 8-bit RGB image: `rgb` holds red, green, blue of each pixel, row by row. For pictures to be looked at, so it is quick
/// rather than small.
pub fn encode_png_rgb8(rgb: &[u8], width: usize, height: usize) -> Result<Vec<u8>, ImageError> {
    encode_png(rgb, width, height, ColorType::Rgb, BitDepth::Eight, png::Compression::Fast)
}

/// Writes an 8-bit grey PNG; values are rounded and clipped to 0..=255.
pub fn write_png_grey8(path: &Path, plane: &Plane) -> Result<(), ImageError> {
    write_whole(path, &encode_png_grey8(plane).map_err(|e| at(path, e))?)
}

/// Writes a 16-bit grey PNG; values are rounded and clipped to 0..=65535.
pub fn write_png_grey16(path: &Path, plane: &Plane) -> Result<(), ImageError> {
    write_whole(path, &encode_png_grey16(plane).map_err(|e| at(path, e))?)
}

/// Writes a grey TIFF of 32-bit floats: every value as it is.
pub fn write_tiff_f32(path: &Path, plane: &Plane) -> Result<(), ImageError> {
    let (data, width, height) = (&plane.data, plane.width, plane.height);
    let bytes = encode_tiff::<colortype::Gray32Float>(data, width, height, Compression::Uncompressed)
        .map_err(|e| at(path, e))?;
    write_whole(path, &bytes)
}

/// Writes a label image as grey TIFF of 32-bit unsigned integers, whatever its labels; compressed without loss (deflate),
/// since label images are mostly long runs of one number.
pub fn write_tiff_u32(path: &Path, labels: &LabelImage) -> Result<(), ImageError> {
    let bytes = encode_labels(labels).map_err(|e| at(path, e))?;
    write_whole(path, &bytes)
}

fn encode_labels(labels: &LabelImage) -> Result<Vec<u8>, ImageError> {
    let compression = Compression::Deflate(DeflateLevel::Fast);
    encode_tiff::<colortype::Gray32>(&labels.data, labels.width, labels.height, compression)
}

/// Writes a label image as 16-bit PNG, or, where a label exceeds 65,535, as 32-bit TIFF; the extension of
/// `path` is set to match. Returns the path written.
pub fn write_labels(path: &Path, labels: &LabelImage) -> Result<PathBuf, ImageError> {
    let (path, bytes) = if labels.largest() <= u32::from(u16::MAX) {
        let bytes: Vec<u8> = labels.data.iter().flat_map(|&v| (v as u16).to_be_bytes()).collect();
        let encoded = encode_grey(&bytes, labels.width, labels.height, BitDepth::Sixteen);
        (path.with_extension("png"), encoded)
    } else {
        (path.with_extension("tif"), encode_labels(labels))
    };
    write_whole(&path, &bytes.map_err(|e| at(&path, e))?)?;
    Ok(path)
}

/// Puts the file's name into an encoder's error, which knows none.
fn at(path: &Path, error: ImageError) -> ImageError {
    match error {
        ImageError::Encode { format, reason, .. } => {
            ImageError::Encode { path: path.to_path_buf(), format, reason }
        }
        other => other,
    }
}

fn encode_error(format: &'static str, reason: impl ToString) -> ImageError {
    ImageError::Encode { path: PathBuf::from("(in memory)"), format, reason: reason.to_string() }
}

fn sizes(width: usize, height: usize, format: &'static str) -> Result<(u32, u32), ImageError> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if w > 0 && h > 0 => Ok((w, h)),
        _ => Err(encode_error(format, format!("{width} x {height} pixels"))),
    }
}

/// Grey, for programs to read: as small as takes no long time.
fn encode_grey(bytes: &[u8], width: usize, height: usize, depth: BitDepth) -> Result<Vec<u8>, ImageError> {
    encode_png(bytes, width, height, ColorType::Grayscale, depth, png::Compression::Balanced)
}

fn encode_png(
    bytes: &[u8],
    width: usize,
    height: usize,
    colour: ColorType,
    depth: BitDepth,
    compression: png::Compression,
) -> Result<Vec<u8>, ImageError> {
    let (w, h) = sizes(width, height, "PNG")?;
    let expected = width * height * colour.samples() * depth as usize / 8;
    if bytes.len() != expected {
        let reason = format!("{} bytes of pixels, {expected} expected for {width} x {height}", bytes.len());
        return Err(encode_error("PNG", reason));
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, w, h);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(compression);
    encoder.set_filter(png::Filter::Adaptive);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(bytes))
        .map_err(|e| encode_error("PNG", e))?;
    Ok(out)
}

fn encode_tiff<C: colortype::ColorType>(
    data: &[C::Inner],
    width: usize,
    height: usize,
    compression: Compression,
) -> Result<Vec<u8>, ImageError>
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let (w, h) = sizes(width, height, "TIFF")?;
    let mut out = Cursor::new(Vec::new());
    TiffEncoder::new(&mut out)
        .and_then(|encoder| encoder.with_compression(compression).write_image::<C>(w, h, data))
        .map_err(|e| encode_error("TIFF", e))?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_images_come_back_as_they_were_and_take_little_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.tif");
        let mut labels = LabelImage::zeros(301, 200);
        for (at, label) in labels.data.iter_mut().enumerate() {
            *label = if at % 301 > 100 { 70_000 + (at / 3010) as u32 } else { 0 };
        }
        labels.data[5] = u32::MAX;
        write_tiff_u32(&path, &labels).unwrap();
        assert_eq!(crate::read_labels(&path).unwrap(), labels);
        assert!(std::fs::metadata(&path).unwrap().len() < 301 * 200 / 4);
    }

    #[test]
    fn wrong_lengths_and_sizes_are_errors() {
        assert!(encode_png_rgb8(&[0; 5], 1, 2).is_err());
        assert!(encode_png_grey8(&Plane::zeros(0, 4)).is_err());
        let short = Plane { width: 2, height: 2, data: vec![1.0; 3] };
        assert!(write_tiff_f32(Path::new("/nowhere/x.tif"), &short).is_err());
    }
}
