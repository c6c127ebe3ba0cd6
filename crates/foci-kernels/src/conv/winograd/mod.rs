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
//! a small matrix product (channels out x channels in) by (channels in x tiles); neighbouring tiles are the lanes
//! of a vector. As `y` is linear in `g`, its gradient is the transpose of the same formula,
//!
//! `dg = Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G`, summed over all tiles,
//!
//! and the gradient by the input is a forward pass with the kernel turned round.
//!
//! The outputs of one tile are as far apart as the taps, so that a dilated kernel differs only in how pixels are
//! sorted (see [`tiles`]). The price is rounding: about 1e-5 of the largest value instead of 1e-6, and
//! the same at every instruction level and number of threads.

mod gather;
mod gradient;
mod matrices;
mod outer;
mod pass;
mod product;
mod scatter;
#[cfg(test)]
mod tests;
mod tiles;
mod transform;

pub(crate) use gradient::WinogradGradient;
pub(crate) use outer::WinogradOuterGradient;
pub(crate) use pass::WinogradPass;

use tiles::{sortable, tiles_along};

/// Pixels along a side of a tile's output.
const OUT: usize = 4;
/// Pixels along a side of what a tile reads, and points along a side.
const IN: usize = 6;
/// Points of a tile.
const POINTS: usize = IN * IN;

/// What a layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its output, or the gradient by its inputs.
    Pass,
    /// The gradient by its weights.
    Weights,
    /// That gradient with channels as lanes.
    WeightsAcross,
}

/// Least channels read times channels written for which the transforms of a pass are worth their time: with AVX-512 it
/// would be twice as many, with AVX2 fewer ...
const LEAST_PRODUCTS: usize = 100;
/// ... and those of a gradient by weights, which sums directly with more trouble unless channels fill sixteens ...
const LEAST_WEIGHT_PRODUCTS: usize = 27;
/// ... and those for which such a gradient has channels as lanes.
const LEAST_PRODUCTS_ACROSS: usize = 900;
/// Least channels on either side.
const LEAST_CHANNELS: usize = 3;
/// Least tiles of an image.
const LEAST_TILES: usize = 32;
/// Largest number of computed output pixels for each hundred that the image has: with more, too many
/// of the tiles reach over the border.
const MOST_COMPUTED: u128 = 160;
/// Largest dilation: a block of tiles is a run at least.
const MOST_DILATION: usize = 128;

/// Whether a 3x3 convolution between so many channels is done this way. The rule knows only shapes, so that
/// the same layer always gives the same bits; its numbers were measured (`examples/speed.rs`).
///
/// Dilations whose runs neither divide a vector nor are made of vectors are left to the direct form, to which all are
/// alike. So is an image that does not fill one block of tiles: it costs little anyway, and on
/// few pixels a gradient may be zero in truth, which direct sums give and transformed ones miss by a rounding
/// (that Adam's first steps, which go by the sign, would then follow).
pub(crate) fn worthwhile(
    part: Part,
    channels_in: usize,
    channels_out: usize,
    (h, w): (usize, usize),
    dilation: usize,
) -> bool {
    let least = match part {
        Part::Pass => LEAST_PRODUCTS,
        Part::Weights => LEAST_WEIGHT_PRODUCTS,
        Part::WeightsAcross => LEAST_PRODUCTS_ACROSS,
    };
    if channels_in.min(channels_out) < LEAST_CHANNELS
        || channels_in.saturating_mul(channels_out) < least
        || dilation > MOST_DILATION
        || !sortable(dilation)
        || (part == Part::WeightsAcross && !filled(channels_in, channels_out))
    {
        return false;
    }
    let tiles = tiles_along(h, dilation) as u128 * tiles_along(w, dilation) as u128;
    tiles >= LEAST_TILES as u128 && tiles * 1600 <= h as u128 * w as u128 * MOST_COMPUTED
}

/// Whether channels on both sides fill so much of their sixteens, which are what is gathered and transformed, that half of all
/// pairs of lanes is wanted.
fn filled(channels_in: usize, channels_out: usize) -> bool {
    let lanes = |channels: usize| channels.saturating_add(15) / 16 * 16;
    let products = lanes(channels_in).saturating_mul(lanes(channels_out));
    channels_in.saturating_mul(channels_out) >= products / 2
}

/// Outputs of a tile along an axis; 1 for a dilation that is never done this way.
pub(crate) fn outputs_together(dilation: usize) -> usize {
    if dilation <= MOST_DILATION && sortable(dilation) { OUT } else { 1 }
}

/// The tiles that a block should have: `most`, or fewer on small images, of which there should be eight blocks for
/// the workers to share, but no fewer than `least`.
fn tiles_wanted(n: usize, (h, w): (usize, usize), dilation: usize, most: usize, least: usize) -> usize {
    let tiles = n.saturating_mul(tiles_along(h, dilation)).saturating_mul(tiles_along(w, dilation));
    (tiles / 8).clamp(least.min(most), most)
}

/// So many floats, or a few more: an odd number of cache lines. Rows that lie so far apart do not compete for the
/// same places of a cache.
fn apart(floats: usize) -> usize {
    (floats.div_ceil(16) | 1) * 16
}

#[cfg(test)]
mod rule {
    use super::*;

    #[test]
    fn layers_of_few_channels_or_pixels_go_directly() {
        let at = |part, channels_in, channels_out| worthwhile(part, channels_in, channels_out, (64, 64), 1);
        assert!(at(Part::Pass, 10, 10) && !at(Part::Pass, 9, 11));
        assert!(at(Part::WeightsAcross, 30, 30) && !at(Part::WeightsAcross, 29, 31), "too few products");
        assert!(at(Part::WeightsAcross, 32, 32) && !at(Part::WeightsAcross, 33, 33), "lanes in vain");
        assert!(at(Part::Weights, 9, 3) && !at(Part::Weights, 2, 100) && !at(Part::Weights, 5, 5));
        // 32 tiles of 4 x 4 pixels.
        assert!(worthwhile(Part::Pass, 10, 10, (16, 32), 1) && !worthwhile(Part::Pass, 10, 10, (16, 28), 1));
        assert!(!worthwhile(Part::Pass, 10, 10, (64, 64), 3), "a dilation that is not sorted");
    }
}
