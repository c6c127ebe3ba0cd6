//! Rules of a study that its types do not express; whoever breaks one is told what to change.

use super::{BaselineMethod, BaselineSpec, StudySpec};
use crate::claim::Clause;
use crate::measure::measures_of;
use foci_train::{PixelTraining, Task};

/// More seeds than any study needs; a bound keeps a slip of the finger from becoming a week of work.
const MOST_SEEDS: usize = 1000;

impl StudySpec {
    /// Rules that the types do not express. The reason says what to change.
    ///
    /// # Errors
    /// A sentence that names the value.
    pub fn check(&self) -> Result<(), String> {
        let plain = |name: &str| {
            !name.is_empty()
                && name.len() <= 60
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
                && !name.starts_with('.')
        };
        if !plain(&self.name) {
            return Err(format!(
                "name '{}' must be letters, digits, '-' and '_': it becomes a folder",
                self.name
            ));
        }
        self.check_task()?;
        if self.arms.is_empty() {
            return Err("the study has no [[arm]]; add at least one net".into());
        }
        for (index, arm) in self.arms.iter().enumerate() {
            if !plain(&arm.name) {
                return Err(format!(
                    "arm name '{}' must be letters, digits, '-' and '_': it becomes a folder",
                    arm.name
                ));
            }
            if self.arms[..index].iter().any(|other| other.name == arm.name) {
                return Err(format!(
                    "two arms are called '{}'; give one of them a name of its own",
                    arm.name
                ));
            }
            if let Some(base) = &arm.variant_of
                && !self.arms[..index].iter().any(|other| other.name == *base)
            {
                return Err(format!(
                    "arm '{}' has variant_of, which only [factors] gives; write its settings without it",
                    arm.name
                ));
            }
            if !(arm.input_noise.is_finite() && arm.input_noise >= 0.0) {
                return Err(format!(
                    "input_noise of arm '{}' is {}; it must be 0 or more",
                    arm.name, arm.input_noise
                ));
            }
        }
        if self.seeds == 0 || self.seeds > MOST_SEEDS {
            return Err(format!(
                "seeds is {}; at least 1 is needed, 3 for intervals that mean something, and {MOST_SEEDS} at most",
                self.seeds
            ));
        }
        self.check_tuning()?;
        self.check_pretraining()?;
        for arm in &self.arms {
            let second = self.tuning.second_round.map(|round| (round.steps, "tuning.second_round"));
            let sections = [(self.training.steps, "training"), (self.tuning.steps, "tuning")];
            for (steps, section) in sections.into_iter().chain(second) {
                let rate = self.tuning.learning_rates[0];
                let plan = self.training_plan(arm, 0, rate, steps);
                plan.check().map_err(|error| format!("{section}: {error}"))?;
            }
        }
        if self.split.folds < 3 || self.split.fold >= self.split.folds {
            return Err(format!(
                "split: fold {} of {} folds; at least 3 folds are needed, numbered from 0",
                self.split.fold, self.split.folds
            ));
        }
        if self.stress.as_ref().is_some_and(|stress| stress.kinds.is_empty()) {
            return Err(
                "stress.kinds is empty; name ways of making images worse, or leave it out for all".into()
            );
        }
        for claim in &self.claims {
            if claim.all.is_empty() {
                return Err(format!(
                    "claim '{}' has nothing that decides it; give at least one clause in `all`",
                    claim.id
                ));
            }
            for clause in &claim.all {
                if let Some(arm) =
                    clause.arms().into_iter().find(|arm| !self.arms.iter().any(|known| known.name == *arm))
                {
                    return Err(format!(
                        "claim '{}' names arm '{arm}', which the study does not have",
                        claim.id
                    ));
                }
                if let Clause::Optics { optics, .. } = clause
                    && !foci_optics::KEYS.contains(&optics.as_str())
                {
                    return Err(format!(
                        "claim '{}' rests on '{optics}', which the optical bench does not measure; choose one of {}",
                        claim.id,
                        foci_optics::KEYS.join(", ")
                    ));
                }
                if let Clause::Measure { measure, .. } = clause
                    && !measures_of(self).iter().any(|known| known.key() == measure)
                {
                    let known: Vec<&str> = measures_of(self).iter().map(|known| known.key()).collect();
                    return Err(format!(
                        "claim '{}' rests on '{measure}', which is no measure of the task '{}'; choose one of {}",
                        claim.id,
                        self.task.name(),
                        known.join(", ")
                    ));
                }
            }
        }
        Ok(())
    }

