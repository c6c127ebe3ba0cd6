//! How a figure varies from one place, position or direction to the next: mean, least and most.

use serde::{Deserialize, Serialize};

/// Mean, least and most of several values of one figure, in the unit of that figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Arithmetic mean, in the unit of the figure.
    pub mean: f64,
    /// The smallest value, in the unit of the figure.
    pub least: f64,
    /// The greatest value, in the unit of the figure.
    pub most: f64,
    /// Number of values.
    pub count: usize,
}

impl Range {
    /// Of values in the order given, in which they are also summed; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Range> {
        let mut values = values.into_iter();
        let first = values.next()?;
        let (mut sum, mut least, mut most, mut count) = (first, first, first, 1);
        for value in values {
            sum += value;
            least = least.min(value);
            most = most.max(value);
            count += 1;
        }
        Some(Range { mean: sum / count as f64, least, most, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_least_and_most_by_hand() {
        let range = Range::of([3.0, -1.0, 4.0]).unwrap();
        assert_eq!(range, Range { mean: 2.0, least: -1.0, most: 4.0, count: 3 });
        assert_eq!(Range::of([]), None);
    }
}
