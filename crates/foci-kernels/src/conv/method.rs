//! Which way a part of a convolution is computed: directly or by Winograd's tiles, and gradients by weights with channels
//! as lanes or not, as the shapes make worthwhile. All ways do the same thing for the layer.

use super::correlate::{Maps, WeightGradient};
use super::direct::{DirectPass, Operands};
use super::outer::OuterGradient;
use super::winograd::{WinogradGradient, WinogradOuterGradient, WinogradPass};
use crate::threads::Compute;

/// A pass from planes to planes, either way.
pub(super) enum Pass {
    Direct(DirectPass),
    Winograd(WinogradPass),
}

impl Pass {
    /// Floats of weights and bias.
    pub fn floats(&self) -> usize {
        match self {
            Pass::Direct(pass) => pass.packed.floats(),
            Pass::Winograd(pass) => pass.held_floats(),
        }
    }

    /// Packs `weight(output channel, input channel, tap)` and `bias(output channel)`.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        match self {
            Pass::Direct(pass) => pass.packed.pack(weight, bias),
            Pass::Winograd(pass) => pass.pack(weight, bias),
        }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// As for [`DirectPass::run`] and [`WinogradPass::run`].
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>) {
        // SAFETY: passed on to the caller.
        unsafe {
            match self {
                Pass::Direct(pass) => pass.run(compute, operands),
                Pass::Winograd(pass) => pass.run(compute, operands),
            }
        }
    }
}

/// A gradient by weights and bias: with pixels, channels or tiles as lanes.
pub(super) enum Gradient {
    Direct(WeightGradient),
    Outer(OuterGradient),
    Winograd(WinogradGradient),
    WinogradOuter(WinogradOuterGradient),
}

impl Gradient {
    /// Floats of scratch of each worker.
    pub fn worker_floats(&self) -> usize {
        match self {
            Gradient::Direct(_) => 0,
            Gradient::Outer(gradient) => gradient.worker_floats(),
            Gradient::Winograd(gradient) => gradient.worker_floats(),
            Gradient::WinogradOuter(gradient) => gradient.worker_floats(),
        }
    }

    /// Floats of common scratch.
    pub fn common_floats(&self) -> usize {
        match self {
            Gradient::Direct(gradient) => gradient.0.sums.floats(),
            Gradient::Outer(gradient) => gradient.0.sums.floats(),
            Gradient::Winograd(gradient) => gradient.common_floats(),
            Gradient::WinogradOuter(gradient) => gradient.common_floats(),
        }
    }

    /// Computes the gradients by weights and bias.
    ///
    /// # Safety
    /// As for [`WeightGradient::run`], [`OuterGradient::run`], [`WinogradGradient::run`] and
    /// [`WinogradOuterGradient::run`].
    pub unsafe fn run(&self, compute: &Compute, maps: Maps<'_>, d_weights: &mut [f32], d_bias: &mut [f32]) {
        // SAFETY: passed on to the caller.
        unsafe {
            match self {
                Gradient::Direct(gradient) => gradient.run(compute, maps, d_weights, d_bias),
                Gradient::Outer(gradient) => gradient.run(compute, maps, d_weights, d_bias),
                Gradient::Winograd(gradient) => gradient.run(compute, maps, d_weights, d_bias),
                Gradient::WinogradOuter(gradient) => gradient.run(compute, maps, d_weights, d_bias),
            }
        }
    }
}
