//! What can be wrong with a net, said so that its author can mend it: where, what, and what to do.

use thiserror::Error;

use crate::problem::{Problem, hint};

/// A net or architecture that cannot be used.
#[derive(Debug, Error)]
pub enum NetError {
    /// An architecture file is wrong at a line.
    #[error("{file}:{line}: {problem}")]
    Architecture {
        /// The file, or the name of a shipped net.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: Box<Problem>,
    },
    /// A resolved graph is wrong at a node.
    #[error("net `{net}`, node `{node}`: {problem}")]
    Graph {
        /// Name of the net.
        net: String,
        /// Id of the node.
        node: String,
        /// What is wrong.
        problem: Box<Problem>,
    },
    /// A net.json that does not read as JSON of the documented form.
    #[error("{file}: not a net.json: {reason}")]
    Json {
        /// The file.
        file: String,
        /// The reader's words, with line and column.
        reason: String,
    },
    /// A net.json whose counts contradict its own graph.
    #[error(
        "{file}: `{key}` says {stated}, but the graph has {counted}; the file was changed by hand or damaged"
    )]
    Contradiction {
        /// The file.
        file: String,
        /// The key.
        key: &'static str,
        /// What the file says.
        stated: String,
        /// What the graph gives.
        counted: String,
    },
    /// A file that cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file larger than any architecture can be.
    #[error("{path}: larger than {most} bytes, which no architecture file is")]
    TooLarge {
        /// The file.
        path: String,
        /// Largest size read.
        most: u64,
    },
    /// A name that is neither a shipped net nor a file.
    #[error("no net is called `{name}` and there is no such file{}; shipped nets: {}", hint(.suggestion), .shipped.join(", "))]
    UnknownNet {
        /// The name asked for.
        name: String,
        /// The most similar shipped name.
        suggestion: Option<String>,
        /// All shipped names.
        shipped: Vec<&'static str>,
    },
    /// A regularisation that the net has no place for.
    #[error("net `{net}` has {lacks}; leave {what} out for it")]
    NothingToRegularise {
        /// Name of the net.
        net: String,
        /// What is missing.
        lacks: &'static str,
        /// What was asked for.
        what: &'static str,
    },
    /// Widths that do not fit the architecture.
    #[error("net `{net}`: {reason}")]
    Widths {
        /// Name of the net.
        net: String,
        /// What does not fit.
        reason: String,
    },
}
