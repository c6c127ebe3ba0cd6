//! What several tests need: small nets, numbers, and a net in f64 from the kernels' readable reference.

#![allow(dead_code, reason = "each test uses a part")]

pub mod float64;

use foci_engine::{Mode, Parameters, Session, Shape};
use foci_kernels::{Compute, Simd};
use foci_net::{Activation, DropoutUnit, Net, Node, Op, PoolKind, UpsampleMode};

/// Builds nets node by node; every function returns the index of the node that it adds.
pub struct Graph {
    pub nodes: Vec<Node>,
}

impl Graph {
    pub fn new(channels: usize) -> Graph {
        let input = Node { id: "input".into(), op: Op::Input, from: vec![], like: None, channels, scale: 1 };
        Graph { nodes: vec![input] }
    }

    fn push(
        &mut self,
        op: Op,
        from: Vec<usize>,
        like: Option<usize>,
        channels: usize,
        scale: usize,
    ) -> usize {
        let id = format!("{}{}", op.name(), self.nodes.len());
        self.nodes.push(Node { id, op, from, like, channels, scale });
        self.nodes.len() - 1
    }

    pub fn conv(
        &mut self,
        from: usize,
        kernel: usize,
        dilation: usize,
        out: usize,
        activation: Activation,
    ) -> usize {
        let (channels_in, scale) = (self.nodes[from].channels, self.nodes[from].scale);
        self.push(Op::Conv { kernel, dilation, channels_in, activation }, vec![from], None, out, scale)
    }

    pub fn conv_transposed(
        &mut self,
        from: usize,
        like: usize,
        kernel: usize,
        out: usize,
        activation: Activation,
    ) -> usize {
        let (channels_in, scale) = (self.nodes[from].channels, self.nodes[from].scale / 2);
        let op = Op::ConvTransposed { kernel, factor: 2, channels_in, activation };
        self.push(op, vec![from], Some(like), out, scale)
    }

    pub fn pool(&mut self, from: usize, kind: PoolKind, factor: usize) -> usize {
        let (channels, scale) = (self.nodes[from].channels, self.nodes[from].scale * factor);
        self.push(Op::Pool { kind, factor }, vec![from], None, channels, scale)
    }

    pub fn upsample(&mut self, from: usize, like: usize, mode: UpsampleMode, factor: usize) -> usize {
        let (channels, scale) = (self.nodes[from].channels, self.nodes[from].scale / factor);
        self.push(Op::Upsample { factor, mode }, vec![from], Some(like), channels, scale)
    }

    pub fn group_norm(&mut self, from: usize, groups: usize, activation: Activation) -> usize {
        let Node { channels, scale, .. } = self.nodes[from];
        self.push(Op::GroupNorm { groups, activation }, vec![from], None, channels, scale)
    }

    pub fn dropout(&mut self, from: usize, rate: f64, unit: DropoutUnit) -> usize {
        let Node { channels, scale, .. } = self.nodes[from];
        self.push(Op::Dropout { rate, unit }, vec![from], None, channels, scale)
    }

    pub fn concat(&mut self, from: &[usize]) -> usize {
        let channels = from.iter().map(|&from| self.nodes[from].channels).sum();
        self.push(Op::Concat, from.to_vec(), None, channels, self.nodes[from[0]].scale)
    }

    pub fn add(&mut self, from: &[usize]) -> usize {
        self.push(Op::Add, from.to_vec(), None, self.nodes[from[0]].channels, self.nodes[from[0]].scale)
    }

    pub fn finish(mut self, from: usize) -> Net {
        self.push(Op::Output, vec![from], None, self.nodes[from].channels, 1);
        Net::new("test", self.nodes).unwrap()
    }
}

/// Numbers in -1..1 that look random (a linear congruential generator; Knuth's constants).
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
        .collect()
}

pub fn compute(threads: usize) -> Compute {
    Compute::new(threads, Simd::detect().unwrap()).unwrap()
}

