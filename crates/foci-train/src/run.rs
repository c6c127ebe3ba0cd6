//! The steps of a training: one after the other, with a log, checkpoints, validation and, at the end, the model.

use crate::ahead::Ahead;
use crate::batch::{Batch, Batches};
use crate::calibrate::choose;
use crate::checkpoint::{self, Position, Weights};
use crate::log::{Log, LogLine};
use crate::model::Model;
use crate::objective::{loss, optimiser};
use crate::recipe::{PercentileRange, Recipe, TrainingRecord};
use crate::signal::{Gathered, LayerSignal};
use crate::supervision::Supervised;
use crate::tiles::Tiles;
use crate::training::{Outcome, Sessions, Training};
use crate::{Seen, Task, TrainError, TrainingPlan};
use foci_engine::{Layout, Loss, Optimiser, Session, clip_gradient_norm};
use foci_kernels::Compute;
use foci_net::Net;
use std::path::Path;
use std::time::Instant;

/// Lines that a log has at least, if the run has as many steps.
const LOG_LINES: u64 = 100;

/// A run in progress.
pub(crate) struct Run<'a> {
    net: &'a Net,
    plan: &'a TrainingPlan,
    folder: &'a Path,
    compute: &'a Compute,
    batches: &'a Batches<'a>,
    batch: Batch,
    tiles: &'a Tiles,
    session: Session,
    validation: Session,
    /// At the output, and at the heads that the training gives the net.
    training_loss: Supervised,
    loss: Box<dyn Loss>,
    optimiser: Box<dyn Optimiser>,
    weights: Weights,
    d_output: Vec<f32>,
    log: Log,
    pub at: Position,
    validation_loss: Option<f64>,
    started: Instant,
    step_seconds: Vec<f64>,
}

