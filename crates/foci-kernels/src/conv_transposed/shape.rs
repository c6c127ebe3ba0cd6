//! All that decides how a transposed convolution is computed, known before anything is allocated: the sizes on
//! its two sides, what pixel meets what pixel, and the memory that it takes.

use super::correlate::Correlation;
use crate::conv::packed::Packed;
use crate::conv::sums::MOST_CHUNKS;
use crate::conv::{LayerBytes, channels};
use crate::scratch::ScratchFloats;

/// All that decides how a transposed convolution is computed, and what memory it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTransposedShape<'a> {
    /// Rows and columns of the kernel: 2 or 4.
    pub kernel: usize,
    /// Channels of each map read.
    pub inputs: &'a [usize],
    /// Channels written.
    pub output: usize,
    /// Images.
    pub n: usize,
    /// Rows of the output.
    pub h: usize,
    /// Columns of the output.
    pub w: usize,
    /// Whether gradients will be asked for.
    pub training: bool,
}

impl ConvTransposedShape<'_> {
    /// The bytes of a layer of this shape; none if there is no such layer, or they cannot be counted.
    pub fn bytes(&self) -> Option<LayerBytes> {
        let channels_in = channels(self.inputs)?;
        if [channels_in, self.output, self.n, self.h, self.w].contains(&0) || ![2, 4].contains(&self.kernel) {
            return None;
        }
        let taps = self.kernel * self.kernel;
        let mut own = Packed::floats_of(taps, channels_in, self.output)?;
        if self.training {
            own = own.checked_add(Packed::floats_of(taps, self.output, channels_in)?)?;
        }
        // Where pixels, and weights as often as there may be chunks of them, can be counted, the scratch can be too.
        self.n.checked_mul(self.h)?.checked_mul(self.w)?;
        own.checked_mul(MOST_CHUNKS)?;
        LayerBytes::of(own, self.scratch())
    }

    pub(super) fn channels_in(&self) -> usize {
        self.inputs.iter().sum()
    }

    pub(super) fn sizes(&self) -> Sizes {
        let input = (self.h.div_ceil(2), self.w.div_ceil(2));
        Sizes { kernel: self.kernel, input, output: (self.h, self.w) }
    }

    /// The scratch that the passes need: only sums of gradients do.
    pub(super) fn scratch(&self) -> ScratchFloats {
        let mut scratch = ScratchFloats::default();
        if self.training {
            scratch.common =
                Correlation::sums(self.sizes(), self.n, self.channels_in(), self.output).floats();
        }
        scratch
    }
}

/// The kernel and the rows and columns on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub kernel: usize,
    pub input: (usize, usize),
    pub output: (usize, usize),
}

impl Sizes {
    /// How far the kernel's first row lies before the row `2 v` that row `v` of the input is centred on.
    #[inline(always)]
    pub fn padding(self) -> usize {
        self.kernel / 4
    }

    /// The row of the output to which row `v` of the input goes by row `a` of the kernel, `2 v + a - padding`, if it
    /// is inside.
    #[inline(always)]
    pub fn output_row(self, v: usize, a: usize) -> Option<usize> {
        (2 * v + a).checked_sub(self.padding()).filter(|row| *row < self.output.0)
    }

    /// The row of the input from which row `row` of the output comes by row `a` of the kernel, if there is one: the
    /// reverse.
    #[inline(always)]
    pub fn input_row(self, row: usize, a: usize) -> Option<usize> {
        let twice = (row + self.padding()).checked_sub(a)?;
        Some(twice / 2).filter(|v| twice.is_multiple_of(2) && *v < self.input.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lead_there_and_back() {
        for kernel in [2, 4] {
            for h in 1..9usize {
                let sizes = Sizes { kernel, input: (h.div_ceil(2), 1), output: (h, 1) };
                for a in 0..kernel {
                    for v in 0..sizes.input.0 {
                        if let Some(row) = sizes.output_row(v, a) {
                            assert_eq!(row + kernel / 4, 2 * v + a);
                            assert_eq!(sizes.input_row(row, a), Some(v));
                        }
                    }
                    let reached = (0..h).filter(|row| sizes.input_row(*row, a).is_some()).count();
                    assert_eq!(reached, (0..h.div_ceil(2)).filter_map(|v| sizes.output_row(v, a)).count());
                }
            }
        }
    }

    #[test]
    fn bytes_are_counted_or_none() {
        let shape =
            ConvTransposedShape { kernel: 2, inputs: &[3], output: 5, n: 1, h: 4, w: 6, training: false };
        let bytes = |own, common| Some(LayerBytes { own, worker: 0, common });
        assert_eq!(shape.bytes(), bytes(4 * (3 * 5 * 4 + 5), 0));
        // One chunk of sums of 4 x 5 x 3 weights and 5 biases: 65 floats in 5 lines.
        let training = ConvTransposedShape { training: true, ..shape };
        assert_eq!(training.bytes(), bytes(4 * (2 * 3 * 5 * 4 + 5 + 3), 4 * 80));
        let none = [
            ConvTransposedShape { h: usize::MAX, ..training },
            ConvTransposedShape { output: usize::MAX / 64, ..training },
            ConvTransposedShape { inputs: &[usize::MAX, 2], ..shape },
            ConvTransposedShape { inputs: &[], ..shape },
            ConvTransposedShape { kernel: 3, ..shape },
            ConvTransposedShape { output: 0, ..shape },
            ConvTransposedShape { n: 0, ..shape },
            ConvTransposedShape { w: 0, ..training },
        ];
        for shape in none {
            assert_eq!(shape.bytes(), None, "{shape:?}");
        }
    }
}
