//! What is planned is what is allocated, and training allocates nothing.
//!
//! One test, since the allocations of all threads of the process are counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{compute, numbers};
use foci_engine::{
    Adam, Loss, MeanAbsoluteError, MeanSquaredError, MemoryPlan, Mode, Optimiser, Parameters, PlanOptions,
    Session, Sgd, Shape, clip_gradient_norm,
};
use foci_kernels::Compute;
use foci_net::{Architecture, Net, solve};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn shipped(name: &str, weights: u64) -> Net {
    solve::for_weights(&Architecture::shipped(name).unwrap(), weights, 1, 1).unwrap()
}

#[test]
fn the_plan_is_kept() {
    // Built first, since a thread allocates when it starts, which may be a while after it was asked for.
    let compute = compute(2);
    bytes_are_those_planned();
    layers_are_those_planned();
    ten_steps_allocate_nothing(&compute);
}

fn planned(net: &Net, shape: Shape, mode: Mode, threads: usize) -> u64 {
    let total =
        MemoryPlan::new(net, shape, PlanOptions { threads, ..PlanOptions::new(mode) }).unwrap().bytes.total();
    if threads == 1 {
        let told = if mode == Mode::Training { Net::train_bytes } else { Net::infer_bytes };
        assert_eq!(told(net, shape.h, shape.w), Ok(total));
    }
    total
}

fn bytes_are_those_planned() {
    for threads in [1, 2] {
        for (name, weights) in
            [("unet", 60_000), ("fcn", 20_000), ("atrous", 60_000), ("atrous-unet", 60_000)]
        {
            // A new one each time, since its scratch stays as large as it was ever needed.
            let device = compute(threads);
            let net = shipped(name, weights);
            let shape = Shape { n: 1, h: 203, w: 161 };
            let pixels = shape.h * shape.w;
            let check = |mode, planned: u64, before: usize| {
                let live = (LIVE.load(Ordering::Relaxed) - before) as u64;
                let difference = live.abs_diff(planned) as f64 / planned as f64;
                assert!(
                    difference < 0.01,
                    "{name} {mode:?}, {threads} threads: {live} bytes, planned {planned}"
                );
            };
            let before = LIVE.load(Ordering::Relaxed);
            let parameters = Parameters::he(&net, 1);
            let session = Session::new(&net, shape, Mode::Training, &device).unwrap();
            let adam = Adam::new(parameters.values.len(), 0.0);
            let lists = [vec![0.0_f32; pixels], vec![0.0_f32; pixels], vec![0.0_f32; pixels]];
            check(Mode::Training, planned(&net, shape, Mode::Training, threads), before);
            let bytes = session.bytes();
            let planned_here = bytes.arena + bytes.layers;
            assert_eq!(session.allocated_bytes(&device), planned_here, "{name}, {threads} threads");
            drop((parameters, session, adam, lists, device));
            let device = compute(threads);
            let before = LIVE.load(Ordering::Relaxed);
            let parameters = Parameters::he(&net, 1);
            let session = Session::new(&net, shape, Mode::Inference, &device).unwrap();
            let input = vec![0.0_f32; pixels];
            check(Mode::Inference, planned(&net, shape, Mode::Inference, threads), before);
            drop((parameters, session, input, device));
        }
    }
}

/// Every kind of layer, exactly.
fn layers_are_those_planned() {
    for threads in [1, 3] {
        let msd = shipped("msd", 20_000);
        for (index, net) in common::small_nets().iter().map(|(_, net)| net).chain([&msd]).enumerate() {
            for (n, h, w) in [(1, 1, 1), (2, 7, 5), (1, 64, 33)] {
                for mode in [Mode::Training, Mode::Inference] {
                    let compute = compute(threads);
                    let session = Session::new(net, Shape { n, h, w }, mode, &compute).unwrap();
                    let bytes = session.bytes();
                    let planned = bytes.arena + bytes.layers;
                    assert_eq!(
                        session.allocated_bytes(&compute),
                        planned,
                        "net {index}, {n} x {h}x{w}, {threads} threads"
                    );
                }
            }
        }
    }
}

fn ten_steps_allocate_nothing(compute: &Compute) {
    for (index, net) in
        common::small_nets().iter().map(|(_, net)| net.clone()).chain([shipped("unet", 5_000)]).enumerate()
    {
        let shape = Shape { n: 2, h: 13, w: 9 };
        let input = numbers(1, shape.n * net.nodes[0].channels * shape.h * shape.w);
        let target = numbers(2, shape.n * net.nodes.last().unwrap().channels * shape.h * shape.w);
        let mut d_output = vec![0.0; target.len()];
        let mut parameters = Parameters::he(&net, 3);
        let mut session = Session::new(&net, shape, Mode::Training, compute).unwrap();
        let mut adam = Adam::decoupled(parameters.values.len(), 0.01);
        let mut sgd = Sgd::new(parameters.values.len(), 0.9, 0.0);
        let before = CALLS.load(Ordering::Relaxed);
        for step in 0..10 {
            session.set_parameters(&parameters).unwrap();
            let output = session.forward(compute, &input).unwrap();
            let loss: &dyn Loss = if step % 2 == 0 { &MeanSquaredError } else { &MeanAbsoluteError };
            loss.evaluate(output, &target, &mut d_output).unwrap();
            let gradients = session.backward(compute, &d_output).unwrap();
            clip_gradient_norm(&mut gradients.values, 0.1);
            let optimiser: &mut dyn Optimiser = if step < 5 { &mut adam } else { &mut sgd };
            optimiser.step(&mut parameters.values, &gradients.values, 1e-3).unwrap();
        }
        assert_eq!(CALLS.load(Ordering::Relaxed) - before, 0, "net {index} allocates while training");
    }
}
