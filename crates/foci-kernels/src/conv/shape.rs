//! All that decides how a convolution is computed: told from the shapes alone, so that a layer always gives the same
//! bits, and so that its memory is known before anything is allocated.

use super::correlate::{Extent, WeightGradient};
use super::direct::DirectPass;
use super::lines::lines;
use super::method::{Gradient, Pass};
use super::outer::OuterGradient;
use super::packed::Packed;
use super::winograd::{self, Part, WinogradGradient, WinogradOuterGradient, WinogradPass};
use crate::scratch::ScratchFloats;
use crate::simd::Simd;
use crate::view::LINE;

/// All that decides how a convolution is computed, and what memory it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape<'a> {
    /// Rows and columns of the kernel: 1 or 3.
    pub kernel: usize,
    /// Pixels between neighbouring taps.
    pub dilation: usize,
    /// Channels of each map read.
    pub inputs: &'a [usize],
    /// Channels written.
    pub output: usize,
    /// Images.
    pub n: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Whether gradients will be asked for.
    pub training: bool,
    /// See [`ConvSpec::exact`](crate::ConvSpec::exact).
    pub exact: bool,
    /// See [`ConvSpec::part_of`](crate::ConvSpec::part_of).
    pub part_of: Option<(usize, usize)>,
}

/// More floats of scratch than there are for any one weight: mostly those of a worker that goes by tiles.
const MOST_SCRATCH: usize = 1 << 18;

/// Channels of several maps, none if they cannot be counted.
pub(crate) fn channels(maps: &[usize]) -> Option<usize> {
    maps.iter().try_fold(0_usize, |sum, channels| sum.checked_add(*channels))
}

/// Bytes that a layer allocates besides the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LayerBytes {
    /// Kept by the layer: weights in the order in which kernels read them.
    pub own: u64,
    /// Scratch of each worker while the layer runs, shared with all other layers of the same
    /// [`Compute`](crate::Compute).
    pub worker: u64,
    /// Scratch of all workers together, shared likewise.
    pub common: u64,
}

impl LayerBytes {
    /// The bytes of so many floats, of which those of scratch are held in whole cache lines; none if they cannot be
    /// counted.
    pub(crate) fn of(own: usize, scratch: ScratchFloats) -> Option<LayerBytes> {
        let bytes = |floats: usize| (floats as u64).checked_mul(4);
        let held = |floats: usize| bytes(floats.checked_next_multiple_of(LINE)?);
        Some(LayerBytes { own: bytes(own)?, worker: held(scratch.worker)?, common: held(scratch.common)? })
    }
}

/// Whether a part of a 3x3 convolution goes by tiles: `rule(part, channels in, channels out, (h, w), dilation)`.
pub(super) trait Rule: Fn(Part, usize, usize, (usize, usize), usize) -> bool {}
impl<T: Fn(Part, usize, usize, (usize, usize), usize) -> bool> Rule for T {}

