//! Prints the bandwidth that the kernels bound by memory reach on maps of 16 channels, beside that of a plain
//! copy right before or after, whichever was faster:
//! `cargo run --release -p foci-kernels --example maps_speed -- [threads] [repetitions] [height] [width]`.
//! Pooling and upsampling have factor 2, and this is the size of the finer map; bytes are those of the maps read
//! and written. Maps that fit in a cache show what the kernels themselves cost.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use foci_kernels::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |at: usize, otherwise: usize| match std::env::args().nth(at) {
        Some(text) => text.parse(),
        None => Ok(otherwise),
    };
    let compute = Compute::new(argument(1, 2)?, Simd::detect()?)?;
    let repetitions = argument(2, 9)?;
    let fine = View::new(0, 1, 16, argument(3, 512)?, argument(4, 672)?);
    let other = View { offset: fine.end(), ..fine };
    let third = View { offset: other.end(), ..fine };
    let coarse = View { offset: third.end(), h: fine.h.div_ceil(2), w: fine.w.div_ceil(2), ..fine };
    let mut arena = Arena::new(coarse.end())?;
    let mut plain = vec![0.5; fine.values()];
    load_nchw(&compute, &mut arena, &plain, fine);
    let bytes = |views: &[View]| views.iter().map(View::values).sum::<usize>() as f64 * 4.0;
    type Run<'a> = (&'a str, f64, Box<dyn FnMut(&Compute, &mut Arena)>);
    let (pair, step) = (bytes(&[fine, fine]), bytes(&[fine, coarse]));
    let mut runs: Vec<Run> = vec![];
    for kind in [PoolKind::Max, PoolKind::Average, PoolKind::Blur] {
        let name = ["max pool", "average pool", "blur pool"][kind as usize];
        runs.push((name, step, Box::new(move |c, a| pool_forward(c, a, kind, 2, fine, coarse))));
        let into = InputGradient::overwrite(other);
        let bytes = if kind == PoolKind::Max { step + pair / 2.0 } else { step };
        runs.push((
            "  gradient",
            bytes,
            Box::new(move |c, a| pool_backward(c, a, kind, 2, fine, coarse, &into)),
        ));
    }
    for mode in [UpsampleMode::Nearest, UpsampleMode::Bilinear] {
        let name = ["nearest", "bilinear"][mode as usize];
        runs.push((name, step, Box::new(move |c, a| upsample_forward(c, a, mode, 2, coarse, other))));
        let into = InputGradient::overwrite(coarse);
        runs.push(("  gradient", step, Box::new(move |c, a| upsample_backward(c, a, mode, 2, other, &into))));
    }
    for activation in [Activation::Relu, Activation::Elu, Activation::Silu] {
        let name = ["", "relu", "", "elu", "silu"][activation as usize];
        runs.push((name, pair, Box::new(move |c, a| activate(c, a, activation, fine, other))));
    }
    runs.push(("add", pair * 1.5, Box::new(move |c, a| add_forward(c, a, &[fine, other], third))));
    runs.push(("fill zero", pair / 2.0, Box::new(move |c, a| fill_zero(c, a, third))));
    let values = plain.clone();
    runs.push(("load", pair, Box::new(move |c, a| load_nchw(c, a, &values, fine))));
    runs.push(("store", pair, Box::new(move |c, a| store_nchw(c, a, fine, &mut plain))));
    for (name, bytes, run) in &mut runs {
        let copy = peak::gigabytes(&compute, 5);
        let mut seconds: Vec<f64> = (0..repetitions.max(1))
            .map(|_| {
                let begin = Instant::now();
                run(&compute, &mut arena);
                begin.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds[seconds.len() / 2];
        let reached = *bytes / middle / 1e9;
        let part = reached / copy.max(peak::gigabytes(&compute, 5));
        println!("{name:14} {:8.1} us {reached:6.1} GB/s {part:5.2} of copy", middle * 1e6);
    }
    Ok(())
}
