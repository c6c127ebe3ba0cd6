//! What must hold for every architecture: it resolves, counts, comes back from JSON, meets budgets, never panics.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use foci_net::{Architecture, Net, solve};
use proptest::prelude::*;

/// Weights added up from the text of the net.json, as another program would.
fn weights_by_json(json: &str) -> u64 {
    let net: serde_json::Value = serde_json::from_str(json).unwrap();
    let graph = net["graph"].as_array().unwrap();
    let of = |node: &serde_json::Value, key: &str| node[key].as_u64().unwrap();
    let convolutions = graph.iter().filter(|node| node["op"].as_str().unwrap().starts_with("conv"));
    let weights = |node: &serde_json::Value| {
        let kernel = of(node, "kernel");
        (kernel * kernel * of(node, "channels_in") + 1) * of(node, "channels_out")
    };
    // A normalisation has a weight and a bias for each channel of the convolution that it reads.
    let read = |node: &serde_json::Value| graph.iter().find(|other| other["id"] == node["from"][0]).unwrap();
    let normalisations = graph.iter().filter(|node| node["op"] == "group_norm");
    let channels: u64 = normalisations.map(|node| of(read(node), "channels_out")).sum();
    // "concat" starts with "con", not with "conv".
    convolutions.map(weights).sum::<u64>() + 2 * channels
}

/// A net that goes down and up again `levels` times, with a way to join what meets at each level.
fn text(levels: &[(usize, u8, u8, Vec<usize>)]) -> String {
    let mut text = "name = \"random\"\nactivation = \"elu\"\n".to_owned();
    if levels[0].2 & 16 != 0 {
        text += "normalisation = \"group\"\n";
    }
    let mut layer = |id: String, rest: String| text += &format!("[[layer]]\nid = \"{id}\"\n{rest}\n");
    for (level, (width, pool, _, dilations)) in levels.iter().enumerate() {
        layer(format!("down{level}"), format!("op = \"conv\"\nwidth = {width}\ndilations = {dilations:?}"));
        let pool = ["maxpool", "avgpool", "blurpool"][*pool as usize % 3];
        layer(format!("pool{level}"), format!("op = \"{pool}\""));
    }
    for (level, (width, _, join, _)) in levels.iter().enumerate().rev() {
        if *join & 4 == 0 {
            let mode = if *join & 8 == 0 { "nearest" } else { "bilinear" };
            layer(format!("up{level}"), format!("op = \"upsample\"\nmode = \"{mode}\""));
            layer(format!("same{level}"), format!("op = \"conv\"\nwidth = {width}"));
        } else {
            let kernel = if *join & 8 == 0 { 2 } else { 4 };
            layer(
                format!("same{level}"),
                format!("op = \"conv_transposed\"\nkernel = {kernel}\nwidth = {width}"),
            );
        }
        if *join & 3 != 0 {
            let op = if *join & 3 == 1 { "concat" } else { "add" };
            layer(
                format!("join{level}"),
                format!("op = \"{op}\"\nfrom = [\"same{level}\", \"down{level}\"]"),
            );
        }
    }
    layer("out".to_owned(), "op = \"conv\"".to_owned());
    text
}

