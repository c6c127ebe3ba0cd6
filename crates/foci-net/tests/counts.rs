//! Weights, multiply-adds, receptive field, stride, layers and sizes against values worked out by hand.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use foci_net::{Activation, Architecture, Net, Node, Normalisation, Op};

fn shipped(name: &str, widths: &[usize]) -> Net {
    Architecture::shipped(name).unwrap().resolve(widths, 1, 1).unwrap()
}

/// A net of the given layers; all relative widths are 1, all widths `width`.
fn net(layers: &[&str], width: usize) -> Net {
    let mut text = "name = \"test\"\n".to_owned();
    for (index, layer) in layers.iter().enumerate() {
        text += &format!("[[layer]]\nid = \"l{index}\"\n{}\n", layer.replace("; ", "\n"));
    }
    text += "[[layer]]\nid = \"out\"\nop = \"conv\"\nkernel = 1\n";
    let architecture = Architecture::parse(&text, "test.toml").unwrap();
    architecture.resolve(&vec![width; architecture.widths().len()], 1, 1).unwrap()
}

const CONV: &str = "op = \"conv\"; width = 1";
const POOL: &str = "op = \"maxpool\"";
const NEAREST: &str = "op = \"upsample\"; mode = \"nearest\"";
const BILINEAR: &str = "op = \"upsample\"; mode = \"bilinear\"";

#[test]
fn fcn() {
    let fcn = shipped("fcn", &[16, 32, 48, 48, 32, 32, 16]);
    // 9 in out + out for each layer:
    //   1->16    144 + 16 =    160        48->32 13824 + 32 = 13856
    //  16->32   4608 + 32 =   4640        32->32  9216 + 32 =  9248
    //  32->48  13824 + 48 =  13872        32->16  4608 + 16 =  4624
    //  48->48  20736 + 48 =  20784        16->1    144 +  1 =   145
    assert_eq!(fcn.weights(), 160 + 4640 + 13872 + 20784 + 13856 + 9248 + 4624 + 145);
    assert_eq!(fcn.weights(), 67_329);
    // The same without biases, over the square of the scale: 1, 2, 4, 8, 4, 2, 1, 1.
    //   144 + 4608/4 + 13824/16 + 20736/64 + 13824/16 + 9216/4 + 4608 + 144
    // = 144 + 1152   + 864      + 324      + 864      + 2304   + 4608 + 144 = 10404
    assert_eq!(fcn.macs_per_pixel(), 10_404.0);
    assert_eq!(fcn.stride(), 8);
    assert_eq!(fcn.layers(), 8);
    // From output pixel 1 back: out and dec1 read -1..3. Bilinear reads on both sides of (2i - 1)/4: -1..2.
    // dec2 -2..3, up2 -2..2, dec3 -3..3, up3 -2..2, bottom -3..3: seven pixels of 1/8. Then doubling and two for
    // each convolution: 14 + 2 = 16, 32 + 2 = 34, 68 + 2 = 70.
    assert_eq!(fcn.receptive_field(), 70);
}

#[test]
fn unet_differs_by_its_skips() {
    let widths = [16, 32, 48, 48, 32, 32, 16];
    let (fcn, unet) = (shipped("fcn", &widths), shipped("unet", &widths));
    // Skips add 48 channels to 32 at 1/4, 32 to 32 at 1/2 and 16 to 16 at full resolution.
    assert_eq!(unet.weights() - fcn.weights(), 9 * (48 * 32 + 32 * 32 + 16 * 16));
    assert_eq!(unet.macs_per_pixel() - fcn.macs_per_pixel(), 9.0 * (1536.0 / 16.0 + 1024.0 / 4.0 + 256.0));
    assert_eq!((unet.receptive_field(), unet.stride(), unet.layers()), (70, 8, 8));
    let control = shipped("unet-no-outer-skip", &widths);
    assert_eq!(unet.weights() - control.weights(), 9 * 256);
    // Without its concats the U-Net is the fcn, node for node.
    let outline = |net: &Net| -> Vec<(String, &str)> {
        let nodes = net.nodes.iter().filter(|node| node.op != Op::Concat);
        nodes.map(|node| (node.id.clone(), node.op.name())).collect()
    };
    assert_eq!(outline(&fcn), outline(&unet));
    assert_eq!(outline(&fcn), outline(&control));
}

