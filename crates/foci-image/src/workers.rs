//! Independent pieces of work on several threads, watched by someone who may end them.
//!
//! Results come in the order of the items, whichever thread took which, so what is computed is the same whatever
//! the number of threads. Whoever watches is called on the caller's own thread: it may draw a bar or ask
//! whether Ctrl-C was pressed without a lock.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// The watcher is asked at least this often whether to go on, however long one piece takes.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// The work was ended before it was done, because its watcher asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted before it was done; nothing half-written is left")]
pub struct Interrupted;

/// Threads that take pieces of work, and who watches them.
pub struct Workers<'a> {
    threads: usize,
    watch: Box<dyn FnMut(usize, usize) -> Result<(), Interrupted> + 'a>,
}

impl Default for Workers<'_> {
    /// One thread for each core, watched by nobody.
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl<'a> Workers<'a> {
    /// So many threads (at least one), watched by nobody.
    pub fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), watch: Box::new(|_, _| Ok(())) }
    }

    /// The same threads, watched: `watch(done, all)` is told how many items are done out of how many, and ends the
    /// work with [`Interrupted`].
    pub fn watched_by(self, watch: impl FnMut(usize, usize) -> Result<(), Interrupted> + 'a) -> Self {
        Self { threads: self.threads, watch: Box::new(watch) }
    }

    /// Does `work` for every item; results come in the order of the items.
    ///
    /// # Errors
    /// The first error in the order of the items, or [`Interrupted`]. After either no new item is begun, and those that
    /// were begun are finished before this returns.
    pub fn map<'i, T: Sync, R: Send, E: Send + From<Interrupted>>(
        &mut self,
        items: &'i [T],
        work: impl Fn(&'i T) -> Result<R, E> + Sync,
    ) -> Result<Vec<R>, E> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let mut results: Vec<Option<Result<R, E>>> = items.iter().map(|_| None).collect();
        let mut watched = Ok(());
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            for _ in 0..self.threads.min(items.len()) {
                let (sender, next, stop, work) = (sender.clone(), &next, &stop, &work);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        // Items are taken in order, so whatever stands before a failed one was taken too, and the
                        // first error does not depend on which thread was quicker.
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(index) else { break };
                        let result = work(item);
                        if result.is_err() {
                            stop.store(true, Ordering::Relaxed);
                        }
                        if sender.send((index, result)).is_err() {
                            break;
                        }
                    }
                });
            }
            // Only the threads hold the channel now: it closes when the last of them ends.
            drop(sender);
            let mut done = 0;
            loop {
                if watched.is_ok() {
                    watched = (self.watch)(done, items.len());
                    stop.fetch_or(watched.is_err(), Ordering::Relaxed);
                }
                match receiver.recv_timeout(ASK_EVERY) {
                    Ok((index, result)) => {
                        results[index] = Some(result);
                        done += 1;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        });
        watched?;
        // Without an interruption an item is missing only behind an error, which ends the collection before it.
        results.into_iter().map(|result| result.unwrap_or_else(|| Err(Interrupted.into()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Failure {
        Item(usize),
        Interrupted,
    }

    impl From<Interrupted> for Failure {
        fn from(_: Interrupted) -> Self {
            Self::Interrupted
        }
    }

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        let items: Vec<usize> = (0..200).collect();
        let expected: Vec<usize> = items.iter().map(|item| item * item).collect();
        for threads in [0, 1, 2, 7, 500] {
            let squares = Workers::new(threads).map(&items, |&item| Ok::<_, Interrupted>(item * item));
            assert_eq!(squares.unwrap(), expected, "{threads} threads");
        }
        assert_eq!(Workers::default().map(&[], |_: &usize| Ok::<_, Interrupted>(())), Ok(vec![]));
    }

    #[test]
    fn the_watcher_sees_every_item_and_the_end() {
        let mut seen = Vec::new();
        let mut workers = Workers::new(3).watched_by(|done, all| {
            assert_eq!(all, 20);
            seen.push(done);
            Ok(())
        });
        workers.map(&[0; 20], |_| Ok::<_, Interrupted>(())).unwrap();
        drop(workers);
        seen.dedup();
        assert_eq!(seen, (0..=20).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_in_order_is_told_and_ends_the_work() {
        let items: Vec<usize> = (0..10_000).collect();
        for threads in [1, 4] {
            let begun = AtomicUsize::new(0);
            let failed = Workers::new(threads).map(&items, |&item| {
                begun.fetch_add(1, Ordering::Relaxed);
                if item % 10 == 3 { Err(Failure::Item(item)) } else { Ok(()) }
            });
            assert_eq!(failed, Err(Failure::Item(3)));
            assert!(begun.into_inner() < items.len());
        }
    }

    #[test]
    fn a_watcher_ends_the_work() {
        let items: Vec<usize> = (0..10_000).collect();
        let begun = AtomicUsize::new(0);
        let mut workers =
            Workers::new(2).watched_by(|done, _| if done < 5 { Ok(()) } else { Err(Interrupted) });
        let ended = workers.map(&items, |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
            Ok::<_, Failure>(())
        });
        assert_eq!(ended, Err(Failure::Interrupted));
        assert!(begun.into_inner() < items.len());
    }
}
