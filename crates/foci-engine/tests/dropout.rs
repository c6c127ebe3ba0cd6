//! Dropout in a session: what is drawn, what it does to values and gradients, and that inference knows nothing of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Graph, compute, numbers, parameters, session};
use foci_engine::{Mode, PlanOptions, Session, SessionOptions, Shape};
use foci_kernels::Compute;
use foci_net::{Activation, DropoutUnit, Net};

const SHAPE: Shape = Shape { n: 3, h: 5, w: 7 };
const RATE: f64 = 0.25;

/// Two convolutions without activation and a dropout between them: linear in its input, whatever is dropped.
fn linear(unit: DropoutUnit) -> Net {
    let mut graph = Graph::new(1);
    let a = graph.conv(0, 3, 1, 40, Activation::None);
    let b = graph.conv(0, 1, 1, 2, Activation::None);
    let both = graph.concat(&[a, b]);
    let dropped = graph.dropout(both, RATE, unit);
    let c = graph.conv(dropped, 3, 1, 2, Activation::None);
    graph.finish(c)
}

/// A training session that keeps its values, with what it runs on, its net and an input.
struct Rig {
    compute: Compute,
    session: Session,
    net: Net,
    input: Vec<f32>,
}

impl Rig {
    fn new(unit: DropoutUnit) -> Rig {
        let (net, compute) = (linear(unit), compute(1));
        let plan =
            PlanOptions { input_gradient: true, keep_values: true, ..PlanOptions::new(Mode::Training) };
        let options = SessionOptions { plan, memory_limit: None };
        let mut session = Session::with_options(&net, SHAPE, options, &compute).unwrap();
        session.set_parameters(&parameters(&net, 1)).unwrap();
        Rig { compute, session, net, input: numbers(2, SHAPE.n * SHAPE.h * SHAPE.w) }
    }

    fn forward(&mut self) -> Vec<f32> {
        self.session.forward(&self.compute, &self.input).unwrap().to_vec()
    }

    /// Factor by which each plane [image][channel] was scaled, all its pixels alike.
    fn factors(&mut self) -> Vec<f32> {
        self.forward();
        let before = self.session.activation(&self.compute, "concat3").unwrap();
        let after = self.session.activation(&self.compute, "dropout4").unwrap();
        let pixels = before.h * before.w;
        let planes = before.values.chunks(pixels).zip(after.values.chunks(pixels));
        planes
            .map(|(before, after)| {
                let factor = after[0] / before[0];
                for (before, after) in before.iter().zip(after) {
                    assert!(
                        (after - factor * before).abs() <= 1e-6 * after.abs(),
                        "{after}, {factor} x {before}"
                    );
                }
                factor
            })
            .collect()
    }
}

#[test]
fn what_is_kept_is_made_up_for_and_steps_differ() {
    let mut rig = Rig::new(DropoutUnit::Channel);
    assert!(rig.factors().iter().all(|&factor| factor == 1.0));
    let kept = (1.0 / (1.0 - RATE)) as f32;
    let mut all = Vec::new();
    for step in 0..50 {
        rig.session.draw_dropout(7, step);
        let drawn = rig.factors();
        assert!(drawn.iter().all(|&factor| factor == 0.0 || (factor - kept).abs() < 1e-5), "{drawn:?}");
        all.push(drawn);
    }
    assert_ne!(all[0], all[1]);
    let dropped = all.iter().flatten().filter(|&&factor| factor == 0.0).count() as f64;
    // 50 x 3 x 42 draws: a standard deviation of 0.0055; four of them.
    let share = dropped / all.iter().flatten().count() as f64;
    assert!((share - RATE).abs() < 0.022, "{share}");
    // The same step of the same run drops the same.
    rig.session.draw_dropout(7, 3);
    assert_eq!(rig.factors(), all[3]);
    rig.session.draw_dropout(8, 3);
    assert_ne!(rig.factors(), all[3]);
}

#[test]
fn a_map_is_dropped_as_a_whole_image_by_image() {
    let mut rig = Rig::new(DropoutUnit::Map);
    let mut images = Vec::new();
    for step in 0..40 {
        rig.session.draw_dropout(1, step);
        for image in rig.factors().chunks(42) {
            assert!(image.iter().all(|&factor| (factor == 0.0) == (image[0] == 0.0)));
            images.push(image[0] == 0.0);
        }
    }
    // 120 draws: a standard deviation of 0.04.
    let share = images.iter().filter(|&&dropped| dropped).count() as f64 / images.len() as f64;
    assert!((share - RATE).abs() < 0.16, "{share}");
}

#[test]
fn gradients_go_the_way_that_the_values_went() {
    let mut rig = Rig::new(DropoutUnit::Channel);
    rig.session.draw_dropout(5, 0);
    let output = rig.forward();
    let d_output = numbers(3, output.len());
    rig.session.backward(&rig.compute, &d_output).unwrap();
    let d_input = rig.session.input_gradient(&rig.compute).unwrap();
    let change = numbers(4, rig.input.len());
    rig.input.iter_mut().zip(&change).for_each(|(x, d)| *x += d);
    let other = rig.forward();
    let dot =
        |a: &mut dyn Iterator<Item = (f32, f32)>| a.map(|(a, b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let expected = dot(&mut d_output.iter().zip(other.iter().zip(&output)).map(|(&d, (a, b))| (d, a - b)));
    let found = dot(&mut d_input.iter().copied().zip(change));
    assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{found} against {expected}");
}

#[test]
fn inference_drops_nothing() {
    let mut rig = Rig::new(DropoutUnit::Channel);
    let whole = rig.forward();
    let device = compute(1);
    let mut inference = session(&rig.net, SHAPE, Mode::Inference, &parameters(&rig.net, 1), &device);
    inference.draw_dropout(7, 1);
    assert_eq!(inference.forward(&device, &rig.input).unwrap(), whole);
    rig.session.draw_dropout(7, 1);
    assert_ne!(rig.forward(), whole);
}
