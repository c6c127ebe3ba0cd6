//! Where kernels run: a pool of threads that lives as long as its owner, so that starting a kernel costs a
//! wake-up and no allocation. A kernel is cut into numbered tasks whose results do not depend on who does
//! them or when; which thread takes which task is left to chance, and what is computed never is.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use crate::scratch::{Prepared, Scratch, ScratchFloats};
use crate::simd::Simd;
use crate::vector::fence;

/// A computation cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// The number of threads is unusable.
    #[error("{threads} threads cannot compute anything; ask for 1 to {}", Compute::MOST_THREADS)]
    Threads {
        /// What was asked for.
        threads: usize,
    },
    /// The CPU lacks the instruction level.
    #[error("this CPU cannot run {simd}; the best it has is {}", Simd::best())]
    Unsupported {
        /// What was asked for.
        simd: Simd,
    },
    /// The system refused to start a thread.
    #[error("thread {index} of {threads} could not be started: {source}; ask for fewer threads")]
    Spawn {
        /// Which one.
        index: usize,
        /// How many were asked for.
        threads: usize,
        /// Why.
        source: std::io::Error,
    },
}

/// A worker pool and the vector instructions it uses; every kernel runs on one.
///
/// It may be shared; kernels started at the same time from several threads run one after the other. The scratch
/// memory that kernels work in is here too, as large as the layer that needs most, and not in each layer.
pub struct Compute {
    simd: Simd,
    threads: usize,
    shared: Arc<Shared>,
    /// Held by the caller whose kernel is running.
    turn: Mutex<Scratch>,
    workers: Vec<JoinHandle<()>>,
}

/// The right to run on a pool: while it lives, nobody else does, and what lies in the scratch stays there.
pub(crate) struct Turn<'a> {
    compute: &'a Compute,
    scratch: MutexGuard<'a, Scratch>,
    needed: ScratchFloats,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.scratch.end(self.needed);
        }
    }
}

impl Turn<'_> {
    /// The piece of scratch of one worker, as long as was asked for; only inside `run`, and only that of
    /// the worker itself, may it be read or written.
    pub fn scratch(&self, worker: usize) -> SharedPointer {
        self.scratch.of_worker(worker)
    }

    /// The piece of scratch that all workers share.
    pub fn common(&self) -> SharedPointer {
        self.scratch.common()
    }
}

/// A pointer that several workers write through, each to its own places.
#[derive(Clone, Copy)]
pub(crate) struct SharedPointer(pub *mut f32);

impl SharedPointer {
    /// The pointer; a method, so that a closure takes along the whole of it.
    #[inline(always)]
    pub fn get(self) -> *mut f32 {
        self.0
    }
}

// SAFETY: whoever dereferences it answers for where.
unsafe impl Send for SharedPointer {}
// SAFETY: as above.
unsafe impl Sync for SharedPointer {}

/// One kernel, to be called with (task, worker).
type Body<'a> = dyn Fn(usize, usize) + Sync + 'a;

#[derive(Clone, Copy)]
struct Job {
    body: *const Body<'static>,
    tasks: usize,
}

// SAFETY: the body is Sync, and `Compute::run` keeps it alive until every worker has left it.
unsafe impl Send for Job {}

struct Shared {
    state: Mutex<State>,
    /// Signals a new job, or the end.
    wake: Condvar,
    /// Signals that a worker has left the job.
    left: Condvar,
    /// The next task that nobody has taken.
    next: AtomicUsize,
}

struct State {
    job: Option<Job>,
    /// Counts jobs, so that a worker joins each at most once.
    number: u64,
    /// Workers inside the job.
    inside: usize,
    panic: Option<Box<dyn Any + Send>>,
    stop: bool,
}

impl Shared {
    /// A panic inside a task is caught before the lock is taken, so the state behind a poisoned lock is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes tasks until none is left or one panics; the others are then not begun. Stores past the caches have ended
    /// when it returns.
    fn work(&self, job: Job, worker: usize) {
        // SAFETY: see `Job`.
        let body = unsafe { &*job.body };
        let result = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let task = self.next.fetch_add(1, Ordering::Relaxed);
                if task >= job.tasks {
                    break;
                }
                body(task, worker);
            }
        }));
        fence();
        if let Err(panic) = result {
            self.next.store(job.tasks, Ordering::Relaxed);
            self.lock().panic.get_or_insert(panic);
        }
    }

    fn serve(&self, worker: usize) {
        let mut seen = 0;
        let mut state = self.lock();
        loop {
            if state.stop {
                return;
            }
            match state.job {
                Some(job) if state.number != seen => {
                    seen = state.number;
                    state.inside += 1;
                    drop(state);
                    self.work(job, worker);
                    state = self.lock();
                    state.inside -= 1;
                    self.left.notify_all();
                }
                _ => state = self.wake.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        }
    }
}

impl Compute {
    /// More threads than any one machine of today has cores.
    pub const MOST_THREADS: usize = 1024;

