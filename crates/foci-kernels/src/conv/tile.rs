//! The innermost loops of a convolution: a tile of P pixels by a group of output channels, kept in
//! registers while all taps and input channels pass by.
//!
//! Two forms. The wide one has output channels in its lanes and broadcasts each input value:
//! `sum[p][o] = fused(x[p][i], w[i][o], sum[p][o])`, over blocks, then taps, then channels. The one for few
//! outputs has input channels in its lanes, over blocks, then taps, and sums the 16 lanes at the end.
//! The order is the same for each output value whatever the level and the tile, so the bits are.

use super::blocks::Block;
use crate::vector::{Vector, prefetch};
use crate::view::LANES;

/// One position of the kernel that falls inside the image for a row.
#[derive(Clone, Copy, Default)]
pub(crate) struct RowTap {
    /// From a block's pointer of the tile to the first pixel under this tap, in floats.
    pub offset: isize,
    /// Which tap it is, in the order of the packed weights.
    pub index: usize,
}

/// What a tile reads.
#[derive(Clone, Copy)]
pub(crate) struct TileInput<'a> {
    /// For each channel block, where the taps' offsets count from.
    pub sources: &'a [*const f32],
    /// The channel blocks themselves, for how many channels are valid.
    pub blocks: &'a [Block],
    /// Taps inside the image.
    pub taps: &'a [RowTap],
    /// Taps of the kernel, those outside included.
    pub all_taps: usize,
    /// Runs of as many pixels as the tile has that will be wanted soon; asked for bit by bit along the way.
    pub ahead: &'a [*const f32],
}

/// Shares out what is to be asked for ahead of time among the taps, so that memory is never flooded.
struct Ahead {
    next: usize,
    per_tap: usize,
}

impl Ahead {
    #[inline(always)]
    fn new<const P: usize>(input: &TileInput<'_>, rounds: usize) -> Ahead {
        let taps = (input.blocks.len() * input.taps.len() * rounds).max(1);
        Ahead { next: 0, per_tap: (input.ahead.len() * P).div_ceil(taps) }
    }

    #[inline(always)]
    fn fetch<const P: usize>(&mut self, runs: &[*const f32]) {
        for _ in 0..self.per_tap {
            if self.next < runs.len() * P {
                prefetch(runs[self.next / P].wrapping_add(self.next % P * LANES));
                self.next += 1;
            }
        }
    }
}

/// Fills `out`, [P][OUT * V::LANES]. `weights` are [block][tap][valid channel][OUT * V::LANES].
///
/// # Safety
/// The CPU has the level; every source plus tap offset is good for P pixels, `weights` as laid out above,
/// `bias` and each row of `out` for OUT vectors.
#[inline(always)]
pub(crate) unsafe fn wide<V: Vector, const OUT: usize, const P: usize>(
    input: TileInput<'_>,
    weights: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    let group = OUT * V::LANES;
    // SAFETY: see above.
    unsafe {
        let mut sums = [[V::splat(0.0); OUT]; P];
        for o in 0..OUT {
            let start = V::load(bias.add(o * V::LANES));
            for p in 0..P {
                sums[p][o] = start;
            }
        }
        let mut block_weights = weights;
        let mut ahead = Ahead::new::<P>(&input, 1);
        for (source, block) in input.sources.iter().zip(input.blocks) {
            for tap in input.taps {
                let x = source.offset(tap.offset);
                let w = block_weights.add(tap.index * block.valid * group);
                ahead.fetch::<P>(input.ahead);
                // A constant number of channels lets the compiler unroll the usual case.
                if block.valid == LANES {
                    wide_tap::<V, OUT, P>(x, w, LANES, &mut sums);
                } else {
                    wide_tap::<V, OUT, P>(x, w, block.valid, &mut sums);
                }
            }
            block_weights = block_weights.add(input.all_taps * block.valid * group);
        }
        for p in 0..P {
            for o in 0..OUT {
                sums[p][o].store(out.add(p * group + o * V::LANES));
            }
        }
    }
}

/// Adds one tap of one channel block.
#[inline(always)]
unsafe fn wide_tap<V: Vector, const OUT: usize, const P: usize>(
    x: *const f32,
    weights: *const f32,
    channels: usize,
    sums: &mut [[V; OUT]; P],
) {
    // SAFETY: as for `wide`.
    unsafe {
        for i in 0..channels {
            let mut w = [V::splat(0.0); OUT];
            for o in 0..OUT {
                w[o] = V::load(weights.add((i * OUT + o) * V::LANES));
            }
            for p in 0..P {
                let value = V::splat(*x.add(p * LANES + i));
                for o in 0..OUT {
                    sums[p][o] = value.fused(w[o], sums[p][o]);
                }
            }
        }
    }
}

/// Fills `out`, [P][16], for `channels` output channels, the other lanes with zero. `weights` are
/// [channel][block][tap][16], zero in lanes that are not valid; PARTS is 16 / V::LANES.
///
/// # Safety
/// As for [`wide`], with `bias` good for `channels` floats and `out` for P * 16.
#[inline(always)]
pub(crate) unsafe fn few<V: Vector, const PARTS: usize, const P: usize>(
    input: TileInput<'_>,
    channels: usize,
    weights: *const f32,
    bias: *const f32,
    out: *mut f32,
) {
    // SAFETY: see above.
    unsafe {
        for p in 0..P * PARTS {
            V::splat(0.0).store(out.add(p * V::LANES));
        }
        let mut ahead = Ahead::new::<P>(&input, channels);
        for o in 0..channels {
            let mut sums = [[V::splat(0.0); PARTS]; P];
            let mut w = weights.add(o * input.blocks.len() * input.all_taps * LANES);
            for source in input.sources {
                for tap in input.taps {
                    let x = source.offset(tap.offset);
                    ahead.fetch::<P>(input.ahead);
                    for part in 0..PARTS {
                        let shift = part * V::LANES;
                        let factor = V::load(w.add(tap.index * LANES + shift));
                        for p in 0..P {
                            sums[p][part] = V::load(x.add(p * LANES + shift)).fused(factor, sums[p][part]);
                        }
                    }
                }
                w = w.add(input.all_taps * LANES);
            }
            for p in 0..P {
                *out.add(p * LANES + o) = *bias.add(o) + V::sum16(&sums[p]);
            }
        }
    }
}
