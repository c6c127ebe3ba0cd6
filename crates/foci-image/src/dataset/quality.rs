//! Fields that are blank, saturated or out of focus, by measures that can be told.
//!
//! *Blank*: all pixels have one value. *Saturated*: share of pixels at the largest count that the camera
//! can give, read off the bit depth and the largest count found. *Sharpness*: how much of a field's
//! contrast is fine detail, see [`sharpness`].

use std::collections::BTreeMap;

use super::{Field, Intensity};
use crate::normalise::{HIGH_PERCENTILE, LOW_PERCENTILE, percentiles};
use crate::{ImageInfo, Plane};

/// A field with more saturated pixels than this is named in a note.
pub const SATURATED_NOTE: f64 = 0.01;
/// A field whose sharpness is below this share of its collection's median is named in a note.
pub const BLURRED: f64 = 0.5;

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

/// Sharpness: the standard deviation of detail of about 2 to 4 pixels over that of detail of about 4 to
/// 16 pixels.
///
/// The field is smoothed three times with growing binomials (the à trous scheme); the two measures are
/// the differences of consecutive smoothings. Both are contrasts of the same field, so brightness cancels;
/// the finest level, which is mostly camera noise, is left out. Related to the energy ratios that
/// Pertuz et al. 2013 ("Analysis of focus measure operators") compare; the number means something only
/// among fields of one kind. 0 for a blank field.
pub fn sharpness(plane: &Plane) -> f64 {
    // Without its finest level; the steps of 1, 2, 4 double the reach each time.
    let levels: Vec<Plane> = [1, 2, 4, 8]
        .iter()
        .scan(plane.clone(), |level, &step| {
            *level = smooth(level, step);
            Some(level.clone())
        })
        .collect();
    let fine = difference(&levels[0], &levels[1]);
    let coarse = difference(&levels[1], &levels[3]);
    if coarse > 0.0 { fine / coarse } else { 0.0 }
}

/// Binomial 1-2-1 smoothing in both directions with `step` pixels between its taps; the border pixel
/// repeats outwards.
fn smooth(plane: &Plane, step: usize) -> Plane {
    let (w, h) = (plane.width, plane.height);
    let mut across = Plane::zeros(w, h);
    for (from, to) in plane.data.chunks_exact(w).zip(across.data.chunks_exact_mut(w)) {
        for x in 0..w {
            let (left, right) = (from[x.saturating_sub(step)], from[(x + step).min(w - 1)]);
            to[x] = 0.25 * (left + right) + 0.5 * from[x];
        }
    }
    let mut out = Plane::zeros(w, h);
    for (y, to) in out.data.chunks_exact_mut(w).enumerate() {
        let row = |y: usize| &across.data[y * w..(y + 1) * w];
        let (above, here, below) = (row(y.saturating_sub(step)), row(y), row((y + step).min(h - 1)));
        for x in 0..w {
            to[x] = 0.25 * (above[x] + below[x]) + 0.5 * here[x];
        }
    }
    out
}

/// Root mean square of the difference.
fn difference(a: &Plane, b: &Plane) -> f64 {
    let sum: f64 = a.data.iter().zip(&b.data).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / a.data.len().max(1) as f64).sqrt()
}

/// Fields whose sharpness is below [`BLURRED`] times the median of their collection (at least five fields
/// whose names differ in their number only).
pub(super) fn blurred(fields: &[Field]) -> Vec<usize> {
    let mut collections: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, field) in fields.iter().enumerate() {
        collections.entry(collection(&field.name)).or_default().push(index);
    }
    let mut blurred = Vec::new();
    for members in collections.values().filter(|members| members.len() >= 5) {
        let mut values: Vec<f64> = members.iter().map(|&index| fields[index].intensity.sharpness).collect();
        values.sort_by(f64::total_cmp);
        let median = values[values.len() / 2];
        blurred.extend(members.iter().filter(|&&i| fields[i].intensity.sharpness < BLURRED * median));
    }
    blurred.sort_unstable();
    blurred
}

/// The part of a name before its last `-<digits>`; the whole name if it has no such end.
pub(crate) fn collection(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((start, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => start,
        _ => name,
    }
}
