//! Shape and brightness of each object of a label image.
//!
//! For the pixels of one label, connected or not, with centres `(x, y)` in pixels from the top left one:
//!
//! - area: their number, square pixels; centroid: the mean of their centres, pixels;
//! - perimeter, pixels: the border pixels of the object (those with a neighbour above, below, left or right that is not of it; what lies
//!   outside of the image is not) are counted as 1, sqrt 2 or (1 + sqrt 2) / 2 by how the line through them goes on (Benkrid and
//!   Crookes 2000, Design and FPGA implementation of a perimeter estimator; scikit-image's `perimeter`);
//! - eccentricity: `sqrt(1 - l2 / l1)` with the eigenvalues `l1 >= l2` of the covariance of the centres: that of the ellipse with
//!   the same second moments; 0 for a circle, towards 1 for a line;
//! - solidity: area by that of the convex hull of the pixels as unit squares; 1 for whatever has no dent, a single pixel too. scikit-image counts the
//!   pixels whose centres lie in the hull of the midpoints of their sides instead, a smaller hull: its solidity is some percent higher, for small objects most;
//! - mean and total intensity, in the unit of the image.

use crate::{ImageView, LabelView, MeasureError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;

/// What one object looks like. Units and formulas: [`shape`](self).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shape {
    /// Its number in the label image.
    pub label: u32,
    /// Square pixels.
    pub area: usize,
    /// Mean column, pixels.
    pub centroid_x: f64,
    /// Mean row, pixels.
    pub centroid_y: f64,
    /// Pixels.
    pub perimeter: f64,
    /// 0 to 1.
    pub eccentricity: f64,
    /// 0 to 1.
    pub solidity: f64,
    /// Mean of the image over the object.
    pub mean_intensity: f64,
    /// Sum of the image over the object.
    pub total_intensity: f64,
}

/// Shapes of all objects, by ascending label.
///
/// # Errors
/// [`MeasureError::SizesDiffer`] if image and labels do not lie on top of each other.
pub fn shapes(labels: LabelView<'_>, image: ImageView<'_>) -> Result<Vec<Shape>, MeasureError> {
    let (width, height) = (labels.width(), labels.height());
    crate::view::expect_size(image.width(), image.height(), width, height, "the image of the objects")?;
    let mut pixels: BTreeMap<u32, Vec<(i64, i64)>> = BTreeMap::new();
    for (at, &label) in labels.labels().iter().enumerate().filter(|&(_, &label)| label != 0) {
        pixels.entry(label).or_default().push(((at % width) as i64, (at / width) as i64));
    }
    Ok(pixels.into_iter().map(|(label, pixels)| shape(labels, image, label, &pixels)).collect())
}

fn shape(labels: LabelView<'_>, image: ImageView<'_>, label: u32, pixels: &[(i64, i64)]) -> Shape {
    let count = pixels.len() as f64;
    let mean = |value: &dyn Fn(f64, f64) -> f64| {
        pixels.iter().map(|&(x, y)| value(x as f64, y as f64)).sum::<f64>() / count
    };
    let (centroid_x, centroid_y) = (mean(&|x, _| x), mean(&|_, y| y));
    let (xx, yy, xy) = (
        mean(&|x, _| (x - centroid_x).powi(2)),
        mean(&|_, y| (y - centroid_y).powi(2)),
        mean(&|x, y| (x - centroid_x) * (y - centroid_y)),
    );
    let root = (0.25 * (xx - yy).powi(2) + xy * xy).sqrt();
    let (long, short) = (0.5 * (xx + yy) + root, (0.5 * (xx + yy) - root).max(0.0));
    let intensity = |&(x, y): &(i64, i64)| f64::from(image.row(y as usize)[x as usize]);
    let total_intensity = pixels.iter().map(intensity).sum::<f64>();
    Shape {
        label,
        area: pixels.len(),
        centroid_x,
        centroid_y,
        perimeter: perimeter(labels, label, pixels),
        eccentricity: if long > 0.0 { (1.0 - short / long).sqrt() } else { 0.0 },
        solidity: count / hull_area(pixels),
        mean_intensity: total_intensity / count,
        total_intensity,
    }
}

/// Is the pixel on the border of the object?
fn is_border(labels: LabelView<'_>, label: u32, x: i64, y: i64) -> bool {
    let is_own = |x, y| labels.at(x, y) == Some(label);
    is_own(x, y) && !(is_own(x - 1, y) && is_own(x + 1, y) && is_own(x, y - 1) && is_own(x, y + 1))
}

