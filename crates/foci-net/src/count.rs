//! What a net costs and how far it sees, counted from the graph alone.

use crate::graph::{Net, Node, Op, PoolKind, UpsampleMode};
use foci_kernels::ConvShape;

impl Net {
    /// Trainable numbers: weights and biases of all convolutions and normalisations.
    pub fn weights(&self) -> u64 {
        let counts = self.nodes.iter().map(|node| {
            let out = node.channels as u64;
            if matches!(node.op, Op::GroupNorm { .. }) {
                return 2 * out;
            }
            self.taps(&node.op).saturating_mul(out).saturating_add(if self.taps(&node.op) > 0 {
                out
            } else {
                0
            })
        });
        counts.fold(0, u64::saturating_add)
    }

    /// Multiply-adds of all convolutions per pixel of the input, for sizes that the stride divides.
    ///
    /// Biases, normalisations, activations, pooling and upsampling are not counted.
    pub fn macs_per_pixel(&self) -> f64 {
        self.nodes
            .iter()
            .map(|node| {
                // A transposed convolution spreads its kernel once for each pixel that it reads.
                let scale = match node.op {
                    Op::ConvTransposed { factor, .. } => node.scale * factor,
                    _ => node.scale,
                };
                self.taps(&node.op) as f64 * node.channels as f64 / (scale * scale) as f64
            })
            .sum()
    }

    /// Weights for each output channel: kernel area times channels read.
    fn taps(&self, op: &Op) -> u64 {
        match *op {
            Op::Conv { kernel, channels_in, .. } | Op::ConvTransposed { kernel, channels_in, .. } => {
                (kernel * kernel) as u64 * channels_in as u64
            }
            _ => 0,
        }
    }

    /// The coarsest scale in the net: 8 after three poolings by two, 1 without pooling.
    pub fn stride(&self) -> usize {
        self.nodes.iter().map(|node| node.scale).max().unwrap_or(1)
    }

    /// Convolution layers, plain and transposed, the output layer included.
    ///
    /// A multi-scale layer counts once: it is found as a concat `<id>` of convolutions `<id>.d<dilation>`.
    pub fn layers(&self) -> usize {
        let convolutions = |op: &Op| matches!(op, Op::Conv { .. } | Op::ConvTransposed { .. });
        let all = self.nodes.iter().filter(|node| convolutions(&node.op)).count();
        let split: usize = self
            .nodes
            .iter()
            .filter(|node| {
                node.op == Op::Concat && node.from.iter().all(|&from| self.is_branch(from, &node.id))
            })
            .map(|node| node.from.len() - 1)
            .sum();
        all - split
    }

    fn is_branch(&self, node: usize, layer: &str) -> bool {
        let node = &self.nodes[node];
        match node.op {
            Op::GroupNorm { .. } => node.from.iter().all(|&convolution| self.is_branch(convolution, layer)),
            Op::Conv { dilation, .. } => node.id == format!("{layer}.d{dilation}"),
            _ => false,
        }
    }

    /// Height and width of the result of node `node` for an image of `height` x `width` pixels.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn shape_at(&self, node: usize, height: usize, width: usize) -> (usize, usize) {
        let scale = self.nodes[node].scale;
        (height.div_ceil(scale), width.div_ceil(scale))
    }

    /// Side, in input pixels, of the smallest square that holds every input pixel which can influence one
    /// output pixel, for the output pixel for which it is largest, far from all borders.
    ///
    /// All operations are separable in their support, so one dimension suffices: the interval that an output
    /// pixel reads is followed back to the input, at each branching the hull of what the branches read. With
    /// poolings and upsamplings it depends on where the pixel lies on the coarse grid, hence the largest over
    /// one period. Not every pixel inside need be read: dilations leave gaps. What normalisations add is left out: they
    /// weigh every pixel of the image, each a little ([`Net::normalises`]).
    pub fn receptive_field(&self) -> u64 {
        let side = |position: i64| {
            let (low, high) = self.hull((position, position), read_by);
            (high - low + 1) as u64
        };
        (0..self.stride() as i64).map(side).max().unwrap_or(1)
    }

    /// How far beyond a part of an image that lies on the [grid](Net::grid) pixels can change the bits of the part's output.
    ///
    /// That is further than the receptive field says: a convolution by tiles makes 4 x 4 outputs from 6 x 6 inputs, and each output is rounded in the company
    /// of all of them, those that it does not depend on included.
    pub fn margin(&self) -> usize {
        let grid = self.grid() as i64;
        let (low, high) = self.hull((0, grid - 1), read_by_tiles);
        (-low).max(high - grid + 1).max(0) as usize
    }

    /// The side, in pixels, of the grid on which a part of an image must begin so that all steps of the net fall on it as they do in the
    /// whole: poolings, and the tiles by which convolutions are computed.
    pub fn grid(&self) -> usize {
        let of_node = |node: &Node| match node.op {
            Op::Conv { kernel: 3, dilation, .. } => tile(dilation) * node.scale,
            _ => node.scale,
        };
        self.nodes.iter().map(of_node).fold(1, least_common_multiple)
    }

    /// Whether the net has normalisations: then every output pixel depends, if only a little, on the whole image, and
    /// an image that is cut into tiles has another result.
    pub fn normalises(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.op, Op::GroupNorm { .. }))
    }

    /// First and last input position that output positions are made from, if each operation reads what `read` says.
    fn hull(&self, outputs: (i64, i64), read: fn(&Op, i64, i64) -> (i64, i64)) -> (i64, i64) {
        let mut hulls: Vec<Option<(i64, i64)>> = vec![None; self.nodes.len()];
        if let Some(last) = hulls.last_mut() {
            *last = Some(outputs);
        }
        for index in (1..self.nodes.len()).rev() {
            let Some((low, high)) = hulls[index] else { continue };
            let (low, high) = read(&self.nodes[index].op, low, high);
            for &from in &self.nodes[index].from {
                hulls[from] = Some(match hulls[from] {
                    Some((l, h)) => (l.min(low), h.max(high)),
                    None => (low, high),
                });
            }
        }
        // The output of a net comes from its input; were it otherwise, it would look at itself.
        hulls[0].unwrap_or(outputs)
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut common, mut rest) = (a, b);
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    a / common.max(1) * b
}