fn levels() -> impl Strategy<Value = Vec<(usize, u8, u8, Vec<usize>)>> {
    let dilations = proptest::sample::subsequence(vec![1_usize, 2, 3, 5, 8, 13], 1..=3);
    proptest::collection::vec((1_usize..5, any::<u8>(), any::<u8>(), dilations), 1..=4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn random_nets_resolve_and_come_back(levels in levels(), scale in 3_usize..9, channels in (1_usize..4, 1_usize..4)) {
        let architecture = Architecture::parse(&text(&levels), "random.toml").unwrap();
        let widths: Vec<usize> = architecture.widths().iter().map(|g| g.relative as usize * scale).collect();
        let net = architecture.resolve(&widths, channels.0, channels.1).unwrap();
        let json = net.to_json(None);
        prop_assert_eq!(&Net::from_json(&json, "net.json").unwrap(), &net);
        prop_assert_eq!(net.weights(), weights_by_json(&json));
        prop_assert_eq!(net.stride(), 1 << levels.len());
        let down = levels.len();
        let up: usize = levels.iter().map(|_| 1).sum();
        prop_assert_eq!(net.layers(), down + up + 1);
        prop_assert_eq!(net.shape_at(net.nodes.len() - 1, 23, 30), (23, 30));
        prop_assert_eq!(net.nodes.last().unwrap().channels, channels.1);
    }

    #[test]
    fn budgets_are_met_or_refused(levels in levels(), budget in 5_000_u64..500_000) {
        let architecture = Architecture::parse(&text(&levels), "random.toml").unwrap();
        match solve::for_weights(&architecture, budget, 1, 1) {
            Ok(net) => {
                prop_assert!(net.weights().abs_diff(budget) as f64 <= 0.005 * budget as f64);
                let again = solve::for_weights(&architecture, budget, 1, 1).unwrap();
                prop_assert_eq!(&again, &net);
            }
            Err(solve::SolveError::NotReachable { nearest, .. }) => {
                // What is named as reachable must be so.
                let net = solve::for_weights(&architecture, nearest as u64, 1, 1);
                prop_assert!(net.is_ok(), "{} refused", nearest);
                prop_assert!(levels.len() == 1, "{} refused with {} layers", budget, 2 * levels.len() + 1);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn shipped_nets_meet_any_budget(logarithm in 5_000_f64.ln()..5_000_000_f64.ln(), channels in (1_usize..4, 1_usize..4)) {
        let budget = logarithm.exp() as u64;
        for name in Architecture::shipped_names() {
            let architecture = Architecture::shipped(name).unwrap();
            let net = solve::for_weights(&architecture, budget, channels.0, channels.1).unwrap();
            prop_assert!(net.weights().abs_diff(budget) as f64 <= 0.005 * budget as f64, "{name}");
            let layers = match name {
                "unet-deep" => 19,
                _ => name.strip_prefix("unet-").and_then(|depth| depth.parse().ok()).unwrap_or(8),
            };
            prop_assert_eq!(net.layers(), layers);
        }
    }

    /// Damaged files end in an error or a net, never in a panic.
    #[test]
    fn damaged_files_never_panic(which in 0..Architecture::shipped_names().count(), from in 0_usize..4000, length in 0_usize..60, put in ".{0,12}") {
        let name = Architecture::shipped_names().nth(which).unwrap();
        let text = Architecture::shipped_text(name).unwrap();
        let clip = |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        let damaged = format!("{}{put}{}", &text[..clip(from)], &text[clip(from + length)..]);
        let _ = Architecture::parse(&damaged, name);
        let architecture = Architecture::shipped(name).unwrap();
        let widths = vec![8; architecture.widths().len()];
        let json = architecture.resolve(&widths, 1, 1).unwrap().to_json(None);
        let clip = |at: usize| at.min(json.len());
        let damaged = format!("{}{put}{}", &json[..clip(from)], &json[clip(from + length)..]);
        let _ = Net::from_json(&damaged, name);
    }
}

/// Layers by doubling: a file of a few lines that would have 2^n channels, or n! ways.
#[test]
fn hostile_files_are_refused_quickly() {
    let layer = |id: &str, rest: &str| format!("[[layer]]\nid = \"{id}\"\n{rest}\n");
    let mut doubling = "name = \"x\"\n".to_owned() + &layer("c0", "op = \"conv\"\nwidth = 1");
    for i in 1..200 {
        doubling += &layer(&format!("e{i}"), &format!("op = \"maxpool\"\nfrom = \"c{}\"", i - 1));
        doubling += &layer(&format!("f{i}"), &format!("op = \"avgpool\"\nfrom = \"c{}\"", i - 1));
        doubling += &layer(&format!("g{i}"), &format!("op = \"concat\"\nfrom = [\"e{i}\", \"f{i}\"]"));
        doubling +=
            &layer(&format!("c{i}"), &format!("op = \"upsample\"\nmode = \"nearest\"\nfrom = \"g{i}\""));
    }
    let added = doubling.clone() + &layer("sum", "op = \"add\"\nfrom = [\"c198\", \"c199\"]");
    let out = layer("out", "op = \"conv\"");
    let message = |text: String| Architecture::parse(&text, "x").unwrap_err().to_string();
    assert!(message(doubling + &out).contains("channels; there must be 1 to 1048576"));
    assert!(message(added + &out).contains("more than 1024 widths"));
    assert!(message(format!("name = \"x\"\nlayer = {}", "[".repeat(100_000))).contains("not valid TOML"));
    let many = layer("a", "op = \"conv\"\nwidth = 1\ndilations = [1]");
    let many: String = (0..1001).map(|i| many.replace("\"a\"", &format!("\"a{i}\""))).collect();
    assert!(message(format!("name = \"x\"\n{many}{out}")).contains("1002 layers; a net has 1 to 1000"));
}

/// Where a budget can be met in exact proportion, it is.
#[test]
fn exact_proportions_are_found() {
    let widths = |name: &str, budget| -> Vec<usize> {
        let architecture = Architecture::shipped(name).unwrap();
        let net = solve::for_weights(&architecture, budget, 1, 1).unwrap();
        let of = |id: &String| net.nodes.iter().find(|node| node.id == *id).unwrap().channels;
        architecture.widths().iter().map(|group| of(&group.layers[0])).collect()
    };
    assert_eq!(widths("atrous", 67_000), [16, 32, 48, 48, 32, 32, 16]);
    assert_eq!(widths("fcn", 67_000), [16, 32, 48, 48, 32, 32, 16]);
    assert_eq!(widths("fcn-blur", 67_000), [16, 32, 48, 48, 32, 32, 16]);
    assert_eq!(widths("atrous-gridded", 67_000), [16, 32, 48, 48, 32, 32, 16]);
}

/// Any measure that grows with the widths can be the budget.
#[test]
fn other_budgets() {
    for name in Architecture::shipped_names() {
        let architecture = Architecture::shipped(name).unwrap();
        let net =
            solve::for_budget(&architecture, "multiply-adds", 20_000.0, Net::macs_per_pixel, 1, 1).unwrap();
        assert!((net.macs_per_pixel() / 20_000.0 - 1.0).abs() <= 0.005, "{name}");
    }
    // Bytes come in whole channels of an image, so not every number can be had; what is offered must be true.
    let bytes = |net: &Net| net.train_bytes(64, 64).map_or(f64::INFINITY, |bytes| bytes as f64);
    let architecture = Architecture::shipped("unet").unwrap();
    match solve::for_budget(&architecture, "bytes to train", 8e6, bytes, 1, 1) {
        Ok(net) => assert!((bytes(&net) / 8e6 - 1.0).abs() <= 0.005),
        Err(solve::SolveError::NotReachable { nearest, .. }) => {
            let net = solve::for_budget(&architecture, "bytes to train", nearest, bytes, 1, 1).unwrap();
            assert!((bytes(&net) / nearest - 1.0).abs() <= 0.005);
        }
        Err(other) => panic!("{other}"),
    }
}
