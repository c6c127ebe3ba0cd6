//! A loss for classes: cross-entropy, which looks at every pixel by itself, and Dice, which looks at areas.
//!
//! Outputs `z` are logits [N, K, H, W], one channel for each class; targets `y` are shares of the classes of the same shape,
//! usually 1 in one channel and 0 in the others. With `p = softmax(z)` over the channels, weights `w` of the classes and
//! sums over all pixels of all images,
//!
//! ```text
//! cross-entropy = - sum of w_k y_k ln p_k / sum of w_k y_k
//! Dice          = 1 - mean over k of (2 sum of p_k y_k + 1) / (sum of p_k + sum of y_k + 1)
//! loss          = cross-entropy + Dice
//! ```
//!
//! Cross-entropy is PyTorch's with class weights; Dice is the soft one of Milletari, Navab, Ahmadi 2016 (V-Net) with the areas
//! themselves in the denominator instead of their squares, smoothed by one pixel so that a class which is nowhere costs nothing if
//! nothing is taken for it. Their sum is what nnU-Net trains with (Isensee et al. 2021). Where objects are rare,
//! cross-entropy alone is content with background everywhere; Dice is not.

use super::{Loss, check_lengths};
use crate::error::EngineError;
use crate::sums::sum_of_images;

/// Pixels that smooth the Dice of a class.
const SMOOTH: f64 = 1.0;

/// Most classes: those that an 8-bit mask can tell apart. Their areas lie on the stack, since training allocates nothing.
const MOST_CLASSES: usize = 256;

/// Cross-entropy with class weights, plus Dice.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropyDice {
    weights: Vec<f64>,
    pixels: usize,
}

impl CrossEntropyDice {
    /// For images of `pixels` pixels, with one weight for each class; as a rule they are all 1; at
    /// most 256.
    pub fn new(weights: Vec<f64>, pixels: usize) -> CrossEntropyDice {
        CrossEntropyDice { weights, pixels }
    }
}

impl Loss for CrossEntropyDice {
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError> {
        check_lengths(output, target, d_output)?;
        let (classes, pixels) = (self.weights.len(), self.pixels);
        let image = classes * pixels;
        let images = count_images(output, image)?;
        if classes > MOST_CLASSES {
            return Err(EngineError::Length {
                what: "the weights of classes",
                expected: MOST_CLASSES,
                found: classes,
            });
        }
        // Probabilities first; they become derivatives in place, pixel by pixel.
        for (logits, probabilities) in output.chunks_exact(image).zip(d_output.chunks_exact_mut(image)) {
            softmax(logits, probabilities, pixels);
        }
        // Value `class` of a pixel of an image.
        let at = |number: usize, pixel: usize, class: usize| number * image + class * pixels + pixel;
        let [weight_sum, entropy] = cross_entropy(&self.weights, output, target, pixels);
        let mut areas = [(0.0, 0.0); MOST_CLASSES];
        let areas = &mut areas[..classes];
        for (class, sums) in areas.iter_mut().enumerate() {
            let y = |number: usize, pixel: usize| f64::from(target[at(number, pixel, class)]);
            let p = |number: usize, pixel: usize| f64::from(d_output[at(number, pixel, class)]);
            let both = 2.0 * sum_of_images(images, pixels, |i, j| p(i, j) * y(i, j)) + SMOOTH;
            let all = sum_of_images(images, pixels, |i, j| p(i, j) + y(i, j)) + SMOOTH;
            *sums = (both, all);
        }
        let dice = 1.0 - areas.iter().map(|(both, all)| both / all).sum::<f64>() / classes as f64;
        let scale = if weight_sum > 0.0 { 1.0 / weight_sum } else { 0.0 };
        for (number, pixel) in (0..images).flat_map(|number| (0..pixels).map(move |pixel| (number, pixel))) {
            let y = |class: usize| f64::from(target[at(number, pixel, class)]);
            let by_probability = |class: usize| {
                let (both, all) = areas[class];
                (both - 2.0 * y(class) * all) / (all * all * classes as f64)
            };
            let weighted: f64 = (0..classes).map(|class| self.weights[class] * y(class)).sum();
            let mean: f64 = (0..classes)
                .map(|class| by_probability(class) * f64::from(d_output[at(number, pixel, class)]))
                .sum();
            for class in 0..classes {
                let p = f64::from(d_output[at(number, pixel, class)]);
                let of_entropy = scale * (p * weighted - self.weights[class] * y(class));
                d_output[at(number, pixel, class)] = (of_entropy + p * (by_probability(class) - mean)) as f32;
            }
        }
        Ok(entropy * scale + dice)
    }
}

/// How many images of `image` values there are in the logits.
///
/// # Errors
/// [`EngineError::Length`] if they are not those of whole images.
pub(super) fn count_images(output: &[f32], image: usize) -> Result<usize, EngineError> {
    if image == 0 || !output.len().is_multiple_of(image) {
        let expected = output.len().next_multiple_of(image.max(1)).max(1);
        return Err(EngineError::Length { what: "logits of classes", expected, found: output.len() });
    }
    Ok(output.len() / image)
}

/// `sum of w_k y_k` and `- sum of w_k y_k ln p_k` over all pixels of all images, from logits and targets.
pub(super) fn cross_entropy(weights: &[f64], output: &[f32], target: &[f32], pixels: usize) -> [f64; 2] {
    let image = weights.len() * pixels;
    let images = output.len() / image;
    let (mut weight_sum, mut entropy) = (0.0, 0.0);
    for (class, &weight) in weights.iter().enumerate() {
        let y = |i: usize, j: usize| f64::from(target[i * image + class * pixels + j]);
        weight_sum += weight * sum_of_images(images, pixels, y);
        // Of targets of 0 and 1 the logarithm is asked for once a pixel, not once a class.
        let information = |i: usize, j: usize| match y(i, j) {
            0.0 => 0.0,
            share => share * ln_probability(&output[i * image + j..], pixels, class, weights.len()),
        };
        entropy -= weight * sum_of_images(images, pixels, information);
    }
    [weight_sum, entropy]
}

