//! What a plan asks for, as the engine computes it: the loss that is made small, and the optimiser that does it.

use crate::{LossKind, OptimiserKind, TrainingPlan};
use foci_engine::{
    Adam, ByChannels, ChannelLoss, CrossEntropyDice, KnownCrossEntropy, Loss, MeanAbsoluteError,
    MeanSquaredError, Optimiser, Sgd,
};
use foci_segment::targets::CLASSES;

/// Momentum of stochastic gradient descent.
const MOMENTUM: f32 = 0.9;

/// The optimiser of a plan, for so many parameters.
pub(crate) fn optimiser(plan: &TrainingPlan, count: usize) -> Box<dyn Optimiser> {
    let decay = plan.weight_decay as f32;
    match plan.optimiser {
        OptimiserKind::Adam => Box::new(Adam::new(count, decay)),
        OptimiserKind::Adamw => Box::new(Adam::decoupled(count, decay)),
        OptimiserKind::Sgd => Box::new(Sgd::new(count, MOMENTUM, decay)),
    }
}

/// The loss of a plan, over all channels that its nets give.
pub(crate) fn loss(plan: &TrainingPlan) -> Box<dyn Loss> {
    let pixels = plan.crop * plan.crop;
    match plan.loss {
        LossKind::Mse => Box::new(MeanSquaredError),
        LossKind::L1 => Box::new(MeanAbsoluteError),
        LossKind::Classes => Box::new(CrossEntropyDice::new(class_weights(plan), pixels)),
        LossKind::Objects => {
            let classes = CrossEntropyDice::new(vec![1.0; CLASSES], pixels);
            let mut parts = vec![
                ChannelLoss { channels: CLASSES, share: 1.0, loss: Box::new(classes) },
                ChannelLoss { channels: 1, share: 1.0, loss: Box::new(MeanAbsoluteError) },
            ];
            if plan.classes > 0 {
                let of_objects = KnownCrossEntropy::new(class_weights(plan), pixels);
                parts.push(ChannelLoss { channels: plan.classes, share: 1.0, loss: Box::new(of_objects) });
            }
            Box::new(ByChannels::new(parts, pixels))
        }
    }
}

/// What each class counts, whether the plan says so or not.
fn class_weights(plan: &TrainingPlan) -> Vec<f64> {
    if plan.class_weights.is_empty() { vec![1.0; plan.classes] } else { plan.class_weights.clone() }
}
