//! The arena is the one piece of memory in which all feature maps of a net live. It is allocated once,
//! aligned to cache lines and zeroed; who lives where, and when a place may be used again, is decided by
//! the memory plan of the caller and written down in views.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use crate::view::{LINE, View};

/// Alignment of the arena in bytes: one cache line, one AVX-512 vector.
const ALIGNMENT: usize = 64;

/// The system refused to hand out the memory a net needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not enough memory: {bytes} bytes were asked for in one piece; use a smaller batch, smaller tiles or fewer channels"
)]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub bytes: usize,
}

/// Memory for feature maps: 64-byte aligned floats, allocated once, zero at first.
pub struct Arena {
    start: NonNull<f32>,
    floats: usize,
}

// SAFETY: an arena owns its memory as a Vec would; access goes through & and &mut.
unsafe impl Send for Arena {}
// SAFETY: as above, shared access only reads.
unsafe impl Sync for Arena {}

impl Arena {
    /// An arena of at least `floats` floats (rounded up to whole cache lines), all zero.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the system does not hand out that much.
    pub fn new(floats: usize) -> Result<Arena, OutOfMemory> {
        let refused = || OutOfMemory { bytes: floats.saturating_mul(4) };
        let floats = floats.max(1).checked_next_multiple_of(LINE).ok_or_else(refused)?;
        let layout = Self::layout(floats).ok_or_else(refused)?;
        // SAFETY: the layout has a size above zero.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start.cast::<f32>()).ok_or_else(refused)?;
        Ok(Arena { start, floats })
    }

    fn layout(floats: usize) -> Option<Layout> {
        Layout::from_size_align(floats.checked_mul(4)?, ALIGNMENT).ok()
    }

    /// Floats in the arena.
    pub fn floats(&self) -> usize {
        self.floats
    }

    /// Bytes in the arena.
    pub fn bytes(&self) -> usize {
        self.floats * 4
    }

    /// The raw floats of a view, plane after plane with the gaps between them.
    pub fn values(&self, view: &View) -> &[f32] {
        self.check(view);
        &self.as_slice()[view.offset..view.end()]
    }

    /// The raw floats of a view, to be changed.
    pub fn values_mut(&mut self, view: &View) -> &mut [f32] {
        self.check(view);
        &mut self.as_mut_slice()[view.offset..view.end()]
    }

    /// All floats of the arena.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: `floats` floats were allocated and zeroed at `start`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.floats) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: `floats` floats were allocated and zeroed at `start`, and &mut self is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.floats) }
    }

    /// Stops the program with a message if a view is empty, misaligned or reaches outside the arena.
    pub(crate) fn check(&self, view: &View) {
        view.check();
        assert!(
            view.offset.is_multiple_of(LINE),
            "a view must start at a multiple of {LINE} floats: {view:?}"
        );
        assert!(
            view.end() <= self.floats,
            "a view reaches outside its arena of {} floats: {view:?}",
            self.floats
        );
    }

    pub(crate) fn pointer(&self) -> *const f32 {
        self.start.as_ptr()
    }

    pub(crate) fn pointer_mut(&mut self) -> *mut f32 {
        self.start.as_ptr()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.floats) {
            // SAFETY: allocated in `new` with this very layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) }
        }
    }
}

impl std::fmt::Debug for Arena {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Arena").field("floats", &self.floats).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_aligned_and_rounded_up() {
        let arena = Arena::new(17).unwrap();
        assert_eq!(arena.floats(), 32);
        assert_eq!(arena.pointer() as usize % 64, 0);
        assert!(arena.as_slice().iter().all(|value| *value == 0.0));
    }

    #[test]
    fn more_than_there_is_is_an_error() {
        assert!(Arena::new(usize::MAX / 8).is_err());
        assert!(Arena::new(usize::MAX).is_err());
    }

    #[test]
    #[should_panic(expected = "outside its arena")]
    fn a_view_past_the_end_panics() {
        Arena::new(64).unwrap().values(&View::new(16, 1, 16, 2, 2));
    }

    #[test]
    #[should_panic(expected = "outside any arena")]
    fn a_view_whose_size_overflows_panics() {
        Arena::new(64).unwrap().values(&View::new(0, usize::MAX / 4, 16, 2, 2));
    }

    #[test]
    #[should_panic(expected = "multiple of 16")]
    fn a_misaligned_view_panics() {
        Arena::new(64).unwrap().values(&View::new(1, 1, 1, 1, 1));
    }
}
