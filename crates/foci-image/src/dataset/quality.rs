//! Fields that are blank, saturated or out of focus, by measures that can be told.
//!
//! *Blank*: all pixels have one value. *Saturated*: share of pixels at the largest count that the camera
//! can give, read off the bit depth and the largest count found. *Sharpness*: fine detail beyond noise, see
//! [`sharpness`].

use super::Intensity;
use crate::normalise::{HIGH_PERCENTILE, LOW_PERCENTILE, percentiles};
use crate::{ImageInfo, Plane};

/// A field with more saturated pixels than this is named in a note.
pub const SATURATED_NOTE: f64 = 0.01;
/// A field with less [`sharpness`] than this is named in a note.
pub const BLURRED: f64 = 0.1;

/// Measures one field's intensities in raw counts.
pub fn intensity(plane: &Plane, info: &ImageInfo) -> Intensity {
    let found = percentiles(&plane.data, &[0.0, LOW_PERCENTILE, 50.0, HIGH_PERCENTILE, 100.0]);
    let count = plane.data.len().max(1) as f64;
    let top = saturation_level(found[4], info);
    Intensity {
        minimum: found[0],
        low: found[1],
        median: found[2],
        high: found[3],
        maximum: found[4],
        mean: plane.data.iter().map(|&v| f64::from(v)).sum::<f64>() / count,
        saturated: plane.data.iter().filter(|&&v| f64::from(v) >= top).count() as f64 / count,
        sharpness: sharpness(plane),
    }
}

/// The count at which a pixel is taken for saturated. Cameras of 10 to 15 bits write 16-bit files, so there
/// a largest count of 1023, 4095, .. is taken for the camera's limit. For 32 bits and floats, where the
/// limit cannot be known, it is the largest value of the field.
fn saturation_level(maximum: f64, info: &ImageInfo) -> f64 {
    match info.bits {
        bits @ 1..=8 if !info.float => f64::from((1u32 << bits) - 1),
        16 if !info.float => (10..16)
            .map(|bits| f64::from((1u32 << bits) - 1))
            .find(|&limit| limit == maximum)
            .unwrap_or(f64::from(u16::MAX)),
        _ => maximum,
    }
}

/// Sharpness: by how much the detail of about 2 to 4 pixels exceeds what camera noise alone would leave
/// there.
///
/// The field is smoothed twice by a growing binomial (the à trous scheme with the kernel 1-2-1). With `n²`
/// the mean square of what the first smoothing takes away (the finest detail, and noise) and `f²` that of
/// the second, sharpness is `f² / (k n²) - 1`, with `k` = [`NOISE_PASSED`] what white noise gives. So 0
/// means nothing but noise (out of focus, or empty), whatever the brightness, gain and noise of the
/// camera; negative values become 0. A blurred field without any noise (computed, or smoothed by
/// compression) is not recognised: its finest differences vanish too. 0 for a blank field. Of the kind of
/// focus measure that Pertuz et al. 2013 ("Analysis of focus measure operators for shape-from-focus")
/// compare as energy ratios of wavelet bands.
pub fn sharpness(plane: &Plane) -> f64 {
    let first = smooth(plane, 1);
    let second = smooth(&first, 2);
    let (noise, fine) = (mean_square(plane, &first), mean_square(&first, &second));
    if noise > 0.0 { (fine / (NOISE_PASSED * noise) - 1.0).max(0.0) } else { 0.0 }
}

/// White noise in the second difference over that in the first, as mean squares. With `h` = 1-2-1 / 4 and
/// `g` = 1-2-3-4-3-2-1 / 16 in each direction: (Σh² - 2 Σhg + Σg²) / (1 - 2 h₀ + Σh²)
/// = (0.140625 - 2 · 0.0478515625 + 0.029541015625) / (1 - 2 · 0.25 + 0.140625).
pub const NOISE_PASSED: f64 = 0.074462890625 / 0.640625;

/// Binomial 1-2-1 smoothing in both directions with `step` pixels between its taps; the border pixel
/// repeats outwards.
fn smooth(plane: &Plane, step: usize) -> Plane {
    let (w, h) = (plane.width, plane.height);
    let mut across = Plane::zeros(w, h);
    for (from, to) in plane.data.chunks_exact(w).zip(across.data.chunks_exact_mut(w)) {
        let border = step.min(w);
        for x in (0..border).chain((w - border).max(border)..w) {
            let (left, right) = (from[x.saturating_sub(step)], from[(x + step).min(w - 1)]);
            to[x] = 0.25 * (left + right) + 0.5 * from[x];
        }
        // Where no tap reaches outside, plain slices let the loop be vectorised.
        if w > 2 * step {
            let taps = from.iter().zip(&from[step..]).zip(&from[2 * step..]);
            for (to, ((left, centre), right)) in to[step..].iter_mut().zip(taps) {
                *to = 0.25 * (left + right) + 0.5 * centre;
            }
        }
    }
    let mut out = Plane::zeros(w, h);
    for (y, to) in out.data.chunks_exact_mut(w).enumerate() {
        let row = |y: usize| &across.data[y * w..(y + 1) * w];
        let taps = row(y.saturating_sub(step)).iter().zip(row(y)).zip(row((y + step).min(h - 1)));
        for (to, ((above, here), below)) in to.iter_mut().zip(taps) {
            *to = 0.25 * (above + below) + 0.5 * here;
        }
    }
    out
}

