//! Kernels that treat every plane (one channel of one image) by numbers of its own: sums over its pixels, and
//! straight lines through them, `a u + b v + c` with `a`, `b`, `c` of the plane. Normalisation is made of both;
//! dropout, which keeps or drops whole channels, is a line through zero.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::pieces::{PIECE, Piece, TASK, share};
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, run_at};
use crate::view::View;

/// Floats that are summed in f32 before the sum is added to one in f64; a multiple of 16.
const RUN: usize = 4096;

/// `a u + b v + c`; the numbers of one plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Line {
    pub a: f32,
    pub b: f32,
    pub c: f32,
}

/// A run of one plane, on its way through a line and a last step.
struct LineThrough {
    line: Line,
    u: *const f32,
    /// None: the line has no second operand.
    v: Option<*const f32>,
    to: *mut f32,
    floats: usize,
    finish: Finish,
}

impl Kernel for LineThrough {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut piece = Piece::new();
        let made = piece.start();
        for first in (0..self.floats).step_by(PIECE) {
            let count = PIECE.min(self.floats - first);
            // SAFETY: the operands and the result are good for `floats` floats, rounded up to whole vectors by
            // the gap behind each plane; a piece for PIECE of them.
            unsafe {
                let (a, b, c) = (V::splat(self.line.a), V::splat(self.line.b), V::splat(self.line.c));
                for at in (0..count).step_by(V::LANES) {
                    let mut value = V::load(self.u.add(first + at)).fused(a, c);
                    if let Some(v) = self.v {
                        value = V::load(v.add(first + at)).fused(b, value);
                    }
                    value.store(made.add(at));
                }
                self.finish.store_row::<V>(made, self.to.add(first), count);
            }
        }
    }
}

/// Sends every plane of `u` (and of `v`, if there is one) through its line into the plane of `to`: all views have one
/// shape and are inside the arena, `to` lies apart, and there is a line for each plane.
pub(crate) fn lines(
    compute: &Compute,
    arena: &mut Arena,
    lines: &[Line],
    u: View,
    v: Option<View>,
    to: View,
    finish: Finish,
) {
    for view in [Some(u), v].into_iter().flatten() {
        arena.check(&view);
        assert!(view.same_shape(&to), "planes keep their shape: {view:?} to {to:?}");
        assert!(!view.overlaps(&to), "planes lie apart from what is made of them: {view:?} to {to:?}");
    }
    arena.check(&to);
    assert_eq!(lines.len(), u.n * u.channels, "one line for each plane of {u:?}");
    let start = SharedPointer(arena.pointer_mut());
    let pieces = u.pixels().div_ceil(TASK);
    share(compute, lines.len() * pieces, u.pixels().min(TASK), &|items| {
        for item in items {
            let (plane, first) = (item / pieces, item % pieces * TASK);
            let at = |view: View| view.offset + plane * view.plane_floats() + first;
            // SAFETY: the views are inside the arena, `to` apart from the rest, and items are different runs.
            unsafe {
                let kernel = LineThrough {
                    line: lines[plane],
                    u: start.get().add(at(u)),
                    v: v.map(|v| start.get().add(at(v)).cast_const()),
                    to: start.get().add(at(to)),
                    floats: TASK.min(u.pixels() - first),
                    finish,
                };
                run_at(compute.simd(), kernel);
            }
        }
    });
}

/// Sums over one plane: of `u - shift`, and of `(u - shift) (v - centre)`.
struct PlaneSums {
    u: *const f32,
    v: *const f32,
    shift: f32,
    centre: f32,
    floats: usize,
    sums: *mut [f64; 2],
}

