//! From layers that name each other to layers in an order in which they can be computed.
//!
//! Resolves `from` and `like`, finds cycles, sorts, fills in what the file may leave out, and finds which
//! layers must have the same width because their results are added.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{NetError, Problem};
use crate::parse::{Draft, DraftKind, DraftLayer};
use crate::suggest::nearest;

/// Most widths that concats may put together where an add has to compare them.
const MAX_SOURCES: usize = 1024;

/// A layer with its references resolved: 0 is the input, `i + 1` the layer at `i` of the sorted list.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub id: String,
    pub line: usize,
    pub kind: DraftKind,
    pub from: Vec<usize>,
    pub like: Option<usize>,
    /// The group of layers of one width that it belongs to; `None` if it has no width of its own.
    pub group: Option<usize>,
}

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

/// Orders and connects the layers of `draft`; the output layer comes last.
pub(crate) fn link(draft: Draft, file: &str) -> Result<(Vec<Layer>, Vec<WidthGroup>), NetError> {
    let fail = |line: usize, problem| NetError::Architecture {
        file: file.to_owned(),
        line,
        problem: Box::new(problem),
    };
    check_output_layer(&draft).map_err(|(line, problem)| fail(line, problem))?;
    let references = resolve_names(&draft).map_err(|(line, problem)| fail(line, problem))?;
    let order = sort(&references).map_err(|cycle| {
        let ids: Vec<&str> = cycle.iter().map(|&index| draft.layers[index].id.as_str()).collect();
        let mut path: Vec<String> = ids.iter().take(8).map(|id| (*id).to_owned()).collect();
        if ids.len() > 8 {
            path.push("...".to_owned());
        }
        path.push(ids[0].to_owned());
        fail(draft.layers[cycle[0]].line, Problem::Cycle { path })
    })?;
    let mut place = vec![0; draft.layers.len()];
    for (position, &index) in order.iter().enumerate() {
        place[index] = position + 1;
    }
    let seen_at = |reference: Option<usize>| reference.map_or(0, |index| place[index]);
    let mut drafts: Vec<Option<DraftLayer>> = draft.layers.into_iter().map(Some).collect();
    let mut layers = Vec::with_capacity(order.len());
    for index in order {
        let Some(draft) = drafts[index].take() else { continue };
        layers.push(Layer {
            id: draft.id,
            line: draft.line,
            kind: draft.kind,
            from: references[index].from.iter().copied().map(seen_at).collect(),
            like: references[index].like.map(seen_at),
            group: None,
        });
    }
    fill_in_like(&mut layers);
    let groups = tie_widths(&mut layers).map_err(|(line, problem)| fail(line, problem))?;
    Ok((layers, groups))
}

/// The last layer of the file is a convolution without a width; all others have one.
fn check_output_layer(draft: &Draft) -> Result<(), (usize, Problem)> {
    for (index, layer) in draft.layers.iter().enumerate() {
        let last = index + 1 == draft.layers.len();
        match &layer.kind {
            DraftKind::Conv { width: Some(_), .. } if last => {
                return Err((layer.line, Problem::OutputLayer { key: "width" }));
            }
            DraftKind::Conv { .. } if last && layer.own_activation => {
                return Err((layer.line, Problem::OutputLayer { key: "activation" }));
            }
            DraftKind::Conv { width: None, .. } if !last => {
                let of = format!("conv layer `{}`", layer.id);
                let example = "write width = 1 (only the output layer, last in the file, has none)";
                return Err((layer.line, Problem::MissingKey { of, key: "width", example }));
            }
            DraftKind::Conv { dilations, .. } if last && dilations.len() > 1 => {
                let value = format!("{} numbers", dilations.len());
                let allowed = "one number in the output layer, whose channels are not split";
                return Err((layer.line, Problem::OutOfRange { key: "dilations", value, allowed }));
            }
            DraftKind::Conv { .. } => {}
            other if last => return Err((layer.line, Problem::OutputNotConv { op: other.op_name() })),
            _ => {}
        }
    }
    Ok(())
}

/// What a layer reads, as indices into the file's layers; `None` is the input.
struct References {
    from: Vec<Option<usize>>,
    like: Option<Option<usize>>,
}

