//! The layers of a net as people count them, and nets with more of them.
//!
//! A graph has nodes; a layer may be several: a convolution with its normalisation, or convolutions of several dilations side
//! by side with the concat that puts them together.

use crate::error::NetError;
use crate::graph::{Net, Node, Op};

/// A hidden convolution layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenLayer {
    /// The node that gives its result.
    pub end: usize,
    /// The nodes that end its branches: convolutions, or their normalisations. One that is `end` itself for most layers.
    pub branches: Vec<usize>,
}

impl Net {
    /// The convolution layers in the order of the net, without the last one, which makes the output.
    pub fn hidden_layers(&self) -> Vec<HiddenLayer> {
        let together: Vec<&Node> = self.nodes.iter().filter(|node| self.joins_branches(node)).collect();
        let is_branch = |node: usize| together.iter().any(|concat| concat.from.contains(&node));
        let mut layers: Vec<HiddenLayer> = (0..self.nodes.len())
            .filter_map(|end| {
                if self.joins_branches(&self.nodes[end]) {
                    Some(HiddenLayer { end, branches: self.nodes[end].from.clone() })
                } else {
                    (self.ends_layer(end) && !is_branch(end))
                        .then(|| HiddenLayer { end, branches: vec![end] })
                }
            })
            .collect();
        layers.pop();
        layers
    }

    /// Whether a node puts branches of one layer together: convolutions, normalised or not, that read the same.
    fn joins_branches(&self, node: &Node) -> bool {
        let source = |branch: usize| &self.nodes[self.convolution_of(branch)].from;
        node.op == Op::Concat
            && node
                .from
                .iter()
                .all(|&branch| self.ends_layer(branch) && source(branch) == source(node.from[0]))
    }

    /// The convolution whose result node `end` gives.
    fn convolution_of(&self, end: usize) -> usize {
        match self.nodes[end].op {
            Op::GroupNorm { .. } => self.nodes[end].from[0],
            _ => end,
        }
    }

    /// Whether a node gives the result of a convolution layer or of a branch of one, its normalisation included.
    pub fn ends_layer(&self, node: usize) -> bool {
        match self.nodes[node].op {
            Op::GroupNorm { .. } => true,
            Op::Conv { .. } | Op::ConvTransposed { .. } => {
                let normalises = |other: &Node| matches!(other.op, Op::GroupNorm { .. });
                !self.nodes.iter().any(|other| normalises(other) && other.from.contains(&node))
            }
            _ => false,
        }
    }

