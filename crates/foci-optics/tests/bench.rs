//! The bench as a whole, on nets whose answers are known: the identity, a net that is dead, nets nobody has trained.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use foci_engine::Parameters;
use foci_image::{Interrupted, Plane};
use foci_kernels::{Compute, Simd};
use foci_net::{Activation, Architecture, Net, Node, Op, solve};
use foci_optics::{
    Bench, Characterisation, Grounds, KEYS, OpticsError, Subject, characterise, figures, numbers,
};

const BENCH: Bench = Bench { side: 128, sites: 1, windows: 1 };

fn on_bench(subject: &Subject, threads: usize) -> Characterisation {
    let compute = Compute::new(threads, Simd::detect().unwrap()).unwrap();
    let grounds = Grounds::synthetic().unwrap();
    characterise(subject, &grounds, BENCH, &compute, &mut |_, _, _| Ok(())).unwrap()
}

/// One convolution of 1x1 with the given weight: the image, times that.
fn times(weight: f32) -> Subject {
    let node =
        |id: &str, op, from, channels| Node { id: id.into(), op, from, like: None, channels, scale: 1 };
    let conv = Op::Conv { kernel: 1, dilation: 1, channels_in: 1, activation: Activation::None };
    let nodes = vec![
        node("input", Op::Input, vec![], 1),
        node("only", conv, vec![0], 1),
        node("output", Op::Output, vec![1], 1),
    ];
    let net = Net::new("times", nodes).unwrap();
    let mut parameters = Parameters::zeros(&net);
    parameters.values[0] = weight;
    Subject { name: "times".into(), net, parameters, exact: true, trained: true }
}

fn untrained(name: &str) -> Subject {
    let net = solve::for_weights(&Architecture::shipped(name).unwrap(), 8_000, 1, 1).unwrap();
    Subject::untrained(name, net).unwrap()
}

#[test]
fn the_identity_is_a_perfect_instrument() {
    let found = on_bench(&times(1.0), 1);
    let numbers = numbers(&found);
    let expected = [
        ("point_width_dim", 2.3548, 0.02),
        ("point_width_bright", 2.3548, 0.02),
        ("point_height_dim", 1.0, 1e-3),
        ("points_lost_dim", 0.0, 0.0),
        ("points_lost_bright", 0.0, 0.0),
        ("two_points_dim", 3.0, 0.0),
        ("contrast_half", 0.5, 0.0),
        ("contrast_tenth", 0.5, 0.0),
        ("edge_width", 2.5631, 0.02),
        ("smallest_gap", 1.0, 0.0),
        ("flat_field_unrest", 0.0, 0.0),
        ("flat_pattern", 0.0, 0.0),
        ("point_stray_detail", 0.0, 1e-3),
        ("shift_error", 0.0, 0.0),
        ("field_radius_half", 0.0, 0.0),
        ("field_radius_95", 0.0, 0.0),
    ];
    for (key, value, tolerance) in expected {
        assert!((numbers[key] - value).abs() <= tolerance, "{key} is {}, not {value}", numbers[key]);
    }
    // What it does not have: a period of errors, and a layer besides that of the output.
    let missing: Vec<&str> = KEYS.into_iter().filter(|key| !numbers.contains_key(key)).collect();
    assert_eq!(missing, ["least_layer_change", "shift_period"]);
    assert_eq!(numbers.len() + missing.len(), KEYS.len());
    assert!(numbers["point_pattern"] < 0.05);
}

#[test]
fn half_the_contrast_is_half_the_height_everywhere() {
    let numbers = numbers(&on_bench(&times(0.5), 1));
    assert!((numbers["point_height_bright"] - 0.5).abs() < 1e-3);
    assert!((numbers["point_width_bright"] - 2.3548).abs() < 0.02, "a width is no matter of height");
    assert_eq!(numbers["shift_error"], 0.0);
}

#[test]
fn a_dead_net_is_told_and_no_error() {
    let found = on_bench(&times(0.0), 1);
    assert!(found.structure.shift.is_none() && found.structure.field.is_none());
    let numbers = numbers(&found);
    assert_eq!(numbers["points_lost_dim"], 9.0);
    assert!(!numbers.contains_key("two_points_dim") && !numbers.contains_key("edge_width"));
    assert!(figures(&found).iter().any(|row| row.value == "never"));
}

#[test]
fn poolings_show_in_the_shifts_and_dilations_do_not() {
    let [fcn, atrous] = ["fcn", "atrous"].map(|name| {
        let found = on_bench(&untrained(name), 2);
        assert!(found.resolution.is_none(), "{name} is not trained");
        found.structure.shift.unwrap()
    });
    assert_eq!(fcn.period, Some(8));
    assert!(atrous.mean < 1e-3 && atrous.period.is_none(), "{atrous:?}");
}

#[test]
fn threads_change_no_bit() {
    let subject = Subject { trained: true, ..untrained("unet") };
    assert_eq!(on_bench(&subject, 1), on_bench(&subject, 3));
}

#[test]
fn small_images_and_interruptions_are_told() {
    let compute = Compute::new(1, Simd::Scalar).unwrap();
    let small = Grounds { planes: vec![Plane::zeros(150, 170)], origin: "a small image".into() };
    let found = characterise(&times(1.0), &small, BENCH, &compute, &mut |_, _, _| Ok(()));
    assert!(matches!(found, Err(OpticsError::NoRoom { images: 1, side: 160 })), "{found:?}");
    let grounds = Grounds::synthetic().unwrap();
    let found = characterise(&times(1.0), &grounds, BENCH, &compute, &mut |_, _, _| Err(Interrupted));
    assert!(matches!(found, Err(OpticsError::Interrupted(_))), "{found:?}");
}
