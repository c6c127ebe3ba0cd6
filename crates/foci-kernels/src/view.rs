//! A view names one feature map inside an arena: where it starts and its shape [N, C, H, W]. It is plain
//! data, copied freely; only a kernel that is given the arena as well can touch the values.

/// Floats in a cache line, and in the widest vector. Planes start at multiples of it.
pub const LINE: usize = 16;

/// One feature map in an [`Arena`](crate::Arena), laid out `[N][C][plane]`: each channel of each image is a
/// plane of H x W floats in row-major order, followed by a gap of less than two cache lines.
///
/// The gap makes the distance between planes an odd number of cache lines. Kernels walk over all channels of a
/// few pixels; were that distance a power of two, as it is for many image sizes, all those pixels would compete
/// for the same few places of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// First float in the arena; a multiple of [`LINE`].
    pub offset: usize,
    /// Images in the batch.
    pub n: usize,
    /// Channels.
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

    /// Floats that a map of shape [n, channels, h, w] takes, gaps included; none if they cannot be counted.
    pub fn floats_of(n: usize, channels: usize, h: usize, w: usize) -> Option<usize> {
        let plane = (h.checked_mul(w)?.div_ceil(LINE) | 1).checked_mul(LINE)?;
        n.checked_mul(channels)?.checked_mul(plane)
    }

    /// Floats from the start of one plane to the start of the next; an odd number of cache lines.
    pub fn plane_floats(&self) -> usize {
        ((self.h * self.w).div_ceil(LINE) | 1) * LINE
    }

    /// Values of a plane.
    pub fn pixels(&self) -> usize {
        self.h * self.w
    }

    /// Floats between one image of the batch and the next.
    pub fn image_floats(&self) -> usize {
        self.channels * self.plane_floats()
    }

    /// Floats the whole view takes in its arena, gaps included; a multiple of [`LINE`].
    pub fn floats(&self) -> usize {
        self.n * self.image_floats()
    }

    /// Values of the feature map, as a [N, C, H, W] slice holds them.
    pub fn values(&self) -> usize {
        self.n * self.channels * self.pixels()
    }

    /// The first float after the view.
    pub fn end(&self) -> usize {
        self.offset + self.floats()
    }

    /// Stops the program with a message if a view is empty or larger than any arena; all other methods take it that
    /// it is not.
    pub(crate) fn check(&self) {
        assert!(
            self.n > 0 && self.channels > 0 && self.h > 0 && self.w > 0,
            "a view must have at least one value, this one has none: {self:?}"
        );
        let floats = View::floats_of(self.n, self.channels, self.h, self.w);
        let end = floats.and_then(|floats| floats.checked_add(self.offset));
        assert!(end.is_some(), "a view reaches outside any arena: {self:?}");
    }

    /// Whether two views share any float of the arena.
    pub fn overlaps(&self, other: &View) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }

    /// Whether two views have the same [N, C, H, W].
    pub fn same_shape(&self, other: &View) -> bool {
        (self.n, self.channels, self.h, self.w) == (other.n, other.channels, other.h, other.w)
    }

    /// Position of the first pixel of a plane, in floats from the arena's start.
    pub(crate) fn plane(&self, n: usize, channel: usize) -> usize {
        self.offset + (n * self.channels + channel) * self.plane_floats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_lie_an_odd_number_of_lines_apart() {
        let view = View::new(32, 2, 17, 8, 8);
        assert_eq!(view.plane_floats(), 5 * 16);
        assert_eq!(view.floats(), 2 * 17 * 80);
        assert_eq!(View::floats_of(2, 17, 8, 8), Some(view.floats()));
        assert_eq!(view.values(), 2 * 17 * 64);
        assert_eq!(view.end(), 32 + 2 * 17 * 80);
        assert_eq!(view.plane(1, 3), 32 + 20 * 80);
        assert_eq!(View::new(0, 1, 1, 3, 11).plane_floats(), 48);
        assert_eq!(View::floats_of(usize::MAX, 2, 1, 1), None);
    }

    #[test]
    fn overlap_is_of_whole_planes() {
        let a = View::new(0, 1, 1, 1, 1);
        assert!(a.overlaps(&View::new(0, 1, 16, 1, 1)));
        assert!(!a.overlaps(&View::new(16, 1, 16, 1, 1)));
    }
}
