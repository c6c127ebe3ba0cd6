//! A classifier in one file: safetensors, an index in JSON and plain numbers behind it, which any language reads.
//!
//! The metadata `foci-pixels` is JSON with the version of the format, the scales and the number of classes. Tensors:
//!
//! - `edges` F32 [features, 255]: a feature's bin is the number of edges below it;
//! - `nodes` U32 [trees] and `leaves` U32 [trees]: how many each tree has;
//! - `next` U32, `feature` U8, `threshold` U8, `leaf` U32, each [all nodes], tree after tree: from node n, numbered within its tree
//!   from the root 0, the way goes to `next` for bins up to the threshold and to `next + 1` above; in a leaf `next` is the node
//!   itself, and `leaf` its number within the tree;
//! - `shares` F32 [all leaves, classes].
//!
//! What is read is checked, so that no file can lead a pixel astray: followers come after their node, leaves and features exist,
//! shares are between 0 and 1.

use crate::bins::{Bins, EDGES};
use crate::tree::{Node, Tree};
use crate::{FeatureBank, PixelClassifier, PixelError, RandomForest};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Version of the format.
const VERSION: u32 = 1;
/// Key of the metadata.
const KEY: &str = "foci-pixels";

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    classes: usize,
    scales_px: Vec<f64>,
}

impl PixelClassifier {
    /// Writes it to a file, as a whole or not at all. Equal classifiers make equal files.
    ///
    /// # Errors
    /// [`PixelError::Write`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PixelError> {
        Ok(foci_image::write_whole(path, &self.to_bytes()?)?)
    }

    /// Reads a file that [`PixelClassifier::save`] wrote. It gives the same bits as the classifier that was saved.
    ///
    /// # Errors
    /// [`PixelError::Read`]; [`PixelError::Damaged`] if it is no such file, of another version, cut off or changed.
    pub fn load(path: &Path) -> Result<Self, PixelError> {
        let bytes =
            std::fs::read(path).map_err(|source| PixelError::Read { path: path.to_path_buf(), source })?;
        Self::from_bytes(&bytes).map_err(|reason| PixelError::Damaged { path: path.to_path_buf(), reason })
    }

    /// The content of the file that [`PixelClassifier::save`] writes.
    ///
    /// # Errors
    /// [`PixelError::Unwritable`] if it is too large for the format.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PixelError> {
        let trees = self.forest().trees();
        let nodes = || trees.iter().flat_map(|tree| &tree.nodes);
        let words = |values: &mut dyn Iterator<Item = u32>| -> Vec<u8> {
            values.flat_map(u32::to_le_bytes).collect()
        };
        let floats = |values: &mut dyn Iterator<Item = f32>| -> Vec<u8> {
            values.flat_map(f32::to_le_bytes).collect()
        };
        let classes = self.classes();
        let shares = floats(&mut trees.iter().flat_map(|tree| tree.shares.iter().copied()));
        let tensors = [
            ("edges", Dtype::F32, floats(&mut self.forest().bins().edges().iter().copied())),
            ("feature", Dtype::U8, nodes().map(|node| node.feature).collect()),
            ("leaf", Dtype::U32, words(&mut trees.iter().flat_map(|tree| tree.leaves.iter().copied()))),
            ("leaves", Dtype::U32, words(&mut trees.iter().map(|tree| (tree.shares.len() / classes) as u32))),
            ("next", Dtype::U32, words(&mut nodes().map(|node| node.next))),
            ("nodes", Dtype::U32, words(&mut trees.iter().map(|tree| tree.nodes.len() as u32))),
            ("shares", Dtype::F32, shares),
            ("threshold", Dtype::U8, nodes().map(|node| node.threshold).collect()),
        ];
        let reason = |error: SafeTensorError| PixelError::Unwritable { reason: error.to_string() };
        let mut views = Vec::with_capacity(tensors.len());
        for (name, dtype, bytes) in &tensors {
            let count = bytes.len() * 8 / dtype.bitsize();
            let shape = match *name {
                "edges" => vec![count / EDGES, EDGES],
                "shares" => vec![count / classes, classes],
                _ => vec![count],
            };
            views.push((*name, TensorView::new(*dtype, shape, bytes).map_err(reason)?));
        }
        let header = Header { version: VERSION, classes, scales_px: self.bank().scales_px().to_vec() };
        let header = serde_json::to_string(&header)
            .map_err(|error| PixelError::Unwritable { reason: error.to_string() })?;
        // One key only: a map of several would be written in any order.
        safetensors::serialize(views, Some(HashMap::from([(KEY.to_string(), header)]))).map_err(reason)
    }

    /// As [`PixelClassifier::load`], from the content of the file; the error says what is wrong with it.
    ///
    /// # Errors
    /// The reason in words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let reason = |error: SafeTensorError| error.to_string();
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(reason)?;
        let header = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let header = header.ok_or_else(|| format!("it has no metadata '{KEY}'"))?;
        let header: Header =
            serde_json::from_str(header).map_err(|error| format!("its metadata: {error}"))?;
        if header.version != VERSION {
            return Err(format!("it is of version {}, and this reads {VERSION}", header.version));
        }
        let bank = FeatureBank::new(&header.scales_px).map_err(|error| error.to_string())?;
        if !(2..=256).contains(&header.classes) {
            return Err(format!("it has {} classes", header.classes));
        }
        let file = File(SafeTensors::deserialize(bytes).map_err(reason)?);
        let edges = file.floats("edges")?;
        let bins = Bins::from_edges(edges).filter(|bins| bins.features() == bank.features());
        let bins = bins.ok_or_else(|| {
            format!(
                "its edges are not those of the {} features of {} scales",
                bank.features(),
                header.scales_px.len()
            )
        })?;
        let trees = file.trees(header.classes, bank.features())?;
        Ok(Self::from_parts(bank, RandomForest::from_parts(header.classes, bins, trees)))
    }
}

