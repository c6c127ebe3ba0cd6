//! net.json: a resolved net as a file from which any other framework can rebuild it.
//!
//! The graph lists nodes in the order in which they can be computed; the counts beside it are for people and
//! other programs. Reading checks everything again, also that stated counts are those of the graph.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::graph::{Activation, DropoutUnit, Net, Node, Op, PoolKind, UpsampleMode};

/// Bytes for one image of a size, as planned by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryCost {
    /// Height of the image in pixels.
    pub height: usize,
    /// Width of the image in pixels.
    pub width: usize,
    /// Bytes to train on one image.
    pub train_bytes: u64,
    /// Bytes to run one image.
    pub infer_bytes: u64,
}

/// A node as it stands in the file; keys that an operation does not have are left out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRecord {
    id: String,
    op: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dilation: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<UpsampleMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels_in: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels_out: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<Activation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<DropoutUnit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<String>,
}

/// The file: counts are optional for nets written by hand; other keys are left to other programs.
#[derive(Deserialize)]
struct NetRecord {
    name: String,
    layers: Option<usize>,
    weights: Option<u64>,
    macs_per_pixel: Option<f64>,
    receptive_field: Option<u64>,
    stride: Option<usize>,
    graph: Vec<NodeRecord>,
}

impl Net {
    /// The net as the text of a net.json, ending in a newline; with `cost`, also bytes at a size.
    pub fn to_json(&self, cost: Option<&MemoryCost>) -> String {
        let mut text = String::from("{\n");
        let mut line = |key: &str, value: serde_json::Value| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  \"{key}\": {value},");
        };
        line("name", self.name.clone().into());
        line("layers", self.layers().into());
        line("weights", self.weights().into());
        line("macs_per_pixel", self.macs_per_pixel().into());
        line("receptive_field", self.receptive_field().into());
        line("stride", self.stride().into());
        if let Some(cost) = cost {
            line("size", vec![cost.height, cost.width].into());
            line("train_bytes", cost.train_bytes.into());
            line("infer_bytes", cost.infer_bytes.into());
        }
        let nodes: Vec<String> = self.nodes.iter().map(|node| self.record(node)).collect();
        let _ = write!(text, "  \"graph\": [\n    {}\n  ]\n}}\n", nodes.join(",\n    "));
        text
    }

    fn record(&self, node: &Node) -> String {
        let id = |index: usize| self.nodes[index].id.clone();
        let mut record = NodeRecord {
            id: node.id.clone(),
            op: node.op.name().to_owned(),
            from: node.from.iter().copied().map(id).collect(),
            channels: None,
            kernel: None,
            dilation: None,
            factor: None,
            mode: None,
            channels_in: None,
            channels_out: None,
            activation: None,
            groups: None,
            rate: None,
            unit: None,
            like: node.like.map(id),
        };
        match node.op {
            Op::Input => record.channels = Some(node.channels),
            Op::Conv { kernel, dilation, channels_in, activation } => {
                record.kernel = Some(kernel);
                record.dilation = Some(dilation);
                record.channels_in = Some(channels_in);
                record.channels_out = Some(node.channels);
                record.activation = Some(activation);
            }
            Op::ConvTransposed { kernel, factor, channels_in, activation } => {
                record.kernel = Some(kernel);
                record.factor = Some(factor);
                record.channels_in = Some(channels_in);
                record.channels_out = Some(node.channels);
                record.activation = Some(activation);
            }
            Op::GroupNorm { groups, activation } => {
                record.groups = Some(groups);
                record.activation = Some(activation);
            }
            Op::Dropout { rate, unit } => {
                record.rate = Some(rate);
                record.unit = Some(unit);
            }
            Op::Pool { factor, .. } => record.factor = Some(factor),
            Op::Upsample { factor, mode } => {
                record.factor = Some(factor);
                record.mode = Some(mode);
            }
            Op::Concat | Op::Add | Op::Output => {}
        }
        // A record is strings and numbers only, which always can be written.
        serde_json::to_string(&record).unwrap_or_default()
    }

    /// Reads and checks the text of a net.json; `source_name` is named in errors.
    ///
    /// # Errors
    /// [`NetError::Json`] if the text is not of the form, [`NetError::Graph`] if the graph does not fit
    /// together, [`NetError::Contradiction`] if a stated count is not that of the graph.
    pub fn from_json(text: &str, source_name: &str) -> Result<Net, NetError> {
        let bad = |reason: String| NetError::Json { file: source_name.to_owned(), reason };
        let record: NetRecord = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let mut nodes: Vec<Node> = Vec::with_capacity(record.graph.len());
        let mut indices: BTreeMap<String, usize> = BTreeMap::new();
        for node in &record.graph {
            let node =
                node.read(&nodes, &indices).map_err(|why| bad(format!("node `{}`: {why}", node.id)))?;
            indices.insert(node.id.clone(), nodes.len());
            nodes.push(node);
        }
        let net = Net::new(record.name, nodes)?;
        let agree = |key, stated: Option<String>, counted: String| match stated {
            Some(stated) if stated != counted => {
                Err(NetError::Contradiction { file: source_name.to_owned(), key, stated, counted })
            }
            _ => Ok(()),
        };
        agree("layers", record.layers.map(|n| n.to_string()), net.layers().to_string())?;
        agree("weights", record.weights.map(|n| n.to_string()), net.weights().to_string())?;
        // Other programs round as they like.
        let rounded = |n: f64| format!("{n:.6e}");
        agree("macs_per_pixel", record.macs_per_pixel.map(rounded), rounded(net.macs_per_pixel()))?;
        agree(
            "receptive_field",
            record.receptive_field.map(|n| n.to_string()),
            net.receptive_field().to_string(),
        )?;
        agree("stride", record.stride.map(|n| n.to_string()), net.stride().to_string())?;
        Ok(net)
    }
}

