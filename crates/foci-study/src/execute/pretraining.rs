//! What nets learn before they learn from masks: one pretraining of each net with each seed, which all its arms begin with.

use super::{Executor, Watch, read_json, write_json};
use crate::StudyError;
use crate::plan::pretraining_of;
use crate::results::PretrainingSummary;
use crate::study::{Event, Observer};
use foci_net::Net;
use foci_train::{Model, Pretrained, TrainError, train};
use std::path::PathBuf;

/// Where they lie in the output folder.
const PRETRAINING: &str = "pretraining";
/// What is kept of one that is done, in its folder.
const RECORD: &str = "pretraining.json";

impl Executor<'_, '_> {
    /// The weights that an arm begins with; nothing if they are random.
    pub(super) fn pretrained(
        &self,
        index: usize,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Option<Pretrained>, StudyError> {
        let (Some(pretraining), Some(first)) =
            (&self.plan.spec.pretraining, pretraining_of(&self.plan.arms, index))
        else {
            return Ok(None);
        };
        let name = &self.plan.arms[first].arm.name;
        let failed =
            |source: TrainError| StudyError::Train { arm: name.clone(), seed, source: Box::new(source) };
        let folder = self.pretraining_folder(first, seed);
        let record = folder.join(RECORD);
        if read_json::<PretrainingSummary>(&record)?.is_some() {
            return Ok(Some(Pretrained::of(&Model::load(&folder).map_err(failed)?)));
        }
        let net = self.autoencoder(first)?;
        let plan = pretraining.plan(&self.plan.spec, seed);
        let what = format!("{name}, seed {seed}: pretraining");
        observer.event(Event::Begins { what: &what });
        let mut watch = Watch { observer, work: self.step_work(&net), step: 0 };
        let tiles = self.data.tiles_without_masks();
        let outcome = train(&net, &plan, &tiles, &folder, self.compute, &mut watch).map_err(failed)?;
        let training = &outcome.model.recipe.training;
        let left = plan.steps - training.steps;
        if left > 0 {
            observer.event(Event::Skipped { work: left as f64 * self.step_work(&net) });
        }
        let summary = PretrainingSummary {
            net: name.clone(),
            seed,
            steps: training.steps,
            seconds: outcome.seconds,
            validation_loss: training.validation_loss,
            diverged: training.diverged,
        };
        write_json(&record, &summary)?;
        let words = match summary.validation_loss {
            Some(loss) => format!("validation loss {loss:.2e}"),
            None => "diverged; its last sound weights are used".to_owned(),
        };
        observer.event(Event::Ended { outcome: &words });
        Ok(Some(Pretrained::of(&outcome.model)))
    }

    /// The pretrainings that are done, net by net.
    pub(super) fn pretrainings(&self) -> Result<Vec<PretrainingSummary>, StudyError> {
        let mut all = Vec::new();
        for arm in self.pretraining_arms() {
            for seed in 0..self.plan.spec.pretrainings() {
                all.extend(read_json(&self.pretraining_folder(arm, seed).join(RECORD))?);
            }
        }
        Ok(all)
    }

    /// Tells the work of pretrainings that an earlier part of the study did.
    pub(super) fn skip_pretrainings(&self, observer: &mut dyn Observer) -> Result<(), StudyError> {
        let steps = self.plan.spec.pretraining.as_ref().map_or(0, |pretraining| pretraining.steps) as f64;
        for done in self.pretrainings()? {
            let arm = self.plan.arms.iter().position(|planned| planned.arm.name == done.net);
            if let Some(arm) = arm {
                observer.event(Event::Skipped { work: steps * self.step_work(&self.autoencoder(arm)?) });
            }
        }
        Ok(())
    }

    /// Work of all pretrainings of a study.
    pub(super) fn pretraining_work(&self) -> f64 {
        let spec = &self.plan.spec;
        let Some(pretraining) = &spec.pretraining else { return 0.0 };
        let steps = (pretraining.steps * spec.pretrainings()) as f64;
        // A net that resolves has an autoencoder; one that has none is told when it is to be trained.
        let work = |index: usize| self.autoencoder(index).map_or(0.0, |net| steps * self.step_work(&net));
        self.pretraining_arms().map(work).sum()
    }

    /// The arms that pretrainings are called after: the first of each net.
    fn pretraining_arms(&self) -> impl Iterator<Item = usize> {
        (0..self.plan.arms.len()).filter(|&index| pretraining_of(&self.plan.arms, index) == Some(index))
    }

    fn pretraining_folder(&self, arm: usize, seed: u64) -> PathBuf {
        self.out.join(PRETRAINING).join(format!("{}-seed{seed}", self.plan.arms[arm].arm.name))
    }

    fn autoencoder(&self, arm: usize) -> Result<Net, StudyError> {
        self.nets[arm].giving(1).map_err(|error| StudyError::Net {
            arm: self.plan.arms[arm].arm.name.clone(),
            reason: error.to_string(),
        })
    }
}
