//! An architecture: a net whose widths are still relative.
//!
//! It is read from a TOML file (see the crate's front page for the format) and becomes a [`Net`] once each
//! layer's width and the channels of input and output are known.

use std::io::Read;

use crate::blueprint::Blueprint;
use crate::error::NetError;
use crate::graph::{Activation, MAX_CHANNELS, Net, Normalisation};
use crate::link::{Layer, link};
use crate::parse::{DraftKind, parse};
use crate::suggest::nearest;
use crate::ties::WidthGroup;

/// Largest architecture file that is read.
const MAX_FILE_BYTES: u64 = 1 << 18;

/// Shipped nets by name, with the text of their files.
const SHIPPED: [(&str, &str); 13] = [
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
    ("unet-deep", include_str!("../../../nets/unet-deep.toml")),
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
        let mut blueprint = architecture.blueprint(1, 1);
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
        let mut blueprint = self.blueprint(channels_in, channels_out);
        blueprint.set_widths(widths);
        Net::new(self.name.clone(), blueprint.net.nodes)
    }

    /// The graph without its widths.
    pub(crate) fn blueprint(&self, channels_in: usize, channels_out: usize) -> Blueprint {
        Blueprint::new(&self.name, &self.layers, channels_in, channels_out)
    }

    /// The line of the layer that a node was made from.
    fn line_of(&self, blueprint: &Blueprint, node: usize) -> usize {
        blueprint.layer_of(node).map_or(1, |layer| self.layers[layer].line)
    }
}
