//! Images taken up again at other places: rotated, or at a lower magnification.
//!
//! Both interpolate with the Lanczos kernel of three lobes, `sinc(x) sinc(x / 3)`, normalised so that its weights
//! add up to 1 at every position. It passes frequencies up to about 0.3 cycles per pixel within a few per cent,
//! where a cubic kernel has lost a fifth: a rotation must not be a blur as well.

use std::f64::consts::PI;

use crate::Plane;
use crate::gaussian::mirrored;

/// Lobes of the kernel on either side.
const LOBES: f64 = 3.0;

/// Samples (by mirrored index) and their weights for one position.
type Taps = Vec<(usize, f64)>;

/// The plane turned about its centre by `degrees`, clockwise as seen.
pub(super) fn rotated(plane: &Plane, degrees: f64) -> Plane {
    let (width, height) = (plane.width, plane.height);
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    let mut data = Vec::with_capacity(plane.data.len());
    let (mut columns, mut rows) = (Taps::new(), Taps::new());
    for y in 0..height {
        for x in 0..width {
            // Where this pixel was before the rotation.
            let (u, v) = (x as f64 - middle_x, y as f64 - middle_y);
            fill_taps(&mut columns, middle_x + cosine * u + sine * v, 1.0, width);
            fill_taps(&mut rows, middle_y - sine * u + cosine * v, 1.0, height);
            let value = |&(row, weight): &(usize, f64)| {
                let row = &plane.data[row * width..(row + 1) * width];
                weight * columns.iter().map(|&(at, weight)| weight * f64::from(row[at])).sum::<f64>()
            };
            data.push(rows.iter().map(value).sum::<f64>() as f32);
        }
    }
    Plane { width, height, data }
}

/// The plane with everything `factor` times (at least 1) nearer to its centre and smaller.
pub(super) fn reduced(plane: &Plane, factor: f64) -> Plane {
    let (width, height) = (plane.width, plane.height);
    let columns = reduction(factor, width);
    let mut narrow = Vec::with_capacity(plane.data.len());
    for row in plane.data.chunks_exact(width) {
        let value = |taps: &Taps| taps.iter().map(|&(at, weight)| weight * f64::from(row[at])).sum::<f64>();
        narrow.extend(columns.iter().map(value));
    }
    let mut data = Vec::with_capacity(plane.data.len());
    let mut sums = vec![0f64; width];
    for taps in reduction(factor, height) {
        sums.fill(0.0);
        for (row, weight) in taps {
            for (sum, value) in sums.iter_mut().zip(&narrow[row * width..]) {
                *sum += weight * value;
            }
        }
        data.extend(sums.iter().map(|&sum| sum as f32));
    }
    Plane { width, height, data }
}

/// For each of `size` pixels the samples that it is made of, at a distance from the middle `factor` times its own.
fn reduction(factor: f64, size: usize) -> Vec<Taps> {
    let middle = (size as f64 - 1.0) / 2.0;
    let taps = |index: usize| {
        let mut taps = Taps::new();
        fill_taps(&mut taps, middle + (index as f64 - middle) * factor, factor, size);
        taps
    };
    (0..size).map(taps).collect()
}

/// Fills `taps` for a `position` among `size` samples, with the kernel `stretch` times as wide.
fn fill_taps(taps: &mut Taps, position: f64, stretch: f64, size: usize) {
    taps.clear();
    let reach = LOBES * stretch;
    let samples = (position - reach).ceil() as isize..=(position + reach).floor() as isize;
    taps.extend(samples.map(|index| (mirrored(index, size), lanczos((index as f64 - position) / stretch))));
    let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
    taps.iter_mut().for_each(|(_, weight)| *weight /= total);
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x.abs() < LOBES { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crop::Crop;

    #[test]
    fn a_quarter_turn_is_the_one_of_crops() {
        let side = 7;
        let data: Vec<f32> = (0..side * side).map(|at| ((at * 37) % 49) as f32 / 49.0).collect();
        let plane = Plane { width: side, height: side, data };
        let crop = Crop { x: 0, y: 0, width: side, height: side, turns: 1, mirrored: false };
        let expected = crop.plane(&plane);
        let found = rotated(&plane, 90.0);
        assert!(found.data.iter().zip(&expected.data).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
