//! Pixels to pictures: cutting, reducing, grey and colour scales, and packing as PNG in a data address.

use super::ReportError;
use super::input::Region;
use super::svg::nice;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foci_image::Plane;
use serde::Serialize;

/// Steps of the colour scale on either side of zero.
const STEPS: i32 = 15;

/// A picture ready for the page.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// PNG as a data address.
    pub uri: String,
    /// Width in its own pixels.
    pub width: usize,
    /// Height in its own pixels.
    pub height: usize,
}

/// The part of a region that lies in a picture.
pub fn inside(region: Region, plane: &Plane) -> Option<Region> {
    let width = region.width.min(plane.width.checked_sub(region.x)?);
    let height = region.height.min(plane.height.checked_sub(region.y)?);
    (width > 0 && height > 0).then_some(Region { width, height, ..region })
}

/// The pixels of a region, which must lie in the picture.
pub fn cut(plane: &Plane, region: Region) -> Plane {
    let rows = (region.y..region.y + region.height).map(|y| y * plane.width + region.x);
    let data = rows.flat_map(|start| plane.data[start..start + region.width].iter().copied()).collect();
    Plane { width: region.width, height: region.height, data }
}

/// Weighted mean of the values under a dot.
pub fn mean(values: &[(f32, f64)]) -> f32 {
    let (sum, weight) = values
        .iter()
        .fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + f64::from(*value) * weight, total + weight));
    (sum / weight) as f32
}

/// The value of the largest size under a dot, with its sign.
pub fn largest(values: &[(f32, f64)]) -> f32 {
    values
        .iter()
        .map(|(value, _)| *value)
        .fold(0.0, |best, value| if value.abs() > best.abs() { value } else { best })
}

/// Shrinks a picture; `summary` turns the values under a dot, with their shares of it, into one.
pub fn reduce(plane: &Plane, share: f64, summary: fn(&[(f32, f64)]) -> f32) -> Plane {
    let target = |size: usize| ((size as f64 * share).round() as usize).clamp(1, size);
    let (width, height) = (target(plane.width), target(plane.height));
    if (width, height) == (plane.width, plane.height) {
        return Plane { width, height, data: plane.data.clone() };
    }
    let (columns, rows) = (windows(plane.width, width), windows(plane.height, height));
    let mut values = Vec::new();
    let mut data = Vec::with_capacity(width * height);
    for row in &rows {
        for column in &columns {
            values.clear();
            for (y, tall) in row {
                values.extend(column.iter().map(|(x, wide)| (plane.data[y * plane.width + x], tall * wide)));
            }
            data.push(summary(&values));
        }
    }
    Plane { width, height, data }
}

/// For each of `to` dots, the pixels out of `from` that it covers, and how much of each.
fn windows(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let step = from as f64 / to as f64;
    (0..to)
        .map(|dot| {
            let (start, end) = (dot as f64 * step, ((dot + 1) as f64 * step).min(from as f64));
            (start as usize..(end.ceil() as usize).min(from))
                .map(|pixel| (pixel, end.min(pixel as f64 + 1.0) - start.max(pixel as f64)))
                .filter(|(_, share)| *share > 1e-9)
                .collect()
        })
        .collect()
}

/// Smallest and largest finite value; 0 and 1 if they do not differ.
pub fn extremes(plane: &Plane) -> (f32, f32) {
    let finite = plane.data.iter().copied().filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if high > low { (low, high) } else { (0.0, 1.0) }
}

/// A round difference that 99.5 % of all dots stay within.
pub fn difference_scale<'p>(differences: impl Iterator<Item = &'p Plane>) -> f64 {
    let mut sizes: Vec<f32> = differences
        .flat_map(|plane| plane.data.iter().map(|value| value.abs()))
        .filter(|size| size.is_finite())
        .collect();
    sizes.sort_by(f32::total_cmp);
    let largest = sizes.get(sizes.len() * 995 / 1000).copied().unwrap_or(0.0);
    if largest > 0.0 { nice(f64::from(largest)) } else { 0.1 }
}

/// Grey picture; `low` becomes black and `high` white, what lies outside is clipped.
pub fn grey(plane: &Plane, low: f32, high: f32) -> Result<Picture, ReportError> {
    // Casting to u8 saturates, and turns what is not a number into black.
    let bytes: Vec<u8> =
        plane.data.iter().map(|value| ((value - low) / (high - low) * 255.0).round() as u8).collect();
    png((plane.width, plane.height), &bytes, &Kind::Grey)
}