fn resolve_names(draft: &Draft) -> Result<Vec<References>, (usize, Problem)> {
    let indices: BTreeMap<&str, Option<usize>> = std::iter::once(("input", None))
        .chain(draft.layers.iter().enumerate().map(|(index, layer)| (layer.id.as_str(), Some(index))))
        .collect();
    let mut references = Vec::with_capacity(draft.layers.len());
    for (index, layer) in draft.layers.iter().enumerate() {
        let find = |(name, line): &(String, usize), key: &'static str| {
            indices.get(name.as_str()).copied().ok_or_else(|| {
                let suggestion = nearest(name, indices.keys().copied());
                let name = name.chars().take(60).collect();
                (*line, Problem::UnknownLayer { layer: layer.id.clone(), key, name, suggestion })
            })
        };
        let from = match &layer.from {
            None => vec![index.checked_sub(1)],
            Some(names) => names.iter().map(|name| find(name, "from")).collect::<Result<Vec<_>, _>>()?,
        };
        let like = layer.like.as_ref().map(|name| find(name, "like")).transpose()?;
        references.push(References { from, like });
    }
    Ok(references)
}

/// The layers in an order in which each comes after what it reads, otherwise as in the file; or a cycle.
fn sort(references: &[References]) -> Result<Vec<usize>, Vec<usize>> {
    let reads = |index: usize| -> BTreeSet<usize> {
        let from = references[index].from.iter();
        from.chain(references[index].like.iter()).filter_map(|reference| *reference).collect()
    };
    let mut waiting: Vec<usize> = (0..references.len()).map(|index| reads(index).len()).collect();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); references.len()];
    for index in 0..references.len() {
        for read in reads(index) {
            readers[read].push(index);
        }
    }
    let mut ready: BTreeSet<usize> = (0..references.len()).filter(|&index| waiting[index] == 0).collect();
    let mut order = Vec::with_capacity(references.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &reader in &readers[index] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.insert(reader);
            }
        }
    }
    if order.len() == references.len() {
        return Ok(order);
    }
    // Every layer still waiting reads another one still waiting: following them must come back.
    let mut path: Vec<usize> = Vec::new();
    let mut current = (0..references.len()).find(|&index| waiting[index] > 0).unwrap_or(0);
    loop {
        if let Some(start) = path.iter().position(|&index| index == current) {
            path.drain(..start);
            return Err(path);
        }
        path.push(current);
        match reads(current).into_iter().find(|&read| waiting[read] > 0) {
            Some(next) => current = next,
            None => return Err(path),
        }
    }
}

/// Where `like` is left out, takes the nearest layer before it on the way from the input that has the size.
fn fill_in_like(layers: &mut [Layer]) {
    // Sizes that do not meet are found when the graph is checked; here they must only not get in the way.
    let mut scales: Vec<usize> = vec![1];
    for index in 0..layers.len() {
        let layer = &layers[index];
        let before = layer.from.first().map_or(1, |&from| scales[from]);
        let (scale, enlarges) = match layer.kind {
            DraftKind::Pool { factor, .. } => (before.saturating_mul(factor), false),
            DraftKind::Upsample { factor, .. } => (before / factor, true),
            DraftKind::ConvTransposed { .. } => (before / 2, true),
            _ => (before, false),
        };
        scales.push(scale);
        if enlarges && layer.like.is_none() {
            let mut ancestors: BTreeSet<usize> = layer.from.iter().copied().collect();
            let mut like = None;
            // The greatest position first, so that the first of the right size is the nearest.
            while let Some(ancestor) = ancestors.pop_last() {
                if scales[ancestor] == scale {
                    like = Some(ancestor);
                    break;
                }
                if ancestor > 0 {
                    ancestors.extend(&layers[ancestor - 1].from);
                }
            }
            layers[index].like = like;
        }
    }
}

/// Where channels come from: the input, or a layer with a width (by index into the list of groups).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Input,
    Width(usize),
}

/// Gives each layer with a width its group; layers whose results are added get the same one.
fn tie_widths(layers: &mut [Layer]) -> Result<Vec<WidthGroup>, (usize, Problem)> {
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
