//! Draws docs/specimens.png: crops of real fields (Coelho, Shariff and Murphy 2009) on the left, of specimens on
//! the right, each stretched from its percentile 0.5 to 99.8, and two nuclei of each at twice the size.
//!
//! `cargo run --release -p foci-image --example specimens -- ../shared/data/coelho2009 docs/specimens.png`

use std::error::Error;
use std::path::Path;

use foci_image::synth::{SpecimenKind, SpecimenOptions, generate};
use foci_image::{ChannelChoice, LabelImage, Plane, read_labels, read_plane, write_png_grey8};

const WIDTH: usize = 480;
const HEIGHT: usize = 320;
/// Side of a nucleus crop before it is doubled; two of them fill the width.
const NUCLEUS: usize = 120;
/// Nuclei up to this size are shown, the largest of them a little cut.
const WHOLE: usize = 136;
const GAP: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, target] = arguments.as_slice() else {
        return Err("usage: specimens COELHO2009_FOLDER PNG".into());
    };
    let rows = [
        (SpecimenKind::Few, "gnf-00", (400, 290), 12, (380, 420)),
        (SpecimenKind::Many, "ic100-12", (400, 300), 12, (380, 420)),
    ];
    let block = HEIGHT + GAP + 2 * NUCLEUS + GAP;
    let mut page = Plane {
        data: vec![255.0; (2 * WIDTH + GAP) * (2 * block - GAP)],
        ..Plane::zeros(2 * WIDTH + GAP, 2 * block - GAP)
    };
    for (row, (kind, name, real_corner, seed, corner)) in rows.into_iter().enumerate() {
        let file = |folder: &str| Path::new(data).join(folder).join(format!("{name}.png"));
        let (image, _) = read_plane(&file("images"), ChannelChoice::default())?;
        let labels = read_labels(&file("masks"))?;
        draw(&mut page, 0, row * block, &image, &labels, real_corner)?;
        let options = SpecimenOptions { width: 1344, height: 1024, seed, ..SpecimenOptions::of_kind(kind) };
        let specimen = generate(&options)?;
        draw(&mut page, WIDTH + GAP, row * block, &specimen.image, &specimen.labels, corner)?;
    }
    write_png_grey8(Path::new(target), &page)?;
    Ok(())
}

/// Puts a field crop and below it the first two whole nuclei inside the crop.
fn draw(
    page: &mut Plane,
    x: usize,
    y: usize,
    image: &Plane,
    labels: &LabelImage,
    corner: (usize, usize),
) -> Result<(), Box<dyn Error>> {
    let crop = image.rectangle(corner.0, corner.1, WIDTH, HEIGHT).ok_or("the crop leaves the field")?;
    put(page, x, y, &crop, 1);
    let mut found = 0;
    for label in 1..=labels.largest() {
        let inside = (0..labels.data.len()).filter(|&at| labels.data[at] == label);
        let (mut left, mut right, mut top, mut bottom, mut area) = (usize::MAX, 0, usize::MAX, 0, 0);
        for at in inside {
            let (column, row) = (at % labels.width, at / labels.width);
            (left, right) = (left.min(column), right.max(column));
            (top, bottom) = (top.min(row), bottom.max(row));
            area += 1;
        }
        let (cx, cy) = ((left + right) / 2, (top + bottom) / 2);
        let within = cx > corner.0 && cx < corner.0 + WIDTH && cy > corner.1 && cy < corner.1 + HEIGHT;
        if area < 4_000 || !within || right - left > WHOLE || bottom - top > WHOLE {
            continue;
        }
        if let Some(crop) = image.rectangle(cx - NUCLEUS / 2, cy - NUCLEUS / 2, NUCLEUS, NUCLEUS) {
            put(page, x + found * 2 * NUCLEUS, y + HEIGHT + GAP, &crop, 2);
            found += 1;
        }
        if found == 2 {
            break;
        }
    }
    Ok(())
}

/// Stretches `crop` to 0..=255 and puts it on the page, every pixel `zoom` times as large.
fn put(page: &mut Plane, x: usize, y: usize, crop: &Plane, zoom: usize) {
    let mut sorted = crop.data.clone();
    sorted.sort_by(f32::total_cmp);
    let percentile = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
    let (low, high) = (percentile(0.005), percentile(0.998));
    for row in 0..crop.height * zoom {
        for column in 0..crop.width * zoom {
            let value = crop.at(column / zoom, row / zoom);
            page.data[(y + row) * page.width + x + column] =
                255.0 * ((value - low) / (high - low)).clamp(0.0, 1.0);
        }
    }
}
