//! Cutting tiles changes no value, whatever kind of file the fields are.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, images_in};
use std::fs;
use std::path::{Path, PathBuf};
use tiff::decoder::{Decoder, DecodingResult};
use tiff::encoder::colortype::{ColorType, Gray32Float, GrayI16};
use tiff::encoder::{TiffEncoder, TiffValue};

/// Pixels of a field, which is one tile.
const PIXELS: i16 = 64 * 64;

/// Writes a TIFF of 64 x 64 pixels, creating its folder.
fn write<C: ColorType>(path: &Path, values: &[C::Inner])
where
    [C::Inner]: TiffValue,
{
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    encoder.write_image::<C>(64, 64, values).unwrap();
}

/// The tiles of a folder.
fn cut(place: &Workplace, name: &str) -> Vec<PathBuf> {
    let tiles = format!("{name}-tiles");
    foci(&["data", "tile", &place.text(name), "--tile", "64x64", "--out", &place.text(&tiles)]).succeeds();
    images_in(&place.path(&tiles).join("images"))
}

/// Values of a TIFF of floats.
fn floats(path: &Path) -> Vec<f32> {
    match Decoder::new(fs::File::open(path).unwrap()).unwrap().read_image().unwrap() {
        DecodingResult::F32(values) => values,
        _ => panic!("no floats in {}", path.display()),
    }
}

#[test]
fn floats_stay_floats_and_whole_numbers_of_floats_become_counts() {
    let place = Workplace::new();
    let scaled: Vec<f32> = (0..PIXELS).map(|at| f32::from(at % 100) / 100.0).collect();
    write::<Gray32Float>(&place.path("scaled/a.tif"), &scaled);
    assert_eq!(floats(&cut(&place, "scaled")[0]), scaled);

    let whole: Vec<f32> = (0..PIXELS).map(|at| f32::from(at % 3000)).collect();
    write::<Gray32Float>(&place.path("whole/a.tif"), &whole);
    let counts = image::open(&cut(&place, "whole")[0]).unwrap().into_luma16();
    assert!(counts.pixels().zip(&whole).all(|(count, &value)| f32::from(count[0]) == value));

    // One field of floats makes all tiles floats.
    write::<Gray32Float>(&place.path("mixed/a.tif"), &scaled);
    let grey = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x + 2 * y) as u8]));
    grey.save(place.path("mixed/b.png")).unwrap();
    let tiles = cut(&place, "mixed");
    assert_eq!(floats(&tiles[0]), scaled);
    assert!(floats(&tiles[1]).iter().zip(grey.pixels()).all(|(&value, grey)| value == f32::from(grey[0])));
}

#[test]
fn negative_values_stay_negative() {
    let place = Workplace::new();
    let signed: Vec<i16> = (0..PIXELS).map(|at| at % 300 - 100).collect();
    write::<GrayI16>(&place.path("signed/a.tif"), &signed);
    let expected: Vec<f32> = signed.iter().map(|&value| f32::from(value)).collect();
    assert_eq!(floats(&cut(&place, "signed")[0]), expected);
}

#[test]
fn luminance_is_not_rounded() {
    let place = Workplace::new();
    fs::create_dir(place.path("colour")).unwrap();
    let colour = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8, y as u8, (x * y % 251) as u8]));
    colour.save(place.path("colour/a.png")).unwrap();
    for (image::Rgb(rgb), found) in colour.pixels().zip(floats(&cut(&place, "colour")[0])) {
        let [red, green, blue] = rgb.map(f64::from);
        let expected = 0.299 * red + 0.587 * green + 0.114 * blue;
        assert!((f64::from(found) - expected).abs() < 1e-4, "{found} for {expected}");
    }
}
