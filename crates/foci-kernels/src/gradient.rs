//! Where a gradient goes. A feature map that several layers read receives one contribution from each; the
//! first overwrites, the others accumulate, and the last one also multiplies by the derivative of the
//! activation that produced the map, so that the gradient never makes an extra trip through memory.

use crate::activation::Activation;
use crate::arena::Arena;
use crate::view::View;

/// The destination of one contribution to the gradient of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputGradient {
    /// Where the gradient is kept; the shape of the feature map it belongs to.
    pub view: View,
    /// Add to what is there instead of overwriting it.
    pub accumulate: bool,
    /// After adding, multiply by the derivative of this activation, told from the view of its output `y`
    /// (for [`Activation::Silu`], of its input). `y` lies apart from `view`; or it is `view`, if nothing is
    /// accumulated, and the gradient takes its place.
    pub activation: Option<(Activation, View)>,
}

impl InputGradient {
    /// A gradient that overwrites `view` and stops there.
    pub fn overwrite(view: View) -> InputGradient {
        InputGradient { view, accumulate: false, activation: None }
    }

    /// A gradient that is added to what `view` holds.
    pub fn accumulate(view: View) -> InputGradient {
        InputGradient { view, accumulate: true, activation: None }
    }

    /// The same, multiplied by the derivative of `activation` at `y`.
    pub fn through(self, activation: Activation, y: View) -> InputGradient {
        InputGradient { activation: Some((activation, y)), ..self }
    }

    /// Stops the program with a message unless the destination is a proper place for the gradient of a
    /// feature map of the shape of `like`, apart from everything in `read`.
    pub(crate) fn check(&self, arena: &Arena, like: &View, read: &[View]) {
        arena.check(&self.view);
        assert!(
            self.view.same_shape(like),
            "a gradient must have the shape of its feature map: {:?} against {like:?}",
            self.view
        );
        for view in read {
            assert!(
                !self.view.overlaps(view),
                "a gradient is written where an operand lies: {:?} and {view:?}",
                self.view
            );
        }
        if let Some((_, y)) = &self.activation {
            arena.check(y);
            let apart = y.same_shape(&self.view) && !y.overlaps(&self.view);
            assert!(
                apart || (*y == self.view && !self.accumulate),
                "the activated value must have the shape of the gradient and lie apart from it or be replaced: \
                 {y:?} and {:?}",
                self.view
            );
        }
    }
}