impl<'a> Run<'a> {
    pub fn start(
        sessions: Sessions,
        training: &Training<'a>,
        tiles: &'a Tiles,
        batches: &'a Batches<'a>,
        folder: &'a Path,
        compute: &'a Compute,
    ) -> Result<Run<'a>, TrainError> {
        let Sessions { start: now, session, validation } = sessions;
        let (net, plan) = (training.net, training.plan);
        checkpoint::settle(folder, plan, &tiles.fingerprint, net)?;
        let mut optimiser = optimiser(plan, now.values.len());
        let mut weights = Weights { before: now.values.clone(), now };
        let at = checkpoint::read(folder, &mut weights, optimiser.as_mut())?;
        Ok(Run {
            net,
            plan,
            folder,
            compute,
            validation,
            training_loss: Supervised::new(loss(plan), net, plan.regularisation.deep_supervision, plan.batch),
            loss: loss(plan),
            optimiser,
            weights,
            d_output: vec![0.0; session.output().len()],
            session,
            batches,
            batch: batches.empty(),
            tiles,
            log: Log::open_at(&folder.join(LOG), at.step)?,
            at,
            validation_loss: None,
            started: Instant::now(),
            step_seconds: Vec::new(),
        })
    }

    /// All steps are taken, there is nothing more to learn, or the loss is no number any more.
    pub fn is_over(&self) -> bool {
        self.at.step >= self.plan.steps || self.at.diverged || self.at.pace.settled
    }

    /// One optimiser step; returns the loss before it.
    pub fn take_step(&mut self, ahead: &mut Ahead) -> Result<f64, TrainError> {
        let plan = self.plan;
        ahead.next(self.batches, self.at.step, &mut self.batch)?;
        let Batch { input, target } = &self.batch;
        let clock = Instant::now();
        self.session.set_parameters(&self.weights.now)?;
        self.session.draw_dropout(plan.seed, self.at.step);
        let output = self.session.forward(self.compute, input)?;
        let loss = self.training_loss.evaluate(output, target, &mut self.d_output)?;
        let gradients = self.session.backward(self.compute, &self.d_output)?;
        let gradient_norm = clip_gradient_norm(&mut gradients.values, plan.clip_norm);
        let rate = self.at.pace.rate(plan, self.at.step);
        if loss.is_finite() && gradient_norm.is_finite() {
            self.weights.before.copy_from_slice(&self.weights.now.values);
            self.optimiser.step(&mut self.weights.now.values, &gradients.values, rate as f32)?;
            self.at.step += 1;
            self.step_seconds.push(clock.elapsed().as_secs_f64());
        } else {
            self.diverge();
        }
        self.at.loss_sum += loss;
        self.at.loss_count += 1;
        self.keep_record(rate, gradient_norm)?;
        Ok(loss)
    }

    /// Ends the run with the last weights that gave a finite loss.
    fn diverge(&mut self) {
        self.at.diverged = true;
        self.weights.now.values.copy_from_slice(&self.weights.before);
    }

    /// Validation, log line and checkpoint, where they are due.
    fn keep_record(&mut self, learning_rate: f64, gradient_norm: f64) -> Result<(), TrainError> {
        let (plan, step) = (self.plan, self.at.step);
        let validates = self.is_over() || step.is_multiple_of(plan.validate_every);
        if validates {
            self.validation_loss = self.validate()?;
            if let Some(loss) = self.validation_loss.filter(|_| !self.at.diverged) {
                self.at.pace.hear(plan, loss);
            }
            // The last update is the one that no training step looks at any more.
            if step == plan.steps && self.validation_loss.is_none() && !self.at.diverged {
                self.diverge();
            }
        }
        if validates || step.is_multiple_of((plan.steps / LOG_LINES).max(1)) {
            let loss =
                std::mem::take(&mut self.at.loss_sum) / std::mem::take(&mut self.at.loss_count).max(1) as f64;
            let layers = if validates && !self.at.diverged { self.layer_signals()? } else { Vec::new() };
            self.log.append(&LogLine {
                step,
                loss: finite(loss),
                validation_loss: if validates { self.validation_loss } else { None },
                learning_rate,
                gradient_norm: finite(gradient_norm),
                layers,
                diverged: self.at.diverged,
            })?;
        }
        if self.is_over() || step.is_multiple_of(plan.checkpoint_every) {
            self.write_checkpoint()?;
        }
        Ok(())
    }

    /// Mean loss over the validation crops; `None` if it is not finite.
    fn validate(&mut self) -> Result<Option<f64>, TrainError> {
        self.validation.set_parameters(&self.weights.now.of(self.net)?)?;
        let d_output = &mut self.d_output[..self.validation.output().len()];
        let mut sum = 0.0;
        let count = self.batches.validation_count();
        for number in 0..count {
            self.batches.validation(number, &mut self.batch);
            let Batch { input, target } = &self.batch;
            let output = self.validation.forward(self.compute, input)?;
            sum += self.loss.evaluate(output, target, d_output)?;
        }
        Ok(finite(sum / count as f64))
    }

    /// What each layer hears now; nothing where the plan does not ask for it, or a gradient is not finite.
    fn layer_signals(&mut self) -> Result<Vec<LayerSignal>, TrainError> {
        let (plan, step, now) = (self.plan, self.at.step, &self.weights.now);
        let batches = u64::from(plan.gradient_batches);
        if batches == 0 {
            return Ok(Vec::new());
        }
        self.session.set_parameters(now)?;
        let mut gathered = Gathered::new(&now.layout);
        for number in 0..batches {
            // Steps that the run does not have: batches that nothing is trained on, others at every record.
            let batch = plan.steps + step * batches + number;
            self.batches.training(batch, &mut self.batch)?;
            let Batch { input, target } = &self.batch;
            self.session.draw_dropout(plan.seed, batch);
            let output = self.session.forward(self.compute, input)?;
            let loss = self.training_loss.evaluate(output, target, &mut self.d_output)?;
            let gradients = self.session.backward(self.compute, &self.d_output)?;
            if !loss.is_finite() || gradients.values.iter().any(|value| !value.is_finite()) {
                return Ok(Vec::new());
            }
            gathered.add(&now.layout, &gradients.values);
        }
        let mut signals = gathered.signals(&now.layout, &now.values, &self.weights.before);
        // Of the convolutions of the net itself: normalisations have other weights, heads are gone after training.
        let layout = Layout::new(self.net);
        signals.retain(|signal| layout.layer(&signal.layer).is_some_and(|layer| layer.is_convolution()));
        Ok(signals)
    }

    pub fn write_checkpoint(&self) -> Result<(), TrainError> {
        self.log.sync()?;
        let at = Position { seconds: self.seconds(), seconds_per_step: self.seconds_per_step(), ..self.at };
        checkpoint::write(self.folder, &at, &self.weights, self.optimiser.as_ref())
    }

    fn seconds(&self) -> f64 {
        self.at.seconds + self.started.elapsed().as_secs_f64()
    }

    /// Saves the model; one that is used later with how labels are made of its maps.
    pub fn finish(mut self, is_trial: bool) -> Result<Outcome, TrainError> {
        if self.validation_loss.is_none() && !self.at.diverged {
            self.validation_loss = self.validate()?;
        }
        let training = TrainingRecord {
            plan: self.plan.clone(),
            steps: self.at.step,
            validation_loss: self.validation_loss.filter(|_| !self.at.diverged),
            diverged: self.at.diverged,
        };
        let recipe = Recipe {
            foci: env!("CARGO_PKG_VERSION").into(),
            task: self.plan.task,
            classes: self.tiles.classes.clone(),
            reading: self.tiles.reading,
            seen: self.seen(),
            normalisation: PercentileRange::default(),
            objects: None,
            class_offsets: Vec::new(),
            training,
        };
        let (seconds, seconds_per_step) = (self.seconds(), self.seconds_per_step());
        let mut model = Model { net: self.net.clone(), parameters: self.weights.now.of(self.net)?, recipe };
        if !is_trial {
            choose(&mut model, &self.tiles.validation, self.compute)?;
        }
        model.save(self.folder)?;
        Ok(Outcome { model, seconds, seconds_per_step })
    }

    fn seen(&self) -> Seen {
        let seen = self.tiles.seen.clone();
        if self.plan.task == Task::Instances { seen.with_objects(&self.tiles.training) } else { seen }
    }

    /// Median over the steps of this process; that of the one before if this one took none.
    fn seconds_per_step(&self) -> f64 {
        let mut seconds = self.step_seconds.clone();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(self.at.seconds_per_step)
    }
}

/// Name of the log in a run's folder.
const LOG: &str = "metrics.jsonl";

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
