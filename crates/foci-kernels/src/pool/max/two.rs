//! Maximum pooling by 2: as many windows at a time as a vector has lanes, their four pixels in four vectors.

use super::take;
use crate::vector::{Kernel, Vector, prefetch};

/// The columns of the windows of the widest vector.
const MOST_COLUMNS: usize = 32;

/// Some rows of windows of factor 2.
pub(super) struct Strip(pub super::Strip);

impl Kernel for Strip {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let super::Strip { arena, x, y, gradient, rows, .. } = self.0;
        let whole = x.w / 2 - x.w / 2 % V::LANES;
        for row in rows {
            let (plane, row) = (row / y.h, row % y.h);
            let top = plane * x.plane_floats() + 2 * row * x.w;
            // A row that windows over the border lack is replaced by the one above it, which changes no maximum
            // and is never the first to reach it.
            let height = 2.min(x.h - 2 * row);
            let below = (height - 1) * x.w;
            // SAFETY: windows lie inside x and its gradient, maxima inside y.
            unsafe {
                let source = arena.add(x.offset + top);
                let pooled = arena.add(y.offset + plane * y.plane_floats() + row * y.w);
                for window in (0..whole).step_by(V::LANES) {
                    let at = 2 * window;
                    let seen = windows::<V>(source.add(at), source.add(below + at));
                    let Some((d_x, finish)) = gradient else {
                        ask_ahead::<V>(source.wrapping_add(at), x.w);
                        most(seen).store(pooled.add(window));
                        continue;
                    };
                    let target = arena.add(d_x.offset + top + at);
                    ask_ahead::<V>(source.wrapping_add(at), x.w);
                    if !finish.streams::<V>(target.wrapping_add(2 * x.w)) {
                        ask_ahead::<V>(target, x.w);
                    }
                    let given = give_away(seen, V::load(pooled.add(window)));
                    for v in 0..height {
                        finish.store(given[v][0], target.add(v * x.w));
                        finish.store(given[v][1], target.add(v * x.w + V::LANES));
                    }
                }
                let (at, rest) = (2 * whole, y.w - whole);
                if rest == 0 {
                    continue;
                }
                let mut edge = [[0.0; MOST_COLUMNS]; 2];
                take::<V>(source.add(at), x.w - at, 2 * rest, edge[0].as_mut_ptr());
                take::<V>(source.add(below + at), x.w - at, 2 * rest, edge[1].as_mut_ptr());
                let seen = windows::<V>(edge[0].as_ptr(), edge[1].as_ptr());
                let Some((d_x, finish)) = gradient else {
                    most(seen).store_part(pooled.add(whole), rest);
                    continue;
                };
                let target = arena.add(d_x.offset + top + at);
                let given = give_away(seen, V::load_part(pooled.add(whole), 0, rest));
                for v in 0..height {
                    given[v][0].store(edge[v].as_mut_ptr());
                    given[v][1].store(edge[v].as_mut_ptr().add(V::LANES));
                    finish.store_row::<V>(edge[v].as_ptr(), target.add(v * x.w), x.w - at);
                }
            }
        }
    }
}

/// Asks for what the windows below these want, of rows of `width` pixels: two rows here and two there are more
/// than the CPU follows by itself.
#[inline(always)]
fn ask_ahead<V: Vector>(place: *const f32, width: usize) {
    for half in [0, V::LANES] {
        prefetch(place.wrapping_add(2 * width + half));
        prefetch(place.wrapping_add(3 * width + half));
    }
}

/// The pixels of windows as [row][column].
///
/// # Safety
/// The CPU has the level; two vectors can be read from the start of each row.
#[inline(always)]
unsafe fn windows<V: Vector>(above: *const f32, below: *const f32) -> [[V; 2]; 2] {
    // SAFETY: see above.
    unsafe {
        let (a, b) = V::load(above).part_runs::<1>(V::load(above.add(V::LANES)));
        let (c, d) = V::load(below).part_runs::<1>(V::load(below.add(V::LANES)));
        [[a, b], [c, d]]
    }
}

/// The largest pixel of each window; the first if it is not a number.
///
/// # Safety
/// The CPU has the level.
#[inline(always)]
unsafe fn most<V: Vector>([[a, b], [c, d]]: [[V; 2]; 2]) -> V {
    // SAFETY: see above.
    unsafe { d.max(c.max(b.max(a))) }
}

/// What each pixel gets of the gradient of its window, as two rows of two vectors.
///
/// # Safety
/// The CPU has the level.
#[inline(always)]
unsafe fn give_away<V: Vector>(seen: [[V; 2]; 2], gradient: V) -> [[V; 2]; 2] {
    // SAFETY: see above.
    unsafe {
        let (most, zero) = (most(seen), V::splat(0.0));
        let [[a, b], [c, d]] = seen;
        // What is left for the pixels from b, c and d on.
        let from_b = most.if_greater(a, gradient, zero);
        let from_c = most.if_greater(b, from_b, zero);
        let from_d = most.if_greater(c, from_c, zero);
        let above = most.if_greater(a, zero, gradient).merge_runs::<1>(most.if_greater(b, zero, from_b));
        let below = most.if_greater(c, zero, from_c).merge_runs::<1>(most.if_greater(d, zero, from_d));
        [above.into(), below.into()]
    }
}
