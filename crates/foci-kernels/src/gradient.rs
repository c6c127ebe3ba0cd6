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

/// Stops the program with a message unless the gradient of an output is inside the arena and has its shape.
pub(crate) fn check_d_output(arena: &Arena, d_output: &View, output: &View) {
    arena.check(d_output);
    assert!(
        d_output.same_shape(output),
        "the gradient of an output must have its shape: {d_output:?} against {output:?}"
    );
}

/// Stops the program with a message unless the gradients by the inputs of a layer, which are all written at once
/// from `d_output`, are in proper places, one (or none) for each input.
pub(crate) fn check_d_inputs(
    arena: &Arena,
    inputs: &[View],
    d_output: &View,
    d_inputs: &[Option<InputGradient>],
) {
    assert_eq!(d_inputs.len(), inputs.len(), "one gradient (or None) per input");
    for (index, (into, input)) in d_inputs.iter().zip(inputs).enumerate() {
        let Some(into) = into else { continue };
        into.check(arena, input, &[*d_output]);
        // None may read or write what another writes.
        for other in d_inputs[..index].iter().flatten() {
            let read = |of: &InputGradient| of.activation.map_or(of.view, |(_, y)| y);
            let apart = !into.view.overlaps(&other.view)
                && !into.view.overlaps(&read(other))
                && !other.view.overlaps(&read(into));
            assert!(apart, "gradients are written at once, but overlap: {into:?} and {other:?}");
        }
    }
}
