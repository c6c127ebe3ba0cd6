//! Image files of every kind that is read, built by hand or by other encoders, and damaged ones.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

mod tiff_builder;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use foci_image::read::{FileFormat, plane_from_bytes, read_plane_page};
use foci_image::{
    ChannelChoice, ImageError, ImageInfo, LabelImage, Plane, Reading, encode_png_rgb8, read_labels,
    read_plane, read_plane_as_others, write_labels, write_png_grey8, write_png_grey16, write_tiff_f32,
};
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;
use tiff::encoder::{TiffEncoder, colortype};
use tiff_builder::{Tag, tiff};

type Decoded = Result<(Plane, ImageInfo), ImageError>;

fn decode(bytes: &[u8]) -> Decoded {
    plane_from_bytes(Path::new("test-image"), bytes, ChannelChoice::Guess, None)
}

fn decode_channel(bytes: &[u8], channel: ChannelChoice) -> Decoded {
    plane_from_bytes(Path::new("test-image"), bytes, channel, None)
}

fn labels_of(bytes: &[u8]) -> Result<LabelImage, ImageError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels");
    std::fs::write(&path, bytes).unwrap();
    read_labels(&path)
}

/// One sample per value, row by row, in a page of 3 x 2 pixels, unless told otherwise.
fn grey(bits: u32, format: u32, data: &[u8]) -> Vec<u8> {
    tiff(
        &[
            (Tag::Width, vec![3]),
            (Tag::Height, vec![2]),
            (Tag::Bits, vec![bits]),
            (Tag::SampleFormat, vec![format]),
        ],
        &[data],
    )
}

