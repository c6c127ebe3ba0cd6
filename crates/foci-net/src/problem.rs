//! Each single thing that can be wrong with a net, in words; [`NetError`](crate::NetError) adds the place.

use thiserror::Error;

/// One thing that is wrong, without the place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// Not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// A key that must be given.
    #[error("{of} needs `{key}`; {example}")]
    MissingKey {
        /// Whose key.
        of: String,
        /// The key.
        key: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}` in {of}{}; keys are: {allowed}", hint(.suggestion))]
    UnknownKey {
        /// The key.
        key: String,
        /// Whose key.
        of: String,
        /// The most similar key.
        suggestion: Option<String>,
        /// The keys there are.
        allowed: String,
    },
    /// A value of another type.
    #[error("`{key}` must be {expected}, not {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What is expected, with an example.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A value out of its limits.
    #[error("`{key}` is {value}; it must be {allowed}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The limits.
        allowed: &'static str,
    },
    /// A word that is not one of a list.
    #[error("unknown {key} `{value}`{}; it must be one of: {allowed}", hint(.suggestion))]
    UnknownWord {
        /// The key.
        key: &'static str,
        /// The word.
        value: String,
        /// The most similar word.
        suggestion: Option<String>,
        /// The words there are.
        allowed: String,
    },
    /// A name with characters that a tensor or file name should not have.
    #[error("`{id}` cannot be an id: use 1 to 60 letters, digits, `-` and `_`")]
    BadId {
        /// The name.
        id: String,
    },
    /// A name that the format keeps for itself.
    #[error("`{id}` is the name of the net's {id}; give the layer another id")]
    ReservedId {
        /// The name.
        id: String,
    },
    /// Two layers of one name in a file.
    #[error("layer `{id}` was already defined on line {first_line}; ids must differ")]
    DuplicateId {
        /// The name.
        id: String,
        /// Where it was first used.
        first_line: usize,
    },
    /// Two nodes of one name in a graph.
    #[error("a node before it is also called `{id}`; ids must differ")]
    DuplicateNode {
        /// The name.
        id: String,
    },
    /// A reference to nothing.
    #[error("layer `{layer}` names `{name}` in `{key}`, which is no layer{}", hint(.suggestion))]
    UnknownLayer {
        /// The layer that refers.
        layer: String,
        /// `from` or `like`.
        key: &'static str,
        /// The name.
        name: String,
        /// The most similar name.
        suggestion: Option<String>,
    },
    /// Layers that wait for each other.
    #[error("cycle: {}; a layer cannot depend on itself, so change one `from` or `like`", .path.join(" <- "))]
    Cycle {
        /// The layers, each reading the next, the first repeated at the end.
        path: Vec<String>,
    },
    /// A normalisation of something else than a convolution.
    #[error("a group_norm normalises a convolution, and `{from}` is none")]
    NormalisesNoConvolution {
        /// What it reads.
        from: String,
    },
    /// A list that names a layer twice.
    #[error("`from` names `{id}` twice; name it once")]
    NamedTwice {
        /// The layer.
        id: String,
    },
    /// Something not read by anything.
    #[error("the result of `{id}` is used by no other layer; name it in a `from` or remove it")]
    Unused {
        /// The layer.
        id: String,
    },
    /// The wrong number of inputs.
    #[error("{op} reads {found} layers; it must read {}", inputs(*.fewest))]
    InputCount {
        /// The operation.
        op: &'static str,
        /// 2 for concat and add, else 1; 0 for the input.
        fewest: usize,
        /// The number found.
        found: usize,
    },
    /// Maps of different size brought together.
    #[error(
        "sizes don't meet: {op} of `{a}` at {} and `{b}` at {}; pool or upsample one of them first",
        resolution(*.scale_a), resolution(*.scale_b)
    )]
    SizesDiffer {
        /// The operation.
        op: &'static str,
        /// First input.
        a: String,
        /// Its scale.
        scale_a: usize,
        /// The input that differs.
        b: String,
        /// Its scale.
        scale_b: usize,
    },
    /// Maps of different channels added.
    #[error(
        "channels don't add: `{a}` has {channels_a} and `{b}` has {channels_b}; give them the same width or use concat"
    )]
    ChannelsDiffer {
        /// First input.
        a: String,
        /// Its channels or relative width.
        channels_a: String,
        /// The input that differs.
        b: String,
        /// Its channels or relative width.
        channels_b: String,
    },
    /// An upsampling beyond the input's resolution.
    #[error(
        "sizes don't meet: `{from}` is at {} and cannot be enlarged by {factor} without exceeding the input",
        resolution(*.scale)
    )]
    EnlargedTooFar {
        /// The layer enlarged.
        from: String,
        /// Its scale.
        scale: usize,
        /// The factor.
        factor: usize,
    },
    /// No node to take the size from.
    #[error("{op} to {} needs `like`, a layer of that size that it is cropped to", resolution(*.scale))]
    LikeMissing {
        /// The operation.
        op: &'static str,
        /// The scale reached.
        scale: usize,
    },
    /// A `like` of another size.
    #[error(
        "sizes don't meet: the result is at {}, but `like` names `{like}` at {}",
        resolution(*.scale), resolution(*.scale_like)
    )]
    LikeScale {
        /// The scale reached.
        scale: usize,
        /// The layer named.
        like: String,
        /// Its scale.
        scale_like: usize,
    },
    /// A net that does not come back to the input's size.
    #[error(
        "the output layer `{from}` is at {}; the output must have the input's size, so upsample first",
        resolution(*.scale)
    )]
    OutputScale {
        /// The output layer.
        from: String,
        /// Its scale.
        scale: usize,
    },
    /// Pooled beyond any use.
    #[error("pooled to {}; the limit is {}", resolution(*.scale), resolution(*.most))]
    ScaleTooLarge {
        /// The scale reached.
        scale: usize,
        /// The limit.
        most: usize,
    },
    /// The output layer with channels of its own.
    #[error(
        "the last layer of the file is the output layer: its channels and activation are the task's, so leave out `{key}`"
    )]
    OutputLayer {
        /// The key that is too many.
        key: &'static str,
    },
    /// A file whose last layer is not a convolution.
    #[error("the last layer of the file is the output layer and must be a conv, not {op}")]
    OutputNotConv {
        /// The operation found.
        op: &'static str,
    },
    /// Too many or too few channels.
    #[error("{found} channels; there must be 1 to {most}")]
    Channels {
        /// Channels found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A stated channel count that contradicts the layer read.
    #[error("reads {stated} channels, but `{from}` has {counted}")]
    ChannelsIn {
        /// What the node says.
        stated: usize,
        /// The node read.
        from: String,
        /// What it has.
        counted: usize,
    },
    /// A stated channel count that contradicts the operation.
    #[error("has {stated} channels, but its inputs make {counted}")]
    ChannelsOut {
        /// What the node says.
        stated: usize,
        /// What follows.
        counted: usize,
    },
    /// A stated scale that contradicts the operation.
    #[error("has scale {stated}, but its inputs make {counted}")]
    Scale {
        /// What the node says.
        stated: usize,
        /// What follows.
        counted: usize,
    },
    /// A node that reads one after it.
    #[error("reads a node that does not come before it; list nodes in the order in which they are computed")]
    NotInOrder,
    /// Input or output in the wrong place.
    #[error("the first node must be the only input and the last the only output")]
    EndsMisplaced,
    /// A graph too small or too large.
    #[error("{found} nodes; a net has 2 to {most}")]
    NodeCount {
        /// Nodes found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A file too long.
    #[error("{found} layers; a net has 1 to {most}")]
    LayerCount {
        /// Layers found.
        found: usize,
        /// The limit.
        most: usize,
    },
}

/// "full resolution", "1/8 resolution".
fn resolution(scale: usize) -> String {
    if scale == 1 { "full resolution".to_owned() } else { format!("1/{scale} resolution") }
}

fn inputs(fewest: usize) -> &'static str {
    match fewest {
        0 => "none",
        1 => "exactly one (put several together with a concat first)",
        _ => "two or more",
    }
}

/// " (did you mean `x`?)", or nothing.
pub(crate) fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}
