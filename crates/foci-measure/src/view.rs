//! Borrowed images: the size beside the values, checked once, so that no measure has to check again.

use crate::MeasureError;
use serde::{Deserialize, Serialize};

/// A place in an image, in pixels; the centre of column `x`, row `y` is `(x, y)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Column, growing to the right.
    pub x: f64,
    /// Row, growing downwards.
    pub y: f64,
}

impl Point {
    /// Distance in pixels.
    pub fn distance(self, other: Point) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// One channel of an image: `height` rows of `width` finite values.
#[derive(Debug, Clone, Copy)]
pub struct ImageView<'a> {
    width: usize,
    height: usize,
    data: &'a [f32],
}

impl<'a> ImageView<'a> {
    /// Checks that the image has pixels, that `data` has one finite value for each, row by row.
    pub fn new(width: usize, height: usize, data: &'a [f32]) -> Result<Self, MeasureError> {
        check_size(width, height, data.len())?;
        match data.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(MeasureError::NotFinite { x: at % width, y: at / width, value: data[at] }),
            None => Ok(Self { width, height, data }),
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, row by row.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// The values of one row. Panics if there is no such row.
    pub fn row(&self, y: usize) -> &'a [f32] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// The values of the square of `side` x `side` pixels with its upper left one at `(x, y)`, row by row. Panics if it reaches
    /// outside.
    pub(crate) fn window(&self, x: usize, y: usize, side: usize) -> Vec<f32> {
        (y..y + side).flat_map(|y| &self.row(y)[x..x + side]).copied().collect()
    }

    /// Value between pixels, by bilinear interpolation; `None` outside the rectangle of pixel centres.
    pub fn sample(&self, at: Point) -> Option<f64> {
        let (right, bottom) = ((self.width - 1) as f64, (self.height - 1) as f64);
        if !(at.x >= 0.0 && at.x <= right && at.y >= 0.0 && at.y <= bottom) {
            return None;
        }
        let (x0, y0) = (at.x.floor() as usize, at.y.floor() as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (fx, fy) = (at.x - x0 as f64, at.y - y0 as f64);
        let value = |x: usize, y: usize| f64::from(self.data[y * self.width + x]);
        let top = value(x0, y0) * (1.0 - fx) + value(x1, y0) * fx;
        let low = value(x0, y1) * (1.0 - fx) + value(x1, y1) * fx;
        Some(top * (1.0 - fy) + low * fy)
    }

    /// Checks that `other` has the size of this image; `what` names it in the message.
    pub(crate) fn same_size(&self, other: &ImageView, what: &'static str) -> Result<(), MeasureError> {
        expect_size(other.width, other.height, self.width, self.height, what)
    }
}

/// A label image: 0 is background, every other number is one object.
#[derive(Debug, Clone, Copy)]
pub struct LabelView<'a> {
    width: usize,
    height: usize,
    labels: &'a [u32],
}

impl<'a> LabelView<'a> {
    /// Checks that the image has pixels and that `labels` has one value for each, row by row.
    pub fn new(width: usize, height: usize, labels: &'a [u32]) -> Result<Self, MeasureError> {
        check_size(width, height, labels.len())?;
        Ok(Self { width, height, labels })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All labels, row by row.
    pub fn labels(&self) -> &'a [u32] {
        self.labels
    }

    /// Checks that this, the predicted label image, has the size of the true one.
    pub(crate) fn expect_size_of(&self, truth: LabelView) -> Result<(), MeasureError> {
        expect_size(self.width, self.height, truth.width, truth.height, "the predicted label image")
    }

    /// Label at signed coordinates; `None` outside the image.
    pub(crate) fn at(&self, x: i64, y: i64) -> Option<u32> {
        let inside = x >= 0 && y >= 0 && x < self.width as i64 && y < self.height as i64;
        inside.then(|| self.labels[y as usize * self.width + x as usize])
    }
}

/// Checks a size against the one that is needed.
pub(crate) fn expect_size(
    width: usize,
    height: usize,
    expected_width: usize,
    expected_height: usize,
    what: &'static str,
) -> Result<(), MeasureError> {
    if width == expected_width && height == expected_height {
        return Ok(());
    }
    Err(MeasureError::SizesDiffer { what, width, height, expected_width, expected_height })
}

fn check_size(width: usize, height: usize, found: usize) -> Result<(), MeasureError> {
    let expected = width.saturating_mul(height);
    if width == 0 || height == 0 {
        Err(MeasureError::Empty { width, height })
    } else if expected != found {
        Err(MeasureError::Length { width, height, expected, found })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_pixels_are_weighted_by_nearness() {
        let data = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0];
        let image = ImageView::new(3, 2, &data).unwrap();
        let at = |x, y| image.sample(Point { x, y });
        assert_eq!((at(0.0, 0.0), at(1.0, 1.0), at(2.0, 1.0)), (Some(0.0), Some(8.0), Some(16.0)));
        // A quarter of the way from 1 to 2 above, from 8 to 16 below; half-way between.
        assert_eq!(at(1.25, 0.5), Some((1.25 + 10.0) / 2.0));
        assert_eq!((at(2.0, 0.25), at(0.5, 1.0)), (Some(2.0 + 0.25 * 14.0), Some(6.0)));
        for (x, y) in [(-0.1, 0.0), (2.1, 0.0), (0.0, -0.1), (0.0, 1.1), (f64::NAN, 0.0)] {
            assert_eq!(at(x, y), None, "{x}, {y}");
        }
    }
}
