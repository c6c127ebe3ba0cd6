//! Prints how fast the convolutions run here, as shares of the measured peak:
//! `cargo run --release -p foci-kernels --example speed -- [threads] [repetitions] [exact]`; with `exact`, products
//! are summed directly in all layers.
#![allow(clippy::print_stdout)]

use foci_kernels::bench::{ConvCase, conv};
use foci_kernels::{Compute, Simd};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |at: usize, otherwise: usize| match std::env::args().nth(at) {
        Some(text) => text.parse(),
        None => Ok(otherwise),
    };
    let compute = Compute::new(argument(1, 2)?, Simd::detect()?)?;
    let repetitions = argument(2, 5)?;
    let exact = std::env::args().nth(3).is_some_and(|word| word == "exact");
    println!("{} threads, {}", compute.threads(), compute.simd());
    println!("GFLOP/s and share of peak: forward | gradient by input | gradient by weights");
    let cases = [
        (32, 32, 512, 672, 3, 1),
        (32, 32, 512, 672, 3, 8),
        (9, 9, 512, 672, 3, 1),
        (9, 18, 256, 336, 3, 1),
        (22, 22, 512, 672, 3, 1),
        (22, 7, 512, 672, 3, 2),
        (22, 7, 512, 672, 3, 4),
        (64, 32, 512, 672, 3, 1),
        (36, 36, 64, 84, 3, 1),
        (43, 21, 512, 672, 3, 1),
        (64, 22, 256, 256, 3, 8),
        (48, 48, 256, 256, 3, 1),
        (65, 65, 256, 256, 3, 1),
        (32, 32, 512, 672, 1, 1),
        (1, 9, 512, 672, 3, 1),
        (9, 1, 512, 672, 3, 1),
    ];
    for (channels_in, channels_out, h, w, kernel, dilation) in cases {
        let case = ConvCase { channels_in, channels_out, h, w, kernel, dilation, exact };
        let speed = conv(&compute, case, repetitions)?;
        print!("{channels_in:3} -> {channels_out:3} {h}x{w} kernel {kernel} dilation {dilation}:");
        for part in [speed.forward, speed.backward_data, speed.backward_weights] {
            print!(
                " {:6.1} {:3.0} % {:6.1} ms (best {:3.0} % {:5.1} ms) |",
                part.gigaflops,
                part.share_of_peak * 100.0,
                part.seconds * 1e3,
                part.gigaflops * part.seconds / part.least_seconds / speed.most_gigaflops * 100.0,
                part.least_seconds * 1e3,
            );
        }
        println!(" peak {:.0} (best {:.0})", speed.peak_gigaflops, speed.most_gigaflops);
    }
    Ok(())
}
