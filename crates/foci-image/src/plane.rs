//! A plane of intensities and a plane of labels: the two things that images are to foci.
//!
//! Both are stored row by row from the top left; pixel `(x, y)` is `data[y * width + x]`, and its centre
//! has the coordinates `(x, y)`. Intensities are raw camera counts as `f32` (exact up to 24 bits) until
//! they are normalised on purpose.

/// One channel of an image, as `f32`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row by row.
    pub data: Vec<f32>,
}

/// An image whose values are object numbers (0 = background) or classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelImage {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` labels, row by row.
    pub data: Vec<u32>,
}

impl Plane {
    /// A plane of zeros.
    pub fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// Value at column `x`, row `y`; both must lie inside.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.data[y * self.width + x]
    }

    /// The rectangle with top left corner `(x, y)`, or `None` where it reaches outside.
    pub fn rectangle(&self, x: usize, y: usize, w: usize, h: usize) -> Option<Plane> {
        let data = rectangle(&self.data, self.width, self.height, x, y, w, h)?;
        Some(Plane { width: w, height: h, data })
    }
}

impl LabelImage {
    /// A label image of background only.
    pub fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0; width * height] }
    }

    /// Label at column `x`, row `y`; both must lie inside.
    pub fn at(&self, x: usize, y: usize) -> u32 {
        self.data[y * self.width + x]
    }

    /// The rectangle with top left corner `(x, y)`, or `None` where it reaches outside. Labels stay those
    /// of the whole image.
    pub fn rectangle(&self, x: usize, y: usize, w: usize, h: usize) -> Option<LabelImage> {
        let data = rectangle(&self.data, self.width, self.height, x, y, w, h)?;
        Some(LabelImage { width: w, height: h, data })
    }

    /// Number of distinct labels other than 0.
    pub fn objects(&self) -> usize {
        let mut labels: Vec<u32> = Vec::new();
        let mut last = 0;
        for &label in &self.data {
            // Labels come in runs, so remembering the last one keeps the list short before sorting.
            if label != 0 && label != last {
                labels.push(label);
            }
            last = label;
        }
        labels.sort_unstable();
        labels.dedup();
        labels.len()
    }

    /// Largest label, 0 for an empty image.
    pub fn largest(&self) -> u32 {
        self.data.iter().copied().max().unwrap_or(0)
    }
}

fn rectangle<T: Copy>(
    data: &[T],
    width: usize,
    height: usize,
    x: usize,
    y: usize,
    w: usize,
    h: usize,
) -> Option<Vec<T>> {
    if x.checked_add(w)? > width || y.checked_add(h)? > height {
        return None;
    }
    let mut out = Vec::with_capacity(w * h);
    for row in y..y + h {
        out.extend_from_slice(&data[row * width + x..row * width + x + w]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_keeps_rows_apart() {
        let plane = Plane { width: 4, height: 3, data: (0..12).map(|v| v as f32).collect() };
        let part = plane.rectangle(1, 1, 2, 2).unwrap();
        assert_eq!(part.data, [5.0, 6.0, 9.0, 10.0]);
        assert_eq!(plane.rectangle(3, 0, 2, 1), None);
        assert_eq!(plane.rectangle(0, usize::MAX, 1, 2), None);
    }

    #[test]
    fn objects_are_counted_once_however_scattered() {
        let labels = LabelImage { width: 4, height: 2, data: vec![7, 0, 7, 2, 2, 2, 0, 7] };
        assert_eq!(labels.objects(), 2);
        assert_eq!(labels.largest(), 7);
        assert_eq!(LabelImage::zeros(3, 3).objects(), 0);
    }
}
