//! The pixel classifier of a study ([`PixelModel`]): it learns from the same training tiles as the nets, and chooses on the same validation tiles.
//!
//! One that learns from the masks of a few fields learns once for each seed of the study, from the fields that nets draw with that seed, and has the means over these.

use super::{Testing, answer};
use crate::StudyError;
use crate::data::TestTile;
use crate::measure::{Answer, FoundObjects, Known, Measured, failed, mean_of};
use crate::spec::{BaselineMethod, BaselineSpec};
use crate::study::Observer;
use foci_image::Interrupted;
use foci_train::{PixelModel, PixelTraining, Task, Tiles, TrainError};
use std::path::Path;
use std::time::Instant;

/// Seed of the classifiers: which pixels they learn from, and how their trees grow.
const SEED: u64 = 0;

impl Testing<'_> {
    /// What classifiers were measured to be, in the mean over those that learnt, and the seconds that one of them took to learn. Each is kept: one in `folder`, several
    /// in folders of it.
    pub(super) fn classifiers(
        &self,
        baseline: &BaselineSpec,
        folder: &Path,
        observer: &mut dyn Observer,
    ) -> Result<(Measured, f64), StudyError> {
        let draws = if baseline.labelled.is_some() { self.spec.seeds as u64 } else { 1 };
        let mut all = Vec::new();
        let mut seconds = 0.0;
        for draw in 0..draws {
            let clock = Instant::now();
            let tiles = self.data.tiles_of(baseline.labelled, draw, self.spec.training.least_side());
            let classifier = self.learn(baseline, &tiles, observer)?;
            seconds += clock.elapsed().as_secs_f64() / draws as f64;
            let place = if draws == 1 { folder.to_path_buf() } else { folder.join(format!("seed-{draw}")) };
            classifier.save(&place).map_err(wrong)?;
            all.push(self.measure(&classifier, &baseline.name(), observer)?);
        }
        Ok((mean_of(all), seconds))
    }

    fn learn(
        &self,
        baseline: &BaselineSpec,
        tiles: &Tiles,
        observer: &mut dyn Observer,
    ) -> Result<PixelModel, StudyError> {
        let task = self.spec.task;
        let classes =
            if task == Task::Semantic { self.spec.classes.len() } else { self.spec.object_class_count() };
        let BaselineSpec { smallest, pixels, .. } = *baseline;
        let training = PixelTraining { task, classes, pixels, smallest, seed: SEED, threads: self.threads };
        let name = baseline.name();
        let mut watch = |what: &str, done: usize, all: usize| -> Result<(), Interrupted> {
            observer.phase(&format!("{name}: {what}"), done, all)
        };
        training.run(tiles, &mut watch).map_err(wrong)
    }

    fn measure(
        &self,
        classifier: &PixelModel,
        name: &str,
        observer: &mut dyn Observer,
    ) -> Result<Measured, StudyError> {
        let what = format!("{name}: measuring");
        let (clock, all) = (Instant::now(), self.bench.tiles().len());
        // One tile after the other: a classifier takes all threads for each.
        let mut answers = Vec::with_capacity(all);
        for (number, (tile, known)) in self.bench.tiles().iter().enumerate() {
            observer.phase(&what, number, all)?;
            answers.push(answered(classifier, tile, known, self.threads)?);
        }
        observer.phase(&what, all, all)?;
        self.judge(&answers, clock, &what, observer)
    }
}

/// A classifier that a study has left.
pub(super) fn load(folder: &Path) -> Result<PixelModel, StudyError> {
    PixelModel::load(folder).map_err(wrong)
}

/// What a classifier makes of a tile, beside what is known of it.
pub(super) fn answered<'k>(
    classifier: &PixelModel,
    tile: &TestTile,
    known: &'k Known,
    threads: usize,
) -> Result<Answer<'k>, StudyError> {
    answer(tile, known, found(classifier, tile, threads).map_err(|error| failed(tile, error))?)
}

/// What a classifier makes of a tile: objects, with their classes if it knows any, or the likeliest class of each pixel.
fn found(classifier: &PixelModel, tile: &TestTile, threads: usize) -> Result<FoundObjects, TrainError> {
    if classifier.recipe.task == Task::Semantic {
        return Ok(classifier.classes(&tile.plane, threads)?.classes.into());
    }
    let found = classifier.found(&tile.plane, threads)?;
    Ok(FoundObjects::of(found, !classifier.recipe.classes.is_empty()))
}

/// A folder that cannot be read or written is none of the specification's fault.
fn wrong(error: TrainError) -> StudyError {
    let spec = |reason| StudyError::Spec {
        place: format!("baseline '{}'", BaselineMethod::PixelClassifier.name()),
        reason,
    };
    match error {
        TrainError::Image(error) => error.into(),
        TrainError::Read { path, source } => StudyError::File { action: "read", path, source },
        TrainError::Write { path, source } => StudyError::File { action: "write", path, source },
        TrainError::Damaged { path, reason } => StudyError::Damaged { path, reason },
        error => spec(error.to_string()),
    }
}