impl NodeRecord {
    fn read(&self, nodes: &[Node], indices: &BTreeMap<String, usize>) -> Result<Node, String> {
        let find = |id: &String| {
            indices.get(id).copied().ok_or_else(|| format!("reads `{id}`, which is no node listed before it"))
        };
        let from = self.from.iter().map(find).collect::<Result<Vec<usize>, String>>()?;
        let like = self.like.as_ref().map(find).transpose()?;
        let first = from.first().map(|&index| &nodes[index]);
        let (first_channels, first_scale) = first.map_or((0, 1), |node| (node.channels, node.scale));
        let need = |value: Option<usize>, key: &str| value.ok_or_else(|| format!("`{key}` is missing"));
        let pool = |kind| Ok::<Op, String>(Op::Pool { kind, factor: self.factor.unwrap_or(2) });
        let op = match self.op.as_str() {
            "input" => Op::Input,
            "conv" => Op::Conv {
                kernel: need(self.kernel, "kernel")?,
                dilation: self.dilation.unwrap_or(1),
                channels_in: need(self.channels_in, "channels_in")?,
                activation: self.activation.ok_or("`activation` is missing")?,
            },
            "conv_transposed" => Op::ConvTransposed {
                kernel: need(self.kernel, "kernel")?,
                factor: self.factor.unwrap_or(2),
                channels_in: need(self.channels_in, "channels_in")?,
                activation: self.activation.ok_or("`activation` is missing")?,
            },
            "group_norm" => Op::GroupNorm {
                groups: need(self.groups, "groups")?,
                activation: self.activation.ok_or("`activation` is missing")?,
            },
            "dropout" => Op::Dropout {
                rate: self.rate.ok_or("`rate` is missing")?,
                unit: self.unit.ok_or("`unit` is missing")?,
            },
            "maxpool" => pool(PoolKind::Max)?,
            "avgpool" => pool(PoolKind::Average)?,
            "blurpool" => pool(PoolKind::Blur)?,
            "upsample" => Op::Upsample {
                factor: need(self.factor, "factor")?,
                mode: self.mode.ok_or("`mode` is missing")?,
            },
            "concat" => Op::Concat,
            "add" => Op::Add,
            "output" => Op::Output,
            other => return Err(format!("unknown op `{other}`")),
        };
        let channels = match op {
            Op::Input => need(self.channels, "channels")?,
            Op::Conv { .. } | Op::ConvTransposed { .. } => need(self.channels_out, "channels_out")?,
            Op::Concat => from.iter().fold(0, |sum: usize, &index| sum.saturating_add(nodes[index].channels)),
            Op::GroupNorm { .. }
            | Op::Dropout { .. }
            | Op::Pool { .. }
            | Op::Upsample { .. }
            | Op::Add
            | Op::Output => first_channels,
        };
        // A wrong factor is reported when the graph is checked; here it must only not overflow.
        let scale = match op {
            Op::Pool { factor, .. } => first_scale.saturating_mul(factor),
            Op::Upsample { factor, .. } | Op::ConvTransposed { factor, .. } => first_scale / factor.max(1),
            _ => first_scale,
        };
        Ok(Node { id: self.id.clone(), op, from, like, channels, scale })
    }
}