impl ConvShape<'_> {
    /// How many outputs along an axis, a dilation apart, a 3x3 kernel may make together: their bits depend on all inputs of all of
    /// them. 1 where every output is summed by itself.
    pub fn outputs_together(dilation: usize) -> usize {
        winograd::outputs_together(dilation)
    }

    /// The bytes of a layer of this shape; none if there is no such layer, or they cannot be counted.
    pub fn bytes(&self) -> Option<LayerBytes> {
        let channels_in = channels(self.inputs)?;
        let sides = [self.dilation, channels_in, self.output, self.n, self.h, self.w];
        if sides.contains(&0) || ![1, 3].contains(&self.kernel) {
            return None;
        }
        let rule = winograd::worthwhile;
        let pass = |channels_in: usize, channels_out: usize| {
            if self.by_tiles(&rule, Part::Pass, channels_in, channels_out) {
                WinogradPass::floats(channels_in, channels_out)
            } else {
                Packed::floats_of(self.kernel * self.kernel, channels_in, channels_out)
            }
        };
        let mut own = pass(channels_in, self.output)?;
        if self.training {
            own = own.checked_add(pass(self.output, channels_in)?)?;
        }
        // Where pixels, and weights as often as there may be floats of scratch for each, can be counted, the scratch can
        // be too.
        own.checked_mul(MOST_SCRATCH)?;
        self.n.checked_mul(self.h)?.checked_mul(self.w)?.checked_mul(channels_in.max(self.output))?;
        LayerBytes::of(own, self.scratch(&rule))
    }

    fn channels_in(&self) -> usize {
        self.inputs.iter().sum()
    }

    fn size(&self) -> (usize, usize) {
        (self.h, self.w)
    }

    /// Pixels between taps; those further away than the image is large are outside whatever the distance.
    fn distance(&self) -> usize {
        if self.kernel == 1 { 1 } else { self.dilation.min(self.h.max(self.w)) }
    }

    fn by_tiles(&self, rule: &impl Rule, part: Part, channels_in: usize, channels_out: usize) -> bool {
        let possible = self.kernel == 3 && !self.exact;
        possible
            && rule(part, channels_in, channels_out, self.part_of.unwrap_or(self.size()), self.distance())
    }

    fn pass(&self, rule: &impl Rule, simd: Simd, channels_in: usize, outputs: &[usize], back: bool) -> Pass {
        let distance = self.distance();
        if self.by_tiles(rule, Part::Pass, channels_in, outputs.iter().sum()) {
            Pass::Winograd(WinogradPass::new(simd, self.n, self.size(), distance, channels_in, outputs, back))
        } else {
            let lines = lines(self.kernel, distance, back);
            Pass::Direct(DirectPass::new(simd, lines, channels_in, outputs, self.size(), distance))
        }
    }

    pub(super) fn forward(&self, rule: &impl Rule, simd: Simd) -> Pass {
        self.pass(rule, simd, self.channels_in(), &[self.output], false)
    }

    pub(super) fn data_gradient(&self, rule: &impl Rule, simd: Simd) -> Pass {
        self.pass(rule, simd, self.output, self.inputs, true)
    }

    pub(super) fn weight_gradient(&self, rule: &impl Rule) -> Gradient {
        let (channels_in, distance) = (self.channels_in(), self.distance());
        if self.by_tiles(rule, Part::WeightsAcross, channels_in, self.output) {
            let (n, size) = (self.n, self.size());
            Gradient::WinogradOuter(WinogradOuterGradient::new(n, size, distance, channels_in, self.output))
        } else if self.by_tiles(rule, Part::Weights, channels_in, self.output) {
            Gradient::Winograd(WinogradGradient::new(self.n, self.size(), distance, channels_in, self.output))
        } else {
            let lines = lines(self.kernel, distance, false);
            let extent = Extent::new(lines, channels_in, self.output, self.n, self.size(), distance);
            if OuterGradient::worthwhile(self.kernel, channels_in, self.output) {
                Gradient::Outer(OuterGradient(extent))
            } else {
                Gradient::Direct(WeightGradient(extent))
            }
        }
    }

    /// The scratch that the passes need, each by itself.
    pub(super) fn scratch(&self, rule: &impl Rule) -> ScratchFloats {
        let (channels_in, distance) = (self.channels_in(), self.distance());
        let mut scratch = ScratchFloats::default();
        let mut pass = |channels_in: usize, channels_out: usize| {
            if self.by_tiles(rule, Part::Pass, channels_in, channels_out) {
                let floats = WinogradPass::worker_floats(self.n, self.size(), distance, channels_in);
                scratch.worker = scratch.worker.max(floats);
            }
        };
        pass(channels_in, self.output);
        if self.training {
            pass(self.output, channels_in);
            let gradient = self.weight_gradient(rule);
            scratch.worker = scratch.worker.max(gradient.worker_floats());
            scratch.common = gradient.common_floats();
        }
        scratch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_are_no_layer_have_no_bytes() {
        let shape = ConvShape {
            kernel: 3,
            dilation: usize::MAX,
            inputs: &[3, 3],
            output: 3,
            n: 2,
            h: 5,
            w: 7,
            training: true,
            exact: false,
            part_of: None,
        };
        assert!(shape.bytes().is_some());
        let none = [
            ConvShape { kernel: 0, ..shape },
            ConvShape { kernel: usize::MAX, ..shape },
            ConvShape { dilation: 0, ..shape },
            ConvShape { inputs: &[], ..shape },
            ConvShape { inputs: &[usize::MAX, 2], ..shape },
            ConvShape { output: 0, ..shape },
            ConvShape { output: usize::MAX / 64, ..shape },
            ConvShape { n: 0, ..shape },
            ConvShape { n: usize::MAX / 8, ..shape },
            ConvShape { h: 0, ..shape },
            ConvShape { w: 0, ..shape },
        ];
        for shape in none {
            assert_eq!(shape.bytes(), None, "{shape:?}");
        }
    }
}
