//! The borders of a row: what a kernel reads beyond them is zero.

use crate::vector::Vector;

/// Those lanes of a vector from column `at` on that are columns of a row of `width` pixels.
#[inline(always)]
unsafe fn lanes_inside<V: Vector>(at: isize, width: usize) -> V::Lanes {
    let lanes = V::LANES as isize;
    let first = (-at).clamp(0, lanes);
    let end = (width as isize - at).clamp(first, lanes);
    // SAFETY: the caller has the level.
    unsafe { V::lanes(first as usize, end as usize) }
}

/// A vector of a row of `width` pixels from column `at` on, zeros where that is outside.
#[inline(always)]
pub(crate) unsafe fn inside<V: Vector>(from: *const f32, at: isize, width: usize) -> V {
    // Of the taps of a tile at the border, most are inside all the same.
    if at >= 0 && at + V::LANES as isize <= width as isize {
        // SAFETY: all lanes are columns of the row.
        return unsafe { V::load(from) };
    }
    // SAFETY: the lanes are columns of the row.
    unsafe { V::load_lanes(from, lanes_inside::<V>(at, width)) }
}

/// Columns that are read of many rows. Where lanes are bits, what lies inside is told once for all of them; where they
/// are vectors, most of which would wait in memory, it is told for each.
#[derive(Clone, Copy)]
pub(super) struct Columns<V: Vector> {
    at: isize,
    width: usize,
    lanes: V::Lanes,
}

impl<V: Vector> Columns<V> {
    const ONCE: bool = V::LANES == 16;

    /// A vector of columns from `at` on, of rows of `width` pixels.
    ///
    /// # Safety
    /// The CPU has the level.
    #[inline(always)]
    pub unsafe fn new(at: isize, width: usize) -> Columns<V> {
        // SAFETY: passed on to the caller.
        let lanes = unsafe { if Self::ONCE { lanes_inside::<V>(at, width) } else { V::lanes(0, 0) } };
        Columns { at, width, lanes }
    }

    /// The columns of one row; with EDGE, zeros where they are outside.
    ///
    /// # Safety
    /// The CPU has the level, and `from` is where the first of them would be; without EDGE, all are inside.
    #[inline(always)]
    pub unsafe fn load<const EDGE: bool>(self, from: *const f32) -> V {
        // SAFETY: passed on to the caller.
        unsafe {
            match (EDGE, Self::ONCE) {
                (false, _) => V::load(from),
                (true, true) => V::load_lanes(from, self.lanes),
                (true, false) => inside(from, self.at, self.width),
            }
        }
    }
}
