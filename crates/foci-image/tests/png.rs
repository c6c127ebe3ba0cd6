//! PNG files that the encoders at hand do not write: interlaced ones, and ones with transparent colours.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use foci_image::read::plane_from_bytes;
use foci_image::{ChannelChoice, ImageError, ImageInfo, Plane, read_labels};

/// Colour types of the format (PNG specification, third edition, 11.2.1).
const GREY: u8 = 0;
const COLOUR: u8 = 2;
const TABLE: u8 = 3;

/// The checksum of a chunk (PNG specification, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    };
    !bytes.iter().fold(u32::MAX, step)
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind.as_slice(), data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// One stored block of a zlib stream (RFC 1950 and 1951).
fn stored(data: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let length = data.len() as u16;
    let head = [&[0x78, 0x01, 0x01][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    [&head[..], data, &(b << 16 | a).to_be_bytes()].concat()
}

/// A file of `rows` as they are stored, each behind its filter byte, with chunks before them.
fn png(
    (width, height): (u32, u32),
    (bits, colour, interlaced): (u8, u8, bool),
    before: &[(&[u8; 4], &[u8])],
    rows: &[u8],
) -> Vec<u8> {
    let tail = [bits, colour, 0, 0, u8::from(interlaced)];
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &tail].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &header));
    for (kind, data) in before {
        file.extend(chunk(kind, data));
    }
    file.extend(chunk(b"IDAT", &stored(rows)));
    file.extend(chunk(b"IEND", &[]));
    file
}

fn decode(bytes: &[u8]) -> Result<(Plane, ImageInfo), ImageError> {
    plane_from_bytes(Path::new("test.png"), bytes, ChannelChoice::Guess, None)
}

/// 5 x 3 pixels of values 10 y + x, in the order of the seven passes (specification, 8.2).
const PASSES: [u8; 22] = [
    0, 0, // column 0 of row 0
    0, 4, // column 4
    0, 2, // column 2
    0, 20, 22, 24, // even columns of row 2
    0, 1, 3, 0, 21, 23, // odd columns of rows 0 and 2
    0, 10, 11, 12, 13, 14, // row 1
];

#[test]
fn interlaced_pixels_go_where_they_belong() {
    let file = png((5, 3), (8, GREY, true), &[], &PASSES);
    let values = [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24];
    let (plane, info) = decode(&file).unwrap();
    assert_eq!((plane.width, plane.height, info.bits), (5, 3, 8));
    assert_eq!(plane.data, values.map(|value| value as f32));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.png");
    std::fs::write(&path, &file).unwrap();
    assert_eq!(read_labels(&path).unwrap().data, values.map(|value| value as u32));
    // The last pass is missing.
    assert!(decode(&png((5, 3), (8, GREY, true), &[], &PASSES[..16])).is_err());
}

#[test]
fn what_is_transparent_keeps_its_light() {
    let of = |bits, transparent: &[u8], rows: &[u8]| {
        decode(&png((2, 1), (bits, GREY, false), &[(b"tRNS", transparent)], rows)).unwrap()
    };
    assert_eq!(of(8, &[0, 7], &[0, 7, 200]).0.data, [7.0, 200.0]);
    assert_eq!(of(16, &[1, 0], &[0, 1, 0, 2, 3]).0.data, [256.0, 515.0]);
    let (plane, info) = of(4, &[0, 15], &[0, 0xf3]);
    assert_eq!((plane.data, info.bits), (vec![15.0, 3.0], 4));

    let red = [0, 200, 0, 0, 10, 0, 0];
    let clear = [0, 200, 0, 0, 0, 0];
    let (plane, info) = decode(&png((2, 1), (8, COLOUR, false), &[(b"tRNS", &clear)], &red)).unwrap();
    // Opacity is one more channel, as in files that have one.
    assert_eq!((plane.data, info.channels), (vec![200.0, 10.0], 4), "only red has signal");

    // Two greys of a table, the first of which is transparent.
    let table: [(&[u8; 4], &[u8]); 2] = [(b"PLTE", &[30, 30, 30, 90, 90, 90]), (b"tRNS", &[0])];
    let (plane, info) = decode(&png((2, 1), (8, TABLE, false), &table, &[0, 1, 0])).unwrap();
    assert_eq!(plane.data, [90.0, 30.0]);
    assert!(info.notes.iter().any(|note| note.contains("read as grey")), "{:?}", info.notes);
}
