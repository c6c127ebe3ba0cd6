//! The sums over tiles of the products of two channels' values, for every pair of channels, at each point.
//!
//! Lanes are channels, and no lane is ever added to another: a sum goes over the tiles of a block in their order, and
//! blocks follow one another. Sixteens of input channels are lanes, and each output channel is a number that all lanes
//! are multiplied by. Input channels that are left over are numbers themselves if output channels as lanes make fewer
//! vectors.

use super::super::apart;
use super::super::transform::kernel_gradients;
use super::values::{SET, TOGETHER, TOGETHER_FLOATS};
use crate::vector::Vector;

/// Which channels are lanes and which are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pairs {
    channels_out: usize,
    channels_in: usize,
    /// Sets of input channels that are lanes, and input channels after them that are numbers.
    sets: usize,
    rest: usize,
}

/// The values of some sets of channels at one point.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub start: *const f32,
    /// Floats from a set of channels to the next.
    pub set: usize,
}

impl Side {
    /// Those of the sets from `set` on.
    #[inline(always)]
    fn from(self, set: usize) -> Side {
        Side { start: self.start.wrapping_add(set * self.set), ..self }
    }
}

impl Pairs {
    pub fn new(channels_out: usize, channels_in: usize) -> Pairs {
        let left = channels_in % SET;
        let turned = left * channels_out.div_ceil(SET) < channels_out;
        let (sets, rest) = if turned { (channels_in / SET, left) } else { (channels_in.div_ceil(SET), 0) };
        Pairs { channels_out, channels_in, sets, rest }
    }

    /// Floats of the sums of pairs with inputs as lanes, `[channel out][channel in]`. Those with outputs as lanes come
    /// after them, `[channel in][channel out]`.
    fn first_floats(&self) -> usize {
        self.channels_out * self.sets * SET
    }

    /// Floats from one point to the next.
    pub fn point(&self) -> usize {
        apart(self.first_floats() + self.rest * self.channels_out.next_multiple_of(SET))
    }

    /// Adds the products of so many eights of tiles to the sums of one point.
    ///
    /// # Safety
    /// The CPU has the level; both sides have so many tiles, and all channels.
    #[inline(always)]
    pub unsafe fn add<V: Vector>(&self, outputs: Side, inputs: Side, eights: usize, to: *mut f32) {
        // SAFETY: passed on to the caller.
        unsafe {
            add::<V>((outputs, self.channels_out), (inputs, self.sets), eights, to);
            if self.rest > 0 {
                let rest = inputs.from(self.sets);
                let sets = self.channels_out.div_ceil(SET);
                add::<V>((rest, self.rest), (outputs, sets), eights, to.add(self.first_floats()));
            }
        }
    }

    /// Gᵀ u G of every pair of channels, to `to[tap][channel out][channel in]`.
    ///
    /// # Safety
    /// The CPU has the level; `sums` are those of all points, and `to` has room.
    #[inline(always)]
    pub unsafe fn back<V: Vector>(&self, sums: *const f32, to: *mut f32) {
        let Pairs { channels_out, channels_in, sets, rest } = *self;
        // SAFETY: passed on to the caller.
        unsafe {
            for o in 0..channels_out {
                for i in (0..channels_in.min(sets * SET)).step_by(V::LANES) {
                    let taps = kernel_gradients::<V>(sums.add(o * sets * SET + i), self.point());
                    for (tap, value) in taps.into_iter().enumerate() {
                        let to = to.add((tap * channels_out + o) * channels_in + i);
                        value.store_part(to, V::LANES.min(channels_in - i));
                    }
                }
            }
            let sums = sums.add(self.first_floats());
            for i in 0..rest {
                for o in (0..channels_out).step_by(V::LANES) {
                    let taps = kernel_gradients::<V>(
                        sums.add(i * channels_out.next_multiple_of(SET) + o),
                        self.point(),
                    );
                    for (tap, value) in taps.into_iter().enumerate() {
                        let mut lanes = [0.0; SET];
                        value.store(lanes.as_mut_ptr());
                        for (o, value) in (o..channels_out).zip(&lanes[..V::LANES]) {
                            *to.add((tap * channels_out + o) * channels_in + sets * SET + i) = *value;
                        }
                    }
                }
            }
        }
    }
}