#[test]
fn atrous() {
    let atrous = shipped("atrous", &[16, 32, 48, 48, 32, 32, 16]);
    assert_eq!(atrous.weights(), 67_329); // branches only share out the channels: as the fcn
    assert_eq!(atrous.macs_per_pixel(), 67_104.0); // all at full resolution: weights less the 225 biases
    // Largest dilations 1, 2, 4, 8, 8, 4, 1, 1: 1 + 2 * 29.
    assert_eq!(atrous.receptive_field(), 59);
    assert_eq!((atrous.stride(), atrous.layers()), (1, 8));
    let branches: Vec<usize> = atrous
        .nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Conv { .. }) && node.id.contains('.'))
        .map(|node| node.channels)
        .collect();
    assert_eq!(branches, vec![16; 2 + 3 + 3 + 2 + 2]);
}

#[test]
fn atrous_unet() {
    let net = shipped("atrous-unet", &[16, 32, 48, 48, 32, 32, 16]);
    // As the fcn (160, 4640, 13872, 20784, 13856, 9248, .., 145), but dec1 reads 32 + 16: 9 * 48 * 16 + 16 = 6928.
    assert_eq!(net.weights(), 160 + 4640 + 13872 + 20784 + 13856 + 9248 + 6928 + 145);
    // Full resolution: 144 + 6912 + 144; a quarter of the pixels: 4608 + 13824 + 20736 + 13824 + 9216 = 62208.
    assert_eq!(net.macs_per_pixel(), 7200.0 + 62208.0 / 4.0);
    assert_eq!((net.stride(), net.layers()), (2, 8));
    // From output pixel 0: out and dec1 -2..2; bilinear -2..1; dilations 1, 2, 4, 4, 2 at half resolution make
    // 13 more on either side: -15..14, 30 pixels; pooling 60, enc1 62.
    assert_eq!(net.receptive_field(), 62);
}

#[test]
fn parts_lie_on_the_grid_of_tiles_and_their_margin_is_wider_than_the_field() {
    // Outputs 0 to 3 are made together from inputs -1 to 4.
    let one = net(&[CONV], 1);
    assert_eq!((one.receptive_field(), one.grid(), one.margin()), (3, 4, 1));
    // The second layer reads -1 to 4, whose tiles -4 to 7 the first makes from -5 to 8.
    assert_eq!(net(&[CONV, CONV], 1).margin(), 5);
    // Dilation 2: tiles of 8 pixels, in two phases.
    let dilated = net(&["op = \"conv\"; width = 1; dilations = [2]"], 1);
    assert_eq!((dilated.grid(), dilated.margin()), (8, 2));
    // Dilation 3 is never done by tiles: every output by itself, three pixels to each side.
    let direct = net(&["op = \"conv\"; width = 1; dilations = [3]"], 1);
    assert_eq!((direct.grid(), direct.margin()), (1, 3));
    // Below a pooling, pixels count twice.
    let pooled = net(&[POOL, CONV, NEAREST], 1);
    assert_eq!((pooled.grid(), pooled.margin()), (8, 2));
    // A blurred pooling reads further to the left: outputs 0 to 3 are made of coarse pixels 0 and 1, those of -1 to 3, and those
    // in tiles of -5 to 8; so five on one side, four on the other.
    let blurred = net(&[CONV, "op = \"blurpool\"", NEAREST], 1);
    assert_eq!((blurred.grid(), blurred.margin()), (4, 5));
}

#[test]
fn msd() {
    let net = shipped("msd", &[2; 7]);
    // Layer i reads 1 + 2 (i - 1) channels: 1 + 3 + 5 + 7 + 9 + 11 + 13 = 49, times 9 times 2, and 14 biases.
    // The output layer, 1x1, reads 15 and has a bias.
    assert_eq!(net.weights(), 49 * 18 + 14 + 16);
    assert_eq!(net.receptive_field(), 1 + 2 * (1 + 2 + 3 + 4 + 5 + 6 + 7));
    assert_eq!((net.stride(), net.layers()), (1, 8));
}