/// Picture of red, green and blue of each pixel.
pub fn colours(pixels: &[u8], width: usize, height: usize) -> Result<Picture, ReportError> {
    png((width, height), pixels, &Kind::Colours)
}

/// How the bytes of a picture are meant.
enum Kind<'p> {
    /// A byte for each pixel.
    Grey,
    /// Red, green and blue of each pixel.
    Colours,
    /// An entry of a palette: its colours and their opacities.
    Palette(&'p [u8], &'p [u8]),
}

/// Difference map: transparent at zero, so that zero has the colour of the page; orange above, blue below.
pub fn coloured(plane: &Plane, scale: f64) -> Result<Picture, ReportError> {
    let level = |value: f32| {
        let step =
            (f64::from(value) / scale * f64::from(STEPS)).round().clamp(f64::from(-STEPS), f64::from(STEPS));
        (step as i32 + STEPS) as u8
    };
    let bytes: Vec<u8> = plane.data.iter().map(|value| level(*value)).collect();
    let mut colours = Vec::new();
    let mut opacities = Vec::new();
    for step in -STEPS..=STEPS {
        colours.extend(if step < 0 { BELOW } else { ABOVE });
        opacities.push((255 * step.abs() / STEPS) as u8);
    }
    png((plane.width, plane.height), &bytes, &Kind::Palette(&colours, &opacities))
}

/// Colour of the lower end of the difference scale (too dark).
const BELOW: [u8; 3] = [38, 102, 207];
/// Colour of the upper end of the difference scale (too bright).
const ABOVE: [u8; 3] = [230, 110, 10];

fn png((width, height): (usize, usize), bytes: &[u8], kind: &Kind) -> Result<Picture, ReportError> {
    let mut file = Vec::new();
    let size = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut file, size(width), size(height));
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    match *kind {
        Kind::Grey => {
            encoder.set_color(png::ColorType::Grayscale);
            encoder.set_filter(png::Filter::Adaptive);
        }
        Kind::Colours => {
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_filter(png::Filter::Adaptive);
        }
        Kind::Palette(colours, opacities) => {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(colours);
            encoder.set_trns(opacities);
            encoder.set_filter(png::Filter::NoFilter);
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    let uri = format!("data:image/png;base64,{}", STANDARD.encode(&file));
    Ok(Picture { uri, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(width: usize, height: usize, data: &[f32]) -> Plane {
        Plane { width, height, data: data.to_vec() }
    }

    #[test]
    fn reducing_by_means_keeps_the_mean_and_by_largest_keeps_the_peak() {
        let wide = plane(4, 1, &[0.0, 2.0, -5.0, 1.0]);
        assert_eq!(reduce(&wide, 0.5, mean).data, [1.0, -2.0]);
        assert_eq!(reduce(&wide, 0.5, largest).data, [2.0, -5.0]);
        // Three pixels onto two dots: each dot covers one and a half.
        let three = reduce(&plane(3, 1, &[3.0, 6.0, 9.0]), 0.67, mean);
        assert_eq!(three.data, [4.0, 8.0]);
    }

    #[test]
    fn a_region_is_cut_to_the_picture() {
        let picture = plane(3, 2, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let region = inside(Region { x: 1, y: 1, width: 9, height: 9 }, &picture);
        assert_eq!(region, Some(Region { x: 1, y: 1, width: 2, height: 1 }));
        assert_eq!(region.map(|region| cut(&picture, region).data), Some(vec![4.0, 5.0]));
        assert_eq!(inside(Region { x: 3, y: 0, width: 1, height: 1 }, &picture), None);
        assert_eq!(inside(Region { x: 7, y: 0, width: 1, height: 1 }, &picture), None);
    }

    #[test]
    fn a_png_reads_back_as_it_was_written() {
        let picture = grey(&plane(3, 1, &[-1.0, 0.5, f32::NAN]), 0.0, 1.0).unwrap();
        let file = STANDARD.decode(picture.uri.trim_start_matches("data:image/png;base64,")).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, [0, 128, 0]);
    }

    #[test]
    fn the_scale_is_round_and_ignores_single_outliers() {
        let mut data = vec![0.13; 999];
        data.push(40.0);
        assert!((difference_scale([plane(1000, 1, &data)].iter()) - 0.2).abs() < 1e-9);
        assert!((difference_scale([].iter()) - 0.1).abs() < 1e-9);
    }
}