/// Adds to `to[number][lane]` the products of all numbers with all sets of lanes, as many at a time as registers hold the
/// sums of.
#[inline(always)]
unsafe fn add<V: Vector>(
    (numbers, count): (Side, usize),
    (lanes, sets): (Side, usize),
    eights: usize,
    to: *mut f32,
) {
    let mut set = 0;
    while set < sets {
        // Sets together and the most numbers with them, so that sums, one set of lanes and one number fill the registers;
        // four sets are two and two, as one alone has to read a number for each of its products.
        let (together, most) = if const { V::REGISTERS == 32 } {
            match sets - set {
                1 => (1, 16),
                2 | 4 => (2, 12),
                _ => (3, 8),
            }
        } else if const { V::REGISTERS == 16 } {
            (1, 6)
        } else {
            (1, 2)
        };
        for number_set in 0..count.div_ceil(SET) {
            let count = SET.min(count - number_set * SET);
            let parts = count.div_ceil(most);
            for part in 0..parts {
                let (first, end) = (part * count / parts, (part + 1) * count / parts);
                let numbers = numbers.from(number_set).start.wrapping_add(first);
                let to = to.wrapping_add(((number_set * SET + first) * sets + set) * SET);
                let lanes = lanes.from(set);
                macro_rules! of_count {
                    ($sets:literal: $($count:literal)*) => {
                        match end - first {
                            // SAFETY: passed on to the caller.
                            $($count => unsafe { products::<V, $count, $sets>(numbers, lanes, eights, to, sets * SET) },)*
                            count => unreachable!("{count} numbers and {together} sets"),
                        }
                    };
                }
                if const { V::REGISTERS == 32 } {
                    match together {
                        1 => of_count!(1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16),
                        2 => of_count!(2: 1 2 3 4 5 6 7 8 9 10 11 12),
                        _ => of_count!(3: 1 2 3 4 5 6 7 8),
                    }
                } else if const { V::REGISTERS == 16 } {
                    of_count!(1: 1 2 3 4 5 6);
                } else {
                    of_count!(1: 1 2);
                }
            }
        }
        set += together;
    }
}

/// Adds to `to` the products of A numbers with S sets of lanes.
#[inline(always)]
unsafe fn products<V: Vector, const A: usize, const S: usize>(
    numbers: *const f32,
    lanes: Side,
    eights: usize,
    to: *mut f32,
    width: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        // A set is two vectors where they have eight lanes.
        let mut sums = [[[V::splat(0.0); 2]; S]; A];
        let vectors = const { SET / V::LANES };
        for eight in 0..eights {
            for tile in 0..TOGETHER {
                let at = eight * TOGETHER_FLOATS + tile * SET;
                let mut values = [[V::splat(0.0); 2]; S];
                for (s, values) in values.iter_mut().enumerate() {
                    for (p, value) in values[..vectors].iter_mut().enumerate() {
                        *value = V::load(lanes.start.add(s * lanes.set + at + p * V::LANES));
                    }
                }
                for (a, sums) in sums.iter_mut().enumerate() {
                    let number = V::splat(*numbers.add(at + a));
                    for (sums, values) in sums.iter_mut().zip(values) {
                        for (sum, value) in sums[..vectors].iter_mut().zip(values) {
                            *sum = value.fused(number, *sum);
                        }
                    }
                }
            }
        }
        for (a, sums) in sums.into_iter().enumerate() {
            for (s, sums) in sums.into_iter().enumerate() {
                for (p, sum) in sums[..vectors].iter().enumerate() {
                    let to = to.add(a * width + s * SET + p * V::LANES);
                    V::load(to).add(*sum).store(to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_left_over_are_numbers_where_that_makes_fewer_vectors() {
        let sets = |channels_out, channels_in| {
            let Pairs { sets, rest, .. } = Pairs::new(channels_out, channels_in);
            (sets, rest)
        };
        // One channel of 65 as a number: 5 vectors instead of 65.
        assert_eq!(sets(65, 65), (4, 1));
        assert_eq!(sets(32, 32), (2, 0));
        // Eight of 24 as numbers: 8 x 2 vectors instead of 24.
        assert_eq!(sets(24, 24), (1, 8));
        // Twelve as lanes and as numbers are alike.
        assert_eq!(sets(12, 12), (1, 0));
        assert_eq!(sets(5, 20), (1, 4));
        assert_eq!(sets(20, 5), (0, 5));
    }

    #[test]
    fn a_point_has_room_for_all_sums() {
        assert_eq!(Pairs::new(65, 65).point(), apart(65 * 64 + 80));
        assert_eq!(Pairs::new(5, 20).point(), apart(5 * 16 + 4 * 16));
    }
}
