//! From the text of an architecture file to its layers, each value checked on its own.
//!
//! Nothing here looks at another layer, except for ids that occur twice: names are resolved in
//! [`link`](crate::link). Every value keeps its line, so that later errors can name it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeTable;

use crate::error::NetError;
use crate::graph::{Activation, Normalisation, PoolKind, UpsampleMode};
use crate::keys::{Keys, Source, unknown_word};
use crate::problem::Problem;

/// Most layers in a file.
pub(crate) const MAX_LAYERS: usize = 1000;

/// A file as written.
pub(crate) struct Draft {
    pub name: String,
    pub layers: Vec<DraftLayer>,
}

/// A `[[layer]]` as written.
pub(crate) struct DraftLayer {
    pub id: String,
    pub line: usize,
    pub kind: DraftKind,
    /// What the layer itself names of what otherwise the file says for all.
    pub own: Option<&'static str>,
    /// `None`: the layer before.
    pub from: Option<Vec<(String, usize)>>,
    pub like: Option<(String, usize)>,
}

/// What comes after the convolution of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct After {
    pub normalisation: Normalisation,
    pub activation: Activation,
}

impl After {
    /// The activation that the convolution itself applies: none if it is normalised first.
    pub fn of_the_convolution(self) -> Activation {
        match self.normalisation {
            Normalisation::None => self.activation,
            Normalisation::Group => Activation::None,
        }
    }
}

/// The operation of a layer with its own values; widths are relative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DraftKind {
    Conv { kernel: usize, dilations: Vec<usize>, after: After, width: Option<f64> },
    ConvTransposed { kernel: usize, after: After, width: f64 },
    Pool { kind: PoolKind, factor: usize },
    Upsample { factor: usize, mode: UpsampleMode },
    Concat,
    Add,
}

const OPS: [&str; 8] =
    ["conv", "maxpool", "avgpool", "blurpool", "upsample", "conv_transposed", "concat", "add"];
const TOP_KEYS: [&str; 4] = ["name", "activation", "normalisation", "layer"];

/// Keys that a layer of this operation may have.
fn keys_of(op: &str) -> &'static [&'static str] {
    match op {
        "conv" => &["id", "op", "from", "width", "kernel", "dilations", "activation", "normalisation"],
        "conv_transposed" => &["id", "op", "from", "width", "kernel", "activation", "normalisation", "like"],
        "upsample" => &["id", "op", "from", "factor", "mode", "like"],
        "concat" | "add" => &["id", "op", "from"],
        _ => &["id", "op", "from", "factor"],
    }
}

impl DraftKind {
    pub(crate) fn op_name(&self) -> &'static str {
        match self {
            DraftKind::Conv { .. } => "conv",
            DraftKind::ConvTransposed { .. } => "conv_transposed",
            DraftKind::Pool { kind, .. } => kind.op_name(),
            DraftKind::Upsample { .. } => "upsample",
            DraftKind::Concat => "concat",
            DraftKind::Add => "add",
        }
    }
}

/// Reads a file's text; `file` is named in errors.
pub(crate) fn parse(text: &str, file: &str) -> Result<Draft, NetError> {
    let source = Source::new(text, file);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        source.error(&at, Problem::Syntax(error.message().lines().collect::<Vec<_>>().join(", ")))
    })?;
    let top = Keys { source: &source, of: "the file".to_owned(), at: 0..0, table: table.get_ref() };
    top.check(&TOP_KEYS)?;
    let name = top.text("name")?.ok_or_else(|| top.missing("name", "write name = \"my-net\" at the top"))?;
    check_id(&name.0, &name.1, &source)?;
    let after = After {
        normalisation: top.normalisation()?.unwrap_or_default(),
        activation: top.activation()?.unwrap_or(Activation::Relu),
    };
    let no_layers = || top.missing("layer", "write a [[layer]] table for each layer");
    let (layers, at) = top.get("layer").ok_or_else(no_layers)?;
    let wrong = |found| Problem::WrongType { key: "layer", expected: "[[layer]] tables", found };
    let tables = layers.as_array().ok_or_else(|| source.error(&at, wrong(layers.type_str())))?;
    if tables.is_empty() || tables.len() > MAX_LAYERS {
        return Err(source.error(&at, Problem::LayerCount { found: tables.len(), most: MAX_LAYERS }));
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut drafts = Vec::with_capacity(tables.len());
    for value in tables.iter() {
        let at = value.span();
        let Some(table) = value.get_ref().as_table() else {
            return Err(source.error(&at, wrong(value.get_ref().type_str())));
        };
        let layer = parse_layer(Keys { source: &source, of: "a layer".to_owned(), at, table }, after)?;
        if let Some(&first_line) = lines.get(&layer.id) {
            let problem = Problem::DuplicateId { id: layer.id, first_line };
            return Err(source.error_on(layer.line, problem));
        }
        lines.insert(layer.id.clone(), layer.line);
        drafts.push(layer);
    }
    Ok(Draft { name: name.0, layers: drafts })
}

