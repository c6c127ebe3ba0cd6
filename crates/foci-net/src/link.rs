//! From layers that name each other to layers in an order in which they can be computed.
//!
//! Resolves `from` and `like`, finds cycles, sorts, and fills in what the file may leave out.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::NetError;
use crate::parse::{Draft, DraftKind, DraftLayer};
use crate::problem::Problem;
use crate::suggest::nearest;
use crate::ties::{WidthGroup, tie_widths};

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
            DraftKind::Conv { .. } if last && let Some(key) = layer.own => {
                return Err((layer.line, Problem::OutputLayer { key }));
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
