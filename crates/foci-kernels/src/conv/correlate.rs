//! The innermost loop of the gradient by weights: for one row of pixels, the sums over the row of
//! `broadcast[q][i] * vector[q + shift_k][lane]` for I channels i, K kernel columns k and 16 lanes, kept in
//! registers. Each sum runs along the row in order, at every level, and is added to memory once.

use crate::vector::{Vector, prefetch};
use crate::view::LANES;

/// Adds to `out`, [K][stride of `column` floats] of [I][16]. PARTS is 16 / V::LANES. On the way, `pixels`
/// pixels from `ahead` on, which may be any address, are fetched into the cache.
///
/// # Safety
/// The CPU has the level; `broadcast` is good for `pixels` * 16 floats less those before it in its pixel,
/// each of `vectors` for `pixels` * 16, `out` as described.
#[inline(always)]
pub(crate) unsafe fn correlate<V: Vector, const PARTS: usize, const I: usize, const K: usize>(
    broadcast: *const f32,
    vectors: [*const f32; K],
    pixels: usize,
    out: *mut f32,
    column: usize,
    ahead: *const f32,
) {
    // SAFETY: see above.
    unsafe {
        let mut sums = [[[V::splat(0.0); K]; PARTS]; I];
        for q in 0..pixels {
            let (x, at) = (broadcast.add(q * LANES), q * LANES);
            prefetch(ahead.wrapping_add(at));
            if PARTS * K <= I {
                let mut z = [[V::splat(0.0); K]; PARTS];
                for part in 0..PARTS {
                    for k in 0..K {
                        z[part][k] = V::load(vectors[k].add(at + part * V::LANES));
                    }
                }
                for i in 0..I {
                    let value = V::splat(*x.add(i));
                    for part in 0..PARTS {
                        for k in 0..K {
                            sums[i][part][k] = value.fused(z[part][k], sums[i][part][k]);
                        }
                    }
                }
            } else {
                let mut values = [V::splat(0.0); I];
                for i in 0..I {
                    values[i] = V::splat(*x.add(i));
                }
                for part in 0..PARTS {
                    for k in 0..K {
                        let z = V::load(vectors[k].add(at + part * V::LANES));
                        for i in 0..I {
                            sums[i][part][k] = values[i].fused(z, sums[i][part][k]);
                        }
                    }
                }
            }
        }
        for i in 0..I {
            for part in 0..PARTS {
                for k in 0..K {
                    let to = out.add(k * column + i * LANES + part * V::LANES);
                    V::load(to).add(sums[i][part][k]).store(to);
                }
            }
        }
    }
}

/// [`correlate`] for `channels` channels of a block, as many at a time as the registers of the level hold.
///
/// # Safety
/// As for [`correlate`], with `broadcast` at the first channel of a block.
#[inline(always)]
pub(crate) unsafe fn correlate_block<V: Vector, const K: usize>(
    broadcast: *const f32,
    channels: usize,
    vectors: [*const f32; K],
    pixels: usize,
    out: *mut f32,
    column: usize,
    ahead: Option<*const f32>,
) {
    let mut i = 0;
    let mut ahead = ahead.unwrap_or(broadcast);
    // SAFETY: passed on to the caller; no more than `channels` channels are taken.
    unsafe {
        macro_rules! while_left {
            ($parts:literal, $($at_a_time:literal)*) => {{
                $(while channels - i >= $at_a_time {
                    let (x, to) = (broadcast.add(i), out.add(i * LANES));
                    correlate::<V, $parts, $at_a_time, K>(x, vectors, pixels, to, column, ahead);
                    ahead = broadcast;
                    i += $at_a_time;
                })*
            }};
        }
        match (V::LANES, K) {
            (16, 1) => while_left!(1, 16 8 4 2 1),
            (16, 4) => while_left!(1, 4 2 1),
            (16, _) => while_left!(1, 8 4 2 1),
            (_, 1) => while_left!(2, 4 2 1),
            (_, 4) => while_left!(2, 1),
            _ => while_left!(2, 2 1),
        }
    }
}

/// Adds the 16 lanes of `pixels` pixels to `out`, in four interleaved sums that are then added up.
///
/// # Safety
/// The CPU has the level; `from` is good for `pixels` * 16 floats and `out` for 16.
#[inline(always)]
pub(crate) unsafe fn sum_lanes<V: Vector>(from: *const f32, pixels: usize, out: *mut f32) {
    for lane in (0..LANES).step_by(V::LANES) {
        // SAFETY: see above.
        unsafe {
            let mut sums = [V::splat(0.0); 4];
            let whole = pixels / 4 * 4;
            for q in (0..whole).step_by(4) {
                for k in 0..4 {
                    sums[k] = sums[k].add(V::load(from.add((q + k) * LANES + lane)));
                }
            }
            for q in whole..pixels {
                sums[0] = sums[0].add(V::load(from.add(q * LANES + lane)));
            }
            let sum = sums[0].add(sums[1]).add(sums[2].add(sums[3]));
            V::load(out.add(lane)).add(sum).store(out.add(lane));
        }
    }
}
