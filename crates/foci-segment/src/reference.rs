//! The same as the fast code does, written as its definition reads; what tests hold the fast code against.

use crate::Levels;
use crate::watershed::{WALL, neighbours};
use foci_image::{LabelImage, Plane};

/// Watershed with the edge of the water as a list that is searched for the lowest pixel, the first of equals.
pub fn watershed(relief: &Levels, seeds: &LabelImage) -> LabelImage {
    let mut labels = seeds.clone();
    let flows = |at: &usize| labels.data[*at] != 0 && labels.data[*at] != WALL;
    let mut shore: Vec<usize> = (0..labels.data.len()).filter(flows).collect();
    while let Some(lowest) = shore.iter().map(|&at| relief.data[at]).min() {
        let place = shore.iter().position(|&at| relief.data[at] == lowest).unwrap();
        let at = shore.remove(place);
        for other in neighbours(at, relief.width, relief.height) {
            if labels.data[other] == 0 {
                labels.data[other] = labels.data[at];
                shore.push(other);
            }
        }
    }
    labels
}

/// The majority of a square, counted pixel by pixel.
pub fn majority(mask: &LabelImage, side: usize) -> LabelImage {
    let (width, height, reach) = (mask.width, mask.height, side / 2);
    let near = |a: usize, b: usize| a.abs_diff(b) <= reach;
    let counted = |at: usize| {
        let inside = |&other: &usize| near(at % width, other % width) && near(at / width, other / width);
        (0..mask.data.len()).filter(inside).filter(|&other| mask.data[other] != 0).count()
    };
    let data = (0..mask.data.len()).map(|at| u32::from(2 * counted(at) > side * side)).collect();
    LabelImage { width, height, data }
}

/// Gaussian smoothing as one sum over rows and columns of the image and its mirror images.
pub fn gaussian(plane: &Plane, sigma: f64) -> Vec<f64> {
    let reach = (4.0 * sigma + 0.5) as i64;
    let bell = |d: i64| if d == 0 { 1.0 } else { (-((d * d) as f64) / (2.0 * sigma * sigma)).exp() };
    let whole: f64 = (-reach..=reach).map(bell).sum();
    // Step by step back from the edge that was crossed.
    let fold = |mut at: i64, size: usize| {
        while at < 0 || at >= size as i64 {
            at = if at < 0 { -1 - at } else { 2 * size as i64 - 1 - at };
        }
        at as usize
    };
    let value = |at: usize| {
        let (x, y) = ((at % plane.width) as i64, (at / plane.width) as i64);
        let mut sum = 0.0;
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let value = plane.at(fold(x + dx, plane.width), fold(y + dy, plane.height));
                sum += bell(dx) * bell(dy) * f64::from(value);
            }
        }
        sum / (whole * whole)
    };
    (0..plane.data.len()).map(value).collect()
}
