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
/// Least channels, and most computed pixels for each hundred of the image, with which a 3x3 convolution goes by
/// Winograd's tiles ...
const WINOGRAD_CHANNELS: usize = 6;
const WINOGRAD_COMPUTED: usize = 160;
/// ... of so many pixels along each side, from values at so many points, ...
const TILE_SIDE: usize = 4;
const TILE_POINTS: usize = 36;
/// ... so many tiles at a time (fewer are summed directly), written for so many channel blocks at a time.
const TILES: usize = 28;
const TILE_GROUP: usize = 2;
/// Least blocks of tiles in a chunk of the gradient of the weights.
const TILE_CHUNK: usize = 2;
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
        // What each worker keeps for the points of tiles, for the pass that needs most.
        let mut points = 0;
        let mut pass = |inputs: &[usize], channels: usize| {
            if self.by_tiles(inputs.iter().sum(), channels) {
                let blocks: usize = inputs.iter().map(|channels| channels.div_ceil(LANES)).sum();
                let sums = channels.div_ceil(LANES).min(TILE_GROUP);
                points = points.max(TILE_POINTS * (point(blocks) + point(sums)));
                packed(inputs, channels, TILE_POINTS)
            } else {
                packed(inputs, channels, if self.transposed { taps / 4 } else { taps })
            }
        };
        let mut floats = pass(self.inputs, self.channels)?;
        if self.transposed {
            // One pass for each parity of row and column, with a quarter of the taps.
            floats = floats.checked_mul(4)?;
        }
        let blocks = if training { blocks_in.max(blocks_out) } else { blocks_in };
        if training {
            for &channels in self.inputs {
                let back = if self.transposed {
                    packed(&[self.channels], channels, taps)
                } else {
                    pass(&[self.channels], channels)
                };
                floats = floats.checked_add(back?)?;
            }
            let swapped = self.swapped(blocks_in, blocks_out, channels_in);
            let (vector, broadcast) = if swapped { (blocks_in, blocks_out) } else { (blocks_out, blocks_in) };
            let channels = if swapped { self.channels } else { channels_in };
            floats = floats.checked_add(self.weight_gradient(vector, channels, blocks_out, threads)?)?;
            if self.by_tiles(channels_in, self.channels) {
                let sums = vector.checked_mul(channels * LANES)?;
                let both = point(vector) + point(broadcast);
                points = points.max(both.checked_add(sums)?.checked_mul(TILE_POINTS)?);
            }
        }
        let border = blocks * taps * TILE_PIXELS * LANES;
        let worker = border.checked_add(points)?.checked_mul(FLOAT)?.checked_add(blocks * ADDRESS)?;
        Some(floats.checked_mul(FLOAT)?.checked_add(threads.checked_mul(worker)?)? as u64)
    }

    /// Sixteen channels at a time for the one side, one by one for the other: whether the input is the former,
    /// whichever is less work.
    fn swapped(&self, blocks_in: usize, blocks_out: usize, channels_in: usize) -> bool {
        !self.transposed && blocks_in * self.channels < blocks_out * channels_in
    }

    /// Whether a pass between so many channels goes by Winograd's tiles.
    fn by_tiles(&self, channels_in: usize, channels_out: usize) -> bool {
        if self.transposed || self.kernel != 3 || channels_in.min(channels_out) < WINOGRAD_CHANNELS {
            return false;
        }
        let tiles = self.tile_starts(self.h) as u128 * self.tile_starts(self.w) as u128;
        let (computed, pixels) = (tiles * (TILE_SIDE * TILE_SIDE) as u128, self.h as u128 * self.w as u128);
        tiles >= TILES as u128 && computed * 100 <= pixels * WINOGRAD_COMPUTED as u128
    }

    /// Rows or columns at which tiles start, with outputs that lie a dilation apart.
    fn tile_starts(&self, size: usize) -> usize {
        let dilation = self.dilation.min(self.h.max(self.w));
        size / (TILE_SIDE * dilation) * dilation + dilation.min(size % (TILE_SIDE * dilation))
    }

    /// Sums of each chunk, and each worker's copy of a row.
    fn weight_gradient(
        &self,
        vector: usize,
        channels: usize,
        blocks_out: usize,
        threads: usize,
    ) -> Option<usize> {
        let rows = self.n.checked_mul(self.h)?;
        let sums = vector.checked_mul(channels)?.checked_mul(self.kernel * self.kernel * LANES)?;
        let with_bias = sums.checked_add(blocks_out * LANES)?;
        if self.by_tiles(self.inputs.iter().sum(), self.channels) {
            let tiles =
                self.n.checked_mul(self.tile_starts(self.h))?.checked_mul(self.tile_starts(self.w))?;
            let chunks = (tiles.div_ceil(TILES) / TILE_CHUNK).clamp(1, MOST_CHUNKS);
            return chunks.checked_mul(with_bias);
        }
        let chunks = (rows.checked_mul(self.w)? / CHUNK_PIXELS).clamp(1, MOST_CHUNKS).min(rows);
        let row = if self.transposed {
            // Even and odd columns apart. The taps of a kernel of 4 reach one pixel to each side.
            2 * (self.w.div_ceil(2) + 2 * (self.kernel / 4))
        } else if self.kernel == 1 {
            self.w
        } else {
            self.w + 2 * self.dilation.min(self.w)
        };
        let copies = threads.checked_mul(vector * LANES)?.checked_mul(row)?;
        chunks.checked_mul(with_bias)?.checked_add(copies)
    }
}

/// The values of a block of tiles at one point, and a vector between points.
fn point(blocks: usize) -> usize {
    (blocks * TILES + 1) * LANES
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