    /// Rules of what goes with which task.
    fn check_task(&self) -> Result<(), String> {
        let task = self.task.name();
        let (given, needed) = (self.classes.len(), self.task == Task::Semantic);
        if needed && given < 2 {
            return Err(format!(
                "the task 'semantic' needs the names of at least two classes, and there are {given}; add classes = [\"background\", ...]"
            ));
        }
        match (&self.object_classes, self.task) {
            (Some(column), Task::Instances) if given < 2 => {
                return Err(format!(
                    "object_classes = \"{column}\" tells objects apart, which needs the names of at least two classes, and there are {given}; add classes = [\"few\", ...] with the values of that column"
                ));
            }
            (Some(_), Task::Instances) => {}
            (Some(_), _) => {
                return Err(format!(
                    "object_classes are for the task 'instances', and the task is '{task}'; leave them out"
                ));
            }
            (None, Task::Instances) if given > 0 => {
                return Err(
                    "classes of objects are given and not where they stand; add object_classes = \"class\", the column of cells/NAME.csv or of images.csv".into(),
                );
            }
            (None, Task::Reconstruct) if given > 0 => {
                return Err(
                    "classes are for the tasks 'semantic' and 'instances', and the task is 'reconstruct'; leave them out".into(),
                );
            }
            (None, _) => {}
        }
        if self.task != Task::Reconstruct && (self.stress.is_some() || self.transfer.is_some()) {
            return Err(format!(
                "[stress] and [transfer] are measured on reconstructions only, and the task is '{task}'; leave them out"
            ));
        }
        let is_of_task = |baseline: &&BaselineSpec| match (self.task, baseline.method) {
            (Task::Reconstruct, _) => false,
            (Task::Semantic, method) => method == BaselineMethod::PixelClassifier,
            (Task::Instances, _) => true,
        };
        for BaselineSpec { method, pixels, .. } in &self.baselines {
            let is_said = *pixels != PixelTraining::PIXELS;
            if is_said && *method != BaselineMethod::PixelClassifier || *pixels == 0 {
                return Err(format!(
                    "pixels = {pixels} of baseline '{}': a pixel-classifier learns from one pixel of each class at least, other methods from none; leave it out",
                    method.name()
                ));
            }
        }
        match self.baselines.iter().find(|baseline| !is_of_task(baseline)) {
            None => Ok(()),
            Some(BaselineSpec { method, .. }) => Err(format!(
                "baseline '{}' does not do the task '{task}'; thresholds and watersheds outline objects (instances), the pixel-classifier knows classes too (semantic)",
                method.name()
            )),
        }
    }

    /// Rules of the trials.
    fn check_tuning(&self) -> Result<(), String> {
        let tuning = &self.tuning;
        if tuning.seeds == 0 || tuning.seeds > MOST_SEEDS {
            return Err(format!(
                "tuning.seeds is {}; at least 1 is needed, 2 to tell close rates apart, and {MOST_SEEDS} at most",
                tuning.seeds
            ));
        }
        let rates = &tuning.learning_rates;
        if rates.is_empty() {
            return Err("tuning.learning_rates is empty; give at least one".into());
        }
        if let Some(rate) = rates.iter().find(|rate| !(rate.is_finite() && **rate > 0.0)) {
            return Err(format!("tuning.learning_rates holds {rate}; a learning rate must be above 0"));
        }
        let Some(second) = tuning.second_round else { return Ok(()) };
        if second.rates < 2 || second.rates >= rates.len() {
            return Err(format!(
                "tuning.second_round.rates is {}; it needs at least 2, the best rate and the next smaller one, and fewer than the {} of tuning.learning_rates",
                second.rates,
                rates.len()
            ));
        }
        if second.steps <= tuning.steps {
            return Err(format!(
                "tuning.second_round.steps is {}; it must be more than the {} steps of the first round",
                second.steps, tuning.steps
            ));
        }
        Ok(())
    }
}
