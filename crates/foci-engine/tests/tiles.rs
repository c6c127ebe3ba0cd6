//! Whole nets by Winograd's tiles against float64: output, and gradients by all weights and by the input.
//!
//! The nets are the shipped ones at a size at which tiles are used, with ELU in place of ReLU and averages in place of
//! maxima: the derivatives of the former jump where rounding changes a sign or an order, and what follows from a single
//! pixel that jumps hides how well the kernels compute. Nets as they are shipped are compared in `golden.rs`.
//! `cargo test --release -p foci-engine --test tiles -- --nocapture` prints the largest error of each kind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::float64::{backward_f64, maps};
use common::{compute, numbers, parameters, wide};
use foci_engine::{Mode, Parameters, PlanOptions, Session, SessionOptions, Shape};
use foci_net::{Activation, Architecture, Net, Op, PoolKind, solve};

/// Largest difference by the largest value of a list: the output, the gradient by the input or the weights or biases of
/// one layer, for nets of eight layers; errors add up with depth, so deeper nets may have so much more. Measured: at most
/// 8e-6 by tiles, 2e-6 directly; with 20 layers 6e-6 directly.
const TILES: f64 = 2e-5;
const EXACT: f64 = 5e-6;

fn smooth(name: &str) -> Net {
    let mut net = solve::for_weights(&Architecture::shipped(name).unwrap(), 20_000, 1, 1).unwrap();
    for node in &mut net.nodes {
        match &mut node.op {
            Op::Conv { activation, .. } | Op::ConvTransposed { activation, .. }
                if *activation == Activation::Relu =>
            {
                *activation = Activation::Elu;
            }
            Op::Pool { kind, .. } => *kind = PoolKind::Average,
            _ => {}
        }
    }
    net
}

/// Output, gradients by weights, gradient by the input.
fn results(net: &Net, shape: Shape, exact: bool, parameters: &Parameters) -> [Vec<f32>; 3] {
    let compute = compute(2);
    let plan = PlanOptions { input_gradient: true, exact, ..PlanOptions::new(Mode::Training) };
    let options = SessionOptions { plan, memory_limit: None };
    let mut session = Session::with_options(net, shape, options, &compute).unwrap();
    session.set_parameters(parameters).unwrap();
    let output = session.forward(&compute, &numbers(1, shape.n * shape.h * shape.w)).unwrap().to_vec();
    let d_output = numbers(2, output.len());
    let gradients = session.backward(&compute, &d_output).unwrap().values.clone();
    [output, gradients, session.input_gradient(&compute).unwrap()]
}

fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let difference = pairs.map(|(&f, e)| (f64::from(f) - e).abs()).fold(0.0, f64::max);
    difference / expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()))
}

#[test]
fn whole_nets_agree_with_float64() {
    let shape = Shape { n: 1, h: 48, w: 64 };
    for name in Architecture::shipped_names() {
        let net = smooth(name);
        let parameters = parameters(&net, 5);
        let (values, input) = (wide(&parameters.values), wide(&numbers(1, shape.n * shape.h * shape.w)));
        let forward = maps(&net, &values, &input, shape);
        let d_output = wide(&numbers(2, input.len()));
        let (by_parameters, by_input) = backward_f64(&net, &values, &forward, &d_output, shape);
        let mut found = Vec::new();
        for (exact, limit) in [(false, TILES), (true, EXACT)] {
            let [output, gradients, d_input] = results(&net, shape, exact, &parameters);
            let layers = parameters.layout.layers.iter();
            let by_layer = layers
                .flat_map(|layer| [layer.weight.clone(), layer.bias.clone()])
                .map(|part| error(&gradients[part.clone()], &by_parameters[part]))
                .fold(0.0, f64::max);
            let errors = [error(&output, forward.output()), by_layer, error(&d_input, &by_input)];
            let way = if exact { "direct" } else { "tiles" };
            eprintln!(
                "{name:20} {way:6} output {:.1e}, by weights {:.1e}, by input {:.1e}",
                errors[0], errors[1], errors[2]
            );
            let limit = limit * net.layers() as f64 / 8.0;
            assert!(errors.iter().all(|error| *error < limit), "{name}, {way}: {errors:?}");
            found.push([output, gradients, d_input]);
        }
        // Every kind of result was in truth computed by tiles.
        for (part, (tiles, exact)) in found[0].iter().zip(&found[1]).enumerate() {
            assert!(tiles != exact, "{name}, result {part}: no tiles");
        }
    }
}