/// Mean square of the difference; summed row by row, each row in `f32`, the rows in `f64`.
fn mean_square(a: &Plane, b: &Plane) -> f64 {
    let row =
        |(a, b): (&[f32], &[f32])| f64::from(a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>());
    let rows = a.data.chunks_exact(a.width).zip(b.data.chunks_exact(b.width));
    rows.map(row).sum::<f64>() / a.data.len().max(1) as f64
}

/// The part of a name before its last `-<digits>`: fields that differ in their number only are of one
/// collection. The whole name if it has no such end.
pub(crate) fn collection(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((start, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => start,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crop::{below, generator};
    use crate::read::FileFormat;

    fn info(bits: u8, float: bool) -> ImageInfo {
        let format = FileFormat::Tiff;
        let (width, height, channels, pages, page, notes) = (2, 2, 1, 1, 0, Vec::new());
        ImageInfo {
            format,
            width,
            height,
            channels,
            several_channels: false,
            bits,
            float,
            pages,
            page,
            notes,
        }
    }

    #[test]
    fn white_noise_has_no_sharpness_and_a_sharp_edge_has() {
        let mut random = generator(5, 0);
        let mut noise = || (below(&mut random, 1000) as f32 + below(&mut random, 1000) as f32) / 100.0;
        let (w, h) = (400, 300);
        let flat = Plane { width: w, height: h, data: (0..w * h).map(|_| 100.0 + noise()).collect() };
        assert!(sharpness(&flat) < BLURRED, "{}", sharpness(&flat));
        let mut edges = flat.clone();
        for (at, value) in edges.data.iter_mut().enumerate() {
            *value += if at % w / 20 % 2 == 0 { 60.0 } else { 0.0 };
        }
        assert!(sharpness(&edges) > 1.0, "{}", sharpness(&edges));
        assert_eq!(sharpness(&Plane::zeros(9, 7)), 0.0);
    }

    #[test]
    fn smoothing_is_one_two_one_and_repeats_the_border() {
        let plane = Plane { width: 5, height: 1, data: vec![0.0, 0.0, 8.0, 0.0, 4.0] };
        // The same row above and below leaves only the smoothing across.
        assert_eq!(smooth(&plane, 1).data, [0.0, 2.0, 4.0, 3.0, 3.0]);
        assert_eq!(smooth(&plane, 2).data, [2.0, 0.0, 5.0, 1.0, 5.0]);
        let column = Plane { width: 1, height: 5, data: plane.data.clone() };
        assert_eq!(smooth(&column, 2).data, smooth(&plane, 2).data);
        assert_eq!(smooth(&column, 9).data, [1.0, 1.0, 5.0, 1.0, 3.0]);
    }

    #[test]
    fn saturation_is_counted_at_the_cameras_limit() {
        let share = |data: [f32; 4], bits, float| {
            intensity(&Plane { width: 2, height: 2, data: data.to_vec() }, &info(bits, float)).saturated
        };
        assert_eq!(share([255.0, 3.0, 255.0, 0.0], 8, false), 0.5);
        assert_eq!(share([254.0, 3.0, 254.0, 0.0], 8, false), 0.0);
        assert_eq!(share([4095.0, 4095.0, 4095.0, 7.0], 16, false), 0.75);
        assert_eq!(share([4094.0, 4094.0, 4094.0, 7.0], 16, false), 0.0);
        assert_eq!(share([65535.0, 1.0, 2.0, 3.0], 16, false), 0.25);
        assert_eq!(share([0.5, 0.5, 0.25, 0.125], 32, true), 0.5);
    }

    #[test]
    fn a_collection_is_a_name_without_its_number() {
        assert_eq!(collection("ic100-25"), "ic100");
        assert_eq!(collection("a-b-7"), "a-b");
        assert_eq!(collection("te_0114f484a16c"), "te_0114f484a16c");
        assert_eq!(collection("last-"), "last-");
    }
}
