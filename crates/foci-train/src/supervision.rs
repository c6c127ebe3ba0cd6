//! Deep supervision: a loss at the output and, weaker, at the heads of the middle layers.
//!
//! The output of the net that is trained has those of its heads behind its own, all of the target's size
//! ([`Net::regularised`](foci_net::Net::regularised)). A head at scale `s`, a map of one value for each `s x s` pixels,
//! counts `1 / s` as much as the output, and all together count 1: half as much with every halving of the resolution, as
//! nnU-Net has it (Isensee 2021, supplementary note 4). The loss that training reports is this sum.

use foci_engine::{EngineError, Loss};
use foci_net::Net;

/// A loss at the output and at heads.
pub(crate) struct Supervised {
    loss: Box<dyn Loss>,
    images: usize,
    /// What the output and each head count; they sum to 1.
    shares: Vec<f64>,
}

impl Supervised {
    /// The loss of a training of `net`, with or without heads, on `images` images at a time.
    pub fn new(loss: Box<dyn Loss>, net: &Net, deep_supervision: bool, images: usize) -> Supervised {
        let heads = if deep_supervision { net.supervised() } else { Vec::new() };
        let mut shares = vec![1.0];
        shares.extend(heads.iter().map(|&head| 1.0 / net.nodes[head].scale as f64));
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        Supervised { loss, images, shares }
    }
}

impl Loss for Supervised {
    /// `output` and `d_output` are [N, C + heads C, H, W], `target` is [N, C, H, W].
    fn evaluate(&self, output: &[f32], target: &[f32], d_output: &mut [f32]) -> Result<f64, EngineError> {
        if self.shares.len() == 1 {
            return self.loss.evaluate(output, target, d_output);
        }
        let expected = target.len() * self.shares.len();
        for (what, found) in [("the output", output.len()), ("the gradient of the output", d_output.len())] {
            if found != expected {
                return Err(EngineError::Length { what, expected, found });
            }
        }
        let length = (target.len() / self.images).max(1);
        let parts = output.chunks(length).zip(d_output.chunks_mut(length));
        let mut total = 0.0;
        for (place, (output, d_output)) in parts.enumerate() {
            let (image, part) = (place / self.shares.len(), place % self.shares.len());
            let share = self.shares[part] / self.images as f64;
            let target = &target[image * length..(image + 1) * length];
            total += share * self.loss.evaluate(output, target, d_output)?;
            d_output.iter_mut().for_each(|value| *value *= share as f32);
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_engine::MeanSquaredError;
    use foci_net::{Architecture, solve};

    fn unet() -> Net {
        solve::for_weights(&Architecture::shipped("unet").unwrap(), 5_000, 1, 1).unwrap()
    }

    #[test]
    fn heads_count_half_as_much_with_every_halving() {
        let shares = Supervised::new(Box::new(MeanSquaredError), &unet(), true, 1).shares;
        // Bottom at scale 8, then 4, then 2: of 1 + 1/8 + 1/4 + 1/2 = 15/8.
        let expected = [8.0 / 15.0, 1.0 / 15.0, 2.0 / 15.0, 4.0 / 15.0];
        assert!(shares.iter().zip(expected).all(|(share, expected)| (share - expected).abs() < 1e-12));
    }

    #[test]
    fn the_loss_is_the_weighted_sum_image_by_image() {
        let mut supervised = Supervised::new(Box::new(MeanSquaredError), &unet(), false, 2);
        supervised.shares = vec![0.75, 0.25];
        // Two images of two pixels; the output is one off in the first image, the head two in the second.
        let output = [1.0, 1.0, 0.0, 0.0, 5.0, 5.0, 7.0, 7.0];
        let mut d_output = [9.0; 8];
        let loss = supervised.evaluate(&output, &[0.0, 0.0, 5.0, 5.0], &mut d_output).unwrap();
        assert!((loss - (0.75 * 1.0 + 0.25 * 4.0) / 2.0).abs() < 1e-12);
        // 2 / 2 of each difference, times the share, over two images.
        assert_eq!(d_output, [0.375, 0.375, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25]);
        assert!(supervised.evaluate(&output, &[0.0; 3], &mut d_output).is_err());
    }
}