fn perimeter(labels: LabelView<'_>, label: u32, pixels: &[(i64, i64)]) -> f64 {
    let length = |&(x, y): &(i64, i64)| {
        if !is_border(labels, label, x, y) {
            return 0.0;
        }
        let count = |places: [(i64, i64); 4]| {
            places.into_iter().filter(|(dx, dy)| is_border(labels, label, x + dx, y + dy)).count()
        };
        // Neighbours on the border that share a side, and those that share a corner.
        let sides = count([(-1, 0), (1, 0), (0, -1), (0, 1)]);
        match (sides, count([(-1, -1), (1, -1), (-1, 1), (1, 1)])) {
            (2 | 3, 0..=2) => 1.0,
            (0, 2) | (1, 3) => SQRT_2,
            (1, 1 | 2) => 0.5 * (1.0 + SQRT_2),
            _ => 0.0,
        }
    };
    pixels.iter().map(length).sum()
}

/// Area of the convex hull of the pixels as unit squares (Andrew's monotone chain, 1979).
fn hull_area(pixels: &[(i64, i64)]) -> f64 {
    // Of each row only the outermost corners can lie on the hull; pixels come row by row.
    let mut corners: Vec<(i64, i64)> = Vec::new();
    for row in pixels.chunk_by(|a, b| a.1 == b.1) {
        let (left, right) = (row[0].0, row[row.len() - 1].0 + 1);
        let y = row[0].1;
        corners.extend([(left, y), (right, y), (left, y + 1), (right, y + 1)]);
    }
    corners.sort_unstable();
    corners.dedup();
    let cross =
        |o: (i64, i64), a: (i64, i64), b: (i64, i64)| (a.0 - o.0) * (b.1 - o.1) - (a.1 - o.1) * (b.0 - o.0);
    let chain = |points: &mut dyn Iterator<Item = (i64, i64)>| {
        let mut hull: Vec<(i64, i64)> = Vec::new();
        for point in points {
            while hull.len() > 1 && cross(hull[hull.len() - 2], hull[hull.len() - 1], point) <= 0 {
                hull.pop();
            }
            hull.push(point);
        }
        hull.pop();
        hull
    };
    let mut hull = chain(&mut corners.iter().copied());
    hull.extend(chain(&mut corners.iter().rev().copied()));
    let next = hull.iter().cycle().skip(1);
    let twice: i64 = hull.iter().zip(next).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum();
    0.5 * twice.abs() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> Vec<Shape> {
        let digit = |byte: u8| if byte == b'.' { 0 } else { u32::from(byte - b'0') };
        let labels: Vec<u32> = rows.iter().flat_map(|row| row.bytes().map(digit)).collect();
        let image: Vec<f32> = (0..labels.len()).map(|at| at as f32).collect();
        let (width, height) = (rows[0].len(), rows.len());
        let labels = LabelView::new(width, height, &labels).unwrap();
        shapes(labels, ImageView::new(width, height, &image).unwrap()).unwrap()
    }

    #[test]
    fn a_rectangle_by_hand() {
        let found = of(&["......", ".2222.", ".2222.", ".2222.", "......"]);
        let [shape] = &found[..] else { panic!("{found:?}") };
        assert_eq!((shape.label, shape.area), (2, 12));
        assert_eq!((shape.centroid_x, shape.centroid_y), (2.5, 2.0));
        // The border has ten pixels, the line through it turns at four corners: 10.
        assert!((shape.perimeter - 10.0).abs() < 1e-12);
        // Variances 5/4 along x and 2/3 along y.
        assert!((shape.eccentricity - (1.0 - (2.0 / 3.0) / 1.25_f64).sqrt()).abs() < 1e-12);
        assert_eq!(shape.solidity, 1.0);
        // Pixels 7 to 10, 13 to 16, 19 to 22.
        assert_eq!((shape.total_intensity, shape.mean_intensity), (174.0, 14.5));
    }

    #[test]
    fn a_dent_lowers_the_solidity_and_a_pixel_has_none() {
        // An L of three pixels: its hull is the square without a triangle of 1/2.
        let found = of(&["1.", "11"]);
        assert!((found[0].solidity - 3.0 / 3.5).abs() < 1e-12);
        let pixel = &of(&["...", ".7.", "..."])[0];
        assert_eq!((pixel.area, pixel.eccentricity, pixel.solidity, pixel.perimeter), (1, 0.0, 1.0, 0.0));
        let line = &of(&["3333"])[0];
        assert_eq!((line.eccentricity, line.solidity), (1.0, 1.0));
    }

    #[test]
    fn objects_come_by_label_and_sizes_must_agree() {
        let labels: Vec<u32> = of(&["5.12", "5.12"]).iter().map(|shape| shape.label).collect();
        assert_eq!(labels, [1, 2, 5]);
        let labels = LabelView::new(2, 1, &[1, 1]).unwrap();
        assert!(shapes(labels, ImageView::new(1, 2, &[0.0; 2]).unwrap()).is_err());
    }
}
