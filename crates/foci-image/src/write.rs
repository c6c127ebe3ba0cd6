//! Files that are either whole or not there.
//!
//! Everything is written to a temporary file in the target's own folder, flushed to the disk, and only
//! then renamed over the target: a reader never sees half a file, whatever moment the power fails.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};

use crate::{ImageError, LabelImage, Plane};

/// Begin and end of the names of files that are not whole yet.
const UNFINISHED: (&str, &str) = (".foci-", ".part");

/// True for the name of what [`write_whole`] leaves behind if the program is killed: nothing that a reader takes for a file.
pub fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}

/// Writes `bytes` to `path` as a whole: temporary file beside it, sync, rename. An existing file is
/// replaced; on error it is unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
    let failed = |source| ImageError::Write { path: path.to_path_buf(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    // A temporary file is private by default; the finished file should be as readable as any other.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The rename itself is only safe once the folder is on the disk; not every system can sync a folder,
    // and where it cannot, the file is still whole.
    #[cfg(unix)]
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Makes a folder as a whole: `fill` writes into a hidden folder beside it, which is then renamed.
///
/// The folder must not exist yet, or be empty. If `fill` fails or the program is killed, no half-filled folder of that
/// name is left behind; remains of an earlier attempt are removed first. What would keep the folder from being put in
/// its place (it is not empty, or is where a disk is mounted, or is the current folder) is found before any work.
pub fn write_whole_folder<T, E: From<ImageError>>(
    folder: &Path,
    fill: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let failed = |source| ImageError::Write { path: folder.to_path_buf(), source };
    let Some(name) = folder.file_name() else {
        let reason = "it has no name of its own; name a folder in it";
        return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, reason)).into());
    };
    let fresh = folder.with_file_name(format!(".{}.part", name.to_string_lossy()));
    let was_there = folder.exists();
    if was_there {
        std::fs::remove_dir(folder).map_err(failed)?;
    }
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).map_err(failed)?;
    }
    std::fs::create_dir_all(&fresh).map_err(failed)?;
    let filled = match fill(&fresh) {
        Ok(filled) => filled,
        Err(error) => {
            // The first error is the one to tell; a folder that cannot be removed is hidden and replaced next time.
            let _ = std::fs::remove_dir_all(&fresh);
            if was_there {
                let _ = std::fs::create_dir(folder);
            }
            return Err(error);
        }
    };
    // Fails, as it should, if somebody has put something there in the meantime.
    std::fs::rename(&fresh, folder).map_err(failed)?;
    Ok(filled)
}

/// PNG bytes of an 8-bit grey image; values are rounded to the nearest of 0..=255 and clipped there.
pub fn encode_png_grey8(plane: &Plane) -> Result<Vec<u8>, ImageError> {
    let bytes: Vec<u8> = plane.data.iter().map(|&v| v.round() as u8).collect();
    encode_png(&bytes, plane.width, plane.height, image::ExtendedColorType::L8)
}

/// PNG bytes of a 16-bit grey image; values are rounded to the nearest of 0..=65535 and clipped there.
pub fn encode_png_grey16(plane: &Plane) -> Result<Vec<u8>, ImageError> {
    let bytes: Vec<u8> = plane.data.iter().flat_map(|&v| (v.round() as u16).to_ne_bytes()).collect();
    encode_png(&bytes, plane.width, plane.height, image::ExtendedColorType::L16)
}

/// PNG bytes of an 8-bit RGB image: `rgb` holds red, green, blue of each pixel, row by row.
pub fn encode_png_rgb8(rgb: &[u8], width: usize, height: usize) -> Result<Vec<u8>, ImageError> {
    encode_png(rgb, width, height, image::ExtendedColorType::Rgb8)
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
        let bytes: Vec<u8> = labels.data.iter().flat_map(|&v| (v as u16).to_ne_bytes()).collect();
        let encoded = encode_png(&bytes, labels.width, labels.height, image::ExtendedColorType::L16);
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

fn encode_png(
    bytes: &[u8],
    width: usize,
    height: usize,
    colour: image::ExtendedColorType,
) -> Result<Vec<u8>, ImageError> {
    let (w, h) = sizes(width, height, "PNG")?;
    let expected = width * height * usize::from(colour.bits_per_pixel()) / 8;
    if bytes.len() != expected {
        let reason = format!("{} bytes of pixels, {expected} expected for {width} x {height}", bytes.len());
        return Err(encode_error("PNG", reason));
    }
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Default, FilterType::Adaptive)
        .write_image(bytes, w, h, colour)
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
    use crate::Interrupted;

    #[test]
    fn what_keeps_a_folder_from_its_place_is_found_before_the_work() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("specimens");
        std::fs::create_dir(&folder).unwrap();
        // An empty folder stays if the work fails, and is filled if it does not.
        let failed = write_whole_folder(&folder, |_| Err::<(), _>(Interrupted.into()));
        assert!(matches!(failed, Err(ImageError::Interrupted(_))) && folder.is_dir());
        write_whole_folder(&folder, |fresh| write_whole(&fresh.join("a"), b"1")).unwrap();
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), b"1");
        for taken in [folder.as_path(), Path::new("."), Path::new("/")] {
            let mut begun = false;
            let error = write_whole_folder(taken, |_| {
                begun = true;
                Ok::<_, ImageError>(())
            });
            assert!(error.is_err() && !begun, "{}", taken.display());
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing else is left");
    }

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
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        // The target is a folder that is not empty, so the rename must fail.
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("old"), b"old").unwrap();
        let error = write_whole(&path, b"new").unwrap_err().to_string();
        assert!(error.contains("taken") && error.contains("unchanged"), "{error}");
        assert_eq!(std::fs::read(path.join("old")).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named_with_advice() {
        let error = write_whole(Path::new("/nowhere/at/all.txt"), b"x").unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all.txt") && error.contains("Create the folder"), "{error}");
    }

    #[test]
    fn wrong_lengths_and_sizes_are_errors() {
        assert!(encode_png_rgb8(&[0; 5], 1, 2).is_err());
        assert!(encode_png_grey8(&Plane::zeros(0, 4)).is_err());
        let short = Plane { width: 2, height: 2, data: vec![1.0; 3] };
        assert!(write_tiff_f32(Path::new("/nowhere/x.tif"), &short).is_err());
    }
}
