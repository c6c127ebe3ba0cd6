//! Sizes at which a net is shown an image, and its maps brought back to the size of the image.
//!
//! A net knows objects of the sizes that it has learnt from. An image whose objects are twice as large is shown at half its size; one with objects of all
//! sizes at several, and the maps are averaged. Inside or not, how deep from 0 to 1, of which class: that does not depend on size. But contacts between objects
//! are so many pixels wide as shown, and how objects are separated (prominence, smoothing) was chosen for images as they are and is used as it is.
//!
//! Images and maps are made smaller by a whole factor as a camera bins pixels, and by what is left (less than 2) bilinearly, as crops are in training.

use crate::binning::binned;
use foci_image::Plane;
use foci_image::bilinear::{Between, between, blend};
use std::str::FromStr;

/// The smallest and the largest factor: beyond, a net would be shown too few pixels, or nothing but blur.
pub(crate) const LIMITS: [f64; 2] = [0.05, 8.0];

/// At least one factor of size, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Scales(Vec<f64>);

impl Default for Scales {
    /// Images as they are.
    fn default() -> Scales {
        Scales(vec![1.0])
    }
}

impl FromStr for Scales {
    type Err = String;

    /// Factors with commas between them (`0.7,1,1.4`), each once, in any order.
    fn from_str(text: &str) -> Result<Scales, String> {
        let [least, most] = LIMITS;
        let factor = |part: &str| match part.trim().parse::<f64>() {
            Ok(factor) if (least..=most).contains(&factor) => Ok(factor),
            _ => Err(format!("'{part}' is no factor from {least} to {most}; give such as 0.5 or 0.7,1,1.4")),
        };
        let mut factors: Vec<f64> = text.split(',').map(factor).collect::<Result<_, _>>()?;
        factors.sort_by(f64::total_cmp);
        match factors.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(Scales(factors)),
            Some(pair) => Err(format!("{} stands twice; give each factor once", pair[0])),
        }
    }
}

impl Scales {
    /// The factors.
    pub fn factors(&self) -> &[f64] {
        &self.0
    }

    /// An area that is `area_px` as images are shown, in pixels of the image; at several sizes as shown at their geometric mean. A pixel at least.
    pub fn area_in_image(&self, area_px: usize) -> usize {
        let product: f64 = self.0.iter().product();
        let factor = product.powf(1.0 / self.0.len() as f64);
        ((area_px as f64 / factor.powi(2)).round() as usize).max(1)
    }

    /// Whether images are shown as they are, and only so.
    pub fn are_one(&self) -> bool {
        self.0 == [1.0]
    }
}

/// Columns and rows of an image that is shown at `factor` of its size: one of each at least, if it has any.
pub(crate) fn shown_size(image: &Plane, factor: f64) -> [usize; 2] {
    [image.width, image.height].map(|side| ((side as f64 * factor).round() as usize).max(side.min(1)))
}

/// The image at `factor` of its size.
pub(crate) fn shown(image: &Plane, factor: f64) -> Plane {
    let [width, height] = shown_size(image, factor);
    let mut shown = Plane::zeros(width, height);
    resize(image, [width, height], 1.0 / factor, &mut shown.data);
    shown
}

/// Maps of `from` columns and rows, one after the other, that were made of an image shown at `factor` of its size, `to`.
pub(crate) fn brought_back(maps: &[f32], from: [usize; 2], to: [usize; 2], factor: f64) -> Vec<f32> {
    let [width, height] = from;
    let maps = maps.chunks_exact((width * height).max(1));
    let mut back = vec![0.0; maps.len() * to[0] * to[1]];
    for (out, map) in back.chunks_exact_mut((to[0] * to[1]).max(1)).zip(maps) {
        resize(&Plane { width, height, data: map.to_vec() }, to, factor, out);
    }
    back
}

/// An image at another size, its new pixels `step` old ones apart; the upper left corners of both coincide, and what lies beyond the last pixel centre is as
/// that pixel.
fn resize(image: &Plane, [width, height]: [usize; 2], step: f64, out: &mut [f32]) {
    let by = (step as usize).max(1);
    let coarse = if by > 1 { &binned(image, by) } else { image };
    let along = |new: usize, old: usize| -> Vec<Between> {
        (0..new).map(|at| between((at as f64 + 0.5) * step / by as f64 - 0.5, old)).collect()
    };
    blend(&coarse.data, coarse.width, &along(width, coarse.width), &along(height, coarse.height), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_read_in_any_order_and_each_once() {
        assert_eq!("1.4, 0.7,1".parse::<Scales>().unwrap().factors(), [0.7, 1.0, 1.4]);
        assert!("1".parse::<Scales>().unwrap().are_one() && Scales::default().are_one());
        let area = |scales: &str, area: usize| scales.parse::<Scales>().unwrap().area_in_image(area);
        // At half the size a pixel is four of the image; 2 and 0.5 are 1 in the middle.
        assert_eq!([area("0.5", 30), area("1", 30), area("0.5,2", 30), area("8", 30)], [120, 30, 30, 1]);
        for (text, reason) in [
            ("", "'' is no factor"),
            ("0", "'0' is no factor from 0.05 to 8"),
            ("nan", "'nan'"),
            ("1,,2", "''"),
            ("9", "'9'"),
            ("2,1,2", "2 stands twice"),
        ] {
            assert!(text.parse::<Scales>().unwrap_err().contains(reason), "{text}");
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_at_every_size_and_comes_back() {
        let (width, height) = (25, 13);
        let ramp = |at: usize| 3.0 * (at % width) as f32 - 2.0 * (at / width) as f32;
        let image = Plane { width, height, data: (0..width * height).map(ramp).collect() };
        for (factor, size) in
            [(0.5, [13, 7]), (0.25, [6, 3]), (0.7, [18, 9]), (1.0, [25, 13]), (2.0, [50, 26])]
        {
            let small = shown(&image, factor);
            assert_eq!([small.width, small.height], size);
            let back = brought_back(&small.data, size, [width, height], factor);
            // At the edges the outermost pixel centres have no further neighbour.
            let edge = (1.5 / factor).ceil() as usize;
            for at in 0..width * height {
                let inside = |place: usize, whole: usize| place >= edge && place + edge < whole;
                if inside(at % width, width) && inside(at / width, height) {
                    assert!((back[at] - image.data[at]).abs() < 1e-3, "{factor}: {at}");
                }
            }
        }
    }

    #[test]
    fn what_is_finer_than_the_new_pixels_is_averaged_and_not_picked() {
        let columns = Plane { width: 12, height: 6, data: (0..72).map(|at| (at % 3) as f32).collect() };
        assert_eq!(shown(&columns, 1.0 / 3.0), Plane { width: 4, height: 2, data: vec![1.0; 8] });
        // On the way back, too.
        assert_eq!(brought_back(&columns.data, [12, 6], [4, 2], 3.0), [1.0; 8]);
        assert_eq!(shown(&Plane::zeros(3, 1), 0.05), Plane::zeros(1, 1));
        assert_eq!(shown(&Plane::zeros(0, 0), 0.5), Plane::zeros(0, 0));
    }
}
