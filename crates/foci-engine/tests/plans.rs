//! Plans of memory, followed step by step without computing anything: whatever an operation reads must be where it is
//! read, and nothing that was written since may lie over it. Gradients of random nets find such a fault only where the
//! numbers show it, and take a thousand times as long.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{net_made_again_in_a_chain, random_net};
use foci_engine::{MemoryPlan, Mode, PlanOptions, Shape};
use foci_net::memory::Route;
use foci_net::{Activation, Architecture, Net, Op, PoolKind, solve};
use proptest::prelude::*;

/// What a buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Value,
    Gradient,
}

/// What each buffer of a plan holds while the plan is followed.
struct Follower<'a> {
    net: &'a Net,
    plan: &'a MemoryPlan,
    holds: Vec<Option<Content>>,
}

impl Follower<'_> {
    fn read(&self, buffer: usize, content: Content, why: &str) -> Result<(), String> {
        if self.holds[buffer] == Some(content) {
            return Ok(());
        }
        Err(format!("{why}: {:?} holds {:?}, not {content:?}", self.plan.buffers[buffer], self.holds[buffer]))
    }

    fn write(&mut self, buffer: usize, content: Content) {
        let range = |buffer: usize| {
            let buffer = &self.plan.buffers[buffer];
            buffer.offset..buffer.offset + buffer.floats
        };
        let written = range(buffer);
        for other in 0..self.holds.len() {
            if range(other).start < written.end && written.start < range(other).end {
                self.holds[other] = None;
            }
        }
        self.holds[buffer] = Some(content);
    }

    fn read_values(&self, pieces: &[usize], why: &str) -> Result<(), String> {
        pieces.iter().try_for_each(|&piece| self.read(self.plan.pieces[piece].value, Content::Value, why))
    }

    /// The pieces that `node` makes itself.
    fn own(&self, node: usize) -> Vec<usize> {
        (0..self.plan.pieces.len()).filter(|&piece| self.plan.pieces[piece].node == node).collect()
    }

    fn forward(&mut self, node: usize) -> Result<(), String> {
        self.read_values(&self.plan.nodes[node].reads, &format!("forward of {node}"))?;
        for piece in self.own(node) {
            if let Some(before) = self.plan.pieces[piece].before {
                self.write(before, Content::Value);
            }
            self.write(self.plan.pieces[piece].value, Content::Value);
        }
        Ok(())
    }

    /// Makes a dropped piece again.
    fn again(&mut self, piece: usize) -> Result<(), String> {
        let node = self.plan.pieces[piece].node;
        let (reads, why) = (&self.plan.nodes[node].reads, format!("piece {piece} made again"));
        match self.net.nodes[node].op {
            Op::Conv { .. } => self.read_values(reads, &why)?,
            _ => {
                let place = self.plan.nodes[node].pieces.iter().position(|&made| made == piece).unwrap();
                self.read_values(&reads[place..=place], &why)?;
            }
        }
        self.write(self.plan.pieces[piece].value, Content::Value);
        Ok(())
    }

    fn backward(&mut self, node: usize) -> Result<(), String> {
        let (net, plan) = (self.net, self.plan);
        let (op, planned) = (&net.nodes[node].op, &plan.nodes[node]);
        let why = format!("backward of {node}");
        for &piece in &planned.again {
            self.again(piece)?;
        }
        let gradients: Vec<usize> =
            self.own(node).iter().filter_map(|&piece| plan.pieces[piece].gradient).collect();
        for &gradient in &gradients {
            self.read(gradient, Content::Gradient, &why)?;
        }
        let layer = matches!(op, Op::Conv { .. } | Op::ConvTransposed { .. } | Op::GroupNorm { .. });
        if layer || matches!(op, Op::Pool { kind: PoolKind::Max, .. }) {
            self.read_values(&planned.reads, &why)?;
        }
        for (&read, route) in planned.reads.iter().zip(&planned.routes) {
            let (gradient, accumulate, last) = match *route {
                Route::Nowhere => continue,
                Route::Direct { gradient, accumulate, last } => (gradient, accumulate, last),
                Route::Aside { buffer, gradient, last } => {
                    self.write(buffer, Content::Gradient);
                    (gradient, true, last)
                }
            };
            if accumulate {
                self.read(gradient, Content::Gradient, &why)?;
            }
            let piece = &plan.pieces[read];
            if last && piece.activation != Activation::None {
                self.read(piece.before.unwrap_or(piece.value), Content::Value, &why)?;
            }
            self.write(gradient, Content::Gradient);
        }
        // What the node still holds of its own gradient is read until the last contribution is written.
        gradients.iter().try_for_each(|&gradient| match op {
            Op::Input => Ok(()),
            _ => self.read(gradient, Content::Gradient, &why),
        })
    }
}

/// Follows the plan of `net`; says what is read that is not there.
fn follow(net: &Net, shape: Shape, options: PlanOptions) -> Result<(), String> {
    let plan = MemoryPlan::new(net, shape, options).unwrap();
    let mut follower = Follower { net, plan: &plan, holds: vec![None; plan.buffers.len()] };
    (0..net.nodes.len()).try_for_each(|node| follower.forward(node))?;
    if options.mode == Mode::Training {
        (0..net.nodes.len()).rev().try_for_each(|node| follower.backward(node))?;
    }
    Ok(())
}

#[test]
fn plans_of_shipped_nets_hold_what_is_read() {
    for name in Architecture::shipped_names() {
        for weights in [5_000, 30_000, 120_000] {
            let net = solve::for_weights(&Architecture::shipped(name).unwrap(), weights, 3, 2).unwrap();
            for mode in [Mode::Training, Mode::Inference] {
                for (n, h, w) in [(1, 512, 672), (2, 65, 40), (4, 128, 128), (8, 256, 256), (16, 64, 64)] {
                    follow(&net, Shape { n, h, w }, PlanOptions::new(mode)).unwrap_or_else(|reason| {
                        panic!("{name} of {weights} weights, {n} x {h}x{w}, {mode:?}: {reason}")
                    });
                }
            }
        }
    }
}

#[test]
fn what_is_made_again_has_what_it_is_made_from() {
    let options = PlanOptions { input_gradient: true, ..PlanOptions::new(Mode::Training) };
    follow(&net_made_again_in_a_chain(), Shape { n: 1, h: 2, w: 3 }, options).unwrap();
}

/// Kinds of nodes for [`random_net`], with more pooling and upsampling, which are what plans drop and make again.
fn kinds() -> impl Strategy<Value = u8> {
    proptest::sample::select(vec![0, 2, 3, 3, 4, 4, 4, 5, 6, 7, 7])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plans_of_random_nets_hold_what_is_read(
        choices in proptest::collection::vec((kinds(), any::<u8>(), any::<u8>(), any::<u8>()), 4..14),
        (n, h, w) in (1_usize..3, 1_usize..40, 1_usize..40),
        input_gradient in any::<bool>(),
    ) {
        let net = random_net(&choices);
        let options = PlanOptions { input_gradient, ..PlanOptions::new(Mode::Training) };
        if let Err(reason) = follow(&net, Shape { n, h, w }, options) {
            return Err(TestCaseError::fail(format!("{reason}\n{net:#?}")));
        }
    }
}