#[test]
fn tiff_samples_of_every_kind() {
    let bytes = |values: [u16; 6]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (plane, info) = decode(&grey(16, 1, &bytes([0, 1, 2, 300, 65535, 5]))).unwrap();
    assert_eq!((plane.width, plane.height), (3, 2));
    assert_eq!(plane.data, [0.0, 1.0, 2.0, 300.0, 65535.0, 5.0]);
    assert_eq!((info.bits, info.float, info.format), (16, false, FileFormat::Tiff));

    let signed = [-7i16, 0, 1, 2, 3, 32767].map(|v| v as u16);
    assert_eq!(decode(&grey(16, 2, &bytes(signed))).unwrap().0.data, [-7.0, 0.0, 1.0, 2.0, 3.0, 32767.0]);

    let wide: Vec<u8> = [0u32, 1, 2, 70_000, 1 << 24, 9].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(decode(&grey(32, 1, &wide)).unwrap().0.data, [0.0, 1.0, 2.0, 70_000.0, 16_777_216.0, 9.0]);

    let float: Vec<u8> = [0.5f32, -1.25, 3e9, 0.0, 1.0, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let (plane, info) = decode(&grey(32, 3, &float)).unwrap();
    assert_eq!(plane.data, [0.5, -1.25, 3e9, 0.0, 1.0, 2.0]);
    assert!(info.float && info.bits == 32);

    let double: Vec<u8> = [0.5f64, -1.25, 3e9, 0.0, 1.0, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(decode(&grey(64, 3, &double)).unwrap().0.data, [0.5, -1.25, 3e9, 0.0, 1.0, 2.0]);

    // One bit: rows of three pixels padded to a byte: 101 and 011.
    assert_eq!(
        decode(&grey(1, 1, &[0b1010_0000, 0b0110_0000])).unwrap().0.data,
        [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    );
}

#[test]
fn a_tiff_without_pixels_or_with_absurdly_many_is_told_before_memory_is_taken() {
    let sized = |width, height| {
        tiff(&[(Tag::Width, vec![width]), (Tag::Height, vec![height]), (Tag::Bits, vec![8])], &[&[0; 8]])
    };
    assert!(decode(&sized(4, 2)).is_ok());
    assert!(decode(&sized(0, 5)).is_err());
    assert!(matches!(decode(&sized(200_000, 200_000)), Err(ImageError::TooLarge { .. })));
}

#[test]
fn a_tiff_with_one_plane_for_each_channel_is_put_together() {
    let tags = [
        (Tag::Width, vec![2]),
        (Tag::Height, vec![1]),
        (Tag::Bits, vec![8, 8, 8]),
        (Tag::Photometric, vec![2]),
        (Tag::Samples, vec![3]),
        (Tag::Planar, vec![2]),
    ];
    let file = tiff(&tags, &[&[10, 11], &[20, 21], &[30, 31]]);
    for (choice, expected) in [
        (ChannelChoice::Red, [10.0, 11.0]),
        (ChannelChoice::Green, [20.0, 21.0]),
        (ChannelChoice::Blue, [30.0, 31.0]),
    ] {
        assert_eq!(decode_channel(&file, choice).unwrap().0.data, expected);
    }
}

#[test]
fn a_tiff_with_a_colour_table_gives_its_numbers() {
    let mut tags = vec![
        (Tag::Width, vec![3]),
        (Tag::Height, vec![1]),
        (Tag::Bits, vec![8]),
        (Tag::Photometric, vec![3]),
    ];
    tags.push((Tag::ColourMap, (0..768).collect()));
    let file = tiff(&tags, &[&[7, 0, 250]]);
    let (plane, info) = decode(&file).unwrap();
    assert_eq!(plane.data, [7.0, 0.0, 250.0]);
    assert!(info.notes[0].contains("colour table"), "{:?}", info.notes);
    assert_eq!(labels_of(&file).unwrap().data, [7, 0, 250]);
    // A directory that names it twice made reading begin anew without end (found by fuzzing).
    tags.insert(4, (Tag::Photometric, vec![3]));
    let error = decode(&tiff(&tags, &[&[7, 0, 250]])).unwrap_err().to_string();
    assert!(error.contains("says twice"), "{error}");
}

#[test]
fn pages_are_chosen_and_the_first_is_told() {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    for page in 0..3u16 {
        encoder.write_image::<colortype::Gray16>(2, 1, &[100 * page, 7]).unwrap();
    }
    let bytes = out.into_inner();
    let (plane, info) = decode(&bytes).unwrap();
    assert_eq!(plane.data, [0.0, 7.0]);
    assert!(info.notes[0].contains("3 pages"), "{:?}", info.notes);
    let page = |page| plane_from_bytes(Path::new("stack.tif"), &bytes, ChannelChoice::Guess, Some(page));
    let (plane, info) = page(2).unwrap();
    assert_eq!((plane.data, info.page, info.pages), (vec![200.0, 7.0], 2, 3));
    assert!(info.notes.is_empty());
    let error = page(3).unwrap_err().to_string();
    assert!(
        error.contains("stack.tif") && error.contains("3 page(s)") && error.contains("0 to 2"),
        "{error}"
    );
}

#[test]
fn what_was_said_of_other_files_does_not_bind_where_there_is_no_choice() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8], said, others| {
        let path = folder.path().join("image");
        std::fs::write(&path, bytes).unwrap();
        read_plane_as_others(&path, said, others)
    };
    let nothing = Reading::default();
    let green = Reading { channel: ChannelChoice::Green, page: None };
    let colour = encode_png_rgb8(&[200, 100, 50, 10, 20, 30], 2, 1).unwrap();
    let (plane, info) = read(&colour, nothing, green).unwrap();
    assert_eq!((plane.data, info.notes.len()), (vec![100.0, 20.0], 0));
    let red = Reading { channel: ChannelChoice::Red, page: None };
    assert_eq!(read(&colour, red, green).unwrap().0.data, [200.0, 10.0]);
    let grey = grey(8, 1, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(read(&grey, nothing, green).unwrap().0.data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert!(matches!(read(&grey, green, nothing), Err(ImageError::NoSuchChannel { .. })));
    let second = Reading { channel: ChannelChoice::Guess, page: Some(1) };
    assert_eq!(read(&grey, nothing, second).unwrap().0.data[0], 1.0);
    assert!(matches!(read(&grey, second, nothing), Err(ImageError::NoSuchPage { .. })));
}

#[test]
fn channels_are_chosen_or_guessed_and_told() {
    // Two pixels: the channels differ, and all carry signal.
    let colour = encode_png_rgb8(&[200, 100, 50, 10, 20, 30], 2, 1).unwrap();
    let value = |choice| decode_channel(&colour, choice).unwrap().0.data;
    assert_eq!(value(ChannelChoice::Red), [200.0, 10.0]);
    assert_eq!(value(ChannelChoice::Index(1)), [100.0, 20.0]);
    assert_eq!(value(ChannelChoice::Blue), [50.0, 30.0]);
    // 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2; 2.99 + 11.74 + 3.42 = 18.15.
    assert_eq!(value(ChannelChoice::Luminance), [124.2, 18.15]);
    let (plane, info) = decode(&colour).unwrap();
    assert_eq!(plane.data, [124.2, 18.15]);
    assert!(info.notes[0].contains("luminance"), "{:?}", info.notes);
    let error = decode_channel(&colour, ChannelChoice::Index(3)).unwrap_err().to_string();
    assert!(error.contains("3 channel(s)") && error.contains("0 to 2"), "{error}");

    let grey = encode_png_rgb8(&[9, 9, 9, 200, 200, 200], 2, 1).unwrap();
    let (plane, info) = decode(&grey).unwrap();
    assert_eq!(plane.data, [9.0, 200.0]);
    assert!(info.notes[0].contains("read as grey"), "{:?}", info.notes);

    let green = encode_png_rgb8(&[0, 9, 4, 0, 200, 4], 2, 1).unwrap();
    let (plane, info) = decode(&green).unwrap();
    assert_eq!(plane.data, [9.0, 200.0]);
    assert!(info.notes[0].contains("only green"), "{:?}", info.notes);

    // Opacity is no channel of light.
    let mut opaque = Vec::new();
    image::codecs::png::PngEncoder::new(&mut opaque)
        .write_image(&[5, 255, 6, 128], 2, 1, ExtendedColorType::La8)
        .unwrap();
    let (plane, info) = decode(&opaque).unwrap();
    assert_eq!((plane.data, info.channels), (vec![5.0, 6.0], 2));
    assert!(decode_channel(&opaque, ChannelChoice::Index(1)).is_err());
    assert!(decode_channel(&opaque, ChannelChoice::Red).is_err());
}

#[test]
fn jpeg_and_bmp_are_read_by_content() {
    let ramp: Vec<u8> = (0..64 * 32).map(|at| (at % 64 * 4) as u8).collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 98)
        .write_image(&ramp, 64, 32, ExtendedColorType::L8)
        .unwrap();
    let (plane, info) = decode(&jpeg).unwrap();
    assert_eq!((plane.width, plane.height, info.format, info.channels), (64, 32, FileFormat::Jpeg, 1));
    let worst = plane.data.iter().zip(&ramp).map(|(a, &b)| (a - f32::from(b)).abs()).fold(0.0, f32::max);
    assert!(worst <= 4.0, "{worst}");
    assert!(matches!(labels_of(&jpeg), Err(ImageError::LossyLabels { .. })));

    let mut bmp = Cursor::new(Vec::new());
    image::codecs::bmp::BmpEncoder::new(&mut bmp).write_image(&ramp, 64, 32, ExtendedColorType::L8).unwrap();
    // The wrong extension does not mislead.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.png");
    std::fs::write(&path, bmp.into_inner()).unwrap();
    let (plane, info) = read_plane(&path, ChannelChoice::Guess).unwrap();
    assert_eq!(info.format, FileFormat::Bmp);
    assert!(plane.data.iter().zip(&ramp).all(|(a, &b)| *a == f32::from(b)));
}

#[test]
fn values_that_are_no_numbers_are_told_with_their_place() {
    let float: Vec<u8> =
        [0.5f32, 1.0, 2.0, 3.0, f32::NAN, f32::INFINITY].iter().flat_map(|v| v.to_le_bytes()).collect();
    let error = decode(&grey(32, 3, &float)).unwrap_err().to_string();
    assert!(error.contains("(1, 1)") && error.contains("2 pixel(s)"), "{error}");
}

#[test]
fn label_images_that_are_none_are_rejected() {
    let coloured = encode_png_rgb8(&[0, 0, 0, 255, 0, 128], 2, 1).unwrap();
    let error = labels_of(&coloured).unwrap_err().to_string();
    assert!(error.contains("(1, 0) (255, 0, 128)") && error.contains("grey PNG or TIFF"), "{error}");
    // Grey saved as colour is no guess.
    assert_eq!(labels_of(&encode_png_rgb8(&[0, 0, 0, 7, 7, 7], 2, 1).unwrap()).unwrap().data, [0, 7]);
    let float =
        |values: [f32; 6]| grey(32, 3, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    assert_eq!(labels_of(&float([0.0, 1.0, 2.0, 3.0, 70_000.0, 5.0])).unwrap().data, [0, 1, 2, 3, 70_000, 5]);
    for wrong in [1.5, -1.0, f32::NAN, 5e9] {
        let error = labels_of(&float([0.0, 1.0, wrong, 3.0, 4.0, 5.0])).unwrap_err();
        assert!(matches!(error, ImageError::BadLabel { x: 2, y: 0, .. }), "{error}");
    }
}

fn temporary(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(w in 1usize..20, h in 1usize..20, seed: u32) {
        let value = |at: usize| (at as u32 ^ seed).wrapping_mul(2_654_435_761);
        let plane = |modulus: u32| Plane {
            width: w, height: h, data: (0..w * h).map(|at| (value(at) % modulus) as f32).collect(),
        };
        let (_folder, path) = temporary("x.png");
        write_png_grey8(&path, &plane(256)).unwrap();
        prop_assert_eq!(read_plane(&path, ChannelChoice::Guess).unwrap().0, plane(256));
        write_png_grey16(&path, &plane(65536)).unwrap();
        prop_assert_eq!(read_plane(&path, ChannelChoice::Guess).unwrap().0, plane(65536));
        let float = Plane { data: plane(1000).data.iter().map(|v| v / 7.0 - 3.0).collect(), ..plane(1) };
        write_tiff_f32(&path, &float).unwrap();
        prop_assert_eq!(read_plane_page(&path, ChannelChoice::Guess, Some(0)).unwrap().0, float);

        for largest in [200u32, 65_535, u32::MAX] {
            let mut labels = LabelImage { width: w, height: h, data: (0..w * h).map(|at| value(at) % largest).collect() };
            labels.data[0] = largest;
            let written = write_labels(&path, &labels).unwrap();
            prop_assert_eq!(written.extension().unwrap() == "png", largest <= 65_535);
            prop_assert_eq!(read_labels(&written).unwrap(), labels);
        }
    }
}
