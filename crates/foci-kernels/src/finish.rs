//! What happens to a computed value on its way to memory: an activation on the way forward; on the way
//! back, being added to an earlier contribution and multiplied by the derivative of an activation.

use crate::activation::Activation;
use crate::functions::{activated, through};
use crate::gradient::InputGradient;
use crate::vector::Vector;

/// The last step of a kernel.
#[derive(Clone, Copy)]
pub(crate) enum Finish {
    /// y = f(value).
    Forward(Activation),
    /// d = (value + d, if it accumulates) * f'(y); `shift` leads from the place of d to that of y, in floats.
    Backward { accumulate: bool, activation: Activation, shift: isize },
}

impl Finish {
    /// The last step of a contribution to a gradient.
    pub fn backward(into: &InputGradient) -> Finish {
        let (activation, y) = into.activation.unwrap_or((Activation::None, into.view));
        Finish::Backward {
            accumulate: into.accumulate,
            activation,
            shift: y.offset as isize - into.view.offset as isize,
        }
    }

    /// Stores one vector of values.
    ///
    /// # Safety
    /// The CPU has the level; `to` is good for a vector, and so is the place of y.
    #[inline(always)]
    pub unsafe fn store<V: Vector>(self, value: V, to: *mut f32) {
        // SAFETY: see above.
        unsafe {
            match self {
                Finish::Forward(activation) => activated(activation, value).store(to),
                Finish::Backward { accumulate, activation, shift } => {
                    let sum = if accumulate { V::load(to).add(value) } else { value };
                    if activation == Activation::None {
                        sum.store(to);
                    } else {
                        through(activation, V::load(to.offset(shift)), sum).store(to);
                    }
                }
            }
        }
    }

    /// Stores the first `count` lanes of a vector of values.
    ///
    /// # Safety
    /// The CPU has the level; `to` is good for `count` floats, and so is the place of y.
    #[inline(always)]
    pub unsafe fn store_part<V: Vector>(self, value: V, to: *mut f32, count: usize) {
        // SAFETY: see above.
        unsafe {
            match self {
                Finish::Forward(activation) => activated(activation, value).store_part(to, count),
                Finish::Backward { accumulate, activation, shift } => {
                    let sum = if accumulate { V::load_part(to, 0, count).add(value) } else { value };
                    if activation == Activation::None {
                        sum.store_part(to, count);
                    } else {
                        let y = V::load_part(to.offset(shift), 0, count);
                        through(activation, y, sum).store_part(to, count);
                    }
                }
            }
        }
    }

    /// Stores a row of `count` values; `to` may be `from`.
    ///
    /// # Safety
    /// The CPU has the level; `from` and `to` are good for `count` floats, and so is the place of y.
    #[inline(always)]
    pub unsafe fn store_row<V: Vector>(self, from: *const f32, to: *mut f32, count: usize) {
        let whole = count - count % V::LANES;
        // SAFETY: see above.
        unsafe {
            for at in (0..whole).step_by(V::LANES) {
                self.store(V::load(from.add(at)), to.add(at));
            }
            if whole < count {
                let rest = V::load_part(from.add(whole), 0, count - whole);
                self.store_part(rest, to.add(whole), count - whole);
            }
        }
    }
}
