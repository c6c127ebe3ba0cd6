//! scaffolding: one case over and over
use foci_kernels::*;
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|t| t.parse().unwrap()).collect();
    let (ci, co, h, w, k, d, kind, reps) = (a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    let compute = Compute::new(1, Simd::detect().unwrap()).unwrap();
    let x = View::new(0, 1, ci, h, w);
    let y = View::new(x.end(), 1, co, h, w);
    let dy = View::new(y.end(), 1, co, h, w);
    let dx = View::new(dy.end(), 1, ci, h, w);
    let mut arena = Arena::new(dx.end()).unwrap();
    for v in [x, dy] {
        let mut s = 0.1;
        for f in arena.values_mut(&v) {
            s = if s > 1.0 { -1.0 } else { s + 0.037 };
            *f = s;
        }
    }
    let mut conv = Conv::new(
        ConvSpec {
            kernel: k,
            dilation: d,
            inputs: vec![x],
            output: y,
            activation: Activation::Relu,
            training: true,
            exact: a.len() > 8,
        },
        &compute,
    );
    let wts: Vec<f32> = (0..ci * co * k * k).map(|i| (i % 17) as f32 * 0.01 - 0.08).collect();
    conv.pack(&wts, &vec![0.0; co]);
    let (mut dw, mut db) = (wts.clone(), vec![0.0; co]);
    let into = [Some(InputGradient::overwrite(dx).through(Activation::Relu, x))];
    let mut best = f64::MAX;
    for _ in 0..reps {
        let t = std::time::Instant::now();
        match kind {
            0 => conv.forward(&compute, &mut arena),
            1 => conv.backward_data(&compute, &mut arena, dy, &into),
            _ => conv.backward_weights(&compute, &arena, dy, &mut dw, &mut db),
        }
        best = best.min(t.elapsed().as_secs_f64());
    }
    println!(
        "{ci}->{co} {h}x{w} k{k} d{d} kind {kind}: {:.2} ms, {:.0} GFLOP/s",
        best * 1e3,
        2.0 * (ci * co * k * k * h * w) as f64 / best / 1e9
    );
}
