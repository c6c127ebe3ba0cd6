//! Which way a part of a convolution is computed: directly, or by Winograd's tiles where the shapes make that
//! worthwhile. Both ways do the same thing for the layer.

use super::blocks::{Block, PerWorker};
use super::pass::{Geometry, Operands, Pass, Worker};
use super::weight_gradient::{Maps, WeightGradient};
use super::winograd::{WinogradGradient, WinogradPass};
use crate::simd::Simd;
use crate::threads::Compute;
use crate::view::View;

/// A pass from a list of channel blocks to one view, either way.
pub(super) enum EitherPass {
    Direct(Pass),
    Winograd(WinogradPass),
}

impl EitherPass {
    pub fn new(
        simd: Simd,
        winograd: bool,
        geometry: Geometry,
        source: &[Block],
        target: &View,
    ) -> EitherPass {
        if winograd {
            EitherPass::Winograd(WinogradPass::new(simd, &geometry, source, target))
        } else {
            EitherPass::Direct(Pass::new(simd, geometry, source, target))
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            EitherPass::Direct(pass) => pass.packed.bytes(),
            EitherPass::Winograd(pass) => pass.bytes(),
        }
    }

    /// Packs `weight(output channel, input channel, tap)` and `bias(output channel)`.
    pub fn pack(&mut self, weight: impl Fn(usize, usize, usize) -> f32, bias: Option<&[f32]>) {
        match self {
            EitherPass::Direct(pass) => pass.packed.pack(weight, bias),
            EitherPass::Winograd(pass) => pass.pack(weight, bias),
        }
    }

    /// Runs the pass.
    ///
    /// # Safety
    /// As for [`Pass::run`] and [`WinogradPass::run`].
    pub unsafe fn run(&self, compute: &Compute, operands: Operands<'_>, workers: &PerWorker<Worker>) {
        // SAFETY: passed on to the caller.
        unsafe {
            match self {
                EitherPass::Direct(pass) => pass.run(compute, operands, workers),
                EitherPass::Winograd(pass) => pass.run(compute, operands, workers),
            }
        }
    }
}

/// A gradient by weights and bias, either way.
pub(super) enum EitherGradient {
    Direct(WeightGradient),
    Winograd(WinogradGradient),
}

impl EitherGradient {
    pub fn bytes(&self) -> usize {
        match self {
            EitherGradient::Direct(gradient) => gradient.bytes(),
            EitherGradient::Winograd(gradient) => gradient.bytes(),
        }
    }

    /// See [`WeightGradient::run`].
    pub fn run(
        &mut self,
        compute: &Compute,
        workers: &PerWorker<Worker>,
        maps: Maps<'_>,
        d_weights: &mut [f32],
        place: impl Fn(usize, usize, usize, usize) -> usize + Sync,
        d_bias: &mut [f32],
    ) {
        match self {
            EitherGradient::Direct(gradient) => gradient.run(compute, maps, d_weights, place, d_bias),
            EitherGradient::Winograd(gradient) => {
                gradient.run(compute, workers, maps, d_weights, place, d_bias);
            }
        }
    }
}
