//! The taps of a kernel, row by row: those of one row, a line, read the same row of the image and differ only in the
//! column, so that a loop over lines has its taps spelled out.

/// Most taps of a line.
pub(crate) const MOST_COLUMNS: usize = 3;
/// Most lines of a kernel.
pub(crate) const MOST_LINES: usize = 3;

/// The taps of one row of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// From the row written to the one read.
    pub row: isize,
    /// From the column written to those read; `count` of them.
    pub columns: [isize; MOST_COLUMNS],
    /// Taps of the line.
    pub count: usize,
    /// Place of the first among all taps, in the order of the weights.
    pub first: usize,
}

impl Line {
    /// Columns beyond the left and beyond the right of the one written that are read.
    #[inline(always)]
    pub fn reach(&self) -> (usize, usize) {
        let columns = &self.columns[..self.count];
        let before = columns.iter().map(|column| column.min(&0).unsigned_abs()).max().unwrap_or(0);
        let after = columns.iter().map(|column| column.max(&0).unsigned_abs()).max().unwrap_or(0);
        (before, after)
    }
}

/// The lines of a kernel of 1 x 1 or 3 x 3 taps, turned round for the way back.
pub(super) fn lines(kernel: usize, dilation: usize, back: bool) -> Vec<Line> {
    let radius = (kernel / 2) as isize;
    let shift = |k: usize| {
        let forward = (k as isize - radius) * dilation as isize;
        if back { -forward } else { forward }
    };
    let columns = std::array::from_fn(|column| if column < kernel { shift(column) } else { 0 });
    (0..kernel).map(|k| Line { row: shift(k), columns, count: kernel, first: k * kernel }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_the_weights_and_turn_round() {
        assert_eq!(lines(1, 4, false), [Line { row: 0, columns: [0; 3], count: 1, first: 0 }]);
        let forward = lines(3, 2, false);
        assert_eq!(forward[0], Line { row: -2, columns: [-2, 0, 2], count: 3, first: 0 });
        let back = lines(3, 2, true);
        assert_eq!(back[2], Line { row: -2, columns: [2, 0, -2], count: 3, first: 6 });
        assert_eq!(back[2].reach(), (2, 2));
    }
}
