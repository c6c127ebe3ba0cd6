//! Batches made ahead: while a step is taken, another thread makes what the next step sees.
//!
//! A batch is a function of the seed and the number of the step, so it is the same whenever and wherever it is made. Two
//! batches take turns: one is learnt from while the other is filled.

use crate::TrainError;
use crate::batch::{Batch, Batches};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// The thread that makes the batches of a run, step by step.
pub(crate) struct Ahead {
    spare: SyncSender<Batch>,
    made: Receiver<Result<Batch, TrainError>>,
}

impl Ahead {
    /// Starts the thread, which begins with the batch of step `first`; it ends when this value is dropped.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        batches: &'scope Batches<'scope>,
        first: u64,
    ) -> Ahead {
        let (spare, empty) = sync_channel::<Batch>(1);
        let (deliver, made) = sync_channel(1);
        scope.spawn(move || {
            let mut fresh = batches.empty();
            for step in first.. {
                let result = batches.training(step, &mut fresh);
                if deliver.send(result.map(|()| fresh)).is_err() {
                    break;
                }
                match empty.recv() {
                    Ok(batch) => fresh = batch,
                    Err(_) => break,
                }
            }
        });
        Ahead { spare, made }
    }

    /// The batch of `step`, which is the next one, in place of `batch`, which is filled for the step after it meanwhile.
    ///
    /// # Errors
    /// Those of [`Batches::training`] for this step.
    pub fn next(&mut self, batches: &Batches, step: u64, batch: &mut Batch) -> Result<(), TrainError> {
        // The thread is gone only if it has panicked over this very batch.
        let Ok(made) = self.made.recv() else { return batches.training(step, batch) };
        let used = std::mem::replace(batch, made?);
        let _ = self.spare.send(used);
        Ok(())
    }
}
