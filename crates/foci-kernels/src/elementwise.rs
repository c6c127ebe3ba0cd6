//! Kernels that treat each value by itself: loading and storing, activations, sums. All are bound by memory,
//! so they do no more than pass through it once, in pieces shared out to the workers. Where views are alike,
//! the gaps between their planes are treated as if they were pixels, so that nothing is cut short at their ends.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::finish::Finish;
use crate::gradient::InputGradient;
use crate::pieces::{TASK, share};
use crate::threads::{Compute, SharedPointer};
use crate::vector::{Kernel, Vector, run_at};
use crate::view::View;

/// Calls `body(place in the view's floats, place in the plain slice, pixels)` for each plane, or for pieces of
/// planes that are larger than a task.
fn for_each_plane(compute: &Compute, view: &View, body: &(dyn Fn(usize, usize, usize) + Sync)) {
    let pixels = view.pixels();
    let pieces = pixels.div_ceil(TASK);
    share(compute, view.n * view.channels * pieces, pixels.min(TASK), &|items| {
        for item in items {
            let (plane, first) = (item / pieces, item % pieces * TASK);
            body(plane * view.plane_floats() + first, plane * pixels + first, TASK.min(pixels - first));
        }
    });
}

/// Fills a view from a plain [N, C, H, W] slice.
///
/// # Panics
/// If the slice has another length or the view lies outside the arena.
pub fn load_nchw(compute: &Compute, arena: &mut Arena, values: &[f32], view: View) {
    assert_eq!(values.len(), view.values(), "a slice to load must hold the [N, C, H, W] values of {view:?}");
    let to = SharedPointer(arena.values_mut(&view).as_mut_ptr());
    for_each_plane(compute, &view, &|first, plain, pixels| {
        // SAFETY: planes lie inside the view, and tasks have different pieces.
        unsafe { std::slice::from_raw_parts_mut(to.get().add(first), pixels) }
            .copy_from_slice(&values[plain..plain + pixels]);
    });
}

/// Writes a view as a plain [N, C, H, W] slice.
///
/// # Panics
/// If the slice has another length or the view lies outside the arena.
pub fn store_nchw(compute: &Compute, arena: &Arena, view: View, values: &mut [f32]) {
    let from = arena.values(&view);
    assert_eq!(
        values.len(),
        view.values(),
        "a slice to store to must hold the [N, C, H, W] values of {view:?}"
    );
    let to = SharedPointer(values.as_mut_ptr());
    for_each_plane(compute, &view, &|first, plain, pixels| {
        // SAFETY: planes lie inside the slice, and tasks have different pieces.
        unsafe { std::slice::from_raw_parts_mut(to.get().add(plain), pixels) }
            .copy_from_slice(&from[first..first + pixels]);
    });
}

/// Sends a run of floats through a last step.
struct Flat {
    from: *const f32,
    to: *mut f32,
    floats: usize,
    finish: Finish,
}

impl Kernel for Flat {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: both ends are good for `floats`.
        unsafe { self.finish.store_row::<V>(self.from, self.to, self.floats) }
    }
}

/// Sends one view through a last step into another of its shape, which is the same or lies apart.
fn flat(compute: &Compute, arena: &mut Arena, from: View, to: View, finish: Finish) {
    arena.check(&from);
    arena.check(&to);
    assert!(from.same_shape(&to), "this keeps the shape: {from:?} to {to:?}");
    assert!(
        from == to || !from.overlaps(&to),
        "this works in place or apart, not across: {from:?} to {to:?}"
    );
    let start = SharedPointer(arena.pointer_mut());
    let finish = if from == to { finish.near() } else { finish };
    let floats = to.floats();
    compute.run(floats.div_ceil(TASK), &|task, _| {
        let first = task * TASK;
        // SAFETY: both views are inside the arena, and tasks have different pieces.
        unsafe {
            let kernel = Flat {
                from: start.get().add(from.offset + first),
                to: start.get().add(to.offset + first),
                floats: TASK.min(floats - first),
                finish,
            };
            run_at(compute.simd(), kernel);
        }
    });
}

/// `y = f(x)`; `y` may be `x`.
///
/// # Panics
/// If the shapes differ, or the views overlap otherwise or lie outside the arena.
pub fn activate(compute: &Compute, arena: &mut Arena, activation: Activation, x: View, y: View) {
    flat(compute, arena, x, y, Finish::forward(activation, [x, y]));
}

/// `d_x = d_y f'(x)`, with the derivative told from `y` (for [`Activation::Silu`], from `x` given as `y`);
/// `d_x` may be `d_y`.
///
/// # Panics
/// If the shapes differ, or the views overlap otherwise or lie outside the arena.
pub fn activation_gradient(
    compute: &Compute,
    arena: &mut Arena,
    activation: Activation,
    y: View,
    d_y: View,
    d_x: View,
) {
    let into = InputGradient::overwrite(d_x).through(activation, y);
    into.check(arena, &d_y, &[]);
    flat(compute, arena, d_y, d_x, Finish::backward(&into, [d_y, d_x]));
}

/// Hands the gradient of a sum to one of its terms.
///
/// # Panics
/// If the shapes differ, or the views overlap or lie outside the arena.
pub fn add_into(compute: &Compute, arena: &mut Arena, d_y: View, into: &InputGradient) {
    into.check(arena, &d_y, &[d_y]);
    flat(compute, arena, d_y, into.view, Finish::backward(into, [d_y, into.view]));
}

/// Adds up runs of floats.
struct Sum<'a> {
    arena: *mut f32,
    xs: &'a [View],
    y: View,
    first: usize,
    floats: usize,
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for at in (self.first..self.first + self.floats).step_by(V::LANES) {
            // SAFETY: all views are inside the arena and have `first + floats` floats or more.
            unsafe {
                let mut sum = V::load(self.arena.add(self.xs[0].offset + at));
                for x in &self.xs[1..] {
                    sum = sum.add(V::load(self.arena.add(x.offset + at)));
                }
                sum.store(self.arena.add(self.y.offset + at));
            }
        }
    }
}

/// `y = x1 + x2 + ...`, all of one shape.
///
/// # Panics
/// If there is no term, the shapes differ, or a term overlaps `y` or lies outside the arena.
pub fn add_forward(compute: &Compute, arena: &mut Arena, xs: &[View], y: View) {
    assert!(!xs.is_empty(), "a sum needs a term");
    arena.check(&y);
    for x in xs {
        arena.check(x);
        assert!(x.same_shape(&y), "a sum has the shape of its terms: {x:?} to {y:?}");
        assert!(!x.overlaps(&y), "a sum lies apart from its terms: {x:?} to {y:?}");
    }
    let start = SharedPointer(arena.pointer_mut());
    compute.run(y.floats().div_ceil(TASK), &|task, _| {
        let first = task * TASK;
        let floats = TASK.min(y.floats() - first);
        // SAFETY: the views are inside the arena, y apart from the rest, and tasks have different pieces.
        unsafe { run_at(compute.simd(), Sum { arena: start.get(), xs, y, first, floats }) }
    });
}

/// Sets a view to zero.
///
/// # Panics
/// If it lies outside the arena.
pub fn fill_zero(compute: &Compute, arena: &mut Arena, view: View) {
    let to = arena.values_mut(&view);
    let (floats, start) = (to.len(), SharedPointer(to.as_mut_ptr()));
    compute.run(floats.div_ceil(TASK), &|task, _| {
        let first = task * TASK;
        // SAFETY: tasks have different pieces of the view.
        unsafe { std::slice::from_raw_parts_mut(start.get().add(first), TASK.min(floats - first)) }.fill(0.0);
    });
}