/// Parameters to test with: He's, with biases that are not zero.
pub fn parameters(net: &Net, seed: u64) -> Parameters {
    let mut parameters = Parameters::he(net, seed);
    let layout = parameters.layout.clone();
    for layer in &layout.layers {
        let biases = numbers(seed ^ layer.node as u64, layer.bias.len());
        parameters.values[layer.bias.clone()].copy_from_slice(&biases);
    }
    parameters
}

pub fn session(net: &Net, shape: Shape, mode: Mode, parameters: &Parameters, compute: &Compute) -> Session {
    let mut session = Session::new(net, shape, mode, compute).unwrap();
    session.set_parameters(parameters).unwrap();
    session
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Nets that together have every operation, activation and way in which gradients meet.
pub fn small_nets() -> Vec<(&'static str, Net)> {
    use Activation::{Elu, LeakyRelu, None, Relu, Silu};
    let mut nets = Vec::new();
    for activation in Activation::ALL {
        let mut graph = Graph::new(2);
        let a = graph.conv(0, 3, 1, 3, activation);
        let b = graph.conv(a, 3, 2, 17, activation);
        let c = graph.conv(b, 1, 1, 2, activation);
        nets.push((activation.name(), graph.finish(c)));
    }
    for (kind, factor, mode) in [
        (PoolKind::Max, 2, UpsampleMode::Nearest),
        (PoolKind::Max, 4, UpsampleMode::Bilinear),
        (PoolKind::Average, 2, UpsampleMode::Bilinear),
        (PoolKind::Average, 4, UpsampleMode::Nearest),
        (PoolKind::Blur, 2, UpsampleMode::Nearest),
        (PoolKind::Max, 8, UpsampleMode::Bilinear),
    ] {
        let mut graph = Graph::new(1);
        let a = graph.conv(0, 3, 1, 3, LeakyRelu);
        let down = graph.pool(a, kind, factor);
        let b = graph.conv(down, 3, 1, 4, Elu);
        let up = graph.upsample(b, a, mode, factor);
        let skip = graph.concat(&[up, a]);
        let c = graph.conv(skip, 3, 1, 1, None);
        nets.push(("unet", graph.finish(c)));
    }
    for kernel in [2, 4] {
        let mut graph = Graph::new(1);
        let a = graph.conv(0, 3, 1, 3, Silu);
        let down = graph.pool(a, PoolKind::Average, 2);
        let b = graph.conv(down, 1, 1, 5, Relu);
        let both = graph.concat(&[b, down]);
        let up = graph.conv_transposed(both, 0, kernel, 4, Silu);
        let up2 = graph.conv_transposed(b, a, kernel, 3, LeakyRelu);
        let sum = graph.add(&[a, up2]);
        let all = graph.concat(&[sum, up]);
        let c = graph.conv(all, 3, 1, 2, None);
        nets.push(("transposed", graph.finish(c)));
    }
    // The last contribution to a gradient comes from each kind of operation; sums of concats, alike and not; the same
    // map twice in one concat; the input itself used late; an output without a convolution before it.
    let mut graph = Graph::new(2);
    let a = graph.conv(0, 3, 1, 2, Elu);
    let b = graph.conv(a, 1, 1, 2, Silu);
    let ab = graph.concat(&[a, b]);
    let ba = graph.concat(&[b, a]);
    let alike = graph.add(&[ab, ba]);
    let wide = graph.conv(ab, 3, 3, 4, Relu);
    let unlike = graph.add(&[alike, wide]);
    let twice = graph.concat(&[unlike, ab, 0]);
    let again = graph.concat(&[twice, a]);
    let c = graph.conv(again, 1, 1, 2, LeakyRelu);
    let small = graph.pool(again, PoolKind::Max, 2);
    let up = graph.upsample(small, 0, UpsampleMode::Bilinear, 2);
    let end = graph.concat(&[c, up, a]);
    nets.push(("meeting", graph.finish(end)));
    // Normalisations whose activation's derivative is told from each side of it, one that two read, one pooled, with
    // dropouts (which drop nothing until they are drawn) of a map and of a concat.
    let mut graph = Graph::new(1);
    let a = graph.conv(0, 3, 1, 4, None);
    let a = graph.group_norm(a, 2, Silu);
    let dropped = graph.dropout(a, 0.5, DropoutUnit::Channel);
    let down = graph.pool(dropped, PoolKind::Max, 2);
    let b = graph.conv(down, 3, 1, 3, None);
    let b = graph.group_norm(b, 1, Elu);
    let up = graph.upsample(b, a, UpsampleMode::Bilinear, 2);
    let both = graph.concat(&[up, a]);
    let both = graph.dropout(both, 0.25, DropoutUnit::Map);
    let c = graph.conv(both, 1, 1, 2, None);
    let c = graph.group_norm(c, 2, Relu);
    let sum = graph.concat(&[c, dropped]);
    let end = graph.conv(sum, 3, 2, 1, None);
    nets.push(("normalised", graph.finish(end)));
    let mut graph = Graph::new(1);
    let a = graph.conv(0, 1, 1, 2, Silu);
    let ends = [graph.concat(&[a, 0]), a];
    let end = graph.concat(&ends);
    nets.push(("end", graph.finish(end)));
    nets
}

/// A net made from a list of choices; every list gives one.
pub fn random_net(choices: &[(u8, u8, u8, u8)]) -> Net {
    let mut graph = Graph::new(1 + usize::from(choices[0].3 % 3));
    for &(kind, a, b, c) in choices {
        let from = usize::from(a) % graph.nodes.len();
        let other = usize::from(b) % graph.nodes.len();
        let channels = [1, 2, 5, 16, 18][usize::from(c) % 5];
        let activation = Activation::ALL[usize::from(b) % 5];
        let scale = graph.nodes[from].scale;
        match kind % 8 {
            0 | 1 => graph.conv(from, 3, 1 + usize::from(c) % 4, channels, activation),
            2 => graph.conv(from, 1, 1, channels, activation),
            3 if scale <= 4 => graph.pool(from, [PoolKind::Max, PoolKind::Average][usize::from(c) % 2], 2),
            3 | 4 if scale > 1 => {
                let like = graph.nodes.iter().position(|node| node.scale == scale / 2).unwrap();
                let mode = UpsampleMode::ALL[usize::from(c) % 2];
                if b % 2 == 0 {
                    graph.upsample(from, like, mode, 2)
                } else {
                    graph.conv_transposed(from, like, [2, 4][usize::from(c) % 2], channels, activation)
                }
            }
            5 if other != from && graph.nodes[other].scale == scale => graph.concat(&[from, other]),
            6 if other != from
                && (graph.nodes[other].scale, graph.nodes[other].channels)
                    == (scale, graph.nodes[from].channels) =>
            {
                graph.add(&[from, other])
            }
            _ if scale <= 4 => graph.pool(from, PoolKind::Blur, 2),
            _ => graph.conv(from, 1, 1, channels, activation),
        };
    }
    // Whatever nobody has used is brought to full size and ends in the output.
    let unused = (0..graph.nodes.len()).filter(|&i| !graph.nodes.iter().any(|node| node.from.contains(&i)));
    let mut ends = unused.collect::<Vec<_>>();
    for end in &mut ends {
        while graph.nodes[*end].scale > 1 {
            let like = graph.nodes.iter().position(|node| node.scale == graph.nodes[*end].scale / 2).unwrap();
            *end = graph.upsample(*end, like, UpsampleMode::Bilinear, 2);
        }
    }
    let end = if ends.len() > 1 { graph.concat(&ends) } else { ends[0] };
    graph.finish(end)
}

/// A net of which a map is made again from another one that is made again, which in the end is worth it only for the former.
pub fn net_made_again_in_a_chain() -> Net {
    random_net(&[(102, 0, 0, 8), (3, 0, 0, 5), (184, 1, 17, 10), (24, 168, 81, 187)])
}
