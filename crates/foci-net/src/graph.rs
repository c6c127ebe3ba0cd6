//! The resolved net: a checked graph of nodes in an order in which they can be computed.
//!
//! Every node knows its channels and its *scale*, the stride of its feature map relative to the input. A
//! map of scale `s` over an image of height `h` is `ceil(h / s)` high, whatever path led there: pooling
//! rounds up, upsampling is cropped, and ceilings nest (`ceil(ceil(h / 2) / 2) = ceil(h / 4)`). So two maps
//! meet at every image size exactly if their scales are equal, and sizes are checked without an image.

use serde::{Deserialize, Serialize};

/// Most channels that one feature map may have.
pub const MAX_CHANNELS: usize = 1 << 20;
/// Largest scale (stride relative to the input) of a feature map.
pub const MAX_SCALE: usize = 256;
/// Largest dilation of a convolution, in pixels of its own feature map.
pub const MAX_DILATION: usize = 1024;
/// Most nodes in a net.
pub const MAX_NODES: usize = 8192;

/// A resolved net: `nodes[0]` is the input, the last node the output, and each node reads only nodes before it.
///
/// Build one with [`Net::new`], [`Net::from_json`] or [`Architecture::resolve`](crate::Architecture::resolve),
/// which check it; the engine relies on that.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// What the net is called in reports and files.
    pub name: String,
    /// The graph in topological order.
    pub nodes: Vec<Node>,
}

/// One step of the net and the feature map [N, channels, ceil(H / scale), ceil(W / scale)] that it makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique name; the weights of a convolution are stored as `<id>.weight` and `<id>.bias`.
    pub id: String,
    /// What is computed.
    pub op: Op,
    /// Indices of the nodes read, in channel order for [`Op::Concat`].
    pub from: Vec<usize>,
    /// For [`Op::Upsample`] and [`Op::ConvTransposed`]: the node whose height and width the result is cropped to.
    pub like: Option<usize>,
    /// Channels of the result.
    pub channels: usize,
    /// Stride of the result relative to the input: 1, 2, 4, ...
    pub scale: usize,
}

/// What a node computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// The image, [N, channels, H, W].
    Input,
    /// Convolution with weights [channels, channels_in, kernel, kernel], zero padding, same size.
    Conv {
        /// Side of the kernel, 1 or 3.
        kernel: usize,
        /// Distance of neighbouring taps in pixels.
        dilation: usize,
        /// Channels read.
        channels_in: usize,
        /// Applied to the sum of convolution and bias.
        activation: Activation,
    },
    /// Group normalisation (Wu & He 2018) of the convolution read, with a weight and a bias for each channel.
    GroupNorm {
        /// Groups of channels, each brought to mean 0 and variance 1 in every image; they divide the channels.
        groups: usize,
        /// Applied to the normalised, weighted value.
        activation: Activation,
    },
    /// In training, sets parts of the map to zero at random and divides the rest by the share that is left (Srivastava
    /// 2014); nothing otherwise. Nets that are saved have none: [`Net::regularised`] puts them in.
    Dropout {
        /// Share that is set to zero, 0 or more and below 1.
        rate: f64,
        /// What is kept or dropped as one.
        unit: DropoutUnit,
    },
    /// Reduces height and width by `factor`, rounding up; windows over the border see only what is there.
    Pool {
        /// How a window becomes one value.
        kind: PoolKind,
        /// Side and stride of the window: 2, 4 or 8 ([`PoolKind::Blur`]: 2).
        factor: usize,
    },
    /// Enlarges height and width by `factor`, then crops to the size of `like`.
    Upsample {
        /// 2, 4 or 8.
        factor: usize,
        /// How new values are made.
        mode: UpsampleMode,
    },
    /// Transposed convolution of stride 2 with weights [channels, channels_in, kernel, kernel], cropped to `like`.
    ///
    /// Padding is `(kernel - 2) / 2`, so that the result is exactly twice as large before it is cropped.
    ConvTransposed {
        /// Side of the kernel, 2 or 4: multiples of the stride, so that no checkerboard is built in
        /// (Odena, Dumoulin, Olah 2016).
        kernel: usize,
        /// 2.
        factor: usize,
        /// Channels read.
        channels_in: usize,
        /// Applied to the sum of transposed convolution and bias.
        activation: Activation,
    },
    /// The channels of all inputs, in order.
    Concat,
    /// The sum of all inputs.
    Add,
    /// The result of the net, [N, channels, H, W].
    Output,
}

/// Non-linearity after a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The identity.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x` above zero, `0.01 x` below.
    LeakyRelu,
    /// `x` above zero, `exp(x) - 1` below (Clevert 2016, alpha 1).
    Elu,
    /// `x / (1 + exp(-x))` (Elfwing 2018).
    Silu,
}

/// What a layer does with the result of its convolution before the activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// Nothing.
    #[default]
    None,
    /// Group normalisation; as many groups as [`Normalisation::groups`] says.
    Group,
}

/// What dropout keeps or drops as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropoutUnit {
    /// A channel of an image: neighbouring pixels of a map say much the same, so that dropping single ones would drop
    /// little (Tompson 2015, spatial dropout).
    Channel,
    /// All channels of an image.
    Map,
}

/// How a pooling window becomes one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean of the values that are there.
    Average,
    /// 3x3 binomial low-pass at stride 2, weights renormalised at the border (Zhang 2019, without the maximum).
    Blur,
}

/// How an upsampling makes new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpsampleMode {
    /// Repeats each pixel.
    Nearest,
    /// As PyTorch with `align_corners=False`.
    Bilinear,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 5] =
        [Activation::None, Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Silu];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Activation::None => "none",
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Elu => "elu",
            Activation::Silu => "silu",
        }
    }
}

impl Normalisation {
    /// Every normalisation.
    pub const ALL: [Normalisation; 2] = [Normalisation::None, Normalisation::Group];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Normalisation::None => "none",
            Normalisation::Group => "group",
        }
    }

    /// The groups of a layer of so many channels: the largest number up to 8 that divides them and leaves at least four
    /// channels in each, or one. A group of one channel would take away what the channel says of the whole image.
    pub fn groups(channels: usize) -> usize {
        (1..=8).rev().find(|groups| channels.is_multiple_of(*groups) && channels >= 4 * groups).unwrap_or(1)
    }
}

impl PoolKind {
    /// The name of the operation in files.
    pub fn op_name(self) -> &'static str {
        match self {
            PoolKind::Max => "maxpool",
            PoolKind::Average => "avgpool",
            PoolKind::Blur => "blurpool",
        }
    }
}

impl UpsampleMode {
    /// Every mode.
    pub const ALL: [UpsampleMode; 2] = [UpsampleMode::Nearest, UpsampleMode::Bilinear];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            UpsampleMode::Nearest => "nearest",
            UpsampleMode::Bilinear => "bilinear",
        }
    }
}

impl Op {
    /// The name used in files.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv { .. } => "conv",
            Op::GroupNorm { .. } => "group_norm",
            Op::Dropout { .. } => "dropout",
            Op::Pool { kind, .. } => kind.op_name(),
            Op::Upsample { .. } => "upsample",
            Op::ConvTransposed { .. } => "conv_transposed",
            Op::Concat => "concat",
            Op::Add => "add",
            Op::Output => "output",
        }
    }
}