#[test]
fn blurred_poolings_cost_nothing_and_see_further() {
    let widths = [16, 32, 48, 48, 32, 32, 16];
    for (plain, blurred) in [("fcn", "fcn-blur"), ("unet", "unet-blur")] {
        let (plain, blurred) = (shipped(plain, &widths), shipped(blurred, &widths));
        assert_eq!(plain.weights(), blurred.weights());
        assert_eq!(plain.macs_per_pixel(), blurred.macs_per_pixel());
        assert_eq!((blurred.stride(), blurred.layers()), (8, 8));
        // As the fcn up to the bottom, -3..3 at 1/8. Then blur pooling reads one more on either side of twice as many, and
        // the convolution before it one more: -7..7, -8..8; -17..17, -18..18; -37..37, -38..38.
        assert_eq!(blurred.receptive_field(), 77);
        // One node differs for one node, and in its kind only.
        let same = plain.nodes.iter().zip(&blurred.nodes).filter(|(a, b)| a == b);
        assert_eq!(same.count() + 3, plain.nodes.len());
        let pools = blurred.nodes.iter().filter(|node| matches!(node.op, Op::Pool { .. }));
        assert_eq!(pools.map(|node| node.op.name()).collect::<Vec<_>>(), ["blurpool"; 3]);
    }
}

#[test]
fn atrous_gridded() {
    let net = shipped("atrous-gridded", &[16, 32, 48, 48, 32, 32, 16]);
    // One dilation or several: a convolution has as many weights, so as the fcn and the atrous net.
    assert_eq!(net.weights(), 160 + 4640 + 13872 + 20784 + 13856 + 9248 + 4624 + 145);
    assert_eq!(net.macs_per_pixel(), 67_104.0);
    // 1 + 2 (1 + 1 + 1 + 2 + 4 + 8 + 16 + 1).
    assert_eq!(net.receptive_field(), 69);
    assert_eq!((net.stride(), net.layers()), (1, 8));
    let dilations = net.nodes.iter().filter_map(|node| match node.op {
        Op::Conv { dilation, .. } if node.id != "out" => Some(dilation),
        _ => None,
    });
    assert!(dilations.is_sorted(), "dilations only rise");
}

#[test]
fn fcn_transposed() {
    let net = shipped("fcn-transposed", &[16, 32, 48, 48, 32, 32, 16]);
    // The encoder as the fcn; then 16 in out + out:
    //  48->32  24576 + 32 = 24608
    //  32->32  16384 + 32 = 16416
    //  32->16   8192 + 16 =  8208   and the output layer, 145
    assert_eq!(net.weights(), 160 + 4640 + 13872 + 20784 + 24608 + 16416 + 8208 + 145);
    assert_eq!(net.weights(), 88_833);
    // Each source is multiplied by all 16: up3 at 1/8, up2 at 1/4, up1 at 1/2 of the resolution.
    //   144 + 4608/4 + 13824/16 + 20736/64 + 24576/64 + 16384/16 + 8192/4 + 144
    // = 144 + 1152   + 864      + 324      + 384      + 1024     + 2048   + 144 = 6084
    assert_eq!(net.macs_per_pixel(), 6084.0);
    // From output pixel 0: out -1..1. A transposed kernel of 4 reads on both sides of (2i - 1)/4: -1..1, three times.
    // bottom -2..2: five pixels of 1/8; then doubling and two for each convolution: 12, 26, 54.
    assert_eq!(net.receptive_field(), 54);
    assert_eq!((net.stride(), net.layers()), (8, 8));
}

#[test]
fn receptive_fields() {
    // One convolution: 3. Dilations 1 and 4 in a row: 1 + 2 (1 + 4).
    assert_eq!(net(&[CONV], 1).receptive_field(), 3);
    assert_eq!(net(&[CONV, "op = \"conv\"; width = 1; dilations = [4]"], 1).receptive_field(), 11);
    // Side by side, the largest counts.
    assert_eq!(net(&["op = \"conv\"; width = 1; dilations = [1, 5, 2]"], 3).receptive_field(), 11);
    // One pixel of half resolution is two; bilinear reads two of them.
    assert_eq!(net(&[POOL, NEAREST], 1).receptive_field(), 2);
    assert_eq!(net(&[POOL, BILINEAR], 1).receptive_field(), 4);
    // Blur pooling reads three pixels, two of its results read 3 + 2.
    assert_eq!(net(&["op = \"blurpool\"", NEAREST], 1).receptive_field(), 3);
    assert_eq!(net(&["op = \"blurpool\"", BILINEAR], 1).receptive_field(), 5);
    // A transposed kernel of 2 gives each result one source, of 4 two.
    assert_eq!(net(&[POOL, "op = \"conv_transposed\"; width = 1"], 1).receptive_field(), 2);
    assert_eq!(net(&[POOL, "op = \"conv_transposed\"; width = 1; kernel = 4"], 1).receptive_field(), 4);
    // Last conv -1..1, nearest -1..0, conv -2..1, pooling -4..3, conv -5..4: ten. Pixel 1 sees as much.
    assert_eq!(net(&[CONV, POOL, CONV, NEAREST, CONV], 1).receptive_field(), 10);
}

