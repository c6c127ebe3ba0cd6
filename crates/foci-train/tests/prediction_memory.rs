//! A predictor holds the memory of one image size, never of two: it gives one back before it takes the next.
//!
//! One test, since the allocations of all threads of the process are counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use foci_image::Plane;
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, solve};
use foci_train::{Observer, Predictor, Tiles, TrainingPlan, train};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
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

struct Nobody;

impl Observer for Nobody {
    fn step_done(&mut self, _: u64, _: u64, _: f64) {}
    fn stop_requested(&self) -> bool {
        false
    }
}

fn plane(width: usize, height: usize) -> Plane {
    Plane { width, height, data: (0..width * height).map(|at| (at % 251) as f32 / 251.0).collect() }
}

#[test]
fn images_of_two_sizes_need_the_memory_of_the_larger() {
    let compute = Compute::new(1, Simd::detect().unwrap()).unwrap();
    let net = solve::for_weights(&Architecture::shipped("fcn").unwrap(), 5_000, 1, 1).unwrap();
    let tiles = Tiles::of_planes(vec![plane(32, 32)], vec![plane(32, 32)]);
    let plan = TrainingPlan { learning_rate: 1e-3, augment: false, ..common::plan(1, 1, 32) };
    let folder = tempfile::tempdir().unwrap();
    let model = train(&net, &plan, &tiles, folder.path(), &compute, &mut Nobody).unwrap().model;

    let mut predictor = Predictor::new(&model, &compute);
    // Once beforehand, so that the scratch of the threads, which stays, is as large as it will be.
    let (large, small) = (plane(512, 512), plane(512, 496));
    predictor.predict(&large).unwrap();
    predictor.predict(&small).unwrap();
    drop(predictor);

    let before = LIVE.load(Ordering::Relaxed);
    let most = || MOST.load(Ordering::Relaxed) - before;
    MOST.store(before, Ordering::Relaxed);
    let mut predictor = Predictor::new(&model, &compute);
    predictor.predict(&large).unwrap();
    let of_one = most();
    predictor.predict(&small).unwrap();
    let of_both = most();
    assert!(
        of_both <= of_one + of_one / 20,
        "{of_one} bytes for the larger size, {of_both} for one after the other"
    );
}
