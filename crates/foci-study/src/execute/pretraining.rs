//! What nets learn before they learn from masks: one pretraining of each net with each seed, which all its arms begin with.

use super::{Executor, Watch};
use crate::StudyError;
use crate::study::{Event, Observer};
use foci_net::Net;
use foci_train::{Model, Pretrained, TrainError, train};
use std::path::PathBuf;

/// Where they lie in the output folder.
pub(crate) const PRETRAINING: &str = "pretraining";

impl Executor<'_, '_> {
    /// The weights that an arm begins with; nothing if they are random.
    pub(super) fn pretrained(
        &self,
        index: usize,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Option<Pretrained>, StudyError> {
        let Some(pretraining) =
            self.plan.spec.pretraining.as_ref().filter(|_| self.plan.arms[index].arm.pretrained)
        else {
            return Ok(None);
        };
        let first = self.first_of_net(index);
        let name = &self.plan.arms[first].arm.name;
        let failed =
            |source: TrainError| StudyError::Train { arm: name.clone(), seed, source: Box::new(source) };
        let folder = self.pretraining_folder(first, seed);
        if folder.join(foci_train::WEIGHTS).exists() {
            return Ok(Some(Pretrained::of(&Model::load(&folder).map_err(failed)?)));
        }
        let net = self.autoencoder(first)?;
        let plan = pretraining.plan(&self.plan.spec, seed);
        let what = format!("{name}, seed {seed}: pretraining");
        observer.event(Event::Begins { what: &what });
        let mut watch = Watch { observer, work: self.step_work(&net), step: 0 };
        let tiles = self.data.tiles_without_masks();
        let outcome = train(&net, &plan, &tiles, &folder, self.compute, &mut watch).map_err(failed)?;
        let words = match outcome.model.recipe.training.validation_loss {
            Some(loss) => format!("validation loss {loss:.2e}"),
            None => "diverged; its last sound weights are used".to_owned(),
        };
        observer.event(Event::Ended { outcome: &words });
        Ok(Some(Pretrained::of(&outcome.model)))
    }

    /// Work of all pretrainings of a study.
    pub(super) fn pretraining_work(&self) -> f64 {
        let spec = &self.plan.spec;
        let Some(pretraining) = &spec.pretraining else { return 0.0 };
        let begins =
            |index: &usize| self.plan.arms[*index].arm.pretrained && self.first_of_net(*index) == *index;
        let firsts = (0..self.nets.len()).filter(begins);
        let steps = pretraining.steps as f64 * spec.seeds as f64;
        firsts.map(|index| steps * self.step_work(&self.nets[index])).sum()
    }

    /// The first pretrained arm with the same net.
    fn first_of_net(&self, index: usize) -> usize {
        let is_alike =
            |other: &usize| self.plan.arms[*other].arm.pretrained && self.nets[*other] == self.nets[index];
        (0..index).find(is_alike).unwrap_or(index)
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