/// Probabilities of the classes of one image from its logits, [K, H, W] both, of `pixels` = H W.
pub fn softmax(logits: &[f32], probabilities: &mut [f32], pixels: usize) {
    for i in 0..pixels {
        let of_pixel = || logits[i..].iter().step_by(pixels);
        let largest = of_pixel().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut total = 0.0;
        for (place, &logit) in of_pixel().enumerate() {
            let value = (logit - largest).exp();
            probabilities[place * pixels + i] = value;
            total += value;
        }
        probabilities[i..].iter_mut().step_by(pixels).for_each(|value| *value /= total);
    }
}

/// `ln p` of a class of the pixel that `logits` begins with, whose classes lie `pixels` apart; from the logits, so that a
/// probability of 0 in single precision has a finite logarithm.
fn ln_probability(logits: &[f32], pixels: usize, class: usize, classes: usize) -> f64 {
    let logit = |class: usize| f64::from(logits[class * pixels]);
    let largest = (0..classes).map(logit).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = (0..classes).map(|other| (logit(other) - largest).exp()).sum();
    logit(class) - largest - total.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images of three pixels in two classes: logits, targets.
    const LOGITS: [f32; 12] = [0.3, -1.0, 2.0, 0.1, 0.4, -0.6, 1.5, 0.0, -0.2, 0.7, -1.1, 0.9];
    const TARGET: [f32; 12] = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0];

    fn loss_of(weights: [f64; 2], logits: &[f32]) -> (f64, Vec<f32>) {
        let mut d_output = vec![0.0; logits.len()];
        let loss = CrossEntropyDice::new(weights.to_vec(), 3);
        (loss.evaluate(logits, &TARGET, &mut d_output).unwrap(), d_output)
    }

    #[test]
    fn by_hand_where_nothing_is_known() {
        // Logits of 0: both classes have probability 1/2 everywhere, the entropy is ln 2. Four pixels of the first class, two
        // of the second: Dice (2 * 2 + 1) / (3 + 4 + 1) and (2 * 1 + 1) / (3 + 2 + 1).
        let (loss, d_output) = loss_of([1.0, 1.0], &[0.0; 12]);
        assert!((loss - (2f64.ln() + 1.0 - 0.5 * (5.0 / 8.0 + 0.5))).abs() < 1e-6);
        // Of the first pixel, of class one: entropy (1/2 - 1) / 6; by p: (5 - 16) / (64 * 2) and 3 / (36 * 2), whose difference
        // counts p (1 - p) = 1/4.
        let expected = -0.5 / 6.0 + 0.25 * (-11.0 / 128.0 - 3.0 / 72.0);
        assert!((f64::from(d_output[0]) - expected).abs() < 1e-6, "{} for {expected}", d_output[0]);
        assert!((d_output[0] + d_output[3]).abs() < 1e-7, "moving all logits of a pixel changes nothing");
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        for weights in [[1.0, 1.0], [0.5, 3.0]] {
            let (_, d_output) = loss_of(weights, &LOGITS);
            for place in 0..LOGITS.len() {
                let moved = |by: f32| {
                    let mut logits = LOGITS;
                    logits[place] += by;
                    loss_of(weights, &logits).0
                };
                let difference = (moved(0.01) - moved(-0.01)) / 0.02;
                assert!((difference - f64::from(d_output[place])).abs() < 2e-5, "{place}");
            }
        }
    }

    #[test]
    fn a_weight_counts_as_often_as_it_says() {
        let (plain, heavy) = (loss_of([1.0, 1.0], &[0.0; 12]).0, loss_of([1.0, 5.0], &[0.0; 12]).0);
        assert!((plain - heavy).abs() < 1e-9, "where all pixels are alike, weights change nothing");
        let sure: Vec<f32> = TARGET.iter().map(|&share| 60.0 * share).collect();
        let (loss, d_output) = loss_of([1.0, 2.0], &sure);
        assert!((0.0..1e-6).contains(&loss) && d_output.iter().all(|d| d.abs() < 1e-6), "{loss}");
    }

    #[test]
    fn what_is_wrong_without_doubt_is_finite_and_what_is_no_number_is_passed_on() {
        let wrong: Vec<f32> = TARGET.iter().map(|&share| 200.0 * (1.0 - share)).collect();
        let (loss, d_output) = loss_of([1.0, 1.0], &wrong);
        assert!(loss > 200.0 && loss.is_finite() && d_output.iter().all(|d| d.is_finite()));
        let mut broken = LOGITS;
        broken[4] = f32::NAN;
        assert!(loss_of([1.0, 1.0], &broken).0.is_nan());
    }

    #[test]
    fn lengths_must_be_those_of_whole_images() {
        let loss = CrossEntropyDice::new(vec![1.0; 2], 4);
        let error = loss.evaluate(&[0.0; 12], &[0.0; 12], &mut [0.0; 12]).unwrap_err();
        assert!(matches!(error, EngineError::Length { expected: 16, found: 12, .. }));
        assert!(CrossEntropyDice::new(vec![], 4).evaluate(&[0.0; 4], &[0.0; 4], &mut [0.0; 4]).is_err());
    }
}
