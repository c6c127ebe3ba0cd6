//! Batches made ahead: while a step is taken, another thread makes what the next step sees.
//!
//! A batch is a function of the seed and the number of the step, so it is the same whenever and wherever it is made. Two
//! batches take turns: one is learnt from while the other is filled.

use crate::TrainError;
use crate::batch::{Batch, Batches};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// A batch of a step, or why it could not be made.
type Made = (u64, Batch, Result<(), TrainError>);

/// The thread that makes batches, and what it is asked for.
pub(crate) struct Ahead {
    asked: SyncSender<(u64, Batch)>,
    made: Receiver<Made>,
    /// The step whose batch is being made, if any.
    pending: Option<u64>,
    spare: Option<Batch>,
}

impl Ahead {
    /// Starts the thread; it ends when this value is dropped.
    pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, batches: &'scope Batches<'scope>) -> Ahead {
        let (asked, orders) = sync_channel::<(u64, Batch)>(1);
        let (deliver, made) = sync_channel::<Made>(1);
        scope.spawn(move || {
            for (step, mut batch) in orders {
                let result = batches.training(step, &mut batch);
                if deliver.send((step, batch, result)).is_err() {
                    break;
                }
            }
        });
        Ahead { asked, made, pending: None, spare: Some(batches.empty()) }
    }

    /// The batch of `step`, in place of `batch`, which is filled for the step after it meanwhile.
    ///
    /// # Errors
    /// Those of [`Batches::training`] for this step.
    pub fn next(&mut self, batches: &Batches, step: u64, batch: &mut Batch) -> Result<(), TrainError> {
        let mut fresh = match self.pending.take() {
            Some(_) => match self.made.recv() {
                Ok((made, fresh, result)) if made == step => {
                    result?;
                    fresh
                }
                // A run goes from step to step; whatever else was made is not wanted.
                Ok((_, fresh, _)) => made_now(batches, step, fresh)?,
                Err(_) => made_now(batches, step, batches.empty())?,
            },
            None => made_now(batches, step, self.spare.take().unwrap_or_else(|| batches.empty()))?,
        };
        std::mem::swap(batch, &mut fresh);
        match self.asked.send((step + 1, fresh)) {
            Ok(()) => self.pending = Some(step + 1),
            // Without its thread a run makes its batches itself.
            Err(returned) => self.spare = Some(returned.0.1),
        }
        Ok(())
    }
}

/// The batch of a step, made by whoever needs it.
fn made_now(batches: &Batches, step: u64, mut batch: Batch) -> Result<Batch, TrainError> {
    batches.training(step, &mut batch)?;
    Ok(batch)
}