fn parse_layer(mut keys: Keys, of_the_file: After) -> Result<DraftLayer, NetError> {
    let source = keys.source;
    let (id, at) = keys.text("id")?.ok_or_else(|| keys.missing("id", "write id = \"enc1\""))?;
    check_id(&id, &at, source)?;
    if id.contains('.') {
        return Err(source.error(&at, Problem::BadId { id }));
    }
    if id == "input" || id == "output" {
        return Err(source.error(&at, Problem::ReservedId { id }));
    }
    let line = source.line(&at);
    keys.of = format!("layer `{id}`");
    let (op, op_at) = keys.text("op")?.ok_or_else(|| keys.missing("op", "write op = \"conv\""))?;
    if !OPS.contains(&op.as_str()) {
        return Err(source.error(&op_at, unknown_word("op", op, &OPS)));
    }
    keys.of = format!("{op} layer `{id}`");
    keys.check(keys_of(&op))?;
    let like = keys.text("like")?.map(|(name, at)| (name, source.line(&at)));
    let from = keys.names("from")?;
    if from.is_none() && (op == "concat" || op == "add") {
        return Err(keys.missing("from", "write from = [\"a\", \"b\"]"));
    }
    let (activation, normalisation) = (keys.activation()?, keys.normalisation()?);
    let own = activation.map(|_| "activation").or(normalisation.map(|_| "normalisation"));
    let after = After {
        normalisation: normalisation.unwrap_or(of_the_file.normalisation),
        activation: activation.unwrap_or(of_the_file.activation),
    };
    let kind = match op.as_str() {
        "conv" => {
            let kernel = keys.number("kernel", 3, |n| matches!(n, 1 | 3), "1 or 3")?;
            DraftKind::Conv { kernel, dilations: keys.dilations(kernel)?, after, width: keys.width()? }
        }
        "conv_transposed" => DraftKind::ConvTransposed {
            kernel: keys.number("kernel", 2, |n| matches!(n, 2 | 4), "2 or 4 for conv_transposed")?,
            after,
            width: keys.width()?.ok_or_else(|| keys.missing("width", "write width = 1"))?,
        },
        "upsample" => {
            let mode = match keys.text("mode")? {
                None => return Err(keys.missing("mode", "write mode = \"bilinear\" or \"nearest\"")),
                Some((word, at)) => UpsampleMode::ALL
                    .into_iter()
                    .find(|mode| mode.name() == word)
                    .ok_or_else(|| source.error(&at, unknown_word("mode", word, &["nearest", "bilinear"])))?,
            };
            DraftKind::Upsample { factor: keys.factor()?, mode }
        }
        "maxpool" => DraftKind::Pool { kind: PoolKind::Max, factor: keys.factor()? },
        "avgpool" => DraftKind::Pool { kind: PoolKind::Average, factor: keys.factor()? },
        "blurpool" => DraftKind::Pool { kind: PoolKind::Blur, factor: keys.factor()? },
        "concat" => DraftKind::Concat,
        _ => DraftKind::Add,
    };
    Ok(DraftLayer { id, line, kind, own, from, like })
}

fn check_id(id: &str, at: &Range<usize>, source: &Source) -> Result<(), NetError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if id.is_empty() || id.len() > 60 || !id.chars().all(legal) {
        return Err(source.error(at, Problem::BadId { id: id.chars().take(60).collect() }));
    }
    Ok(())
}
