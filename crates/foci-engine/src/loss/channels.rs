//! A loss of several parts: some channels of the output are judged in one way, others in another.
//!
//! A net that separates touching nuclei gives classes of pixels in its first channels and a distance in its last. Each part
//! is evaluated on its own channels of all images of the batch together, and counts with its share: what compares areas, as Dice does,
//! has more to go by in a batch than in one crop that may hold none of a class.

use super::{Loss, check_lengths};
use crate::error::EngineError;
use std::cell::RefCell;

/// Some channels, with their loss and what it counts.
pub struct ChannelLoss {
    /// Number of channels, after those of the parts before.
    pub channels: usize,
    /// Factor of the loss.
    pub share: f64,
    /// How the channels are judged.
    pub loss: Box<dyn Loss>,
}

/// The sum of the losses of parts.
pub struct ByChannels {
    parts: Vec<ChannelLoss>,
    pixels: usize,
    /// Outputs, targets and derivatives of one part, image by image; kept, so that training allocates nothing.
    gathered: RefCell<[Vec<f32>; 3]>,
}

impl ByChannels {
    /// For images of `pixels` pixels whose channels are those of the parts, one after the other.
    pub fn new(parts: Vec<ChannelLoss>, pixels: usize) -> ByChannels {
        ByChannels { parts, pixels, gathered: RefCell::default() }
    }
}

impl Loss for ByChannels {
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError> {
        check_lengths(output, target, d_output)?;
        let image = self.pixels * self.parts.iter().map(|part| part.channels).sum::<usize>();
        if image == 0 || !output.len().is_multiple_of(image) {
            let expected = output.len().next_multiple_of(image.max(1)).max(1);
            return Err(EngineError::Length { what: "channels of the parts", expected, found: output.len() });
        }
        let mut gathered = self.gathered.borrow_mut();
        let [outputs, targets, derivatives] = &mut *gathered;
        let mut total = 0.0;
        let mut first = 0;
        for part in &self.parts {
            let place = first..first + part.channels * self.pixels;
            first = place.end;
            for (all, own) in [(output, &mut *outputs), (target, &mut *targets)] {
                own.clear();
                all.chunks_exact(image).for_each(|image| own.extend_from_slice(&image[place.clone()]));
            }
            derivatives.resize(outputs.len(), 0.0);
            total += part.share * part.loss.evaluate(outputs, targets, derivatives)?;
            let images = d_output.chunks_exact_mut(image).zip(derivatives.chunks_exact(place.len().max(1)));
            for (image, own) in images {
                for (value, d) in image[place.clone()].iter_mut().zip(own) {
                    *value = part.share as f32 * d;
                }
            }
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MeanAbsoluteError, MeanSquaredError};

    #[test]
    fn parts_are_judged_each_in_its_own_way() {
        let parts = vec![
            ChannelLoss { channels: 2, share: 1.0, loss: Box::new(MeanSquaredError) },
            ChannelLoss { channels: 1, share: 3.0, loss: Box::new(MeanAbsoluteError) },
        ];
        let loss = ByChannels::new(parts, 2);
        // Two images of three channels of two pixels.
        let output = [1.0, 1.0, 1.0, 1.0, 2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0];
        let mut d_output = [9.0; 12];
        let found = loss.evaluate(&output, &[0.0; 12], &mut d_output).unwrap();
        // Squares: four ones of eight; absolute values: 2, 2, 0, 4 of four, three times.
        assert_eq!(found, 0.5 + 3.0 * 2.0);
        // Squares: 2 / 8; absolute values: 3 / 4.
        assert_eq!(d_output, [0.25, 0.25, 0.25, 0.25, 0.75, -0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75]);
        assert!(loss.evaluate(&[0.0; 8], &[0.0; 8], &mut [0.0; 8]).is_err());
        assert!(ByChannels::new(Vec::new(), 2).evaluate(&[0.0; 2], &[0.0; 2], &mut [0.0; 2]).is_err());
    }
}
