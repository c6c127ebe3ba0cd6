//! The activation functions a layer may end with, as data. A layer that trains keeps the activated value
//! `y` only: the derivative of each function can be told from it, except that of SiLU, which needs the
//! value before.

/// What is applied to each value of a layer's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Activation {
    /// y = x.
    #[default]
    None,
    /// y = max(x, 0).
    Relu,
    /// y = x for x > 0, else 0.01 x.
    LeakyRelu,
    /// y = x for x > 0, else exp(x) - 1.
    Elu,
    /// y = x / (1 + exp(-x)), also known as swish.
    Silu,
}

/// Slope of [`Activation::LeakyRelu`] below zero.
pub(crate) const LEAKY_SLOPE: f32 = 0.01;

impl Activation {
    /// Whether the derivative is told from the activated value. If not (SiLU), every kernel that wants the
    /// derivative is given the value before the activation in place of the activated one.
    pub fn derivative_from_output(self) -> bool {
        self != Activation::Silu
    }
}
