//! Parameters: their start, their order, their file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{numbers, small_nets};
use foci_engine::{EngineError, Parameters};
use foci_net::{Activation, Net};

fn net(out: usize, activation: Activation) -> Net {
    let mut graph = common::Graph::new(8);
    let a = graph.conv(0, 3, 1, out, activation);
    let b = graph.conv_transposed(a, 0, 2, 3, Activation::None);
    assert_eq!((a, b), (1, 2));
    let down = graph.pool(a, foci_net::PoolKind::Average, 2);
    graph.nodes[2].from = vec![down];
    graph.nodes.swap(2, 3);
    graph.nodes[3].from = vec![2];
    graph.nodes[3].scale = 1;
    graph.finish(3)
}

#[test]
fn the_order_is_that_of_nodes_weights_then_biases() {
    let net = net(4, Activation::Relu);
    let parameters = Parameters::he(&net, 1);
    let layers = &parameters.layout.layers;
    assert_eq!(
        layers.iter().map(|layer| layer.shape.clone()).collect::<Vec<_>>(),
        [[4, 8, 3, 3], [3, 4, 2, 2]]
    );
    assert_eq!((layers[0].weight.clone(), layers[0].bias.clone()), (0..288, 288..292));
    assert_eq!((layers[1].weight.clone(), layers[1].bias.clone()), (292..340, 340..343));
    assert_eq!(parameters.values.len() as u64, net.weights());
    let names: Vec<String> = parameters.named_tensors().into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names, ["conv1.weight", "conv1.bias", "conv_transposed2.weight", "conv_transposed2.bias"]);
    assert_eq!(parameters.weight("conv1").unwrap(), &parameters.values[..288]);
    assert_eq!(parameters.bias("conv1"), Some(&[0.0; 4][..]));
    assert_eq!(parameters.bias("input"), None);
}

#[test]
fn the_spread_is_that_of_he() {
    // Deviation sqrt(2 / fan-in) for ReLU, by He 2015; for others E[f(z)^2] was integrated with Python's math module.
    let cases = [
        (Activation::Relu, 2.0_f64),
        (Activation::None, 1.0),
        (Activation::LeakyRelu, 2.0 / 1.0001),
        (Activation::Elu, 1.0 / 0.644_945),
        (Activation::Silu, 1.0 / 0.355_776),
    ];
    for (activation, gain) in cases {
        let parameters = Parameters::he(&net(400, activation), 3);
        let weights = parameters.weight("conv1").unwrap();
        let square =
            weights.iter().map(|&weight| f64::from(weight).powi(2)).sum::<f64>() / weights.len() as f64;
        let mean = weights.iter().map(|&weight| f64::from(weight)).sum::<f64>() / weights.len() as f64;
        let expected = gain / 72.0;
        // 28,800 weights: the variance is known to 0.8 %, the mean to 0.006 deviations.
        assert!((square / expected - 1.0).abs() < 0.04, "{activation:?}: {square}, not {expected}");
        assert!(mean.abs() < 0.03 * expected.sqrt());
        // Each output pixel of the transposed convolution sees one tap of each of the 400 channels.
        let up = parameters.weight("conv_transposed2").unwrap();
        let square = up.iter().map(|&weight| f64::from(weight).powi(2)).sum::<f64>() / up.len() as f64;
        assert!((square * 400.0 - 1.0).abs() < 0.1, "{square}");
    }
}

#[test]
fn seeds_names_and_layers_draw_apart() {
    let net = net(4, Activation::Relu);
    let renamed = Net::new("other", net.nodes.clone()).unwrap();
    let first = |net: &Net, seed| Parameters::he(net, seed).values;
    assert_eq!(first(&net, 1), first(&net, 1));
    assert_ne!(first(&net, 1)[0], first(&net, 2)[0]);
    assert_ne!(first(&net, 1)[0], first(&renamed, 1)[0]);
    assert_ne!(first(&net, 1)[0] / first(&net, 1)[292], first(&net, 2)[0] / first(&net, 2)[292]);
}

#[test]
fn a_file_gives_back_every_bit() {
    for (_, net) in small_nets() {
        let mut parameters = Parameters::he(&net, 9);
        let count = parameters.values.len();
        parameters.values.copy_from_slice(&numbers(4, count));
        parameters.values[0] = -0.0;
        let bytes = parameters.to_safetensors().unwrap();
        assert_eq!(bytes, parameters.to_safetensors().unwrap());
        let read = Parameters::from_safetensors(&net, &bytes, "model.safetensors").unwrap();
        assert_eq!(read.layout, parameters.layout);
        let bits =
            |parameters: &Parameters| parameters.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&parameters));
    }
}

#[test]
fn a_file_of_another_net_is_refused_with_the_tensor() {
    let (mine, wider) = (net(4, Activation::Relu), net(5, Activation::Relu));
    let bytes = Parameters::he(&wider, 1).to_safetensors().unwrap();
    let error = Parameters::from_safetensors(&mine, &bytes, "model.safetensors").unwrap_err();
    assert_eq!(
        error.to_string(),
        "model.safetensors: tensor `conv1.weight`: has shape [5, 8, 3, 3], but the net has [4, 8, 3, 3]; \
         the file belongs to another net"
    );
    let small = &small_nets()[0].1;
    let bytes = Parameters::he(small, 1).to_safetensors().unwrap();
    assert!(matches!(Parameters::from_safetensors(&mine, &bytes, "x"), Err(EngineError::Tensor { .. })));
    let bytes = Parameters::he(&mine, 1).to_safetensors().unwrap();
    for cut in [0, 7, 20, bytes.len() - 1] {
        let error = Parameters::from_safetensors(&mine, &bytes[..cut], "x").unwrap_err();
        assert!(matches!(error, EngineError::Damaged { .. }), "{cut} bytes: {error}");
    }
    let mut short = Parameters::he(&mine, 1);
    short.values.pop();
    assert!(matches!(short.to_safetensors(), Err(EngineError::Length { .. })));
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    let net = net(4, Activation::Relu);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut parameters = Parameters::he(&net, 1);
        *parameters.values.last_mut().unwrap() = value;
        let bytes = parameters.to_safetensors().unwrap();
        let error = Parameters::from_safetensors(&net, &bytes, "model.safetensors").unwrap_err().to_string();
        let last = &parameters.layout.layers.last().unwrap().id;
        assert!(error.contains(&format!("`{last}.bias`")) && error.contains(&value.to_string()), "{error}");
    }
}

#[test]
fn tensors_of_no_layer_are_refused() {
    let mut graph = common::Graph::new(1);
    let a = graph.conv(0, 1, 1, 1, Activation::None);
    let one = graph.finish(a);
    let mut graph = common::Graph::new(1);
    let a = graph.conv(0, 1, 1, 1, Activation::None);
    let b = graph.conv(a, 1, 1, 1, Activation::None);
    let two = graph.finish(b);
    let bytes = Parameters::he(&two, 1).to_safetensors().unwrap();
    let error = Parameters::from_safetensors(&one, &bytes, "x").unwrap_err().to_string();
    assert!(error.contains("`conv2.bias`: belongs to no layer"), "{error}");
}
