//! A loss for classes that are known of some pixels only: cross-entropy over those.
//!
//! Outputs `z` are logits [N, K, H, W], targets `y` 1 in the channel of a pixel's class and 0 in the others; a pixel whose class
//! nobody knows has 0 in all, and counts nothing. With `p = softmax(z)` over the channels and weights `w` of the classes,
//!
//! ```text
//! loss = - sum of w_k y_k ln p_k / sum of w_k y_k
//! ```
//!
//! and 0 if nothing is known of any pixel. It is PyTorch's cross-entropy with class weights and `ignore_index`. So classes of
//! objects are learnt: background has none, and no area to be found that Dice could compare.

use super::classes::{count_images, cross_entropy, softmax};
use super::{Loss, check_lengths};
use crate::error::EngineError;

/// Cross-entropy over the pixels whose class is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownCrossEntropy {
    weights: Vec<f64>,
    pixels: usize,
}

impl KnownCrossEntropy {
    /// For images of `pixels` pixels, with one weight for each class.
    pub fn new(weights: Vec<f64>, pixels: usize) -> KnownCrossEntropy {
        KnownCrossEntropy { weights, pixels }
    }
}

impl Loss for KnownCrossEntropy {
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError> {
        check_lengths(output, target, d_output)?;
        let (classes, pixels) = (self.weights.len(), self.pixels);
        let image = classes * pixels;
        let images = count_images(output, image)?;
        let at = |number: usize, pixel: usize, class: usize| number * image + class * pixels + pixel;
        let [known, entropy] = cross_entropy(&self.weights, output, target, pixels);
        let scale = if known > 0.0 { 1.0 / known } else { 0.0 };
        for (logits, probabilities) in output.chunks_exact(image).zip(d_output.chunks_exact_mut(image)) {
            softmax(logits, probabilities, pixels);
        }
        for (number, pixel) in (0..images).flat_map(|number| (0..pixels).map(move |pixel| (number, pixel))) {
            let y = |class: usize| f64::from(target[at(number, pixel, class)]);
            let weighted: f64 = (0..classes).map(|class| self.weights[class] * y(class)).sum();
            for class in 0..classes {
                let d = &mut d_output[at(number, pixel, class)];
                *d = (scale * (f64::from(*d) * weighted - self.weights[class] * y(class))) as f32;
            }
        }
        Ok(entropy * scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images of three pixels in two classes; of the last pixel of the first image nothing is known.
    const LOGITS: [f32; 12] = [0.3, -1.0, 2.0, 0.1, 0.4, -0.6, 1.5, 0.0, -0.2, 0.7, -1.1, 0.9];
    const TARGET: [f32; 12] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0];

    fn loss_of(weights: [f64; 2], logits: &[f32], target: &[f32]) -> (f64, Vec<f32>) {
        let mut d_output = vec![9.0; logits.len()];
        let loss = KnownCrossEntropy::new(weights.to_vec(), 3);
        (loss.evaluate(logits, target, &mut d_output).unwrap(), d_output)
    }

    #[test]
    fn by_hand_where_both_classes_are_alike() {
        let (loss, d_output) = loss_of([1.0, 1.0], &[0.0; 12], &TARGET);
        assert!((loss - 2f64.ln()).abs() < 1e-7);
        // Of five known pixels: (1/2 - 1) / 5 and (1/2 - 0) / 5; of the unknown one nothing.
        assert!((d_output[0] + 0.1).abs() < 1e-7 && (d_output[3] - 0.1).abs() < 1e-7);
        assert_eq!((d_output[2], d_output[5]), (0.0, 0.0));
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        for weights in [[1.0, 1.0], [0.5, 3.0]] {
            let (_, d_output) = loss_of(weights, &LOGITS, &TARGET);
            for place in 0..LOGITS.len() {
                let moved = |by: f32| {
                    let mut logits = LOGITS;
                    logits[place] += by;
                    loss_of(weights, &logits, &TARGET).0
                };
                let difference = (moved(0.01) - moved(-0.01)) / 0.02;
                assert!((difference - f64::from(d_output[place])).abs() < 2e-5, "{place}");
            }
        }
    }

    #[test]
    fn where_nothing_is_known_nothing_is_lost_and_what_is_no_number_is_passed_on() {
        let (loss, d_output) = loss_of([1.0, 2.0], &LOGITS, &[0.0; 12]);
        assert_eq!(loss, 0.0);
        assert!(d_output.iter().all(|d| *d == 0.0));
        let mut broken = LOGITS;
        broken[4] = f32::NAN;
        assert!(loss_of([1.0, 1.0], &broken, &TARGET).0.is_nan());
        assert!(KnownCrossEntropy::new(vec![1.0; 2], 4).evaluate(&LOGITS, &TARGET, &mut [0.0; 12]).is_err());
    }
}
