//! What a training step has in memory at its peak, net by net: the arena beside the least that any arena could be,
//! everything else that is allocated, and the maps that are alive when most floats are.
//!
//! `cargo run --release -p foci-net --example memory -- [inference] [net ...]`

#![allow(clippy::print_stdout, reason = "it is a tool")]

use foci_net::memory::place::{busiest_step, lower_bound};
use foci_net::memory::{MemoryPlan, Mode, PlanOptions, Shape};
use foci_net::{Architecture, solve};

const SHAPE: Shape = Shape { n: 1, h: 512, w: 672 };
const THREADS: usize = 2;

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let inference = names.first().is_some_and(|name| name == "inference");
    if inference {
        names.remove(0);
    }
    let mode = if inference { Mode::Inference } else { Mode::Training };
    let told = !names.is_empty();
    if !told {
        names = ["fcn", "unet", "atrous", "atrous-unet"].map(str::to_owned).to_vec();
    }
    println!("1 x 512 x 672, {THREADS} threads, MiB: arena (least), layers, staging, all");
    for name in names {
        for weights in [30_000, 120_000] {
            let net = solve::for_weights(&Architecture::shipped(&name)?, weights, 1, 1)?;
            let plan =
                MemoryPlan::new(&net, SHAPE, PlanOptions { threads: THREADS, ..PlanOptions::new(mode) })?;
            let step = busiest_step(&plan.buffers);
            let least = lower_bound(&plan.buffers);
            let bytes = plan.bytes;
            println!(
                "{name:<18} {weights:>6}: {:6.1} ({:6.1}) {:5.1} {:5.1} {:6.1}",
                mebibytes(bytes.arena),
                mebibytes(4 * least as u64),
                mebibytes(bytes.layers),
                mebibytes(bytes.staging),
                mebibytes(bytes.total()),
            );
            if told {
                println!("  alive in step {step} of {}:", plan.steps());
                for buffer in plan.buffers.iter().filter(|buffer| buffer.needed_in(step)) {
                    let id = &net.nodes[buffer.node].id;
                    println!(
                        "  {:6.1} {id:<12} {:?} {} x {}x{}, steps {} to {}",
                        mebibytes(4 * buffer.floats as u64),
                        buffer.purpose,
                        buffer.channels,
                        buffer.h,
                        buffer.w,
                        buffer.first,
                        buffer.last,
                    );
                }
            }
        }
    }
    Ok(())
}
