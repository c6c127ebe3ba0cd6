//! Readable scalar forms of every kernel, on plain `[N, C, H, W]` slices of f32 or f64.
//!
//! They are the standard to which the fast kernels are held, and stay so: nothing here is blocked,
//! vectorised or threaded, and each function is the formula in its documentation, written as loops. All
//! spatial coordinates outside an image read as zero.

mod activation;
mod conv;
mod conv_transposed;
mod group_norm;
mod pool;
mod upsample;

pub use activation::{activate, activation_derivative};
pub use conv::{conv_backward_data, conv_backward_weights, conv_forward};
pub use conv_transposed::{
    conv_transposed_backward_data, conv_transposed_backward_weights, conv_transposed_forward,
};
pub use group_norm::{group_norm_backward, group_norm_forward};
pub use pool::{pool_backward, pool_forward};
pub use upsample::{upsample_backward, upsample_forward};

use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// f32 or f64.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
{
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// e to the power of this value.
    fn exp(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    fn exp(self) -> f32 {
        f32::exp(self)
    }
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> f64 {
        value
    }
    fn exp(self) -> f64 {
        f64::exp(self)
    }
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
}

/// The shape of a plain `[N, C, H, W]` slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl Shape {
    /// The shape [n, c, h, w].
    pub fn new(n: usize, c: usize, h: usize, w: usize) -> Shape {
        Shape { n, c, h, w }
    }

    /// Values in a slice of this shape.
    pub fn values(&self) -> usize {
        self.n * self.c * self.h * self.w
    }

    /// The same shape with another number of channels.
    pub fn with_channels(self, c: usize) -> Shape {
        Shape { c, ..self }
    }

    /// The same shape with another number of rows and columns.
    pub fn with_size(self, h: usize, w: usize) -> Shape {
        Shape { h, w, ..self }
    }

    /// Position of one value in the slice.
    pub fn at(&self, n: usize, c: usize, y: usize, x: usize) -> usize {
        ((n * self.c + c) * self.h + y) * self.w + x
    }
}

/// `base + shift` if that lies in `0..size`.
fn inside(base: usize, shift: isize, size: usize) -> Option<usize> {
    base.checked_add_signed(shift).filter(|position| *position < size)
}
