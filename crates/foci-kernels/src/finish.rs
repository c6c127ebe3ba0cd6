//! What happens to a computed value on its way to memory: an activation on the way forward; on the way
//! back, being added to an earlier contribution and multiplied by the derivative of an activation.

use crate::activation::Activation;
use crate::functions::{activated, through};
use crate::gradient::InputGradient;
use crate::vector::{Kernel, Vector};

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

    /// From the place of d to that of y, if y is read.
    pub fn reads(self) -> Option<isize> {
        match self {
            Finish::Backward { activation, shift, .. } if activation != Activation::None => Some(shift),
            _ => None,
        }
    }

    /// Whether it needs no more than a few instructions: ReLU or no activation. What nets mostly have stays within the
    /// loops; the rest has a place of its own ([`Vector::out_of_line`]).
    #[inline(always)]
    fn is_short(self) -> bool {
        let (Finish::Forward(activation) | Finish::Backward { activation, .. }) = self;
        matches!(activation, Activation::None | Activation::Relu)
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
                Finish::Forward(Activation::None) => value.store(to),
                Finish::Forward(Activation::Relu) => activated(Activation::Relu, value).store(to),
                Finish::Backward { accumulate, activation: Activation::None, .. } => {
                    let sum = if accumulate { V::load(to).add(value) } else { value };
                    sum.store(to);
                }
                Finish::Backward { accumulate, activation: Activation::Relu, shift } => {
                    let sum = if accumulate { V::load(to).add(value) } else { value };
                    through(Activation::Relu, V::load(to.offset(shift)), sum).store(to);
                }
                _ => self.store_out_of_line(value, to, V::LANES),
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
            // Parts are few: the ends of rows.
            if count == V::LANES {
                self.store(value, to);
            } else {
                self.store_out_of_line(value, to, count);
            }
        }
    }

    /// # Safety
    /// As [`Finish::store_part`].
    #[inline(always)]
    unsafe fn store_out_of_line<V: Vector>(self, value: V, to: *mut f32, count: usize) {
        let mut kept = [0.0_f32; 16];
        // SAFETY: a vector has 16 lanes or fewer; the rest see above.
        unsafe {
            value.store(kept.as_mut_ptr());
            V::out_of_line(Store { finish: self, values: kept.as_ptr(), to, count });
        }
    }

    /// Stores a row of `count` values; `to` may be `from`.
    ///
    /// # Safety
    /// The CPU has the level; `from` and `to` are good for `count` floats, and so is the place of y.
    #[inline(always)]
    pub unsafe fn store_row<V: Vector>(self, from: *const f32, to: *mut f32, count: usize) {
        // SAFETY: see above.
        unsafe {
            if self.is_short() {
                let whole = count - count % V::LANES;
                for at in (0..whole).step_by(V::LANES) {
                    self.store(V::load(from.add(at)), to.add(at));
                }
                if whole < count {
                    let rest = V::load_part(from.add(whole), 0, count - whole);
                    self.store_part(rest, to.add(whole), count - whole);
                }
            } else {
                V::out_of_line(Store { finish: self, values: from, to, count });
            }
        }
    }
}

/// A row of `count` values on its way to memory, whatever the last step; `to` may be `values`.
struct Store {
    finish: Finish,
    values: *const f32,
    to: *mut f32,
    count: usize,
}

impl Store {
    /// The values of one vector, of which those of the lanes from `count` on mean nothing and are not stored.
    #[inline(always)]
    unsafe fn finished<V: Vector>(&self, at: usize, count: usize) -> V {
        // SAFETY: `count` floats from `at` on are there, of the values and wherever the last step reads.
        unsafe {
            let load = |from: *const f32| {
                let from = from.add(at);
                if count == V::LANES { V::load(from) } else { V::load_part(from, 0, count) }
            };
            let value: V = load(self.values);
            match self.finish {
                Finish::Forward(activation) => activated(activation, value),
                Finish::Backward { accumulate, activation, shift } => {
                    let sum = if accumulate { load(self.to).add(value) } else { value };
                    if activation == Activation::None {
                        sum
                    } else {
                        through(activation, load(self.to.offset(shift)), sum)
                    }
                }
            }
        }
    }
}

impl Kernel for Store {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let whole = self.count - self.count % V::LANES;
        // SAFETY: `count` floats are there, of the values and wherever the last step reads and writes.
        unsafe {
            for at in (0..whole).step_by(V::LANES) {
                self.finished::<V>(at, V::LANES).store(self.to.add(at));
            }
            if whole < self.count {
                let count = self.count - whole;
                self.finished::<V>(whole, count).store_part(self.to.add(whole), count);
            }
        }
    }
}
