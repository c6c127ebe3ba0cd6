//! Forward and backward against a forward pass in f64 made of the readable reference kernels, and its differences.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::float64::{backward_f64, forward_f64, maps};
use common::{compute, net_made_again_in_a_chain, numbers, parameters, random_net, small_nets, wide};
use foci_engine::{Mode, PlanOptions, Session, SessionOptions, Shape};
use foci_net::Net;
use proptest::prelude::*;

/// Compares output, gradients by parameters and gradient by the input; returns what differs too much.
fn check(net: &Net, shape: Shape, seed: u64) -> Result<(), String> {
    let compute = compute(2);
    let parameters = parameters(net, seed);
    let input = numbers(seed + 1, shape.n * net.nodes[0].channels * shape.h * shape.w);
    let plan = PlanOptions { input_gradient: true, ..PlanOptions::new(Mode::Training) };
    let options = SessionOptions { plan, memory_limit: None };
    let mut session = Session::with_options(net, shape, options, &compute).unwrap();
    session.set_parameters(&parameters).unwrap();
    let output = session.forward(&compute, &input).unwrap().to_vec();
    let expected = forward_f64(net, &wide(&parameters.values), &wide(&input), shape);
    let largest = |values: &[f64]| values.iter().fold(1e-3_f64, |most, value| most.max(value.abs()));
    // A normalisation divides by the deviation of a few values, here as little as sqrt(1e-5), and errors with it.
    let slack = if net.normalises() { 100.0 } else { 1.0 };
    let scale = largest(&expected);
    for (i, (&found, &expected)) in output.iter().zip(&expected).enumerate() {
        if (f64::from(found) - expected).abs() > slack * 2e-6 * scale {
            return Err(format!("output {i}: {found}, not {expected} (largest {scale})"));
        }
    }
    // The loss is a sum of outputs with arbitrary factors, so that its derivative by the output is just these.
    let factors = numbers(seed + 2, output.len());
    let loss = |parameters: &[f64], input: &[f64]| -> f64 {
        forward_f64(net, parameters, input, shape).iter().zip(&factors).map(|(y, &f)| y * f64::from(f)).sum()
    };
    let gradients = session.backward(&compute, &factors).unwrap().values.clone();
    let d_input = session.input_gradient(&compute).unwrap();
    let (mut values, mut pixels) = (wide(&parameters.values), wide(&input));
    let step = 1e-6;
    let mut by_parameters = Vec::new();
    for i in 0..values.len() {
        let centre = values[i];
        values[i] = centre + step;
        let above = loss(&values, &pixels);
        values[i] = centre - step;
        by_parameters.push((above - loss(&values, &pixels)) / (2.0 * step));
        values[i] = centre;
    }
    let mut by_input = Vec::new();
    for i in 0..pixels.len() {
        let centre = pixels[i];
        pixels[i] = centre + step;
        let above = loss(&values, &pixels);
        pixels[i] = centre - step;
        by_input.push((above - loss(&values, &pixels)) / (2.0 * step));
        pixels[i] = centre;
    }
    // The reference's way back is held to the differences, too, before other tests rely on it.
    let forward = maps(net, &values, &pixels, shape);
    let reference = backward_f64(net, &values, &forward, &wide(&factors), shape);
    for (what, found, expected) in
        [("parameter", &reference.0, &by_parameters), ("input", &reference.1, &by_input)]
    {
        let scale = largest(expected);
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if (found - expected).abs() > 1e-6 * scale {
                return Err(format!("reference's gradient by {what} {i}: {found}, not {expected}"));
            }
        }
    }
    for (what, found, expected) in [("parameter", gradients, by_parameters), ("input", d_input, by_input)] {
        let scale = largest(&expected);
        for (i, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            if (f64::from(found) - expected).abs() > slack * 2e-5 * scale {
                return Err(format!("gradient by {what} {i}: {found}, not {expected} (largest {scale})"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_operation_agrees_with_differences() {
    for (index, (name, net)) in small_nets().iter().enumerate() {
        for (n, h, w) in [(1, 5, 7), (2, 4, 3), (1, 1, 1)] {
            check(net, Shape { n, h, w }, 10 + index as u64)
                .unwrap_or_else(|reason| panic!("net {index} `{name}`, {n} x {h}x{w}: {reason}"));
        }
    }
}

#[test]
fn what_is_made_again_has_what_it_is_made_from() {
    check(&net_made_again_in_a_chain(), Shape { n: 1, h: 2, w: 3 }, 67).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_nets_agree_with_differences(
        choices in proptest::collection::vec(any::<(u8, u8, u8, u8)>(), 1..9),
        (n, h, w) in (1_usize..3, 1_usize..6, 1_usize..6),
        seed in 0_u64..1000,
    ) {
        let net = random_net(&choices);
        // Differences cost one forward pass for each parameter: leave out the few nets with very many.
        prop_assume!(net.weights() < 3000);
        if let Err(reason) = check(&net, Shape { n, h, w }, seed) {
            return Err(TestCaseError::fail(format!("{reason}\n{net:#?}")));
        }
    }
}
