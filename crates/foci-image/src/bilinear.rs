//! Bilinear interpolation: an image at new places, each between the four nearest pixels.

/// Where a new pixel lies along one axis: between which two old ones, and how far towards the second.
pub type Between = (usize, usize, f32);

/// Where `place` lies among `length` old pixels; beyond the first and the last nothing changes.
pub fn between(place: f64, length: usize) -> Between {
    let last = length.saturating_sub(1);
    let place = place.clamp(0.0, last as f64);
    let low = place as usize;
    (low, (low + 1).min(last), (place - low as f64) as f32)
}

/// An image of `width` columns at new places, a value for each of `rows` and `columns`: along the rows first, each old row once.
pub fn blend(image: &[f32], width: usize, columns: &[Between], rows: &[Between], out: &mut [f32]) {
    let mut upper = Row { of: None, values: vec![0.0; columns.len()] };
    let mut lower = upper.clone();
    for (out, &(top, bottom, down)) in out.chunks_exact_mut(columns.len().max(1)).zip(rows) {
        if lower.of == Some(top) {
            std::mem::swap(&mut upper, &mut lower);
        }
        upper.fill(image, width, top, columns);
        lower.fill(image, width, bottom, columns);
        for ((value, upper), lower) in out.iter_mut().zip(&upper.values).zip(&lower.values) {
            *value = upper + down * (lower - upper);
        }
    }
}

/// An old row at the new columns.
#[derive(Clone)]
struct Row {
    of: Option<usize>,
    values: Vec<f32>,
}

impl Row {
    /// Makes it that of row `of`, if it is not yet.
    fn fill(&mut self, image: &[f32], width: usize, of: usize, columns: &[Between]) {
        if self.of == Some(of) {
            return;
        }
        self.of = Some(of);
        let row = &image[of * width..];
        for (value, &(left, right, across)) in self.values.iter_mut().zip(columns) {
            *value = row[left] + across * (row[right] - row[left]);
        }
    }
}

/// Images of `coarse_width` x `coarse_height` pixels, one after the other, each enlarged by a whole factor to `width` x `height`; coarse pixel k is
/// centred on the pixels it covers.
pub fn enlarged(
    coarse: &[f32],
    coarse_width: usize,
    coarse_height: usize,
    factor: usize,
    width: usize,
    height: usize,
) -> Vec<f32> {
    // In single precision, since synthetic specimens are what they are to the last bit.
    let centre = |at: usize| f64::from((at as f32 + 0.5) / factor as f32 - 0.5);
    let along = |length: usize, coarse_length: usize| -> Vec<Between> {
        (0..length).map(|at| between(centre(at), coarse_length)).collect()
    };
    let (columns, rows) = (along(width, coarse_width), along(height, coarse_height));
    let coarse = coarse.chunks_exact((coarse_width * coarse_height).max(1));
    let mut fine = vec![0.0; coarse.len() * width * height];
    for (fine, coarse) in fine.chunks_exact_mut((width * height).max(1)).zip(coarse) {
        blend(coarse, coarse_width, &columns, &rows, fine);
    }
    fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_between_its_four_neighbours_in_whatever_order_rows_are_asked_for() {
        let image: Vec<f32> = (0..20).map(|at| ((at * 7) % 11) as f32).collect();
        let places = |places: &[f64], length: usize| -> Vec<Between> {
            places.iter().map(|&place| between(place, length)).collect()
        };
        let columns = places(&[-1.0, 0.25, 1.5, 3.0, 9.0, 0.5], 4);
        // Down in small and large steps, the same row again, and up.
        let rows = places(&[0.0, 0.5, 0.75, 1.25, 3.5, 3.5, 4.0, 7.0, 1.5, 2.25, 0.25], 5);
        let mut out = vec![0.0; columns.len() * rows.len()];
        blend(&image, 4, &columns, &rows, &mut out);
        for (row, &(top, bottom, down)) in out.chunks_exact(columns.len()).zip(&rows) {
            for (value, &(left, right, across)) in row.iter().zip(&columns) {
                let at = |x: usize, y: usize| image[y * 4 + x];
                let expected = (1.0 - down) * ((1.0 - across) * at(left, top) + across * at(right, top))
                    + down * ((1.0 - across) * at(left, bottom) + across * at(right, bottom));
                assert!((value - expected).abs() < 1e-5, "{value} for {expected}");
            }
        }
    }

    #[test]
    fn images_are_enlarged_one_by_one() {
        let two = [0.0, 4.0, 8.0, 12.0, 1.0, 1.0, 1.0, 1.0];
        let found = enlarged(&two, 2, 2, 2, 3, 4);
        // Centres of pixels at -1/4, 1/4 and 3/4 of the old ones, of four columns the first three.
        assert_eq!(found[..6], [0.0, 1.0, 3.0, 2.0, 3.0, 5.0]);
        assert_eq!(found[12..], [1.0; 12]);
        assert!(enlarged(&[], 0, 0, 2, 0, 0).is_empty());
    }
}
