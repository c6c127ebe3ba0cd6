//! The net that is trained instead of a net: the same layers with dropout between them and heads at the middle ones.
//!
//! Regularisation is a matter of training alone. The nodes that it puts in have no part in the net that is saved, and
//! all layers keep their names, so that their weights can be taken back by name.
//!
//! - *Dropout* follows every layer but the last, channel by channel ([`DropoutUnit::Channel`]).
//! - *Skip dropout* drops whole skips, image by image ([`DropoutUnit::Map`]), so that what comes up from the deeper
//!   layers has to do without them now and then.
//! - *Deep supervision* gives every layer whose result is upsampled a head of its own: a 1x1 convolution to the channels
//!   of the output, upsampled to its size (Lee 2015; with upsampled heads as Xie & Tu 2015). The heads' results come
//!   behind those of the net, as further channels of the output.

use crate::error::NetError;
use crate::graph::{Activation, DropoutUnit, Net, Node, Op, UpsampleMode};
use serde::{Deserialize, Serialize};

/// What a training adds to a net.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regularisation {
    /// Share of the channels of every hidden layer that is dropped, 0 or more and below 1.
    pub dropout: f64,
    /// Share of the skips that is dropped.
    pub skip_dropout: f64,
    /// Losses at the middle layers, too.
    pub deep_supervision: bool,
}

impl Net {
    /// The net to train with so much regularisation; the net itself if there is none.
    ///
    /// # Errors
    /// [`NetError::NothingToRegularise`] for skip dropout without skips, or deep supervision without a layer that is
    /// upsampled; [`NetError::Graph`] for rates out of range.
    pub fn regularised(&self, with: &Regularisation) -> Result<Net, NetError> {
        if *with == Regularisation::default() {
            return Ok(self.clone());
        }
        let skips = self.skips();
        let heads = if with.deep_supervision { self.supervised() } else { Vec::new() };
        let lacks = |lacks, what| Err(NetError::NothingToRegularise { net: self.name.clone(), lacks, what });
        if with.skip_dropout != 0.0 && skips.is_empty() {
            return lacks("no skips", "skip dropout");
        }
        if with.deep_supervision && heads.is_empty() {
            return lacks("no layer that is upsampled", "deep supervision");
        }
        let mut rewriting =
            Rewriting { net: self, nodes: Vec::new(), copies: Vec::new(), results: Vec::new() };
        for index in 0..self.nodes.len() - 1 {
            rewriting.copy(index, with, &skips);
        }
        rewriting.end(&heads);
        Net::new(self.name.clone(), rewriting.nodes)
    }

    /// The skips: what a concat or an add reads that others have read before, with the node that reads it.
    pub fn skips(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (into, node) in self.nodes.iter().enumerate() {
            if !matches!(node.op, Op::Concat | Op::Add) {
                continue;
            }
            for &source in &node.from {
                let read_before = self.nodes[..into].iter().any(|other| other.from.contains(&source));
                if read_before && self.nodes[source].op != Op::Input {
                    found.push((source, into));
                }
            }
        }
        found
    }

    /// The layers that deep supervision gives a head: those whose results are upsampled, in the order of the net.
    pub fn supervised(&self) -> Vec<usize> {
        let enlarges = |node: &&Node| matches!(node.op, Op::Upsample { .. } | Op::ConvTransposed { .. });
        let mut found: Vec<usize> =
            self.nodes.iter().filter(enlarges).flat_map(|node| node.from.iter().copied()).collect();
        found.sort_unstable();
        found.dedup();
        found.retain(|&node| self.nodes[node].op != Op::Input);
        found
    }
}

/// A net being copied with more nodes between.
struct Rewriting<'a> {
    net: &'a Net,
    nodes: Vec<Node>,
    /// The copy of each node.
    copies: Vec<usize>,
    /// What reads instead of each node: its copy, or the dropout behind it.
    results: Vec<usize>,
}

