//! What the convolution kernels keep for each layer besides the arena: packed weights and scratch.
//!
//! This follows the kernels (`foci-kernels`, module `conv`) number by number, so that bytes can be told from a net
//! alone; that they still agree is tested in `foci-engine` for whole nets. All counts are in floats.

use super::LANES;

/// Up to this many output channels, a pass has its lanes run over input channels.
const FEW: usize = 4;
/// Pixels of the tile for which each worker has room to copy a border.
const TILE_PIXELS: usize = 28;
/// The gradient of the weights is summed in at most so many chunks ...
const MOST_CHUNKS: usize = 16;
/// ... of at least so many pixels.
const CHUNK_PIXELS: usize = 256;
/// Bytes of a float.
const FLOAT: usize = 4;
/// Bytes that each worker keeps for each channel block read: its address.
const ADDRESS: usize = 8;

/// A convolution, plain or transposed, at one size.
pub(super) struct Layer<'a> {
    /// Side of the kernel.
    pub kernel: usize,
    /// Distance of the taps.
    pub dilation: usize,
    /// Whether it is transposed, with stride 2.
    pub transposed: bool,
    /// Channels of the maps read.
    pub inputs: &'a [usize],
    /// Channels written.
    pub channels: usize,
    /// Images, height and width of what is written.
    pub n: usize,
    pub h: usize,
    pub w: usize,
}

impl Layer<'_> {
    /// Bytes kept on `threads` threads.
    pub(super) fn bytes(&self, training: bool, threads: usize) -> Option<u64> {
        let blocks_in: usize = self.inputs.iter().map(|channels| channels.div_ceil(LANES)).sum();
        let blocks_out = self.channels.div_ceil(LANES);
        let channels_in: usize = self.inputs.iter().sum();
        let taps = self.kernel * self.kernel;
        let mut floats = if self.transposed {
            // One pass for each parity of row and column, with a quarter of the taps.
            4 * packed(self.inputs, self.channels, taps / 4)?
        } else {
            packed(self.inputs, self.channels, taps)?
        };
        let blocks = if training { blocks_in.max(blocks_out) } else { blocks_in };
        if training {
            for &channels in self.inputs {
                floats = floats.checked_add(packed(&[self.channels], channels, taps)?)?;
            }
            floats =
                floats.checked_add(self.weight_gradient(blocks_in, blocks_out, channels_in, threads)?)?;
        }
        let border = blocks * taps * TILE_PIXELS * LANES;
        let workers = threads.checked_mul(border * FLOAT + blocks * ADDRESS)?;
        Some(floats.checked_mul(FLOAT)?.checked_add(workers)? as u64)
    }

    /// Sums of each chunk, and each worker's copy of a row.
    fn weight_gradient(
        &self,
        blocks_in: usize,
        blocks_out: usize,
        channels_in: usize,
        threads: usize,
    ) -> Option<usize> {
        let rows = self.n.checked_mul(self.h)?;
        let chunks = (rows.checked_mul(self.w)? / CHUNK_PIXELS).clamp(1, MOST_CHUNKS).min(rows);
        // Sixteen channels at a time for the one side, one by one for the other: whichever is less work.
        let swapped = !self.transposed && blocks_in * self.channels < blocks_out * channels_in;
        let (blocks, channels) = if swapped { (blocks_in, self.channels) } else { (blocks_out, channels_in) };
        let sums = blocks.checked_mul(channels)?.checked_mul(self.kernel * self.kernel * LANES)?;
        let row = if self.transposed {
            // Even and odd columns apart. The taps of a kernel of 4 reach one pixel to each side.
            2 * (self.w.div_ceil(2) + 2 * (self.kernel / 4))
        } else if self.kernel == 1 {
            self.w
        } else {
            self.w + 2 * self.dilation.min(self.w)
        };
        let copies = threads.checked_mul(blocks * LANES)?.checked_mul(row)?;
        chunks.checked_mul(sums.checked_add(blocks_out * LANES)?)?.checked_add(copies)
    }
}

/// Weights and bias of one pass from maps of `inputs` channels to `channels`.
fn packed(inputs: &[usize], channels: usize, taps: usize) -> Option<usize> {
    let channels_in: usize = inputs.iter().sum();
    let blocks_in: usize = inputs.iter().map(|channels| channels.div_ceil(LANES)).sum();
    let blocks = channels.div_ceil(LANES);
    let weights = if channels <= FEW && channels_in >= 2 * channels {
        channels * blocks_in * LANES
    } else {
        channels_in.checked_mul(blocks * LANES)?
    };
    weights.checked_mul(taps)?.checked_add(blocks * LANES)
}