    /// The net with `times` layers, one behind the other, where it has one: of the same kind and as many channels, so that
    /// depth is all that changes. The last layer and transposed convolutions, which enlarge, stay single.
    ///
    /// # Errors
    /// [`NetError::Graph`] if there are too many nodes.
    pub fn deepened(&self, times: usize) -> Result<Net, NetError> {
        let layers = self.hidden_layers();
        let mut nodes: Vec<Node> = Vec::new();
        // What reads instead of each node: the last of its copies; and its first copy, whose size is the same.
        let mut results = Vec::with_capacity(self.nodes.len());
        let mut firsts = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let from = node.from.iter().map(|&from: &usize| results[from]).collect();
            let like = node.like.map(|like: usize| firsts[like]);
            nodes.push(Node { from, like, ..node.clone() });
            firsts.push(nodes.len() - 1);
            let mut result = nodes.len() - 1;
            if let Some(layer) = layers.iter().find(|layer| layer.end == index) {
                for copy in 2..=times {
                    result = self.copy_layer(layer, copy, result, &mut nodes);
                }
            }
            results.push(result);
        }
        Net::new(self.name.clone(), nodes)
    }

    /// Appends another layer like `layer` that reads node `from` of the new net; returns the node of its result.
    fn copy_layer(&self, layer: &HiddenLayer, copy: usize, from: usize, nodes: &mut Vec<Node>) -> usize {
        let mut ends = Vec::with_capacity(layer.branches.len());
        let single = layer.branches == [layer.end];
        let layer_id = &self.nodes[if single { self.convolution_of(layer.end) } else { layer.end }].id;
        // What comes behind the name of the layer stays behind it: `a1.d2` becomes `a1-2.d2`.
        let id = |node: &Node| {
            let behind = node.id.strip_prefix(layer_id.as_str()).unwrap_or_default();
            format!("{layer_id}-{copy}{behind}")
        };
        for &branch in &layer.branches {
            let convolution = &self.nodes[self.convolution_of(branch)];
            let Op::Conv { kernel, dilation, activation, .. } = convolution.op else { return from };
            let op = Op::Conv { kernel, dilation, activation, channels_in: self.nodes[layer.end].channels };
            nodes.push(Node { id: id(convolution), op, from: vec![from], ..convolution.clone() });
            if let Op::GroupNorm { .. } = self.nodes[branch].op {
                let read = nodes.len() - 1;
                nodes.push(Node {
                    id: id(&self.nodes[branch]),
                    from: vec![read],
                    ..self.nodes[branch].clone()
                });
            }
            ends.push(nodes.len() - 1);
        }
        if !single {
            let concat = &self.nodes[layer.end];
            nodes.push(Node { id: id(concat), from: ends, ..concat.clone() });
        }
        nodes.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use crate::{Architecture, Net, Normalisation, Op, solve};

    fn net(name: &str) -> Net {
        solve::for_weights(&Architecture::shipped(name).unwrap(), 20_000, 1, 1).unwrap()
    }

    fn ends(net: &Net) -> Vec<&str> {
        net.hidden_layers().iter().map(|layer| net.nodes[layer.end].id.as_str()).collect()
    }

    #[test]
    fn hidden_layers_are_those_of_the_files() {
        assert_eq!(ends(&net("unet")), ["enc1", "enc2", "enc3", "bottom", "dec3", "dec2", "dec1"]);
        assert_eq!(ends(&net("atrous")), ["a1", "a2", "a3", "a4", "a5", "a6", "a7"]);
        let architecture = Architecture::shipped("unet").unwrap().with(None, Some(Normalisation::Group));
        let normalised = solve::for_weights(&architecture, 20_000, 1, 1).unwrap();
        assert_eq!(ends(&normalised)[..2], ["enc1.norm", "enc2.norm"]);
    }

    #[test]
    fn a_deeper_net_has_more_layers_of_the_same_width() {
        for name in ["unet", "atrous", "atrous-unet"] {
            let net = net(name);
            assert_eq!(net.deepened(1).unwrap(), net);
            let deeper = net.deepened(3).unwrap();
            assert_eq!(deeper.layers(), 3 * 7 + 1, "{name}");
            assert_eq!(deeper.stride(), net.stride());
            let widths = |net: &Net| {
                let mut widths: Vec<usize> =
                    net.hidden_layers().iter().map(|layer| net.nodes[layer.end].channels).collect();
                widths.sort_unstable();
                widths.dedup();
                widths
            };
            assert_eq!(widths(&deeper), widths(&net));
        }
        // The pooling reads the last copy, the skip too; the size of an upsampling is that of the first.
        let deeper = net("unet").deepened(2).unwrap();
        let position = |id: &str| deeper.nodes.iter().position(|node| node.id == id).unwrap();
        assert_eq!(deeper.nodes[position("down1")].from, [position("enc1-2")]);
        assert_eq!(deeper.nodes[position("skip1")].from, [position("up1"), position("enc1-2")]);
    }

    #[test]
    fn normalised_layers_are_copied_with_their_normalisation_and_enlarging_ones_are_not() {
        let architecture =
            Architecture::shipped("fcn-transposed").unwrap().with(None, Some(Normalisation::Group));
        let net = solve::for_weights(&architecture, 20_000, 1, 1).unwrap();
        let deeper = net.deepened(2).unwrap();
        let count =
            |net: &Net, wanted: fn(&Op) -> bool| net.nodes.iter().filter(|node| wanted(&node.op)).count();
        let transposed = |op: &Op| matches!(op, Op::ConvTransposed { .. });
        assert_eq!(count(&deeper, transposed), count(&net, transposed));
        let normalised = |op: &Op| matches!(op, Op::GroupNorm { .. });
        let convolutions = |op: &Op| matches!(op, Op::Conv { .. });
        assert_eq!(
            count(&deeper, normalised) - count(&net, normalised),
            count(&deeper, convolutions) - count(&net, convolutions)
        );
    }
}
