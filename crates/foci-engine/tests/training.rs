//! Whole training runs on small nets: they learn, and give the same bits however they are computed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{compute, numbers, parameters, session, small_nets};
use foci_engine::{
    Adam, EngineError, Loss, MeanAbsoluteError, MeanSquaredError, Mode, Optimiser, Parameters, PlanOptions,
    Session, SessionOptions, Sgd, Shape, Trial, clip_gradient_norm, time,
};
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, Net, solve};

fn shipped(name: &str) -> Net {
    solve::for_weights(&Architecture::shipped(name).unwrap(), 5_000, 1, 1).unwrap()
}

/// Trains on one batch; returns the losses and the final weights.
fn train(
    net: &Net,
    compute: &Compute,
    loss: &dyn Loss,
    optimiser: impl Fn(usize) -> Box<dyn Optimiser>,
    shape: Shape,
    (rate, steps): (f32, usize),
) -> (Vec<f64>, Vec<f32>) {
    let input = numbers(1, shape.n * net.nodes[0].channels * shape.h * shape.w);
    let channels = net.nodes.last().unwrap().channels;
    let target = numbers(2, shape.n * channels * shape.h * shape.w);
    let mut d_output = vec![0.0; target.len()];
    let mut parameters = Parameters::he(net, 5);
    let mut optimiser = optimiser(parameters.values.len());
    let mut session = Session::new(net, shape, Mode::Training, compute).unwrap();
    let mut losses = Vec::new();
    for _ in 0..steps {
        session.set_parameters(&parameters).unwrap();
        let output = session.forward(compute, &input).unwrap();
        losses.push(loss.evaluate(output, &target, &mut d_output).unwrap());
        let gradients = session.backward(compute, &d_output).unwrap();
        clip_gradient_norm(&mut gradients.values, 5.0);
        optimiser.step(&mut parameters.values, &gradients.values, rate).unwrap();
    }
    (losses, parameters.values)
}

#[test]
fn a_net_learns_one_batch_by_heart() {
    let compute = compute(2);
    // 5,000 weights against 64 values of noise.
    let shape = Shape { n: 1, h: 8, w: 8 };
    let net = shipped("unet");
    let adam = |count| -> Box<dyn Optimiser> { Box::new(Adam::new(count, 0.0)) };
    let sgd = |count| -> Box<dyn Optimiser> { Box::new(Sgd::new(count, 0.9, 0.0)) };
    let ratio = |(losses, _): (Vec<f64>, Vec<f32>)| losses[0] / losses[losses.len() - 1];
    let by_adam = ratio(train(&net, &compute, &MeanSquaredError, adam, shape, (3e-3, 600)));
    assert!(by_adam > 100.0, "{by_adam}");
    let by_sgd = ratio(train(&net, &compute, &MeanSquaredError, sgd, shape, (3e-2, 600)));
    assert!(by_sgd > 10.0, "{by_sgd}");
    let absolute = ratio(train(&net, &compute, &MeanAbsoluteError, adam, shape, (3e-3, 600)));
    assert!(absolute > 10.0, "{absolute}");
}

#[test]
fn threads_and_instructions_do_not_change_a_bit() {
    let adam = |count| -> Box<dyn Optimiser> { Box::new(Adam::decoupled(count, 0.01)) };
    let mut computes: Vec<Compute> = (1..=3).map(compute).collect();
    let others = Simd::ALL.into_iter().filter(|simd| simd.supported() && *simd != computes[0].simd());
    let others: Vec<Simd> = others.collect();
    computes.extend(others.into_iter().map(|simd| Compute::new(2, simd).unwrap()));
    let nets = small_nets().into_iter().map(|(_, net)| net).chain(["unet", "atrous"].map(shipped));
    for (index, net) in nets.enumerate() {
        let bits = |compute| {
            let shape = Shape { n: 2, h: 12, w: 10 };
            let (losses, weights) = train(&net, compute, &MeanSquaredError, adam, shape, (1e-2, 3));
            let losses: Vec<u64> = losses.iter().map(|loss| loss.to_bits()).collect();
            (losses, weights.iter().map(|weight| weight.to_bits()).collect::<Vec<_>>())
        };
        let one = bits(&computes[0]);
        for compute in &computes[1..] {
            assert_eq!(one, bits(compute), "net {index}: one thread, and {compute:?}");
        }
    }
}

