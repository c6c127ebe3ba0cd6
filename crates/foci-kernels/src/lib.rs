//! Convolution, pooling and upsampling kernels on feature maps.
//!
//! Feature maps live in one [`Arena`] and are named by [`View`]s, laid out `[N][C][H][W]`: the lanes of a vector
//! are neighbouring pixels of one channel, so that any number of channels, one or nine as well as sixteen, costs
//! what it computes and takes the memory that it holds. (Only gradients by weights of channels that fill sixteens have
//! channels as lanes.) A concatenation is a list of channels and copies
//! nothing. All work runs on a [`Compute`]: a worker pool and a [`Simd`] level. Results are bitwise the same for
//! every number of threads and every level. [`mod@reference`] holds the readable form of each kernel, to which the
//! fast ones are held by the tests.
//!
//! Misuse (views that overlap, shapes that do not fit together, slices of the wrong length) is a
//! programming error and panics with a message; nothing a caller can do makes a kernel touch memory
//! outside the arena and slices it was given. `tools/sound` in the repository looks for places where that is not so:
//! Miri on the plain Rust level, AddressSanitizer or valgrind on the others, and a fence behind the memory that
//! kernels work in.
//!
//! # Example
//!
//! A layer, forward and back:
//!
//! ```
//! use foci_kernels::*;
//!
//! // Two images of 3 channels, 32 x 48 pixels, become 8 channels; behind both lie their gradients.
//! let x = View::new(0, 2, 3, 32, 48);
//! let y = View::new(x.end(), 2, 8, 32, 48);
//! let (d_x, d_y) = (View { offset: y.end(), ..x }, View { offset: y.end() + x.floats(), ..y });
//! let mut arena = Arena::new(d_y.end())?;
//!
//! let compute = Compute::new(2, Simd::detect()?)?;
//! let spec = ConvSpec {
//!     kernel: 3,
//!     dilation: 1,
//!     inputs: vec![x],
//!     output: y,
//!     activation: Activation::Relu,
//!     training: true,
//!     exact: false,
//!     part_of: None,
//! };
//! let mut layer = Conv::new(spec, &compute);
//! layer.pack(&[0.1; 8 * 3 * 3 * 3], &[0.5; 8]);
//!
//! load_nchw(&compute, &mut arena, &vec![1.0; x.values()], x);
//! layer.forward(&compute, &mut arena);
//! let mut output = vec![0.0; y.values()];
//! store_nchw(&compute, &arena, y, &mut output);
//! // Away from the border, a pixel sees 27 values of 1.
//! assert!((output[16 * 48 + 24] - 3.2).abs() < 1e-5);
//!
//! // The gradient of the sum of all outputs is 1 everywhere; a layer wants it before its activation.
//! load_nchw(&compute, &mut arena, &vec![1.0; y.values()], d_y);
//! activation_gradient(&compute, &mut arena, Activation::Relu, y, d_y, d_y);
//! layer.backward_data(&compute, &mut arena, d_y, &[Some(InputGradient::overwrite(d_x))]);
//! let (mut d_weights, mut d_bias) = (vec![0.0; 8 * 3 * 3 * 3], vec![0.0; 8]);
//! layer.backward_weights(&compute, &arena, d_y, &mut d_weights, &mut d_bias);
//! // All outputs are above zero, and each pixel moves with the bias.
//! assert_eq!(d_bias, [2.0 * 32.0 * 48.0; 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activation;
mod arena;
pub mod bench;
mod conv;
mod conv_transposed;
mod elementwise;
mod finish;
mod functions;
mod gradient;
mod group_norm;
pub mod peak;
mod pieces;
mod planes;
mod pool;
pub mod reference;
mod resample;
mod scratch;
mod simd;
mod threads;
mod upsample;
mod vector;
mod view;

pub use activation::Activation;
pub use arena::{Arena, OutOfMemory};
pub use conv::{Conv, ConvShape, ConvSpec, LayerBytes};
pub use conv_transposed::{ConvTransposed, ConvTransposedShape, ConvTransposedSpec};
pub use elementwise::{
    activate, activation_gradient, add_forward, add_into, fill_zero, load_nchw, store_nchw,
};
pub use gradient::InputGradient;
pub use group_norm::{GroupNorm, GroupNormSpec};
pub use planes::PlaneScale;
pub use pool::{PoolKind, pool_backward, pool_forward};
pub use simd::{Simd, SimdError};
pub use threads::{Compute, ComputeError};
pub use upsample::{UpsampleMode, upsample_backward, upsample_forward};
pub use view::{LINE, View};
