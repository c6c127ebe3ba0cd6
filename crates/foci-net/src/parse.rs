//! From the text of an architecture file to its layers, each value checked on its own.
//!
//! Nothing here looks at another layer, except for ids that occur twice: names are resolved in
//! [`link`](crate::link). Every value keeps its line, so that later errors can name it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{NetError, Problem};
use crate::graph::{Activation, MAX_DILATION, PoolKind, UpsampleMode};
use crate::suggest::nearest;

/// Most layers in a file.
pub(crate) const MAX_LAYERS: usize = 1000;
/// Most dilations side by side in one layer.
pub(crate) const MAX_BRANCHES: usize = 32;

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
    /// Whether the layer itself names its activation.
    pub own_activation: bool,
    /// `None`: the layer before.
    pub from: Option<Vec<(String, usize)>>,
    pub like: Option<(String, usize)>,
}

/// The operation of a layer with its own values; widths are relative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DraftKind {
    Conv { kernel: usize, dilations: Vec<usize>, activation: Activation, width: Option<f64> },
    ConvTransposed { kernel: usize, activation: Activation, width: f64 },
    Pool { kind: PoolKind, factor: usize },
    Upsample { factor: usize, mode: UpsampleMode },
    Concat,
    Add,
}

const OPS: [&str; 8] =
    ["conv", "maxpool", "avgpool", "blurpool", "upsample", "conv_transposed", "concat", "add"];
const TOP_KEYS: [&str; 3] = ["name", "activation", "layer"];

/// Keys that a layer of this operation may have.
fn keys_of(op: &str) -> &'static [&'static str] {
    match op {
        "conv" => &["id", "op", "from", "width", "kernel", "dilations", "activation"],
        "conv_transposed" => &["id", "op", "from", "width", "kernel", "activation", "like"],
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
    let activation = top.activation()?.unwrap_or(Activation::Relu);
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
        let layer = parse_layer(Keys { source: &source, of: "a layer".to_owned(), at, table }, activation)?;
        if let Some(&first_line) = lines.get(&layer.id) {
            let problem = Problem::DuplicateId { id: layer.id, first_line };
            return Err(source.error_on(layer.line, problem));
        }
        lines.insert(layer.id.clone(), layer.line);
        drafts.push(layer);
    }
    Ok(Draft { name: name.0, layers: drafts })
}

