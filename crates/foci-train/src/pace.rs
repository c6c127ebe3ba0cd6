//! How fast a run learns at each step, and whether it has learnt all it will.
//!
//! A run of so many steps warms up and then follows a cosine ([`schedule::warmup_cosine`]). One that shall end by itself
//! cannot know where its cosine would end: it keeps its rate until the validation loss has not fallen for so many
//! validations, goes on at a tenth and then at a hundredth of it, and ends when that has not fallen either. Everything
//! depends on losses alone, never on a clock, so it ends at the same step every time.

use crate::TrainingPlan;
use foci_engine::schedule;

/// Share of the learning rate that is left at the end of the cosine.
const FINAL_RATE_SHARE: f64 = 0.01;
/// What is left of the rate when the validation loss has not fallen for long enough.
const FALL: f64 = 0.1;
/// How often the rate falls before the run ends.
const FALLS: u64 = 2;
/// A loss that is lower by less than this share has not fallen.
const LEAST_GAIN: f64 = 1e-3;
/// Validations that a warm-up is a share of, in a run whose end nobody knows.
const WARM_UP_OF: u64 = 10;

/// Where a run stands with its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Lowest validation loss so far.
    pub best: f64,
    /// Validations since then, at this rate.
    pub without_gain: u64,
    /// How often the rate has fallen.
    pub falls: u64,
    /// The validation loss does not fall at the smallest rate either.
    pub settled: bool,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { best: f64::INFINITY, without_gain: 0, falls: 0, settled: false }
    }
}

impl Pace {
    /// Learning rate of a step, counted from 0.
    pub fn rate(&self, plan: &TrainingPlan, step: u64) -> f64 {
        let warm_up = |of: u64| (of as f64 * plan.warmup_share).round() as u64;
        if plan.patience == 0 {
            let least = plan.learning_rate * FINAL_RATE_SHARE;
            return schedule::warmup_cosine(step, plan.steps, warm_up(plan.steps), plan.learning_rate, least);
        }
        let steps = warm_up(plan.steps.min(WARM_UP_OF * plan.validate_every)).max(1);
        let rise = (step + 1) as f64 / steps as f64;
        plan.learning_rate * FALL.powi(self.falls as i32) * rise.min(1.0)
    }

    /// Takes note of a validation loss.
    pub fn hear(&mut self, plan: &TrainingPlan, loss: f64) {
        if plan.patience == 0 {
            return;
        }
        if loss < self.best * (1.0 - LEAST_GAIN) {
            (self.best, self.without_gain) = (loss, 0);
            return;
        }
        self.without_gain += 1;
        if self.without_gain >= u64::from(plan.patience) {
            self.without_gain = 0;
            match self.falls {
                FALLS => self.settled = true,
                _ => self.falls += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn the_rate_falls_twice_and_then_the_run_ends() {
        let plan =
            TrainingPlan { patience: 2, steps: 10_000, validate_every: 10, learning_rate: 1.0, ..plan(8) };
        let mut pace = Pace::default();
        // The warm-up is a tenth of ten validations.
        assert_eq!(pace.rate(&plan, 0), 0.1);
        assert_eq!(pace.rate(&plan, 500), 1.0);
        let mut rates = Vec::new();
        for loss in [1.0, 0.9, 0.9, 0.8995, 0.5, 0.6, 0.5, 0.5, 0.5] {
            assert!(!pace.settled);
            pace.hear(&plan, loss);
            rates.push(pace.rate(&plan, 500));
        }
        // 0.8995 is lower than 0.9 by less than a thousandth.
        let expected = [1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01];
        assert!(
            rates.iter().zip(expected).all(|(rate, wanted)| (rate / wanted - 1.0).abs() < 1e-12),
            "{rates:?}"
        );
        assert!(pace.settled);
    }

    #[test]
    fn without_patience_it_is_a_cosine_and_never_settles() {
        let plan = plan(8);
        let mut pace = Pace::default();
        (0..100).for_each(|_| pace.hear(&plan, 1.0));
        assert_eq!(pace, Pace::default());
        let last = pace.rate(&plan, plan.steps - 1);
        assert!(last < 0.1 * plan.learning_rate, "{last}");
    }
}
