//! How fast a convolution runs, as a share of what the machine can do. Runs of the kernel and of the peak
//! measurement take turns, and medians are taken of each, as the machine may be busy with other things.

use std::time::Instant;

use crate::activation::Activation;
use crate::arena::Arena;
use crate::arena::OutOfMemory;
use crate::conv::{Conv, ConvSpec};
use crate::gradient::InputGradient;
use crate::peak::{gigaflops, median};
use crate::threads::Compute;
use crate::view::View;

/// The layer to be timed: one image, one input, ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvCase {
    /// Channels read.
    pub channels_in: usize,
    /// Channels written.
    pub channels_out: usize,
    /// Rows of the image.
    pub h: usize,
    /// Columns of the image.
    pub w: usize,
    /// Rows and columns of the kernel: 1 or 3.
    pub kernel: usize,
    /// Pixels between taps.
    pub dilation: usize,
    /// Whether the products are summed directly in any case.
    pub exact: bool,
}

/// The speed of one kind of run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Median duration of a run in seconds.
    pub seconds: f64,
    /// Shortest duration of a run in seconds: what the machine does when nothing else disturbs it.
    pub least_seconds: f64,
    /// Billions of operations of the direct convolution per second (a multiply-add counts as two).
    pub gigaflops: f64,
    /// The median over the runs of their share of the peak measured just before and after.
    pub share_of_peak: f64,
}

/// The speeds of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvSpeed {
    /// The forward pass.
    pub forward: Speed,
    /// The gradient by the input, with the derivative of a ReLU.
    pub backward_data: Speed,
    /// The gradient by weights and bias.
    pub backward_weights: Speed,
    /// Median of the peak in billions of operations per second.
    pub peak_gigaflops: f64,
    /// Highest peak seen.
    pub most_gigaflops: f64,
}

/// Times a layer: `repetitions` runs of each kind after one to warm up.
///
/// # Errors
/// [`OutOfMemory`] if its maps do not fit.
pub fn conv(compute: &Compute, case: ConvCase, repetitions: usize) -> Result<ConvSpeed, OutOfMemory> {
    let view = |offset: usize, channels: usize| View::new(offset, 1, channels, case.h, case.w);
    let input = view(0, case.channels_in);
    let output = view(input.end(), case.channels_out);
    let d_output = view(output.end(), case.channels_out);
    let d_input = view(d_output.end(), case.channels_in);
    let mut arena = Arena::new(d_input.end())?;
    for map in [input, d_output] {
        let mut value = 0.1;
        for float in arena.values_mut(&map) {
            value = if value > 1.0 { -1.0 } else { value + 0.037 };
            *float = value;
        }
    }
    let spec = ConvSpec {
        kernel: case.kernel,
        dilation: case.dilation,
        inputs: vec![input],
        output,
        activation: Activation::Relu,
        training: true,
        exact: case.exact,
        part_of: None,
    };
    let mut layer = Conv::new(spec, compute);
    let mut d_weights = vec![0.0; case.channels_out * case.channels_in * case.kernel * case.kernel];
    let mut d_bias = vec![0.0; case.channels_out];
    let weights: Vec<f32> = (0..d_weights.len()).map(|at| (at % 17) as f32 * 0.01 - 0.08).collect();
    layer.pack(&weights, &d_bias);
    let into = [Some(InputGradient::overwrite(d_input).through(Activation::Relu, input))];
    let operations = 2.0 * d_weights.len() as f64 * (case.h * case.w) as f64;
    let mut run = |kind: usize| match kind {
        0 => layer.forward(compute, &mut arena),
        1 => layer.backward_data(compute, &mut arena, d_output, &into),
        _ => layer.backward_weights(compute, &arena, d_output, &mut d_weights, &mut d_bias),
    };
    let mut seconds = [const { Vec::new() }; 3];
    let mut shares = [const { Vec::new() }; 3];
    let mut peaks = Vec::new();
    for repetition in 0..=repetitions.max(1) {
        for kind in 0..3 {
            let before = gigaflops(compute, 5.0);
            let begin = Instant::now();
            run(kind);
            let elapsed = begin.elapsed().as_secs_f64().max(1e-9);
            let after = gigaflops(compute, 5.0);
            if repetition > 0 {
                seconds[kind].push(elapsed);
                shares[kind].push(operations / elapsed / 1e9 / ((before + after) / 2.0));
                peaks.extend([before, after]);
            }
        }
    }
    let mut speed = |kind: usize| {
        let least_seconds = seconds[kind].iter().copied().fold(f64::INFINITY, f64::min);
        let seconds = median(&mut seconds[kind]);
        Speed {
            seconds,
            least_seconds,
            gigaflops: operations / seconds / 1e9,
            share_of_peak: median(&mut shares[kind]),
        }
    };
    Ok(ConvSpeed {
        forward: speed(0),
        backward_data: speed(1),
        backward_weights: speed(2),
        most_gigaflops: peaks.iter().copied().fold(0.0, f64::max),
        peak_gigaflops: median(&mut peaks),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Simd;

    #[test]
    #[cfg_attr(miri, ignore = "a measurement")]
    fn a_small_layer_is_timed() {
        let compute = Compute::new(2, Simd::best()).unwrap();
        let case =
            ConvCase { channels_in: 3, channels_out: 5, h: 20, w: 30, kernel: 3, dilation: 2, exact: false };
        let speed = conv(&compute, case, 3).unwrap();
        for part in [speed.forward, speed.backward_data, speed.backward_weights] {
            // 2 x 3 x 5 x 9 x 600 operations.
            assert!((part.gigaflops * part.seconds * 1e9 - 162_000.0).abs() < 1.0);
            assert!(part.share_of_peak > 0.0);
        }
    }
}