#[test]
fn training_inference_and_kept_values_give_the_same_output() {
    let compute = compute(2);
    for (index, (_, net)) in small_nets().iter().enumerate() {
        for shape in [Shape { n: 1, h: 9, w: 6 }, Shape { n: 3, h: 2, w: 3 }] {
            let parameters = parameters(net, 1);
            let input = numbers(3, shape.n * net.nodes[0].channels * shape.h * shape.w);
            let mut outputs = Vec::new();
            for (mode, keep_values) in
                [(Mode::Training, false), (Mode::Training, true), (Mode::Inference, false)]
            {
                let plan = PlanOptions { keep_values, ..PlanOptions::new(mode) };
                let options = SessionOptions { plan, memory_limit: None };
                let mut session = Session::with_options(net, shape, options, &compute).unwrap();
                session.set_parameters(&parameters).unwrap();
                // Twice: what the first pass left behind must not show in the second.
                session.forward(&compute, &numbers(9, input.len())).unwrap();
                outputs.push(session.forward(&compute, &input).unwrap().to_vec());
            }
            assert_eq!(outputs[0], outputs[1], "net {index}: values kept");
            assert_eq!(outputs[0], outputs[2], "net {index}: inference");
        }
    }
}

#[test]
fn a_batch_is_its_images_one_by_one() {
    let compute = compute(2);
    for (index, (_, net)) in small_nets().iter().enumerate() {
        let parameters = parameters(net, 1);
        let single = net.nodes[0].channels * 35;
        let input = numbers(4, 3 * single);
        let shape = |n| Shape { n, h: 7, w: 5 };
        let all = session(net, shape(3), Mode::Inference, &parameters, &compute)
            .forward(&compute, &input)
            .unwrap()
            .to_vec();
        let mut one = session(net, shape(1), Mode::Inference, &parameters, &compute);
        for (image, expected) in input.chunks(single).zip(all.chunks(all.len() / 3)) {
            assert_eq!(one.forward(&compute, image).unwrap(), expected, "net {index}");
        }
    }
}

#[test]
fn activations_can_be_read() {
    let compute = compute(1);
    let net = &small_nets()[5].1;
    let shape = Shape { n: 2, h: 5, w: 6 };
    let parameters = parameters(net, 1);
    let input = numbers(3, 60);
    let plan = PlanOptions { keep_values: true, ..PlanOptions::new(Mode::Training) };
    let options = SessionOptions { plan, memory_limit: None };
    let mut kept = Session::with_options(net, shape, options, &compute).unwrap();
    kept.set_parameters(&parameters).unwrap();
    assert!(matches!(kept.activation(&compute, "input"), Err(EngineError::Unavailable { .. })));
    let output = kept.forward(&compute, &input).unwrap().to_vec();
    kept.backward(&compute, &output).unwrap();
    let map = kept.activation(&compute, "input").unwrap();
    assert_eq!((map.n, map.channels, map.h, map.w), (2, 1, 5, 6));
    assert_eq!(map.values, input);
    assert_eq!(kept.activation(&compute, "output6").unwrap_err().to_string().matches("no node").count(), 1);
    let last = net.nodes.last().unwrap().id.clone();
    assert_eq!(kept.activation(&compute, &last).unwrap().values, output);
    // A concat is its sources: the upsampled map, then the first convolution.
    let concat = net.nodes.iter().find(|node| node.op == foci_net::Op::Concat).unwrap();
    let map = kept.activation(&compute, &concat.id).unwrap();
    let (up, first) = (&net.nodes[concat.from[0]], &net.nodes[concat.from[1]]);
    let up = kept.activation(&compute, &up.id).unwrap();
    let first = kept.activation(&compute, &first.id).unwrap();
    assert_eq!(map.channels, up.channels + first.channels);
    assert_eq!(map.values[..up.channels * 30], up.values[..up.channels * 30]);
    assert_eq!(map.values[up.channels * 30..map.channels * 30], first.values[..first.channels * 30]);
    // Without keeping values, those needed no longer are refused rather than read wrongly.
    let mut lean = session(net, shape, Mode::Inference, &parameters, &compute);
    lean.forward(&compute, &input).unwrap();
    assert!(matches!(lean.activation(&compute, "input"), Err(EngineError::Unavailable { .. })));
    assert_eq!(lean.activation(&compute, &last).unwrap().values, output);
}

