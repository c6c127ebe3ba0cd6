//! Prints the bandwidth that the kernels bound by memory reach, beside that of a plain copy:
//! `cargo run --release -p foci-kernels --example maps_speed -- [threads] [repetitions]`.
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
    let fine = View::new(0, 1, 16, 512, 672);
    let other = View { offset: fine.end(), ..fine };
    let third = View { offset: other.end(), ..fine };
    let coarse = View { offset: third.end(), h: 256, w: 336, ..fine };
    let mut arena = Arena::new(coarse.end())?;
    let mut plain = vec![0.5; fine.values()];
    load_nchw(&compute, &mut arena, &plain, fine);
    let mebibytes = |views: &[View]| views.iter().map(View::floats).sum::<usize>() as f64 * 4.0;
    type Run<'a> = (&'a str, f64, Box<dyn FnMut(&Compute, &mut Arena)>);
    let (pair, step) = (mebibytes(&[fine, fine]), mebibytes(&[fine, coarse]));
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
    println!("copy: {:.1} GB/s", peak::gigabytes(&compute, repetitions));
    for (name, bytes, run) in &mut runs {
        let mut least = f64::INFINITY;
        for _ in 0..repetitions {
            let begin = Instant::now();
            run(&compute, &mut arena);
            least = least.min(begin.elapsed().as_secs_f64());
        }
        println!("{name:14} {:6.2} ms {:6.1} GB/s", least * 1e3, *bytes / least / 1e9);
    }
    println!("copy: {:.1} GB/s", peak::gigabytes(&compute, repetitions));
    Ok(())
}
