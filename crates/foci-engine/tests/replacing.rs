//! A result replaced by its mean: later layers see a constant, earlier readers and other ways through the net the truth.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Graph, compute, numbers, parameters};
use foci_engine::{EngineError, Mode, PlanOptions, Replaced, Session, SessionOptions, Shape};
use foci_net::{Activation, Architecture, Net, solve};

fn session(net: &Net, shape: Shape, keep_values: bool, compute: &foci_kernels::Compute) -> Session {
    let plan = PlanOptions { keep_values, exact: true, ..PlanOptions::new(Mode::Inference) };
    Session::with_options(net, shape, SessionOptions { plan, memory_limit: None }, compute).unwrap()
}

#[test]
fn a_layer_behind_a_replaced_one_sees_constants() {
    let mut graph = Graph::new(1);
    let first = graph.conv(0, 3, 1, 3, Activation::Relu);
    let second = graph.conv(first, 1, 1, 1, Activation::None);
    let net = graph.finish(second);
    let compute = compute(2);
    let shape = Shape { n: 2, h: 7, w: 9 };
    let parameters = parameters(&net, 5);
    let input = numbers(3, 2 * 63);
    let mut session = session(&net, shape, true, &compute);
    session.set_parameters(&parameters).unwrap();
    session.forward(&compute, &input).unwrap();
    let map = session.activation(&compute, &net.nodes[first].id).unwrap();
    let replaced = Replaced { node: &net.nodes[first].id, before: None };
    let output = session.forward_replaced(&compute, &input, replaced).unwrap().to_vec();
    // The second layer is 1x1: three weights and a bias, the last four parameters.
    let [.., a, b, c, bias] = parameters.values[..] else { panic!("four parameters") };
    for (image, pixels) in output.chunks_exact(63).enumerate() {
        let mean = |channel: usize| {
            let plane = &map.values[(image * 3 + channel) * 63..][..63];
            plane.iter().map(|&value| f64::from(value)).sum::<f64>() / 63.0
        };
        let expected =
            f64::from(a) * mean(0) + f64::from(b) * mean(1) + f64::from(c) * mean(2) + f64::from(bias);
        for &pixel in pixels {
            assert!((f64::from(pixel) - expected).abs() < 1e-5, "{pixel} is not {expected}");
        }
    }
}

#[test]
fn a_cut_skip_leaves_the_way_through_the_deep_layers() {
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 5_000, 1, 1).unwrap();
    let compute = compute(1);
    let shape = Shape { n: 1, h: 20, w: 28 };
    let input = numbers(4, 20 * 28);
    // Without values kept, in the memory that a prediction has; and with them, to look at the deepest layer.
    for keep_values in [false, true] {
        let mut session = session(&net, shape, keep_values, &compute);
        session.set_parameters(&parameters(&net, 6)).unwrap();
        let whole = session.forward(&compute, &input).unwrap().to_vec();
        let bottom = keep_values.then(|| session.activation(&compute, "bottom").unwrap());
        let cut = Replaced { node: "enc1", before: Some("skip1") };
        let without_skip = session.forward_replaced(&compute, &input, cut).unwrap().to_vec();
        if let Some(bottom) = &bottom {
            assert_eq!(*bottom, session.activation(&compute, "bottom").unwrap());
        }
        let all = Replaced { node: "enc1", before: None };
        let without_layer = session.forward_replaced(&compute, &input, all).unwrap().to_vec();
        if let Some(bottom) = &bottom {
            assert_ne!(*bottom, session.activation(&compute, "bottom").unwrap());
        }
        assert!(whole != without_skip && without_skip != without_layer);
        assert_eq!(whole, session.forward(&compute, &input).unwrap(), "nothing of it stays");
    }
}

#[test]
fn nodes_that_are_not_there_or_come_before_are_refused() {
    let net = solve::for_weights(&Architecture::shipped("fcn").unwrap(), 5_000, 1, 1).unwrap();
    let compute = compute(1);
    let mut session = session(&net, Shape { n: 1, h: 8, w: 8 }, false, &compute);
    session.set_parameters(&parameters(&net, 6)).unwrap();
    let input = [0.0; 64];
    for (node, before) in
        [("nothing", None), ("enc1", Some("nothing")), ("dec1", Some("enc1")), ("output", None)]
    {
        let refused = session.forward_replaced(&compute, &input, Replaced { node, before });
        assert!(matches!(refused, Err(EngineError::Unavailable { .. })), "{node} {before:?}");
    }
}
