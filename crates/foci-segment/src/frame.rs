//! An image in a frame one pixel wide: every pixel of the image has four neighbours, and nobody has to ask in which row or column it lies.
//!
//! Floods visit pixels in the order of their heights, and asking (a division for each) took more time than the flood itself. Places in the frame are in the order of
//! those in the image, row by row.

/// Pixels in a frame of some value.
pub(crate) struct Framed<T> {
    /// Row by row, the frame included.
    pub data: Vec<T>,
    stride: usize,
}

impl<T: Copy> Framed<T> {
    /// An image of `width` columns with `outside` around it.
    pub fn of(image: &[T], width: usize, outside: T) -> Framed<T> {
        let stride = width + 2;
        let rows = image.len().checked_div(width).unwrap_or(0);
        let mut data = Vec::with_capacity(stride * (rows + 2));
        data.resize(stride, outside);
        for row in image.chunks_exact(width.max(1)) {
            data.push(outside);
            data.extend_from_slice(row);
            data.push(outside);
        }
        data.resize(data.len() + stride, outside);
        Framed { data, stride }
    }

    /// The places above, left, right and below.
    pub fn around(&self, at: usize) -> [usize; 4] {
        [at - self.stride, at - 1, at + 1, at + self.stride]
    }

    /// The places of the image, row by row.
    pub fn inside(&self) -> impl Iterator<Item = usize> + use<T> {
        let (stride, rows) = (self.stride, self.data.len() / self.stride - 2);
        (1..=rows).flat_map(move |row| row * stride + 1..(row + 1) * stride - 1)
    }

    /// The image without its frame.
    pub fn image(&self) -> Vec<T> {
        let rows = self.data.chunks_exact(self.stride);
        let count = rows.len() - 2;
        rows.skip(1).take(count).flat_map(|row| &row[1..self.stride - 1]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_lies_in_the_middle_and_comes_back() {
        let framed = Framed::of(&[1, 2, 3, 4, 5, 6], 3, 9);
        assert_eq!(framed.data, [9, 9, 9, 9, 9, 9, 1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 9, 9, 9, 9]);
        assert_eq!(framed.image(), [1, 2, 3, 4, 5, 6]);
        let places: Vec<usize> = framed.inside().collect();
        assert_eq!(places, [6, 7, 8, 11, 12, 13]);
        assert_eq!(framed.around(6).map(|at| framed.data[at]), [9, 9, 2, 4]);
        for (width, image) in [(0, vec![]), (4, vec![])] {
            let nothing = Framed::of(&image, width, 0u8);
            assert_eq!((nothing.inside().count(), nothing.image()), (0, vec![]));
        }
    }
}
