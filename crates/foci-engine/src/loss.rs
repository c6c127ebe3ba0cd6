//! Losses: how far an output is from its target, as one number, and which way is down.
//!
//! A loss averages over all values of a batch, as PyTorch's `reduction="mean"` does, so that a learning rate means the
//! same at every image size. Values are summed in f64 in a fixed order. What a loss needs besides output and target
//! (class weights, say) belongs in the type that implements [`Loss`].

mod channels;
mod classes;
mod known;

pub use channels::{ByChannels, ChannelLoss};
pub use classes::{CrossEntropyDice, softmax};
pub use known::KnownCrossEntropy;

use crate::error::{EngineError, check_length};
use crate::sums::sum_of_pairs;

/// A differentiable measure of the distance between output and target, both [N, C, H, W].
pub trait Loss {
    /// Returns the loss and writes its derivative by each value of `output` to `d_output`.
    ///
    /// # Errors
    /// [`EngineError::Length`] if the three slices do not fit each other.
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError>;
}

/// Mean of squared differences; derivative `2 (output - target) / count`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeanSquaredError;

/// Mean of absolute differences (L1); derivative `sign(output - target) / count`, zero where they are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct MeanAbsoluteError;

impl Loss for MeanSquaredError {
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError> {
        check_lengths(output, target, d_output)?;
        let count = output.len();
        let factor = (2.0 / count as f64) as f32;
        for ((d, &o), &t) in d_output.iter_mut().zip(output).zip(target) {
            *d = factor * (o - t);
        }
        Ok(sum_of_pairs(output, target, |o, t| (o - t) * (o - t)) / count as f64)
    }
}

impl Loss for MeanAbsoluteError {
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError> {
        check_lengths(output, target, d_output)?;
        let count = output.len();
        let factor = (1.0 / count as f64) as f32;
        for ((d, &o), &t) in d_output.iter_mut().zip(output).zip(target) {
            let difference = o - t;
            *d = if difference > 0.0 {
                factor
            } else if difference < 0.0 {
                -factor
            } else {
                // Zero where equal; NaN stays NaN, so that a broken run is seen as broken.
                difference * factor
            };
        }
        Ok(sum_of_pairs(output, target, |o, t| (o - t).abs()) / count as f64)
    }
}

fn check_lengths(output: &[f32], target: &[f32], d_output: &[f32]) -> Result<(), EngineError> {
    if output.is_empty() {
        return Err(EngineError::Length { what: "the output", expected: 1, found: 0 });
    }
    check_length("the target", output.len(), target.len())?;
    check_length("the gradient of the output", output.len(), d_output.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_squared_error_by_hand() {
        let mut d = [9.0; 4];
        let loss = MeanSquaredError.evaluate(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 4.0, 8.0], &mut d).unwrap();
        // (0 + 4 + 1 + 16) / 4 and 2 / 4 of each difference.
        assert_eq!(loss, 5.25);
        assert_eq!(d, [0.0, 1.0, -0.5, -2.0]);
    }

    #[test]
    fn mean_absolute_error_by_hand() {
        let mut d = [9.0; 4];
        let loss = MeanAbsoluteError.evaluate(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 4.0, 8.0], &mut d).unwrap();
        assert_eq!(loss, 1.75);
        assert_eq!(d, [0.0, 0.25, -0.25, -0.25]);
    }

    #[test]
    fn not_a_number_is_passed_on() {
        let mut d = [0.0; 2];
        assert!(MeanSquaredError.evaluate(&[f32::NAN, 0.0], &[0.0, 0.0], &mut d).unwrap().is_nan());
        assert!(d[0].is_nan());
        assert!(MeanAbsoluteError.evaluate(&[f32::NAN, 0.0], &[0.0, 0.0], &mut d).unwrap().is_nan());
        assert!(d[0].is_nan());
    }

    #[test]
    fn lengths_must_agree() {
        let error = MeanSquaredError.evaluate(&[1.0, 2.0], &[1.0], &mut [0.0; 2]).unwrap_err();
        assert!(matches!(error, EngineError::Length { what: "the target", expected: 2, found: 1 }));
        assert!(MeanAbsoluteError.evaluate(&[], &[], &mut []).is_err());
    }
}
