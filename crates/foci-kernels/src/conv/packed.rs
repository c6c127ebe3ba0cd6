//! The weights of a pass in the order in which its tiles read them: all of a group of output channels, tap after
//! tap and input channel after input channel, so that a tile goes through them once from front to back.

use super::planes::Group;

/// Weights and bias of a pass.
pub(crate) struct Packed {
    pub groups: Vec<Group>,
    channels_in: usize,
    taps: usize,
    /// For each group `[channel in][tap][channel of the group]`.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Packed {
    /// Zeros for a pass from `channels_in` planes under `taps` taps to channels that are computed in `groups`.
    pub fn new(taps: usize, channels_in: usize, groups: Vec<Group>) -> Packed {
        let channels: usize = groups.iter().map(|group| group.count).sum();
        Packed {
            groups,
            channels_in,
            taps,
            weights: vec![0.0; channels * channels_in * taps],
            bias: vec![0.0; channels],
        }
    }

    /// Floats of weights and bias of a pass of this shape; none if they cannot be counted.
    pub fn floats_of(taps: usize, channels_in: usize, channels_out: usize) -> Option<usize> {
        channels_in.checked_mul(taps)?.checked_add(1)?.checked_mul(channels_out)
    }

    /// Floats of weights and bias.
    pub fn floats(&self) -> usize {
        self.weights.len() + self.bias.len()
    }

    /// Packs `weight(output channel, input channel, tap)` and the bias, which is zero if there is none.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        let mut to = self.weights.iter_mut();
        for group in &self.groups {
            for i in 0..self.channels_in {
                for tap in 0..self.taps {
                    for o in group.first..group.first + group.count {
                        if let Some(to) = to.next() {
                            *to = weight(o, i, tap);
                        }
                    }
                }
            }
        }
        match bias {
            Some(bias) => self.bias.copy_from_slice(bias),
            None => self.bias.fill(0.0),
        }
    }

    /// Weights and bias of a group.
    #[inline(always)]
    pub fn of(&self, group: &Group) -> (*const f32, *const f32) {
        let weights = &self.weights[group.first * self.channels_in * self.taps..];
        (weights.as_ptr(), self.bias[group.first..].as_ptr())
    }
}