/// Side of the square of outputs that a 3x3 kernel makes together, a whole number of times its dilation: with a dilation, several tiles lie in each other.
fn tile(dilation: usize) -> usize {
    match ConvShape::outputs_together(dilation) {
        1 => 1,
        outputs => outputs * dilation,
    }
}

/// As [`read_by`], where 3x3 kernels go by tiles.
fn read_by_tiles(op: &Op, low: i64, high: i64) -> (i64, i64) {
    match *op {
        Op::Conv { kernel: 3, dilation, .. } => {
            let (dilation, tile) = (dilation as i64, tile(dilation) as i64);
            (low.div_euclid(tile) * tile - dilation, (high.div_euclid(tile) + 1) * tile - 1 + dilation)
        }
        _ => read_by(op, low, high),
    }
}

/// First and last position that an operation reads to make its positions `low` to `high`.
fn read_by(op: &Op, low: i64, high: i64) -> (i64, i64) {
    match *op {
        Op::Input | Op::GroupNorm { .. } | Op::Dropout { .. } | Op::Concat | Op::Add | Op::Output => {
            (low, high)
        }
        Op::Conv { kernel, dilation, .. } => {
            let reach = (dilation * (kernel / 2)) as i64;
            (low - reach, high + reach)
        }
        // Three taps centred on twice the position.
        Op::Pool { kind: PoolKind::Blur, .. } => (2 * low - 1, 2 * high + 1),
        Op::Pool { factor, .. } => {
            let factor = factor as i64;
            (low * factor, high * factor + factor - 1)
        }
        Op::Upsample { factor, mode: UpsampleMode::Nearest } => {
            (low.div_euclid(factor as i64), high.div_euclid(factor as i64))
        }
        // Position i lies at (i + 1/2) / factor - 1/2 = (2 i + 1 - factor) / (2 factor) of the map read, never
        // on a pixel for the even factors there are: it reads the pixels on both sides.
        Op::Upsample { factor, mode: UpsampleMode::Bilinear } => {
            let below = |i: i64| (2 * i + 1 - factor as i64).div_euclid(2 * factor as i64);
            (below(low), below(high) + 1)
        }
        // Stride 2, padding p = (kernel - 2) / 2: pixel i is spread over 2 i - p .. 2 i - p + kernel - 1.
        Op::ConvTransposed { kernel, .. } => {
            let (kernel, padding) = (kernel as i64, (kernel as i64 - 2) / 2);
            ((low + padding - kernel + 2).div_euclid(2), (high + padding).div_euclid(2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_kernel_reads_what_is_spread_over_its_outputs() {
        let of = |kernel| Op::ConvTransposed {
            kernel,
            factor: 2,
            channels_in: 1,
            activation: crate::Activation::None,
        };
        // With a kernel of 4, pixel j is spread over 2 j - 1 to 2 j + 2: output 0 is made of -1 and 0, output 5 of 2 and 3.
        assert_eq!(
            [(0, 0), (5, 5), (0, 5)].map(|(low, high)| read_by(&of(4), low, high)),
            [(-1, 0), (2, 3), (-1, 3)]
        );
        // With one of 2, over 2 j and 2 j + 1.
        assert_eq!([(0, 1), (5, 5)].map(|(low, high)| read_by(&of(2), low, high)), [(0, 0), (2, 2)]);
    }

    #[test]
    fn a_tile_reads_as_a_whole_with_its_margin() {
        let of =
            |dilation| Op::Conv { kernel: 3, dilation, channels_in: 1, activation: crate::Activation::None };
        // Tiles of t outputs read from 1 before their first to 1 after their last, whichever of them is asked for.
        let t = tile(1) as i64;
        assert!(t > 1, "kernels of dilation 1 go by tiles");
        assert_eq!(
            [(0, 0), (t - 1, t - 1), (t - 1, t), (-1, -1)].map(|(low, high)| read_by_tiles(
                &of(1),
                low,
                high
            )),
            [(-1, t), (-1, t), (-1, 2 * t), (-t - 1, 0)]
        );
    }
}
