//! From the layers of an architecture to the nodes of a graph, whose channels follow from the widths.

use crate::graph::{Activation, Net, Node, Normalisation, Op};
use crate::link::Layer;
use crate::parse::{After, DraftKind};

/// The nodes of an architecture and how the channels of each follow from the widths, so that the solver
/// can try widths without building the graph anew.
pub(crate) struct Blueprint {
    pub net: Net,
    rules: Vec<Rule>,
    /// For each node the layer it was made from; `None` for the input.
    made_from: Vec<Option<usize>>,
}

#[derive(Clone, Copy)]
enum Rule {
    /// Known from the start.
    Fixed,
    /// As the first node read.
    AsRead,
    /// The sum over the nodes read.
    Sum,
    /// The `part`-th of `parts` shares of a group's width.
    Share { group: usize, part: usize, parts: usize },
}

impl Blueprint {
    /// The graph of `layers`, named `name`, with the channels of image and result; those between are missing until
    /// [`Blueprint::set_widths`].
    pub fn new(name: &str, layers: &[Layer], channels_in: usize, channels_out: usize) -> Blueprint {
        let net = Net { name: name.to_owned(), nodes: Vec::new() };
        let mut blueprint = Blueprint { net, rules: Vec::new(), made_from: Vec::new() };
        let input = blueprint.push("input", Op::Input, Vec::new(), None, Rule::Fixed, None);
        blueprint.net.nodes[input].channels = channels_in;
        // Where each layer's result is found, the input being layer 0.
        let mut result = vec![input];
        for (index, layer) in layers.iter().enumerate() {
            let from: Vec<usize> = layer.from.iter().map(|&from| result[from]).collect();
            let like = layer.like.map(|like| result[like]);
            result.push(blueprint.push_layer(layer, index, from, like, channels_out));
        }
        let last = blueprint.net.nodes.len() - 1;
        blueprint.push("output", Op::Output, vec![last], None, Rule::AsRead, layers.len().checked_sub(1));
        blueprint
    }

    fn push_layer(
        &mut self,
        layer: &Layer,
        index: usize,
        from: Vec<usize>,
        like: Option<usize>,
        channels_out: usize,
    ) -> usize {
        let id = layer.id.as_str();
        let share = |part, parts| match layer.group {
            Some(group) => Rule::Share { group, part, parts },
            None => Rule::Fixed,
        };
        match &layer.kind {
            DraftKind::Conv { kernel, dilations, after, width } => {
                let output = After { normalisation: Normalisation::None, activation: Activation::None };
                let after = if width.is_some() { *after } else { output };
                let conv = |dilation| {
                    let activation = after.of_the_convolution();
                    Op::Conv { kernel: *kernel, dilation, channels_in: 0, activation }
                };
                if let [dilation] = dilations[..] {
                    let node =
                        self.push_after(after, id, conv(dilation), from, like, share(0, 1), Some(index));
                    if width.is_none() {
                        self.net.nodes[node].channels = channels_out;
                    }
                    return node;
                }
                let parts = dilations.len();
                let branches = dilations.iter().enumerate().map(|(part, &dilation)| {
                    let id = format!("{id}.d{dilation}");
                    let share = share(part, parts);
                    self.push_after(after, &id, conv(dilation), from.clone(), None, share, Some(index))
                });
                let branches = branches.collect();
                self.push(id, Op::Concat, branches, None, Rule::Sum, Some(index))
            }
            DraftKind::ConvTransposed { kernel, after, .. } => {
                let op = Op::ConvTransposed {
                    kernel: *kernel,
                    factor: 2,
                    channels_in: 0,
                    activation: after.of_the_convolution(),
                };
                self.push_after(*after, id, op, from, like, share(0, 1), Some(index))
            }
            DraftKind::Pool { kind, factor } => {
                let op = Op::Pool { kind: *kind, factor: *factor };
                self.push(id, op, from, like, Rule::AsRead, Some(index))
            }
            DraftKind::Upsample { factor, mode } => {
                let op = Op::Upsample { factor: *factor, mode: *mode };
                self.push(id, op, from, like, Rule::AsRead, Some(index))
            }
            DraftKind::Concat => self.push(id, Op::Concat, from, like, Rule::Sum, Some(index)),
            DraftKind::Add => self.push(id, Op::Add, from, like, Rule::AsRead, Some(index)),
        }
    }

    /// A convolution, and its normalisation behind it if it has one: then the normalisation applies the activation.
    #[allow(clippy::too_many_arguments, reason = "those of `push`, and what comes after")]
    fn push_after(
        &mut self,
        after: After,
        id: &str,
        op: Op,
        from: Vec<usize>,
        like: Option<usize>,
        rule: Rule,
        made_from: Option<usize>,
    ) -> usize {
        let convolution = self.push(id, op, from, like, rule, made_from);
        match after.normalisation {
            Normalisation::None => convolution,
            Normalisation::Group => {
                let norm = Op::GroupNorm { groups: 1, activation: after.activation };
                let id = format!("{id}.norm");
                self.push(&id, norm, vec![convolution], None, Rule::AsRead, made_from)
            }
        }
    }

    fn push(
        &mut self,
        id: &str,
        op: Op,
        from: Vec<usize>,
        like: Option<usize>,
        rule: Rule,
        made_from: Option<usize>,
    ) -> usize {
        let before = from.first().map_or(1, |&from| self.net.nodes[from].scale);
        // A scale that is not whole or too large is reported when the graph is checked.
        let scale = match op {
            Op::Pool { factor, .. } => before.saturating_mul(factor),
            Op::Upsample { factor, .. } | Op::ConvTransposed { factor, .. } => before / factor,
            _ => before,
        };
        self.net.nodes.push(Node { id: id.to_owned(), op, from, like, channels: 0, scale });
        self.rules.push(rule);
        self.made_from.push(made_from);
        self.net.nodes.len() - 1
    }

    /// The layer that a node was made from; none for the input.
    pub fn layer_of(&self, node: usize) -> Option<usize> {
        self.made_from.get(node).copied().flatten()
    }

    /// Sets the channels of all nodes; widths must be at least each group's fewest.
    pub fn set_widths(&mut self, widths: &[usize]) {
        for index in 0..self.rules.len() {
            let (before, rest) = self.net.nodes.split_at_mut(index);
            let node = &mut rest[0];
            let first = node.from.first().map_or(0, |&from| before[from].channels);
            node.channels = match self.rules[index] {
                Rule::Fixed => node.channels,
                Rule::AsRead => first,
                Rule::Sum => {
                    node.from.iter().fold(0, |sum: usize, &from| sum.saturating_add(before[from].channels))
                }
                Rule::Share { group, part, parts } => {
                    widths[group] / parts + usize::from(part < widths[group] % parts)
                }
            };
            if let Op::Conv { channels_in, .. } | Op::ConvTransposed { channels_in, .. } = &mut node.op {
                *channels_in = first;
            }
            if let Op::GroupNorm { groups, .. } = &mut node.op {
                *groups = Normalisation::groups(first);
            }
        }
    }
}
