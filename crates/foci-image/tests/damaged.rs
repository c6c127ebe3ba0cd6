//! Image files that are cut off, damaged, oversized or none at all: errors that say so, never a panic.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

use std::io::Cursor;
use std::path::Path;

use foci_image::read::plane_from_bytes;
use foci_image::{
    ChannelChoice, ImageError, ImageInfo, Plane, encode_png_grey8, encode_png_grey16, encode_png_rgb8,
    read_labels, read_plane,
};
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;
use tiff::encoder::{TiffEncoder, colortype};

fn decode(bytes: &[u8]) -> Result<(Plane, ImageInfo), ImageError> {
    plane_from_bytes(Path::new("test-image"), bytes, ChannelChoice::Guess, None)
}

/// One sound file of each kind, with more content than any header.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let (w, h) = (40, 30);
    let noisy = |at: usize| (at * 7919 % 251) as f32;
    let plane = Plane { width: w, height: h, data: (0..w * h).map(noisy).collect() };
    let bytes: Vec<u8> = plane.data.iter().map(|&v| v as u8).collect();
    let rgb: Vec<u8> = (0..w * h * 3).map(|at| noisy(at) as u8).collect();
    let (mut jpeg, mut jpeg_rgb) = (Vec::new(), Vec::new());
    let encoder = |out| image::codecs::jpeg::JpegEncoder::new_with_quality(out, 90);
    encoder(&mut jpeg).write_image(&bytes, 40, 30, ExtendedColorType::L8).unwrap();
    encoder(&mut jpeg_rgb).write_image(&rgb, 40, 30, ExtendedColorType::Rgb8).unwrap();
    let mut bmp = Cursor::new(Vec::new());
    image::codecs::bmp::BmpEncoder::new(&mut bmp).write_image(&rgb, 40, 30, ExtendedColorType::Rgb8).unwrap();
    let mut grey = Cursor::new(Vec::new());
    image::codecs::bmp::BmpEncoder::new(&mut grey)
        .write_image(&bytes, 40, 30, ExtendedColorType::L8)
        .unwrap();
    let mut masked = Cursor::new(Vec::new());
    let opaque: Vec<u8> = rgb.chunks(3).flat_map(|pixel| [pixel, &[255]].concat()).collect();
    image::codecs::bmp::BmpEncoder::new(&mut masked)
        .write_image(&opaque, 40, 30, ExtendedColorType::Rgba8)
        .unwrap();
    let compressed = |compression| {
        let mut out = Cursor::new(Vec::new());
        TiffEncoder::new(&mut out)
            .unwrap()
            .with_compression(compression)
            .write_image::<colortype::Gray32Float>(40, 30, &plane.data)
            .unwrap();
        out.into_inner()
    };
    vec![
        ("png 8", encode_png_grey8(&plane).unwrap()),
        ("png 16", encode_png_grey16(&plane).unwrap()),
        ("png rgb", encode_png_rgb8(&rgb, w, h).unwrap()),
        ("jpeg", jpeg),
        ("jpeg rgb", jpeg_rgb),
        ("bmp", bmp.into_inner()),
        ("bmp with a table", grey.into_inner()),
        ("bmp with masks", masked.into_inner()),
        ("tiff plain", compressed(tiff::encoder::Compression::Uncompressed)),
        ("tiff lzw", compressed(tiff::encoder::Compression::Lzw)),
        ("tiff deflate", compressed(tiff::encoder::Compression::Deflate(Default::default()))),
        ("tiff packbits", compressed(tiff::encoder::Compression::Packbits)),
    ]
}

#[test]
fn files_cut_off_at_every_tenth_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels");
    for (name, bytes) in samples() {
        assert!(decode(&bytes).is_ok(), "{name} is sound");
        for tenth in 0..10 {
            let cut = &bytes[..bytes.len() * tenth / 10];
            let error = decode(cut).err().unwrap_or_else(|| panic!("{name} cut at {tenth}/10 was read"));
            assert!(error.to_string().contains("test-image"), "{name}: {error}");
            std::fs::write(&path, cut).unwrap();
            assert!(read_labels(&path).is_err());
        }
        // The last bytes of a PNG, BMP or TIFF may be dispensable, but never cause for a panic.
        for missing in 1..20 {
            let _ = decode(&bytes[..bytes.len() - missing]);
        }
    }
}

