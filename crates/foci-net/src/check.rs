//! Whether a graph is a net: order, names, sizes that meet, channels that add, nothing unused.

use std::collections::BTreeMap;

use crate::error::NetError;
use crate::graph::{MAX_CHANNELS, MAX_DILATION, MAX_NODES, MAX_SCALE, Net, Node, Op, PoolKind};
use crate::problem::Problem;

impl Net {
    /// Checks the graph and takes it.
    ///
    /// # Errors
    /// [`NetError::Graph`] names the first node that does not fit and why.
    pub fn new(name: impl Into<String>, nodes: Vec<Node>) -> Result<Net, NetError> {
        let net = Net { name: name.into(), nodes };
        match net.check() {
            Ok(()) => Ok(net),
            Err((node, problem)) => {
                let node = net.nodes.get(node).map_or_else(String::new, |node| node.id.clone());
                Err(NetError::Graph { net: net.name, node, problem: Box::new(problem) })
            }
        }
    }

    /// The first node that does not fit, by index, and why.
    pub(crate) fn check(&self) -> Result<(), (usize, Problem)> {
        if self.nodes.len() < 2 || self.nodes.len() > MAX_NODES {
            return Err((0, Problem::NodeCount { found: self.nodes.len(), most: MAX_NODES }));
        }
        let last = self.nodes.len() - 1;
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut used = vec![false; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            self.check_node(index, node).map_err(|problem| (index, problem))?;
            if seen.insert(&node.id, index).is_some() {
                return Err((index, Problem::DuplicateNode { id: node.id.clone() }));
            }
            if (node.op == Op::Input) != (index == 0) || (node.op == Op::Output) != (index == last) {
                return Err((index, Problem::EndsMisplaced));
            }
            for &from in &node.from {
                used[from] = true;
            }
        }
        match used[..last].iter().position(|used| !used) {
            Some(index) => Err((index, Problem::Unused { id: self.nodes[index].id.clone() })),
            None => Ok(()),
        }
    }

