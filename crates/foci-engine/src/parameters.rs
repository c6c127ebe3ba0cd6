//! The trainable numbers of a net: one flat list, and where each layer's weights and biases lie in it.
//!
//! The order is that of the net's nodes; each convolution has its weights [out, in, kh, kw], then its biases [out].
//! Gradients and optimiser moments have the same order, so that an optimiser needs to know no layers.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use foci_net::{Activation, Net, Op};

use crate::error::{EngineError, check_length};
use crate::normal::Normal;
use crate::sums::norm;
use crate::tensors::{NamedTensor, TensorFile, to_safetensors};

/// How the weights of a layer begin; biases begin at zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Normal numbers of this standard deviation around zero (see [`Parameters::he`]).
    Normal(f64),
    /// All at one, as normalisations have them.
    One,
}

/// Where the numbers of one convolution or normalisation lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Index in the net's nodes.
    pub node: usize,
    /// Id of that node.
    pub id: String,
    /// Shape of the weights: [out, in, kh, kw] of a convolution, one for each channel of a normalisation.
    pub shape: Vec<usize>,
    /// Weights in the flat list.
    pub weight: Range<usize>,
    /// Biases in the flat list, directly after the weights.
    pub bias: Range<usize>,
    /// How the weights begin.
    pub start: Start,
}

impl Layer {
    /// Whether it is a convolution, plain or transposed.
    pub fn is_convolution(&self) -> bool {
        self.shape.len() == 4
    }
}

/// The order of a net's trainable numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Name of the net.
    pub net: String,
    /// Every convolution, plain and transposed, and every normalisation, in the order of nodes.
    pub layers: Vec<Layer>,
}

impl Layout {
    /// The layout of `net`.
    pub fn new(net: &Net) -> Layout {
        let mut start = 0;
        let mut layers = Vec::new();
        for (index, node) in net.nodes.iter().enumerate() {
            let (shape, begins) = match node.op {
                Op::Conv { kernel, channels_in, activation, .. } => {
                    let fan_in = channels_in * kernel * kernel;
                    (vec![node.channels, channels_in, kernel, kernel], Start::he(activation, fan_in))
                }
                // Of a kernel spread with a stride, only every stride-th row and column meet in one output pixel.
                Op::ConvTransposed { kernel, factor, channels_in, activation } => {
                    let fan_in = channels_in * (kernel / factor) * (kernel / factor);
                    (vec![node.channels, channels_in, kernel, kernel], Start::he(activation, fan_in))
                }
                Op::GroupNorm { .. } => (vec![node.channels], Start::One),
                _ => continue,
            };
            let weight = start..start + shape.iter().product::<usize>();
            let bias = weight.end..weight.end + node.channels;
            start = bias.end;
            layers.push(Layer { node: index, id: node.id.clone(), shape, weight, bias, start: begins });
        }
        Layout { net: net.name.clone(), layers }
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.end)
    }

    /// The layer of node `id`.
    pub fn layer(&self, id: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.id == id)
    }

    /// Whether numbers in the order of `other` can serve here: the same layers of the same shapes.
    pub(crate) fn fits(&self, other: &Layout) -> bool {
        let alike = |(mine, theirs): (&Layer, &Layer)| mine.id == theirs.id && mine.shape == theirs.shape;
        self.layers.len() == other.layers.len() && self.layers.iter().zip(&other.layers).all(alike)
    }

    /// Splits a flat list into tensors `<id>.weight` and `<id>.bias`.
    fn named(&self, values: &[f32]) -> Vec<NamedTensor> {
        let mut tensors = Vec::with_capacity(2 * self.layers.len());
        for layer in &self.layers {
            tensors.push(NamedTensor {
                name: format!("{}.weight", layer.id),
                shape: layer.shape.clone(),
                values: values[layer.weight.clone()].to_vec(),
            });
            tensors.push(NamedTensor {
                name: format!("{}.bias", layer.id),
                shape: vec![layer.shape[0]],
                values: values[layer.bias.clone()].to_vec(),
            });
        }
        tensors
    }
}

impl Start {
    /// He's initialisation for a layer with this activation, each of whose values is a sum of `fan_in` products.
    fn he(activation: Activation, fan_in: usize) -> Start {
        Start::Normal(gain(activation) / (fan_in as f64).sqrt())
    }
}

/// Factor by which initial weights are larger than 1 / sqrt(fan-in), so that a layer with this activation passes on
/// the variance that it receives: 1 / sqrt(E[f(z)^2]) for standard normal z.
///
/// ReLU: sqrt(2) (He 2015, equation 10); LeakyReLU of slope a: sqrt(2 / (1 + a^2)) (equation 15). ELU:
/// E = e^2 P(-2) - 2 sqrt(e) P(-1) + 1, P the normal distribution, = 0.644945; SiLU: E = 0.355775 by quadrature.
fn gain(activation: Activation) -> f64 {
    match activation {
        Activation::None => 1.0,
        Activation::Relu => 2.0_f64.sqrt(),
        Activation::LeakyRelu => (2.0 / (1.0 + 0.01 * 0.01_f64)).sqrt(),
        Activation::Elu => (1.0 / 0.644_945_f64).sqrt(),
        Activation::Silu => (1.0 / 0.355_775_f64).sqrt(),
    }
}

/// Weights and biases of a net.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// All numbers, in the order of `layout`.
    pub values: Vec<f32>,
    /// Which is which.
    pub layout: Arc<Layout>,
}

