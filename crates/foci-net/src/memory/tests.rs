use proptest::prelude::*;

use super::place::{lower_bound, place};
use super::*;
use crate::graph::{Node, Op, PoolKind, UpsampleMode};

fn node(id: &str, op: Op, from: &[usize], channels: usize, scale: usize) -> Node {
    let like = matches!(op, Op::Upsample { .. } | Op::ConvTransposed { .. }).then_some(0);
    Node { id: id.into(), op, from: from.to_vec(), like, channels, scale }
}

fn conv(channels_in: usize, activation: Activation) -> Op {
    Op::Conv { kernel: 3, dilation: 1, channels_in, activation }
}

/// input (1 channel), conv to 2 with ReLU, conv to 1, output.
fn two_layers() -> Net {
    let nodes = vec![
        node("input", Op::Input, &[], 1, 1),
        node("a", conv(1, Activation::Relu), &[0], 2, 1),
        node("b", conv(2, Activation::None), &[1], 1, 1),
        node("output", Op::Output, &[2], 1, 1),
    ];
    Net::new("two", nodes).unwrap()
}

/// A pooled path, upsampled and put beside its source.
fn skip(activation: Activation) -> Net {
    let pool = Op::Pool { kind: PoolKind::Max, factor: 2 };
    let upsample = Op::Upsample { factor: 2, mode: UpsampleMode::Nearest };
    let nodes = vec![
        node("input", Op::Input, &[], 1, 1),
        node("a", conv(1, activation), &[0], 17, 1),
        node("down", pool, &[1], 17, 2),
        node("up", upsample, &[2], 17, 1),
        node("both", Op::Concat, &[3, 1], 34, 1),
        node("b", conv(34, Activation::None), &[4], 1, 1),
        node("output", Op::Output, &[5], 1, 1),
    ];
    Net::new("skip", nodes).unwrap()
}

fn plan(net: &Net, shape: (usize, usize, usize), mode: Mode) -> MemoryPlan {
    let (n, h, w) = shape;
    MemoryPlan::new(net, Shape { n, h, w }, PlanOptions::new(mode)).unwrap()
}

fn alive(plan: &MemoryPlan, node: usize, purpose: Purpose) -> Option<(usize, usize)> {
    let buffer = plan.buffers.iter().find(|buffer| buffer.node == node && buffer.purpose == purpose)?;
    Some((buffer.first, buffer.last))
}

#[test]
fn lifetimes_of_two_layers_by_hand() {
    // Backward steps, for weights and data: output 4 and 5, b 6 and 7, a 8 and 9, input 10 and 11.
    let training = plan(&two_layers(), (1, 4, 5), Mode::Training);
    // a reads the input again for its weights; b does so with the result of a, applies its ReLU and puts the gradient
    // in its place, which stays until a's own step.
    assert_eq!(alive(&training, 0, Purpose::Value), Some((0, 8)));
    assert_eq!(alive(&training, 1, Purpose::Value), Some((1, 9)));
    let piece = &training.pieces[training.nodes[1].pieces[0]];
    assert_eq!(piece.gradient, Some(piece.value));
    assert_eq!(alive(&training, 2, Purpose::Value), Some((2, 3)));
    assert_eq!(alive(&training, 2, Purpose::Gradient), Some((5, 7)));
    assert_eq!(alive(&training, 1, Purpose::Gradient), None);
    assert_eq!(alive(&training, 0, Purpose::Gradient), None);
    let inference = plan(&two_layers(), (1, 4, 5), Mode::Inference);
    assert_eq!(alive(&inference, 0, Purpose::Value), Some((0, 1)));
    assert_eq!(alive(&inference, 1, Purpose::Value), Some((1, 2)));
    assert_eq!(alive(&inference, 2, Purpose::Value), Some((2, 3)));
}

