//! The interval of a mean by Student's t.

use super::distribution::{student_tail, upper_quantile};
use crate::summary::{mean, standard_deviation};

/// The interval that misses the true mean of independent normal values with probability `miss`:
/// mean +- t(n - 1) * standard deviation / sqrt(n). `None` for fewer than two values.
pub fn mean_interval(values: &[f64], miss: f64) -> Option<[f64; 2]> {
    let (middle, deviation) = (mean(values)?, standard_deviation(values)?);
    let freedom = (values.len() - 1) as f64;
    let t = upper_quantile(miss, |t| student_tail(t, freedom));
    let half = t * deviation / (values.len() as f64).sqrt();
    Some([middle - half, middle + half])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_values_have_the_interval_of_the_table() {
        // t(0.975, 2) = 4.302653; deviation of 1, 2, 3 is 1.
        let [low, high] = mean_interval(&[1.0, 2.0, 3.0], 0.05).unwrap();
        let half = 4.302_653 / 3.0f64.sqrt();
        assert!((low - (2.0 - half)).abs() < 1e-5 && (high - (2.0 + half)).abs() < 1e-5);
        assert_eq!(mean_interval(&[1.0], 0.05), None);
    }
}
