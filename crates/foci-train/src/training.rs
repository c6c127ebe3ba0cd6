//! A training from its beginning to its end: what is refused, what it holds while it lasts, who watches it, and what comes of it.

use crate::ahead::Ahead;
use crate::batch::Batches;
use crate::binning::binned_tiles;
use crate::classes::check_objects;
use crate::run::Run;
use crate::tiles::Tiles;
use crate::{Intensities, Model, Pretrained, Task, TrainError, TrainingPlan, memory};
use foci_engine::{Mode, Parameters, PlanOptions, Session, Shape};
use foci_image::{FolderLock, disk};
use foci_kernels::Compute;
use foci_net::Net;
use std::borrow::Cow;
use std::path::Path;

/// Someone who watches a run and may end it.
pub trait Observer {
    /// `step` of `steps` is done; its loss was `loss`.
    fn step_done(&mut self, step: u64, steps: u64, loss: f64);
    /// True if the run shall write a checkpoint and end.
    fn stop_requested(&self) -> bool;
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The trained model; if the run diverged, with the last weights that gave a finite loss.
    pub model: Model,
    /// Seconds of training by the clock, validation included, earlier parts of a resumed run too.
    pub seconds: f64,
    /// Median seconds of one optimiser step.
    pub seconds_per_step: f64,
}

/// Trains `net` on `tiles`, from random weights, for a model that is used: [`Training`] without anything special.
///
/// # Errors
/// As [`Training::run`].
pub fn train(
    net: &Net,
    plan: &TrainingPlan,
    tiles: &Tiles,
    folder: &Path,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainError> {
    Training::new(net, plan).run(tiles, folder, compute, observer)
}

/// A net to train, how, from which weights on and what for.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    pub(crate) net: &'a Net,
    pub(crate) plan: &'a TrainingPlan,
    pretrained: Option<&'a Pretrained>,
    trial: bool,
}

impl<'a> Training<'a> {
    /// Trains `net` as `plan` says, from random weights, for a model that is used.
    pub fn new(net: &'a Net, plan: &'a TrainingPlan) -> Training<'a> {
        Training { net, plan, pretrained: None, trial: false }
    }

    /// The same from these weights on, or from random ones where there are none.
    pub fn pretrained(self, pretrained: Option<&'a Pretrained>) -> Training<'a> {
        Training { pretrained, ..self }
    }

    /// The same for the validation loss alone: how labels are made of the net's maps is not chosen, which may take as long as some hundred steps.
    pub fn as_trial(self) -> Training<'a> {
        Training { trial: true, ..self }
    }

    /// Trains on `tiles` and leaves the log (`metrics.jsonl`), the checkpoint and the model in `folder`.
    ///
    /// If `folder` holds a checkpoint of the same run, it goes on from there, to the same bits.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`] if the observer asked to stop (the checkpoint is written); [`TrainError::Plan`] if the plan is for other weights to begin with, or
    /// they are of another net; [`foci_image::ImageError::InUse`] if another process trains in that folder; otherwise what failed, with the file or the value. A
    /// loss that is not finite is no error: the outcome says so.
    pub fn run(
        &self,
        tiles: &Tiles,
        folder: &Path,
        compute: &Compute,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let plan = self.plan;
        plan.check()?;
        if plan.pretrained.as_deref() != self.pretrained.map(Pretrained::sha256) {
            return Err(TrainError::Plan {
                what:
                    "the weights to begin with must be those that the plan names, or none where it names none"
                        .to_owned(),
                value: self.pretrained.map_or("none", Pretrained::sha256).to_owned(),
            });
        }
        if plan.task == Task::Instances {
            check_objects(&tiles.training)?;
        }
        disk::create_folder(folder).map_err(|source| TrainError::Write { path: folder.into(), source })?;
        let _lock = FolderLock::take(folder)?;
        foci_image::remove_unfinished(folder);
        // First of all, because it is what refuses a batch that no memory can hold.
        let sessions = Sessions::new(self, compute)?;
        let shown = as_shown(tiles, plan)?;
        let batches = Batches::new(plan, &shown)?;
        std::thread::scope(|scope| {
            let mut run = Run::start(sessions, self, tiles, &batches, folder, compute)?;
            let mut ahead = Ahead::start(scope, &batches, run.at.step);
            while !run.is_over() {
                if observer.stop_requested() {
                    run.write_checkpoint()?;
                    return Err(TrainError::Interrupted { step: run.at.step });
                }
                let loss = run.take_step(&mut ahead)?;
                observer.step_done(run.at.step, plan.steps, loss);
            }
            run.finish(self.trial)
        })
    }
}

/// The images as the net is shown them.
fn as_shown<'a>(tiles: &'a Tiles, plan: &TrainingPlan) -> Result<Cow<'a, Tiles>, TrainError> {
    let tiles =
        if plan.binning > 1 { Cow::Owned(binned_tiles(tiles, plan.binning)?) } else { Cow::Borrowed(tiles) };
    Ok(match plan.intensities {
        Intensities::Linear => tiles,
        intensities => Cow::Owned(intensities.shown(tiles.into_owned())),
    })
}

/// What the training begins with, and the memory to train the net and to look at it.
pub(crate) struct Sessions {
    pub start: Parameters,
    pub session: Session,
    pub validation: Session,
}

impl Sessions {
    fn new(training: &Training, compute: &Compute) -> Result<Sessions, TrainError> {
        let Training { net, plan, pretrained, .. } = *training;
        let gives = net.nodes.last().map_or(0, |node| node.channels);
        if gives != plan.channels() {
            return Err(TrainError::Plan {
                what: format!("a net for {} must give {} channels", plan.task.name(), plan.channels()),
                value: format!("{} that gives {gives}", net.name),
            });
        }
        let shape = Shape { n: plan.batch, h: plan.crop, w: plan.crop };
        let options = |mode| PlanOptions { exact: plan.exact, ..PlanOptions::new(mode) };
        let trained = net.regularised(&plan.regularisation)?;
        let start = match pretrained {
            None => Parameters::he(&trained, plan.seed),
            Some(pretrained) => pretrained.start(net, &trained, plan)?,
        };
        let session = memory::session(&trained, shape, options(Mode::Training), compute, 0)?;
        let promised = session.bytes().total();
        let validation = memory::session(net, shape, options(Mode::Inference), compute, promised)?;
        Ok(Sessions { start, session, validation })
    }
}