fn parse_layer(mut keys: Keys, net_activation: Activation) -> Result<DraftLayer, NetError> {
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
    let own_activation = keys.activation()?;
    let activation = own_activation.unwrap_or(net_activation);
    let kind = match op.as_str() {
        "conv" => {
            let kernel = keys.number("kernel", 3, |n| matches!(n, 1 | 3), "1 or 3")?;
            DraftKind::Conv { kernel, dilations: keys.dilations(kernel)?, activation, width: keys.width()? }
        }
        "conv_transposed" => DraftKind::ConvTransposed {
            kernel: keys.number("kernel", 2, |n| matches!(n, 2 | 4), "2 or 4 for conv_transposed")?,
            activation,
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
    Ok(DraftLayer { id, line, kind, own_activation: own_activation.is_some(), from, like })
}

fn check_id(id: &str, at: &Range<usize>, source: &Source) -> Result<(), NetError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if id.is_empty() || id.len() > 60 || !id.chars().all(legal) {
        return Err(source.error(at, Problem::BadId { id: id.chars().take(60).collect() }));
    }
    Ok(())
}

fn unknown_word(key: &'static str, value: String, allowed: &[&str]) -> Problem {
    let suggestion = nearest(&value, allowed.iter().copied());
    let value = value.chars().take(60).collect();
    Problem::UnknownWord { key, value, suggestion, allowed: allowed.join(", ") }
}

/// The text with its line starts, which turns positions into lines.
struct Source<'a> {
    file: &'a str,
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(text: &str, file: &'a str) -> Source<'a> {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { file, starts: std::iter::once(0).chain(starts).collect() }
    }

    /// Line of the first byte of a range, counted from 1.
    fn line(&self, at: &Range<usize>) -> usize {
        self.starts.partition_point(|start| *start <= at.start)
    }

    fn error(&self, at: &Range<usize>, problem: Problem) -> NetError {
        self.error_on(self.line(at), problem)
    }

    fn error_on(&self, line: usize, problem: Problem) -> NetError {
        NetError::Architecture { file: self.file.to_owned(), line, problem: Box::new(problem) }
    }
}

/// A table whose values are taken by key and type.
struct Keys<'a> {
    source: &'a Source<'a>,
    of: String,
    at: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Keys<'a> {
    fn check(&self, allowed: &[&str]) -> Result<(), NetError> {
        // The first in the file, not in the alphabet.
        let unknown = self.table.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let name = key.get_ref().as_ref();
                let problem = Problem::UnknownKey {
                    key: name.chars().take(60).collect(),
                    of: self.of.clone(),
                    suggestion: nearest(name, allowed.iter().copied()),
                    allowed: allowed.join(", "),
                };
                Err(self.source.error(&key.span(), problem))
            }
        }
    }

    fn missing(&self, key: &'static str, example: &'static str) -> NetError {
        self.source.error(&self.at, Problem::MissingKey { of: self.of.clone(), key, example })
    }

    fn get(&self, key: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        self.table.get(key).map(|value: &Spanned<DeValue>| (value.get_ref(), value.span()))
    }

    fn text(&self, key: &'static str) -> Result<Option<(String, Range<usize>)>, NetError> {
        let Some((value, at)) = self.get(key) else { return Ok(None) };
        match value.as_str() {
            Some(text) => Ok(Some((text.to_owned(), at))),
            None => Err(self.wrong_type(key, "a word in quotes", value, &at)),
        }
    }

    fn wrong_type(
        &self,
        key: &'static str,
        expected: &'static str,
        found: &DeValue,
        at: &Range<usize>,
    ) -> NetError {
        self.source.error(at, Problem::WrongType { key, expected, found: found.type_str() })
    }

    /// One name, or a list of names, each with its line.
    fn names(&self, key: &'static str) -> Result<Option<Vec<(String, usize)>>, NetError> {
        let Some((value, at)) = self.get(key) else { return Ok(None) };
        if let Some(name) = value.as_str() {
            return Ok(Some(vec![(name.to_owned(), self.source.line(&at))]));
        }
        let expected = "an id or a list of ids, as in [\"a\", \"b\"]";
        let Some(list) = value.as_array() else { return Err(self.wrong_type(key, expected, value, &at)) };
        let name = |item: &Spanned<DeValue>| match item.get_ref().as_str() {
            Some(name) => Ok((name.to_owned(), self.source.line(&item.span()))),
            None => Err(self.wrong_type(key, expected, item.get_ref(), &item.span())),
        };
        list.iter().map(name).collect::<Result<Vec<_>, NetError>>().map(Some)
    }

    fn activation(&self) -> Result<Option<Activation>, NetError> {
        let Some((word, at)) = self.text("activation")? else { return Ok(None) };
        let found = Activation::ALL.into_iter().find(|activation| activation.name() == word);
        let names = Activation::ALL.map(Activation::name);
        found.map(Some).ok_or_else(|| self.source.error(&at, unknown_word("activation", word, &names)))
    }

    fn factor(&self) -> Result<usize, NetError> {
        self.number("factor", 2, |n| matches!(n, 2 | 4 | 8), "2, 4 or 8")
    }

    fn number(
        &self,
        key: &'static str,
        default: usize,
        good: impl Fn(usize) -> bool,
        allowed: &'static str,
    ) -> Result<usize, NetError> {
        match self.get(key) {
            None => Ok(default),
            Some((value, at)) => self.whole(key, value, &at, good, allowed),
        }
    }

    fn whole(
        &self,
        key: &'static str,
        value: &DeValue,
        at: &Range<usize>,
        good: impl Fn(usize) -> bool,
        allowed: &'static str,
    ) -> Result<usize, NetError> {
        let Some(number) = value.as_integer() else {
            return Err(self.wrong_type(key, "a whole number", value, at));
        };
        match usize::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if good(number) => Ok(number),
            _ => {
                let value = number.to_string().chars().take(40).collect();
                Err(self.source.error(at, Problem::OutOfRange { key, value, allowed }))
            }
        }
    }

    /// The relative width, if given.
    fn width(&self) -> Result<Option<f64>, NetError> {
        let Some((value, at)) = self.get("width") else { return Ok(None) };
        let text = match (value.as_integer(), value.as_float()) {
            (Some(whole), _) if whole.radix() == 10 => whole.as_str(),
            (_, Some(float)) => float.as_str(),
            _ => return Err(self.wrong_type("width", "a number, as in 1 or 1.5", value, &at)),
        };
        match text.parse::<f64>() {
            Ok(width) if (0.001..=1000.0).contains(&width) => Ok(Some(width)),
            _ => {
                let value = text.chars().take(40).collect();
                let allowed = "0.001 to 1000, relative to the widths of the other layers";
                Err(self.source.error(&at, Problem::OutOfRange { key: "width", value, allowed }))
            }
        }
    }

    fn dilations(&self, kernel: usize) -> Result<Vec<usize>, NetError> {
        let Some((value, at)) = self.get("dilations") else { return Ok(vec![1]) };
        let Some(list) = value.as_array() else {
            return Err(self.wrong_type("dilations", "a list of whole numbers, as in [1, 2, 4]", value, &at));
        };
        let bad = |at: &Range<usize>, value: String, allowed| {
            Err(self.source.error(at, Problem::OutOfRange { key: "dilations", value, allowed }))
        };
        if list.is_empty() || list.len() > MAX_BRANCHES {
            return bad(&at, format!("{} numbers", list.len()), "1 to 32 numbers");
        }
        let mut dilations = Vec::with_capacity(list.len());
        for item in list.iter() {
            let at = item.span();
            let within = |n| (1..=MAX_DILATION).contains(&n);
            let dilation = self.whole("dilations", item.get_ref(), &at, within, "1 to 1024")?;
            if dilations.contains(&dilation) {
                return bad(&at, format!("{dilation} twice"), "a list of different numbers");
            }
            if kernel == 1 && dilation != 1 {
                return bad(&at, dilation.to_string(), "[1] when the kernel is 1");
            }
            dilations.push(dilation);
        }
        Ok(dilations)
    }
}