impl Parameters {
    /// The parameters to start from: He's initialisation (He, Zhang, Ren, Sun 2015), biases zero.
    ///
    /// Weights are normal with standard deviation gain / sqrt(fan-in); the fan-in of a convolution is its channels in
    /// times its taps, and the gain is that of its own activation. Each layer draws from a stream of its own, chosen
    /// by `seed`, the net's name and the layer's id: changing one layer changes no other, and two nets that share
    /// layer names share no weights. Weights of normalisations are one.
    pub fn he(net: &Net, seed: u64) -> Parameters {
        let mut parameters = Parameters::zeros(net);
        let layout = Arc::clone(&parameters.layout);
        for layer in &layout.layers {
            let weights = &mut parameters.values[layer.weight.clone()];
            match layer.start {
                Start::One => weights.fill(1.0),
                Start::Normal(deviation) => {
                    let mut normal = Normal::new(seed, &format!("{}/{}", net.name, layer.id));
                    for value in weights {
                        *value = (normal.next() * deviation) as f32;
                    }
                }
            }
        }
        parameters
    }

    /// All zero.
    pub fn zeros(net: &Net) -> Parameters {
        let layout = Layout::new(net);
        Parameters { values: vec![0.0; layout.count()], layout: Arc::new(layout) }
    }

    /// Weights of layer `id`, as its [`Layer::shape`] says.
    pub fn weight(&self, id: &str) -> Option<&[f32]> {
        self.layout.layer(id).map(|layer| &self.values[layer.weight.clone()])
    }

    /// Biases, one for each channel out, of layer `id`.
    pub fn bias(&self, id: &str) -> Option<&[f32]> {
        self.layout.layer(id).map(|layer| &self.values[layer.bias.clone()])
    }

    /// Those of the layers that `net` has, too: of a net that was trained with heads, say, those of the net itself.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if `net` has a layer that is not among these.
    pub fn of(&self, net: &Net) -> Result<Parameters, EngineError> {
        let mut parameters = Parameters::zeros(net);
        match parameters.take_over(self).first() {
            None => Ok(parameters),
            Some(layer) => Err(EngineError::Unavailable {
                what: format!(
                    "net `{}` has no layer `{layer}` like that of net `{}`",
                    self.layout.net, net.name
                ),
                remedy: "take the parameters of a net that has all layers of the other",
            }),
        }
    }

    /// Takes the numbers of every layer that is in `other`, too, in the same shape; returns the ids of those that are not.
    pub fn take_over(&mut self, other: &Parameters) -> Vec<String> {
        let layout = Arc::clone(&self.layout);
        let mut left = Vec::new();
        for layer in &layout.layers {
            match other.layout.layer(&layer.id).filter(|known| known.shape == layer.shape) {
                Some(known) => self.values[layer.weight.start..layer.bias.end]
                    .copy_from_slice(&other.values[known.weight.start..known.bias.end]),
                None => left.push(layer.id.clone()),
            }
        }
        left
    }

    /// Copies as tensors `<id>.weight` and `<id>.bias`, in the order of the layout.
    pub fn named_tensors(&self) -> Vec<NamedTensor> {
        self.layout.named(&self.values)
    }

    /// The bytes of `model.safetensors`.
    ///
    /// # Errors
    /// [`EngineError::Length`] if `values` has been given another length.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, EngineError> {
        check_length("the list of parameters", self.layout.count(), self.values.len())?;
        to_safetensors(&self.named_tensors())
    }

    /// Reads the bytes of a `model.safetensors` of exactly this net; `source` names the file in messages.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] if it is no safetensors file; [`EngineError::Tensor`] if a tensor is missing, has
    /// another shape or type, holds a value that is not finite, or belongs to no layer of the net.
    pub fn from_safetensors(net: &Net, bytes: &[u8], source: &str) -> Result<Parameters, EngineError> {
        let file = TensorFile::from_safetensors(bytes, source)?;
        let mut parameters = Parameters::zeros(net);
        let layout = Arc::clone(&parameters.layout);
        let mut known = BTreeSet::new();
        for layer in &layout.layers {
            let (weight, bias) = (format!("{}.weight", layer.id), format!("{}.bias", layer.id));
            parameters.values[layer.weight.clone()].copy_from_slice(file.values(&weight, &layer.shape)?);
            parameters.values[layer.bias.clone()].copy_from_slice(file.values(&bias, &layer.shape[..1])?);
            known.extend([weight, bias]);
        }
        match file.names().find(|name| !known.contains(*name)) {
            Some(name) => Err(file.wrong(name, format!("belongs to no layer of net `{}`", net.name))),
            None => Ok(parameters),
        }
    }
}

/// Derivatives of a loss by the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// All derivatives, in the order of `layout`, which is that of [`Parameters`].
    pub values: Vec<f32>,
    /// Which is which.
    pub layout: Arc<Layout>,
}

/// Derivatives by one layer's parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerGradient<'a> {
    /// By its weights, as its [`Layer::shape`] says.
    pub weight: &'a [f32],
    /// By its biases, one for each channel out.
    pub bias: &'a [f32],
}

impl LayerGradient<'_> {
    /// Euclidean norm over the weights, summed in f64 in a fixed order.
    pub fn weight_norm(&self) -> f64 {
        norm(self.weight)
    }

    /// Euclidean norm over the biases.
    pub fn bias_norm(&self) -> f64 {
        norm(self.bias)
    }
}

impl Gradients {
    /// The derivatives by the parameters of node `id`; none if it has none in the net.
    pub fn layer(&self, id: &str) -> Option<LayerGradient<'_>> {
        self.layout.layer(id).map(|layer| LayerGradient {
            weight: &self.values[layer.weight.clone()],
            bias: &self.values[layer.bias.clone()],
        })
    }

    /// Euclidean norm over all parameters.
    pub fn norm(&self) -> f64 {
        norm(&self.values)
    }

    /// Copies as tensors `<id>.weight` and `<id>.bias`.
    pub fn named_tensors(&self) -> Vec<NamedTensor> {
        self.layout.named(&self.values)
    }
}
