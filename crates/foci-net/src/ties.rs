//! Which layers must have the same width, because their results are added.
//!
//! Each result is traced back to the widths that its channels come from, through pooling, upsampling and concat;
//! an add ties what it reads, place by place.

use std::collections::BTreeSet;

use crate::link::Layer;
use crate::parse::DraftKind;
use crate::problem::Problem;

/// Most widths that concats may put together where an add has to compare them.
const MAX_SOURCES: usize = 1024;

/// Layers that share a width: one layer, or several whose results are added.
#[derive(Debug, Clone, PartialEq)]
pub struct WidthGroup {
    /// Ids of the layers.
    pub layers: Vec<String>,
    /// Width relative to the other groups.
    pub relative: f64,
    /// For each layer, over how many dilations side by side its channels are split.
    pub branches: Vec<usize>,
}

impl WidthGroup {
    /// The smallest width: one channel for each branch.
    pub fn fewest(&self) -> usize {
        self.branches.iter().copied().max().unwrap_or(1)
    }
}

/// Where channels come from: the input, or a layer with a width (by index into the list of groups).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Input,
    Width(usize),
}

/// Gives each layer with a width its group; layers whose results are added get the same one.
pub(crate) fn tie_widths(layers: &mut [Layer]) -> Result<Vec<WidthGroup>, (usize, Problem)> {
    let mut widths: Vec<(f64, usize, usize)> = Vec::new(); // relative width, branches, layer
    let mut leader: Vec<usize> = Vec::new();
    let mut origins: Vec<Vec<Origin>> = vec![vec![Origin::Input]];
    for (index, layer) in layers.iter().enumerate() {
        let own = match &layer.kind {
            DraftKind::Conv { width: Some(width), dilations, .. } => Some((*width, dilations.len())),
            DraftKind::ConvTransposed { width, .. } => Some((*width, 1)),
            _ => None,
        };
        if let Some((width, branches)) = own {
            leader.push(widths.len());
            origins.push(vec![Origin::Width(widths.len())]);
            widths.push((width, branches, index));
            continue;
        }
        if layer.kind == DraftKind::Add {
            tie_sum(layer, layers, &origins, &widths, &mut leader)?;
        }
        let read = if layer.kind == DraftKind::Concat { layer.from.len() } else { 1 };
        let together: Vec<Origin> = layer
            .from
            .iter()
            .take(read)
            .flat_map(|&from| &origins[from])
            .copied()
            .take(MAX_SOURCES + 1)
            .collect();
        origins.push(together);
    }
    let roots: BTreeSet<usize> = (0..leader.len()).map(|width| root(&leader, width)).collect();
    let roots: Vec<usize> = roots.into_iter().collect();
    let mut groups: Vec<WidthGroup> = roots
        .iter()
        .map(|&root| WidthGroup { layers: Vec::new(), relative: widths[root].0, branches: Vec::new() })
        .collect();
    for (width, &(_, branches, layer)) in widths.iter().enumerate() {
        let group = roots.partition_point(|&other| other < root(&leader, width));
        layers[layer].group = Some(group);
        groups[group].layers.push(layers[layer].id.clone());
        groups[group].branches.push(branches);
    }
    Ok(groups)
}

fn root(leader: &[usize], mut width: usize) -> usize {
    while leader[width] != width {
        width = leader[width];
    }
    width
}

/// Ties the widths of what an add reads, place by place.
fn tie_sum(
    layer: &Layer,
    layers: &[Layer],
    origins: &[Vec<Origin>],
    widths: &[(f64, usize, usize)],
    leader: &mut [usize],
) -> Result<(), (usize, Problem)> {
    let Some((&first, others)) = layer.from.split_first() else { return Ok(()) };
    let id = |position: usize| match position.checked_sub(1) {
        Some(index) => layers[index].id.clone(),
        None => "input".to_owned(),
    };
    for &other in others {
        let (a, b) = (&origins[first], &origins[other]);
        if a.len() > MAX_SOURCES || b.len() > MAX_SOURCES {
            let value = format!("more than {MAX_SOURCES} widths put together by concat");
            return Err((layer.line, Problem::OutOfRange { key: "from", value, allowed: "fewer" }));
        }
        let meets = |a: &Origin, b: &Origin| match (*a, *b) {
            (Origin::Input, Origin::Input) => true,
            (Origin::Width(a), Origin::Width(b)) => widths[a].0 == widths[b].0,
            _ => false,
        };
        if a.len() != b.len() || !a.iter().zip(b).all(|(a, b)| meets(a, b)) {
            return Err((
                layer.line,
                Problem::ChannelsDiffer {
                    a: id(first),
                    channels_a: describe(a, widths),
                    b: id(other),
                    channels_b: describe(b, widths),
                },
            ));
        }
        for (a, b) in a.iter().zip(b) {
            if let (Origin::Width(a), Origin::Width(b)) = (*a, *b) {
                let (a, b) = (root(leader, a), root(leader, b));
                // The smaller leads, so that chains end and groups are in the order of the file.
                leader[a.max(b)] = a.min(b);
            }
        }
    }
    Ok(())
}

/// "width 2", "the input's channels", "width 1 + width 2".
fn describe(origins: &[Origin], widths: &[(f64, usize, usize)]) -> String {
    let mut parts: Vec<String> = origins
        .iter()
        .take(4)
        .map(|origin| match *origin {
            Origin::Input => "the input's channels".to_owned(),
            Origin::Width(width) => format!("width {}", widths[width].0),
        })
        .collect();
    if origins.len() > 4 {
        parts.push("...".to_owned());
    }
    parts.join(" + ")
}