/// Tensors by name, of the type that they should have.
struct File<'a>(SafeTensors<'a>);

impl File<'_> {
    fn bytes(&self, name: &str, dtype: Dtype) -> Result<&[u8], String> {
        let view = self.0.tensor(name).map_err(|error| error.to_string())?;
        if view.dtype() != dtype {
            return Err(format!("its '{name}' is of type {}", view.dtype()));
        }
        Ok(view.data())
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, String> {
        let bytes = self.bytes(name, Dtype::F32)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn words(&self, name: &str) -> Result<Vec<u32>, String> {
        let bytes = self.bytes(name, Dtype::U32)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }

    fn trees(&self, classes: usize, features: usize) -> Result<Vec<Tree>, String> {
        let (counts, leaf_counts) = (self.words("nodes")?, self.words("leaves")?);
        let (next, leaf) = (self.words("next")?, self.words("leaf")?);
        let (feature, threshold) = (self.bytes("feature", Dtype::U8)?, self.bytes("threshold", Dtype::U8)?);
        let shares = self.floats("shares")?;
        let sum = |counts: &[u32]| counts.iter().map(|&count| count as usize).sum::<usize>();
        let nodes = sum(&counts);
        let lengths = [next.len(), leaf.len(), feature.len(), threshold.len()];
        if counts.is_empty()
            || leaf_counts.len() != counts.len()
            || lengths.iter().any(|&length| length != nodes)
            || shares.len() != sum(&leaf_counts) * classes
        {
            return Err("its trees are not whole".into());
        }
        let (mut first, mut first_share) = (0, 0);
        let mut trees = Vec::with_capacity(counts.len());
        for (number, (&count, &leaves)) in counts.iter().zip(&leaf_counts).enumerate() {
            let here = first..first + count as usize;
            let end = first_share + leaves as usize * classes;
            let node = |at: usize| Node { next: next[at], feature: feature[at], threshold: threshold[at] };
            let tree = Tree {
                nodes: here.clone().map(node).collect(),
                leaves: leaf[here.clone()].to_vec(),
                shares: shares[first_share..end].to_vec(),
            };
            if !is_sound(&tree, classes, features) {
                return Err(format!("tree {number} leads nowhere"));
            }
            trees.push(tree);
            (first, first_share) = (here.end, end);
        }
        Ok(trees)
    }
}

/// Whether every pixel comes to a leaf that there is.
fn is_sound(tree: &Tree, classes: usize, features: usize) -> bool {
    let (nodes, leaves) = (tree.nodes.len(), tree.shares.len() / classes);
    let goes_on = |(at, node): (usize, &Node)| {
        let next = node.next as usize;
        if next == at {
            node.threshold == u8::MAX
        } else {
            next > at && next + 1 < nodes && usize::from(node.feature) < features
        }
    };
    nodes > 0
        && tree.nodes.iter().enumerate().all(goes_on)
        && tree.leaves.iter().all(|&leaf| (leaf as usize) < leaves)
        && tree.shares.iter().all(|share| (0.0..=1.0).contains(share))
}