#[test]
fn misuse_is_an_error() {
    let compute = compute(2);
    let net = &small_nets()[0].1;
    let shape = Shape { n: 1, h: 4, w: 4 };
    let parameters = parameters(net, 1);
    let mut bare = Session::new(net, shape, Mode::Training, &compute).unwrap();
    let text = bare.forward(&compute, &[0.0; 32]).unwrap_err().to_string();
    assert!(text.contains("no parameters"), "{text}");
    let other = Parameters::he(&small_nets()[1].1, 1);
    assert!(bare.set_parameters(&other).is_ok(), "the same layers are the same layers");
    let other = Parameters::he(&small_nets()[6].1, 1);
    assert!(matches!(bare.set_parameters(&other), Err(EngineError::Unavailable { .. })));
    let mut ready = session(net, shape, Mode::Training, &parameters, &compute);
    assert!(matches!(ready.backward(&compute, &[0.0; 32]), Err(EngineError::Unavailable { .. })));
    let error = ready.forward(&compute, &[0.0; 31]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the input has 31 values, but 32 are needed; pass a slice of exactly that length"
    );
    ready.forward(&compute, &[0.0; 32]).unwrap();
    assert!(matches!(ready.backward(&compute, &[0.0; 1]), Err(EngineError::Length { .. })));
    assert!(matches!(ready.forward(&common::compute(1), &[0.0; 32]), Err(EngineError::Unavailable { .. })));
    let mut inference = session(net, shape, Mode::Inference, &parameters, &compute);
    inference.forward(&compute, &[0.0; 32]).unwrap();
    assert!(matches!(inference.backward(&compute, &[0.0; 32]), Err(EngineError::Unavailable { .. })));
    assert!(matches!(inference.input_gradient(&compute), Err(EngineError::Unavailable { .. })));
    let empty = Session::new(net, Shape { n: 0, ..shape }, Mode::Training, &compute);
    assert!(matches!(empty, Err(EngineError::Plan(_))));
}

#[test]
fn too_little_memory_is_an_error_that_names_a_size_that_fits() {
    let compute = compute(1);
    let net = shipped("unet");
    let options =
        |limit| SessionOptions { plan: PlanOptions::new(Mode::Training), memory_limit: Some(limit) };
    let limit = net.train_bytes(64, 64).unwrap();
    let build = |h, w| Session::with_options(&net, Shape { n: 1, h, w }, options(limit), &compute);
    assert!(build(64, 64).is_ok());
    let error = build(128, 128).unwrap_err();
    assert!(matches!(error, EngineError::Memory { fitting: Some((64, 64)), .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("only {limit} may be used")) && text.contains("64x64 would fit"),
        "{text}"
    );
    // Two to the fifty bytes are beyond any address space of today.
    let side = 1 << 22;
    let error = Session::new(&net, Shape { n: 1, h: side, w: side }, Mode::Inference, &compute).unwrap_err();
    let EngineError::Memory { fitting: Some((h, w)), limit: None, bytes, .. } = error else {
        panic!("{error}")
    };
    assert!(h < side && w < side && bytes > 1 << 50);
}

#[test]
fn times_are_measured() {
    let mut told = Vec::new();
    let shape = Shape { n: 1, h: 32, w: 32 };
    let timing =
        time(&shipped("fcn"), shape, false, &compute(2), 3, &mut |done, all| told.push((done, all))).unwrap();
    let expected: Vec<(usize, usize)> = (0..8).map(|done| (done, 8)).collect();
    assert_eq!(told, expected, "one step to warm up and three that count, for training and for inference");
    assert!(timing.train_seconds > 0.0 && timing.infer_seconds > 0.0);
}

#[test]
fn a_trial_records_what_its_step_computes() {
    let (net, shape, compute) = (shipped("fcn"), Shape { n: 2, h: 16, w: 24 }, compute(2));
    let mut trial = Trial::new(&net, shape, PlanOptions::new(Mode::Training), &compute).unwrap();
    let bytes = trial.record(&compute).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let values = |name: &str| -> Vec<f64> {
        let data = file.tensor(name).unwrap().data();
        data.chunks_exact(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect()
    };
    let (output, target) = (values("output"), values("target"));
    assert_eq!((output.len(), values("input").len()), (2 * 16 * 24, 2 * 16 * 24));
    let squares: f64 = output.iter().zip(&target).map(|(o, t)| (o - t) * (o - t)).sum();
    let loss = trial.step(&compute, None).unwrap();
    assert!((loss - squares / output.len() as f64).abs() < 1e-9 * loss, "{loss}");
    // The first step of Adam is the learning rate, 1e-3, against the sign of the gradient.
    let after = trial.record(&compute).unwrap();
    let after = safetensors::SafeTensors::deserialize(&after).unwrap();
    for (name, view) in
        after.iter().filter(|(name, _)| name.ends_with("weight") && !name.contains("gradient"))
    {
        let (before, gradient) = (values(name), values(&format!("gradient.{name}")));
        for (i, four) in view.data().chunks_exact(4).enumerate() {
            let now = f64::from(f32::from_le_bytes(four.try_into().unwrap()));
            if gradient[i].abs() > 1e-5 {
                let moved = now - before[i];
                assert!((moved + 1e-3 * gradient[i].signum()).abs() < 2e-6, "{name} {i}: {moved}");
            }
        }
    }

    let mut inference = Trial::new(&net, shape, PlanOptions::new(Mode::Inference), &compute).unwrap();
    inference.infer(&compute).unwrap();
    assert!(inference.step(&compute, None).is_err());
}
