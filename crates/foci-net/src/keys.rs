//! Typed values out of a TOML table, each error with the line of the value.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::NetError;
use crate::graph::{Activation, MAX_DILATION, Normalisation};
use crate::problem::Problem;
use crate::suggest::nearest;

/// Most dilations side by side in one layer.
const MAX_BRANCHES: usize = 32;

/// The text with its line starts, which turns positions into lines.
pub(crate) struct Source<'a> {
    file: &'a str,
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub fn new(text: &str, file: &'a str) -> Source<'a> {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { file, starts: std::iter::once(0).chain(starts).collect() }
    }

    /// Line of the first byte of a range, counted from 1.
    pub fn line(&self, at: &Range<usize>) -> usize {
        self.starts.partition_point(|start| *start <= at.start)
    }

    pub fn error(&self, at: &Range<usize>, problem: Problem) -> NetError {
        self.error_on(self.line(at), problem)
    }

    pub fn error_on(&self, line: usize, problem: Problem) -> NetError {
        NetError::Architecture { file: self.file.to_owned(), line, problem: Box::new(problem) }
    }
}

/// A table whose values are taken by key and type.
pub(crate) struct Keys<'a> {
    pub source: &'a Source<'a>,
    /// Whose keys these are, for messages.
    pub of: String,
    /// Where the table begins.
    pub at: Range<usize>,
    pub table: &'a DeTable<'a>,
}

impl<'a> Keys<'a> {
    pub fn check(&self, allowed: &[&str]) -> Result<(), NetError> {
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

    pub fn missing(&self, key: &'static str, example: &'static str) -> NetError {
        self.source.error(&self.at, Problem::MissingKey { of: self.of.clone(), key, example })
    }

    pub fn get(&self, key: &str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        self.table.get(key).map(|value: &Spanned<DeValue>| (value.get_ref(), value.span()))
    }

    pub fn text(&self, key: &'static str) -> Result<Option<(String, Range<usize>)>, NetError> {
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
    pub fn names(&self, key: &'static str) -> Result<Option<Vec<(String, usize)>>, NetError> {
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

    pub fn activation(&self) -> Result<Option<Activation>, NetError> {
        let Some((word, at)) = self.text("activation")? else { return Ok(None) };
        let found = Activation::ALL.into_iter().find(|activation| activation.name() == word);
        let names = Activation::ALL.map(Activation::name);
        found.map(Some).ok_or_else(|| self.source.error(&at, unknown_word("activation", word, &names)))
    }

    pub fn normalisation(&self) -> Result<Option<Normalisation>, NetError> {
        let Some((word, at)) = self.text("normalisation")? else { return Ok(None) };
        let found = Normalisation::ALL.into_iter().find(|normalisation| normalisation.name() == word);
        let names = Normalisation::ALL.map(Normalisation::name);
        found.map(Some).ok_or_else(|| self.source.error(&at, unknown_word("normalisation", word, &names)))
    }

    pub fn factor(&self) -> Result<usize, NetError> {
        self.number("factor", 2, |n| matches!(n, 2 | 4 | 8), "2, 4 or 8")
    }

    pub fn number(
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
    pub fn width(&self) -> Result<Option<f64>, NetError> {
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

    pub fn dilations(&self, kernel: usize) -> Result<Vec<usize>, NetError> {
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

/// The problem of a word that is not one of `allowed`.
pub(crate) fn unknown_word(key: &'static str, value: String, allowed: &[&str]) -> Problem {
    let suggestion = nearest(&value, allowed.iter().copied());
    let value = value.chars().take(60).collect();
    Problem::UnknownWord { key, value, suggestion, allowed: allowed.join(", ") }
}