#[test]
fn bytes_of_two_layers_by_hand() {
    // A plane of 4x5 pixels takes 3 lines of 64 bytes. In step 6 alive: input, a, the gradient of b.
    let training = plan(&two_layers(), (1, 4, 5), Mode::Training).bytes;
    assert_eq!(training.arena, (1 + 2 + 1) * 192);
    // 1 * 2 * 9 + 2 and 2 * 1 * 9 + 1 weights.
    assert_eq!(training.parameters, 39 * 4);
    assert_eq!((training.gradients, training.moments), (39 * 4, 39 * 8));
    // Input, output, target and gradient of the output, one channel each.
    assert_eq!(training.staging, 4 * 20 * 4);
    let inference = plan(&two_layers(), (3, 4, 5), Mode::Inference).bytes;
    assert_eq!(inference.arena, 3 * (1 + 2) * 192);
    assert_eq!((inference.gradients, inference.moments), (0, 0));
    assert_eq!(inference.staging, 3 * 2 * 20 * 4);
}

#[test]
fn a_concat_is_a_list_of_pieces_and_gradients_meet() {
    let training = plan(&skip(Activation::Relu), (1, 5, 5), Mode::Training);
    assert_eq!(training.nodes[4].pieces, [training.nodes[3].pieces[0], training.nodes[1].pieces[0]]);
    assert_eq!(alive(&training, 4, Purpose::Value), None);
    // b reads both; a's gradient is complete only after the pooling, which read it first.
    let gradient = training.pieces[training.nodes[1].pieces[0]].gradient.unwrap();
    assert_eq!(training.nodes[5].routes[1], Route::Direct { gradient, accumulate: false, last: false });
    assert_eq!(training.nodes[2].routes, [Route::Direct { gradient, accumulate: true, last: true }]);
    // Alive from b's backward step to a's own.
    assert_eq!((training.backward_step(5), training.backward_step(1)), (10, 18));
    assert_eq!(alive(&training, 1, Purpose::Gradient), Some((10, 18)));
    // The upsampled map is needed for b's weights only, and a for where its maxima were.
    assert_eq!(alive(&training, 3, Purpose::Value), Some((3, 9)));
    assert_eq!(alive(&training, 1, Purpose::Value), Some((1, 16)));
    // The result of the max pooling is needed by nobody later than the upsampling.
    assert_eq!(alive(&training, 2, Purpose::Value), Some((2, 3)));
    // A plane of 5x5 takes 2 lines and one more to make them odd; the pooled map has 3x3.
    let size = |node: usize| {
        let buffer = training.buffers.iter().find(|buffer| buffer.node == node).unwrap();
        (buffer.h, buffer.w, buffer.floats)
    };
    assert_eq!(size(1), (5, 5, 17 * 3 * 16));
    assert_eq!(size(2), (3, 3, 17 * 16));
}

#[test]
fn only_silu_keeps_what_came_before_it() {
    for activation in Activation::ALL {
        let before = |mode| alive(&plan(&skip(activation), (1, 5, 5), mode), 1, Purpose::BeforeActivation);
        // Until the last contribution, in the pooling's backward step.
        let expected = (activation == Activation::Silu).then_some((1, 16));
        assert_eq!(before(Mode::Training), expected, "{activation:?}");
        assert_eq!(before(Mode::Inference), None, "{activation:?}");
    }
}

#[test]
fn options_keep_more_alive() {
    let shape = Shape { n: 1, h: 4, w: 5 };
    let options = PlanOptions { input_gradient: true, keep_values: true, ..PlanOptions::new(Mode::Training) };
    let plan = MemoryPlan::new(&two_layers(), shape, options).unwrap();
    assert_eq!(alive(&plan, 0, Purpose::Gradient), Some((9, 12)));
    for node in 0..3 {
        assert_eq!(alive(&plan, node, Purpose::Value).unwrap().1, 12);
    }
    // Three values (1, 2, 1 channels), and two gradients at a time (2, 1).
    assert_eq!(plan.bytes.arena, 7 * 192);
}

