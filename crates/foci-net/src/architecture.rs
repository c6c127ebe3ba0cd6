//! An architecture: a net whose widths are still relative.
//!
//! It is read from a TOML file (see the crate's front page for the format) and becomes a [`Net`] once each
//! layer's width and the channels of input and output are known.

use std::io::Read;

use crate::error::NetError;
use crate::graph::{Activation, MAX_CHANNELS, Net, Node, Normalisation, Op};
use crate::link::{Layer, link};
use crate::parse::{After, DraftKind, parse};
use crate::suggest::nearest;
use crate::ties::WidthGroup;

/// Largest architecture file that is read.
const MAX_FILE_BYTES: u64 = 1 << 18;

/// Shipped nets by name, with the text of their files.
const SHIPPED: [(&str, &str); 12] = [
    ("fcn", include_str!("../../../nets/fcn.toml")),
    ("atrous", include_str!("../../../nets/atrous.toml")),
    ("unet", include_str!("../../../nets/unet.toml")),
    ("atrous-unet", include_str!("../../../nets/atrous-unet.toml")),
    ("unet-no-outer-skip", include_str!("../../../nets/unet-no-outer-skip.toml")),
    ("msd", include_str!("../../../nets/msd.toml")),
    ("fcn-blur", include_str!("../../../nets/fcn-blur.toml")),
    ("unet-blur", include_str!("../../../nets/unet-blur.toml")),
    ("atrous-gridded", include_str!("../../../nets/atrous-gridded.toml")),
    ("fcn-transposed", include_str!("../../../nets/fcn-transposed.toml")),
    ("unet-14", include_str!("../../../nets/unet-14.toml")),
    ("unet-20", include_str!("../../../nets/unet-20.toml")),
];

/// A checked architecture with relative widths.
#[derive(Debug, Clone)]
pub struct Architecture {
    name: String,
    layers: Vec<Layer>,
    groups: Vec<WidthGroup>,
}

impl Architecture {
    /// Reads and checks the text of an architecture file; `source_name` is the file named in errors.
    ///
    /// # Errors
    /// [`NetError::Architecture`] with file, line and reason.
    pub fn parse(text: &str, source_name: &str) -> Result<Architecture, NetError> {
        let draft = parse(text, source_name)?;
        let name = draft.name.clone();
        let (layers, groups) = link(draft, source_name)?;
        let architecture = Architecture { name, layers, groups };
        let smallest: Vec<usize> = architecture.groups.iter().map(WidthGroup::fewest).collect();
        let mut blueprint = Blueprint::new(&architecture, 1, 1);
        blueprint.set_widths(&smallest);
        blueprint.net.check().map_err(|(node, problem)| NetError::Architecture {
            file: source_name.to_owned(),
            line: architecture.line_of(&blueprint, node),
            problem: Box::new(problem),
        })?;
        Ok(architecture)
    }

    /// A shipped architecture, by name.
    ///
    /// # Errors
    /// [`NetError::UnknownNet`] with the names there are.
    pub fn shipped(name: &str) -> Result<Architecture, NetError> {
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((_, text)) => Architecture::parse(text, &format!("nets/{name}.toml")),
            None => Err(NetError::UnknownNet {
                name: name.to_owned(),
                suggestion: nearest(name, Architecture::shipped_names()),
                shipped: Architecture::shipped_names().collect(),
            }),
        }
    }

    /// Names of the shipped architectures.
    pub fn shipped_names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// The text of a shipped architecture's file, to start one's own from.
    pub fn shipped_text(name: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
    }

    /// A shipped architecture if `path_or_name` is the name of one, else the file of that path.
    ///
    /// # Errors
    /// As [`Architecture::parse`] and [`Architecture::shipped`]; [`NetError::Unreadable`] and
    /// [`NetError::TooLarge`] for files.
    pub fn load(path_or_name: &str) -> Result<Architecture, NetError> {
        let path = std::path::Path::new(path_or_name);
        if Architecture::shipped_text(path_or_name).is_some()
            || (!path.exists() && path.components().count() == 1 && path.extension().is_none())
        {
            return Architecture::shipped(path_or_name);
        }
        let unreadable = |source| NetError::Unreadable { path: path_or_name.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(NetError::TooLarge { path: path_or_name.to_owned(), most: MAX_FILE_BYTES });
        }
        Architecture::parse(&text, path_or_name)
    }

    /// The same architecture with another activation in all layers that have one, or another normalisation in all layers
    /// but the last. `None` leaves things as they are.
    #[must_use]
    pub fn with(
        mut self,
        activation: Option<Activation>,
        normalisation: Option<Normalisation>,
    ) -> Architecture {
        for layer in &mut self.layers {
            let (DraftKind::Conv { after, .. } | DraftKind::ConvTransposed { after, .. }) = &mut layer.kind
            else {
                continue;
            };
            if let Some(activation) = activation.filter(|_| after.activation != Activation::None) {
                after.activation = activation;
            }
            after.normalisation = normalisation.unwrap_or(after.normalisation);
        }
        self
    }

    /// The name given in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What can be widened: one entry for each width that [`Architecture::resolve`] needs, in order.
    pub fn widths(&self) -> &[WidthGroup] {
        &self.groups
    }

    /// The net with the given width for each group of [`Architecture::widths`], `channels_in` channels
    /// in the image and `channels_out` in the result.
    ///
    /// # Errors
    /// [`NetError::Widths`] if a width is missing, too small for its branches or too large.
    pub fn resolve(
        &self,
        widths: &[usize],
        channels_in: usize,
        channels_out: usize,
    ) -> Result<Net, NetError> {
        let fail = |reason| Err(NetError::Widths { net: self.name.clone(), reason });
        if widths.len() != self.groups.len() {
            return fail(format!("{} widths were given; it has {}", widths.len(), self.groups.len()));
        }
        for (group, &width) in self.groups.iter().zip(widths) {
            if width < group.fewest() || width > MAX_CHANNELS {
                let layer = group.layers.first().map_or("", String::as_str);
                return fail(format!(
                    "width {width} of `{layer}`; it must be {} to {MAX_CHANNELS}",
                    group.fewest()
                ));
            }
        }
        let mut blueprint = Blueprint::new(self, channels_in, channels_out);
        blueprint.set_widths(widths);
        Net::new(self.name.clone(), blueprint.net.nodes)
    }

    /// The line of the layer that a node was made from.
    fn line_of(&self, blueprint: &Blueprint, node: usize) -> usize {
        blueprint.made_from.get(node).copied().flatten().map_or(1, |layer| self.layers[layer].line)
    }
}

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
    pub fn new(architecture: &Architecture, channels_in: usize, channels_out: usize) -> Blueprint {
        let net = Net { name: architecture.name.clone(), nodes: Vec::new() };
        let mut blueprint = Blueprint { net, rules: Vec::new(), made_from: Vec::new() };
        let input = blueprint.push("input", Op::Input, Vec::new(), None, Rule::Fixed, None);
        blueprint.net.nodes[input].channels = channels_in;
        // Where each layer's result is found, the input being layer 0.
        let mut result = vec![input];
        for (index, layer) in architecture.layers.iter().enumerate() {
            let from: Vec<usize> = layer.from.iter().map(|&from| result[from]).collect();
            let like = layer.like.map(|like| result[like]);
            result.push(blueprint.push_layer(layer, index, from, like, channels_out));
        }
        let last = blueprint.net.nodes.len() - 1;
        blueprint.push(
            "output",
            Op::Output,
            vec![last],
            None,
            Rule::AsRead,
            architecture.layers.len().checked_sub(1),
        );
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
