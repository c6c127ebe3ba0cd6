//! How weights lie in memory for the tiles of a pass: in groups of output channels that fill the registers
//! of a level, or, for few output channels, with input channels in the lanes.

use super::blocks::{Block, scratch};
use crate::arena::Arena;
use crate::simd::Simd;
use crate::view::{LANES, View};

/// Up to this many output channels, lanes run over input channels.
pub(super) const FEW: usize = 4;

/// Output channels computed together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    /// First channel block of the output.
    pub block: usize,
    /// How many blocks: 1 or 2.
    pub blocks: usize,
    /// Where its weights start.
    pub weights: usize,
}

/// The packed weights and bias of one pass from a list of channel blocks to one view.
pub(crate) struct Packed {
    pub groups: Vec<Group>,
    /// How many groups, all at the front, are two blocks wide.
    pub pairs: usize,
    /// Whether lanes run over input channels.
    pub few: bool,
    pub channels_out: usize,
    /// Valid channels of each source block.
    pub valid: Vec<usize>,
    taps: usize,
    pub weights: Arena,
    pub bias: Arena,
}

impl Packed {
    pub fn new(simd: Simd, source: &[Block], target: &View, taps: usize) -> Packed {
        let valid: Vec<usize> = source.iter().map(|block| block.valid).collect();
        let channels_in: usize = valid.iter().sum();
        let few = target.channels <= FEW && channels_in >= 2 * target.channels;
        let widest = if simd == Simd::Avx512 { 2 } else { 1 };
        let (mut groups, mut block, mut weights, mut pairs) = (Vec::new(), 0, 0, 0);
        while block < target.blocks() {
            let blocks = widest.min(target.blocks() - block);
            groups.push(Group { block, blocks, weights });
            pairs += usize::from(blocks == 2);
            block += blocks;
            weights += if few {
                target.channels * valid.len() * taps * LANES
            } else {
                channels_in * taps * blocks * LANES
            };
        }
        let bias = scratch(target.blocks() * LANES);
        let channels_out = target.channels;
        Packed { groups, pairs, few, channels_out, valid, taps, weights: scratch(weights), bias }
    }

    pub fn bytes(&self) -> usize {
        self.weights.bytes() + self.bias.bytes()
    }

    /// Packs the bias alone.
    pub fn put_bias(&mut self, bias: Option<&[f32]>) {
        if let Some(bias) = bias {
            self.bias.as_mut_slice()[..self.channels_out].copy_from_slice(&bias[..self.channels_out]);
        }
    }

    /// Packs `weight(output channel, input channel, tap)` and `bias(output channel)`.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        self.put_bias(bias);
        let mut to = self.weights.as_mut_slice().iter_mut();
        let mut put = |value: f32| {
            if let Some(place) = to.next() {
                *place = value;
            }
        };
        if self.few {
            for o in 0..self.channels_out {
                let mut first = 0;
                for valid in &self.valid {
                    for tap in 0..self.taps {
                        for lane in 0..LANES {
                            put(if lane < *valid { weight(o, first + lane, tap) } else { 0.0 });
                        }
                    }
                    first += valid;
                }
            }
            return;
        }
        for group in &self.groups {
            let mut first = 0;
            for valid in &self.valid {
                for tap in 0..self.taps {
                    for i in first..first + valid {
                        for o in group.block * LANES..(group.block + group.blocks) * LANES {
                            put(if o < self.channels_out { weight(o, i, tap) } else { 0.0 });
                        }
                    }
                }
                first += valid;
            }
        }
    }
}
