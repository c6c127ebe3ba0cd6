//! Convolution, pooling and upsampling kernels on feature maps.
//!
//! Feature maps live in one [`Arena`] and are named by [`View`]s, laid out `[N][C][H][W]`: the lanes of a vector
//! are neighbouring pixels of one channel, so that any number of channels, one or nine as well as sixteen, costs
//! what it computes and takes the memory that it holds. A concatenation is a list of channels and copies
//! nothing. All work runs on a [`Compute`]: a worker pool and a [`Simd`] level. Results are bitwise the same for
//! every number of threads and every level. [`mod@reference`] holds the readable form of each kernel, to which the
//! fast ones are held by the tests.
//!
//! Misuse (views that overlap, shapes that do not fit together, slices of the wrong length) is a
//! programming error and panics with a message; nothing a caller can do makes a kernel touch memory
//! outside the arena and slices it was given.

mod activation;
mod arena;
pub mod bench;
mod conv;
mod conv_transposed;
mod elementwise;
mod finish;
mod functions;
mod gradient;
pub mod peak;
mod pieces;
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
pub use pool::{PoolKind, pool_backward, pool_forward};
pub use simd::{Simd, SimdError};
pub use threads::{Compute, ComputeError};
pub use upsample::{UpsampleMode, upsample_backward, upsample_forward};
pub use view::{LINE, View};
