//! A network architecture as data: parse it, check it, count what it costs, and solve for a budget.
//!
//! ```
//! use foci_net::{Architecture, solve};
//!
//! let unet = solve::for_weights(&Architecture::load("unet")?, 67_000, 1, 1)?;
//! assert!(unet.weights().abs_diff(67_000) <= 335);
//! assert_eq!(unet.layers(), 8);
//! println!("{}", unet.to_json(None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An [`Architecture`] has relative widths and is written by people; a [`Net`] is the graph that follows once the
//! widths are known, and is what the engine runs and net.json holds. [`solve`] goes from the one to the other;
//! [`memory`] plans where a net's feature maps lie.
//!
//! # The architecture file
//!
//! TOML: a name, the activation (and the normalisation) of all layers that name none, and the layers.
//!
//! ```toml
//! name = "small-unet"
//! activation = "relu"        # none, relu (the default), leaky_relu, elu, silu
//!
//! [[layer]]
//! id = "fine"                # letters, digits, - and _
//! op = "conv"
//! width = 1                  # channels, relative to the other layers
//!
//! [[layer]]
//! id = "down"
//! op = "maxpool"             # or avgpool, blurpool; factor = 2 unless said
//!
//! [[layer]]
//! id = "deep"
//! op = "conv"
//! width = 2
//! dilations = [1, 2, 4]      # a third of the channels each, side by side
//!
//! [[layer]]
//! id = "up"
//! op = "upsample"
//! mode = "bilinear"          # or nearest
//! like = "fine"              # cropped to its size
//!
//! [[layer]]
//! id = "both"
//! op = "concat"              # or add
//! from = ["up", "fine"]
//!
//! [[layer]]
//! id = "out"                 # the last layer: a conv without width or activation
//! op = "conv"
//! ```
//!
//! | key | in | meaning | unless said |
//! |---|---|---|---|
//! | `from` | all | the layer read, or a list for concat and add; `"input"` is the image | the layer before |
//! | `width` | conv, conv_transposed | channels, relative | must be said |
//! | `kernel` | conv: 1, 3; conv_transposed: 2, 4 | side of the kernel | 3; 2 |
//! | `dilations` | conv | several: the channels are split over them as evenly as possible | `[1]` |
//! | `activation` | conv, conv_transposed | | that of the file |
//! | `normalisation` | conv, conv_transposed | none, or group: before the activation (Wu & He 2018) | that of the file; none |
//! | `factor` | pools, upsample | 2, 4, 8 (blurpool: 2) | 2 |
//! | `mode` | upsample | nearest, bilinear | must be said |
//! | `like` | upsample, conv_transposed | the layer whose size the result is cropped to | the nearest of that size before it |
//!
//! Layers may stand in any order; the last one is the output layer, whose channels are those of the task. Layers that
//! are added share one width. A layer of several dilations becomes one convolution `<id>.d<dilation>` for each and a
//! concat `<id>`, and counts as one layer. A normalisation is a node `<id>.norm`; its groups are the largest number up to 8 that
//! divides the channels and leaves four or more in each. All convolutions pad with zeros and keep the size.
#![forbid(unsafe_code)]

mod architecture;
mod blueprint;
mod check;
mod count;
mod error;
mod graph;
mod json;
mod keys;
mod layers;
mod link;
pub mod memory;
mod output;
mod parse;
mod problem;
mod regularise;
pub mod solve;
mod suggest;
mod ties;

pub use architecture::Architecture;
pub use error::NetError;
pub use graph::{
    Activation, DropoutUnit, MAX_CHANNELS, MAX_DILATION, MAX_NODES, MAX_SCALE, Net, Node, Normalisation, Op,
    PoolKind, UpsampleMode,
};
pub use json::MemoryCost;
pub use layers::HiddenLayer;
pub use problem::Problem;
pub use regularise::Regularisation;
pub use ties::WidthGroup;
