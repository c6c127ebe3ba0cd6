//! The exact Euclidean distance transform: how far each pixel is from the nearest pixel of a set.
//!
//! Two passes (Meijster, Roerdink and Hesselink 2000; the second is the lower envelope of parabolas of Felzenszwalb and
//! Huttenlocher 2012): down and up each column for the distance within it, then along each row for the nearest column. Everything is
//! in whole numbers, so squared distances are exact, and the work is proportional to the number of pixels.
//! Distances are between centres of pixels.

/// Squared distance of a pixel from an empty set.
pub const NOWHERE: u64 = u64::MAX;

/// For each pixel the squared distance, in square pixels, from the nearest pixel for which `is_in` says so (given its index,
/// row by row); [`NOWHERE`] if there is none. Sides must be shorter than 2^31 pixels.
pub fn squared_distances(width: usize, height: usize, is_in: impl Fn(usize) -> bool) -> Vec<u64> {
    let columns = column_distances(width, height, is_in);
    let mut squared = vec![NOWHERE; width * height];
    let mut envelope = Envelope { columns: Vec::with_capacity(width), begins: Vec::with_capacity(width) };
    if width > 0 {
        for (row, out) in columns.chunks_exact(width).zip(squared.chunks_exact_mut(width)) {
            envelope.sweep(row, out);
        }
    }
    squared
}

/// The distance transform itself: square roots of [`squared_distances`], in pixels, infinite from an empty set.
pub fn distances(width: usize, height: usize, is_in: impl Fn(usize) -> bool) -> Vec<f64> {
    let root = |squared| if squared == NOWHERE { f64::INFINITY } else { (squared as f64).sqrt() };
    squared_distances(width, height, is_in).into_iter().map(root).collect()
}

/// Distance of each pixel from the set within its own column; [`NOWHERE`] in a column without any of it.
fn column_distances(width: usize, height: usize, is_in: impl Fn(usize) -> bool) -> Vec<u64> {
    let mut out = vec![NOWHERE; width * height];
    for index in 0..out.len() {
        if is_in(index) {
            out[index] = 0;
        } else if index >= width {
            out[index] = out[index - width].saturating_add(1);
        }
    }
    for index in (0..out.len().saturating_sub(width)).rev() {
        out[index] = out[index].min(out[index + width].saturating_add(1));
    }
    out
}

/// The columns that are nearest somewhere in a row, and where each of them begins to be.
struct Envelope {
    columns: Vec<i64>,
    begins: Vec<i64>,
}

impl Envelope {
    /// Squared distances of one row from the distances within columns.
    fn sweep(&mut self, column: &[u64], out: &mut [u64]) {
        self.columns.clear();
        self.begins.clear();
        let width = column.len() as i64;
        // Finite distances are below the height, so their squares fit.
        let height = |x: i64| (column[x as usize] as i64).pow(2);
        for x in (0..width).filter(|&x| column[x as usize] != NOWHERE) {
            let begin = loop {
                let Some(&last) = self.columns.last() else { break 0 };
                // The parabola around x lies below that around `last` from the first whole place past their crossing.
                let crossing =
                    (height(x) - height(last) + x * x - last * last).div_euclid(2 * (x - last)) + 1;
                if crossing > self.begins[self.begins.len() - 1] {
                    break crossing;
                }
                self.columns.pop();
                self.begins.pop();
            };
            if begin < width {
                self.columns.push(x);
                self.begins.push(begin);
            }
        }
        for (part, &nearest) in self.columns.iter().enumerate() {
            let end = self.begins.get(part + 1).copied().unwrap_or(width);
            for x in self.begins[part]..end {
                out[x as usize] = (height(nearest) + (x - nearest).pow(2)) as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: the smallest of all.
    fn directly(width: usize, height: usize, set: &[bool]) -> Vec<u64> {
        let square = |a: usize, b: usize| (a.abs_diff(b) as u64).pow(2);
        let from = |i: usize, j: usize| square(i % width, j % width) + square(i / width, j / width);
        let nearest = |i| (0..set.len()).filter(|&j| set[j]).map(|j| from(i, j)).min().unwrap_or(NOWHERE);
        (0..width * height).map(nearest).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_nearer(
            (width, set) in (1usize..14, 1usize..14)
                .prop_flat_map(|(w, h)| (Just(w), prop::collection::vec(prop::bool::weighted(0.1), w * h)))
        ) {
            let height = set.len() / width;
            prop_assert_eq!(squared_distances(width, height, |i| set[i]), directly(width, height, &set));
        }
    }

    #[test]
    fn distances_by_hand() {
        // One pixel, at the top left of 4 x 3.
        let found = squared_distances(4, 3, |index| index == 0);
        assert_eq!(found, [0, 1, 4, 9, 1, 2, 5, 10, 4, 5, 8, 13]);
        assert_eq!(distances(2, 1, |_| false), [f64::INFINITY; 2]);
        assert_eq!(distances(0, 3, |_| true), [0.0; 0]);
    }
}
