//! Nothing reads memory that it was not given: an arena full of NaN changes no bit, and neither do the ways in which
//! the plan saves memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{compute, numbers, parameters, small_nets};
use foci_engine::{Mode, Parameters, PlanOptions, Session, SessionOptions, Shape};
use foci_kernels::Compute;
use foci_net::{Architecture, Net, solve};

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Everything that a session computes: output, gradients by parameters, gradient by the input.
fn results(
    (net, parameters): (&Net, &Parameters),
    shape: Shape,
    plan: PlanOptions,
    poisoned: bool,
    compute: &Compute,
) -> [Vec<u32>; 3] {
    let options = SessionOptions { plan, memory_limit: None };
    let mut session = Session::with_options(net, shape, options, compute).unwrap();
    session.set_parameters(parameters).unwrap();
    if poisoned {
        session.poison();
    }
    let pixels = shape.n * shape.h * shape.w;
    let output = bits(session.forward(compute, &numbers(1, net.nodes[0].channels * pixels)).unwrap());
    if plan.mode == Mode::Inference {
        return [output, Vec::new(), Vec::new()];
    }
    let d_output = numbers(2, output.len());
    let gradients = bits(&session.backward(compute, &d_output).unwrap().values);
    let d_input = session.input_gradient(compute).map_or(Vec::new(), |values| bits(&values));
    [output, gradients, d_input]
}

#[test]
fn nothing_reads_what_was_not_written() {
    let compute = compute(2);
    let shipped = Architecture::shipped_names()
        .map(|name| (name, solve::for_weights(&Architecture::shipped(name).unwrap(), 5_000, 1, 1).unwrap()));
    for (index, (name, net)) in shipped.chain(small_nets()).enumerate() {
        let parameters = parameters(&net, 7);
        for (n, h, w) in [(2, 37, 45), (1, 3, 2)] {
            let shape = Shape { n, h, w };
            let run = |plan, poisoned| results((&net, &parameters), shape, plan, poisoned, &compute);
            for input_gradient in [false, true] {
                let training = PlanOptions { input_gradient, ..PlanOptions::new(Mode::Training) };
                let clean = run(training, false);
                assert_eq!(clean, run(training, true), "net {index} `{name}`, training, poisoned");
                let kept = run(PlanOptions { keep_values: true, ..training }, false);
                assert_eq!(clean, kept, "net {index} `{name}`, training, everything kept");
            }
            let inference = PlanOptions::new(Mode::Inference);
            let clean = run(inference, false);
            assert_eq!(clean, run(inference, true), "net {index} `{name}`, inference, poisoned");
        }
    }
}