    fn check_node(&self, index: usize, node: &Node) -> Result<(), Problem> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if node.id.is_empty() || node.id.len() > 100 || !node.id.chars().all(legal) {
            return Err(Problem::BadId { id: node.id.chars().take(100).collect() });
        }
        if node.channels == 0 || node.channels > MAX_CHANNELS {
            return Err(Problem::Channels { found: node.channels, most: MAX_CHANNELS });
        }
        let (fewest, most) = match node.op {
            Op::Input => (0, 0),
            Op::Concat | Op::Add => (2, MAX_NODES),
            _ => (1, 1),
        };
        if node.from.len() < fewest || node.from.len() > most {
            return Err(Problem::InputCount { op: node.op.name(), fewest, found: node.from.len() });
        }
        if node.from.iter().chain(&node.like).any(|&from| from >= index) {
            return Err(Problem::NotInOrder);
        }
        let mut sorted = node.from.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Problem::NamedTwice { id: self.nodes[pair[0]].id.clone() });
        }
        let (channels, scale) = match node.from.first() {
            None => (node.channels, 1),
            Some(&first) => self.expected(node, &self.nodes[first])?,
        };
        if node.channels != channels {
            return Err(Problem::ChannelsOut { stated: node.channels, counted: channels });
        }
        if node.scale != scale {
            return Err(Problem::Scale { stated: node.scale, counted: scale });
        }
        Ok(())
    }

    /// Channels and scale that the result of `node` must have, `first` being its first input.
    fn expected(&self, node: &Node, first: &Node) -> Result<(usize, usize), Problem> {
        check_op(&node.op)?;
        if let Op::Conv { channels_in, .. } | Op::ConvTransposed { channels_in, .. } = node.op
            && channels_in != first.channels
        {
            return Err(Problem::ChannelsIn {
                stated: channels_in,
                from: first.id.clone(),
                counted: first.channels,
            });
        }
        match node.op {
            Op::GroupNorm { .. } if !matches!(first.op, Op::Conv { .. } | Op::ConvTransposed { .. }) => {
                Err(Problem::NormalisesNoConvolution { from: first.id.clone() })
            }
            Op::GroupNorm { groups, .. } if groups == 0 || !first.channels.is_multiple_of(groups) => {
                let allowed = "a number that divides the channels";
                Err(Problem::OutOfRange { key: "groups", value: groups.to_string(), allowed })
            }
            Op::GroupNorm { .. } | Op::Dropout { .. } => Ok((first.channels, first.scale)),
            Op::Input | Op::Conv { .. } => Ok((node.channels, first.scale)),
            Op::Pool { factor, .. } => {
                let scale = first.scale * factor;
                if scale > MAX_SCALE {
                    return Err(Problem::ScaleTooLarge { scale, most: MAX_SCALE });
                }
                Ok((first.channels, scale))
            }
            Op::Upsample { factor, .. } => Ok((first.channels, self.enlarged(node, first, factor)?)),
            Op::ConvTransposed { factor, .. } => Ok((node.channels, self.enlarged(node, first, factor)?)),
            Op::Concat | Op::Add => {
                let mut channels = 0;
                for &from in &node.from {
                    let other = &self.nodes[from];
                    if other.scale != first.scale {
                        return Err(Problem::SizesDiffer {
                            op: node.op.name(),
                            a: first.id.clone(),
                            scale_a: first.scale,
                            b: other.id.clone(),
                            scale_b: other.scale,
                        });
                    }
                    if node.op == Op::Add && other.channels != first.channels {
                        return Err(Problem::ChannelsDiffer {
                            a: first.id.clone(),
                            channels_a: first.channels.to_string(),
                            b: other.id.clone(),
                            channels_b: other.channels.to_string(),
                        });
                    }
                    channels += other.channels;
                }
                Ok((if node.op == Op::Add { first.channels } else { channels }, first.scale))
            }
            Op::Output if first.scale != 1 => {
                Err(Problem::OutputScale { from: first.id.clone(), scale: first.scale })
            }
            Op::Output => Ok((first.channels, 1)),
        }
    }

    /// The scale after enlarging `first` by `factor`, which must be that of the node named in `like`.
    fn enlarged(&self, node: &Node, first: &Node, factor: usize) -> Result<usize, Problem> {
        if !first.scale.is_multiple_of(factor) {
            return Err(Problem::EnlargedTooFar { from: first.id.clone(), scale: first.scale, factor });
        }
        let scale = first.scale / factor;
        let like = &self.nodes[node.like.ok_or(Problem::LikeMissing { op: node.op.name(), scale })?];
        if like.scale != scale {
            return Err(Problem::LikeScale { scale, like: like.id.clone(), scale_like: like.scale });
        }
        Ok(scale)
    }
}

/// The limits of an operation's own numbers.
fn check_op(op: &Op) -> Result<(), Problem> {
    let within = |key: &'static str, value: usize, good: bool, allowed: &'static str| {
        if good { Ok(()) } else { Err(Problem::OutOfRange { key, value: value.to_string(), allowed }) }
    };
    match *op {
        Op::Conv { kernel, dilation, .. } => {
            within("kernel", kernel, matches!(kernel, 1 | 3), "1 or 3")?;
            within("dilation", dilation, (1..=MAX_DILATION).contains(&dilation), "1 to 1024")?;
            within("dilation", dilation, kernel == 3 || dilation == 1, "1 when the kernel is 1")
        }
        Op::Pool { kind: PoolKind::Blur, factor } => within("factor", factor, factor == 2, "2 for blurpool"),
        Op::Pool { factor, .. } | Op::Upsample { factor, .. } => {
            within("factor", factor, matches!(factor, 2 | 4 | 8), "2, 4 or 8")
        }
        Op::ConvTransposed { kernel, factor, .. } => {
            within("kernel", kernel, matches!(kernel, 2 | 4), "2 or 4 for conv_transposed")?;
            within("factor", factor, factor == 2, "2 for conv_transposed")
        }
        Op::Dropout { rate, .. } if !(0.0..1.0).contains(&rate) => Err(Problem::OutOfRange {
            key: "rate",
            value: rate.to_string(),
            allowed: "0 or more and below 1",
        }),
        Op::Input | Op::GroupNorm { .. } | Op::Dropout { .. } | Op::Concat | Op::Add | Op::Output => Ok(()),
    }
}
