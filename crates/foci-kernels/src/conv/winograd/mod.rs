//! Winograd's minimal filtering, F(4x4, 3x3): sixteen outputs of a 3x3 kernel from 36 products instead of 144.
//!
//! A Lavin and S Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (arXiv:1509.09308), after
//! S Winograd, "Arithmetic Complexity of Computations", 1980. A correlation of 4 outputs and 3 taps is a product
//! of polynomials, and those are known from their values at 6 points (here 0, 1, -1, 2, -2 and infinity):
//! values of both, products, and back. With the [`matrices`] of the three steps, a tile `d` of 6x6 inputs and a
//! kernel `g` give
//!
//! `y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`,
//!
//! where the sum over input channels is taken of the products, before the way back. So each of the 36 points is
//! a small matrix product (tiles x channels in) by (channels in x channels out), which runs in the same innermost
//! loop as the direct convolution. As `y` is linear in `g`, its gradient is the transpose of the same formula,
//!
//! `dg = Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G`, summed over all tiles,
//!
//! and the gradient by the input is a forward pass with the kernel turned round.
//!
//! The outputs of one tile are as far apart as the taps, so that a dilated kernel differs only in the addresses
//! of pixels (see [`tiles`]). The price is rounding: about 1e-5 of the largest value instead of 1e-6, and
//! the same at every instruction level and number of threads.

mod ahead;
mod gradient;
mod matrices;
mod pack;
mod pass;
mod source;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;

pub(crate) use gradient::WinogradGradient;
pub(crate) use pass::WinogradPass;

use crate::view::LANES;
use tiles::{columns, rows};

/// Pixels along a side of a tile's output.
const OUT: usize = 4;
/// Pixels along a side of what a tile reads, and points along a side.
const IN: usize = 6;
/// Points of a tile.
const POINTS: usize = IN * IN;
/// Tiles done together: as many as fill the registers of the widest level, twice 14 or once 28.
const TILES: usize = 28;
/// Channel blocks of the output done together, at most.
const GROUP: usize = 2;

/// Least channels read and written for which the transforms are worth their time.
const LEAST_CHANNELS: usize = 6;
/// Largest number of computed output pixels for each hundred that the image has: with more, too many
/// of the tiles reach over the border.
const MOST_COMPUTED: usize = 160;

/// Floats between the values of one point and those of the next, for `blocks` blocks of 16 channels. One vector
/// more than needed, so that the points of a tile do not all fall on the same few lines of a cache.
fn point_floats(blocks: usize) -> usize {
    (blocks * TILES + 1) * LANES
}

/// Whether a 3x3 convolution between so many channels is done this way. The rule knows only shapes, so that
/// the same layer always gives the same bits; its numbers were measured (`examples/speed.rs`).
///
/// An image that does not fill one block of tiles is left to the direct form: it costs little anyway, and on
/// few pixels a gradient may be zero in truth, which direct sums give and transformed ones miss by a rounding
/// (that Adam's first steps, which go by the sign, would then follow).
pub(crate) fn worthwhile(
    channels_in: usize,
    channels_out: usize,
    (h, w): (usize, usize),
    dilation: usize,
) -> bool {
    let tiles = rows(h, dilation) * columns(w, dilation);
    channels_in.min(channels_out) >= LEAST_CHANNELS
        && tiles >= TILES
        && tiles * OUT * OUT * 100 <= h * w * MOST_COMPUTED
}

/// Floats of scratch that a worker needs for a pass from `blocks_in` to `blocks_out` blocks.
pub(crate) fn pass_floats(blocks_in: usize, blocks_out: usize) -> usize {
    POINTS * (point_floats(blocks_in) + point_floats(blocks_out.min(GROUP)))
}

/// Floats of scratch that a worker needs for a gradient by weights of `channels` broadcast channels in
/// `broadcast` blocks and `vector` blocks on the vector side.
pub(crate) fn gradient_floats(vector: usize, broadcast: usize, channels: usize) -> usize {
    POINTS * (point_floats(vector) + point_floats(broadcast) + vector * channels * LANES)
}