#[test]
fn buffers_alive_together_lie_apart() {
    for name in crate::Architecture::shipped_names() {
        let architecture = crate::Architecture::shipped(name).unwrap();
        let net = crate::solve::for_weights(&architecture, 60_000, 1, 1).unwrap();
        for mode in [Mode::Training, Mode::Inference] {
            let plan = plan(&net, (2, 37, 53), mode);
            for (i, a) in plan.buffers.iter().enumerate() {
                assert!(a.offset % 16 == 0 && a.offset + a.floats <= plan.arena_floats);
                for b in &plan.buffers[..i] {
                    let apart = a.offset + a.floats <= b.offset || b.offset + b.floats <= a.offset;
                    assert!(!a.meets(b) || apart, "{name}: {a:?} and {b:?}");
                }
            }
            // What is alive at the same time cannot be less; placing comes within three hundredths of that.
            let least = lower_bound(&plan.buffers);
            assert!(plan.arena_floats >= least);
            assert!(
                plan.arena_floats * 100 <= least * 103,
                "{name} {mode:?}: {} of {least}",
                plan.arena_floats
            );
        }
    }
}

fn buffer(floats: usize, first: usize, last: usize) -> Buffer {
    let (node, purpose) = (0, Purpose::Value);
    Buffer { node, purpose, channels: 1, h: 1, w: 1, offset: 0, floats, first, last, idle: None }
}

#[test]
fn a_gap_is_filled() {
    // The two of 32 are apart in time and share an address; the 48 lies beside them.
    let mut buffers = [buffer(32, 0, 1), buffer(48, 1, 2), buffer(32, 2, 3)];
    assert_eq!(place(&mut buffers), Some(80));
    assert_eq!(buffers[0].offset, buffers[2].offset);
    // One that is idle lends its address.
    let mut buffers = [Buffer { idle: Some((2, 3)), ..buffer(32, 0, 5) }, buffer(32, 2, 3)];
    assert_eq!(place(&mut buffers), Some(32));
    assert!(!buffers[0].meets(&buffers[1]) && buffers[0].needed_in(4) && !buffers[0].needed_in(3));
}

