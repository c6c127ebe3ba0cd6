//! A net in f64: forward and backward from the readable reference of each kernel, and nothing of the engine.

use foci_engine::Shape;
use foci_kernels::reference::{self, Shape as Map};
use foci_net::{Activation, Net, Op, PoolKind, UpsampleMode};

/// The maps of a forward pass, before and after the activation of each node.
pub struct Forward {
    before: Vec<Vec<f64>>,
    after: Vec<Vec<f64>>,
}

impl Forward {
    /// The output of the net.
    pub fn output(&self) -> &[f64] {
        self.after.last().unwrap()
    }
}

/// The output of `net`.
pub fn forward_f64(net: &Net, parameters: &[f64], input: &[f64], shape: Shape) -> Vec<f64> {
    maps(net, parameters, input, shape).after.pop().unwrap()
}

/// The shape of the result of node `index`.
fn shape_of(net: &Net, index: usize, shape: Shape) -> Map {
    let (h, w) = net.shape_at(index, shape.h, shape.w);
    Map::new(shape.n, net.nodes[index].channels, h, w)
}

/// Where the weights and the biases of each node lie.
fn ranges(net: &Net) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut next = 0;
    let mut take = |count: usize| {
        next += count;
        next - count..next
    };
    let nodes = net.nodes.iter().map(|node| match node.op {
        Op::Conv { kernel, channels_in, .. } | Op::ConvTransposed { kernel, channels_in, .. } => {
            (take(node.channels * channels_in * kernel * kernel), take(node.channels))
        }
        Op::GroupNorm { .. } => (take(node.channels), take(node.channels)),
        _ => (0..0, 0..0),
    });
    nodes.collect()
}

/// All maps of a forward pass.
pub fn maps(net: &Net, parameters: &[f64], input: &[f64], shape: Shape) -> Forward {
    let (mut before, mut after): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    let ranges = ranges(net);
    for (index, node) in net.nodes.iter().enumerate() {
        let at = |index: usize| shape_of(net, index, shape);
        let (out, first) = (at(index), node.from.first().copied().unwrap_or(0));
        let (weights, bias) = (&parameters[ranges[index].0.clone()], &parameters[ranges[index].1.clone()]);
        let map = match node.op {
            Op::Input => input.to_vec(),
            Op::Output => after[first].clone(),
            Op::Conv { kernel, dilation, .. } => {
                reference::conv_forward(&after[first], at(first), weights, bias, kernel, dilation)
            }
            Op::ConvTransposed { kernel, .. } => {
                let size = (out.h, out.w);
                reference::conv_transposed_forward(&after[first], at(first), weights, bias, kernel, size)
            }
            Op::GroupNorm { groups, .. } => {
                reference::group_norm_forward(&after[first], at(first), groups, weights, bias)
            }
            // As long as nothing has been drawn.
            Op::Dropout { .. } => after[first].clone(),
            Op::Pool { kind, factor } => {
                reference::pool_forward(pool(kind), factor, &after[first], at(first))
            }
            Op::Upsample { factor, mode } => {
                let size = (out.h, out.w);
                reference::upsample_forward(upsample(mode), factor, &after[first], at(first), size)
            }
            Op::Concat => (0..shape.n)
                .flat_map(|n| node.from.iter().map(move |&from| (n, from)))
                .flat_map(|(n, from)| {
                    let image = after[from].len() / shape.n;
                    after[from][n * image..(n + 1) * image].to_vec()
                })
                .collect(),
            Op::Add => {
                (0..out.values()).map(|i| node.from.iter().map(|&from| after[from][i]).sum()).collect()
            }
        };
        after.push(map.iter().map(|&value| activated(activation(&node.op), value)).collect());
        before.push(map);
    }
    Forward { before, after }
}