#[test]
fn transposed_convolutions_count_where_they_read() {
    let net = net(&[CONV, POOL, "op = \"conv_transposed\"; width = 1; kernel = 4"], 5);
    // 1->5 3x3, 5->5 4x4, 5->1 1x1, with biases.
    assert_eq!(net.weights(), (45 + 5) + (400 + 5) + (5 + 1));
    // Each pixel of half resolution spreads 400 products: 100 for each input pixel.
    assert_eq!(net.macs_per_pixel(), 45.0 + 100.0 + 5.0);
    assert_eq!(net.layers(), 3);
}

#[test]
fn odd_sizes_round_up() {
    let fcn = shipped("fcn", &[1, 2, 3, 3, 2, 2, 1]);
    let at = |id: &str| {
        let node = fcn.nodes.iter().position(|node| node.id == id).unwrap();
        fcn.shape_at(node, 23, 30)
    };
    assert_eq!([at("enc1"), at("enc2"), at("enc3"), at("bottom")], [(23, 30), (12, 15), (6, 8), (3, 4)]);
    assert_eq!([at("up3"), at("up2"), at("up1"), at("output")], [(6, 8), (12, 15), (23, 30), (23, 30)]);
}

#[test]
fn channels_split_as_evenly_as_possible() {
    let net = net(&["op = \"conv\"; width = 1; dilations = [1, 2, 4]"], 8);
    let branches: Vec<(&str, usize)> = net.nodes.iter().map(|n| (n.id.as_str(), n.channels)).collect();
    assert_eq!(branches[1..5], [("l0.d1", 3), ("l0.d2", 3), ("l0.d4", 2), ("l0", 8)]);
    assert_eq!(net.layers(), 2);
}

#[test]
fn deeper_unets_differ_in_depth_alone() {
    for (name, layers, each) in [("unet-14", 14, 2), ("unet-20", 20, 3)] {
        // Encoder and bottom 16, 32, 48, 48, then 32, 32, 16: as many of each as the net has convolutions in one place.
        let outer: Vec<usize> =
            [16, 32, 48, 48, 32, 32].into_iter().flat_map(|width| vec![width; each]).collect();
        let net = shipped(name, &[&outer[..], &[16]].concat());
        assert_eq!((net.layers(), net.stride()), (layers, 8));
        // The first convolution of a place reads what the unet's reads there, each further one as many as it makes.
        let unet = shipped("unet", &[16, 32, 48, 48, 32, 32, 16]);
        let further =
            [16, 32, 48, 48, 32, 32].map(|width: u64| 9 * width * width + width).iter().sum::<u64>();
        assert_eq!(net.weights(), unet.weights() + (each as u64 - 1) * further);
    }
}

#[test]
fn normalisations_have_two_weights_for_each_channel() {
    let widths = [6, 12, 11, 32, 9, 64, 16];
    let plain = shipped("unet", &widths);
    let normalised =
        Architecture::shipped("unet").unwrap().with(Some(Activation::Elu), Some(Normalisation::Group));
    let net = normalised.resolve(&widths, 1, 1).unwrap();
    assert_eq!(net.weights(), plain.weights() + 2 * widths.iter().sum::<usize>() as u64);
    assert_eq!((net.layers(), net.receptive_field()), (plain.layers(), plain.receptive_field()));
    assert!(net.normalises() && !plain.normalises());
    // The largest divisors up to 8 that leave four channels or more; the activation has moved behind the normalisation.
    let groups = net.nodes.iter().filter_map(|node| match node.op {
        Op::GroupNorm { groups, activation: Activation::Elu } => Some(groups),
        _ => None,
    });
    assert_eq!(groups.collect::<Vec<_>>(), [1, 3, 1, 8, 1, 8, 4]);
    let activated =
        |node: &&Node| matches!(node.op, Op::Conv { activation, .. } if activation != Activation::None);
    assert_eq!(net.nodes.iter().filter(activated).count(), 0);
}
