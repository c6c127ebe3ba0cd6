//! Regional maxima: plateaus that are higher than everything around them; the seeds of a flood.
//!
//! A regional maximum is a connected set of pixels of one value, by the four neighbours that share a side, of which no pixel has a
//! neighbour that is higher. An image of one value is one maximum.

use crate::watershed::neighbours;
use foci_image::components::{Connectivity, connected_components};
use foci_image::{LabelImage, Plane};

/// The regional maxima of an image, numbered 1, 2, .. in the order of their first pixels, row by row.
pub fn regional_maxima(plane: &Plane) -> LabelImage {
    let (width, height) = (plane.width, plane.height);
    let mut candidates = vec![true; plane.data.len()];
    let mut lower = Vec::new();
    for at in 0..plane.data.len() {
        let value = plane.data[at];
        if neighbours(at, width, height).any(|other| plane.data[other] > value) {
            candidates[at] = false;
            lower.push(at);
        }
    }
    // What lies on one plateau with a pixel that is none is none either.
    while let Some(at) = lower.pop() {
        for other in neighbours(at, width, height) {
            if candidates[other] && plane.data[other] == plane.data[at] {
                candidates[other] = false;
                lower.push(other);
            }
        }
    }
    let data = candidates.into_iter().map(u32::from).collect();
    connected_components(&LabelImage { width, height, data }, Connectivity::Four)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plateaus_count_once_and_only_where_nothing_is_higher() {
        let data = vec![
            1.0, 1.0, 0.0, 5.0, //
            1.0, 1.0, 0.0, 5.0, //
            0.0, 0.0, 0.0, 6.0, //
            2.0, 0.0, 3.0, 0.0,
        ];
        let maxima = regional_maxima(&Plane { width: 4, height: 4, data });
        assert_eq!(maxima.data, [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2, 3, 0, 4, 0]);
        let flat = regional_maxima(&Plane { width: 3, height: 2, data: vec![2.5; 6] });
        assert_eq!(flat.data, [1; 6]);
    }
}
