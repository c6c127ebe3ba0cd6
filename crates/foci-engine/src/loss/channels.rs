//! A loss of several parts: some channels of the output are judged in one way, others in another.
//!
//! A net that separates touching nuclei gives classes of pixels in its first channels and a distance in its last. Each part
//! is evaluated image by image on its own channels, and counts with its share.

use super::{Loss, check_lengths};
use crate::error::EngineError;

/// Some channels, with their loss and what it counts.
pub struct ChannelLoss {
    /// Number of channels, after those of the parts before.
    pub channels: usize,
    /// Factor of the loss.
    pub share: f64,
    /// How the channels are judged.
    pub loss: Box<dyn Loss>,
}

/// The sum of the losses of parts, averaged over images.
pub struct ByChannels {
    parts: Vec<ChannelLoss>,
    pixels: usize,
}

impl ByChannels {
    /// For images of `pixels` pixels whose channels are those of the parts, one after the other.
    pub fn new(parts: Vec<ChannelLoss>, pixels: usize) -> ByChannels {
        ByChannels { parts, pixels }
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
        let images = (output.len() / image) as f64;
        let mut total = 0.0;
        let mut start = 0;
        while start < output.len() {
            for part in &self.parts {
                let place = start..start + part.channels * self.pixels;
                start = place.end;
                let share = part.share / images;
                let d_part = &mut d_output[place.clone()];
                total += share * part.loss.evaluate(&output[place.clone()], &target[place], d_part)?;
                d_part.iter_mut().for_each(|value| *value *= share as f32);
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
        // First image 1 + 3 * 2, second 0 + 3 * 2; their mean.
        assert_eq!(found, 6.5);
        // Squares: 2 / 4 over two images; absolute values: 3 / 2 over two images.
        assert_eq!(d_output, [0.25, 0.25, 0.25, 0.25, 0.75, -0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75]);
        assert!(loss.evaluate(&[0.0; 8], &[0.0; 8], &mut [0.0; 8]).is_err());
        assert!(ByChannels::new(Vec::new(), 2).evaluate(&[0.0; 2], &[0.0; 2], &mut [0.0; 2]).is_err());
    }
}
