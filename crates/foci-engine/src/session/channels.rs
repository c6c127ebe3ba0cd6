//! Moving runs of channels between maps whose blocks of 16 do not line up.
//!
//! Concatenation is only a list of maps, and nearly every operation takes such lists as they are. These loops serve
//! the two that cannot: an add of maps that are divided differently, and a transposed convolution of a concat. They
//! are plain and run on one thread.

use foci_kernels::{Arena, LANES, View};

/// Adds channels `from_first..from_first + count` of `from` to channels `to_first..` of `to`; with `overwrite`, what
/// is there is forgotten first. The views must differ in nothing but offset and channels, and lie apart.
pub(in crate::session) fn move_channels(
    arena: &mut Arena,
    (from, from_first): (View, usize),
    (to, to_first): (View, usize),
    count: usize,
    overwrite: bool,
) {
    let pixels = from.h * from.w;
    // One view over the whole arena, since source and destination are both in it.
    let all = View::new(0, 1, LANES, 1, arena.floats() / LANES);
    let floats = arena.values_mut(&all);
    for image in 0..from.n {
        for channel in 0..count {
            let start = |view: &View, channel: usize| {
                let block = view.offset + image * view.image_floats() + channel / LANES * view.block_floats();
                block + channel % LANES
            };
            let (source, destination) = (start(&from, from_first + channel), start(&to, to_first + channel));
            for pixel in 0..pixels {
                let value = floats[source + pixel * LANES];
                let place = &mut floats[destination + pixel * LANES];
                *place = if overwrite { value } else { *place + value };
            }
        }
    }
}