    /// A pool of `threads` threads (the caller's own is one of them) that computes at level `simd`.
    ///
    /// # Errors
    /// [`ComputeError`] if there are no threads, the CPU lacks the level, or the system refuses a thread.
    pub fn new(threads: usize, simd: Simd) -> Result<Compute, ComputeError> {
        if threads == 0 || threads > Self::MOST_THREADS {
            return Err(ComputeError::Threads { threads });
        }
        if !simd.supported() {
            return Err(ComputeError::Unsupported { simd });
        }
        let state = State { job: None, number: 0, inside: 0, panic: None, stop: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            left: Condvar::new(),
            next: AtomicUsize::new(0),
        });
        let mut compute =
            Compute { simd, threads, shared, turn: Mutex::new(Scratch::default()), workers: Vec::new() };
        for index in 1..threads {
            let shared = Arc::clone(&compute.shared);
            let worker = std::thread::Builder::new()
                .name(format!("foci-{index}"))
                .spawn(move || shared.serve(index))
                .map_err(|source| ComputeError::Spawn { index, threads, source })?;
            compute.workers.push(worker);
        }
        Ok(compute)
    }

    /// Threads that take part, the caller's included.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The instruction level.
    pub fn simd(&self) -> Simd {
        self.simd
    }

    /// Bytes of scratch memory held for the layers prepared so far.
    pub fn scratch_bytes(&self) -> usize {
        self.scratch().bytes()
    }

    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        self.turn.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Makes room for a layer: from now on, each worker and all together have at least so much scratch.
    pub(crate) fn prepare(&self, scratch: ScratchFloats) -> Prepared {
        self.scratch().reserve(self.threads, scratch);
        Prepared { simd: self.simd, threads: self.threads, scratch }
    }

    /// Stops the program with a message unless this pool, or one just like it, is the one that made room for a layer.
    pub(crate) fn check(&self, prepared: &Prepared) {
        prepared.check(self.simd, self.threads, &self.scratch());
    }

    /// Waits until no other kernel runs on this pool. Stops the program with a message if it holds less scratch than
    /// is needed.
    pub(crate) fn take_turn(&self, needed: ScratchFloats) -> Turn<'_> {
        let mut scratch = self.scratch();
        scratch.begin(needed);
        Turn { compute: self, scratch, needed }
    }

    /// As [`Turn::run`], for a kernel of one run that needs no scratch.
    pub(crate) fn run(&self, tasks: usize, body: &Body<'_>) {
        self.take_turn(ScratchFloats::default()).run(tasks, body);
    }
}

impl Turn<'_> {
    /// Calls `body(task, worker)` once for each task in `0..tasks`, and returns when all are done. `worker`
    /// is below [`Compute::threads`], and no two calls at the same time have the same. A panic in a
    /// task is passed on to the caller. `body` must not start another kernel on the same pool.
    pub fn run(&self, tasks: usize, body: &Body<'_>) {
        self.compute.run_tasks(tasks, body);
    }
}

impl Compute {
    fn run_tasks(&self, tasks: usize, body: &Body<'_>) {
        if self.threads == 1 || tasks <= 1 {
            for task in 0..tasks {
                body(task, 0);
            }
            fence();
            return;
        }
        // SAFETY: only the lifetime changes; below, nobody can reach the job any more before this returns.
        let body = unsafe { std::mem::transmute::<*const Body<'_>, *const Body<'static>>(body) };
        let job = Job { body, tasks };
        self.shared.next.store(0, Ordering::Relaxed);
        {
            let mut state = self.shared.lock();
            state.job = Some(job);
            state.number += 1;
        }
        self.shared.wake.notify_all();
        self.shared.work(job, 0);
        let mut state = self.shared.lock();
        state.job = None;
        while state.inside > 0 {
            state = self.shared.left.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        let panic = state.panic.take();
        drop(state);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its tasks, so there is no result to lose here.
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Compute {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Compute").field("threads", &self.threads).field("simd", &self.simd).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_done_once() {
        for threads in [1, 2, 5] {
            let compute = Compute::new(threads, Simd::Scalar).unwrap();
            for tasks in [0, 1, 2, 300] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                compute.run(tasks, &|task, worker| {
                    assert!(worker < threads);
                    counts[task].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let compute = Compute::new(3, Simd::Scalar).unwrap();
        for bad in [0, 7, 49] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                compute.run(50, &|task, _| assert!(task != bad, "task {task} failed"));
            }));
            let message = result.unwrap_err().downcast::<String>().unwrap();
            assert_eq!(*message, format!("task {bad} failed"));
        }
        let sum = AtomicUsize::new(0);
        compute.run(10, &|task, _| {
            sum.fetch_add(task, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 45);
    }

    #[test]
    fn unusable_settings_are_errors() {
        assert!(matches!(Compute::new(0, Simd::Scalar), Err(ComputeError::Threads { threads: 0 })));
        assert!(Compute::new(usize::MAX, Simd::Scalar).is_err());
    }
}