#[test]
fn a_jpeg_that_is_damaged_among_its_pixels_is_not_half_grey() {
    for (name, bytes) in samples().into_iter().filter(|(name, _)| name.starts_with("jpeg")) {
        let scan = bytes.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 14;
        let (mut marker, mut ones) = (bytes.clone(), bytes.clone());
        marker[scan + 100..scan + 104].copy_from_slice(&[0xff, 0x41, 0x00, 0x02]);
        let error = decode(&marker).unwrap_err().to_string();
        assert!(error.contains("marker 41 among the pixels"), "{name}: {error}");
        // Codes that cannot be: sixteen ones are no code of any table.
        for at in (scan + 100..scan + 130).step_by(2) {
            ones[at..at + 2].copy_from_slice(&[0xff, 0x00]);
        }
        assert!(decode(&ones).is_err(), "{name}");
    }
}

#[test]
fn sizes_of_nothing_and_memory_bombs_are_told_before_memory_is_taken() {
    // A PNG whose header claims a size; the checksum is put right again.
    let resized = |width: u32, height: u32| {
        let mut bytes = encode_png_grey8(&Plane::zeros(8, 8)).unwrap();
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        bytes
    };
    assert!(decode(&resized(8, 8)).is_ok());
    assert!(matches!(decode(&resized(0, 8)), Err(ImageError::NoPixels { .. })));
    let error = decode(&resized(60_000, 60_000)).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("60000 x 60000"), "{error}");
    // Within the limit, but the pixels are missing.
    assert!(matches!(decode(&resized(2000, 2000)), Err(ImageError::Unreadable { .. })));
    let error = decode(&resized(9000, 9000)).unwrap_err().to_string();
    assert!(error.contains("claims 9000 x 9000 pixels and has"), "{error}");

    // A TIFF of 38 bytes: a head, and a directory of width and height alone.
    for (little, order) in [(true, b"II"), (false, b"MM")] {
        let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut tiff = [&order[..], &short(42), &long(8), &short(2)].concat();
        for tag in [256, 257] {
            tiff.extend([&short(tag)[..], &short(4), &long(1), &long(1 << 31)].concat());
        }
        tiff.extend(long(0));
        assert_eq!(tiff.len(), 38);
        let error = decode(&tiff).unwrap_err();
        assert!(matches!(error, ImageError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("2147483648 x 2147483648"), "{error}");
    }
}

/// Checksum of a PNG chunk (PNG specification, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 },
        )
    })
}

#[test]
fn files_of_other_kinds_and_empty_files_are_named() {
    for bytes in [&b""[..], b"P", b"GIF89a......", b"not an image at all"] {
        let error = decode(bytes).unwrap_err();
        assert!(matches!(error, ImageError::UnknownFormat { .. }), "{error}");
    }
    let error = read_plane(Path::new("/nowhere/field.tif"), ChannelChoice::Guess).unwrap_err().to_string();
    assert!(error.contains("/nowhere/field.tif") && error.contains("Check"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_never_panic(which in 0usize..12, at in 0.0..1.0f64, byte: u8) {
        let (_, mut bytes) = samples().swap_remove(which);
        let at = (at * bytes.len() as f64) as usize;
        bytes[at] = byte;
        let _ = decode(&bytes);
    }

    #[test]
    fn noise_after_a_signature_never_panics(
        which in 0usize..10, keep in 0usize..60, noise in prop::collection::vec(0u8.., 0..300),
    ) {
        let (_, mut bytes) = samples().swap_remove(which);
        bytes.truncate(keep);
        bytes.extend(noise);
        let _ = decode(&bytes);
    }
}
