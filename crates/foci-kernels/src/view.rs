//! A view names one feature map inside an arena: where it starts and its shape [N, C, H, W]. It is plain
//! data, copied freely; only a kernel that is given the arena as well can touch the values.

/// Channels per block of the layout, and floats per pixel of a block.
pub const LANES: usize = 16;

/// One feature map in an [`Arena`](crate::Arena), laid out `[N][ceil(C/16)][H][W][16]`.
///
/// Lanes beyond `channels` in the last block are zero as long as all values are finite; every kernel writes
/// them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// First float in the arena; a multiple of [`LANES`].
    pub offset: usize,
    /// Images in the batch.
    pub n: usize,
    /// Channels that carry values.
    pub channels: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl View {
    /// A view of shape [n, channels, h, w] that starts at float `offset` of its arena.
    pub fn new(offset: usize, n: usize, channels: usize, h: usize, w: usize) -> View {
        View { offset, n, channels, h, w }
    }

    /// Blocks of 16 channels, the last of which may be partly used.
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// Floats between one block of an image and the next.
    pub fn block_floats(&self) -> usize {
        self.h * self.w * LANES
    }

    /// Floats between one image of the batch and the next.
    pub fn image_floats(&self) -> usize {
        self.blocks() * self.block_floats()
    }

    /// Floats the whole view takes in its arena; a multiple of [`LANES`].
    pub fn floats(&self) -> usize {
        self.n * self.image_floats()
    }

    /// Values of the same feature map without padding, as a [N, C, H, W] slice holds them.
    pub fn values(&self) -> usize {
        self.n * self.channels * self.h * self.w
    }

    /// The first float after the view.
    pub fn end(&self) -> usize {
        self.offset + self.floats()
    }

    /// Whether two views share any float of the arena.
    pub fn overlaps(&self, other: &View) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }

    /// Whether two views have the same [N, C, H, W].
    pub fn same_shape(&self, other: &View) -> bool {
        (self.n, self.channels, self.h, self.w) == (other.n, other.channels, other.h, other.w)
    }

    /// Position of channel block `block` of image `n` at pixel (y, x), in floats from the arena's start.
    pub(crate) fn at(&self, n: usize, block: usize, y: usize, x: usize) -> usize {
        self.offset + n * self.image_floats() + block * self.block_floats() + (y * self.w + x) * LANES
    }

    /// Channels that carry values in channel block `block`.
    pub(crate) fn valid_in(&self, block: usize) -> usize {
        (self.channels - block * LANES).min(LANES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_the_padding() {
        let view = View::new(32, 2, 17, 3, 5);
        assert_eq!(view.blocks(), 2);
        assert_eq!(view.floats(), 2 * 2 * 3 * 5 * 16);
        assert_eq!(view.values(), 2 * 17 * 15);
        assert_eq!(view.end(), 32 + 960);
        assert_eq!(view.valid_in(0), 16);
        assert_eq!(view.valid_in(1), 1);
        assert_eq!(view.at(1, 1, 2, 3), 32 + 480 + 240 + 13 * 16);
    }

    #[test]
    fn overlap_is_of_the_padded_ranges() {
        let a = View::new(0, 1, 1, 1, 1);
        assert!(a.overlaps(&View::new(0, 1, 16, 1, 1)));
        assert!(!a.overlaps(&View::new(16, 1, 16, 1, 1)));
    }
}
