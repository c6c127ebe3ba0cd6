//! What a plan asks for, as the engine computes it: the loss that is made small, and the optimiser that does it.

use crate::{LossKind, OptimiserKind, TrainingPlan};
use foci_engine::{
    Adam, ByChannels, ChannelLoss, CrossEntropyDice, KnownCrossEntropy, Loss, MeanAbsoluteError,
    MeanSquaredError, Optimiser, Sgd,
};
use foci_segment::targets::{CLASSES, CONTACT};

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
            let mut weights = vec![1.0; CLASSES];
            weights[usize::from(CONTACT)] = plan.contact_weight;
            let classes = CrossEntropyDice::new(weights, pixels);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;
    use crate::plan::tests::plan;

    #[test]
    fn a_pixel_in_contact_counts_for_as_many_as_the_plan_says() {
        // Two of four pixels are known by logits of ln 2 beside two of 0: probability 1/2; the contact by none: 1/3. The fourth is background, 1/3 too.
        let mut logits = [0.0; 16];
        let mut target = [0.0; 16];
        for (pixel, class, logit) in [(0, 1, 2f32.ln()), (1, 1, 2f32.ln()), (2, 2, 0.0), (3, 0, 0.0)] {
            logits[class * 4 + pixel] = logit;
            target[class * 4 + pixel] = 1.0;
        }
        let loss_of = |contact_weight: f64| {
            let plan =
                TrainingPlan { task: Task::Instances, loss: LossKind::Objects, contact_weight, ..plan(2) };
            loss(&plan).evaluate(&logits, &target, &mut [0.0; 16]).unwrap()
        };
        let entropy = |weight: f64| (2.0 * 2f64.ln() + (1.0 + weight) * 3f64.ln()) / (3.0 + weight);
        assert!((loss_of(3.0) - loss_of(1.0) - (entropy(3.0) - entropy(1.0))).abs() < 1e-6);
    }
}
