//! The sections that only some studies have: what layers hear, nets as instruments, where they break.

use super::*;
use crate::optics::RunOptics;
use foci_engine::Parameters;
use foci_image::Degradation;
use foci_kernels::{Compute, Simd};
use foci_net::{Activation, Net, Node, Op};
use foci_optics::{Bench, Grounds, Subject, characterise};
use foci_train::LayerSignal;

const HOSTILE: &str = "<b>&\"'net";

fn signals(net: &str, seed: u64) -> RunSignals {
    let layer = |layer: &str, gradient| LayerSignal {
        layer: layer.into(),
        gradient,
        signal_to_noise: (seed == 0).then_some(0.0),
        update: 1e-3,
    };
    let look = |step| Look { step, layers: vec![layer("enc1", 0.1), layer("<i>out", 0.002 * step as f64)] };
    RunSignals { net: net.into(), seed, looks: (1..4).map(look).collect() }
}

fn stress(net: &str, kind: Degradation, kept: &[f64]) -> RunStress {
    let point = |(strength, &kept): (usize, &f64)| StressPoint {
        strength,
        amount: (strength > 0).then_some(0.1 * strength as f64),
        // At the last strength no foci are left to be found.
        metrics: if strength < 5 { [("foci_recall".to_owned(), kept)].into() } else { BTreeMap::new() },
        worst_tile: Some("<tile>".into()),
        worst_psnr: Some(20.0),
    };
    RunStress { net: net.into(), seed: 0, kind, points: kept.iter().enumerate().map(point).collect() }
}

/// A net that gives back what it sees, on the bench.
fn perfect(net: &str) -> RunOptics {
    let node = |id: &str, op, from| Node { id: id.into(), op, from, like: None, channels: 1, scale: 1 };
    let conv = Op::Conv { kernel: 1, dilation: 1, channels_in: 1, activation: Activation::None };
    let nodes = vec![
        node("input", Op::Input, vec![]),
        node("first", conv, vec![0]),
        node("second", conv, vec![1]),
        node("output", Op::Output, vec![2]),
    ];
    let identity = Net::new(net, nodes).unwrap();
    let mut parameters = Parameters::zeros(&identity);
    (parameters.values[0], parameters.values[2]) = (1.0, 1.0);
    let subject = Subject { name: net.into(), net: identity, parameters, exact: true, trained: true };
    let compute = Compute::new(1, Simd::Scalar).unwrap();
    let bench = Bench { sites: 1, windows: 1, ..Bench::default() };
    let grounds = Grounds::synthetic().unwrap();
    let found = characterise(&subject, &grounds, bench, &compute, &mut |_, _, _| Ok(())).unwrap();
    RunOptics { net: net.into(), seed: 0, found }
}

#[test]
fn all_sections_are_whole_whatever_nets_are_called() {
    let mut results = study(&["fcn", HOSTILE], 2);
    results.signals = vec![signals("fcn", 0), signals(HOSTILE, 0), signals(HOSTILE, 1)];
    results.stress = vec![
        stress("fcn", Degradation::Noise, &[0.8, 0.7, 0.5, 0.3, 0.2, 0.1]),
        stress(HOSTILE, Degradation::Noise, &[0.9, 0.9, 0.8, 0.8, 0.7, 0.7]),
        stress("fcn", Degradation::Saturation, &[0.8, 0.8, 0.8, 0.8, 0.8, 0.8]),
    ];
    let mut input = input(&results, pictures(&["fcn", HOSTILE]));
    input.optics = vec![perfect(HOSTILE)];
    let html = page(&input);
    for words in ["As instruments", "What each layer hears", "Where they break", "Points lost on dim ground"]
    {
        assert!(html.contains(words), "{words}");
    }
    // The fcn keeps 0.8 of images as they are and less than 0.4 from the third strength on.
    assert!(html.contains("<th scope=\"row\">fcn</th><td>0.3</td>"), "the strength at which the fcn breaks");
    // One without foci at the last strength has nothing left there.
    assert!(html.contains("<td>0.5</td>"));
    assert!(!html.contains("<b>&\"'net") && !html.contains("<tile>") && !html.contains("<i>out"));
}

#[test]
fn a_study_without_them_has_none_of_the_sections() {
    let results = study(&["fcn", "unet"], 2);
    let html = page(&input(&results, Vec::new()));
    for words in ["As instruments", "What each layer hears", "Where they break"] {
        assert!(!html.contains(words), "{words}");
    }
}
