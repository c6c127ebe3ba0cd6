//! One training run: batches, schedule, checkpoints, log.
