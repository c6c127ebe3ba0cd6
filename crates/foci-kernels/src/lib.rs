//! Convolution, pooling and upsampling kernels on blocked feature maps.