/// The derivatives by parameters and by the input of what has the derivative `d_output` by the output.
pub fn backward_f64(
    net: &Net,
    parameters: &[f64],
    Forward { before, after }: &Forward,
    d_output: &[f64],
    shape: Shape,
) -> (Vec<f64>, Vec<f64>) {
    let at = |index: usize| shape_of(net, index, shape);
    let mut gradients: Vec<Vec<f64>> = after.iter().map(|map| vec![0.0; map.len()]).collect();
    *gradients.last_mut().unwrap() = d_output.to_vec();
    let mut d_parameters = vec![0.0; parameters.len()];
    let ranges = ranges(net);
    for (index, node) in net.nodes.iter().enumerate().rev() {
        let kind = activation(&node.op);
        let told = if kind == Activation::Silu { &before[index] } else { &after[index] };
        let d_y: Vec<f64> = std::mem::take(&mut gradients[index])
            .iter()
            .zip(told)
            .map(|(gradient, &told)| gradient * reference::activation_derivative(kernels(kind), told))
            .collect();
        let (weights, bias) = ranges[index].clone();
        let (out, first) = (at(index), node.from.first().copied().unwrap_or(0));
        let by_inputs = match node.op {
            Op::Input => {
                gradients[index] = d_y;
                continue;
            }
            Op::Output | Op::Dropout { .. } => vec![d_y],
            Op::GroupNorm { groups, .. } => {
                let (x, shape, weight) = (&after[first], at(first), &parameters[weights.clone()]);
                let (d_x, d_weights, d_bias) = reference::group_norm_backward(x, shape, groups, weight, &d_y);
                d_parameters[weights].copy_from_slice(&d_weights);
                d_parameters[bias].copy_from_slice(&d_bias);
                vec![d_x]
            }
            Op::Conv { kernel, dilation, channels_in, .. } => {
                let (x, shape) = (&after[first], at(first));
                let (d_weights, d_bias) =
                    reference::conv_backward_weights(x, shape, &d_y, out.c, kernel, dilation);
                d_parameters[weights.clone()].copy_from_slice(&d_weights);
                d_parameters[bias].copy_from_slice(&d_bias);
                let weights = &parameters[weights];
                vec![reference::conv_backward_data(&d_y, out, weights, channels_in, kernel, dilation)]
            }
            Op::ConvTransposed { kernel, channels_in, .. } => {
                let (x, shape) = (&after[first], at(first));
                let (d_weights, d_bias) =
                    reference::conv_transposed_backward_weights(x, shape, &d_y, out, kernel);
                d_parameters[weights.clone()].copy_from_slice(&d_weights);
                d_parameters[bias].copy_from_slice(&d_bias);
                let (weights, size) = (&parameters[weights], (shape.h, shape.w));
                let d_x =
                    reference::conv_transposed_backward_data(&d_y, out, weights, channels_in, kernel, size);
                vec![d_x]
            }
            Op::Pool { kind, factor } => {
                vec![reference::pool_backward(pool(kind), factor, &after[first], at(first), &d_y)]
            }
            Op::Upsample { factor, mode } => {
                let size = (out.h, out.w);
                vec![reference::upsample_backward(upsample(mode), factor, &d_y, at(first), size)]
            }
            Op::Concat => parts(&d_y, shape.n, node.from.iter().map(|&from| after[from].len() / shape.n)),
            Op::Add => vec![d_y; node.from.len()],
        };
        for (&from, by_input) in node.from.iter().zip(by_inputs) {
            gradients[from].iter_mut().zip(by_input).for_each(|(sum, value)| *sum += value);
        }
    }
    (d_parameters, gradients.swap_remove(0))
}

/// The parts of a concat of `images`, each of so many values in an image.
fn parts(whole: &[f64], images: usize, lengths: impl Iterator<Item = usize>) -> Vec<Vec<f64>> {
    let mut start = 0;
    let part = |length: usize| {
        start += length;
        let image = |image: &[f64]| image[start - length..start].to_vec();
        whole.chunks(whole.len() / images).flat_map(image).collect()
    };
    lengths.map(part).collect()
}

fn activation(op: &Op) -> Activation {
    match *op {
        Op::Conv { activation, .. }
        | Op::ConvTransposed { activation, .. }
        | Op::GroupNorm { activation, .. } => activation,
        _ => Activation::None,
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    reference::activate(kernels(activation), x)
}

fn kernels(activation: Activation) -> foci_kernels::Activation {
    match activation {
        Activation::None => foci_kernels::Activation::None,
        Activation::Relu => foci_kernels::Activation::Relu,
        Activation::LeakyRelu => foci_kernels::Activation::LeakyRelu,
        Activation::Elu => foci_kernels::Activation::Elu,
        Activation::Silu => foci_kernels::Activation::Silu,
    }
}

fn pool(kind: PoolKind) -> foci_kernels::PoolKind {
    match kind {
        PoolKind::Max => foci_kernels::PoolKind::Max,
        PoolKind::Average => foci_kernels::PoolKind::Average,
        PoolKind::Blur => foci_kernels::PoolKind::Blur,
    }
}

fn upsample(mode: UpsampleMode) -> foci_kernels::UpsampleMode {
    match mode {
        UpsampleMode::Nearest => foci_kernels::UpsampleMode::Nearest,
        UpsampleMode::Bilinear => foci_kernels::UpsampleMode::Bilinear,
    }
}
