//! Who is told, while a net runs, that a part of a step is done.
//!
//! Sessions and trials are written once for all that listen. To [`Unwatched`] nothing is told, and the compiler leaves
//! the calls out.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::timing::middle;

/// What a node does at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// Makes its result.
    Forward,
    /// Makes its result once more on the way back, since it was not kept.
    Again,
    /// Makes the gradient by its weights.
    GradientByWeights,
    /// Hands the gradient on to what it read.
    GradientByInput,
}

/// A part of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A node of the net, by its index.
    Node(usize, Pass),
    /// The loss and its derivative by the output.
    Loss,
    /// Clipping of the gradient, and the optimiser.
    Optimiser,
    /// The layers take over the new weights.
    Weights,
}

/// Is told of every part of a step when it is done.
pub(crate) trait Watch {
    /// `part` has just ended.
    fn done(&mut self, part: Part);
}

/// Nobody.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    #[inline(always)]
    fn done(&mut self, _: Part) {}
}

/// Takes the time of each part in several steps.
pub(crate) struct Stopwatch {
    begun: Instant,
    last: Instant,
    steps: Vec<f64>,
    parts: BTreeMap<Part, Vec<f64>>,
}

impl Stopwatch {
    pub fn new() -> Stopwatch {
        let now = Instant::now();
        Stopwatch { begun: now, last: now, steps: Vec::new(), parts: BTreeMap::new() }
    }

    /// Times one step.
    pub fn time<E>(&mut self, step: impl FnOnce(&mut Stopwatch) -> Result<(), E>) -> Result<(), E> {
        self.begun = Instant::now();
        self.last = self.begun;
        step(self)?;
        self.steps.push((self.last - self.begun).as_secs_f64());
        Ok(())
    }

    /// Median seconds of a step.
    pub fn step(&mut self) -> f64 {
        middle(&mut self.steps)
    }

    /// Median seconds of each part that there was.
    pub fn parts(&mut self) -> impl Iterator<Item = (Part, f64)> {
        self.parts.iter_mut().map(|(&part, seconds)| (part, middle(seconds)))
    }
}

impl Watch for Stopwatch {
    fn done(&mut self, part: Part) {
        let now = Instant::now();
        let seconds = self.parts.entry(part).or_default();
        // A node may do the same for several pieces in turn.
        seconds.resize(self.steps.len() + 1, 0.0);
        seconds[self.steps.len()] += (now - self.last).as_secs_f64();
        self.last = now;
    }
}