impl Kernel for PlaneSums {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.floats - self.floats % 16;
        let mut totals = [0.0_f64; 2];
        // SAFETY: both operands are good for `floats` floats, the sums are there.
        unsafe {
            let (shift, centre) = (V::splat(self.shift), V::splat(self.centre));
            for first in (0..whole).step_by(RUN) {
                // 16 lanes at every level: in one vector or in two.
                let (mut sum, mut product) = ([V::splat(0.0); 2], [V::splat(0.0); 2]);
                for at in (first..whole.min(first + RUN)).step_by(16) {
                    for part in 0..16 / V::LANES {
                        let at = at + part * V::LANES;
                        let u = V::load(self.u.add(at)).sub(shift);
                        sum[part] = sum[part].add(u);
                        product[part] = u.fused(V::load(self.v.add(at)).sub(centre), product[part]);
                    }
                }
                totals[0] += f64::from(V::sum16(&sum));
                totals[1] += f64::from(V::sum16(&product));
            }
            for at in whole..self.floats {
                let (u, v) = (*self.u.add(at) - self.shift, *self.v.add(at) - self.centre);
                totals[0] += f64::from(u);
                totals[1] += f64::from(u) * f64::from(v);
            }
            *self.sums = totals;
        }
    }
}

/// What is taken off the values of a plane before they are summed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Centres {
    /// Off `u`.
    pub shift: f32,
    /// Off `v`.
    pub centre: f32,
}

/// The sums of `u - shift` and of `(u - shift) (v - centre)` over every plane, in an order that depends on nothing but the
/// number of pixels. `centres` tells what is taken off in a plane.
pub(crate) fn plane_sums(
    compute: &Compute,
    arena: &Arena,
    u: View,
    v: View,
    centres: &(dyn Fn(usize) -> Centres + Sync),
    sums: &mut [[f64; 2]],
) {
    arena.check(&u);
    arena.check(&v);
    assert!(u.same_shape(&v), "sums of products are over one shape: {u:?} and {v:?}");
    assert_eq!(sums.len(), u.n * u.channels, "one sum for each plane of {u:?}");
    let (u_values, v_values) = (arena.values(&u), arena.values(&v));
    let to = SharedPointer(sums.as_mut_ptr().cast());
    share(compute, sums.len(), u.pixels(), &|planes| {
        for plane in planes {
            let Centres { shift, centre } = centres(plane);
            let first = plane * u.plane_floats();
            // SAFETY: planes lie inside their views, and each writes sums of its own.
            unsafe {
                let kernel = PlaneSums {
                    u: u_values.as_ptr().add(first),
                    v: v_values.as_ptr().add(first),
                    shift,
                    centre,
                    floats: u.pixels(),
                    sums: to.get().cast::<[f64; 2]>().add(plane),
                };
                run_at(compute.simd(), kernel);
            }
        }
    });
}

/// Lines through zero.
fn through_zero(factors: &[f32]) -> impl Iterator<Item = Line> {
    factors.iter().map(|&a| Line { a, ..Line::default() })
}

/// Planes times numbers, as dropout of whole channels and maps needs it: forward and backward.
#[derive(Debug)]
pub struct PlaneScale {
    lines: Vec<Line>,
}

impl PlaneScale {
    /// Factors of 1 for `n` images of `channels` channels.
    pub fn new(n: usize, channels: usize) -> PlaneScale {
        PlaneScale { lines: through_zero(&vec![1.0; n * channels]).collect() }
    }

    /// Bytes that a scale of `n` images of `channels` channels keeps; none if they cannot be counted.
    pub fn bytes(n: usize, channels: usize) -> Option<u64> {
        (n as u64).checked_mul(channels as u64)?.checked_mul(size_of::<Line>() as u64)
    }

    /// Bytes that it keeps.
    pub fn own_bytes(&self) -> usize {
        size_of_val(&self.lines[..])
    }

    /// The factor of one plane.
    ///
    /// # Panics
    /// If there is no such plane.
    pub fn set(&mut self, plane: usize, factor: f32) {
        self.lines[plane].a = factor;
    }

    /// `y = factor x`, plane by plane.
    ///
    /// # Panics
    /// If the shapes do not fit, or the views overlap or lie outside the arena.
    pub fn forward(&self, compute: &Compute, arena: &mut Arena, x: View, y: View) {
        lines(compute, arena, &self.lines, x, None, y, Finish::forward(Activation::None, [x, y]));
    }

    /// Hands `factor d_y` to the map that was scaled.
    ///
    /// # Panics
    /// As [`PlaneScale::forward`].
    pub fn backward(&self, compute: &Compute, arena: &mut Arena, d_y: View, into: &InputGradient) {
        into.check(arena, &d_y, &[d_y]);
        lines(compute, arena, &self.lines, d_y, None, into.view, Finish::backward(into, [d_y, into.view]));
    }
}