impl Rewriting<'_> {
    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// A dropout of what node `from` of the new net gives.
    fn dropout(&mut self, id: String, rate: f64, unit: DropoutUnit, from: usize) -> usize {
        let Node { channels, scale, .. } = self.nodes[from];
        self.push(Node { id, op: Op::Dropout { rate, unit }, from: vec![from], like: None, channels, scale })
    }

    fn copy(&mut self, index: usize, with: &Regularisation, skips: &[(usize, usize)]) {
        let node = &self.net.nodes[index];
        let mut from = Vec::with_capacity(node.from.len());
        for (place, &source) in node.from.iter().enumerate() {
            let read = self.results[source];
            from.push(if with.skip_dropout != 0.0 && skips.contains(&(source, index)) {
                let id = format!("{}.skip{place}.dropout", node.id);
                self.dropout(id, with.skip_dropout, DropoutUnit::Map, read)
            } else {
                read
            });
        }
        let like = node.like.map(|like| self.copies[like]);
        let copy = self.push(Node { from, like, ..node.clone() });
        self.copies.push(copy);
        let last = index + 2 == self.net.nodes.len();
        let result = if with.dropout != 0.0 && self.net.ends_layer(index) && !last {
            self.dropout(format!("{}.dropout", node.id), with.dropout, DropoutUnit::Channel, copy)
        } else {
            copy
        };
        self.results.push(result);
    }

    /// The output, with the heads' results behind that of the net.
    fn end(&mut self, heads: &[usize]) {
        let Some(output) = self.net.nodes.last() else { return };
        let channels = output.channels;
        let mut results: Vec<usize> = output.from.iter().map(|&from| self.results[from]).collect();
        for &head in heads {
            results.push(self.head(head, channels));
        }
        let parts = results.len();
        if parts > 1 {
            let (id, op) = ("supervision".to_owned(), Op::Concat);
            let together = Node { id, op, from: results, like: None, channels: parts * channels, scale: 1 };
            results = vec![self.push(together)];
        }
        self.push(Node { from: results, channels: parts * channels, ..output.clone() });
    }

    /// A head at a node of the old net; returns its result at full size.
    fn head(&mut self, of: usize, channels: usize) -> usize {
        let Node { id, channels: channels_in, mut scale, .. } = self.net.nodes[of].clone();
        let op = Op::Conv { kernel: 1, dilation: 1, channels_in, activation: Activation::None };
        let mut result = self.push(Node {
            id: format!("{id}.head"),
            op,
            from: vec![self.results[of]],
            like: None,
            channels,
            scale,
        });
        while scale > 1 {
            // The finest map of the net that one step reaches; each scale was made by steps of 2, 4 or 8.
            let reached = |node: &&Node| matches!(scale / node.scale, 2 | 4 | 8) && scale > node.scale;
            let Some(finer) = self.net.nodes.iter().filter(reached).map(|node| node.scale).min() else {
                break;
            };
            let like =
                self.net.nodes.iter().position(|node| node.scale == finer).map(|like| self.copies[like]);
            let op = Op::Upsample { factor: scale / finer, mode: UpsampleMode::Bilinear };
            let id = format!("{id}.head.up{finer}");
            result = self.push(Node { id, op, from: vec![result], like, channels, scale: finer });
            scale = finer;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, solve};

    fn net(name: &str) -> Net {
        solve::for_weights(&Architecture::shipped(name).unwrap(), 20_000, 1, 1).unwrap()
    }

    fn ids(net: &Net) -> Vec<&str> {
        net.nodes.iter().map(|node| node.id.as_str()).collect()
    }

    #[test]
    fn without_regularisation_a_net_is_itself() {
        assert_eq!(net("unet").regularised(&Regularisation::default()).unwrap(), net("unet"));
    }

    #[test]
    fn dropout_follows_every_layer_but_the_last() {
        let regularised =
            net("unet").regularised(&Regularisation { dropout: 0.1, ..Default::default() }).unwrap();
        let dropped: Vec<&str> =
            ids(&regularised).into_iter().filter_map(|id| id.strip_suffix(".dropout")).collect();
        assert_eq!(dropped, ["enc1", "enc2", "enc3", "bottom", "dec3", "dec2", "dec1"]);
        // Pooling and skip read what is left, the size of an upsampling is that of the layer itself.
        let position = |id: &str| ids(&regularised).iter().position(|other| *other == id).unwrap();
        assert_eq!(regularised.nodes[position("down1")].from, [position("enc1.dropout")]);
        assert_eq!(regularised.nodes[position("skip1")].from, [position("up1"), position("enc1.dropout")]);
        assert_eq!(regularised.nodes[position("up1")].like, Some(position("enc1")));
        assert_eq!(regularised.weights(), net("unet").weights());
    }

    #[test]
    fn skip_dropout_leaves_the_way_down_alone() {
        let with = Regularisation { skip_dropout: 0.5, ..Default::default() };
        let regularised = net("unet").regularised(&with).unwrap();
        let position = |id: &str| ids(&regularised).iter().position(|other| *other == id).unwrap();
        assert_eq!(regularised.nodes[position("down1")].from, [position("enc1")]);
        assert_eq!(
            regularised.nodes[position("skip1")].from,
            [position("up1"), position("skip1.skip1.dropout")]
        );
        assert_eq!(ids(&regularised).iter().filter(|id| id.ends_with("dropout")).count(), 3);
    }

    #[test]
    fn heads_are_where_maps_are_upsampled_and_come_behind_the_output() {
        let with = Regularisation { deep_supervision: true, ..Default::default() };
        let unet = net("unet");
        let regularised = unet.regularised(&with).unwrap();
        let heads: Vec<&str> =
            ids(&regularised).into_iter().filter_map(|id| id.strip_suffix(".head")).collect();
        assert_eq!(heads, ["bottom", "dec3", "dec2"]);
        let output = regularised.nodes.last().unwrap();
        assert_eq!((output.channels, output.scale), (4, 1));
        // One weight for each channel read, and a bias.
        let channels = |id: &str| unet.nodes.iter().find(|node| node.id == id).unwrap().channels as u64;
        let expected = ["bottom", "dec3", "dec2"].map(|id| channels(id) + 1).iter().sum::<u64>();
        assert_eq!(regularised.weights() - unet.weights(), expected);
    }

    #[test]
    fn heads_come_to_full_size_by_the_scales_of_the_net() {
        let with = Regularisation { deep_supervision: true, ..Default::default() };
        let several = solve::for_weights(&Architecture::shipped("unet").unwrap(), 20_000, 1, 4).unwrap();
        let regularised = several.regularised(&with).unwrap();
        // Four channels of the net itself, and of each of three heads.
        let [.., together, output] = &regularised.nodes[..] else { panic!("no output") };
        assert_eq!([together.channels, output.channels], [16; 2]);
        let of = |id: &str| regularised.nodes.iter().find(|node| node.id == id).unwrap();
        let scales = |id: &str| [of(id), of(&format!("{id}.head"))].map(|node| node.scale);
        assert_eq!(["bottom", "dec3", "dec2"].map(scales), [[8; 2], [4; 2], [2; 2]]);
        // From 1/8 in one step of 8: the finest map that a step reaches.
        for (id, factor) in [("bottom", 8), ("dec3", 4), ("dec2", 2)] {
            let up = of(&format!("{id}.head.up1"));
            assert_eq!((up.scale, up.channels), (1, 4));
            assert_eq!(up.op, Op::Upsample { factor, mode: UpsampleMode::Bilinear });
        }
        // No step is of 16: from there it goes by 1/2.
        let deep = net("unet-deep").regularised(&with).unwrap();
        let [.., together, _] = &deep.nodes[..] else { panic!("no output") };
        assert!(together.from.len() > 3 && together.from.iter().all(|&from| deep.nodes[from].scale == 1));
    }

    #[test]
    fn what_a_net_has_no_place_for_is_said() {
        let says = |name: &str, with: Regularisation, word: &str| {
            let error = net(name).regularised(&with).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        says("fcn", Regularisation { skip_dropout: 0.1, ..Default::default() }, "no skips");
        says(
            "atrous",
            Regularisation { deep_supervision: true, ..Default::default() },
            "no layer that is upsampled",
        );
        says("unet", Regularisation { dropout: 1.0, ..Default::default() }, "below 1");
        says("unet", Regularisation { dropout: -0.1, ..Default::default() }, "0 or more");
    }
}
