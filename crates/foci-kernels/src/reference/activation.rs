//! Activation functions and their derivatives, one value at a time. What is not a number stays so.

use super::Real;
use crate::activation::Activation;

/// y = f(x).
pub fn activate<T: Real>(activation: Activation, x: T) -> T {
    let (zero, one) = (T::default(), T::from_f64(1.0));
    match activation {
        Activation::None => x,
        Activation::Relu => {
            if x < zero {
                zero
            } else {
                x
            }
        }
        Activation::LeakyRelu => {
            if x < zero {
                x * T::from_f64(0.01)
            } else {
                x
            }
        }
        Activation::Elu => {
            if x < zero {
                x.exp() - one
            } else {
                x
            }
        }
        Activation::Silu => x / (one + (zero - x).exp()),
    }
}

/// f'(x), told from y = f(x); for SiLU from x itself:
/// `silu'(x) = s (1 + x (1 - s))` with `s = 1 / (1 + exp(-x))`.
pub fn activation_derivative<T: Real>(activation: Activation, y: T) -> T {
    let (zero, one) = (T::default(), T::from_f64(1.0));
    match activation {
        Activation::None => one,
        Activation::Relu => {
            if y > zero {
                one
            } else {
                zero
            }
        }
        Activation::LeakyRelu => {
            if y > zero {
                one
            } else {
                T::from_f64(0.01)
            }
        }
        Activation::Elu => {
            if y > zero {
                one
            } else {
                y + one
            }
        }
        Activation::Silu => {
            let sigmoid = one / (one + (zero - y).exp());
            sigmoid * (one + y * (one - sigmoid))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_difference_quotients() {
        let all =
            [Activation::None, Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Silu];
        for activation in all {
            for x in [-3.0f64, -0.7, 0.3, 2.0] {
                let step = 1e-5;
                let quotient =
                    (activate(activation, x + step) - activate(activation, x - step)) / (2.0 * step);
                let from = if activation.derivative_from_output() { activate(activation, x) } else { x };
                assert!((activation_derivative(activation, from) - quotient).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn known_values() {
        assert_eq!(activate(Activation::LeakyRelu, -2.0f64), -0.02);
        assert!((activate(Activation::Elu, -1.0f64) + 0.632_120_558_828_557_7).abs() < 1e-15);
        assert!((activate(Activation::Silu, 1.0f64) - 0.731_058_578_630_004_9).abs() < 1e-15);
    }
}
