//! The parts of a profile: all that a step does, each with the operations and bytes that follow from the shapes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Graph, compute, small_nets};
use foci_engine::{Mode, Part, Pass, PlanOptions, Shape, profile};
use foci_net::{Activation, Architecture, solve};

#[test]
fn bytes_and_operations_of_two_layers_by_hand() {
    let mut graph = Graph::new(1);
    let a = graph.conv(0, 3, 1, 2, Activation::Relu);
    let b = graph.conv(a, 3, 1, 1, Activation::None);
    let net = graph.finish(b);
    // A map of one channel has 20 values of 4 bytes; the layers have 20 and 19 weights.
    let shape = Shape { n: 1, h: 4, w: 5 };
    let profile =
        profile(&net, shape, PlanOptions::new(Mode::Training), &compute(1), 1, &mut |_, _| {}).unwrap();
    let found: Vec<_> = profile.rows.iter().map(|row| (row.part, row.bytes, row.operations)).collect();
    let node = |index, pass, bytes, operations| (Part::Node(index, pass), bytes, operations);
    let expected = [
        node(0, Pass::Forward, 80 + 80, 0.0),
        node(1, Pass::Forward, 80 + 160 + 80, 720.0),
        node(1, Pass::GradientByWeights, 80 + 160 + 80, 720.0),
        node(2, Pass::Forward, 160 + 80 + 76, 720.0),
        node(2, Pass::GradientByWeights, 160 + 80 + 76, 720.0),
        // The gradient is multiplied by the derivative of the ReLU, told from the value that it replaces.
        node(2, Pass::GradientByInput, 80 + 160 + 160 + 76, 720.0),
        node(3, Pass::Forward, 80 + 80, 0.0),
        node(3, Pass::GradientByInput, 80 + 80, 0.0),
        (Part::Loss, 3 * 80, 0.0),
        (Part::Optimiser, 7 * 39 * 4, 0.0),
    ];
    assert_eq!(found[..found.len() - 1], expected);
    let (last, bytes, _) = found[found.len() - 1];
    assert!(last == Part::Weights && bytes > 39 * 4);
}

#[test]
fn the_parts_are_all_of_a_step() {
    let compute = compute(2);
    let shape = Shape { n: 2, h: 40, w: 48 };
    let shipped = ["unet", "msd"]
        .map(|name| solve::for_weights(&Architecture::shipped(name).unwrap(), 5_000, 1, 1).unwrap());
    for net in shipped.iter().chain(small_nets().iter().map(|(_, net)| net)) {
        for mode in [Mode::Training, Mode::Inference] {
            let profile = profile(net, shape, PlanOptions::new(mode), &compute, 3, &mut |_, _| {}).unwrap();
            assert!(profile.peak_gigaflops > 0.0 && profile.copy_gigabytes > 0.0);
            let forward = profile.rows.iter().filter(|row| matches!(row.part, Part::Node(_, Pass::Forward)));
            let operations: f64 = forward.map(|row| row.operations).sum();
            let expected = 2.0 * net.macs_per_pixel() * (shape.n * shape.h * shape.w) as f64;
            assert!((operations / expected - 1.0).abs() < 1e-9, "{}: {operations}, not {expected}", net.name);
            assert!(profile.seconds > 0.0 && profile.rows.iter().all(|row| row.seconds >= 0.0));
        }
    }
}
