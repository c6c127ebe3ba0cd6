//! The matrix product of one point: values of channels in x tiles times weights of channels in x channels out.

use crate::vector::Vector;

/// `to[m][tile] = sum over channels of weights[channel][m] from[channel][tile]` for `channels_out` channels, as the
/// products of a group; rows of `from` and `to` are `stride` floats apart, and `tiles` is a number of whole
/// vectors of 16.
///
/// # Safety
/// The CPU has the level; both have room.
#[inline(always)]
pub(super) unsafe fn product<V: Vector>(
    channels_out: usize,
    channels_in: usize,
    weights: *const f32,
    from: *const f32,
    to: *mut f32,
    stride: usize,
    tiles: usize,
) {
    macro_rules! of_count {
        ($($count:literal $vectors:literal)*) => {
            match channels_out {
                // SAFETY: passed on to the caller.
                $($count => unsafe { columns::<V, $count, $vectors>(channels_in, weights, from, to, stride, tiles) })*
                _ => unreachable!("a group of {channels_out} channels"),
            }
        };
    }
    // So many vectors that sums, one set of values and one weight fill the registers.
    if const { V::REGISTERS == 32 } {
        of_count!(1 8 2 8 3 6 4 6 5 4 6 4 7 3 8 3 9 3 10 2 11 2 12 2);
    } else if const { V::REGISTERS == 16 } {
        of_count!(1 6 2 4 3 3 4 3 5 2 6 2);
    } else {
        of_count!(1 4 2 4 3 2 4 2);
    }
}

#[inline(always)]
unsafe fn columns<V: Vector, const M: usize, const P: usize>(
    channels: usize,
    weights: *const f32,
    from: *const f32,
    to: *mut f32,
    stride: usize,
    tiles: usize,
) {
    let mut at = 0;
    // SAFETY: passed on to the caller.
    unsafe {
        while at + P * V::LANES <= tiles {
            block::<V, M, P>(channels, weights, from.add(at), to.add(at), stride);
            at += P * V::LANES;
        }
        while at < tiles {
            block::<V, M, 1>(channels, weights, from.add(at), to.add(at), stride);
            at += V::LANES;
        }
    }
}

#[inline(always)]
unsafe fn block<V: Vector, const M: usize, const P: usize>(
    channels: usize,
    weights: *const f32,
    from: *const f32,
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums = [[V::splat(0.0); P]; M];
        for channel in 0..channels {
            let from = from.add(channel * stride);
            let mut values = [V::splat(0.0); P];
            for (p, value) in values.iter_mut().enumerate() {
                *value = V::load(from.add(p * V::LANES));
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                let weight = V::splat(*weights.add(channel * M + m));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = value.fused(weight, *sum);
                }
            }
        }
        for (m, sums) in sums.into_iter().enumerate() {
            for (p, sum) in sums.into_iter().enumerate() {
                sum.store(to.add(m * stride + p * V::LANES));
            }
        }
    }
}