/// A wide map, pooled and brought back, on the way to a peak that it has no part in.
#[test]
fn a_map_is_dropped_where_memory_is_fullest() {
    let pool = Op::Pool { kind: PoolKind::Max, factor: 2 };
    let upsample = Op::Upsample { factor: 2, mode: UpsampleMode::Bilinear };
    let net = |last: usize| {
        let nodes = vec![
            node("input", Op::Input, &[], 1, 1),
            node("a", conv(1, Activation::Relu), &[0], 4, 1),
            node("down", pool, &[1], 4, 2),
            node("b", conv(4, Activation::Relu), &[2], 4, 2),
            node("up", upsample, &[3], 4, 1),
            node("c", conv(4, Activation::Relu), &[4], last, 1),
            node("d", conv(last, Activation::None), &[5], 1, 1),
            node("output", Op::Output, &[6], 1, 1),
        ];
        Net::new("hourglass", nodes).unwrap()
    };
    let idle = |plan: &MemoryPlan, node: usize| {
        plan.buffers
            .iter()
            .find(|buffer| (buffer.node, buffer.purpose) == (node, Purpose::Value))
            .unwrap()
            .idle
    };
    // Many channels at the end: both are dropped while d works, and made again for the weights of b and c; so is a,
    // from which one of them is made.
    let wide = plan(&net(30), (1, 16, 16), Mode::Training);
    let weights = |plan: &MemoryPlan, node: usize| plan.backward_step(node) - 1;
    assert_eq!(idle(&wide, 4), Some((6, weights(&wide, 5) - 1)));
    assert_eq!(idle(&wide, 2), Some((4, weights(&wide, 3) - 1)));
    assert_eq!(idle(&wide, 1), Some((3, weights(&wide, 3) - 1)));
    assert_eq!(wide.nodes[5].again, wide.nodes[4].pieces);
    assert_eq!(wide.nodes[3].again, [wide.nodes[1].pieces[0], wide.nodes[2].pieces[0]]);
    // Few: the peak is where c is computed from the upsampled map, which cannot be dropped then.
    let slim = plan(&net(1), (1, 16, 16), Mode::Training);
    assert_eq!(idle(&slim, 4), None);
    // Values that are to be read afterwards are kept.
    let options = PlanOptions { keep_values: true, ..PlanOptions::new(Mode::Training) };
    let kept = MemoryPlan::new(&net(30), wide.shape, options).unwrap();
    assert!(kept.nodes.iter().all(|node| node.again.is_empty()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_buffers_alive_together_lie_apart(
        intervals in proptest::collection::vec((1_usize..50, 0_usize..20, 0_usize..20, any::<bool>()), 1..40)
    ) {
        let mut buffers: Vec<_> = intervals
            .iter()
            .map(|&(size, first, length, pauses)| {
                let idle = (pauses && length > 2).then_some((first + 1, first + length / 2));
                Buffer { idle, ..buffer(16 * size, first, first + length) }
            })
            .collect();
        let arena = place(&mut buffers).unwrap();
        prop_assert!(lower_bound(&buffers) <= arena);
        prop_assert!(buffers.iter().all(|buffer| buffer.offset + buffer.floats <= arena));
        for (i, a) in buffers.iter().enumerate() {
            for b in &buffers[..i] {
                let apart = a.offset + a.floats <= b.offset || b.offset + b.floats <= a.offset;
                prop_assert!(!a.meets(b) || apart, "{a:?} and {b:?}");
            }
        }
    }
}

#[test]
fn absurd_shapes_are_errors() {
    let net = two_layers();
    for (n, h, w) in [(0, 4, 4), (1, 0, 4), (1, 4, 0)] {
        let error = MemoryPlan::new(&net, Shape { n, h, w }, PlanOptions::new(Mode::Training)).unwrap_err();
        assert_eq!(error, PlanError::Empty { n, h, w });
    }
    for mode in [Mode::Training, Mode::Inference] {
        let shape = Shape { n: 1, h: usize::MAX / 2, w: usize::MAX / 2 };
        let error = MemoryPlan::new(&net, shape, PlanOptions::new(mode)).unwrap_err();
        assert!(matches!(error, PlanError::TooLarge { .. }));
    }
}

#[test]
fn the_largest_image_fits_and_the_next_does_not() {
    let net = skip(Activation::Relu);
    for options in [Mode::Training, Mode::Inference].map(PlanOptions::new) {
        let bytes = |h, w| net.bytes(h, w, options).unwrap();
        for budget in [100_000, 5_000_000, 8 << 30] {
            let Some((h, w)) = largest_image(&net, options, budget, 1.0) else {
                assert!(bytes(16, 16) > budget);
                continue;
            };
            assert_eq!(h, w);
            assert!(bytes(h, w) <= budget && bytes(h + 16, w + 16) > budget);
        }
        let (h, w) = largest_image(&net, options, 50_000_000, 2.0).unwrap();
        assert_eq!(w, 2 * h);
        let (h, w) = largest_image(&net, options, 50_000_000, 0.5).unwrap();
        assert_eq!(h, 2 * w);
    }
    assert_eq!(largest_image(&net, PlanOptions::new(Mode::Inference), 100, 1.0), None);
    assert_eq!(largest_image(&net, PlanOptions::new(Mode::Training), 1000, f64::NAN), None);
}

#[test]
fn direct_convolutions_are_planned_without_the_scratch_of_tiles() {
    let net = crate::solve::for_weights(&crate::Architecture::load("unet").unwrap(), 60_000, 1, 1).unwrap();
    for mode in [Mode::Training, Mode::Inference] {
        let tiles = PlanOptions::new(mode);
        let direct = PlanOptions { exact: true, ..tiles };
        let needed = net.bytes(256, 256, direct).unwrap();
        assert!(needed < net.bytes(256, 256, tiles).unwrap());
        assert_eq!(largest_image(&net, direct, needed, 1.0), Some((256, 256)));
        assert!(largest_image(&net, tiles, needed, 1.0).unwrap() < (256, 256));
    }
}
